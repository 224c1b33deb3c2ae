# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""Calls of wallet: each function checks its arguments and says what to send."""

from __future__ import annotations

from typing import Any

from kraty_server_generated import models as m
from kraty_server_generated.contract import PATTERNS
from kraty_server_generated.types import Call, check_integer, check_text, quote_segment


def credit(
    external_player_id: str,
    economy_key: str,
    *,
    amount: int,
    reason: str | None = None,
    source_ref_id: str | None = None,
    idempotency_key: str | None = None,
) -> Call[m.AdjustWalletResult]:
    """Add to a balance: `POST /server/v1/players/{externalId}/wallet/{economyKey}/credit`."""
    body: dict[str, Any] = {"amount": check_integer(amount, "amount", 1)}
    if reason is not None:
        body["reason"] = check_text(reason, "reason")
    if source_ref_id is not None:
        body["sourceRefId"] = check_text(source_ref_id, "source_ref_id")
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "wallet.credit",
        "POST",
        "/server/v1/players/{externalId}/wallet/{economyKey}/credit",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}/wallet/{quote_segment(economy_key, 'economy_key', 1, PATTERNS[0])}/credit",
        m.AdjustWalletResult,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
        echoes=(("economyKey", economy_key),),
    )


def debit(
    external_player_id: str,
    economy_key: str,
    *,
    amount: int,
    reason: str | None = None,
    source_ref_id: str | None = None,
    idempotency_key: str | None = None,
) -> Call[m.AdjustWalletResult]:
    """Take from a balance: `POST /server/v1/players/{externalId}/wallet/{economyKey}/debit`."""
    body: dict[str, Any] = {"amount": check_integer(amount, "amount", 1)}
    if reason is not None:
        body["reason"] = check_text(reason, "reason")
    if source_ref_id is not None:
        body["sourceRefId"] = check_text(source_ref_id, "source_ref_id")
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "wallet.debit",
        "POST",
        "/server/v1/players/{externalId}/wallet/{economyKey}/debit",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}/wallet/{quote_segment(economy_key, 'economy_key', 1, PATTERNS[0])}/debit",
        m.AdjustWalletResult,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
        echoes=(("economyKey", economy_key),),
    )
