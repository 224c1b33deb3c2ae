"""How is a request sent over sockets of our own, on an event loop? For an async client with `transport="fast"`."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import aiohappyeyeballs
import httpx

from kraty_server._clock import SYSTEM_CLOCK
from kraty_server._http.async_httpx_pool import AsyncHttpxPool
from kraty_server._http.async_pool import AsyncConnection, AsyncPool
from kraty_server._http.dialing import STAGGER
from kraty_server._http.http1 import Exchange, Line, Wire, cut_off, is_streamed
from kraty_server._http.httpx_pool import Route
from kraty_server._http.messages import Answer, Send
from kraty_server._http.pool import Limits
from kraty_server._http.readiness import wait_for
from kraty_server._options import Options

FLOOD: Final = 16 * 1024 * 1024
"""Bytes that came and nobody took. Calls take what there is with each turn of the loop: nobody asked for these."""


class _Connection(AsyncConnection, asyncio.Protocol):
    __slots__ = ("ended", "expired", "failure", "received", "transport", "unsent", "waiter", "wire")

    ended: bool
    expired: bool
    failure: Exception | None
    """Why it ended, where it did not end well."""
    received: bytes
    """What came, and nobody has taken yet."""
    transport: Any  # uvloop's are of another type
    unsent: bool
    waiter: asyncio.Future[None] | None

    def __init__(self) -> None:
        super().__init__(SYSTEM_CLOCK.monotonic())
        self.wire, self.received = Wire(), b""
        self.transport = self.waiter = self.failure = None
        self.ended = self.unsent = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.set_write_buffer_limits(high=0)  # so that it says when it holds something, and when it does not

    def pause_writing(self) -> None:
        self.unsent = True

    def resume_writing(self) -> None:
        self.unsent = False

    def data_received(self, data: bytes) -> None:
        self.received += data
        if len(self.received) > FLOOD:
            self.transport.abort()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended, self.failure = True, exc
        self._wake()

    def _expire(self) -> None:
        self.expired = True
        self._wake()

    def _wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def _receive(self) -> bytes:
        """What came; nothing where the connection has ended."""
        if not (self.received or self.ended or self.expired):
            self.waiter = asyncio.get_running_loop().create_future()
            await self.waiter
        received, self.received = self.received, b""
        if not received and self.failure is not None:
            raise self.failure
        if not (received or self.ended):
            raise httpx.ReadTimeout("the time for this attempt has passed")
        return received

    @property
    def is_quiet(self) -> bool:
        """Whether it is open, and nothing came that nobody asked for; what TLS says to itself, as a ticket, may."""
        if self.transport.is_closing() or wait_for(self.transport.get_extra_info("socket"), 0):
            return False
        received, self.received = self.received, b""
        with suppress(OSError):
            return not received or (bool(self.wire.layers) and not self.wire.open(received) and not self.wire.ended)
        return False

    async def connect(self, line: Line, seconds: float) -> None:
        """Connect, and get through proxies and into TLS."""
        try:
            async with asyncio.timeout(seconds):
                await self._open(line, seconds)
        except (TimeoutError, httpx.ReadTimeout) as error:
            raise httpx.ConnectTimeout(str(error) or "the time for this attempt has passed") from error
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error

    async def _open(self, line: Line, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            family = socket.AF_INET6 if ipaddress.ip_address(line.host).version == 6 else socket.AF_INET
            found: Any = [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (line.host, line.port))]
        except ValueError:
            found = await loop.getaddrinfo(line.host, line.port, type=socket.SOCK_STREAM)
        eyeballs: Any = aiohappyeyeballs  # pyright does not know all of its types
        connected = await eyeballs.start_connection(found, happy_eyeballs_delay=STAGGER)
        await loop.create_connection(lambda: self, sock=connected)
        opening = line.open(self.wire)
        while opening.said is not None:
            await self.transfer(opening.said, seconds, opening.take)

    async def transfer(self, data: bytes, seconds: float, take: Callable[[bytes], bool]) -> bool:
        """Send it, and hand what comes over until that is enough; and tell whether some was still to be sent then."""
        self.expired = False
        timer = asyncio.get_running_loop().call_later(seconds, self._expire)
        try:
            if data:
                self.transport.write(data)
                self.unsent = self.unsent or self.transport.is_closing()  # it failed, and took nothing
            while not take(await self._receive()):
                pass
            return self.unsent
        except (OSError, httpx.TransportError) as error:
            if self.unsent:
                raise cut_off(error) from error
            raise
        finally:
            timer.cancel()

    def close(self) -> None:
        """Close it at once, whatever is still to be sent."""
        if self.transport is not None:
            self.transport.abort()
            self.transport = None

    async def aclose(self) -> None:
        self.close()


class AsyncSocketPool(AsyncPool[_Connection]):
    """The connections of an event loop."""

    def __init__(self, route: Route, limits: Limits) -> None:
        super().__init__(limits)
        self.line = Line(route)
        self.files = AsyncHttpxPool(route, limits)
        """As in the blocking pool."""

    def _make(self) -> _Connection:
        return _Connection()

    async def send(self, send: Send, options: Options) -> Answer:
        """Send a request and read the whole answer."""
        if is_streamed(send):
            async with asyncio.timeout(send.timeout):
                return await self.files.send(send, options)
        expires_at = SYSTEM_CLOCK.monotonic() + send.timeout
        connection = await self._acquire(send.timeout)
        reusable = False
        try:
            if connection.reused and not connection.is_quiet:
                connection.close()
                connection = self._renew(connection)
            if not connection.reused:
                await connection.connect(self.line, expires_at - SYSTEM_CLOCK.monotonic())
                if self.closed:
                    raise httpx.PoolTimeout("the client was closed")
            exchange = Exchange(connection.wire, self.max_body)
            request = connection.wire.seal(self.line.request(send, options))
            unsent = await connection.transfer(request, expires_at - SYSTEM_CLOCK.monotonic(), exchange.take)
            answer, reusable = exchange.answer(send, unsent=unsent)
            return answer
        finally:
            for one in self._release(connection, reusable=reusable):
                one.close()

    async def aclose(self) -> None:
        """Close the connections; calls under way end with an error."""
        await self.files.aclose()
        await super().aclose()
        await asyncio.sleep(0)  # the loop closes sockets on its next turn

    def abandon(self) -> None:
        """Let go of the connections of a loop that is closed."""
        for reference in list(self.pool.open):
            if (connection := reference()) is not None:
                with suppress(RuntimeError):
                    connection.close()
