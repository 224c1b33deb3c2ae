"""Which lobbies are there? The tab Lobbies, and the page of one lobby."""

from __future__ import annotations

from typing import Final

from kraty_server.testing.server.page import parts
from kraty_server.testing.server.page.html import Html, join, json_block, link, tag
from kraty_server.testing.server.page.parts import Column
from kraty_server.testing.server.page.queries import Filter, equal, like, list_rows
from kraty_server.testing.server.page.view import NotHere, View

COLUMNS: Final = (
    Column("Lobby", "main"),
    Column("Event"),
    Column("Environment", "bare"),
    Column("Status", "bare"),
    Column("Members", "number"),
    Column("Starts", "time"),
    Column("Ends", "time"),
)
STATES: Final = ("forming", "active", "closed")
MEMBERS: Final = 200
"""Members that are shown."""


def show(view: View) -> Html:
    """The tab."""
    found: list[Filter] = view.world_filter("r.world")
    if (search := view.get("q")) is not None:
        found.append(like(search, "r.id", "r.key", "e.key"))
    if (status := view.get("status")) is not None:
        found.append(equal("r.status", status))
    listing = list_rows(
        view.state,
        "lobbies",
        columns="r.*, e.key AS event_key, (SELECT count(*) FROM members m WHERE m.lobby = r.id) AS members",
        joins="JOIN events e ON e.id = r.event",
        filters=found,
        before=view.before,
    )
    lines = [
        (
            f"lobby-{row['id']}",
            (
                link(f"/lobbies/{row['id']}", row["id"], class_="id"),
                tag("bdi", row["event_key"]),
                view.label(view.world(row["world"])),
                parts.chip(row["status"]),
                f"{row['members']:,} / {row['capacity']:,}",
                parts.moment(view, row["started_at"] or row["fill_by"]),
                parts.moment(view, row["ends_at"]),
            ),
        )
        for row in listing.rows
    ]
    return join(
        parts.title("Lobbies"),
        parts.filters(
            view,
            parts.world_select(view),
            parts.words_select(view, "status", "Status", STATES),
            search="Lobby or event",
        ),
        parts.listed(
            view,
            listing,
            "lobbies",
            parts.table("Lobbies", COLUMNS, lines),
            empty=tag(
                "p",
                "There are no lobbies. Seed an event, then push players into a lobby of it with kraty.lobbies.push().",
            ),
        ),
    )


def show_one(view: View, id: str) -> Html:
    """The page of a lobby.

    Raises:
        NotHere: there is none with this id.
    """
    sql = "SELECT l.*, e.key AS event_key FROM lobbies l JOIN events e ON e.id = l.event WHERE l.id = ?"
    if (lobby := view.state.one(sql, id)) is None:
        raise NotHere(f"there is no lobby {id!r}")
    world = view.world(lobby["world"])
    sql = "SELECT p.id, p.external_id FROM members m JOIN players p ON p.id = m.player WHERE m.lobby = ? LIMIT ?"
    members = view.state.rows(sql, id, MEMBERS)
    total = view.state.value("SELECT count(*) FROM members WHERE lobby = ?", id)
    return join(
        parts.title(join("Lobby ", tag("code", lobby["id"])), parts.chip(lobby["status"])),
        parts.facts(
            [
                ("Event", tag("bdi", lobby["event_key"])),
                ("Environment", world.name),
                ("Key", parts.code(lobby["key"])),
                ("Mode", lobby["mode"]),
                ("Members", f"{total:,} of {lobby['capacity']:,}"),
                ("Bots fill it", "yes" if lobby["fill_bots"] else "no"),
                ("Made", parts.moment(view, lobby["created_at"])),
                ("Fills until", parts.moment(view, lobby["fill_by"])),
                ("Started", parts.moment(view, lobby["started_at"])),
                ("Ends", parts.moment(view, lobby["ends_at"])),
            ]
        ),
        tag("h2", "Members"),
        parts.table(
            "Members",
            [Column("Player", "main")],
            [(f"member-{m['id']}", [parts.player_link(world, m["external_id"])]) for m in members],
        ),
        tag("p", f"The first {MEMBERS} of {total:,}.", class_="note") if total > MEMBERS else None,
        join(tag("h2", "Metadata"), json_block(lobby["metadata"].encode(), "Metadata", "metadata"))
        if lobby["metadata"]
        else None,
    )
