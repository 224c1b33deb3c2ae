"""Which connection does an async call get? As in `blocking_pool`, among the tasks of an event loop.

A module of its own, since it needs asyncio, which a blocking worker does not.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import httpx

from kraty_server._clock import SYSTEM_CLOCK
from kraty_server._http.pool import Limits, Pool, Slot


class AsyncConnection(Slot):
    """A connection of an event loop."""

    __slots__ = ()

    @abstractmethod
    async def aclose(self) -> None:
        """Close it; whoever waits for it sees its end."""


C = TypeVar("C", bound=AsyncConnection)


class AsyncPool(Generic[C]):
    """The connections of an event loop, to be made and used by a subclass."""

    def __init__(self, limits: Limits) -> None:
        self.pool = Pool[C](limits)
        self.max_body = limits.max_body
        self.available = asyncio.Semaphore(limits.max_connections)
        self.closed = False

    @abstractmethod
    def _make(self) -> C:
        """Make a connection, which connects with its first call."""

    async def _acquire(self, timeout: float) -> C:
        """Take the connection that was used last, or a new one; wait where there are as many as there may be."""
        if self.available.locked():
            try:
                async with asyncio.timeout(timeout):
                    await self.available.acquire()
            except TimeoutError:
                raise httpx.PoolTimeout(f"all {self.pool.limits.max_connections} connections were busy") from None
        else:
            await self.available.acquire()
        connection = None
        try:
            if self.closed:
                raise httpx.PoolTimeout("the client was closed")
            connection, expired = self.pool.acquire(SYSTEM_CLOCK.monotonic())
            for one in expired:
                await one.aclose()
            if connection is None:
                connection = self._make()
                self.pool.add(connection)
        except BaseException:
            self.available.release()
            if connection is not None:
                self.pool.forget(connection)
                await connection.aclose()
            raise
        return connection

    def _renew(self, connection: C) -> C:
        """Put a new connection in the place of one that has ended."""
        self.pool.forget(connection)
        connection = self._make()
        self.pool.add(connection)
        return connection

    def _release(self, connection: C, *, reusable: bool) -> Sequence[C]:
        """Let the next call have a connection, or let it go; and tell what is to be closed."""
        if reusable and not self.closed:
            closing: Sequence[C] = self.pool.release(connection, SYSTEM_CLOCK.monotonic())
        else:
            self.pool.forget(connection)
            closing = [connection, *(self.pool.retire() if connection.reused else ())]  # as in the blocking pool
        self.available.release()
        return closing

    async def aclose(self) -> None:
        """Close the connections; calls under way end with an error."""
        self.closed = True
        for reference in list(self.pool.open):
            if (connection := reference()) is not None:
                await connection.aclose()
        self.pool.retire()
