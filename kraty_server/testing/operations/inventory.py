"""Inventory: grant and revoke."""

from __future__ import annotations

from kraty_server.testing.emulator.operation import OperationRequest, OperationResult
from kraty_server.testing.operations.holdings import adjust, replay
from kraty_server.testing.operations.registry import handles


@handles("inventory.grant", replay=replay("item"))
def grant(request: OperationRequest) -> OperationResult:
    """Add to what a player holds."""
    return adjust(request, "item", request.body["quantity"])


@handles("inventory.revoke", replay=replay("item"))
def revoke(request: OperationRequest) -> OperationResult:
    """Take from what a player holds; never below zero."""
    return adjust(request, "item", -request.body["quantity"])
