"""What does a player hold, and how does it change? Balances, items, and a row of the ledger for each change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from kraty_server.testing.emulator.context import RequestContext
from kraty_server.testing.emulator.errors import ApiError
from kraty_server.testing.emulator.outbox import emit
from kraty_server.testing.emulator.players import player_ids
from kraty_server.testing.emulator.state import Row

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MAX_HOLDING: Final = 2**53 - 1
"""No holding grows beyond what JSON holds exactly."""

Kind = Literal["currency", "item"]
WEBHOOK: Final[Mapping[Kind, str]] = {"currency": "wallet.changed", "item": "inventory.changed"}
NAMES: Final[Mapping[Kind, tuple[str, str]]] = {"currency": ("economyKey", "balance"), "item": ("itemKey", "quantity")}


def in_catalog(context: RequestContext, kind: Kind, key: str) -> bool:
    """Whether a key exists. A game without a catalog of this kind has every key."""
    catalog = context.state.setup.catalog(context.game, kind)
    return not catalog or key in catalog


def get_holding(context: RequestContext, player: int, kind: Kind, key: str) -> int:
    """How much a player holds."""
    sql = "SELECT amount FROM holdings WHERE player = ? AND kind = ? AND key = ?"
    return context.state.count(sql, player, kind, key)


def change_holding(
    context: RequestContext,
    player: Row,
    kind: Kind,
    key: str,
    delta: int,
    *,
    reason: str | None = None,
    source_ref_id: str | None = None,
    parameters: Any = None,
) -> int:
    """Credit or debit: write one row of the ledger; what is held afterwards.

    Raises:
        ApiError: 409 `conflict` where it would go below zero, 400 where it would exceed `MAX_HOLDING`.
    """
    before = get_holding(context, player["id"], kind, key)
    after = before + delta
    if after < 0:
        raise ApiError(
            409,
            "conflict",
            f"not enough {key!r}: {-delta} needed, {before} held",
            {"resource": key, "needed": -delta, "have": before},
        )
    if after > MAX_HOLDING:
        details = {"resource": key, "have": before}
        raise ApiError(400, "validation_failed", f"{key!r} would exceed {MAX_HOLDING}", details)
    context.state.run(
        """INSERT INTO holdings VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
           amount = excluded.amount, updated_at = excluded.updated_at""",
        *(player["id"], kind, key, after, json.dumps(parameters) if parameters else "{}", context.at, context.at),
    )
    ledger_id = context.state.insert(
        "ledger",
        player=player["id"],
        kind=kind,
        key=key,
        delta=delta,
        amount=after,
        reason=reason,
        source_ref_id=source_ref_id,
        origin=context.origin,
        operation=context.operation,
        idempotency_key=context.idempotency_key,
        at_ms=(context.now - EPOCH) // timedelta(milliseconds=1),
    )
    if not context.silent:
        name, amount = NAMES[kind]
        data = player_ids(player) | {name: key, "delta": delta, amount: after, "reason": reason}
        data |= {"sourceRefId": source_ref_id, "origin": context.origin, "ledgerId": str(ledger_id)}
        emit(context, WEBHOOK[kind], data)
    return after


def holding_payload(row: Row) -> dict[str, Any]:
    """A balance or an item as the API shows it."""
    kind: Kind = row["kind"]
    name, amount = NAMES[kind]
    return {
        name: row["key"],
        amount: row["amount"],
        "metadata": json.loads(row["metadata"]),
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }
