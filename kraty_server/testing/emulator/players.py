"""Who is this player? Players by their external id: found, made on first contact, registered."""

from __future__ import annotations

import uuid
from typing import Any

from kraty_server.testing.emulator.context import RequestContext
from kraty_server.testing.emulator.errors import not_found
from kraty_server.testing.emulator.outbox import emit
from kraty_server.testing.emulator.state import Row, json_or_none


def find_player(context: RequestContext, external_id: str) -> Row | None:
    """The player with an id of the studio's, in this world."""
    sql = "SELECT * FROM players WHERE world = ? AND external_id = ?"
    return context.state.one(sql, context.world, external_id)


def require_player(context: RequestContext, external_id: str) -> Row:
    """The player, or 404."""
    if (found := find_player(context, external_id)) is None:
        raise not_found(f"player {external_id!r}")
    return found


def get_or_create_player(context: RequestContext, external_id: str) -> Row:
    """The player, made on first contact."""
    if (found := find_player(context, external_id)) is None:
        public_id = str(uuid.uuid4())
        context.state.insert(
            "players",
            public_id=public_id,
            world=context.world,
            external_id=external_id,
            created_at=context.at,
            updated_at=context.at,
            pool_name=f"Player {public_id[:4].upper()}",
        )
        found = require_player(context, external_id)
    return found


def player_ids(player: Row) -> dict[str, Any]:
    """How answers and webhooks name a player."""
    return {"playerId": player["public_id"], "externalPlayerId": player["external_id"]}


def register_player(context: RequestContext, player: Row, context_snapshot: Any = None) -> None:
    """Register a player, once, as the game's client would."""
    sql = "UPDATE players SET registered_at = coalesce(registered_at, ?), context = coalesce(?, context) WHERE id = ?"
    context.state.run(sql, context.at, json_or_none(context_snapshot), player["id"])
    if player["registered_at"] is None:
        emit(context, "player.registered", player_ids(player))


def ban_player(context: RequestContext, player: Row, reason: str) -> dict[str, Any]:
    """Ban a player; a second ban keeps the time of the first, and only takes the new reason."""
    first = player["banned_at"] is None
    banned_at = context.at if first else player["banned_at"]
    sql = "UPDATE players SET banned_at = ?, ban_reason = ? WHERE id = ?"
    context.state.run(sql, banned_at, reason, player["id"])
    data = player_ids(player) | {"bannedAt": banned_at, "reason": reason}
    if first:
        emit(context, "player.banned", data)
    return data | {"applied": first}
