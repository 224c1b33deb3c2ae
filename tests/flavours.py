"""One test, both flavours: `call` makes a call on a blocking or on an async client and gives its value."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, Protocol, cast

import pytest

from kraty_server import AsyncKratyServer, KratyServer


class Flavour(Protocol):
    """Makes a client, uses it, closes it."""

    name: str

    def __call__(self, use: Callable[[Any], Any], **options: Any) -> Any: ...


class Sync:
    name = "sync"

    def __call__(self, use: Callable[[Any], Any], **options: Any) -> Any:
        with KratyServer(**options) as kraty:
            return use(kraty)


class Async:
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


FLAVOURS: list[Flavour] = [Sync(), Async("async", "httpx")]
if find_spec("aiohttp") is not None:
    FLAVOURS.append(Async("aiohttp", "aiohttp"))
both = pytest.mark.parametrize("flavour", FLAVOURS, ids=lambda f: cast(Flavour, f).name)


def set_limits(kraty: Any, **changes: Any) -> Any:
    """Change what the connections of a client may take; how many there may be only before its first call."""
    connections = kraty._connections
    connections.limits = replace(connections.limits, **changes)
    for binding in connections.bindings.values():
        binding.sender.pool.limits = connections.limits
    return kraty


class Running:
    """A client that stays open for several uses, as `with Running(flavour, **options) as use: use(call)`."""

    def __init__(self, flavour: Flavour, limits: dict[str, Any] | None = None, **options: Any) -> None:
        self.transport = getattr(flavour, "transport", None)
        self.limits = limits or {}
        self.options = options

    def __enter__(self) -> Callable[[Callable[[Any], Any]], Any]:
        self.stack = ExitStack()
        if self.transport is None:
            kraty = set_limits(self.stack.enter_context(KratyServer(**self.options)), **self.limits)
            return lambda use: use(kraty)
        loop = self.stack.enter_context(asyncio.Runner())
        awaited = set_limits(AsyncKratyServer(transport=self.transport, **self.options), **self.limits)
        self.stack.callback(lambda: loop.run(awaited.aclose()))

        async def done(use: Callable[[Any], Any]) -> Any:
            return await use(awaited)

        return lambda use: loop.run(done(use))

    def __exit__(self, *_: object) -> None:
        self.stack.close()
