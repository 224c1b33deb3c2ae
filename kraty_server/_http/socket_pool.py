"""How is a request sent over sockets of our own? For a blocking client with `transport="fast"`."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import httpcore
import httpx

from kraty_server._clock import SYSTEM_CLOCK
from kraty_server._http.blocking_pool import BlockingPool, Connection
from kraty_server._http.deadline import Deadline
from kraty_server._http.dialing import dial
from kraty_server._http.http1 import Exchange, Line, Wire, cut_off, is_streamed
from kraty_server._http.httpx_pool import HttpxPool, Route
from kraty_server._http.messages import Answer, Send
from kraty_server._http.pool import Limits
from kraty_server._http.readiness import POLLIN, POLLOUT, wait_for
from kraty_server._options import Options

READ_SIZE: Final = 64 * 1024


class _Connection(Connection):
    __slots__ = ("socket", "wire")

    socket: socket.socket | None

    def __init__(self) -> None:
        super().__init__(SYSTEM_CLOCK.monotonic())
        self.socket, self.wire = None, Wire()

    @property
    def is_quiet(self) -> bool:
        """Whether it is open, and nothing came that nobody asked for; what TLS says to itself, as a ticket, may."""
        if self.socket is None or not wait_for(self.socket, 0):
            return self.socket is not None
        with suppress(OSError):
            data = self.socket.recv(READ_SIZE)
            return bool(data and self.wire.layers) and not self.wire.open(data) and not self.wire.ended
        return False

    def connect(self, line: Line, deadline: Deadline) -> None:
        """Connect, and get through proxies and into TLS."""
        try:
            self._open(line, deadline)
        except (TimeoutError, httpcore.ConnectTimeout, httpx.ReadTimeout) as error:
            if deadline.is_foreign(error):
                raise
            raise httpx.ConnectTimeout(str(error)) from error
        except (OSError, httpcore.ConnectError) as error:
            raise httpx.ConnectError(str(error)) from error

    def _open(self, line: Line, deadline: Deadline) -> None:
        def connect(address: str, seconds: float | None) -> socket.socket:
            return socket.create_connection((address, line.port), seconds)

        self.socket = dial(line.host, line.port, connect, deadline.expires_at - SYSTEM_CLOCK.monotonic())
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opening = line.open(self.wire)
        while opening.said is not None:
            self.transfer(opening.said, deadline, opening.take)

    def transfer(self, data: bytes, deadline: Deadline, take: Callable[[bytes], bool]) -> bool:
        """Send it, and hand what comes over until that is enough; and tell whether some was still to be sent then."""
        connection, unsent = self.socket, memoryview(data)
        assert connection is not None
        failure: OSError | None = None
        try:
            while True:
                if unsent and failure is None:
                    try:
                        unsent = unsent[connection.send(unsent) :]
                    except BlockingIOError:
                        pass
                    except ConnectionError as error:  # what the server said before is still to be read
                        failure = error
                events = POLLIN | POLLOUT if unsent and failure is None else POLLIN
                left = deadline.expires_at - SYSTEM_CLOCK.monotonic()
                if left <= 0 or not (events := wait_for(connection, left, events)):
                    raise httpx.ReadTimeout("the time for this attempt has passed")
                if events != POLLOUT and take(connection.recv(READ_SIZE)):
                    return bool(unsent)
        except (OSError, httpx.TransportError) as error:
            if not unsent or deadline.is_foreign(error):
                raise
            raise cut_off(failure or error) from error

    def interrupt(self) -> None:
        if self.socket is not None:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


class SocketPool(BlockingPool[_Connection]):
    """The connections of a process."""

    def __init__(self, route: Route, limits: Limits) -> None:
        super().__init__(limits)
        self.line = Line(route)
        self.files = HttpxPool(route, limits)
        """Sends what is read while it is sent, and gets what is read while it arrives: there speed is the network's."""

    def _make(self) -> _Connection:
        return _Connection()

    def send(self, send: Send, options: Options, deadline: Deadline) -> Answer:
        """Send a request and read the whole answer."""
        if is_streamed(send):
            return self.files.send(send, options, deadline)
        connection = self._acquire(deadline.expires_at)
        reusable = False
        try:
            if connection.reused and not connection.is_quiet:
                connection.close()
                connection = self._renew(connection)
            if not connection.reused:
                connection.connect(self.line, deadline)
                if self.closed:
                    raise httpx.PoolTimeout("the client was closed")
            exchange = Exchange(connection.wire, self.max_body)
            request = connection.wire.seal(self.line.request(send, options))
            unsent = connection.transfer(request, deadline, exchange.take)
            answer, reusable = exchange.answer(send, unsent=unsent)
            return answer
        finally:
            self._release(connection, reusable=reusable)

    def close(self) -> None:
        """Close the connections; calls under way end with an error."""
        self.files.close()
        super().close()
