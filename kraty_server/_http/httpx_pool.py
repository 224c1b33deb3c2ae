"""How is a request sent over connections of our own, with httpx? A pool, with a transport of httpx for each connection.

httpx's own pools look at each of their connections with each request, and let the calls of threads write over each
other on one of HTTP/2. Here a connection has one call at a time, is closed after one that did not end well, and is
never used again with a byte on it that nobody asked for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import httpx

from kraty_server._clock import SYSTEM_CLOCK
from kraty_server._http.answers import close_quietly, receive
from kraty_server._http.blocking_pool import BlockingPool, Connection
from kraty_server._http.certificates import Certificates
from kraty_server._http.deadline import Deadline
from kraty_server._http.headers import RequestBuilder
from kraty_server._http.messages import Answer, Send
from kraty_server._http.pool import Limits
from kraty_server._http.private import allow_interrupts, install_deadline
from kraty_server._http.streams import is_left_unread, opened
from kraty_server._options import Options


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


class _Connection(Connection):
    __slots__ = ("backends", "transport")

    def __init__(self, route: Route) -> None:
        super().__init__(SYSTEM_CLOCK.monotonic())
        self.transport = httpx.HTTPTransport(**route.transport_options())
        allow_interrupts(self.transport)
        self.backends = install_deadline(self.transport)

    def interrupt(self) -> None:
        for backend in self.backends:
            backend.shutdown_sockets()
        self.close()

    def close(self) -> None:
        close_quietly(self.transport.close)


class HttpxPool(BlockingPool[_Connection]):
    """The connections of a process."""

    def __init__(self, route: Route, limits: Limits) -> None:
        super().__init__(limits)
        self.route = route
        self.builder = RequestBuilder(route.base_url)

    def _make(self) -> _Connection:
        return _Connection(self.route)

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
