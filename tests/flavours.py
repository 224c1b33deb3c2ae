"""One test, both flavours: `call` makes a call on a blocking or on an async client and gives its value."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
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


class Running:
    """A client that stays open for several uses, as `with Running(flavour, **options) as use: use(call)`."""

    def __init__(self, flavour: Flavour, **options: Any) -> None:
        self.transport = getattr(flavour, "transport", None)
        self.options = options

    def __enter__(self) -> Callable[[Callable[[Any], Any]], Any]:
        self.stack = ExitStack()
        if self.transport is None:
            kraty = self.stack.enter_context(KratyServer(**self.options))
            return lambda use: use(kraty)
        loop = self.stack.enter_context(asyncio.Runner())
        awaited = AsyncKratyServer(transport=self.transport, **self.options)
        self.stack.callback(lambda: loop.run(awaited.aclose()))

        async def done(use: Callable[[Any], Any]) -> Any:
            return await use(awaited)

        return lambda use: loop.run(done(use))

    def __exit__(self, *_: object) -> None:
        self.stack.close()
