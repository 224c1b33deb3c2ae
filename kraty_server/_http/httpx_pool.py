"""How is a request sent over connections of our own, with httpx? A pool, with a transport of httpx for each connection.

httpx's own pools look at each of their connections with each request, and let the calls of threads write over each
other on one of HTTP/2. Here a connection has one call at a time, is closed after one that did not end well, and is
never used again with a byte on it that nobody asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import httpx

from kraty_server._clock import SYSTEM_CLOCK
from kraty_server._http.answers import close_quietly, receive
from kraty_server._http.certificates import Certificates
from kraty_server._http.deadline import Deadline
from kraty_server._http.headers import RequestBuilder
from kraty_server._http.messages import Answer, Send
from kraty_server._http.pool import Limits, Pool, Slot
from kraty_server._http.private import allow_interrupts, install_deadline
from kraty_server._http.streams import is_left_unread, opened
from kraty_server._options import Options

RECHECK: Final = 0.5
"""Seconds after which a waiting call looks again: a connection that a torn call let go of wakes nobody."""


class Route(NamedTuple):
    """How to get to the server."""

    base_url: str
    certificates: Certificates
    proxy: str | None
    http2: bool

    def __repr__(self) -> str:  # without the password of a proxy
        return f"Route({self.base_url!r})"

    def transport_options(self) -> dict[str, Any]:
        """What a transport of httpx for one connection is made with."""
        proxy, context = None, self.certificates.context()
        if self.proxy is not None:
            secured = context if self.proxy.startswith("https:") else None
            proxy = httpx.Proxy(self.proxy, ssl_context=secured)
        one = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=None)
        return {"verify": context, "limits": one, "http2": self.http2, "proxy": proxy, "trust_env": False}


class _Connection(Slot):
    __slots__ = ("backends", "transport")

    def __init__(self, route: Route) -> None:
        super().__init__(SYSTEM_CLOCK.monotonic())
        self.transport = httpx.HTTPTransport(**route.transport_options())
        allow_interrupts(self.transport)
        self.backends = install_deadline(self.transport)

    def close(self) -> None:
        close_quietly(self.transport.close)


class HttpxPool:
    """The connections of a process."""

    def __init__(self, route: Route, limits: Limits) -> None:
        self.route = route
        self.builder = RequestBuilder(route.base_url)
        self.pool = Pool[_Connection](limits)
        self.max_body = limits.max_body
        self.lock = threading.RLock()  # in C: a signal cannot come between taking it and entering the block
        self.available = threading.Condition(self.lock)
        self.waiting = 0
        self.closed = False

    def send(self, send: Send, options: Options, deadline: Deadline) -> Answer:
        """Send a request and read the whole answer."""
        connection = self._acquire(deadline.expires_at)
        reusable = held = False
        try:
            response = connection.transport.handle_request(self.builder.build(send, options))
            if is_left_unread(response, send):
                held = True
                return opened(response, send, lambda fit: self._release(connection, reusable=fit))
            answer, reusable = receive(response, send, self.max_body, deadline.expires_at)
            return answer
        finally:
            if not held:
                self._release(connection, reusable=reusable)

    def _acquire(self, expires_at: float) -> _Connection:
        """Take the connection that was used last; where none is idle a new one, or else the first that comes free."""
        connection, expired = self.pool.acquire(SYSTEM_CLOCK.monotonic())
        for one in expired:
            one.close()
        if connection is not None:
            return connection
        with self.lock:
            self.waiting += 1
            try:
                while not self.closed:
                    connection, expired = self.pool.acquire(SYSTEM_CLOCK.monotonic())
                    for one in expired:
                        one.close()
                    if connection is not None:
                        return connection
                    if self.pool.has_room:
                        connection = _Connection(self.route)
                        self.pool.add(connection)
                        return connection
                    left = expires_at - SYSTEM_CLOCK.monotonic()
                    if left <= 0:
                        raise httpx.PoolTimeout(f"all {self.pool.limits.max_connections} connections were busy")
                    self.available.wait(min(left, RECHECK))
            finally:
                self.waiting -= 1
        raise httpx.PoolTimeout("the client was closed")

    def _release(self, connection: _Connection, *, reusable: bool) -> None:
        if reusable and not self.closed:
            for one in self.pool.release(connection, SYSTEM_CLOCK.monotonic()):
                one.close()
        else:
            self.pool.forget(connection)
            connection.close()
            if connection.reused:  # what was idle as long may be as dead, and is not to be tried one by one
                for one in self.pool.retire():
                    one.close()
        if self.waiting:
            with self.lock:
                self.available.notify()

    def close(self) -> None:
        """Close the connections; calls under way end with an error."""
        self.closed = True
        connections: Sequence[_Connection] = [
            connection for reference in list(self.pool.open) if (connection := reference()) is not None
        ]
        for connection in connections:
            for backend in connection.backends:
                backend.shutdown_sockets()
        for connection in (*connections, *self.pool.retire()):
            connection.close()
        with self.lock:
            self.available.notify_all()
