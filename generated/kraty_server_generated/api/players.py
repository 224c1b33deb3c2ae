# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""Calls of players: each function checks its arguments and says what to send."""

from __future__ import annotations

from typing import Any

from kraty_server_generated import models as m
from kraty_server_generated.contract import PATTERNS
from kraty_server_generated.types import UNSET, Call, Unset, check_text, quote_segment


def get(external_player_id: str) -> Call[m.PlayerSnapshot]:
    """Read a player's snapshot: `GET /server/v1/players/{externalId}`."""
    return Call(
        "players.get",
        "GET",
        "/server/v1/players/{externalId}",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}",
        m.PlayerSnapshot,
        unwrap="data",
    )


def set_identity(
    external_player_id: str,
    *,
    name: str,
    avatar: str | None | Unset = UNSET,
    idempotency_key: str | None = None,
) -> Call[m.SetIdentityResult]:
    """Set the name and avatar that others see: `PUT /server/v1/players/{externalId}/identity`."""
    body: dict[str, Any] = {"name": check_text(name, "name", 1)}
    if avatar is not UNSET:
        body["avatar"] = None if avatar is None else check_text(avatar, "avatar")
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "players.set_identity",
        "PUT",
        "/server/v1/players/{externalId}/identity",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}/identity",
        m.SetIdentityResult,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
    )


def delete(
    external_player_id: str, *, reason: m.DeleteReasonInput | None = None, idempotency_key: str | None = None
) -> Call[m.DeletePlayerResult]:
    """Erase a player: `POST /server/v1/players/{externalId}/delete`."""
    body: dict[str, Any] = {}
    if reason is not None:
        body["reason"] = check_text(reason, "reason", 1)
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "players.delete",
        "POST",
        "/server/v1/players/{externalId}/delete",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}/delete",
        m.DeletePlayerResult,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
    )


def export(external_player_id: str) -> Call[m.PlayerExport]:
    """Export what is stored of a player: `GET /server/v1/players/{externalId}/export`."""
    return Call(
        "players.export",
        "GET",
        "/server/v1/players/{externalId}/export",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}/export",
        m.PlayerExport,
        unwrap="data",
    )


def ban(
    external_player_id: str, *, reason: str, idempotency_key: str | None = None
) -> Call[m.BanPlayerResult]:
    """Ban a player from client writes: `POST /server/v1/players/{externalId}/ban`."""
    body: dict[str, Any] = {"reason": check_text(reason, "reason")}
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "players.ban",
        "POST",
        "/server/v1/players/{externalId}/ban",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}/ban",
        m.BanPlayerResult,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
    )


def unban(external_player_id: str, *, idempotency_key: str | None = None) -> Call[m.UnbanPlayerResult]:
    """Lift a ban: `POST /server/v1/players/{externalId}/unban`."""
    body: dict[str, Any] = {}
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "players.unban",
        "POST",
        "/server/v1/players/{externalId}/unban",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}/unban",
        m.UnbanPlayerResult,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
    )


def merge(
    from_external_player_id: str, to_external_player_id: str, *, idempotency_key: str | None = None
) -> Call[m.MergePlayerResult]:
    """Move everything of one player to another: `POST
    /server/v1/players/{fromExternalId}/merge-into/{toExternalId}`.
    """
    body: dict[str, Any] = {}
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "players.merge",
        "POST",
        "/server/v1/players/{fromExternalId}/merge-into/{toExternalId}",
        f"/server/v1/players/{quote_segment(from_external_player_id, 'from_external_player_id', 1, PATTERNS[0])}/merge-into/{quote_segment(to_external_player_id, 'to_external_player_id', 1, PATTERNS[0])}",
        m.MergePlayerResult,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
    )


def friends(external_player_id: str) -> Call[m.FriendList]:
    """List a player's friends: `GET /server/v1/players/{externalId}/friends`."""
    return Call(
        "players.friends",
        "GET",
        "/server/v1/players/{externalId}/friends",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}/friends",
        m.FriendList,
        unwrap="data",
    )


def friend_requests(external_player_id: str) -> Call[m.FriendRequests]:
    """List the friend requests that wait: `GET /server/v1/players/{externalId}/friends/requests`."""
    return Call(
        "players.friend_requests",
        "GET",
        "/server/v1/players/{externalId}/friends/requests",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}/friends/requests",
        m.FriendRequests,
        unwrap="data",
    )


def blocks(external_player_id: str) -> Call[m.BlockList]:
    """List whom a player blocks: `GET /server/v1/players/{externalId}/blocks`."""
    return Call(
        "players.blocks",
        "GET",
        "/server/v1/players/{externalId}/blocks",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}/blocks",
        m.BlockList,
        unwrap="data",
    )
