"""What happens because time passes? Grants and attempts expire, lobbies start and close."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from kraty_server.testing.emulator.clock import format_time, parse_time
from kraty_server.testing.emulator.context import RequestContext
from kraty_server.testing.emulator.lobbies import close_lobby, start_lobby
from kraty_server.testing.emulator.state import State

_LOBBIES: Final = """SELECT l.*, w.game, w.environment, g.studio FROM lobbies l JOIN worlds w ON w.id = l.world
    JOIN games g ON g.id = w.game WHERE l.status = '{status}' AND l.{at} <= ? ORDER BY l.{at} LIMIT 1"""
_NEXT_LOBBY: Final = (
    (_LOBBIES.format(status="forming", at="fill_by"), "fill_by", start_lobby),
    (_LOBBIES.format(status="active", at="ends_at"), "ends_at", close_lobby),
)
NEXT_DUE: Final = """SELECT min(at) FROM (
    SELECT min(expires_at) AS at FROM grants WHERE status = 'pending' AND expires_at IS NOT NULL
    UNION ALL SELECT min(ends_at) FROM attempts WHERE status = 'in_progress'
    UNION ALL SELECT min(fill_by) FROM lobbies WHERE status = 'forming'
    UNION ALL SELECT min(ends_at) FROM lobbies WHERE status = 'active')"""


def catch_up(state: State, now: datetime) -> None:
    """Do all that fell due, each change at its own time, however far the clock was moved."""
    at = format_time(now)
    sql = "UPDATE grants SET status = 'expired' WHERE status = 'pending' AND expires_at IS NOT NULL AND expires_at <= ?"
    state.run(sql, at)
    state.run("UPDATE attempts SET status = 'expired' WHERE status = 'in_progress' AND ends_at <= ?", at)
    while found := [
        (lobby[column], lobby, change)
        for sql, column, change in _NEXT_LOBBY
        if (lobby := state.one(sql, at)) is not None
    ]:
        due_at, lobby, change = min(found, key=lambda each: each[0])
        context = RequestContext(
            state=state,
            now=parse_time(due_at),
            world=lobby["world"],
            game=lobby["game"],
            studio=lobby["studio"],
            environment=lobby["environment"],
            origin="engine",
            operation="lobbies.push",
        )
        change(context, lobby["id"])
    state.next_due = next_due(state)


def next_due(state: State) -> str | None:
    """When the next of these things happens, if any is to come."""
    found: str | None = state.value(NEXT_DUE)
    return found
