# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""Calls of inventory: each function checks its arguments and says what to send."""

from __future__ import annotations

from typing import Any

from kraty_server_generated import models as m
from kraty_server_generated.contract import PATTERNS
from kraty_server_generated.types import Call, check_integer, check_text, quote_segment


def grant(
    external_player_id: str,
    item_key: str,
    *,
    quantity: int,
    reason: str | None = None,
    source_ref_id: str | None = None,
    idempotency_key: str | None = None,
) -> Call[m.AdjustItemResult]:
    """Give a player some of an item: `POST /server/v1/players/{externalId}/inventory/{itemKey}/grant`."""
    body: dict[str, Any] = {"quantity": check_integer(quantity, "quantity", 1)}
    if reason is not None:
        body["reason"] = check_text(reason, "reason")
    if source_ref_id is not None:
        body["sourceRefId"] = check_text(source_ref_id, "source_ref_id")
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "inventory.grant",
        "POST",
        "/server/v1/players/{externalId}/inventory/{itemKey}/grant",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}/inventory/{quote_segment(item_key, 'item_key', 1, PATTERNS[0])}/grant",
        m.AdjustItemResult,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
        echoes=(("itemKey", item_key),),
    )


def revoke(
    external_player_id: str,
    item_key: str,
    *,
    quantity: int,
    reason: str | None = None,
    source_ref_id: str | None = None,
    idempotency_key: str | None = None,
) -> Call[m.AdjustItemResult]:
    """Take some of an item from a player: `POST /server/v1/players/{externalId}/inventory/{itemKey}/revoke`."""
    body: dict[str, Any] = {"quantity": check_integer(quantity, "quantity", 1)}
    if reason is not None:
        body["reason"] = check_text(reason, "reason")
    if source_ref_id is not None:
        body["sourceRefId"] = check_text(source_ref_id, "source_ref_id")
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "inventory.revoke",
        "POST",
        "/server/v1/players/{externalId}/inventory/{itemKey}/revoke",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}/inventory/{quote_segment(item_key, 'item_key', 1, PATTERNS[0])}/revoke",
        m.AdjustItemResult,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
        echoes=(("itemKey", item_key),),
    )
