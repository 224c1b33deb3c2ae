"""How does a response of httpx become an Answer? Read whole, up to a limit, and its connection looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx

from kraty_server._clock import SYSTEM_CLOCK
from kraty_server._http.body import Body
from kraty_server._http.failures import is_transport_error
from kraty_server._http.messages import Answer, Send
from kraty_server._http.private import forbid_reuse, has_unread, speaks_http2

BODILESS: Final = frozenset({204, 304})
"""Statuses without a body; what a server sends along all the same would be the next call's answer."""


def announces_body(headers: Mapping[str, str]) -> bool:
    """Tell whether an answer's headers say that a body follows."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def receive(response: httpx.Response, send: Send, limit: int, expires_at: float) -> tuple[Answer, bool]:
    """Read the response to a request and close it; and tell whether its connection may be used again."""
    try:
        if response.is_stream_consumed:
            answer = _already_read(response, limit)
        else:
            headers = response.headers
            body = Body(headers.get("content-encoding"), limit)
            chunks: Any = response.stream
            for chunk in chunks:
                if not body.add(chunk):
                    break
                if SYSTEM_CLOCK.monotonic() > expires_at:
                    raise httpx.ReadTimeout("the time for this attempt has passed")
            answer = Answer(response.status_code, headers, *body.finish())
        trusted = send.judge(answer)
        if not answer.complete:  # httpcore closes what was not read to its end
            return answer, False
        if trusted and not has_unread(response) and not (answer.status in BODILESS and announces_body(answer.headers)):
            return answer, True
        if speaks_http2(response):
            return answer, trusted
        if not forbid_reuse(response) and (stream := response.extensions.get("network_stream")):
            close_quietly(stream.close)
        return answer, False
    finally:
        close_quietly(response.close)


async def areceive(response: httpx.Response, send: Send, limit: int) -> tuple[Answer, bool]:
    """Read the response to a request on the event loop and close it; and tell as `receive` does."""
    try:
        if response.is_stream_consumed:
            answer = _already_read(response, limit)
        else:
            headers = response.headers
            body = Body(headers.get("content-encoding"), limit)
            chunks: Any = response.stream
            async for chunk in chunks:
                if not body.add(chunk):
                    break
            answer = Answer(response.status_code, headers, *body.finish())
        trusted = send.judge(answer)
        if not answer.complete:  # httpcore closes what was not read to its end
            return answer, False
        if trusted and not has_unread(response) and not (answer.status in BODILESS and announces_body(answer.headers)):
            return answer, True
        if speaks_http2(response):
            return answer, trusted
        if not forbid_reuse(response) and (stream := response.extensions.get("network_stream")):
            await aclose_quietly(stream.aclose)
        return answer, False
    finally:
        await aclose_quietly(response.aclose)


def _already_read(response: httpx.Response, limit: int) -> Answer:
    """The answer that a transport of the caller's has read before us; httpx decompressed it."""
    content = response.content
    return Answer(response.status_code, response.headers, content[:limit], len(content) <= limit)


def close_quietly(close: Callable[[], object]) -> None:
    """Close something; what the network does to it then is no error of a call, but a signal's error goes through."""
    try:
        close()
    except Exception as error:
        if not is_transport_error(error) or isinstance(error, TimeoutError):
            raise


async def aclose_quietly(close: Callable[[], Any]) -> None:
    """Close something on the event loop, as `close_quietly` does."""
    try:
        await close()
    except Exception as error:
        if not is_transport_error(error):
            raise
