"""What was booked? The tab Ledger: each change of a balance or an item, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from kraty_server.testing.server.page import parts
from kraty_server.testing.server.page.html import Html, join, tag
from kraty_server.testing.server.page.parts import Column
from kraty_server.testing.server.page.queries import ROWS, Filter, Listing, equal, like, list_rows
from kraty_server.testing.server.page.view import View

COLUMNS: Final = (
    Column("Player", "main"),
    Column("Holding"),
    Column("Change", "number"),
    Column("After", "number"),
    Column("Reason"),
    Column("Operation"),
    Column("Key", "key"),
    Column("At", "when"),
)


def read(view: View, *, indexed: Sequence[Filter] = (), filters: Sequence[Filter] = (), limit: int = ROWS) -> Listing:
    """The newest rows that fit."""
    return list_rows(
        view.state,
        "ledger",
        columns="r.*, p.external_id, p.world",
        joins="JOIN players p ON p.id = r.player",
        indexed=indexed,
        filters=filters,
        before=view.before,
        limit=limit,
    )


def table(view: View, rows: Sequence[dict[str, Any]], *, player: bool = True) -> Html:
    """Rows of the ledger; without the player where they are all of one."""
    first = 0 if player else 1
    columns = COLUMNS[first:] if player else (Column("Holding", "main"), *COLUMNS[2:])
    return parts.table(
        "Ledger",
        columns,
        [
            (
                f"ledger-{row['id']}",
                (
                    parts.player_link(view.world(row["world"]), row["external_id"]),
                    join(tag("bdi", row["key"]), tag("span", " ", row["kind"], class_="small")),
                    parts.amount(row["delta"], signed=True),
                    parts.amount(row["amount"]),
                    row["reason"],
                    tag("code", row["operation"], class_="whole"),
                    parts.code(row["idempotency_key"]),
                    parts.moment(view, row["at"]),
                )[first:],
            )
            for row in rows
        ],
    )


def show(view: View) -> Html:
    """The tab."""
    found: list[Filter] = view.world_filter("p.world")
    if (search := view.get("q")) is not None:
        found.append(
            like(search, "p.external_id", "r.key", "r.reason", "r.idempotency_key", "r.source_ref_id", "r.operation")
        )
    if (kind := view.get("kind")) is not None:
        found.append(equal("r.kind", kind))
    listing = read(view, indexed=view.player_filter("player"), filters=found)
    return join(
        parts.title("Ledger"),
        parts.filters(
            view,
            parts.world_select(view),
            parts.words_select(view, "kind", "Kind", ("currency", "item")),
            search="Player, key, reason, idempotency key",
        ),
        parts.listed(
            view,
            listing,
            "bookings",
            table(view, listing.rows),
            empty=join(
                tag("p", "Nothing was booked yet. Each credit and each debit is a row here."),
                parts.example('kraty.wallet.credit("player_42", "gold", amount=500, idempotency_key="receipt_1")'),
            ),
        ),
    )
