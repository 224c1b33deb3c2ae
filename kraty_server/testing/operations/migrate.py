"""Migration: players, wallet and inventory, row by row, without webhooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kraty_server.testing.emulator.context import RequestContext
from kraty_server.testing.emulator.errors import ApiError, idempotency_conflict
from kraty_server.testing.emulator.idempotency import digest, fingerprint, forget
from kraty_server.testing.emulator.ledger import Kind, change_holding, in_catalog
from kraty_server.testing.emulator.operation import OperationRequest, OperationResult
from kraty_server.testing.emulator.players import get_or_create_player, register_player
from kraty_server.testing.operations.registry import handles


def _migrate(request: OperationRequest, apply: Callable[[RequestContext, Mapping[str, Any]], None]) -> OperationResult:
    context = request.context
    context.silent = True
    at, kept = int(context.now.timestamp()), context.row_keys_kept
    oldest = -1 if kept is None else at - kept.total_seconds()
    applied = skipped = 0
    failures: list[dict[str, Any]] = []
    for index, row in enumerate(request.body["rows"]):
        key = context.idempotency_key = row["idempotencyKey"]
        scope, mark = digest(context.world, context.operation, key), fingerprint(row)
        before = context.state.value("SELECT fingerprint FROM migrated WHERE scope = ? AND at > ?", scope, oldest)
        if before == mark:
            skipped += 1
            continue
        try:
            if before:
                raise idempotency_conflict(key)
            with context.state.savepoint():  # so that a refused row leaves no player behind
                apply(context, row)
        except ApiError as refused:
            error = {"code": refused.code, "message": refused.message}
            failures.append({"rowIndex": index, "externalPlayerId": row["externalPlayerId"], "error": error})
            continue
        sql = "INSERT OR REPLACE INTO migrated (scope, fingerprint, at) VALUES (?, ?, ?)"
        context.state.run(sql, scope, mark, at)
        applied += 1
    if kept is not None:
        forget(context.state, "migrated", oldest)
    return 200, {"applied": applied, "skipped": skipped, "failed": len(failures), "failures": failures}


@handles("migrate.players")
def players(request: OperationRequest) -> OperationResult:
    """Register players."""

    def apply(context: RequestContext, row: Mapping[str, Any]) -> None:
        register_player(context, get_or_create_player(context, row["externalPlayerId"]), row.get("contextSnapshot"))

    return _migrate(request, apply)


@handles("migrate.wallet")
def wallet(request: OperationRequest) -> OperationResult:
    """Credit currencies."""

    def apply(context: RequestContext, row: Mapping[str, Any]) -> None:
        _credit(context, row, "currency", row["economyKey"], row["amount"])

    return _migrate(request, apply)


@handles("migrate.inventory")
def inventory(request: OperationRequest) -> OperationResult:
    """Grant items."""

    def apply(context: RequestContext, row: Mapping[str, Any]) -> None:
        _credit(context, row, "item", row["itemKey"], row["quantity"])

    return _migrate(request, apply)


def _credit(context: RequestContext, row: Mapping[str, Any], kind: Kind, key: str, amount: int) -> None:
    if not in_catalog(context, kind, key):
        raise ApiError(404, f"unknown_{kind}", f"no {kind} {key!r} in the catalog")
    player = get_or_create_player(context, row["externalPlayerId"])
    change_holding(context, player, kind, key, amount, reason=row.get("reason"), parameters=row.get("parameters"))
