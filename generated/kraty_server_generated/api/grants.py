# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""Calls of grants: each function checks its arguments and says what to send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from kraty_server_generated import models as m
from kraty_server_generated.contract import PATTERNS
from kraty_server_generated.types import (
    Call,
    check_items,
    check_json_object,
    check_text,
    check_time,
    quote_segment,
)


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
    """Mint currency, items and crates in one atomic payout: `POST /server/v1/players/{externalId}/grants`."""
    body: dict[str, Any] = {"idempotencyKey": check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])}
    if kind is not None:
        body["kind"] = check_text(kind, "kind", 1)
    body["entries"] = check_items(entries, "entries", m.take_granted_reward_entry, 1)
    if expires_at is not None:
        body["expiresAt"] = check_time(expires_at, "expires_at")
    if source_kind is not None:
        body["sourceKind"] = check_text(source_kind, "source_kind", 1)
    if source_ref_id is not None:
        body["sourceRefId"] = check_text(source_ref_id, "source_ref_id")
    if metadata is not None:
        body["metadata"] = check_json_object(metadata, "metadata")
    return Call(
        "grants.create",
        "POST",
        "/server/v1/players/{externalId}/grants",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}/grants",
        m.Grant,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
    )


def ack(external_player_id: str, grant_id: str, *, idempotency_key: str | None = None) -> Call[m.Grant]:
    """Claim a grant for the player: `POST /server/v1/players/{externalId}/grants/{grantId}/ack`."""
    body: dict[str, Any] = {}
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "grants.ack",
        "POST",
        "/server/v1/players/{externalId}/grants/{grantId}/ack",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}/grants/{quote_segment(grant_id, 'grant_id', 1, PATTERNS[0])}/ack",
        m.Grant,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
    )
