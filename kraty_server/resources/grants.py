"""Grants: mixed payouts that a player claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from kraty_server._endpoint import AsyncResource, SyncResource, endpoint
from kraty_server_generated.api import grants
from kraty_server_generated.models import (
    Grant,
    GrantedRewardEntryInput,
    GrantKindInput,
    GrantSourceKindInput,
)
from kraty_server_generated.types import Call


class GrantsCalls:
    """What each method sends, whatever the flavour."""

    @endpoint
    def create(
        self,
        external_player_id: str,
        *,
        entries: Iterable[GrantedRewardEntryInput],
        idempotency_key: str,
        kind: GrantKindInput | None = None,
        expires_at: datetime | str | None = None,
        source_kind: GrantSourceKindInput | None = None,
        source_ref_id: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> Call[Grant]:
        """Mint currency, items and crates in one atomic payout.

        The player is made if it is not known. Fires `grant.created`.

        Args:
            entries: at least one `CurrencyEntry`, `ItemEntry` or `CrateEntry`, or the same as wire dicts.
            idempotency_key: your receipt id. A replay with the same body gives the grant of the first time, for ever.
            kind: `reward` (the server's default) or `crate`, which the player has to open.
            expires_at: when it can no longer be claimed; the game's setting where it is left out.
            source_kind: `api` (the server's default) or `admin`.
            source_ref_id: your id for tracing, shown in the audit log and in webhooks.
            metadata: anything JSON holds, kept with the grant.

        Raises:
            IdempotencyConflictError: the key was used with another body.
            InvalidMetricError: an entry names an unknown currency or item.
            ValidationFailedError: the server refused the body; `details` names the fields.
        """
        return grants.create(
            external_player_id,
            entries=entries,
            idempotency_key=idempotency_key,
            kind=kind,
            expires_at=expires_at,
            source_kind=source_kind,
            source_ref_id=source_ref_id,
            metadata=metadata,
        )

    @endpoint
    def ack(self, external_player_id: str, grant_id: str, *, idempotency_key: str | None = None) -> Call[Grant]:
        """Claim a grant for the player; again gives the same grant.

        Raises:
            NotFoundError: no such grant.
        """
        return grants.ack(external_player_id, grant_id, idempotency_key=idempotency_key)


class Grants(GrantsCalls, SyncResource):
    """Grants, blocking."""


class AsyncGrants(GrantsCalls, AsyncResource):
    """Grants, async."""
