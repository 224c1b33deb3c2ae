"""Migrate: the import of a whole game's players."""

from __future__ import annotations

from collections.abc import Iterable

from kraty_server._endpoint import AsyncResource, SyncResource, endpoint
from kraty_server_generated.api import migrate
from kraty_server_generated.models import (
    MigrateInventoryRowInput,
    MigrateOutcome,
    MigratePlayerRowInput,
    MigrateWalletRowInput,
)
from kraty_server_generated.types import Call


class MigrateCalls:
    """What each method sends, whatever the flavour."""

    @endpoint
    def players(
        self, rows: Iterable[MigratePlayerRowInput], *, idempotency_key: str | None = None
    ) -> Call[MigrateOutcome]:
        """Import players. No webhooks are fired.

        Args:
            rows: 1 to 1,000, each with a key of its own, so that a batch can be sent again.

        Returns:
            How many were applied, skipped as replays, and failed. A bad row does not hold up the others.
        """
        return migrate.players(rows=rows, idempotency_key=idempotency_key)

    @endpoint
    def wallet(
        self, rows: Iterable[MigrateWalletRowInput], *, idempotency_key: str | None = None
    ) -> Call[MigrateOutcome]:
        """Import balances; unknown players are made. No webhooks are fired. Rows and result as in `players`."""
        return migrate.wallet(rows=rows, idempotency_key=idempotency_key)

    @endpoint
    def inventory(
        self, rows: Iterable[MigrateInventoryRowInput], *, idempotency_key: str | None = None
    ) -> Call[MigrateOutcome]:
        """Import items; unknown players are made. No webhooks are fired. Rows and result as in `players`."""
        return migrate.inventory(rows=rows, idempotency_key=idempotency_key)


class Migrate(MigrateCalls, SyncResource):
    """Migrate, blocking."""


class AsyncMigrate(MigrateCalls, AsyncResource):
    """Migrate, async."""
