"""Players: merge one into another."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from kraty_server.testing.emulator.context import RequestContext
from kraty_server.testing.emulator.errors import ApiError, not_found
from kraty_server.testing.emulator.ledger import MAX_HOLDING, Kind
from kraty_server.testing.emulator.operation import OperationRequest, OperationResult
from kraty_server.testing.emulator.players import find_player
from kraty_server.testing.emulator.state import Row
from kraty_server.testing.operations.registry import handles


@handles("players.merge")
def merge(request: OperationRequest) -> OperationResult:
    """Give the target all that the source has, and free the source's id."""
    context, state = request.context, request.context.state
    source_id, target_id = request.path["fromExternalId"], request.path["toExternalId"]
    if source_id == target_id:
        raise ApiError(422, "conflict", "a player is not merged into itself")
    source = find_player(context, source_id)
    tombstones = "SELECT * FROM tombstones WHERE world = ? AND external_id = ? AND into_player IS "
    if source is None and (before := state.one(f"{tombstones}NOT NULL", context.world, source_id)):
        target = state.one("SELECT * FROM players WHERE id = ?", before["into_player"])
        assert target is not None
        return 200, _result(context, before, target, dict.fromkeys(_STEPS, 0), "no_op_already_merged")
    target = find_player(context, target_id)
    if target["deleted_at"] if target else state.one(f"{tombstones}NULL", context.world, target_id):
        raise ApiError(422, "conflict", f"player {target_id!r} was deleted")
    if source is None or target is None:
        raise not_found(f"player {source_id if source is None else target_id!r}")
    if target["banned_at"]:
        raise ApiError(422, "conflict", f"player {target_id!r} is banned")
    _check_sums(context, source, target)
    counts = {name: step(context, source["id"], target["id"]) for name, step in _STEPS.items()}
    _move_relations(context, source["id"], target["id"])
    placeholder = f"__merged_{uuid.uuid4()}__"
    sql = "UPDATE players SET external_id = ?, updated_at = ? WHERE id = ?"
    state.run(sql, placeholder, context.at, source["id"])
    # Who was merged into the source before is in the target now.
    state.run("UPDATE tombstones SET into_player = ? WHERE into_player = ?", target["id"], source["id"])
    tombstone = {"world": context.world, "external_id": source_id, "player": source["id"], "placeholder": placeholder}
    tombstone |= {"at": context.at, "into_player": target["id"]}
    state.run("DELETE FROM tombstones WHERE world = ? AND external_id = ?", context.world, source_id)
    state.insert("tombstones", **tombstone)
    return 200, _result(context, tombstone, target, counts, "merged")


def _result(context: RequestContext, tombstone: Row, target: Row, counts: dict[str, int], status: str) -> Any:
    return {
        "fromPlayerId": context.state.value("SELECT public_id FROM players WHERE id = ?", tombstone["player"]),
        "fromExternalPlayerId": tombstone["external_id"],
        "toPlayerId": target["public_id"],
        "toExternalPlayerId": target["external_id"],
        "anonymizedExternalPlayerId": tombstone["placeholder"],
        "counts": counts,
        "mergedAt": tombstone["at"],
        "status": status,
    }


def _check_sums(context: RequestContext, source: Row, target: Row) -> None:
    sql = """SELECT s.key, s.amount + t.amount AS amount FROM holdings s
             JOIN holdings t ON t.player = ? AND t.kind = s.kind AND t.key = s.key
             WHERE s.player = ? AND s.amount + t.amount > ?"""
    if row := context.state.one(sql, target["id"], source["id"], MAX_HOLDING):
        message = f"together they would hold {row['amount']} of {row['key']!r}, more than {MAX_HOLDING}"
        raise ApiError(422, "conflict", message, {"resource": row["key"], "have": row["amount"]})


_Step: TypeAlias = Callable[[RequestContext, int, int], int]


def _reassign(table: str, where: str = "") -> _Step:
    sql = f"UPDATE {table} SET player = ? WHERE player = ? {where}"  # noqa: S608  # both are ours
    return lambda context, source, target: context.state.run(sql, target, source)


def _sum(kind: Kind) -> _Step:
    def step(context: RequestContext, source: int, target: int) -> int:
        sql = """INSERT INTO holdings SELECT ?, kind, key, amount, metadata, created_at, ? FROM holdings
                 WHERE player = ? AND kind = ? ON CONFLICT DO UPDATE SET
                 amount = amount + excluded.amount, updated_at = excluded.updated_at"""
        context.state.run(sql, target, context.at, source, kind)
        return context.state.run("DELETE FROM holdings WHERE player = ? AND kind = ?", source, kind)

    return step


def _dedupe(table: str, column: str) -> _Step:
    def step(context: RequestContext, source: int, target: int) -> int:
        sql = f"SELECT count(DISTINCT {column}) FROM {table} WHERE player = ?"  # noqa: S608  # both are ours
        touched = context.state.count(sql, source)
        _move(context, table, "player", source, target)
        return touched

    return step


def _move(context: RequestContext, table: str, column: str, source: int, target: int) -> None:
    """Give rows to the target; those that it has already go."""
    context.state.run(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {column} = ?", target, source)  # noqa: S608  # all are ours
    context.state.run(f"DELETE FROM {table} WHERE {column} = ?", source)  # noqa: S608  # both are ours


def _move_relations(context: RequestContext, source: int, target: int) -> None:
    for table, one, other in (
        ("friends", "player", "friend"),
        ("friend_requests", "sender", "receiver"),
        ("blocks", "player", "blocked"),
    ):
        for column in (one, other):
            _move(context, table, column, source, target)
        context.state.run(f"DELETE FROM {table} WHERE {one} = {other} AND {one} = ?", target)  # noqa: S608  # all are ours


_STEPS: Final[Mapping[str, _Step]] = {
    "attemptsReassigned": _reassign("attempts"),
    "grantsReassigned": _reassign("grants"),
    "itemsMerged": _sum("item"),
    "itemLedgerRowsMoved": _reassign("ledger", "AND kind = 'item'"),
    "walletsMerged": _sum("currency"),
    "walletLedgerRowsMoved": _reassign("ledger", "AND kind = 'currency'"),
    "lobbiesTouched": _dedupe("members", "lobby"),
    "leaderboardsScrubbed": _dedupe("scores", "leaderboard"),
}
