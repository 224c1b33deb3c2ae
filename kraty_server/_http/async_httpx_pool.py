"""How is a request sent over connections of our own, with httpx, on an event loop? A pool as in `httpx_pool`.

A module of its own, since it needs asyncio, which a blocking worker does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx

from kraty_server._clock import SYSTEM_CLOCK
from kraty_server._http.answers import aclose_quietly, areceive
from kraty_server._http.headers import RequestBuilder
from kraty_server._http.httpx_pool import Route
from kraty_server._http.messages import Answer, Send
from kraty_server._http.pool import Limits, Pool, Slot
from kraty_server._http.streams import aopened, is_left_unread
from kraty_server._options import Options


class _AsyncConnection(Slot):
    __slots__ = ("transport",)

    def __init__(self, route: Route) -> None:
        super().__init__(SYSTEM_CLOCK.monotonic())
        self.transport = httpx.AsyncHTTPTransport(**route.transport_options())

    async def aclose(self) -> None:
        await aclose_quietly(self.transport.aclose)


class AsyncHttpxPool:
    """The connections of an event loop."""

    def __init__(self, route: Route, limits: Limits) -> None:
        self.route = route
        self.builder = RequestBuilder(route.base_url)
        self.pool = Pool[_AsyncConnection](limits)
        self.max_body = limits.max_body
        self.available = asyncio.Semaphore(limits.max_connections)
        self.closed = False

    async def send(self, send: Send, options: Options) -> Answer:
        """Send a request and read the whole answer."""
        connection = await self._acquire(send.timeout)
        reusable = held = False
        try:
            response = await connection.transport.handle_async_request(self.builder.build(send, options))
            if is_left_unread(response, send):
                held = True
                return aopened(response, send, lambda fit: self._let_go(connection, reusable=fit))
            answer, reusable = await areceive(response, send, self.max_body)
            return answer
        finally:
            if not held:
                await self._let_go(connection, reusable=reusable)

    async def _let_go(self, connection: _AsyncConnection, *, reusable: bool) -> None:
        for one in self._release(connection, reusable=reusable):
            await one.aclose()

    async def _acquire(self, timeout: float) -> _AsyncConnection:
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
                connection = _AsyncConnection(self.route)
                self.pool.add(connection)
        except BaseException:
            self.available.release()
            if connection is not None:
                self.pool.forget(connection)
                await connection.aclose()
            raise
        return connection

    def _release(self, connection: _AsyncConnection, *, reusable: bool) -> Sequence[_AsyncConnection]:
        """Let the next call have a connection, or let it go; and tell what is to be closed."""
        if reusable and not self.closed:
            closing: Sequence[_AsyncConnection] = self.pool.release(connection, SYSTEM_CLOCK.monotonic())
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
