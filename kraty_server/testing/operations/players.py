"""Players: get, identity, delete, export, ban, unban, friends, friend requests and blocks."""

from __future__ import annotations

import json
import uuid
from typing import Any, Final, Literal

from kraty_server.testing.emulator.errors import invalid, not_found
from kraty_server.testing.emulator.grants import grant_payload
from kraty_server.testing.emulator.ledger import holding_payload
from kraty_server.testing.emulator.operation import OperationRequest, OperationResult
from kraty_server.testing.emulator.outbox import emit
from kraty_server.testing.emulator.players import ban_player, find_player, player_ids, require_player
from kraty_server.testing.emulator.state import Row
from kraty_server.testing.operations.events import ATTEMPT, attempt_payload
from kraty_server.testing.operations.registry import handles

RECENT: Final = 20
"""Grants in a snapshot (assumed)."""
EXPORTED: Final = 1000
"""Rows in each list of an export (CONTRACT.md §1.8)."""


def _identity(player: Row) -> dict[str, Any]:
    return {"name": player["name"] or player["pool_name"], "avatar": player["avatar"], "country": player["country"]}


@handles("players.get")
def get(request: OperationRequest) -> OperationResult:
    """Show a player and what they hold."""
    context = request.context
    player = require_player(context, request.path["externalId"])
    held = context.state.rows("SELECT * FROM holdings WHERE player = ? ORDER BY rowid", player["id"])
    sql = "SELECT * FROM grants WHERE player = ? ORDER BY rowid DESC LIMIT ?"
    grants = context.state.rows(sql, player["id"], RECENT)
    return 200, {
        "player": {
            "id": player["public_id"],
            "externalPlayerId": player["external_id"],
            "studioId": context.studio,
            "gameId": context.game,
            "createdAt": player["created_at"],
            "updatedAt": player["updated_at"],
        },
        "inventory": [holding_payload(row) for row in held if row["kind"] == "item" and row["amount"]],
        "wallet": [holding_payload(row) for row in held if row["kind"] == "currency"],
        "recentGrants": [grant_payload(row) for row in grants],
    }


@handles("players.set_identity")
def set_identity(request: OperationRequest) -> OperationResult:
    """Set the name that is shown, and the avatar; without one it is cleared."""
    context, body = request.context, request.body
    player = require_player(context, request.path["externalId"])
    if player["registered_at"] is None:
        raise not_found(f"registered player {player['external_id']!r}")
    if not body["name"].strip():
        raise invalid("name", "is blank")
    sql = "UPDATE players SET name = ?, avatar = ?, updated_at = ? WHERE id = ?"
    context.state.run(sql, body["name"], body.get("avatar"), context.at, player["id"])
    shown = require_player(context, player["external_id"])
    return 200, {
        "externalPlayerId": shown["external_id"],
        "displayIdentity": _identity(shown),
        "anonymizedIdentity": {"name": shown["pool_name"], "avatar": None, "country": shown["country"]},
    }


@handles("players.delete")
def delete(request: OperationRequest) -> OperationResult:
    """Erase a player: the row becomes anonymous, the ledgers stay."""
    context, external_id = request.context, request.path["externalId"]
    player, state = find_player(context, external_id), context.state
    if player is None or player["deleted_at"]:
        sql = "SELECT * FROM tombstones t WHERE world = ? AND into_player IS NULL AND external_id = ?"
        by_placeholder = "SELECT * FROM tombstones WHERE world = ? AND placeholder = ? AND into_player IS NULL"
        tombstone = state.one(sql, context.world, external_id) or state.one(by_placeholder, context.world, external_id)
        before = tombstone and state.value("SELECT public_id FROM players WHERE id = ?", tombstone["player"])
        return 200, {
            "playerId": before,
            "externalPlayerId": external_id,
            "anonymizedExternalId": tombstone and tombstone["placeholder"],
            "deletedAt": tombstone["at"] if tombstone else context.at,
            "attemptsAnonymized": 0,
            "lobbiesAnonymized": 0,
            "leaderboardsScrubbed": 0,
            "status": "no_op_already_erased" if tombstone else "no_op_never_existed",
        }
    placeholder = f"__deleted_{uuid.uuid4()}__"
    attempts = state.count("SELECT count(*) FROM attempts WHERE player = ?", player["id"])
    lobbies = state.run("DELETE FROM members WHERE player = ?", player["id"])
    boards = state.count("SELECT count(DISTINCT leaderboard) FROM scores WHERE player = ?", player["id"])
    state.run("DELETE FROM scores WHERE player = ?", player["id"])
    for table, one, other in (
        ("friends", "player", "friend"),
        ("friend_requests", "sender", "receiver"),
        ("blocks", "player", "blocked"),
    ):
        state.run(f"DELETE FROM {table} WHERE {one} = ? OR {other} = ?", *[player["id"]] * 2)  # noqa: S608  # all are ours
    state.run(
        """UPDATE players SET external_id = ?, deleted_at = ?, updated_at = ?, name = NULL, avatar = NULL,
           country = NULL, context = NULL, status = NULL, online = 0, last_active_at = NULL WHERE id = ?""",
        *(placeholder, context.at, context.at, player["id"]),
    )
    state.run(
        "INSERT OR REPLACE INTO tombstones VALUES (?, ?, ?, ?, ?, NULL)",
        *(context.world, external_id, player["id"], placeholder, context.at),
    )
    emit(context, "player.deleted", player_ids(player) | {"reason": request.body.get("reason", "gdpr_erasure")})
    return 200, {
        "playerId": player["public_id"],
        "externalPlayerId": external_id,
        "anonymizedExternalId": placeholder,
        "deletedAt": context.at,
        "attemptsAnonymized": attempts,
        "lobbiesAnonymized": lobbies,
        "leaderboardsScrubbed": boards,
        "status": "erased",
    }


