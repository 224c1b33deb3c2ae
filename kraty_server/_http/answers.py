"""How does a response of httpx become an Answer? Read whole, up to a limit, and its connection looked at."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import Any, Final, cast

import httpx

from kraty_server._http.body import Body
from kraty_server._http.failures import is_transport_error
from kraty_server._http.messages import Answer
from kraty_server._http.private import forbid_reuse, has_unread

BODILESS: Final = frozenset({204, 304})
"""Statuses without a body; what a server sends along all the same would be the next call's answer."""


def is_bodiless_with_body(status: int, headers: Mapping[str, str]) -> bool:
    """Tell whether a server announces a body where there cannot be one."""
    return status in BODILESS and (headers.get("content-length", "0") != "0" or "transfer-encoding" in headers)


def receive(response: httpx.Response, limit: int, expires_at: float) -> tuple[Answer, bool]:
    """Read a response and close it; and tell whether its connection may be used again."""
    try:
        if response.is_stream_consumed:
            answer = _already_read(response, limit)
        else:
            headers = response.headers
            body = Body(headers.get("content-encoding"), limit)
            for chunk in cast("Iterable[bytes]", response.stream):
                if not body.add(chunk):
                    break
                if time.monotonic() > expires_at:
                    raise httpx.ReadTimeout("the time for this attempt has passed")
            answer = Answer(response.status_code, headers, *body.finish())
        if not answer.complete:
            return answer, False
        if not _has_surplus(response, answer):
            return answer, True
        if not forbid_reuse(response) and (stream := response.extensions.get("network_stream")):
            close_quietly(stream.close)
        return answer, False
    finally:
        close_quietly(response.close)


async def areceive(response: httpx.Response, limit: int) -> tuple[Answer, bool]:
    """Read a response on the event loop and close it; and tell whether its connection may be used again."""
    try:
        if response.is_stream_consumed:
            answer = _already_read(response, limit)
        else:
            headers = response.headers
            body = Body(headers.get("content-encoding"), limit)
            async for chunk in cast("AsyncIterable[bytes]", response.stream):
                if not body.add(chunk):
                    break
            answer = Answer(response.status_code, headers, *body.finish())
        if not answer.complete:
            return answer, False
        if not _has_surplus(response, answer):
            return answer, True
        if not forbid_reuse(response) and (stream := response.extensions.get("network_stream")):
            await aclose_quietly(stream.aclose)
        return answer, False
    finally:
        await aclose_quietly(response.aclose)


def _already_read(response: httpx.Response, limit: int) -> Answer:
    """The answer that a transport of the caller's has read before us; httpx decompressed it."""
    content = response.content
    return Answer(response.status_code, response.headers, content[:limit], len(content) <= limit)


def _has_surplus(response: httpx.Response, answer: Answer) -> bool:
    """Whether the server sent, or will, more than this answer: it would be the next call's."""
    return has_unread(response) or is_bodiless_with_body(answer.status, answer.headers)


def close_quietly(close: Callable[[], object]) -> None:
    """Close something; what the network does to it then is no error of a call, but a signal's error goes through."""
    try:
        close()
    except Exception as error:
        if not is_transport_error(error):
            raise


async def aclose_quietly(close: Callable[[], Any]) -> None:
    """Close something on the event loop, as `close_quietly` does."""
    try:
        await close()
    except Exception as error:
        if not is_transport_error(error):
            raise
