"""Requests as fast as a server takes them: one process, one request in flight per connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator


class _Caller(asyncio.Protocol):
    """One connection, which asks again as soon as it is answered."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self.requests = requests
        self.done = done
        self.answered = 0
        self.failed = 0
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        if (request := next(self.requests, None)) is None:
            self.transport.close()
        else:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.rest += data
        head, gap, body = self.rest.partition(b"\r\n\r\n")
        if not gap:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self.rest = b""
        self.answered += 1
        self.failed += not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201"))
        self.ask()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def _load(host: str, port: int, requests: Iterator[bytes], connections: int) -> tuple[int, int, float]:
    loop = asyncio.get_running_loop()
    ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(connections)]
    start = time.perf_counter()
    made = [await loop.create_connection(lambda end=end: _Caller(requests, end), host, port) for end in ends]  # type: ignore[misc]  # mypy sees no types in lambdas with defaults
    await asyncio.gather(*ends)
    callers = [caller for _, caller in made]
    return sum(c.answered for c in callers), sum(c.failed for c in callers), time.perf_counter() - start


def load(host: str, port: int, requests: Iterator[bytes], connections: int) -> tuple[int, int, float]:
    """Send all requests, and tell how many were answered, how many of them with no success, and in how many seconds."""
    return asyncio.run(_load(host, port, requests, connections))
