"""Grants: create and ack."""

from __future__ import annotations

import json

from kraty_server.testing.emulator.clock import format_time, parse_time
from kraty_server.testing.emulator.errors import ApiError, idempotency_conflict, invalid, not_found
from kraty_server.testing.emulator.grants import get_grant, grant_payload, mint_grant, read_entry
from kraty_server.testing.emulator.idempotency import digest, fingerprint
from kraty_server.testing.emulator.ledger import change_holding, in_catalog
from kraty_server.testing.emulator.operation import OperationRequest, OperationResult
from kraty_server.testing.emulator.players import get_or_create_player, require_player
from kraty_server.testing.operations.registry import handles


@handles("grants.create", keeps_keys=True)
def create(request: OperationRequest) -> OperationResult:
    """Mint a grant; its key answers with it for ever, whatever became of the player."""
    context, body, external_id = request.context, request.body, request.path["externalId"]
    key, mark = body["idempotencyKey"], digest(external_id, fingerprint(body).hex())
    sql = "SELECT * FROM grants WHERE world = ? AND idempotency_key = ?"
    if before := context.state.one(sql, context.world, key):
        if before["fingerprint"] != mark:
            raise idempotency_conflict(key)
        return 200, grant_payload(before)
    for index, entry in enumerate(body["entries"]):
        kind, name, _ = read_entry(entry)
        if not in_catalog(context, kind, name):
            details = {"entry": index, "key": name}
            raise ApiError(400, "invalid_metric", f"entries[{index}]: no {kind} {name!r}", details)
    expires_at = None
    if "expiresAt" in body:
        try:
            expires_at = format_time(parse_time(body["expiresAt"]))
        except ValueError as error:
            raise invalid("expiresAt", str(error)) from None
    grant = mint_grant(
        context,
        get_or_create_player(context, external_id),
        body["entries"],
        kind=body.get("kind", "reward"),
        source_kind=body.get("sourceKind", "api"),
        source_ref_id=body.get("sourceRefId"),
        expires_at=expires_at,
        metadata=body.get("metadata"),
        idempotency_key=key,
        fingerprint=mark,
    )
    return 201, grant_payload(grant)


@handles("grants.ack")
def ack(request: OperationRequest) -> OperationResult:
    """Claim a pending grant; a reward is booked, a crate is not, since it was not opened."""
    context, grant_id = request.context, request.path["grantId"]
    player = require_player(context, request.path["externalId"])
    grant = context.state.one("SELECT * FROM grants WHERE id = ? AND player = ?", grant_id, player["id"])
    if grant is None:
        raise not_found(f"grant {grant_id!r} of player {player['external_id']!r}")
    if grant["status"] == "pending":
        sql = "UPDATE grants SET status = 'claimed', claimed_at = ?, acked_by = 'server_api' WHERE id = ?"
        context.state.run(sql, context.at, grant_id)
        for entry in json.loads(grant["contents"])["entries"] if grant["kind"] == "reward" else ():
            kind, name, amount = read_entry(entry)
            parameters = entry.get("parameters")
            change_holding(
                context, player, kind, name, amount, reason="grant", source_ref_id=grant_id, parameters=parameters
            )
    return 200, grant_payload(get_grant(context, grant_id))
