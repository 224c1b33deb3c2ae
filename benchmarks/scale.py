"""How many calls a second does one process make, with 1 to 256 in flight? `python -m benchmarks.scale`."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import aiohttp
import httpx

from benchmarks.client import CREDIT, KEY, PATH, body, lap, posted, sent, threaded
from kraty_server import AsyncKratyServer, KratyServer
from tests.servers.fast import running

IN_FLIGHT = (1, 2, 4, 8, 16, 32, 64, 128, 256)
ROUNDS = 5
CALLS = 512
LIMITS = httpx.Limits(max_connections=256, max_keepalive_connections=256)

Rates = dict[str, dict[int, list[float]]]
"""Calls a second by client and calls in flight: the quartiles of the rounds."""


def threads(url: str) -> Rates:
    """Calls a second from threads."""
    with ExitStack() as open_ones:
        kraty = open_ones.enter_context(KratyServer(api_key=KEY, base_url=url))
        fast = open_ones.enter_context(KratyServer(api_key=KEY, base_url=url, transport="fast"))
        bare = open_ones.enter_context(httpx.Client(base_url=url, limits=LIMITS))
        calls: dict[str, Callable[[], object]] = {
            "threads, ours": lambda: kraty.wallet.credit("p", "gold", **CREDIT),
            "threads, ours with fast": lambda: fast.wallet.credit("p", "gold", **CREDIT),
            "threads, httpx.Client": lambda: bare.post(PATH, json=body()).json(),
        }
        rates: Rates = {name: {} for name in calls}
        for flying in IN_FLIGHT:
            taken: dict[str, list[float]] = {name: [] for name in calls}
            for number in range(ROUNDS + 1):
                for name, call in calls.items():
                    seconds = threaded(call, flying, CALLS)
                    if number:  # the first round opens the connections
                        taken[name].append(seconds)
            for name, values in taken.items():
                rates[name][flying] = statistics.quantiles([1 / value for value in values], n=4)
        return rates


async def tasks(url: str) -> Rates:
    """Calls a second from tasks of one event loop."""
    async with AsyncExitStack() as open_ones:
        enter = open_ones.enter_async_context
        plain = await enter(AsyncKratyServer(api_key=KEY, base_url=url, transport="httpx"))
        quick = await enter(AsyncKratyServer(api_key=KEY, base_url=url, transport="aiohttp"))
        fast = await enter(AsyncKratyServer(api_key=KEY, base_url=url, transport="fast"))
        bare = await enter(httpx.AsyncClient(base_url=url, limits=LIMITS))
        session = await enter(aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=256)))
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "asyncio, ours": lambda: plain.wallet.credit("p", "gold", **CREDIT),
            "asyncio, ours with aiohttp": lambda: quick.wallet.credit("p", "gold", **CREDIT),
            "asyncio, ours with fast": lambda: fast.wallet.credit("p", "gold", **CREDIT),
            "asyncio, httpx.AsyncClient": lambda: posted(bare),
            "asyncio, aiohttp": lambda: sent(session),
        }
        rates: Rates = {name: {} for name in calls}
        for flying in IN_FLIGHT:
            taken: dict[str, list[float]] = {name: [] for name in calls}
            for number in range(ROUNDS + 1):
                for name, call in calls.items():
                    seconds = await lap(call, flying, CALLS)
                    if number:
                        taken[name].append(seconds)
            for name, values in taken.items():
                rates[name][flying] = statistics.quantiles([1 / value for value in values], n=4)
        return rates


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the rates to this file too")
    given = parser.parse_args()
    with running() as url:
        rates = threads(url) | asyncio.run(tasks(url))
    print(f"{'calls a second, in flight:':<30}" + "".join(f"{flying:>8}" for flying in IN_FLIGHT))
    for name, by_flying in rates.items():
        print(f"{name:<30}" + "".join(f"{middle:>8,.0f}" for _, middle, _ in by_flying.values()))
    if given.json:
        given.json.write_text(json.dumps(rates, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
