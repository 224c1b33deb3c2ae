"""How does an httpx client call the emulator without a socket?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import httpx

from kraty_server.testing.emulator.engine import Answer, Engine


def _asked(engine: Engine, request: httpx.Request) -> Answer:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers.raw}
    return engine.respond(request.method, request.url.raw_path.decode("ascii"), headers, request.content)


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
    if answer.transport_fault == "drop":
        raise httpx.RemoteProtocolError("the connection was dropped, as scripted", request=request)
    headers = {"content-type": "application/json", "content-length": str(len(answer.body)), **answer.headers}
    if answer.transport_fault == "cut":
        return httpx.Response(answer.status, headers=headers, stream=_Cut(answer.body), request=request)
    return httpx.Response(answer.status, headers=headers, content=answer.body, request=request)


def _read_timeout(request: httpx.Request) -> float:
    """How long the client waits for an answer, in seconds."""
    limit = request.extensions.get("timeout", {}).get("read")
    return float("inf") if limit is None else float(limit)


class Transport(httpx.BaseTransport):
    """For `httpx.Client`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        request.read()
        answer = _asked(self._engine, request)
        if answer.latency:
            time.sleep(min(answer.latency, timeout := _read_timeout(request)))
            if answer.latency > timeout:
                raise httpx.ReadTimeout("the answer came too late, as scripted", request=request)
        return _response(answer, request)


class AsyncTransport(httpx.AsyncBaseTransport):
    """For `httpx.AsyncClient`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        await request.aread()
        answer = _asked(self._engine, request)
        if answer.latency:
            await asyncio.sleep(min(answer.latency, timeout := _read_timeout(request)))
            if answer.latency > timeout:
                raise httpx.ReadTimeout("the answer came too late, as scripted", request=request)
        return _response(answer, request)
