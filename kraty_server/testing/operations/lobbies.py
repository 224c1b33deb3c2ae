"""Lobbies: push and read."""

from __future__ import annotations

import uuid

from kraty_server.testing.emulator.errors import ApiError, not_found
from kraty_server.testing.emulator.lobbies import emit_lobby, find_lobby, get_lobby, lobby_payload, start_lobby
from kraty_server.testing.emulator.operation import OperationRequest, OperationResult
from kraty_server.testing.emulator.players import get_or_create_player
from kraty_server.testing.emulator.state import json_or_none
from kraty_server.testing.operations.events import require_event
from kraty_server.testing.operations.registry import handles


def _require_own_game(request: OperationRequest) -> None:
    game_id = request.path["gameId"]
    game = request.context.state.one("SELECT studio FROM games WHERE id = ?", game_id)
    if game is None:
        raise not_found(f"game {game_id!r}")
    if game["studio"] != request.context.studio:
        raise ApiError(403, "tenant_mismatch", "the game belongs to another studio")
    if game_id != request.context.game:
        raise ApiError(403, "forbidden", "the key is for another game")


@handles("lobbies.push")
def push(request: OperationRequest) -> OperationResult:
    """Make a lobby, once for each of the studio's keys; it starts at once where it is full."""
    context, body = request.context, request.body
    _require_own_game(request)
    event = require_event(context, request.path["eventKey"])
    if event["mode"] != "lobby_matched":
        raise ApiError(409, "conflict", f"event {event['key']!r} is {event['mode']}, not lobby_matched")
    sql = "SELECT * FROM lobbies WHERE world = ? AND event = ? AND key = ?"
    if before := context.state.one(sql, context.world, event["id"], body["key"]):
        return 200, lobby_payload(context, before)
    roster = dict.fromkeys(body["externalPlayerIds"])
    capacity = body.get("capacity", event["capacity"])
    if len(roster) > capacity:
        message = f"{len(roster)} players for {capacity} places"
        raise ApiError(400, "validation_failed", message, {"capacity": capacity})
    lobby_id, fill_by = str(uuid.uuid4()), context.after(event["fill_seconds"])
    context.state.insert(
        "lobbies",
        id=lobby_id,
        world=context.world,
        event=event["id"],
        key=body["key"],
        window=f"{event['id']}_w1",
        leaderboard=event["leaderboard"],
        mode=event["mode"],
        status="forming",
        capacity=capacity,
        fill_bots=int(body.get("fillBots", event["fill_bots"])),
        fill_by=fill_by,
        created_at=context.at,
        metadata=json_or_none(body.get("metadata")),
    )
    context.state.schedule(fill_by)
    for external_id in roster:
        player = get_or_create_player(context, external_id)
        context.state.insert("members", lobby=lobby_id, player=player["id"])
    emit_lobby(context, lobby_id, "lobby.created")
    if len(roster) == capacity:
        start_lobby(context, lobby_id)
    return 201, lobby_payload(context, get_lobby(context, lobby_id))


@handles("lobbies.read")
def read(request: OperationRequest) -> OperationResult:
    """Show a lobby as it is now."""
    _require_own_game(request)
    if (lobby := find_lobby(request.context, request.path["lobbyId"])) is None:
        raise not_found(f"lobby {request.path['lobbyId']!r}")
    return 200, lobby_payload(request.context, lobby)
