# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""Calls of migrate: each function checks its arguments and says what to send."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kraty_server_generated import models as m
from kraty_server_generated.contract import PATTERNS
from kraty_server_generated.types import Call, check_items, check_text


def players(
    *, rows: Iterable[m.MigratePlayerRowInput], idempotency_key: str | None = None
) -> Call[m.MigrateOutcome]:
    """Import players: `POST /server/v1/migrate/players`."""
    body: dict[str, Any] = {"rows": check_items(rows, "rows", m.take_migrate_player_row, 1, 1000)}
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "migrate.players",
        "POST",
        "/server/v1/migrate/players",
        "/server/v1/migrate/players",
        m.MigrateOutcome,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
    )


def wallet(
    *, rows: Iterable[m.MigrateWalletRowInput], idempotency_key: str | None = None
) -> Call[m.MigrateOutcome]:
    """Import balances: `POST /server/v1/migrate/wallet`."""
    body: dict[str, Any] = {"rows": check_items(rows, "rows", m.take_migrate_wallet_row, 1, 1000)}
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "migrate.wallet",
        "POST",
        "/server/v1/migrate/wallet",
        "/server/v1/migrate/wallet",
        m.MigrateOutcome,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
    )


def inventory(
    *, rows: Iterable[m.MigrateInventoryRowInput], idempotency_key: str | None = None
) -> Call[m.MigrateOutcome]:
    """Import items: `POST /server/v1/migrate/inventory`."""
    body: dict[str, Any] = {"rows": check_items(rows, "rows", m.take_migrate_inventory_row, 1, 1000)}
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "migrate.inventory",
        "POST",
        "/server/v1/migrate/inventory",
        "/server/v1/migrate/inventory",
        m.MigrateOutcome,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
    )
