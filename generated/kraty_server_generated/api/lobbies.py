# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""Calls of lobbies: each function checks its arguments and says what to send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kraty_server_generated import types as t
from kraty_server_generated.types import Call

if TYPE_CHECKING:
    from kraty_server_generated import models as m
else:
    m = t.Later("kraty_server_generated.models")


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
    """Make a lobby of players you matched.

    `POST /server/v1/games/{gameId}/events/{eventKey}/lobbies`
    """
    body: dict[str, Any] = {}
    body["key"] = t.text(key, "key", 1, t.PATTERNS[0])
    body["externalPlayerIds"] = t.items(
        external_player_ids, "external_player_ids", lambda i: t.text(i, "", 1, t.PATTERNS[0]), 1
    )
    if capacity is not None:
        body["capacity"] = t.integer(capacity, "capacity", 1)
    if fill_bots is not None:
        body["fillBots"] = t.boolean(fill_bots, "fill_bots")
    if metadata is not None:
        body["metadata"] = t.json_object(metadata, "metadata")
    if idempotency_key is not None:
        body["idempotencyKey"] = t.text(idempotency_key, "idempotency_key", 1, t.PATTERNS[1])
    return Call(
        "lobbies.push",
        "POST",
        "/server/v1/games/{gameId}/events/{eventKey}/lobbies",
        f"/server/v1/games/{t.segment(game_id, 'game_id', 1, t.PATTERNS[0])}/events/{t.segment(event_key, 'event_key', 1, t.PATTERNS[0])}/lobbies",
        m.Lobby.from_dict,
        unwrap="data",
        body=body,
        stamp="idempotencyKey",
    )


def read(game_id: str, lobby_id: str) -> Call[m.Lobby]:
    """Read a lobby.

    `GET /server/v1/games/{gameId}/lobbies/{lobbyId}`
    """
    return Call(
        "lobbies.read",
        "GET",
        "/server/v1/games/{gameId}/lobbies/{lobbyId}",
        f"/server/v1/games/{t.segment(game_id, 'game_id', 1, t.PATTERNS[0])}/lobbies/{t.segment(lobby_id, 'lobby_id', 1, t.PATTERNS[0])}",
        m.Lobby.from_dict,
        unwrap="data",
    )
