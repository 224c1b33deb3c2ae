"""What does one small call cost in other SDKs? In one run, one in flight: `python -m benchmarks.sdks`.

The server gives all of them the same answer, which each makes its own model of.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import statistics
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import openai
import stripe
import urllib3

from benchmarks.client import CREDIT, KEY, PATH, ROUNDS, body, lap, timed
from kraty_server import AsyncKratyServer, KratyServer
from tests.servers.fast import running

TIMES = 200

Taken = dict[str, list[float]]
"""Seconds for a call, by client."""


def blocking(url: str) -> Taken:
    """One thread, one call at a time."""
    with ExitStack() as open_ones:
        kraty = open_ones.enter_context(KratyServer(api_key=KEY, base_url=url))
        fast = open_ones.enter_context(KratyServer(api_key=KEY, base_url=url, transport="fast"))
        of_httpx = open_ones.enter_context(httpx.Client(base_url=url))
        of_openai = open_ones.enter_context(openai.OpenAI(api_key=KEY, base_url=url))
        of_stripe = stripe.StripeClient(KEY, base_addresses={"api": url, "files": url, "connect": url})
        pool = urllib3.PoolManager()
        place = urlsplit(url)
        plain = http.client.HTTPConnection(str(place.hostname), place.port)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}

        def bare() -> object:
            plain.request("POST", PATH, json.dumps(body()), headers)
            return json.loads(plain.getresponse().read())

        calls: dict[str, Callable[[], object]] = {
            "http.client, bare": bare,
            "urllib3, bare": lambda: pool.request("POST", url + PATH, json=body(), headers=headers).json(),
            "httpx, bare": lambda: of_httpx.post(PATH, json=body(), headers=headers).json(),
            'kraty-server, transport="fast"': lambda: fast.wallet.credit("p", "gold", **CREDIT),
            "kraty-server": lambda: kraty.wallet.credit("p", "gold", **CREDIT),
            f"stripe {version('stripe')}": lambda: of_stripe.v1.customers.create({"name": "p", "description": "iap"}),
            f"openai {version('openai')}": lambda: of_openai.moderations.create(input="iap"),
        }
        taken = timed(calls, TIMES)
        plain.close()
        return taken


async def awaited(url: str) -> Taken:
    """One event loop, one call at a time."""
    async with (
        AsyncKratyServer(api_key=KEY, base_url=url) as kraty,
        AsyncKratyServer(api_key=KEY, base_url=url, transport="fast") as fast,
        AsyncKratyServer(api_key=KEY, base_url=url, transport="aiohttp") as quick,
        aiohttp.ClientSession(url) as session,
        httpx.AsyncClient(base_url=url) as of_httpx,
        openai.AsyncOpenAI(api_key=KEY, base_url=url) as of_openai,
    ):

        async def bare() -> Any:
            async with session.post(PATH, json=body()) as response:
                return await response.json()

        async def of_bare_httpx() -> Any:
            return (await of_httpx.post(PATH, json=body())).json()

        calls: dict[str, Callable[[], Any]] = {
            "aiohttp, bare": bare,
            "httpx, bare": of_bare_httpx,
            'kraty-server, transport="fast"': lambda: fast.wallet.credit("p", "gold", **CREDIT),
            'kraty-server, transport="aiohttp"': lambda: quick.wallet.credit("p", "gold", **CREDIT),
            "kraty-server": lambda: kraty.wallet.credit("p", "gold", **CREDIT),
            f"openai {version('openai')}": lambda: of_openai.moderations.create(input="iap"),
        }
        taken: Taken = {name: [] for name in calls}
        for number in range(ROUNDS + 1):
            for name, call in calls.items():
                seconds = await lap(call, 1, TIMES)
                if number:  # the first round opens the connections
                    taken[name].append(seconds)
        return taken


def main() -> None:
    """Print the figures, and write them."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", type=Path, required=True)
    given = arguments.parse_args()
    with running() as url:
        found = {"blocking": blocking(url), "asyncio": asyncio.run(awaited(url))}
    results = {kind: {name: statistics.quantiles(laps, n=4) for name, laps in taken.items()}
               for kind, taken in found.items()}  # fmt: skip
    for kind, by in results.items():
        for name, (_, middle, _) in by.items():
            print(f"{kind:9} {name:36} {middle * 1e6:6.0f} µs")
    given.json.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
