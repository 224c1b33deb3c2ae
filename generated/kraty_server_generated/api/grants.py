# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""Calls of grants: each function checks its arguments and says what to send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kraty_server_generated import types as t
from kraty_server_generated.types import Call

if TYPE_CHECKING:
    from kraty_server_generated import models as m
else:
    m = t.Later("kraty_server_generated.models")


def create(
    external_player_id: str,
    *,
    idempotency_key: str,
    kind: m.GrantKindInput | None = None,
    entries: Iterable[m.GrantedRewardEntryInput],
    expires_at: datetime | str | None = None,
    source_kind: m.GrantSourceKindInput | None = None,
    source_ref_id: str | None = None,
    metadata: Mapping[str, object] | None = None,
) -> Call[m.Grant]:
    """Mint currency, items and crates in one atomic payout.

    `POST /server/v1/players/{externalId}/grants`
    """
    body: dict[str, Any] = {}
    body["idempotencyKey"] = t.text(idempotency_key, "idempotency_key", 1, t.PATTERNS[1])
    if kind is not None:
        body["kind"] = t.text(kind, "kind", 1)
    body["entries"] = t.items(entries, "entries", m.take_granted_reward_entry, 1)
    if expires_at is not None:
        body["expiresAt"] = t.time(expires_at, "expires_at")
    if source_kind is not None:
        body["sourceKind"] = t.text(source_kind, "source_kind", 1)
    if source_ref_id is not None:
        body["sourceRefId"] = t.text(source_ref_id, "source_ref_id")
    if metadata is not None:
        body["metadata"] = t.json_object(metadata, "metadata")
    return Call(
        "grants.create",
        "POST",
        "/server/v1/players/{externalId}/grants",
        f"/server/v1/players/{t.segment(external_player_id, 'external_player_id', 1, t.PATTERNS[0])}/grants",
        m.Grant.from_dict,
        unwrap="data",
        body=body,
        stamp="idempotencyKey",
    )


def ack(external_player_id: str, grant_id: str, *, idempotency_key: str | None = None) -> Call[m.Grant]:
    """Claim a grant for the player.

    `POST /server/v1/players/{externalId}/grants/{grantId}/ack`
    """
    body: dict[str, Any] = {}
    if idempotency_key is not None:
        body["idempotencyKey"] = t.text(idempotency_key, "idempotency_key", 1, t.PATTERNS[1])
    return Call(
        "grants.ack",
        "POST",
        "/server/v1/players/{externalId}/grants/{grantId}/ack",
        f"/server/v1/players/{t.segment(external_player_id, 'external_player_id', 1, t.PATTERNS[0])}/grants/{t.segment(grant_id, 'grant_id', 1, t.PATTERNS[0])}/ack",
        m.Grant.from_dict,
        unwrap="data",
        body=body,
        stamp="idempotencyKey",
    )
