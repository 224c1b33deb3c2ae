"""What was granted? The tab Grants, and the page of one grant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from kraty_server.testing.server.page import parts
from kraty_server.testing.server.page.html import Html, join, json_block, link, tag
from kraty_server.testing.server.page.parts import Column
from kraty_server.testing.server.page.queries import ROWS, Filter, Listing, equal, like, list_rows
from kraty_server.testing.server.page.view import NotHere, View

COLUMNS: Final = (
    Column("Grant", "main"),
    Column("Player"),
    Column("Status", "bare"),
    Column("Kind", "bare"),
    Column("Contents", "bare"),
    Column("Key", "key"),
    Column("Made", "when"),
)
STATES: Final = ("pending", "claimed", "expired", "revoked")
GLANCE: Final = 3
"""Entries of a grant in its line."""


def read(view: View, *, indexed: Sequence[Filter] = (), filters: Sequence[Filter] = (), limit: int = ROWS) -> Listing:
    """The newest grants that fit."""
    return list_rows(
        view.state,
        "grants",
        columns="r.*, p.external_id",
        joins="JOIN players p ON p.id = r.player",
        indexed=indexed,
        filters=filters,
        before=view.before,
        limit=limit,
    )


def table(view: View, rows: Sequence[dict[str, Any]], *, player: bool = True) -> Html:
    """Grants; without the player where they are all of one."""
    kept = [n for n, column in enumerate(COLUMNS) if player or column.title != "Player"]
    lines = [
        (
            f"grant-{row['id']}",
            (
                link(f"/grants/{row['id']}", row["id"], class_="id whole"),
                parts.player_link(view.world(row["world"]), row["external_id"]),
                parts.chip(row["status"]),
                row["kind"],
                contents(row["contents"]),
                parts.code(row["idempotency_key"]),
                parts.moment(view, row["created_at"]),
            ),
        )
        for row in rows
    ]
    return parts.table("Grants", [COLUMNS[n] for n in kept], [(key, [cells[n] for n in kept]) for key, cells in lines])


def contents(text: str) -> Html:
    """What is in a grant, in a few words."""
    decoded: dict[str, Any] = json.loads(text)
    entries: list[dict[str, Any]] = decoded.get("entries") or [decoded]
    shown = [tag("span", _entry(entry)) for entry in entries[:GLANCE]]
    more = tag("span", "and more", class_="muted") if len(entries) > GLANCE else None
    return tag("span", shown, more, class_="glance")


def _entry(entry: dict[str, Any]) -> Html:
    name = next((entry[key] for key in ("currencyKey", "itemKey", "crateKey", "type") if key in entry), "something")
    number = entry.get("amount", entry.get("quantity"))
    return join(tag("bdi", str(name)), " ", parts.amount(number) if isinstance(number, int | float) else None)


def show(view: View) -> Html:
    """The tab."""
    found: list[Filter] = view.world_filter("r.world")
    if (search := view.get("q")) is not None:
        found.append(like(search, "p.external_id", "r.id", "r.idempotency_key", "r.contents", "r.source_ref_id"))
    if (status := view.get("status")) is not None:
        found.append(equal("r.status", status))
    listing = read(view, indexed=view.player_filter("player"), filters=found)
    return join(
        parts.title("Grants"),
        parts.filters(
            view,
            parts.world_select(view),
            parts.words_select(view, "status", "Status", STATES),
            search="Player, grant, key, contents",
        ),
        parts.listed(
            view,
            listing,
            "grants",
            table(view, listing.rows),
            empty=join(
                tag("p", "Nothing was granted yet. A grant waits for its player until it is acknowledged or expires."),
                parts.example(
                    'kraty.grants.create(\n    "player_42",\n'
                    '    entries=[{"type": "currency", "currencyKey": "gold", "amount": 5}],\n'
                    '    idempotency_key="receipt_1",\n)'
                ),
            ),
        ),
    )


def show_one(view: View, id: str) -> Html:
    """The page of a grant.

    Raises:
        NotHere: there is none with this id.
    """
    sql = "SELECT g.*, p.external_id FROM grants g JOIN players p ON p.id = g.player WHERE g.id = ?"
    if (grant := view.state.one(sql, id)) is None:
        raise NotHere(f"there is no grant {id!r}")
    world = view.world(grant["world"])
    parent = grant["parent"]
    return join(
        parts.title(join("Grant ", tag("code", grant["id"])), parts.chip(grant["status"])),
        parts.facts(
            [
                ("Player", parts.player_link(world, grant["external_id"])),
                ("Environment", world.name),
                ("Kind", grant["kind"]),
                ("Idempotency key", parts.code(grant["idempotency_key"])),
                ("Source", grant["source_kind"]),
                ("Source reference", parts.code(grant["source_ref_id"])),
                ("From grant", link(f"/grants/{parent}", parent, class_="id") if parent else None),
                ("Made", parts.moment(view, grant["created_at"])),
                ("Expires", parts.moment(view, grant["expires_at"])),
                ("Rolled", parts.moment(view, grant["rolled_at"])),
                ("Claimed", parts.moment(view, grant["claimed_at"])),
            ]
        ),
        tag("h2", "Contents"),
        json_block(grant["contents"].encode(), "Contents", "contents"),
        join(tag("h2", "Metadata"), json_block(grant["metadata"].encode(), "Metadata", "metadata"))
        if grant["metadata"]
        else None,
    )
