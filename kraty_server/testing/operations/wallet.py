"""Wallet: credit and debit."""

from __future__ import annotations

from kraty_server.testing.emulator.operation import OperationRequest, OperationResult
from kraty_server.testing.operations.holdings import adjust, replay
from kraty_server.testing.operations.registry import handles


@handles("wallet.credit", replay=replay("currency"))
def credit(request: OperationRequest) -> OperationResult:
    """Add to what a player holds."""
    return adjust(request, "currency", request.body["amount"])


@handles("wallet.debit", replay=replay("currency"))
def debit(request: OperationRequest) -> OperationResult:
    """Take from what a player holds; never below zero."""
    return adjust(request, "currency", -request.body["amount"])
