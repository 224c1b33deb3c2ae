"""One test, both flavours or every way out: makes calls on blocking and on async clients and gives their values."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, Protocol, cast

import httpx
import pytest

from kraty_server import AsyncKratyServer, KratyServer


class Flavour(Protocol):
    """Makes a client, uses it, closes it."""

    name: str
    transport: str
    blocking: bool

    def __call__(self, use: Callable[[Any], Any], **options: Any) -> Any: ...


class Sync:
    blocking = True

    def __init__(self, name: str, transport: str) -> None:
        self.name = name
        self.transport = transport

    def __call__(self, use: Callable[[Any], Any], **options: Any) -> Any:
        if "http_client" not in options:
            options = {"transport": self.transport} | options
        with KratyServer(**options) as kraty:
            return use(kraty)


class Async:
    blocking = False

    def __init__(self, name: str, transport: str) -> None:
        self.name = name
        self.transport = transport

    def __call__(self, use: Callable[[Any], Any], **options: Any) -> Any:
        if "http_client" not in options:
            options = {"transport": self.transport} | options

        async def main() -> Any:
            async with AsyncKratyServer(**options) as kraty:
                return await use(kraty)

        return asyncio.run(main())


FLAVOURS: list[Flavour] = [Sync("sync", "httpx"), Async("async", "httpx")]
if find_spec("aiohttp") is not None:
    FLAVOURS.append(Async("aiohttp", "aiohttp"))
if find_spec("httptools") is not None and find_spec("aiohappyeyeballs") is not None:
    FLAVOURS += [Sync("fast", "fast"), Async("fast-async", "fast")]
both = pytest.mark.parametrize("flavour", FLAVOURS, ids=lambda f: cast(Flavour, f).name)


def set_limits(kraty: Any, **changes: Any) -> Any:
    """Change what the connections of a client may take; how many there may be only before its first call."""
    connections = kraty._connections
    connections.limits = connections.limits._replace(**changes)
    for binding in connections.bindings.values():
        binding.sender.pool.limits = connections.limits
        binding.sender.max_body = connections.limits.max_body
    return kraty


def given_transport(kraty: Any) -> Any:
    """The transport that a client was given."""
    connections = kraty._connections
    return connections.transport if isinstance(kraty, AsyncKratyServer) else connections._binding().sender.transport


class Running:
    """A client that stays open for several uses, as `with Running(flavour, **options) as use: use(call)`."""

    def __init__(self, flavour: Flavour, limits: dict[str, Any] | None = None, **options: Any) -> None:
        self.flavour = flavour
        self.limits = limits or {}
        self.options = options

    def __enter__(self) -> Callable[[Callable[[Any], Any]], Any]:
        self.stack = ExitStack()
        options: dict[str, Any] = {"transport": self.flavour.transport, **self.options}
        if self.flavour.blocking:
            kraty = set_limits(self.stack.enter_context(KratyServer(**options)), **self.limits)
            return lambda use: use(kraty)
        loop = self.stack.enter_context(asyncio.Runner())
        awaited = set_limits(AsyncKratyServer(**options), **self.limits)
        self.stack.callback(lambda: loop.run(awaited.aclose()))

        async def done(use: Callable[[Any], Any]) -> Any:
            return await use(awaited)

        return lambda use: loop.run(done(use))

    def __exit__(self, *_: object) -> None:
        self.stack.close()


class Open(Protocol):
    """A client that is open: makes calls, rests, makes calls at once; the same for blocking and for async ones."""

    kraty: Any

    def __call__(self, call: Callable[[Any], Any]) -> Any:
        """Make a call, and give its value."""
        ...

    def rest(self, seconds: float) -> None:
        """Let time pass, with the event loop running."""
        ...

    def together(self, calls: Sequence[Callable[[Any], Any]], workers: int) -> list[Any]:
        """Make calls, so many at a time, and give their values or errors in their order."""
        ...


class OpenSync:
    def __init__(self, kraty: KratyServer) -> None:
        self.kraty = kraty

    def __call__(self, call: Callable[[Any], Any]) -> Any:
        return call(self.kraty)

    def rest(self, seconds: float) -> None:
        time.sleep(seconds)

    def together(self, calls: Sequence[Callable[[Any], Any]], workers: int) -> list[Any]:
        def one(call: Callable[[Any], Any]) -> Any:
            try:
                return call(self.kraty)
            except Exception as error:
                return error

        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(one, calls))


class OpenAsync:
    def __init__(self, kraty: AsyncKratyServer, loop: asyncio.Runner) -> None:
        self.kraty = kraty
        self.loop = loop

    def __call__(self, call: Callable[[Any], Any]) -> Any:
        async def done() -> Any:
            return await call(self.kraty)

        return self.loop.run(done())

    def rest(self, seconds: float) -> None:
        self.loop.run(asyncio.sleep(seconds))

    def together(self, calls: Sequence[Callable[[Any], Any]], workers: int) -> list[Any]:
        async def all_of_them() -> list[Any]:
            room = asyncio.Semaphore(workers)

            async def one(call: Callable[[Any], Any]) -> Any:
                async with room:
                    return await call(self.kraty)

            return await asyncio.gather(*map(one, calls), return_exceptions=True)

        return self.loop.run(all_of_them())


@dataclass(frozen=True)
class Sender:
    """One way out: `with sender(base_url=…) as use: use(call)`."""

    name: str
    make: Callable[[], dict[str, Any]]
    """The options that choose it: what is given to the client, made anew."""
    blocking: bool = False

    @property
    def ours(self) -> bool:
        """Whether its connections are made by this SDK, and not by what was given to it."""
        return not self.name.startswith("given")

    @property
    def knows_what_left(self) -> bool:
        """Whether it tells a request that was cut off from one that the server may have."""
        return self.name.startswith("fast")

    @contextmanager
    def __call__(self, **options: Any) -> Iterator[Open]:
        chosen = self.make()
        if self.blocking:
            try:
                with KratyServer(**chosen, **options) as kraty:
                    yield OpenSync(kraty)
            finally:
                for given in chosen.values():
                    if hasattr(given, "close"):
                        given.close()
            return
        with asyncio.Runner() as loop:
            awaited = AsyncKratyServer(**chosen, **options)
            try:
                yield OpenAsync(awaited, loop)
            finally:
                loop.run(awaited.aclose())
                for given in chosen.values():
                    if hasattr(given, "aclose"):
                        loop.run(given.aclose())


@cache
def _trust() -> ssl.SSLContext:
    """Reading the certificates takes longer than most tests: once for all."""
    return ssl.create_default_context()


SENDERS: list[Sender] = [
    Sender("sync", dict, blocking=True),
    Sender("async", lambda: {"transport": "httpx"}),
    Sender("given-client", lambda: {"http_client": httpx.Client(verify=_trust(), trust_env=False)}, blocking=True),
    Sender("given-async-client", lambda: {"http_client": httpx.AsyncClient(verify=_trust(), trust_env=False)}),
    Sender(
        "given-transport", lambda: {"transport": httpx.HTTPTransport(verify=_trust(), trust_env=False)}, blocking=True
    ),
    Sender("given-async-transport", lambda: {"transport": httpx.AsyncHTTPTransport(verify=_trust(), trust_env=False)}),
]
if find_spec("aiohttp") is not None:
    SENDERS.insert(2, Sender("aiohttp", lambda: {"transport": "aiohttp"}))
if any(flavour.transport == "fast" for flavour in FLAVOURS):
    SENDERS += [
        Sender("fast", lambda: {"transport": "fast"}, blocking=True),
        Sender("fast-async", lambda: {"transport": "fast"}),
    ]


def _named(sender: object) -> str:
    return cast(Sender, sender).name


every_sender = pytest.mark.parametrize("sender", SENDERS, ids=_named)
"""All ways out: our own, and clients and transports that were given."""
our_senders = pytest.mark.parametrize("sender", [one for one in SENDERS if one.ours], ids=_named)
