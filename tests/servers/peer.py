"""For tests of what reached the other side, and by which way: a server, and every kind of proxy, on loopback.

It reads one request at a time and notes what it saw, so that a test can tell a request that came directly from one
that came as to a proxy (absolute target, CONNECT, SOCKS5), and one connection from another.
"""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Self

PONG = {
    "ok": True,
    "apiKey": {
        "id": "k",
        "prefix": "p",
        "permissionSet": "s",
        "environment": "live",
        "studioId": "s",
        "gameId": None,
    },
}
BALANCE = {"data": {"economyKey": "gold", "balance": 5, "applied": True}}


@dataclass
class Request:
    """One request as it came in; `connection` counts from 1."""

    line: str
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    connection: int = 0
    via: str = ""
    """How the connection came: empty for directly, `SOCKS5 host:port` through the SOCKS proxy."""

    @property
    def proxied(self) -> bool:
        """Whether it came as requests come to a proxy."""
        return bool(self.via) or self.line.startswith("CONNECT ") or "http://" in self.line or "https://" in self.line

    @property
    def key(self) -> str:
        """The idempotency key in its body."""
        return str(json.loads(self.body)["idempotencyKey"])


def answer(data: object, status: int = 200, headers: dict[str, str] | None = None, *, packed: bool = False) -> bytes:
    """An answer as it goes over the wire."""
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    if packed:
        body = gzip.compress(body)
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    if packed:
        fields["Content-Encoding"] = "gzip"
    lines = [f"HTTP/1.1 {status} Answer", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def fitting(request: Request) -> bytes:
    """What Kraty would say: a pong, or the balance."""
    return answer(PONG if request.line.endswith("/ping HTTP/1.1") else BALANCE)


def failure(status: int, code: str, message: str = "m", headers: dict[str, str] | None = None) -> bytes:
    """An error envelope."""
    return answer({"error": {"code": code, "message": message}}, status, headers)


Behaviour = Callable[[Request], bytes | None]
"""What to send back; None keeps silent until the peer is closed."""


class Peer:
    """Listens on loopback and answers what its behaviour says."""

    def __init__(self, behave: Behaviour = fitting, *, reads: bool = True) -> None:
        self.behave = behave
        self.reads = reads
        self.requests: list[Request] = []
        self.arrived = threading.Event()
        """Set when a request, or with `reads=False` a connection, has come."""
        self.closing = threading.Event()
        self.listener = socket.socket()
        if not reads:  # so that what is sent fills the buffers soon
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(128)
        self.port: int = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            number = len(self.connections)
            if self.reads:
                threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()
            else:
                self.arrived.set()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError, ValueError, IndexError), connection.makefile("rb") as stream:
            via = ""
            first = stream.read(1)
            if first == b"\x05":
                via = self._socks(connection, stream)
                first = stream.read(1)
            while first:
                if first == b"\x16":
                    self.requests.append(Request("TLS", connection=number, via=via))
                    self.arrived.set()
                    break
                request = self._request(first, stream)
                request.connection, request.via = number, via
                self.requests.append(request)
                self.arrived.set()
                if request.line.startswith("CONNECT "):
                    connection.sendall(b"HTTP/1.1 502 Not today\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    break
                said = self.behave(request)
                if said is None:
                    self.closing.wait(60)
                    break
                connection.sendall(said)
                first = stream.read(1)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    @staticmethod
    def _request(first: bytes, stream: BinaryIO | Any) -> Request:
        line = (first + stream.readline()).decode("latin-1").strip()
        headers: dict[str, str] = {}
        while header := stream.readline().decode("latin-1").strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        return Request(line, headers, stream.read(int(headers.get("content-length", 0))))

    @staticmethod
    def _socks(connection: socket.socket, stream: BinaryIO | Any) -> str:
        """Shake hands as a SOCKS5 proxy; what comes next is answered here."""
        stream.read(stream.read(1)[0])
        connection.sendall(b"\x05\x00")
        _, _, _, kind = stream.read(4)
        if kind == 3:
            host = stream.read(stream.read(1)[0]).decode("ascii")
        else:
            host = socket.inet_ntop(
                socket.AF_INET if kind == 1 else socket.AF_INET6, stream.read(4 if kind == 1 else 16)
            )
        port = int.from_bytes(stream.read(2), "big")
        connection.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        return f"SOCKS5 {host}:{port}"


class BlackHole:
    """An address that takes no connection and refuses none: its queue is full."""

    def __init__(self) -> None:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port: int = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.fill = [socket.socket() for _ in range(4)]
        for one in self.fill:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", self.port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in [*self.fill, self.listener]:
            one.close()
