"""Who sends for a blocking call? The driver of a flow, and the connections of each process."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final, NamedTuple, Protocol, TypeVar, cast

import httpx

from kraty_server._http.deadline import Deadline
from kraty_server._http.environment import parse_base_url, read_route
from kraty_server._http.failures import not_sent, raised_by_signal, reply_to
from kraty_server._http.given_client import GivenClient
from kraty_server._http.given_transport import GivenTransport
from kraty_server._http.httpx_pool import HttpxPool, Route
from kraty_server._http.messages import (
    Answer,
    BodyStream,
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
from kraty_server._options import HttpClient, Options
from kraty_server.errors import KratyClosedError

T = TypeVar("T")
log: Final = logging.getLogger("kraty_server")


class Sender(Protocol):
    """One way out."""

    def send(self, send: Send, options: Options, deadline: Deadline) -> Answer:
        """Send a request and read the whole answer."""
        ...

    def close(self) -> None:
        """Close what is ours of it."""
        ...


class Process:
    """One process. A child of it is another one, even with the pid of a relative that ended."""

    here: Process

    def __init__(self) -> None:
        self.pid = os.getpid()


def current_process() -> Process:
    """The process that this code runs in."""
    if (here := Process.here).pid != os.getpid():  # forked by what does not tell Python
        _renew()
        return Process.here
    return here


def _renew() -> None:
    Process.here = Process()


_renew()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


def used_elsewhere(what: str, where: str) -> KratyClosedError:
    """A caller's connections cannot follow into another process or event loop."""
    return KratyClosedError(
        f"{what} was {where}: its connections cannot be used here. Make both where they are used, or leave {what} out"
    )


class Binding(NamedTuple):
    """What a client has in one process."""

    sender: Sender
    closing: threading.Event


class Connections:
    """The connections of a blocking client: a sender for each process that uses it."""

    def __init__(
        self,
        base_url: str,
        client: HttpClient | None = None,
        transport: httpx.BaseTransport | None = None,
        *,
        name: str = "httpx",
        http2: bool = False,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        parse_base_url(base_url)
        self.closed = False
        self.limits = limits
        self.bindings: dict[Process, Binding] = {}
        self.route: Route | None = None
        self.make_sender: Callable[[Route, Limits], Sender] = HttpxPool
        self.given = "transport" if client is None else "http_client"
        self.creator = current_process()
        if client is not None:
            self._bind(GivenClient(client, limits.max_body))
        elif transport is not None:
            self._bind(GivenTransport(transport, base_url, limits.max_body))
        else:
            self.route = read_route(base_url, http2=http2, name=name)
            if name == "fast":  # imported now, not amid the first call
                from kraty_server._http.socket_pool import SocketPool

                self.make_sender = SocketPool
            self._bind(self.make_sender(self.route, limits))

    def _bind(self, sender: Sender) -> Binding:
        # No lock, so none can be held over a fork; a race makes one sender too many.
        return self.bindings.setdefault(current_process(), Binding(sender, threading.Event()))

    def _binding(self) -> Binding:
        if (binding := self.bindings.get(current_process())) is None:
            if self.route is None:
                here, creator = current_process().pid, self.creator.pid
                raise used_elsewhere(self.given, f"made in process {creator}, and this is its fork {here}")
            binding = self._bind(self.make_sender(self.route, self.limits))
            if self.closed:  # by another thread, which did not see this one
                self.close()
        return binding

    def run(self, steps: Flow[T], options: Options) -> T:
        """Drive a flow, blocking."""
        reply: Reply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as done:
                result: T = done.value
                return result
            except BaseException:
                reply = None  # an error that its own frame holds lives until the cycle collector comes
                raise
            if isinstance(step, Send):
                reply = self._send(step, options)
            elif isinstance(step, Sleep):
                reply = self._sleep(step, options)
            elif isinstance(step, Receive):
                reply = self._receive(step)
            else:
                reply = self._report(step, options)

    def _send(self, send: Send, options: Options) -> Reply:
        if self.closed:
            return not_sent(send.attempt)
        deadline = Deadline(send.timeout)
        if send.headers is not None:
            options = with_headers(options, send.headers)
        try:
            sender = self._binding().sender
            with deadline:
                return sender.send(send, options, deadline)
        except BaseException as error:
            if isinstance(error, KratyClosedError) and error.operation is None:  # else of another call, made in a hook
                return TransportFailure(error, maybe_received=False, retryable=False)
            return reply_to(error, send, closed=self.closed, foreign=deadline.is_foreign(error))

    def _receive(self, step: Receive) -> Reply:
        stream = cast("BodyStream", step.stream)
        deadline = Deadline(step.seconds)
        try:
            with deadline:
                return stream.read()
        except BaseException as error:
            return reply_to(error, stream.send, closed=self.closed, foreign=deadline.is_foreign(error))

    def _sleep(self, sleep: Sleep, options: Options) -> Reply:
        try:
            if not self.closed:  # by a hook, say, or another thread
                options.clock.sleep(sleep.seconds, self._binding().closing)
        except BaseException as error:
            return Interruption(error)
        return None

    def _report(self, step: Report, options: Options) -> Reply:
        try:
            report(options, step)
        except BaseException as error:
            return Interruption(error)
        return None

    def close(self) -> None:
        """Close our connections; a client or transport that was given stays open."""
        self.closed = True
        if (binding := self.bindings.pop(current_process(), None)) is not None:
            binding.closing.set()
            binding.sender.close()

    def __del__(self) -> None:
        with suppress(Exception):  # it may be half made, and the interpreter half gone
            self.close()


def with_headers(options: Options, headers: Mapping[str, str]) -> Options:
    """The options of one call; its headers win over those of the client."""
    given = {name.lower() for name in headers}
    kept = {name: value for name, value in options.headers.items() if name.lower() not in given}
    return replace(options, headers={**kept, **headers})


def report(options: Options, step: Report) -> object:
    """Call the caller's hook; what it raises is logged and changes nothing."""
    try:
        return None if options.on_request is None else options.on_request(step.info)
    except Exception as error:
        if raised_by_signal(error):  # it is not the hook's, and what it means to end is the call
            raise
        log.exception("on_request raised; the call goes on")
        return None
