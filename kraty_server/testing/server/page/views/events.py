"""Which events and leaderboards are there, and how far are their players? The tab Events and boards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from kraty_server.testing.emulator.json_body import js_number
from kraty_server.testing.emulator.state import Row
from kraty_server.testing.server.page import parts
from kraty_server.testing.server.page.html import Html, join, link, tag, url
from kraty_server.testing.server.page.parts import Column
from kraty_server.testing.server.page.queries import Filter, like, list_rows
from kraty_server.testing.server.page.view import NotHere, View, World

EVENTS: Final = (
    Column("Event", "main"),
    Column("State", "bare"),
    Column("Mode"),
    Column("Metrics"),
    Column("Lasts", "number"),
)
BOARDS: Final = (Column("Leaderboard", "main"), Column("Ranked by"), Column("Best is"))
ATTEMPTS: Final = (
    Column("Attempt", "main"),
    Column("Event"),
    Column("Player"),
    Column("Status", "bare"),
    Column("Metrics"),
    Column("Started", "time"),
    Column("Ends", "time"),
)
RANKS: Final = (Column("Rank", "number"), Column("Player", "main"), Column("Score", "number"), Column("At", "when"))
TOP: Final = 100
"""Scores on the page of a board."""


def show(view: View) -> Html:
    """The tab: all events and boards that fit, and the newest attempts."""
    search = view.get("q")
    named = [like(search, "r.key", "r.id")] if search is not None else []
    events = list_rows(view.state, "events", filters=named)
    boards = list_rows(view.state, "leaderboards", filters=named)
    found: list[Filter] = view.world_filter("p.world")
    if search is not None:
        found.append(like(search, "e.key", "p.external_id", "r.id"))
    attempts = list_rows(
        view.state,
        "attempts",
        columns="r.*, e.key AS event_key, p.external_id, p.world",
        joins="JOIN events e ON e.id = r.event JOIN players p ON p.id = r.player",
        indexed=view.player_filter("player"),
        filters=found,
        before=view.before,
    )
    if not (events.total or boards.total):
        return join(
            parts.title("Events and boards"),
            tag(
                "div",
                tag("p", "There are none. Open Control above, and seed some:"),
                parts.example(
                    '{"events": [{"key": "hunt", "metrics": ["kills"]}], "leaderboards": [{"key": "weekly"}]}'
                ),
                class_="empty",
            ),
        )
    return join(
        parts.title("Events and boards"),
        parts.filters(view, parts.world_select(view), search="Event, board, player"),
        _section("Events", events.total, len(events.rows), _events(events.rows)),
        _section("Leaderboards", boards.total, len(boards.rows), _boards(boards.rows)),
        tag("h2", "Attempts"),
        parts.listed(
            view, attempts, "attempts", _attempts(view, attempts.rows), empty=tag("p", "Nobody has started one.")
        ),
    )


def _section(name: str, total: int, shown: int, table: Html) -> Html:
    says = f"{shown:,} of {total:,} are shown; search for the others." if shown < total else None
    return tag(
        "section",
        tag("h2", name, " ", tag("span", f"{total:,}", class_="badge")),
        table if shown else tag("p", "None.", class_="muted"),
        tag("p", says, class_="note") if says else None,
    )


def _events(rows: Sequence[Row]) -> Html:
    return parts.table(
        "Events",
        EVENTS,
        [
            (
                f"event-{row['id']}",
                (
                    join(tag("bdi", row["key"]), tag("span", " ", row["game"], class_="small")),
                    parts.chip("enabled" if row["enabled"] else "disabled"),
                    row["mode"].replace("_", " "),
                    ", ".join(json.loads(row["metrics"])),
                    f"{js_number(row['seconds']):,} s",
                ),
            )
            for row in rows
        ],
    )


def _boards(rows: Sequence[Row]) -> Html:
    return parts.table(
        "Leaderboards",
        BOARDS,
        [
            (
                f"board-{row['id']}",
                (
                    join(
                        link(f"/boards/{row['id']}", row["key"], class_="id"),
                        tag("span", " ", row["game"], class_="small"),
                    ),
                    row["ranked_by"],
                    "lowest" if row["ascending"] else "highest",
                ),
            )
            for row in rows
        ],
    )


def _attempts(view: View, rows: Sequence[Row]) -> Html:
    return parts.table(
        "Attempts",
        ATTEMPTS,
        [
            (
                f"attempt-{row['id']}",
                (
                    parts.code(row["id"]),
                    tag("bdi", row["event_key"]),
                    parts.player_link(view.world(row["world"]), row["external_id"]),
                    parts.chip(row["status"]),
                    tag(
                        "span",
                        [tag("span", f"{k} {js_number(v):,}") for k, v in json.loads(row["raw"]).items()],
                        class_="glance",
                    ),
                    parts.moment(view, row["started_at"]),
                    parts.moment(view, row["ends_at"]),
                ),
            )
            for row in rows
        ],
    )


def _world_select(view: View, board: Row, world: World) -> Html:
    worlds = [(each.name, view.label(each)) for each in view.worlds if each.game == board["game"]]
    return parts.select("world", "Environment", worlds, world.name)


def show_board(view: View, id: str) -> Html:
    """The page of a board: the best of one world and one segment.

    Raises:
        NotHere: there is none with this id.
    """
    if (board := view.state.one("SELECT * FROM leaderboards WHERE id = ?", id)) is None:
        raise NotHere(f"there is no leaderboard {id!r}")
    world = view.chosen_world or view.world_of_game(board["game"], "test") or view.worlds[0]
    sql = "SELECT DISTINCT segment FROM scores WHERE leaderboard = ? AND world = ? ORDER BY segment LIMIT ?"
    segments = [row["segment"] for row in view.state.rows(sql, id, world.id, TOP)]
    segment = view.query.get("segment", segments[0] if segments else "")
    order = "s.score, s.number" if board["ascending"] else "s.score DESC, s.number"
    sql = f"""SELECT s.*, p.external_id FROM scores s JOIN players p ON p.id = s.player WHERE s.leaderboard = ?
              AND s.world = ? AND s.segment = ? AND p.banned_at IS NULL ORDER BY {order} LIMIT ?"""  # noqa: S608  # ours
    rows = view.state.rows(sql, id, world.id, segment, TOP)
    lines = [
        (
            f"score-{row['number']}",
            (
                rank,
                parts.player_link(world, row["external_id"]),
                parts.amount(js_number(row["score"])),
                parts.moment(view, row["at"]),
            ),
        )
        for rank, row in enumerate(rows, 1)
    ]
    ways = [
        link(url(view.path, world=world.name, segment=each), each, aria_current="true" if each == segment else None)
        for each in segments
        if each
    ]
    return join(
        parts.title(join("Leaderboard ", tag("bdi", board["key"]))),
        parts.facts(
            [
                ("Environment", world.name),
                ("Id", parts.code(board["id"])),
                ("Ranked by", board["ranked_by"]),
                ("Best is", "the lowest" if board["ascending"] else "the highest"),
                ("Segment", segment or None),
            ]
        ),
        parts.filters(view, _world_select(view, board, world), search=None),
        tag("nav", ways, class_="pager", aria_label="Segments") if ways else None,
        parts.table("Ranks", RANKS, lines) if lines else tag("p", "No scores yet.", class_="empty"),
        tag("p", f"The best {TOP}. Players who are banned have no rank.", class_="note") if len(rows) == TOP else None,
    )
