"""Every way in which a request gets out, each as a client that stays open for several calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import httpx
import pytest

from kraty_server import AsyncKratyServer, KratyServer

KEY = "prefix.secret"


@dataclass(frozen=True)
class Sender:
    """A flavour of the client and what sends its requests."""

    name: str
    blocking: bool
    given: Callable[[], dict[str, Any]]
    """The options that choose the way out; what they hold is the caller's to close."""
    closed: Callable[[dict[str, Any]], Any] = lambda given: None

    @contextmanager
    def running(self, **options: Any) -> Iterator[Callable[[Callable[[Any], Any]], Any]]:
        """A client; what it gives is called with a call to make, and gives the value of that call."""
        options = {"api_key": KEY, **options}
        if self.blocking:
            given = self.given()
            try:
                with KratyServer(**given, **options) as kraty:
                    yield lambda use: use(kraty)
            finally:
                self.closed(given)
            return
        with asyncio.Runner() as loop:

            async def make() -> tuple[dict[str, Any], AsyncKratyServer]:
                given = self.given()
                return given, AsyncKratyServer(**given, **options)

            given, awaited = loop.run(make())

            async def done(use: Callable[[Any], Awaitable[Any]]) -> Any:
                return await use(awaited)

            async def end() -> None:
                await awaited.aclose()
                if (closing := self.closed(given)) is not None:
                    await closing
                await asyncio.sleep(0)

            try:
                yield lambda use: loop.run(done(use))
            finally:
                loop.run(end())


OWN = Sender("blocking", True, dict)
GIVEN_CLIENT = Sender(
    "blocking-given-client", True, lambda: {"http_client": httpx.Client()}, lambda given: given["http_client"].close()
)
GIVEN_TRANSPORT = Sender(
    "blocking-given-transport",
    True,
    lambda: {"transport": httpx.HTTPTransport()},
    lambda given: given["transport"].close(),
)
ASYNC = Sender("async-httpx", False, lambda: {"transport": "httpx"})
AIOHTTP = Sender("async-aiohttp", False, lambda: {"transport": "aiohttp"})
FAST = Sender("blocking-fast", True, lambda: {"transport": "fast"})
ASYNC_FAST = Sender("async-fast", False, lambda: {"transport": "fast"})
ASYNC_GIVEN_CLIENT = Sender(
    "async-given-client",
    False,
    lambda: {"http_client": httpx.AsyncClient()},
    lambda given: given["http_client"].aclose(),
)
ASYNC_GIVEN_TRANSPORT = Sender(
    "async-given-transport",
    False,
    lambda: {"transport": httpx.AsyncHTTPTransport()},
    lambda given: given["transport"].aclose(),
)

IS_FAST = find_spec("httptools") is not None and find_spec("aiohappyeyeballs") is not None
AWAITED_OURS = [ASYNC, *([AIOHTTP] if find_spec("aiohttp") else []), *([ASYNC_FAST] if IS_FAST else [])]
OURS = [OWN, *([FAST] if IS_FAST else []), *AWAITED_OURS]
"""Those whose connections are the client's own, which read the environment."""
BLOCKING = [*(one for one in OURS if one.blocking), GIVEN_CLIENT, GIVEN_TRANSPORT]
AWAITED = [*AWAITED_OURS, ASYNC_GIVEN_CLIENT, ASYNC_GIVEN_TRANSPORT]


def senders(which: list[Sender]) -> pytest.MarkDecorator:
    """One test for each sender."""
    return pytest.mark.parametrize("sender", which, ids=lambda sender: sender.name)


every_sender = senders([*BLOCKING, *AWAITED])
blocking_senders = senders(BLOCKING)
async_senders = senders(AWAITED)
own_senders = senders(OURS)
