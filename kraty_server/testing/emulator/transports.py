"""How does an httpx client call the emulator without a socket?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from kraty_server._clock import SYSTEM_CLOCK, Clock
from kraty_server.testing.emulator.engine import Answer, Engine
from kraty_server.testing.emulator.virtual_clock import VirtualClock


class _Cut(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that breaks off in the middle."""

    def __init__(self, body: bytes) -> None:
        self.half = body[: len(body) // 2]

    def __iter__(self) -> Iterator[bytes]:
        yield self.half
        raise httpx.RemoteProtocolError("the answer was cut, as scripted")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.half
        raise httpx.RemoteProtocolError("the answer was cut, as scripted")


def _response(answer: Answer, request: httpx.Request) -> httpx.Response:
    if answer.latency > _read_timeout(request):
        raise httpx.ReadTimeout("the answer came too late, as scripted", request=request)
    if answer.transport_fault == "drop":
        raise httpx.RemoteProtocolError("the connection was dropped, as scripted", request=request)
    headers = {"content-type": "application/json", "content-length": str(len(answer.body)), **answer.headers}
    stream = _Cut(answer.body) if answer.transport_fault == "cut" else httpx.ByteStream(answer.body)
    return httpx.Response(answer.status, headers=headers, stream=stream, request=request)


def _read_timeout(request: httpx.Request) -> float:
    """How long the client waits for an answer, in seconds."""
    limit = request.extensions.get("timeout", {}).get("read")
    return float("inf") if limit is None else float(limit)


class _InProcess:
    """What both flavours share."""

    kraty_clock: Clock
    """What a client of ours waits by."""

    def __init__(self, engine: Engine, clock: VirtualClock | None = None) -> None:
        self._engine = engine
        self._virtual_clock = clock
        self.kraty_clock = clock or SYSTEM_CLOCK
        self._headers: tuple[list[tuple[bytes, bytes]], dict[str, str]] = ([], {})

    def _respond(self, request: httpx.Request, body: bytes) -> Answer:
        if self._virtual_clock is not None:
            self._virtual_clock.begin_request()
        raw, headers = self._headers
        if raw != request.headers.raw:  # most calls of a client have the same
            raw = request.headers.raw
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}
            self._headers = raw, headers
        return self._engine.respond(request.method, request.url.raw_path.decode("ascii"), headers, body)


class Transport(_InProcess, httpx.BaseTransport):
    """For `httpx.Client`."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        stream: Any = request.stream  # not `request.read()`, which takes long to find out what it is
        answer = self._respond(request, b"".join(stream))
        if answer.latency:
            wait = min(answer.latency, _read_timeout(request))
            (self._virtual_clock.skip if self._virtual_clock is not None else time.sleep)(wait)
        return _response(answer, request)


class AsyncTransport(_InProcess, httpx.AsyncBaseTransport):
    """For `httpx.AsyncClient`."""

    kraty_any_loop = True
    """It has no connections, so a client of ours may be used in several event loops, as one with connections may."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        stream: Any = request.stream
        answer = self._respond(request, b"".join([chunk async for chunk in stream]))
        if answer.latency:
            wait = min(answer.latency, _read_timeout(request))
            await (self._virtual_clock.async_skip if self._virtual_clock is not None else asyncio.sleep)(wait)
        return _response(answer, request)
