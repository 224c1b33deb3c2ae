# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""Calls of lobbies: each function checks its arguments and says what to send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kraty_server_generated import models as m
from kraty_server_generated.contract import PATTERNS
from kraty_server_generated.types import (
    Call,
    check_boolean,
    check_integer,
    check_items,
    check_json_object,
    check_text,
    quote_segment,
)


def push(
    game_id: str,
    event_key: str,
    *,
    key: str,
    external_player_ids: Iterable[str],
    capacity: int | None = None,
    fill_bots: bool | None = None,
    metadata: Mapping[str, object] | None = None,
    idempotency_key: str | None = None,
) -> Call[m.Lobby]:
    """Make a lobby of players you matched: `POST /server/v1/games/{gameId}/events/{eventKey}/lobbies`."""
    body: dict[str, Any] = {
        "key": check_text(key, "key", 1, PATTERNS[0]),
        "externalPlayerIds": check_items(
            external_player_ids, "external_player_ids", lambda i: check_text(i, "", 1, PATTERNS[0]), 1
        ),
    }
    if capacity is not None:
        body["capacity"] = check_integer(capacity, "capacity", 1)
    if fill_bots is not None:
        body["fillBots"] = check_boolean(fill_bots, "fill_bots")
    if metadata is not None:
        body["metadata"] = check_json_object(metadata, "metadata")
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "lobbies.push",
        "POST",
        "/server/v1/games/{gameId}/events/{eventKey}/lobbies",
        f"/server/v1/games/{quote_segment(game_id, 'game_id', 1, PATTERNS[0])}/events/{quote_segment(event_key, 'event_key', 1, PATTERNS[0])}/lobbies",
        m.Lobby,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
    )


def read(game_id: str, lobby_id: str) -> Call[m.Lobby]:
    """Read a lobby: `GET /server/v1/games/{gameId}/lobbies/{lobbyId}`."""
    return Call(
        "lobbies.read",
        "GET",
        "/server/v1/games/{gameId}/lobbies/{lobbyId}",
        f"/server/v1/games/{quote_segment(game_id, 'game_id', 1, PATTERNS[0])}/lobbies/{quote_segment(lobby_id, 'lobby_id', 1, PATTERNS[0])}",
        m.Lobby,
        unwrap="data",
    )
