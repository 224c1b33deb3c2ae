"""Ping."""

from __future__ import annotations

from kraty_server.testing.emulator.operation import OperationRequest, OperationResult
from kraty_server.testing.operations.registry import handles


@handles("health.ping")
def ping(request: OperationRequest) -> OperationResult:
    """Say whose key it is."""
    key = request.api_key
    return 200, {
        "ok": True,
        "apiKey": {
            "id": f"key_{key['prefix']}",
            "prefix": key["prefix"],
            "permissionSet": key["permission_set"],
            "environment": key["environment"],
            "studioId": key["studio"],
            "gameId": key["game"],
        },
    }
