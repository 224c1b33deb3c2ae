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

_HELD: Final = "SELECT amount FROM holdings WHERE player = ? AND kind = ? AND key = ?"


def in_catalog(context: RequestContext, kind: Kind, key: str) -> bool:
    """Whether a key exists. A game without a catalog of this kind has every key."""
    catalog = context.state.setup.catalog(context.game, kind)
    return not catalog or key in catalog


def get_holding(context: RequestContext, player: int, kind: Kind, key: str) -> int:
    """How much a player holds."""
    return context.state.count(_HELD, player, kind, key)


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
    held = context.state.value(_HELD, player["id"], kind, key)
    before: int = held or 0
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
    if held is None:
        sql = "INSERT INTO holdings VALUES (?, ?, ?, ?, ?, ?, ?)"
        metadata = json.dumps(parameters or {})
        context.state.run(sql, player["id"], kind, key, after, metadata, context.at, context.at)
    else:
        sql = "UPDATE holdings SET amount = ?, updated_at = ? WHERE player = ? AND kind = ? AND key = ?"
        context.state.run(sql, after, context.at, player["id"], kind, key)
    ledger_id = context.state.add(
        """INSERT INTO ledger (player, kind, key, delta, amount, reason, source_ref_id, origin, operation,
           idempotency_key, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        *(player["id"], kind, key, delta, after, reason, source_ref_id, context.origin, context.operation),
        *(context.idempotency_key, (context.now - EPOCH) // timedelta(milliseconds=1)),
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
