"""Wallet: currencies, and progression resources such as xp."""

from __future__ import annotations

from kraty_server._endpoint import AsyncResource, SyncResource, endpoint
from kraty_server_generated.api import wallet
from kraty_server_generated.models import AdjustWalletResult
from kraty_server_generated.types import Call


class WalletCalls:
    """What each method sends, whatever the flavour."""

    @endpoint
    def credit(
        self,
        external_player_id: str,
        economy_key: str,
        *,
        amount: int,
        reason: str | None = None,
        source_ref_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[AdjustWalletResult]:
        """Add to a balance.

        Only servers can: clients spend. Fires `wallet.changed`.

        Args:
            amount: at least 1, in the smallest unit of the currency.
            reason: tag in the ledger, as `iap_fulfillment`.
            source_ref_id: your id of the receipt.
            idempotency_key: your receipt id. Without one a key is made for this call, which guards its retries only.

        Returns:
            The balance now; `applied` is False for a replay.

        Raises:
            NotFoundError: no such currency.
            IdempotencyConflictError: the key was used with another body within 24 hours.
        """
        return wallet.credit(
            external_player_id,
            economy_key,
            amount=amount,
            reason=reason,
            source_ref_id=source_ref_id,
            idempotency_key=idempotency_key,
        )

    @endpoint
    def debit(
        self,
        external_player_id: str,
        economy_key: str,
        *,
        amount: int,
        reason: str | None = None,
        source_ref_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[AdjustWalletResult]:
        """Take from a balance, for a refund or a chargeback.

        Fires `wallet.changed`. Arguments and result are those of `credit`.

        Raises:
            ConflictError: the balance is too small; nothing was taken.
            NotFoundError: no such currency.
            IdempotencyConflictError: the key was used with another body within 24 hours.
        """
        return wallet.debit(
            external_player_id,
            economy_key,
            amount=amount,
            reason=reason,
            source_ref_id=source_ref_id,
            idempotency_key=idempotency_key,
        )


class Wallet(WalletCalls, SyncResource):
    """Wallet, blocking."""


class AsyncWallet(WalletCalls, AsyncResource):
    """Wallet, async."""
