"""How is a request sent over connections of our own, with httpx, on an event loop? A pool as in `httpx_pool`.

A module of its own, since it needs asyncio, which a blocking worker does not.
"""

from __future__ import annotations

import httpx

from kraty_server._clock import SYSTEM_CLOCK
from kraty_server._http.answers import aclose_quietly, areceive
from kraty_server._http.async_pool import AsyncConnection, AsyncPool
from kraty_server._http.headers import RequestBuilder
from kraty_server._http.httpx_pool import Route
from kraty_server._http.messages import Answer, Send
from kraty_server._http.pool import Limits
from kraty_server._http.streams import aopened, is_left_unread
from kraty_server._options import Options


class _AsyncConnection(AsyncConnection):
    __slots__ = ("transport",)

    def __init__(self, route: Route) -> None:
        super().__init__(SYSTEM_CLOCK.monotonic())
        self.transport = httpx.AsyncHTTPTransport(**route.transport_options())

    async def aclose(self) -> None:
        await aclose_quietly(self.transport.aclose)


class AsyncHttpxPool(AsyncPool[_AsyncConnection]):
    """The connections of an event loop."""

    def __init__(self, route: Route, limits: Limits) -> None:
        super().__init__(limits)
        self.route = route
        self.builder = RequestBuilder(route.base_url)

    def _make(self) -> _AsyncConnection:
        return _AsyncConnection(self.route)

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