@handles("players.export")
def export(request: OperationRequest) -> OperationResult:
    """Show everything that is kept about a player."""
    context = request.context
    player = require_player(context, request.path["externalId"])

    def rows(sql: str) -> list[Row]:
        return context.state.rows(f"{sql} LIMIT {EXPORTED}", player["id"])

    attempts = rows(f"{ATTEMPT} WHERE a.player = ?")
    holdings = "SELECT * FROM holdings WHERE player = ? AND kind = "
    return 200, {
        "schemaVersion": 1,
        "exportedAt": context.at,
        "player": {
            "id": player["public_id"],
            "externalPlayerId": player["external_id"],
            "studioId": context.studio,
            "gameId": context.game,
            "firstSeenAt": player["created_at"],
            "lastSeenAt": player["updated_at"],
            "lastContextSnapshot": player["context"] and json.loads(player["context"]),
            "registeredAt": player["registered_at"],
            "secretRotatedAt": None,
            "deletedAt": player["deleted_at"],
        },
        "attempts": [attempt_payload(row) for row in attempts],
        "grants": [grant_payload(row) for row in rows("SELECT * FROM grants WHERE player = ?")],
        "inventory": [holding_payload(row) for row in rows(f"{holdings}'item'")],
        "wallet": [holding_payload(row) for row in rows(f"{holdings}'currency'")],
        "lobbies": [
            {"id": row["id"], "eventId": row["event"], "status": row["status"], "createdAt": row["created_at"]}
            for row in rows("SELECT l.* FROM lobbies l JOIN members m ON m.lobby = l.id WHERE m.player = ?")
        ],
    }


@handles("players.ban")
def ban(request: OperationRequest) -> OperationResult:
    """Ban a player; again only takes the new reason."""
    player = require_player(request.context, request.path["externalId"])
    return 200, ban_player(request.context, player, request.body["reason"])


@handles("players.unban")
def unban(request: OperationRequest) -> OperationResult:
    """Lift a ban."""
    context = request.context
    player = require_player(context, request.path["externalId"])
    context.state.run("UPDATE players SET banned_at = NULL, ban_reason = NULL WHERE id = ?", player["id"])
    applied = player["banned_at"] is not None
    return 200, player_ids(player) | {"unbannedAt": context.at, "applied": applied}


@handles("players.friends")
def friends(request: OperationRequest) -> OperationResult:
    """List friends."""
    player = require_player(request.context, request.path["externalId"])
    sql = """SELECT p.*, f.since FROM friends f JOIN players p ON p.id = f.friend WHERE f.player = ?
             ORDER BY f.since, f.rowid"""
    return 200, {
        "friends": [
            {
                "externalPlayerId": row["external_id"],
                "displayIdentity": _identity(row),
                "friendsSince": row["since"],
                "online": bool(row["online"]),
                "lastActiveAt": row["last_active_at"],
                "status": row["status"],
            }
            for row in request.context.state.rows(sql, player["id"])
        ]
    }


@handles("players.friend_requests")
def friend_requests(request: OperationRequest) -> OperationResult:
    """List who asks for friendship, and who was asked."""
    player = require_player(request.context, request.path["externalId"])

    def rows(direction: Literal["incoming", "outgoing"]) -> list[dict[str, Any]]:
        own, other = ("receiver", "sender") if direction == "incoming" else ("sender", "receiver")
        sql = f"""SELECT p.*, r.id AS request, r.created_at AS asked_at FROM friend_requests r
                  JOIN players p ON p.id = r.{other} WHERE r.{own} = ? ORDER BY r.rowid"""  # noqa: S608  # both are ours
        return [
            {
                "requestId": row["request"],
                "direction": direction,
                "player": {"externalPlayerId": row["external_id"], "displayIdentity": _identity(row)},
                "createdAt": row["asked_at"],
            }
            for row in request.context.state.rows(sql, player["id"])
        ]

    return 200, {"incoming": rows("incoming"), "outgoing": rows("outgoing")}


@handles("players.blocks")
def blocks(request: OperationRequest) -> OperationResult:
    """List who is blocked."""
    player = require_player(request.context, request.path["externalId"])
    sql = """SELECT p.*, b.at AS blocked_at FROM blocks b JOIN players p ON p.id = b.blocked
             WHERE b.player = ? ORDER BY b.at, b.rowid"""
    return 200, {
        "blocked": [
            {
                "externalPlayerId": row["external_id"],
                "displayIdentity": _identity(row),
                "blockedAt": row["blocked_at"],
            }
            for row in request.context.state.rows(sql, player["id"])
        ]
    }
