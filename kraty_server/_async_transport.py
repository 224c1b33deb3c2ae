"""How is a request sent on an event loop?"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar, cast

import httpx

from kraty_server._flow import MAX_BODY, Answer, Flow, Lost, Reply, Send, Sleep
from kraty_server._options import AsyncHttpClient, Options, request_headers
from kraty_server._transport import IDLE, LIMITS, Address, chosen, closed, fields_of, lost, made_elsewhere
from kraty_server.errors import KratyClosedError

if TYPE_CHECKING:
    import ssl

    from kraty_server._aiohttp import Session

T = TypeVar("T")

ONE: Final = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE)
"""httpx's async pool looks at each of its connections with each request, so each connection has a pool of its own."""
GRACE: Final = 0.1
"""Seconds after which an async attempt is cut; the transport's own time-outs, which say more, come first."""


class AsyncConnections:
    """The connections of an async client: pools for each event loop that uses it, in each process."""

    client: AsyncHttpClient | None
    transport: httpx.AsyncBaseTransport | None
    base_url: str
    aiohttp: bool
    http2: bool
    pools: dict[tuple[int, asyncio.AbstractEventLoop], _AsyncPool]
    closed: bool
    context: ssl.SSLContext | None

    def __init__(
        self,
        base_url: str,
        client: AsyncHttpClient | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        aiohttp: bool,
        http2: bool = False,
    ) -> None:
        self.client = client
        self.transport = transport
        self.base_url = base_url
        self.aiohttp = aiohttp
        self.http2 = http2
        self.pools = {}
        self.closed = False
        self.context = httpx.create_ssl_context() if client is None and transport is None else None

    def pool(self) -> _AsyncPool:
        """The pool of the running loop."""
        here = (os.getpid(), asyncio.get_running_loop())
        if (pool := self.pools.get(here)) is None:
            if self.context is None and self.pools:
                raise made_elsewhere(self.transport, "used in another event loop or process")
            self._forget_dead_loops()
            pool = self.pools.setdefault(here, _AsyncPool(self))
        return pool

    async def run(self, steps: Flow[T], options: Options) -> T:
        """Drive a flow on the running event loop."""
        reply: Reply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as done:
                result: T = done.value
                return result
            if isinstance(step, Sleep):
                reply = None
                with suppress(TimeoutError):  # or until the client is closed
                    async with asyncio.timeout(step.seconds):
                        await self.pool().closing.wait()
            else:
                reply = await self.send(step, options)

    async def send(self, step: Send, options: Options) -> Reply:
        """Send one request and read the whole answer."""
        if self.closed:
            return closed("before this call")
        try:
            pool = self.pool()
        except KratyClosedError as error:
            return Lost(error, reached=False, again=False)
        try:
            async with asyncio.timeout(step.timeout + GRACE):
                if pool.session is not None:
                    return await pool.session.send(step, request_headers(options, has_body=step.content is not None))
                return await pool.send(step, options)
        except Exception as error:  # httpx's, or whatever an http_client of the caller raises
            if self.closed:
                return Lost(closed("while this call was under way").cause, reached=True, again=False)
            return lost(error, step)

    def _forget_dead_loops(self) -> None:
        """Let go of pools that nobody can use or close any more: of a closed loop, or of the process before a fork."""
        for key in list(self.pools):
            if key[0] != os.getpid() or key[1].is_closed():
                pool = self.pools.pop(key, None)
                if pool is not None and pool.session is not None and key[1].is_closed():
                    pool.session.abandon()

    async def aclose(self) -> None:
        """Close the connections of this loop; a client or transport that was given stays open."""
        self.closed = True
        self._forget_dead_loops()
        if (pool := self.pools.pop((os.getpid(), asyncio.get_running_loop()), None)) is not None:
            pool.closing.set()
            if pool.session is not None:
                await pool.session.aclose()
            for lane in pool.lanes:
                if lane.ours is not None:
                    await lane.ours.aclose()


class _Lane:
    """A pool of httpx's, how many requests are under way in it, and when the last one ended."""

    ours: httpx.AsyncClient | None
    transport: httpx.AsyncBaseTransport
    busy: int
    used: float

    def __init__(self, ours: httpx.AsyncClient | None, transport: httpx.AsyncBaseTransport) -> None:
        self.ours = ours
        self.transport = transport
        self.busy = 0
        self.used = time.monotonic()


class _AsyncPool:
    """Requests go through a client that was given, to aiohttp, or straight to the transport with least to do."""

    closing: asyncio.Event
    made: AsyncConnections
    client: AsyncHttpClient | None
    session: Session | None
    lanes: list[_Lane]
    most: int
    address: Address

    def __init__(self, made: AsyncConnections) -> None:
        self.closing = asyncio.Event()
        self.made = made
        self.most = 1 if made.http2 else LIMITS.max_connections or 1
        self.client = made.client
        self.session = None
        self.lanes = []
        accepted = "gzip, deflate"
        if made.transport is not None:
            self.lanes.append(_Lane(None, made.transport))
        elif made.context is not None and made.aiohttp:
            from kraty_server._aiohttp import Session

            self.session = Session(made.base_url, made.context, LIMITS)
        elif made.context is not None:
            self.lanes.append(lane := self.lane())
            accepted = lane.ours.headers["accept-encoding"] if lane.ours else accepted
        self.address = Address(made.base_url, accepted)

    def lane(self) -> _Lane:
        """Make another pool; the one of HTTP/2 does for all."""
        made = self.made
        assert made.context is not None
        limits = LIMITS if made.http2 else ONE
        client = httpx.AsyncClient(verify=made.context, limits=limits, timeout=None, http2=made.http2)  # noqa: S113  # each request brings its own
        return _Lane(client, chosen(client, made.base_url))

    async def send(self, step: Send, options: Options) -> Answer:
        """Send one request and read the whole answer."""
        if self.client is not None:
            request = self.client.build_request(
                step.method,
                step.url,
                content=step.content,
                headers=request_headers(options, has_body=step.content is not None),
                timeout=step.timeout,
            )
            response = await self.client.send(request, auth=None, follow_redirects=False, stream=True)
            return await self._answer(response)
        await self._close_idle()
        lane = min(self.lanes, key=_busy)
        if lane.busy and lane.ours is not None and len(self.lanes) < self.most:
            self.lanes.append(lane := self.lane())
        lane.busy += 1
        try:
            return await self._answer(await lane.transport.handle_async_request(self.address.request(step, options)))
        finally:
            lane.busy -= 1
            lane.used = time.monotonic()

    async def _close_idle(self) -> None:
        """Close what a peak has left: the first pools are taken first, so the last one is idle for longest."""
        last = self.lanes[-1]
        if len(self.lanes) > 1 and not last.busy and last.ours is not None and time.monotonic() - last.used > IDLE:
            self.lanes.pop()
            await last.ours.aclose()

    async def _answer(self, response: httpx.Response) -> Answer:
        try:
            headers = fields_of(response)
            content = bytearray()
            stream = response.aiter_bytes() if self.client or "content-encoding" in headers else response.stream
            async for chunk in cast("AsyncIterable[bytes]", stream):
                content += chunk
                if len(content) > MAX_BODY:
                    return Answer(response.status_code, headers, bytes(content[:MAX_BODY]), False)
            return Answer(response.status_code, headers, bytes(content))
        finally:
            await response.aclose()


def _busy(lane: _Lane) -> int:
    return lane.busy
