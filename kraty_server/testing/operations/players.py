"""What does each operation do to the state, and what does it answer?"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from kraty_server.testing.emulator.ledger import Kind, Refused, Turn, grant_payload, holding_payload, iso, moment
from kraty_server.testing.emulator.state import Row, json_or_none

RECENT: Final = 20
"""Grants in a snapshot (assumed)."""
EXPORTED: Final = 1000
"""Rows in each list of an export (CONTRACT.md §1.8)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks: its path parameters and its body, both valid by the document."""

    turn: Turn
    path: Mapping[str, str]
    body: Mapping[str, Any]
    api_key: Row


Answered: TypeAlias = tuple[int, Any]
HANDLERS: Final[dict[str, Callable[[Asked], Answered]]] = {}


def _does(operation: str) -> Callable[[Callable[[Asked], Answered]], Callable[[Asked], Answered]]:
    def register(handler: Callable[[Asked], Answered]) -> Callable[[Asked], Answered]:
        HANDLERS[operation] = handler
        return handler

    return register


def fingerprint(body: Mapping[str, Any]) -> str:
    """What two bodies under one key must share: all but the key."""
    told = {key: value for key, value in body.items() if key != "idempotencyKey"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def conflict(key: str) -> Refused:
    """The answer to a key that was used for something else."""
    return Refused(409, "idempotency_conflict", f"idempotency key {key!r} was used with another body")


# Health


@_does("health.ping")
def _ping(asked: Asked) -> Answered:
    key = asked.api_key
    return 200, {
        "ok": True,
        "apiKey": {
            "id": f"key_{key['prefix']}",
            "prefix": key["prefix"],
            "permissionSet": key["permission_set"],
            "environment": key["environment"],
            "studioId": key["studio"],
            "gameId": key["game"],
        },
    }


# Grants


@_does("grants.create")
def _create_grant(asked: Asked) -> Answered:
    turn, body = asked.turn, asked.body
    key, mark = body["idempotencyKey"], fingerprint(body)
    player = turn.met_player(asked.path["externalId"])
    sql = "SELECT * FROM grants WHERE game = ? AND idempotency_key = ?"
    if before := turn.state.one(sql, turn.game, key):
        if (before["player"], before["fingerprint"]) != (player["id"], mark):
            raise conflict(key)
        return 200, grant_payload(before)
    for index, entry in enumerate(body["entries"]):
        kind, name, _ = _entry(entry)
        if not turn.in_catalog(kind, name):
            raise Refused(400, "invalid_metric", f"entries[{index}]: no {kind} {name!r}", {"entry": index, "key": name})
    expires = body.get("expiresAt")
    grant = turn.mint(
        player,
        body["entries"],
        kind=body.get("kind", "reward"),
        source_kind=body.get("sourceKind", "api"),
        source_ref_id=body.get("sourceRefId"),
        expires_at=iso(moment(expires)) if expires else None,
        metadata=body.get("metadata"),
        idempotency_key=key,
        fingerprint=mark,
    )
    return 201, grant_payload(grant)


def _entry(entry: Mapping[str, Any]) -> tuple[Kind, str, int]:
    match entry["type"]:
        case "currency":
            return "currency", entry["currencyKey"], entry["amount"]
        case "crate":
            return "item", entry["crateItemKey"], entry["quantity"]
        case _:
            return "item", entry["itemKey"], entry["quantity"]


@_does("grants.ack")
def _ack_grant(asked: Asked) -> Answered:
    turn, grant_id = asked.turn, asked.path["grantId"]
    player = turn.known_player(asked.path["externalId"])
    grant = turn.state.one("SELECT * FROM grants WHERE id = ? AND player = ?", grant_id, player["id"])
    if grant is None:
        raise Refused(404, "not_found", f"no grant {grant_id!r} of player {player['external_id']!r}")
    if grant["status"] == "pending":
        turn.state.run(
            "UPDATE grants SET status = 'claimed', claimed_at = ?, acked_by = 'server_api' WHERE id = ?",
            *(turn.at, grant_id),
        )
        for entry in json.loads(grant["contents"])["entries"] if grant["kind"] == "reward" else ():
            kind, name, amount = _entry(entry)
            parameters = entry.get("parameters")
            turn.change(player, kind, name, amount, reason="grant", source_ref_id=grant_id, parameters=parameters)
    return 200, grant_payload(turn.grant(grant_id))


# Wallet and inventory


def _adjust(asked: Asked, kind: Kind, key: str, delta: int) -> int:
    turn, body = asked.turn, asked.body
    if not turn.in_catalog(kind, key):
        raise Refused(404, "not_found", f"no {kind} {key!r} in the catalog")
    player = turn.met_player(asked.path["externalId"])
    return turn.change(
        player, kind, key, delta, reason=body.get("reason"), source_ref_id=body.get("sourceRefId")
    )  # fmt: skip


def _wallet(sign: int) -> Callable[[Asked], Answered]:
    def adjust(asked: Asked) -> Answered:
        key = asked.path["economyKey"]
        balance = _adjust(asked, "currency", key, sign * int(asked.body["amount"]))
        return 200, {"economyKey": key, "balance": balance, "applied": True}

    return adjust


def _inventory(sign: int) -> Callable[[Asked], Answered]:
    def adjust(asked: Asked) -> Answered:
        key = asked.path["itemKey"]
        quantity = _adjust(asked, "item", key, sign * int(asked.body["quantity"]))
        return 200, {"itemKey": key, "quantity": quantity, "applied": True}

    return adjust


HANDLERS.update(
    {
        "wallet.credit": _wallet(1),
        "wallet.debit": _wallet(-1),
        "inventory.grant": _inventory(1),
        "inventory.revoke": _inventory(-1),
    }
)


def replayed(asked: Asked, payload: dict[str, Any]) -> dict[str, Any]:
    """The first answer once more: not applied this time, and with what is held now (CONTRACT.md §8)."""
    if "applied" not in payload:
        return payload
    player = asked.turn.player(asked.path["externalId"])
    now: dict[str, Any] = {"applied": False}
    if player is not None and "balance" in payload:
        now["balance"] = asked.turn.holding(player["id"], "currency", payload["economyKey"])
    if player is not None and "quantity" in payload:
        now["quantity"] = asked.turn.holding(player["id"], "item", payload["itemKey"])
    return payload | now


# Lobbies


def _own_game(asked: Asked) -> None:
    game = asked.turn.state.one("SELECT studio FROM games WHERE id = ?", asked.path["gameId"])
    if game is None:
        raise Refused(404, "not_found", f"no game {asked.path['gameId']!r}")
    if game["studio"] != asked.turn.studio:
        raise Refused(403, "tenant_mismatch", "the game belongs to another studio")
    if asked.path["gameId"] != asked.turn.game:
        raise Refused(403, "forbidden", "the key is for another game")


def _event(turn: Turn, key: str) -> Row:
    found = turn.state.one("SELECT * FROM events WHERE game = ? AND key = ?", turn.game, key)
    if found is None:
        raise Refused(404, "not_found", f"no event {key!r}")
    return found


def lobby_payload(turn: Turn, lobby: Row) -> dict[str, Any]:
    """A lobby as the API shows it; bots are those that would fill it up now."""
    members = turn.state.count("SELECT count(*) FROM members WHERE lobby = ?", lobby["id"])
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


def _lobby(turn: Turn, lobby_id: str) -> Row | None:
    return turn.state.one("SELECT * FROM lobbies WHERE id = ? AND game = ?", lobby_id, turn.game)


@_does("lobbies.push")
def _push_lobby(asked: Asked) -> Answered:
    turn, body = asked.turn, asked.body
    _own_game(asked)
    event = _event(turn, asked.path["eventKey"])
    if event["mode"] != "lobby_matched":
        raise Refused(409, "conflict", f"event {event['key']!r} is {event['mode']}, not lobby_matched")
    if before := turn.state.one("SELECT * FROM lobbies WHERE event = ? AND key = ?", event["id"], body["key"]):
        return 200, lobby_payload(turn, before)
    roster = dict.fromkeys(body["externalPlayerIds"])
    capacity = body.get("capacity", event["capacity"])
    if len(roster) > capacity:
        raise Refused(400, "validation_failed", f"{len(roster)} players for {capacity} places", {"capacity": capacity})
    lobby_id = str(uuid.uuid4())
    turn.state.insert(
        "lobbies",
        id=lobby_id,
        game=turn.game,
        event=event["id"],
        key=body["key"],
        window=f"{event['id']}_w1",
        leaderboard=event["leaderboard"],
        mode=event["mode"],
        status="forming",
        capacity=capacity,
        fill_bots=int(body.get("fillBots", event["fill_bots"])),
        fill_by=turn.later(event["fill_seconds"]),
        created_at=turn.at,
        environment=turn.environment,
        metadata=json_or_none(body.get("metadata")),
    )
    for external_id in roster:
        turn.state.insert("members", lobby=lobby_id, player=turn.met_player(external_id)["id"])
    _tell_lobby(turn, lobby_id, "lobby.created")
    if len(roster) == capacity:
        start_lobby(turn, lobby_id)
    made = _lobby(turn, lobby_id)
    assert made is not None
    return 201, lobby_payload(turn, made)


def _tell_lobby(turn: Turn, lobby_id: str, event: str) -> None:
    lobby = _lobby(turn, lobby_id)
    assert lobby is not None
    turn.tell(event, {"key": lobby["key"], "lobby": lobby_payload(turn, lobby)})


def start_lobby(turn: Turn, lobby_id: str) -> None:
    """Forming to active: its time begins."""
    seconds = "SELECT e.seconds FROM events e JOIN lobbies l ON l.event = e.id WHERE l.id = ?"
    ends = turn.later(turn.state.count(seconds, lobby_id))
    sql = "UPDATE lobbies SET status = 'active', started_at = ?, ends_at = ? WHERE id = ?"
    turn.state.run(sql, turn.at, ends, lobby_id)
    _tell_lobby(turn, lobby_id, "lobby.started")


def close_lobby(turn: Turn, lobby_id: str) -> None:
    """Active to closed."""
    turn.state.run("UPDATE lobbies SET status = 'closed' WHERE id = ?", lobby_id)
    _tell_lobby(turn, lobby_id, "lobby.closed")


@_does("lobbies.read")
def _read_lobby(asked: Asked) -> Answered:
    _own_game(asked)
    if (lobby := _lobby(asked.turn, asked.path["lobbyId"])) is None:
        raise Refused(404, "not_found", f"no lobby {asked.path['lobbyId']!r}")
    return 200, lobby_payload(asked.turn, lobby)


# Leaderboards


@_does("leaderboards.submit_score")
def _submit_score(asked: Asked) -> Answered:
    turn, body = asked.turn, asked.body
    board = turn.state.one("SELECT * FROM leaderboards WHERE game = ? AND key = ?", turn.game, asked.path["key"])
    if board is None:
        raise Refused(404, "not_found", f"no leaderboard {asked.path['key']!r}")
    player = turn.known_player(body["externalPlayerId"])
    if board["ranked_by"] == "progression":
        raise Refused(400, "score_not_supported", f"leaderboard {board['key']!r} ranks by progression")
    segment = ""
    if board["segmented"] and not (segment := body.get("segment", "")):
        raise Refused(400, "validation_failed", "segment is needed on this board", [{"path": "segment"}])
    best = "min" if board["ascending"] else "max"
    turn.state.run(
        f"""INSERT INTO scores VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
            score = {best}(score, excluded.score), at = iif(score = {best}(score, excluded.score), at, excluded.at)""",  # noqa: S608  # min or max
        *(board["id"], segment, player["id"], body["value"], turn.at),
    )
    own = "SELECT * FROM scores WHERE leaderboard = ? AND segment = ? AND player = ?"
    score = turn.state.one(own, board["id"], segment, player["id"])
    assert score is not None
    rank = None
    if player["banned_at"] is None:
        better = "<" if board["ascending"] else ">"
        sql = f"""SELECT count(*) FROM scores s JOIN players p ON p.id = s.player WHERE s.leaderboard = ?
                  AND s.segment = ? AND p.banned_at IS NULL AND (s.score {better} ? OR (s.score = ? AND s.at < ?))"""  # noqa: S608  # < or >
        values = (board["id"], segment, score["score"], score["score"], score["at"])
        rank = 1 + turn.state.count(sql, *values)
    return 200, {"leaderboardId": board["id"], "score": number(score["score"]), "rank": rank}


def number(value: float) -> int | float:
    """A whole number without its fraction, as JavaScript writes it."""
    return int(value) if float(value).is_integer() else value


# Events


def attempt_payload(attempt: Row, event: Row) -> dict[str, Any]:
    """An attempt as the API shows it."""
    raw: dict[str, float] = json.loads(attempt["raw"])
    names: list[str] = json.loads(event["metrics"])
    metrics = dict(raw)
    if event["capped"] and event["target"] is not None:
        metrics[names[0]] = min(metrics[names[0]], event["target"])
    return {
        "id": attempt["id"],
        "eventId": attempt["event"],
        "eventWindowId": attempt["window"],
        "leaderboardId": attempt["leaderboard"],
        "playerId": attempt["player"],
        "startedAt": attempt["started_at"],
        "endsAt": attempt["ends_at"],
        "completedAt": attempt["completed_at"],
        "metrics": {name: number(value) for name, value in metrics.items()},
        "metricsRaw": {name: number(value) for name, value in raw.items()},
        "score": number(metrics[names[0]]),
        "status": attempt["status"],
    }


def _open_attempt(asked: Asked) -> tuple[Row, Row, Row]:
    turn = asked.turn
    player = turn.known_player(asked.path["externalId"])
    event = _event(turn, asked.path["eventKey"])
    sql = "SELECT * FROM attempts WHERE id = ? AND player = ? AND event = ?"
    attempt = turn.state.one(sql, asked.path["attemptId"], player["id"], event["id"])
    if attempt is None:
        raise Refused(404, "not_found", f"no attempt {asked.path['attemptId']!r}")
    if not event["enabled"]:
        raise Refused(409, "event_disabled", f"event {event['key']!r} is disabled")
    if attempt["status"] != "in_progress":
        raise Refused(409, "attempt_finished", f"attempt {attempt['id']!r} is {attempt['status']}")
    return player, event, attempt


@_does("events.report_progress")
def _report_progress(asked: Asked) -> Answered:
    turn, body = asked.turn, asked.body
    player, event, attempt = _open_attempt(asked)
    names: list[str] = json.loads(event["metrics"])
    given: dict[str, float] = dict(body.get("metrics", {}))
    if "metricValue" in body:
        given[names[0]] = body["metricValue"]
    if unknown := [name for name in given if name not in names]:
        raise Refused(400, "invalid_metric", f"event {event['key']!r} has no metric {unknown[0]!r}", {"keys": unknown})
    raw: dict[str, float] = json.loads(attempt["raw"])
    for name, value in given.items():
        raw[name] = value if body["mode"] == "set" else raw[name] + value
    fired: list[str] = json.loads(attempt["fired"])
    due = [
        milestone
        for milestone in json.loads(event["milestones"])
        if milestone["key"] not in fired and raw[milestone.get("metric", names[0])] >= milestone["threshold"]
    ]
    sql = "UPDATE attempts SET raw = ?, fired = ? WHERE id = ?"
    turn.state.run(sql, json.dumps(raw), json.dumps(fired + [m["key"] for m in due]), attempt["id"])
    milestones = [{"key": m["key"], "grants": [_reward(turn, player, m["entries"], "milestone", attempt)]} for m in due]
    return 200, {"attempt": _attempt(turn, attempt["id"], event), "milestonesFired": milestones}


def _reward(turn: Turn, player: Row, entries: list[Any], source_kind: str, attempt: Row) -> dict[str, Any]:
    return grant_payload(turn.mint(player, entries, source_kind=source_kind, source_ref_id=attempt["id"]))


def _attempt(turn: Turn, attempt_id: str, event: Row) -> dict[str, Any]:
    attempt = turn.state.one("SELECT * FROM attempts WHERE id = ?", attempt_id)
    assert attempt is not None
    return attempt_payload(attempt, event)


@_does("events.finish")
def _finish(asked: Asked) -> Answered:
    turn = asked.turn
    player, event, attempt = _open_attempt(asked)
    reached = json.loads(attempt["raw"])[json.loads(event["metrics"])[0]]
    met = event["target"] is None or reached >= event["target"]
    outcome = "completed" if met else "expired"
    sql = "UPDATE attempts SET status = ?, completed_at = ? WHERE id = ?"
    turn.state.run(sql, outcome, turn.at, attempt["id"])
    if met and (entries := json.loads(event["completion"])):
        _reward(turn, player, entries, "completion", attempt)
    return 200, {"attempt": _attempt(turn, attempt["id"], event), "outcome": outcome}


# Players


def _identity(player: Row) -> dict[str, Any]:
    return {"name": player["name"] or player["pool_name"], "avatar": player["avatar"], "country": player["country"]}


@_does("players.get")
def _get_player(asked: Asked) -> Answered:
    turn = asked.turn
    player = turn.known_player(asked.path["externalId"])
    held = turn.state.rows("SELECT * FROM holdings WHERE player = ? ORDER BY rowid", player["id"])
    grants = turn.state.rows("SELECT * FROM grants WHERE player = ? ORDER BY rowid DESC LIMIT ?", player["id"], RECENT)
    return 200, {
        "player": {
            "id": player["id"],
            "externalPlayerId": player["external_id"],
            "studioId": turn.studio,
            "gameId": turn.game,
            "createdAt": player["created_at"],
            "updatedAt": player["updated_at"],
        },
        "inventory": [holding_payload(row) for row in held if row["kind"] == "item" and row["amount"]],
        "wallet": [holding_payload(row) for row in held if row["kind"] == "currency"],
        "recentGrants": [grant_payload(row) for row in grants],
    }


@_does("players.set_identity")
def _set_identity(asked: Asked) -> Answered:
    turn = asked.turn
    player = turn.known_player(asked.path["externalId"])
    if player["registered_at"] is None:
        raise Refused(404, "not_found", f"player {player['external_id']!r} is not registered")
    if not asked.body["name"].strip():
        raise Refused(400, "validation_failed", "name is blank", [{"path": "name", "message": "is blank"}])
    sql = "UPDATE players SET name = ?, avatar = ?, updated_at = ? WHERE id = ?"
    turn.state.run(sql, asked.body["name"], asked.body.get("avatar"), turn.at, player["id"])
    shown = turn.known_player(player["external_id"])
    pool = {"name": shown["pool_name"], "avatar": None, "country": shown["country"]}
    return 200, {
        "externalPlayerId": shown["external_id"],
        "displayIdentity": _identity(shown),
        "anonymizedIdentity": pool,
    }


@_does("players.delete")
def _delete_player(asked: Asked) -> Answered:
    turn, external_id = asked.turn, asked.path["externalId"]
    player, state = turn.player(external_id), turn.state
    if player is None or player["deleted_at"]:
        sql = "SELECT * FROM gone WHERE game = ? AND (external_id = ? OR placeholder = ?) AND into_player IS NULL"
        gone = state.one(sql, turn.game, external_id, external_id)
        return 200, {
            "playerId": gone and gone["player"],
            "externalPlayerId": external_id,
            "anonymizedExternalId": gone and gone["placeholder"],
            "deletedAt": gone["at"] if gone else turn.at,
            "attemptsAnonymized": 0,
            "lobbiesAnonymized": 0,
            "leaderboardsScrubbed": 0,
            "status": "no_op_already_erased" if gone else "no_op_never_existed",
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
        state.run(f"DELETE FROM {table} WHERE ? IN ({one}, {other})", player["id"])  # noqa: S608  # all are ours
    state.run(
        """UPDATE players SET external_id = ?, deleted_at = ?, updated_at = ?, name = NULL, avatar = NULL,
           country = NULL, context = NULL, status = NULL, online = 0, last_active_at = NULL WHERE id = ?""",
        *(placeholder, turn.at, turn.at, player["id"]),
    )
    state.run(
        "INSERT OR REPLACE INTO gone VALUES (?, ?, ?, ?, ?, NULL)",
        *(turn.game, external_id, player["id"], placeholder, turn.at),
    )
    reason = asked.body.get("reason", "gdpr_erasure")
    turn.tell("player.deleted", {"playerId": player["id"], "externalPlayerId": external_id, "reason": reason})
    return 200, {
        "playerId": player["id"],
        "externalPlayerId": external_id,
        "anonymizedExternalId": placeholder,
        "deletedAt": turn.at,
        "attemptsAnonymized": attempts,
        "lobbiesAnonymized": lobbies,
        "leaderboardsScrubbed": boards,
        "status": "erased",
    }


@_does("players.export")
def _export_player(asked: Asked) -> Answered:
    turn = asked.turn
    player = turn.known_player(asked.path["externalId"])

    def rows(sql: str) -> list[Row]:
        return turn.state.rows(f"{sql} LIMIT {EXPORTED}", player["id"])

    attempts = rows(
        "SELECT a.*, e.metrics, e.target, e.capped FROM attempts a JOIN events e ON e.id = a.event WHERE player = ?"
    )
    holdings = "SELECT * FROM holdings WHERE player = ? AND kind = "
    return 200, {
        "schemaVersion": 1,
        "exportedAt": turn.at,
        "player": {
            "id": player["id"],
            "externalPlayerId": player["external_id"],
            "studioId": turn.studio,
            "gameId": turn.game,
            "firstSeenAt": player["created_at"],
            "lastSeenAt": player["updated_at"],
            "lastContextSnapshot": player["context"] and json.loads(player["context"]),
            "registeredAt": player["registered_at"],
            "secretRotatedAt": None,
            "deletedAt": player["deleted_at"],
        },
        "attempts": [attempt_payload(row, row) for row in attempts],
        "grants": [grant_payload(row) for row in rows("SELECT * FROM grants WHERE player = ?")],
        "inventory": [holding_payload(row) for row in rows(f"{holdings}'item'")],
        "wallet": [holding_payload(row) for row in rows(f"{holdings}'currency'")],
        "lobbies": [
            {"id": row["id"], "eventId": row["event"], "status": row["status"], "createdAt": row["created_at"]}
            for row in rows("SELECT l.* FROM lobbies l JOIN members m ON m.lobby = l.id WHERE m.player = ?")
        ],
    }


@_does("players.ban")
def _ban_player(asked: Asked) -> Answered:
    turn, reason = asked.turn, asked.body["reason"]
    player = turn.known_player(asked.path["externalId"])
    first = player["banned_at"] is None
    banned_at = turn.at if first else player["banned_at"]
    turn.state.run("UPDATE players SET banned_at = ?, ban_reason = ? WHERE id = ?", banned_at, reason, player["id"])
    told = {"playerId": player["id"], "externalPlayerId": player["external_id"], "bannedAt": banned_at}
    if first:
        turn.tell("player.banned", told | {"reason": reason})
    return 200, told | {"reason": reason, "applied": first}


@_does("players.unban")
def _unban_player(asked: Asked) -> Answered:
    turn = asked.turn
    player = turn.known_player(asked.path["externalId"])
    turn.state.run("UPDATE players SET banned_at = NULL, ban_reason = NULL WHERE id = ?", player["id"])
    return 200, {
        "playerId": player["id"],
        "externalPlayerId": player["external_id"],
        "unbannedAt": turn.at,
        "applied": player["banned_at"] is not None,
    }


@_does("players.merge")
def _merge_players(asked: Asked) -> Answered:
    turn, state = asked.turn, asked.turn.state
    source_id, target_id = asked.path["fromExternalId"], asked.path["toExternalId"]
    if source_id == target_id:
        raise Refused(422, "conflict", "a player is not merged into itself")
    source = turn.player(source_id)
    gone = "SELECT * FROM gone WHERE game = ? AND external_id = ? AND into_player IS "
    if source is None and (before := state.one(f"{gone}NOT NULL", turn.game, source_id)):
        target = state.one("SELECT * FROM players WHERE id = ?", before["into_player"])
        assert target is not None
        return 200, _merged(before, source_id, target, dict.fromkeys(_MERGE, 0), "no_op_already_merged")
    target = turn.player(target_id)
    if (target is not None and target["deleted_at"]) or (
        target is None and state.one(f"{gone}NULL", turn.game, target_id)
    ):
        raise Refused(422, "conflict", f"player {target_id!r} was deleted")
    if source is None or target is None:
        raise Refused(404, "not_found", f"no player {source_id if source is None else target_id!r}")
    if target["banned_at"]:
        raise Refused(422, "conflict", f"player {target_id!r} is banned")
    counts = {name: step(turn, source["id"], target["id"]) for name, step in _MERGE.items()}
    placeholder = f"__merged_{uuid.uuid4()}__"
    state.run("UPDATE players SET external_id = ?, updated_at = ? WHERE id = ?", placeholder, turn.at, source["id"])
    record = {"game": turn.game, "external_id": source_id, "player": source["id"], "placeholder": placeholder}
    record |= {"at": turn.at, "into_player": target["id"]}
    state.run("DELETE FROM gone WHERE game = ? AND external_id = ?", turn.game, source_id)
    state.insert("gone", **record)
    return 200, _merged(record, source_id, target, counts, "merged")


def _merged(record: Row, source_id: str, target: Row, counts: dict[str, int], status: str) -> dict[str, Any]:
    return {
        "fromPlayerId": record["player"],
        "fromExternalPlayerId": source_id,
        "toPlayerId": target["id"],
        "toExternalPlayerId": target["external_id"],
        "anonymizedExternalPlayerId": record["placeholder"],
        "counts": counts,
        "mergedAt": record["at"],
        "status": status,
    }


_Step: TypeAlias = Callable[[Turn, str, str], int]


def _moved(table: str, where: str = "") -> _Step:
    sql = f"UPDATE {table} SET player = ? WHERE player = ? {where}"  # noqa: S608  # both are ours
    return lambda turn, source, target: turn.state.run(sql, target, source)


def _summed(kind: Kind) -> _Step:
    def step(turn: Turn, source: str, target: str) -> int:
        sql = """INSERT INTO holdings SELECT ?, kind, key, amount, metadata, created_at, ? FROM holdings
                 WHERE player = ? AND kind = ? ON CONFLICT DO UPDATE SET
                 amount = amount + excluded.amount, updated_at = excluded.updated_at"""
        turn.state.run(sql, target, turn.at, source, kind)
        return turn.state.run("DELETE FROM holdings WHERE player = ? AND kind = ?", source, kind)

    return step


def _deduped(table: str, column: str) -> _Step:
    def step(turn: Turn, source: str, target: str) -> int:
        sql = f"SELECT count(DISTINCT {column}) FROM {table} WHERE player = ?"  # noqa: S608  # both are ours
        touched = turn.state.count(sql, source)
        turn.state.run(f"UPDATE OR IGNORE {table} SET player = ? WHERE player = ?", target, source)  # noqa: S608
        turn.state.run(f"DELETE FROM {table} WHERE player = ?", source)  # noqa: S608
        return touched

    return step


_MERGE: Final[Mapping[str, _Step]] = {
    "attemptsReassigned": _moved("attempts"),
    "grantsReassigned": _moved("grants"),
    "itemsMerged": _summed("item"),
    "itemLedgerRowsMoved": _moved("ledger", "AND kind = 'item'"),
    "walletsMerged": _summed("currency"),
    "walletLedgerRowsMoved": _moved("ledger", "AND kind = 'currency'"),
    "lobbiesTouched": _deduped("members", "lobby"),
    "leaderboardsScrubbed": _deduped("scores", "leaderboard"),
}


# Friends, requests, blocks


@_does("players.friends")
def _friends(asked: Asked) -> Answered:
    player = asked.turn.known_player(asked.path["externalId"])
    sql = "SELECT p.*, f.since FROM friends f JOIN players p ON p.id = f.friend WHERE f.player = ? ORDER BY f.since"
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
            for row in asked.turn.state.rows(sql, player["id"])
        ]
    }


@_does("players.friend_requests")
def _friend_requests(asked: Asked) -> Answered:
    player = asked.turn.known_player(asked.path["externalId"])

    def requests(direction: Literal["incoming", "outgoing"]) -> list[dict[str, Any]]:
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
            for row in asked.turn.state.rows(sql, player["id"])
        ]

    return 200, {"incoming": requests("incoming"), "outgoing": requests("outgoing")}


@_does("players.blocks")
def _blocks(asked: Asked) -> Answered:
    player = asked.turn.known_player(asked.path["externalId"])
    sql = """SELECT p.*, b.at AS blocked_at FROM blocks b JOIN players p ON p.id = b.blocked
             WHERE b.player = ? ORDER BY b.at"""
    return 200, {
        "blocked": [
            {
                "externalPlayerId": row["external_id"],
                "displayIdentity": _identity(row),
                "blockedAt": row["blocked_at"],
            }
            for row in asked.turn.state.rows(sql, player["id"])
        ]
    }


# Migration


def _migrate(asked: Asked, apply: Callable[[Turn, Mapping[str, Any]], None]) -> Answered:
    turn = asked.turn
    turn.announce = None
    applied = skipped = 0
    failures: list[dict[str, Any]] = []
    for index, row in enumerate(asked.body["rows"]):
        turn.key = row["idempotencyKey"]
        mark = fingerprint(row)
        sql = "SELECT fingerprint FROM replays WHERE scope = ? AND idempotency_key = ?"
        before = turn.state.one(sql, f"{turn.game} {turn.operation}", turn.key)
        if before and before["fingerprint"] == mark:
            skipped += 1
            continue
        try:
            if before:
                raise conflict(row["idempotencyKey"])
            apply(turn, row)
        except Refused as refused:
            error = {"code": refused.code, "message": refused.message}
            failures.append({"rowIndex": index, "externalPlayerId": row["externalPlayerId"], "error": error})
            continue
        columns = {"scope": f"{turn.game} {turn.operation}", "idempotency_key": turn.key, "fingerprint": mark}
        turn.state.insert("replays", **columns)
        applied += 1
    return 200, {"applied": applied, "skipped": skipped, "failed": len(failures), "failures": failures}


@_does("migrate.players")
def _migrate_players(asked: Asked) -> Answered:
    def apply(turn: Turn, row: Mapping[str, Any]) -> None:
        register(turn, turn.met_player(row["externalPlayerId"]), row.get("contextSnapshot"))

    return _migrate(asked, apply)


def register(turn: Turn, player: Row, context: Any = None) -> None:
    """Register a player, once, as the game's client would."""
    sql = "UPDATE players SET registered_at = coalesce(registered_at, ?), context = coalesce(?, context) WHERE id = ?"
    turn.state.run(sql, turn.at, json_or_none(context), player["id"])
    if player["registered_at"] is None:
        turn.tell("player.registered", {"playerId": player["id"], "externalPlayerId": player["external_id"]})


@_does("migrate.wallet")
def _migrate_wallet(asked: Asked) -> Answered:
    def apply(turn: Turn, row: Mapping[str, Any]) -> None:
        _migrate_holding(turn, row, "currency", row["economyKey"], row["amount"])

    return _migrate(asked, apply)


@_does("migrate.inventory")
def _migrate_inventory(asked: Asked) -> Answered:
    def apply(turn: Turn, row: Mapping[str, Any]) -> None:
        _migrate_holding(turn, row, "item", row["itemKey"], row["quantity"])

    return _migrate(asked, apply)


def _migrate_holding(turn: Turn, row: Mapping[str, Any], kind: Kind, key: str, amount: int) -> None:
    if not turn.in_catalog(kind, key):
        raise Refused(404, f"unknown_{kind}", f"no {kind} {key!r} in the catalog")
    player = turn.met_player(row["externalPlayerId"])
    turn.change(player, kind, key, int(amount), reason=row.get("reason"), parameters=row.get("parameters"))
