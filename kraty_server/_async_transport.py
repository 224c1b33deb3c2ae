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
from kraty_server._transport import IDLE, LIMITS, ONE, Address, chosen, closed, cut_off, fields_of, lost, made_elsewhere
from kraty_server.errors import KratyClosedError

if TYPE_CHECKING:
    import ssl

    from kraty_server._aiohttp import Session

T = TypeVar("T")

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
                await options.clock.async_sleep(step.seconds, self.pool().closing)
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
                return cut_off(error)
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
            for lane in list(pool.lanes):  # calls that end meanwhile take some out
                await lane.aclose()


class _Lane:
    """One connection, as a pool of httpx's, for one call at a time; many, where a transport was given."""

    ours: httpx.AsyncClient | None
    transport: httpx.AsyncBaseTransport
    used: float

    def __init__(self, made: AsyncConnections) -> None:
        self.ours = None
        self.used = time.monotonic()
        if made.transport is not None:
            self.transport = made.transport
        else:
            assert made.context is not None
            self.ours = httpx.AsyncClient(verify=made.context, limits=ONE, timeout=None, http2=made.http2)  # noqa: S113  # each request brings its own
            self.transport = chosen(self.ours, made.base_url)

    async def aclose(self) -> None:
        """Close the connection, if it is ours; the next call opens another."""
        if self.ours is not None:
            with suppress(Exception):  # what goes wrong here is no error of a call
                await self.transport.aclose()


class _AsyncPool:
    """Requests go through a client that was given, to aiohttp, or straight to the transport of a lane."""

    made: AsyncConnections
    closing: asyncio.Event
    client: AsyncHttpClient | None
    session: Session | None
    room: asyncio.Semaphore
    lanes: list[_Lane]
    idle: list[_Lane]
    """Those that nobody has; the one used last is last."""
    shared: _Lane | None
    """The only one, where there is only one."""
    address: Address

    def __init__(self, made: AsyncConnections) -> None:
        self.made = made
        self.closing = asyncio.Event()
        self.client = made.client
        self.session = self.shared = None
        self.room = asyncio.Semaphore(LIMITS.max_connections or 1)
        self.lanes, self.idle = [], []
        accepted = "gzip, deflate"
        if made.context is not None and made.aiohttp:
            from kraty_server._aiohttp import Session

            self.session = Session(made.base_url, made.context, LIMITS)
        elif made.client is None:
            self.lanes.append(first := _Lane(made))
            self.shared = first if first.ours is None else None
            self.idle = [] if self.shared else [first]
            accepted = first.ours.headers["accept-encoding"] if first.ours else accepted
        self.address = Address(made.base_url, accepted)

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
        lane = self.shared or await self.take(step.timeout)
        whole = False
        try:
            answer = await self._answer(await lane.transport.handle_async_request(self.address.request(step, options)))
            whole = answer.whole
            return answer
        finally:
            await self.give(lane, whole=whole)

    async def take(self, patience: float) -> _Lane:
        """Take a lane that nobody has, or a new one; wait for one where there are as many as there may be."""
        if self.room.locked():
            try:
                async with asyncio.timeout(patience):
                    await self.room.acquire()
            except TimeoutError:
                raise httpx.PoolTimeout(f"all {len(self.lanes)} connections were busy") from None
        else:
            await self.room.acquire()
        try:
            if self.closing.is_set():
                raise httpx.PoolTimeout("the client was closed")
            if self.idle:
                return self.idle.pop()
            self.lanes.append(lane := _Lane(self.made))
        except BaseException:
            self.room.release()
            raise
        return lane

    async def give(self, lane: _Lane, *, whole: bool) -> None:
        """Give a lane back, and close the one that was used longest ago if that is too long."""
        if lane is self.shared:
            return
        try:
            if self.closing.is_set() or not whole:  # as in the blocking pool
                await lane.aclose()
        finally:
            lane.used = time.monotonic()
            self.idle.append(lane)
            self.room.release()
        if lane.used - self.idle[0].used > IDLE:
            self.lanes.remove(oldest := self.idle.pop(0))
            await oldest.aclose()

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
