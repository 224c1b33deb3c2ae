"""Who sends for an async call? The driver of a flow, and the connections of each event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from inspect import isawaitable
from typing import Final, NamedTuple, Protocol, TypeAlias, TypeVar, cast

import httpx

from kraty_server._http.async_httpx_pool import AsyncHttpxPool
from kraty_server._http.connections import Process, current_process, log, report, used_elsewhere, with_headers
from kraty_server._http.environment import parse_base_url, read_route
from kraty_server._http.failures import closed_mid_call, not_sent, raised_by_signal, reply_to
from kraty_server._http.given_client import AsyncGivenClient
from kraty_server._http.given_transport import AsyncGivenTransport
from kraty_server._http.httpx_pool import Route
from kraty_server._http.messages import (
    Answer,
    AsyncBodyStream,
    Flow,
    Interruption,
    Receive,
    Reply,
    Report,
    Send,
    Sleep,
    TransportFailure,
)
from kraty_server._http.pool import DEFAULT_LIMITS, Limits
from kraty_server._http.private import import_event_loop_backend
from kraty_server._http.streams import close_later
from kraty_server._options import AsyncHttpClient, Options
from kraty_server.errors import KratyClosedError

T = TypeVar("T")
GRACE: Final = 0.25
"""Seconds after which an async attempt is cut; the transport's own time-outs, which say more, come first."""


class AsyncSender(Protocol):
    """One way out."""

    async def send(self, send: Send, options: Options) -> Answer:
        """Send a request and read the whole answer."""
        ...

    async def aclose(self) -> None:
        """Close what is ours of it."""
        ...


class AsyncBinding(NamedTuple):
    """What a client has in one event loop."""

    sender: AsyncSender
    closing: asyncio.Event


Home: TypeAlias = tuple[Process, asyncio.AbstractEventLoop]


class AsyncConnections:
    """The connections of an async client: a sender for each event loop that uses it, in each process."""

    def __init__(
        self,
        base_url: str,
        client: AsyncHttpClient | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        name: str = "httpx",
        http2: bool = False,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        parse_base_url(base_url)
        self.base_url = base_url
        self.client, self.transport = client, transport
        self.make_sender: Callable[[Route, Limits], AsyncSender] = AsyncHttpxPool
        self.keeps_time = name == "fast"
        """Whether the sender itself ends each attempt at its time, exactly."""
        self.limits = limits
        self.closed = False
        self.bindings: dict[Home, AsyncBinding] = {}
        self.route: Route | None = None
        if client is None and transport is None:
            self.route = read_route(base_url, http2=http2, name=name)
            if name == "aiohttp":  # imported now, not amid the first call
                from kraty_server._http.aiohttp_session import AiohttpSession

                self.make_sender = AiohttpSession
            elif name == "fast":
                from kraty_server._http.async_socket_pool import AsyncSocketPool

                self.make_sender = AsyncSocketPool
            else:
                import_event_loop_backend()

    def _binding(self) -> AsyncBinding:
        home = (current_process(), _running_loop())
        binding = self.bindings.get(home)
        return self._bind(home) if binding is None else binding

    def _bind(self, home: Home) -> AsyncBinding:
        any_loop = self.route is not None or getattr(self.transport, "kraty_any_loop", False)
        if self.bindings and not any_loop:
            what = "transport" if self.client is None else "http_client"
            raise used_elsewhere(what, "used in another event loop or process")
        self._forget_dead_loops()
        return self.bindings.setdefault(home, AsyncBinding(self._sender(), asyncio.Event()))

    def _sender(self) -> AsyncSender:
        if self.client is not None:
            return AsyncGivenClient(self.client, self.limits.max_body)
        if self.transport is not None:
            return AsyncGivenTransport(self.transport, self.base_url, self.limits.max_body)
        assert self.route is not None
        return self.make_sender(self.route, self.limits)

    async def run(self, steps: Flow[T], options: Options) -> T:
        """Drive a flow on the running event loop."""
        reply: Reply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as done:
                result: T = done.value
                return result
            except BaseException:
                reply = None  # as in the blocking driver
                raise
            if isinstance(step, Send):
                reply = await self._send(step, options)
            elif isinstance(step, Sleep):
                reply = await self._sleep(step, options)
            elif isinstance(step, Receive):
                reply = await self._receive(step)
            else:
                reply = await self._report(step, options)

    async def _send(self, send: Send, options: Options) -> Reply:
        if self.closed:
            return not_sent(send.attempt)
        if send.headers is not None:
            options = with_headers(options, send.headers)
        try:
            sender = self._binding().sender
            if self.keeps_time:
                return await sender.send(send, options)
            async with asyncio.timeout(send.timeout + GRACE):
                return await sender.send(send, options)
        except BaseException as error:
            if isinstance(error, KratyClosedError) and error.operation is None:  # else of another call, made in a hook
                return TransportFailure(error, maybe_received=False, retryable=False)
            return reply_to(error, send, closed=self.closed)

    async def _receive(self, step: Receive) -> Reply:
        stream = cast("AsyncBodyStream", step.stream)
        if self.closed:
            return closed_mid_call(EOFError("its connection was closed"))
        try:
            async with asyncio.timeout(step.seconds + GRACE):
                return await stream.read()
        except BaseException as error:
            return reply_to(error, stream.send, closed=self.closed)

    async def _sleep(self, sleep: Sleep, options: Options) -> Reply:
        try:
            if not self.closed:
                await options.clock.async_sleep(sleep.seconds, self._binding().closing)
        except BaseException as error:
            return Interruption(error)
        return None

    async def _report(self, step: Report, options: Options) -> Reply:
        try:
            if isawaitable(result := report(options, step)):
                await result
        except Exception as error:
            if raised_by_signal(error):  # as in the blocking driver
                return Interruption(error)
            log.exception("on_request raised; the call goes on")
        except BaseException as error:
            return Interruption(error)
        return None

    def _forget_dead_loops(self) -> None:
        """Let go of what nobody can use or close any more: of a closed loop, or of the process before a fork."""
        for home in list(self.bindings):
            process, loop = home
            inherited = process is not current_process()
            if (inherited or loop.is_closed()) and (binding := self.bindings.pop(home, None)) is not None:
                if inherited:
                    _inherited.append(binding)
                else:
                    _abandon(binding.sender)

    async def aclose(self) -> None:
        """Close the connections of this loop; a client or transport that was given stays open."""
        self.closed = True
        self._forget_dead_loops()
        if (binding := self.bindings.pop((current_process(), _running_loop()), None)) is not None:
            binding.closing.set()
            await binding.sender.aclose()

    def __del__(self) -> None:
        with suppress(Exception):  # it may be half made, and the interpreter half gone
            self._forget_dead_loops()
            for (process, loop), binding in self.bindings.items():
                if process is current_process():
                    close_later(loop, binding.sender)


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "AsyncKratyServer needs a running event loop of asyncio; under trio, use KratyServer in a thread"
        ) from None


def _abandon(sender: object) -> None:
    abandon = getattr(sender, "abandon", None)
    if abandon is not None:
        abandon()


_inherited: Final[list[AsyncBinding]] = []
"""Of the process before a fork, never freed: aiohttp would take the sockets from the epoll that both processes have."""
