"""How do socket operations end at the wall?

httpx's timeouts start anew with every chunk, so a server that drips holds a call for ever. The network backend of its
pool is public in httpcore; this one hands on to the usual one, with shorter timeouts.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, TypeAlias

import httpcore

from kraty_server._wall import left

SocketOption: TypeAlias = (
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
)  # as httpcore has it


class WalledStream(httpcore.NetworkStream):
    """A connection whose reads and writes end at the wall."""

    inner: httpcore.NetworkStream
    open_streams: set[WalledStream]

    def __init__(self, inner: httpcore.NetworkStream, open_streams: set[WalledStream]) -> None:
        self.inner = inner
        self.open_streams = open_streams
        open_streams.add(self)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.inner.read(max_bytes, left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.inner.write(buffer, left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self.open_streams.discard(self)
        self.inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self.inner.start_tls(ssl_context, server_hostname, left(timeout, httpcore.ConnectTimeout))
        self.open_streams.discard(self)
        return WalledStream(secured, self.open_streams)

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)


class WalledBackend(httpcore.NetworkBackend):
    """Connects, trying each address of a host with what is left of the time."""

    inner: httpcore.NetworkBackend
    open_streams: set[WalledStream]

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self.inner = inner
        self.open_streams = set()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"{host}: {error}") from error
        addresses = list(dict.fromkeys(str(address[4][0]) for address in found))
        for address in addresses:
            try:
                patience = left(timeout, httpcore.ConnectTimeout)
                stream = self.inner.connect_tcp(address, port, patience, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if address == addresses[-1]:
                    raise
            else:
                return WalledStream(stream, self.open_streams)
        raise httpcore.ConnectError(f"{host}: no address")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[SocketOption] | None = None
    ) -> httpcore.NetworkStream:
        patience = left(timeout, httpcore.ConnectTimeout)
        return WalledStream(self.inner.connect_unix_socket(path, patience, socket_options), self.open_streams)

    def sleep(self, seconds: float) -> None:
        self.inner.sleep(seconds)

    def hang_up(self) -> None:
        """Wake whoever waits for one of these connections."""
        for stream in list(self.open_streams):
            with suppress(OSError):
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def build_walls(given: object) -> list[WalledBackend]:
    """Give the pools of an httpx client or transport the wall; what is no pool of httpcore is left as it is."""
    # httpx has no public way to its pools' backends. tests/faults shows that this works at both bounds of httpx.
    transports = [given, getattr(given, "_transport", None), *getattr(given, "_mounts", {}).values()]
    backends: list[WalledBackend] = []
    for transport in transports:
        pool = getattr(transport, "_pool", None)
        backend = getattr(pool, "_network_backend", None)
        if isinstance(backend, httpcore.NetworkBackend) and not isinstance(backend, WalledBackend):
            backend = WalledBackend(backend)
            setattr(pool, "_network_backend", backend)  # noqa: B010  (a private name, on purpose)
        if isinstance(backend, WalledBackend):
            backends.append(backend)
    return backends
