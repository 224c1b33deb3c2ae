"""For benchmarks and counts of work: a server that is never the bottleneck.

It knows four answers, and runs on uvloop where that is installed.
It does not sleep while it waits: waking it would take the kernel longer than it takes to answer, each time another
while, and all of that would count as the client's. It ends with the process that started it.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

STAMP = "2026-06-08T12:00:00.000Z"
CREDITED: dict[str, Any] = {"data": {"economyKey": "gold", "balance": 500, "applied": True}}
PING: dict[str, Any] = {
    "ok": True,
    "apiKey": {"id": "key_1", "prefix": "bench", "permissionSet": "server_integration", "environment": "test",
               "studioId": "s", "gameId": "g"},
}  # fmt: skip
SNAPSHOT: dict[str, Any] = {
    "data": {
        "player": {"id": "pl_1", "externalPlayerId": "p", "studioId": "s", "gameId": "g", "createdAt": STAMP,
                   "updatedAt": STAMP},
        "inventory": [{"itemKey": f"item_{n}", "quantity": n + 1, "metadata": {"level": n}, "createdAt": STAMP,
                       "updatedAt": STAMP} for n in range(50)],
        "wallet": [{"economyKey": f"coin_{n}", "balance": 100 * n, "metadata": {}, "createdAt": STAMP,
                    "updatedAt": STAMP} for n in range(5)],
        "recentGrants": [{"id": f"g_{n}", "kind": "reward", "contents": {"entries": [
                             {"type": "currency", "currencyKey": "gold", "amount": 500}]},
                          "sourceKind": "api", "sourceRefId": f"receipt_{n}", "parentGrantId": None,
                          "status": "claimed", "rolledAt": None, "claimedAt": STAMP, "expiresAt": None,
                          "createdAt": STAMP} for n in range(20)],
    }
}  # fmt: skip


def encoded(body: Any) -> bytes:
    """The bytes of an answer."""
    content = json.dumps(body, separators=(",", ":")).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
        len(content),
        content,
    )


SMALL, LARGE, PONG = encoded(CREDITED), encoded(SNAPSHOT), encoded(PING)


def answer_to(head: bytes, body: bytes) -> bytes:
    """What a request is answered with, whatever else it asks."""
    path = head.partition(b" http/")[0]
    if path.startswith(b"get "):
        return PONG if path.endswith(b"/ping") else LARGE
    if b"/migrate/" in path:
        rows = body.count(b'"externalPlayerId"')
        return encoded({"data": {"applied": rows, "skipped": 0, "failed": 0, "failures": []}})
    return SMALL


class Answering(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are not derived from it
        self.held = b""

    def data_received(self, data: bytes) -> None:
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            head = self.held[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15 :].partition(b"\r\n")[0]) if at >= 0 else 0
            if len(self.held) < end + 4 + size:
                return
            body, self.held = self.held[end + 4 : end + 4 + size], self.held[end + 4 + size :]
            self.answer(answer_to(head, body))

    def answer(self, data: bytes) -> None:
        self.transport.write(data)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answering, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    stop = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), stop.set)  # its end

    def spin() -> None:
        loop.call_soon(spin)

    if (os.cpu_count() or 1) > 1:
        spin()
    await stop.wait()


@contextmanager
def running() -> Iterator[str]:
    """The server in a process of its own; its URL."""
    command = [sys.executable, "-m", "tests.servers.fast"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve())
    else:
        uvloop.run(serve())
