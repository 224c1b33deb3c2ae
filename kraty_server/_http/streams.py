"""How is the body of an answer read while it arrives? Of httpx, in both flavours; its connection is held meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, Final, Protocol, cast

import httpx

from kraty_server._http.answers import aclose_quietly, close_quietly
from kraty_server._http.body import Body
from kraty_server._http.messages import Answer, Send
from kraty_server._http.private import forbid_reuse, has_unread, speaks_http2

BUDGET: Final = 64 * 1024 * 1024
"""Bytes that a piece may become when it is decompressed; the limits of what is read are the caller's."""


def is_left_unread(response: httpx.Response, send: Send) -> bool:
    """Tell whether the body of a response is to be read while it arrives."""
    return send.leaves_unread is not None and send.leaves_unread(response.status_code, response.headers)


def without_judge(send: Send) -> Send:
    """What a stream keeps of its request: the judge knows the answer, which has the stream, and so is left out."""
    return send._replace(judge=_trust, leaves_unread=None)


def _trust(_answer: Answer) -> bool:
    return True


class ResponseStream:
    """The body of a response of httpx."""

    def __init__(self, response: httpx.Response, send: Send, release: Callable[[bool], object]) -> None:
        self.response = response
        self.send = without_judge(send)
        self.closed = False
        self._release = release
        self._body = Body(response.headers.get("content-encoding"), BUDGET)
        self._chunks: Iterator[bytes] = iter(
            (response.content,) if response.is_stream_consumed else cast("Any", response.stream)
        )

    def read(self) -> bytes:
        """The next bytes; none at the end."""
        try:
            for chunk in self._chunks:
                if content := self._body.take(chunk):
                    return content
            self._body.finish()
        except BaseException:
            self.close()
            raise
        self._close(ended=True)
        return b""

    def close(self) -> None:
        """Give the connection back; where the body did not end, close it."""
        self._close(ended=False)

    def __del__(self) -> None:
        with suppress(Exception):  # it may be half made, and the interpreter half gone
            self.close()

    def _close(self, *, ended: bool) -> None:
        if self.closed:
            return
        self.closed = True
        reusable = ended and _is_reusable(self.response)
        try:
            close_quietly(self.response.close)
        finally:
            self._release(reusable)


class AsyncResponseStream:
    """The body of a response of httpx, on an event loop."""

    def __init__(self, response: httpx.Response, send: Send, release: Callable[[bool], Awaitable[object]]) -> None:
        self.response = response
        self.send = without_judge(send)
        self.closed = False
        self._loop = asyncio.get_running_loop()
        self._release = release
        self._body = Body(response.headers.get("content-encoding"), BUDGET)
        self._chunks: AsyncIterator[bytes] = (
            _once(response.content) if response.is_stream_consumed else cast("Any", response.stream).__aiter__()
        )

    async def read(self) -> bytes:
        """The next bytes; none at the end."""
        try:
            async for chunk in self._chunks:
                if content := self._body.take(chunk):
                    return content
            self._body.finish()
        except BaseException:
            await self.aclose()
            raise
        await self._close(ended=True)
        return b""

    async def aclose(self) -> None:
        """Give the connection back; where the body did not end, close it."""
        await self._close(ended=False)

    def abandon(self) -> None:
        """Close it later, where nobody can wait for it any more."""
        if not self.closed:
            close_later(self._loop, self)

    def __del__(self) -> None:
        with suppress(Exception):  # as above
            self.abandon()

    async def _close(self, *, ended: bool) -> None:
        if self.closed:
            return
        self.closed = True
        reusable = ended and _is_reusable(self.response)
        try:
            await aclose_quietly(self.response.aclose)
        finally:
            await self._release(reusable)


def opened(response: httpx.Response, send: Send, release: Callable[[bool], object]) -> Answer:
    """The answer whose body is left unread."""
    stream = ResponseStream(response, send, release)
    return Answer(response.status_code, response.headers, b"", stream=stream)


def aopened(response: httpx.Response, send: Send, release: Callable[[bool], Awaitable[object]]) -> Answer:
    """The same on an event loop."""
    stream = AsyncResponseStream(response, send, release)
    return Answer(response.status_code, response.headers, b"", stream=stream)


def _is_reusable(response: httpx.Response) -> bool:
    """Whether the connection of a body that was read to its end may be used again; else it is closed with it."""
    if speaks_http2(response) or not has_unread(response):
        return True
    forbid_reuse(response)
    return False


def nothing(_fit: bool) -> None:
    """Release a connection that is not ours: its own pool has it again."""


async def anothing(_fit: bool) -> None:
    """The same on an event loop."""


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


class Closing(Protocol):
    """What is closed on an event loop."""

    async def aclose(self) -> None:
        """Close it."""
        ...


def close_later(loop: asyncio.AbstractEventLoop, one: Closing) -> None:
    """Close what was dropped, on its own loop; where that is closed, so is the connection."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(_close_soon, one)


def _close_soon(one: Closing) -> None:
    task = asyncio.ensure_future(one.aclose())
    _closing.add(task)
    task.add_done_callback(_closing.discard)


_closing: Final[set[asyncio.Future[None]]] = set()
