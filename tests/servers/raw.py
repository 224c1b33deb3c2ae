"""For tests of what is on the wire: only a socket; keeps every byte that arrives, answers what it was told to."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Self

PONG = b'{"ok":true,"apiKey":{"id":"k","prefix":"p","permissionSet":"s","environment":"live","studioId":"s","gameId":null}}'
"""The body of an answer to `health.ping()`."""


WITHOUT_BODY = frozenset({204, 205, 304})


@dataclass
class Arrived:
    """One request as it came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """What to answer; `drop` closes the connection instead, `hang` stops before the head or amid the body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    drop: bool = False
    hang: str | None = None

    @classmethod
    def of(cls, case: Mapping[str, Any]) -> Self:
        body = json.dumps(case["json"]).encode() if "json" in case else case.get("raw", "").encode()
        return cls(case.get("status", 200), body, case.get("headers", {}), case.get("drop", False), case.get("hang"))


def _chunks(lines: IO[bytes]) -> bytes:
    """A body that comes in chunks; ValueError where it breaks off."""
    body = b""
    while size := int(lines.readline() or b"", 16):
        body += lines.read(size)
        lines.readline()
    lines.readline()
    return body


class RawServer:
    """Answers the replies in their order, then the last one again and again."""

    def __init__(self, replies: Iterable[Reply]) -> None:
        self.replies = list(replies)
        self.arrived: list[Arrived] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.lock = threading.Lock()
        self.connections: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for connection in self.connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            try:
                while line := lines.readline():
                    method, target, _ = line.decode("ascii").split(" ")
                    headers: dict[str, str] = {}
                    while (header := lines.readline().decode("latin-1").strip()) != "":
                        name, _, value = header.partition(":")
                        headers[name.lower()] = value.strip()
                    chunked = headers.get("transfer-encoding") == "chunked"
                    length = int(headers.get("content-length", 0))
                    body = _chunks(lines) if chunked else lines.read(length)
                    if not chunked and len(body) < length:
                        return  # it broke off
                    with self.lock:
                        reply = self.replies[min(len(self.arrived), len(self.replies) - 1)]
                        self.arrived.append(Arrived(method, target, headers, body))
                    if reply.drop:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
                    whole = self._head(reply) + reply.body
                    if reply.hang != "head":
                        connection.sendall(whole[: len(whole) - len(reply.body) // 2] if reply.hang else whole)
            except (OSError, ValueError):  # it broke off
                return

    def _head(self, reply: Reply) -> bytes:
        unsized = reply.status in WITHOUT_BODY or "transfer-encoding" in reply.headers
        length = {} if unsized else {"content-length": str(len(reply.body))}
        headers = {**length, "content-type": "application/json", **reply.headers}
        lines = [f"HTTP/1.1 {reply.status} Reply", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")
