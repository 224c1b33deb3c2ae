"""Health: does the key work?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kraty_server._endpoint import AsyncResource, SyncResource, endpoint
from kraty_server_generated.api import health
from kraty_server_generated.types import Call

if TYPE_CHECKING:
    from kraty_server_generated.models import ServerPingResponse as PingResponse


class _Health:
    __slots__ = ()

    @endpoint
    def ping(self) -> Call[PingResponse]:
        """Ask who the key belongs to.

        Raises:
            UnauthenticatedError, SessionInvalidError: the key is missing, malformed, unknown or revoked.
            ForbiddenError: the key is no `server_integration` key.
        """
        return health.ping()


class Health(_Health, SyncResource):
    """Health, blocking."""

    __slots__ = ()


class AsyncHealth(_Health, AsyncResource):
    """Health, async."""

    __slots__ = ()
