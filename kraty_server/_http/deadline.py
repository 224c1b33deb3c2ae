"""What keeps a blocking call from outliving its deadline?

httpx's time-outs start anew with every chunk, so a server that drips holds a call for ever. While a deadline is
installed in a pool of httpcore, each socket operation gets only the time that is left.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from contextvars import ContextVar, Token
from typing import Any, Final, Self, TypeAlias
from weakref import ref

import httpcore
from httpcore import ReadTimeout, WriteTimeout

from kraty_server._clock import SYSTEM_CLOCK
from kraty_server._http.dialing import dial

SocketOption: TypeAlias = (
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
)  # as httpcore has it

WRITE_SIZE: Final = 16 * 1024
"""Bytes written at once: the socket's time-out starts anew with each piece that a slow reader takes."""
EARLY: Final = 0.005
"""Seconds by which a socket's own time-out may come early."""


class Deadline:
    """While entered, the socket operations of this thread, or greenlet, end when it expires."""

    expires_at: float
    """Monotonic seconds."""
    foreign_timeout: TimeoutError | None = None
    """One that a signal handler raised amid a socket operation, which httpcore takes for the socket's own."""
    token: Token[Deadline | None]

    def __init__(self, seconds: float) -> None:
        self.expires_at = SYSTEM_CLOCK.monotonic() + seconds

    def is_foreign(self, error: BaseException) -> bool:
        """Tell whether a time-out is a signal handler's: httpx's are of other types, and none comes so early."""
        return error is self.foreign_timeout or (
            isinstance(error, TimeoutError)
            and error.errno is None  # the system's ETIMEDOUT has one
            and SYSTEM_CLOCK.monotonic() < self.expires_at - EARLY
        )

    def __enter__(self) -> Self:
        self.token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _current.reset(self.token)  # the one of the call in whose hook this call was made


# A context variable, not a thread-local: greenlets have contexts of their own even where gevent patched late.
_current: ContextVar[Deadline | None] = ContextVar("kraty_server.deadline", default=None)
_current_deadline: Final = _current.get


def remaining(timeout: float | None, expired: type[Exception]) -> float | None:
    """What is left of a time-out.

    Raises:
        expired: nothing is.
    """
    if (deadline := _current_deadline()) is None:
        return timeout
    left = deadline.expires_at - SYSTEM_CLOCK.monotonic()
    if left <= 0:
        raise expired("the time for this attempt has passed")
    return timeout if timeout and timeout < left else left


def _foreign_timeout(error: httpcore.TimeoutException) -> TimeoutError | None:
    """The time-out that a signal handler raised amid a socket operation that had all of the time that was left.

    httpcore takes it for the socket's own; but that would not come so early.
    """
    deadline, cause = _current.get(), error.__cause__
    if (
        deadline is None
        or not isinstance(cause, TimeoutError)
        or cause.errno is not None
        or SYSTEM_CLOCK.monotonic() > deadline.expires_at - EARLY
    ):
        return None
    deadline.foreign_timeout = cause
    return cause


OpenStreams: TypeAlias = "set[ref[DeadlineStream]]"
"""Not a WeakSet: threads add to it while another one copies it, which only a plain set takes."""


class DeadlineStream(httpcore.NetworkStream):
    """A connection whose reads and writes end at the deadline."""

    inner: httpcore.NetworkStream
    open_streams: OpenStreams

    def __init__(self, inner: httpcore.NetworkStream, open_streams: OpenStreams) -> None:
        self.inner = inner
        self.open_streams = open_streams
        open_streams.add(ref(self, open_streams.discard))

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        seconds = remaining(timeout, ReadTimeout)
        try:
            return self.inner.read(max_bytes, seconds)
        except httpcore.TimeoutException as error:
            if seconds != timeout and (foreign := _foreign_timeout(error)) is not None:
                raise foreign from None
            raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        while len(buffer) > WRITE_SIZE:
            self.write(buffer[:WRITE_SIZE], timeout)
            buffer = buffer[WRITE_SIZE:]
        seconds = remaining(timeout, WriteTimeout)
        try:
            self.inner.write(buffer, seconds)
        except httpcore.TimeoutException as error:
            if seconds != timeout and (foreign := _foreign_timeout(error)) is not None:
                raise foreign from None
            raise

    def close(self) -> None:
        self.open_streams.discard(ref(self))
        self.inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self.inner.start_tls(ssl_context, server_hostname, remaining(timeout, httpcore.ConnectTimeout))
        self.open_streams.discard(ref(self))
        return DeadlineStream(secured, self.open_streams)

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)


class DeadlineBackend(httpcore.NetworkBackend):
    """Connects within the deadline: finding the addresses of a name, and trying them, included."""

    inner: httpcore.NetworkBackend
    open_streams: OpenStreams
    installed: int
    """How many clients of ours have installed it: a caller's client may serve several."""

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self.inner = inner
        self.open_streams = set()
        self.installed = 0

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        def connect(address: str, seconds: float | None) -> httpcore.NetworkStream:
            return self.inner.connect_tcp(address, port, seconds, local_address, socket_options)

        seconds = remaining(timeout, httpcore.ConnectTimeout)
        try:
            return DeadlineStream(dial(host, port, connect, seconds), self.open_streams)
        except httpcore.TimeoutException as error:
            if seconds != timeout and (foreign := _foreign_timeout(error)) is not None:
                raise foreign from None
            raise

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[SocketOption] | None = None
    ) -> httpcore.NetworkStream:
        seconds = remaining(timeout, httpcore.ConnectTimeout)
        stream = self.inner.connect_unix_socket(path, seconds, socket_options)
        return DeadlineStream(stream, self.open_streams)

    def sleep(self, seconds: float) -> None:
        self.inner.sleep(seconds)

    def shutdown_sockets(self) -> None:
        """Wake whoever waits for one of these connections."""
        for reference in list(self.open_streams):
            if (stream := reference()) is None:
                continue
            with suppress(OSError):
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
