"""What do wallet and inventory have in common? A keyed change of a holding."""

from __future__ import annotations

from typing import Any

from kraty_server.testing.emulator.errors import not_found
from kraty_server.testing.emulator.ledger import NAMES, Kind, change_holding, get_holding, in_catalog
from kraty_server.testing.emulator.operation import OperationRequest, OperationResult
from kraty_server.testing.emulator.players import find_player, get_or_create_player
from kraty_server.testing.operations.registry import Execute


def adjust(request: OperationRequest, kind: Kind, delta: int) -> OperationResult:
    """Credit or debit what the path names."""
    context, key = request.context, request.path[NAMES[kind][0]]
    if not in_catalog(context, kind, key):
        raise not_found(f"{kind} {key!r} in the catalog")
    player = get_or_create_player(context, request.path["externalId"])
    reason, source_ref_id = request.body.get("reason"), request.body.get("sourceRefId")
    held = change_holding(context, player, kind, key, delta, reason=reason, source_ref_id=source_ref_id)
    return 200, _result(kind, key, held, applied=True)


def replay(kind: Kind) -> Execute:
    """Make the answer to a replay: not applied this time, and what is held now (CONTRACT.md §8)."""

    def answer(request: OperationRequest) -> OperationResult:
        key = request.path[NAMES[kind][0]]
        player = find_player(request.context, request.path["externalId"])
        held = 0 if player is None else get_holding(request.context, player["id"], kind, key)
        return 200, _result(kind, key, held, applied=False)

    return answer


def _result(kind: Kind, key: str, held: int, *, applied: bool) -> dict[str, Any]:
    name, amount = NAMES[kind]
    return {name: key, amount: held, "applied": applied}
