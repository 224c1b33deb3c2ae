"""Which private names of httpx, httpcore and aiohttp do we touch? All of them here, each with a way on without it.

tests/unit/test_private_names.py holds each at both ends of the ranges in pyproject.toml.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any, Final

import httpcore
import httpx

from kraty_server._http.deadline import DeadlineBackend

_new_url: Final[Callable[[type[httpx.URL]], httpx.URL]] = object.__new__
log: Final = logging.getLogger("kraty_server")


@cache
def _missing(what: str, consequence: str) -> None:
    log.warning("this release of %s hides what kraty-server needs: %s", what, consequence)


class _Url(httpx.URL):
    @staticmethod
    def with_path(base: httpx.URL, target: str) -> httpx.URL:
        """Give a URL another path, which is percent-encoded; parsed where httpx's parts are not where they were."""
        try:
            url = _new_url(httpx.URL)  # without its constructor, which would parse
            url._uri_reference = base._uri_reference._replace(path=target)
            return url
        except AttributeError:
            return base.copy_with(raw_path=target.encode("ascii"))


url_with_path: Final = _Url.with_path


def _pools(given: object) -> Iterator[Any]:
    """The pools of httpcore inside a client or transport of httpx; none in what is no httpx."""
    for transport in (given, getattr(given, "_transport", None), *getattr(given, "_mounts", {}).values()):
        if hasattr(getattr(transport, "_pool", None), "_network_backend"):
            yield getattr(transport, "_pool")  # noqa: B009  (a private name, on purpose)


def install_deadline(given: object) -> list[DeadlineBackend]:
    """Let blocking calls of a client or transport of httpx end at the deadline.

    Where httpx hides its pools, calls end with httpx's own time-outs, which start anew with each chunk.
    """
    backends: list[DeadlineBackend] = []
    for pool in _pools(given):
        backend = pool._network_backend
        if isinstance(backend, httpcore.NetworkBackend) and not isinstance(backend, DeadlineBackend):
            backend = pool._network_backend = DeadlineBackend(backend)
        if isinstance(backend, DeadlineBackend):
            backend.installed += 1
            backends.append(backend)
    if not backends and isinstance(getattr(given, "_transport", given), httpx.Client | httpx.HTTPTransport):
        _missing("httpx", "a server that drips is not cut off at the deadline")
    return backends


def allow_interrupts(transport: httpx.HTTPTransport) -> None:
    """Let a signal tear a call apart in a transport of ours: httpcore's lock may stay locked then, and its own clean-up
    waits for it. One that a thread may take again does not hang. Where the name is gone, neither is the lock.
    """
    for pool in _pools(transport):
        if hasattr(pool, "_optional_thread_lock"):
            pool._optional_thread_lock = threading.RLock()


def uninstall_deadline(given: object) -> None:
    """Leave a client or transport as it was, once nobody needs its deadline any more."""
    for pool in _pools(given):
        if isinstance(backend := pool._network_backend, DeadlineBackend):
            backend.installed -= 1
            if backend.installed == 0:
                pool._network_backend = backend.inner


def _http1_state(response: httpx.Response) -> Any:
    """The state of a response's connection, a Connection of h11; None where it is not of HTTP/1.1, or is not found."""
    stream: Any = response.stream
    try:  # the usual way
        return stream._httpcore_stream._stream._connection._h11_state
    except AttributeError:
        pass
    for _ in range(6):  # httpx's streams around httpcore's, at the end of which is the connection
        if (connection := getattr(stream, "_connection", None)) is not None:
            return getattr(connection, "_h11_state", None)
        stream = getattr(stream, "_httpcore_stream", None) or getattr(stream, "_stream", None)
        if stream is None:
            break
    return None


def speaks_http2(response: httpx.Response) -> bool:
    """Tell whether a response came over HTTP/2, where answers have numbers and connections many calls."""
    return response.extensions.get("http_version") == b"HTTP/2"


def has_unread(response: httpx.Response) -> bool:
    """Tell whether bytes are left on the connection of an answer that was read: they would be the next call's answer.

    True as well where nobody can tell. False for HTTP/2, where answers have numbers.
    """
    if "network_stream" not in response.extensions:
        return False  # no connection of httpcore's
    if (state := _http1_state(response)) is not None:
        return bool(state.trailing_data[0])
    if speaks_http2(response):
        return False
    _missing("httpcore", "each connection is closed after one call, since what is left on it is not seen")
    return True


def forbid_reuse(response: httpx.Response) -> bool:
    """Let httpcore close the connection with the response; False where it does not know how.

    To close the connection ourselves would not be enough where threads share a pool: between two looks at it httpcore
    takes a connection that just came free, forgives that it cannot be written to, and reads what is left on it.
    """
    if response.is_closed or (state := _http1_state(response)) is None:
        return False
    state.send_failed()
    return True


def switch_off_aiohttp_retries(session: object) -> None:
    """Keep aiohttp from sending a lost GET, PUT or DELETE once more by itself, unseen.

    There is no public way. aiohttp 3.10 has no such name; there it knows these methods in capitals only, and ours are
    not.
    """
    if hasattr(session, "_retry_connection"):
        setattr(session, "_retry_connection", False)  # noqa: B010  (a private name, on purpose)


def import_event_loop_backend() -> None:
    """Import what httpx imports amid the first call on an event loop: a fork at that moment would hang for ever."""
    with suppress(ImportError):  # where it is gone, httpx imports it itself
        import_module("anyio._backends._asyncio")


class _NoHeaders(logging.Filter):
    """Drops what hpack logs at DEBUG: the headers of requests, and with them the key."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


_no_headers: Final = _NoHeaders()


def silence_header_logs() -> None:
    """Keep hpack's debug log from writing the key."""
    for name in ("hpack.hpack", "hpack.table"):
        logging.getLogger(name).addFilter(_no_headers)
