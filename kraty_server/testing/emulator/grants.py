"""What is a grant? Minted pending; claimed when it is acked; expired when its time has passed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from kraty_server.testing.emulator.context import RequestContext
from kraty_server.testing.emulator.ledger import Kind
from kraty_server.testing.emulator.outbox import emit
from kraty_server.testing.emulator.players import player_ids
from kraty_server.testing.emulator.state import Row, json_or_none


def read_entry(entry: Mapping[str, Any]) -> tuple[Kind, str, int]:
    """What an entry of a grant gives: kind, key and amount."""
    match entry["type"]:
        case "currency":
            return "currency", entry["currencyKey"], entry["amount"]
        case "crate":
            return "item", entry["crateItemKey"], entry["quantity"]
        case _:
            return "item", entry["itemKey"], entry["quantity"]


def get_grant(context: RequestContext, grant_id: str) -> Row:
    """A grant by its id, which exists."""
    found = context.state.one("SELECT * FROM grants WHERE id = ?", grant_id)
    assert found is not None
    return found


def mint_grant(
    context: RequestContext,
    player: Row,
    entries: Iterable[Mapping[str, Any]],
    *,
    kind: str = "reward",
    source_kind: str = "api",
    source_ref_id: str | None = None,
    expires_at: str | None = None,
    metadata: Any = None,
    idempotency_key: str | None = None,
    fingerprint: bytes | None = None,
) -> Row:
    """Create a grant, pending."""
    grant_id = str(uuid.uuid4())
    context.state.insert(
        "grants",
        id=grant_id,
        world=context.world,
        player=player["id"],
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
        kind=kind,
        contents=json.dumps({"entries": list(entries)}),
        source_kind=source_kind,
        source_ref_id=source_ref_id,
        status="pending",
        created_at=context.at,
        expires_at=expires_at,
        metadata=json_or_none(metadata),
    )
    if expires_at is not None:
        context.state.schedule(expires_at)
    grant = get_grant(context, grant_id)
    data = player_ids(player) | {"grant": grant_payload(grant), "grantId": grant_id, "sourceRefId": source_ref_id}
    emit(context, "grant.created", data)
    return grant


def grant_payload(grant: Row) -> dict[str, Any]:
    """A grant as the API shows it."""
    return {
        "id": grant["id"],
        "kind": grant["kind"],
        "contents": json.loads(grant["contents"]),
        "sourceKind": grant["source_kind"],
        "sourceRefId": grant["source_ref_id"],
        "parentGrantId": grant["parent"],
        "status": grant["status"],
        "rolledAt": grant["rolled_at"],
        "claimedAt": grant["claimed_at"],
        "expiresAt": grant["expires_at"],
        "createdAt": grant["created_at"],
    }
