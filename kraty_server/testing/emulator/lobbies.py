"""How does a lobby go from forming to active to closed?"""

from __future__ import annotations

from typing import Any

from kraty_server.testing.emulator.context import RequestContext
from kraty_server.testing.emulator.outbox import emit
from kraty_server.testing.emulator.state import Row


def find_lobby(context: RequestContext, lobby_id: str) -> Row | None:
    """A lobby of this world."""
    return context.state.one("SELECT * FROM lobbies WHERE id = ? AND world = ?", lobby_id, context.world)


def get_lobby(context: RequestContext, lobby_id: str) -> Row:
    """A lobby by its id, which exists."""
    found = find_lobby(context, lobby_id)
    assert found is not None
    return found


def lobby_payload(context: RequestContext, lobby: Row) -> dict[str, Any]:
    """A lobby as the API shows it; bots are those that would fill it up now."""
    members = context.state.count("SELECT count(*) FROM members WHERE lobby = ?", lobby["id"])
    return {
        "id": lobby["id"],
        "eventId": lobby["event"],
        "eventWindowId": lobby["window"],
        "leaderboardId": lobby["leaderboard"],
        "mode": lobby["mode"],
        "status": lobby["status"],
        "capacity": lobby["capacity"],
        "fillBy": lobby["fill_by"],
        "participantCount": members,
        "botSlots": lobby["capacity"] - members if lobby["fill_bots"] else 0,
        "startedAt": lobby["started_at"],
        "endsAt": lobby["ends_at"],
    }


def emit_lobby(context: RequestContext, lobby_id: str, event: str) -> None:
    """Emit a webhook about a lobby as it is now."""
    lobby = get_lobby(context, lobby_id)
    emit(context, event, {"key": lobby["key"], "lobby": lobby_payload(context, lobby)})


def start_lobby(context: RequestContext, lobby_id: str) -> None:
    """Forming to active: its time begins."""
    sql = "SELECT e.seconds FROM events e JOIN lobbies l ON l.event = e.id WHERE l.id = ?"
    ends_at = context.after(context.state.value(sql, lobby_id))
    sql = "UPDATE lobbies SET status = 'active', started_at = ?, ends_at = ? WHERE id = ?"
    context.state.run(sql, context.at, ends_at, lobby_id)
    context.state.schedule(ends_at)
    emit_lobby(context, lobby_id, "lobby.started")


def close_lobby(context: RequestContext, lobby_id: str) -> None:
    """Active to closed."""
    context.state.run("UPDATE lobbies SET status = 'closed' WHERE id = ?", lobby_id)
    emit_lobby(context, lobby_id, "lobby.closed")
