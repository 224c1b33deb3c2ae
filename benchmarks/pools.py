"""What do connection pools do for a request? Counted, not timed: `python -m benchmarks.pools`.

32 calls at a time are made to a server that answers after 20 ms. The server counts the connections that are opened for
them, and how often a pool of httpx asks one of its connections for its state is counted in the client.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpcore
import httpx

from benchmarks.client import CREDIT, KEY, PATH, body, posted
from kraty_server import AsyncKratyServer, KratyServer
from tests.servers.fast import Answering

AT_ONCE = 32
CALLS = 1280
ANSWERS_AFTER = 0.02
QUESTIONS = ("is_idle", "is_closed", "has_expired", "is_available")


class Slow(Answering):
    """Answers after a while, and counts the connections."""

    opened = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Slow.opened += 1
        super().connection_made(transport)

    def answer(self, data: bytes) -> None:
        asyncio.get_running_loop().call_later(ANSWERS_AFTER, super().answer, data)


@contextmanager
def running() -> Iterator[str]:
    """The server in a thread; its URL."""
    ready, found = threading.Event(), list[Any]()

    async def serve() -> None:
        stop = asyncio.Event()
        server = await asyncio.get_running_loop().create_server(Slow, "127.0.0.1", 0)
        found.extend((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), stop))
        ready.set()
        await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait()
    port, loop, stop = found
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


@dataclass
class Count:
    """What all the calls took."""

    name: str
    opened: int
    """Connections."""
    failed: int
    """Calls: httpx also closes connections that another thread has just been given."""
    asked: float
    """Questions to connections, for each call."""


@contextmanager
def questions() -> Iterator[list[int]]:
    """Count what pools ask their connections meanwhile."""
    asked = [0]

    def counting(question: Callable[[Any], bool]) -> Callable[[Any], bool]:
        def ask(self: Any) -> bool:
            asked[0] += 1
            return question(self)

        return ask

    kinds = (httpcore.HTTPConnection, httpcore.AsyncHTTPConnection)
    before = {(kind, name): getattr(kind, name) for kind in kinds for name in QUESTIONS}
    try:
        for (kind, name), question in before.items():
            setattr(kind, name, counting(question))
        yield asked
    finally:
        for (kind, name), question in before.items():
            setattr(kind, name, question)


def threads(call: Callable[[], object]) -> int:
    def works(_: int) -> bool:
        try:
            call()
        except httpx.HTTPError:
            return False
        return True

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(works, range(CALLS))).count(False)


async def tasks(call: Callable[[], Awaitable[object]]) -> int:
    async def worker() -> None:
        for _ in range(CALLS // AT_ONCE):
            await call()

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return 0


def blocking(url: str) -> int:
    with httpx.Client(base_url=url) as bare:
        return threads(lambda: bare.post(PATH, json=body()).json())


def ours(url: str) -> int:
    with KratyServer(api_key=KEY, base_url=url) as kraty:
        return threads(lambda: kraty.wallet.credit("p", "gold", **CREDIT))


def awaited(url: str, **options: Any) -> int:
    async def main() -> int:
        async with httpx.AsyncClient(base_url=url, **options) as bare:
            return await tasks(lambda: posted(bare))

    return asyncio.run(main())


def ours_awaited(url: str) -> int:
    async def main() -> int:
        async with AsyncKratyServer(api_key=KEY, base_url=url, transport="httpx") as kraty:
            return await tasks(lambda: kraty.wallet.credit("p", "gold", **CREDIT))

    return asyncio.run(main())


CLIENTS: dict[str, Callable[[str], int]] = {
    "threads, httpx.Client as it comes": blocking,
    "threads, KratyServer": ours,
    "asyncio, httpx.AsyncClient as it comes": awaited,
    "asyncio, httpx.AsyncClient, 256 connections may be idle": lambda url: awaited(
        url, limits=httpx.Limits(max_connections=256, max_keepalive_connections=256)
    ),
    "asyncio, AsyncKratyServer without aiohttp": ours_awaited,
}


def counts() -> Iterator[Count]:
    """Count for each client."""
    for name, use in CLIENTS.items():
        with running() as url, questions() as asked:
            Slow.opened = 0
            failed = use(url)
            yield Count(name, Slow.opened, failed, asked[0] / CALLS)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the counts to this file too")
    given = parser.parse_args()
    found = list(counts())
    print(
        f"{f'{CALLS:,} calls, {AT_ONCE} at a time':<58}{'connections opened':>20}{'failed':>8}{'questions a call':>20}"
    )
    for one in found:
        print(f"{one.name:<58}{one.opened:>20,}{one.failed:>8,}{one.asked:>20,.0f}")
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
