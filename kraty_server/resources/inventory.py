"""Inventory: the items a player holds."""

from __future__ import annotations

from kraty_server._endpoint import AsyncResource, SyncResource, endpoint
from kraty_server_generated.api import inventory
from kraty_server_generated.models import AdjustItemResult
from kraty_server_generated.types import Call


class InventoryCalls:
    """What each method sends, whatever the flavour."""

    @endpoint
    def grant(
        self,
        external_player_id: str,
        item_key: str,
        *,
        quantity: int,
        reason: str | None = None,
        source_ref_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[AdjustItemResult]:
        """Give a player some of an item.

        Has an effect only in games whose inventory the platform manages. Fires `inventory.changed`.

        Args:
            quantity: at least 1.
            reason: tag in the ledger, as `iap_fulfillment`.
            source_ref_id: your id of the receipt.
            idempotency_key: your receipt id. Without one a key is made for this call, which guards its retries only.

        Returns:
            What the player holds now; `applied` is False for a replay.

        Raises:
            NotFoundError: the item is not in the catalog.
            IdempotencyConflictError: the key was used with another body within 24 hours.
        """
        return inventory.grant(
            external_player_id,
            item_key,
            quantity=quantity,
            reason=reason,
            source_ref_id=source_ref_id,
            idempotency_key=idempotency_key,
        )

    @endpoint
    def revoke(
        self,
        external_player_id: str,
        item_key: str,
        *,
        quantity: int,
        reason: str | None = None,
        source_ref_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[AdjustItemResult]:
        """Take some of an item from a player, after a chargeback for instance.

        Fires `inventory.changed`. Arguments and result are those of `grant`.

        Raises:
            ConflictError: the player holds fewer; nothing was taken.
            NotFoundError: the item is not in the catalog.
            IdempotencyConflictError: the key was used with another body within 24 hours.
        """
        return inventory.revoke(
            external_player_id,
            item_key,
            quantity=quantity,
            reason=reason,
            source_ref_id=source_ref_id,
            idempotency_key=idempotency_key,
        )


class Inventory(InventoryCalls, SyncResource):
    """Inventory, blocking."""


class AsyncInventory(InventoryCalls, AsyncResource):
    """Inventory, async."""
