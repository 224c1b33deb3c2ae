"""Health: does the key work?"""

from __future__ import annotations

from kraty_server._endpoint import AsyncResource, SyncResource, endpoint
from kraty_server_generated.api import health
from kraty_server_generated.models import ServerPingResponse as PingResponse
from kraty_server_generated.types import Call


class HealthCalls:
    """What each method sends, whatever the flavour."""

    @endpoint
    def ping(self) -> Call[PingResponse]:
        """Ask who the key belongs to.

        Raises:
            UnauthenticatedError, SessionInvalidError: the key is missing, malformed, unknown or revoked.
            ForbiddenError: the key is no `server_integration` key.
        """
        return health.ping()


class Health(HealthCalls, SyncResource):
    """Health, blocking."""


class AsyncHealth(HealthCalls, AsyncResource):
    """Health, async."""
