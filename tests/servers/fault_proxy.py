"""For tests of faults: a proxy that does to HTTP what networks do, one fault for each request, as it is told."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Self

FAULTS = (
    "refuse",
    "silent",
    "reset_before",
    "reset_after",
    "cut",
    "drip",
    "garbage",
    "wrong_length",
    "endless_header",
    "page_503",
    "huge",
)
"""What it can do; None passes the request on and the answer back."""
APPLIES = frozenset({"reset_after", "cut", "drip", "wrong_length"})
"""Where the server behind has carried the request out."""
HUGE = 100 * 1024 * 1024


class FaultProxy:
    """Listens on loopback, in a thread of its own, and passes requests on to `upstream`.

    `refuse` and `reset_before` both reset before anything was passed on; nobody listens at `free_port()`.
    """

    def __init__(self, upstream: str, pick: Callable[[int], str | None], *, pause: float = 0.1) -> None:
        self.host, port = upstream.removeprefix("http://").split(":")
        self.port = int(port)
        self.pick = pick
        self.pause = pause
        self.requests = 0
        self.connections = 0
        self.faults: list[str | None] = []
        self.url = ""
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.tasks: set[asyncio.Task[None]] = set()
        self.writers: list[asyncio.StreamWriter] = []

    def __enter__(self) -> Self:
        self.thread.start()
        self._run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    async def _start(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def _stop(self) -> None:
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for writer in self.writers:
            writer.transport.abort()  # close() waits for what nobody reads any more
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.writers.append(writer)
        self.connections += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._one(reader, writer):
                    pass
        finally:
            self.tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:  # noqa: C901  (a branch for each fault)
        """Serve one request; whether the connection goes on."""
        head = await reader.readuntil(b"\r\n\r\n")
        fault = self.pick(self.requests)
        self.requests += 1
        self.faults.append(fault)
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = await reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)
        if fault in ("refuse", "reset_before"):
            return self._reset(writer)
        if fault == "silent":
            await asyncio.sleep(3600)
        if fault == "garbage":
            writer.write(b"\x00\xff this is no HTTP \r\n\r\n")
        elif fault == "endless_header":
            writer.write(b"HTTP/1.1 200 OK\r\nx-more: ")
            while True:
                writer.write(b"a" * 4096)
                await writer.drain()
        elif fault == "page_503":
            page = b"<html><h1>503 Service Unavailable</h1></html>"
            writer.write(
                b"HTTP/1.1 503 Unavailable\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n" % len(page)
            )
            writer.write(page)
            await writer.drain()
            return True
        elif fault == "huge":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % HUGE)
            for _ in range(HUGE // 65536):
                writer.write(b"x" * 65536)
                await writer.drain()
        else:
            answer = await self._forward(head + body)
            if fault is None:
                writer.write(answer)
                await writer.drain()
                return True
            if fault == "reset_after":
                return self._reset(writer)
            if fault == "cut":
                writer.write(answer[:-5])
            elif fault == "wrong_length":
                writer.write(answer.replace(b"content-length: ", b"content-length: 9"))
            elif fault == "drip":
                for byte in answer:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(self.pause)
        await writer.drain()
        return False

    def _reset(self, writer: asyncio.StreamWriter) -> bool:
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        return False

    async def _forward(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = await reader.readexactly(int(lengths[0].split(b":")[1]))
        writer.close()
        return head + body


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
