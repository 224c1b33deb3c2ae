"""What does a call cost, beside a bare client that encodes and decodes the same? `python -m benchmarks.client`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from itertools import count, cycle
from pathlib import Path
from typing import Any

import httpx

from kraty_server import AsyncKratyServer, KratyServer
from kraty_server.models import PlayerSnapshot
from kraty_server_generated.api import migrate
from tests.servers.fast import SMALL, SNAPSHOT, running

ROUNDS = 9
KEY = "bench.key"
PATH = "/server/v1/players/p/wallet/gold/credit"
CREDIT: dict[str, Any] = {"amount": 5, "reason": "iap", "idempotency_key": "receipt"}
OPTIONAL = ("click", "h2", "rich", "socksio", "trio")
"""What httpx and httpcore import where it is installed."""
number = count()


@dataclass
class Figure:
    """One line of the table: what, the seconds of ours and of what it is compared with, their ratio and the target."""

    name: str
    ours: float
    beside: float
    against: str
    ratio: float
    target: float | None
    spread: float
    """Of the ratio: the middle half of the rounds, over the median."""

    @property
    def met(self) -> str:
        """Whether the target is met; nothing where there is none."""
        return "" if self.target is None else "met" if self.ratio <= self.target else "missed"

    def __str__(self) -> str:
        target = "" if self.target is None else f"at most {self.target:<5g} {self.met}"
        return (f"{self.name:<52}{self.ours * 1e6:>9.1f} µs {self.beside * 1e6:>9.1f} µs  {self.ratio:>6.2f} × "
                f"{self.against:<22} ± {self.spread / 2:<5.0%} {target}")  # fmt: skip


def body() -> dict[str, Any]:
    return {"amount": 5, "reason": "iap", "idempotencyKey": f"receipt-{next(number)}"}


def timed(calls: dict[str, Callable[[], object]], times: int) -> dict[str, list[float]]:
    """Seconds per call, in turns, so that whatever else the machine does meets all of them."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(times // 4):
            call()
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(times):
                call()
            taken[name].append((time.perf_counter() - start) / times)
    return taken


def compared(name: str, ours: list[float], beside: list[float], against: str, target: float | None) -> Figure:
    """Round by round, so that what the machine does meanwhile meets both."""
    ratios = [a / b for a, b in zip(ours, beside, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return Figure(
        name, statistics.median(ours), statistics.median(beside), against, middle, target, (high - low) / middle
    )


def figure(name: str, taken: dict[str, list[float]], ours: str, beside: str, target: float | None) -> Figure:
    return compared(name, taken[ours], taken[beside], beside, target)


def bounded(name: str, ours: list[float], at_most: float, text: str) -> Figure:
    """Beside a fixed time."""
    return compared(name, ours, [at_most] * len(ours), text, 1.0)


# Blocking


def bare_socket(url: str) -> float:
    """Seconds for a request and its answer without any client: what the server and the kernel take."""
    content = json.dumps(body()).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as connection:

        def call() -> None:
            connection.sendall(head + content)
            while b"\r\n\r\n" not in connection.recv(65536):
                pass

        return statistics.median(timed({"socket": call}, 1000)["socket"])


def blocking(url: str) -> Iterator[Figure]:
    with (
        KratyServer(api_key=KEY, base_url=url, transport="httpx") as kraty,
        KratyServer(api_key=KEY, base_url=url, transport="fast") as fast,
        httpx.Client(base_url=url) as bare,
        closing(HTTPConnection("127.0.0.1", int(url.rpartition(":")[2]))) as standard,
    ):
        taken = timed(
            {
                "ours": lambda: kraty.wallet.credit("p", "gold", **CREDIT),
                "ours, fast": lambda: fast.wallet.credit("p", "gold", **CREDIT),
                "httpx.Client": lambda: bare.post(PATH, json=body()).json(),
                "http.client": lambda: asked(standard),
            },
            300,
        )
        name = "sync wallet.credit"
        yield figure(name, taken, "ours", "httpx.Client", 0.70)
        yield figure(f"{name}, fast", taken, "ours, fast", "httpx.Client", 0.22)
        yield figure(f"{name}, fast", taken, "ours, fast", "http.client", 0.90)
        taken = timed(
            {
                "ours": lambda: kraty.players.get("p"),
                "ours, fast": lambda: fast.players.get("p"),
                "httpx.Client + json": lambda: json.loads(bare.get("/server/v1/players/p").content),
            },
            200,
        )
        name = "sync players.get, 50 items, 5 balances, 20 grants"
        yield figure(name, taken, "ours", "httpx.Client + json", 0.90)
        yield figure(f"{name}, fast", taken, "ours, fast", "httpx.Client + json", 0.45)
        taken = {"ours": [], "ours, fast": []}
        for number in range(ROUNDS + 1):
            for name, client in (("ours", kraty), ("ours, fast", fast)):
                seconds = threaded(lambda client=client: client.wallet.credit("p", "gold", **CREDIT), 16)  # type: ignore[misc]  # mypy sees no types in lambdas with defaults
                if number:  # the first round opens the connections
                    taken[name].append(seconds)
        yield figure("wallet.credit from 16 threads, fast", taken, "ours, fast", "ours", 0.4)


def asked(standard: HTTPConnection) -> object:
    """What the standard library takes for the same."""
    headers = {"Authorization": f"Bearer {KEY}", "Accept": "application/json", "Content-Type": "application/json"}
    standard.request("POST", PATH, json.dumps(body()).encode(), headers)
    return json.loads(standard.getresponse().read())


def threaded(call: Callable[[], object], flying: int, calls: int = 512) -> float:
    """Seconds per call, with so many threads."""

    def worker() -> None:
        for _ in range(calls // flying):
            call()

    with ThreadPoolExecutor(flying) as threads:
        start = time.perf_counter()
        for done in [threads.submit(worker) for _ in range(flying)]:
            done.result()
        return (time.perf_counter() - start) / (calls // flying * flying)


# Async


async def lap(call: Callable[[], Awaitable[object]], flying: int, times: int) -> float:
    """Seconds per call, with so many under way at once."""

    async def worker(calls: int) -> None:
        for _ in range(calls):
            await call()

    start = time.perf_counter()
    await asyncio.gather(*(worker(times // flying) for _ in range(flying)))
    return (time.perf_counter() - start) / (times // flying * flying)


async def laps(calls: dict[str, Callable[[], Awaitable[object]]], flying: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in calls}
    times = max(256, flying * 4)
    for call in calls.values():
        await lap(call, flying, times)
    for _ in range(ROUNDS):
        for name, call in calls.items():
            taken[name].append(await lap(call, flying, times))
    return taken


async def awaited(url: str) -> list[Figure]:
    figures: list[Figure] = []
    limits = httpx.Limits(max_connections=256, max_keepalive_connections=256)
    targets = {1: (0.85, 0.35), 32: (0.35, 0.12), 128: (0.35, 0.12)}
    for flying, (plain, quick) in targets.items():
        async with httpx.AsyncClient(base_url=url, limits=limits) as bare:
            clients = {
                "httpx": AsyncKratyServer(api_key=KEY, base_url=url, transport="httpx"),
                "fast": AsyncKratyServer(api_key=KEY, base_url=url, transport="fast"),
            }
            calls: dict[str, Callable[[], Awaitable[object]]] = {"httpx.AsyncClient": lambda: posted(bare)}
            try:
                import aiohttp
            except ImportError:
                session = None
            else:
                session = aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=256))
                calls["aiohttp"] = lambda session=session: sent(session)  # type: ignore[misc]  # as above
                clients["aiohttp"] = AsyncKratyServer(api_key=KEY, base_url=url, transport="aiohttp")
            for name, kraty in clients.items():
                calls[f"ours, {name}"] = lambda kraty=kraty: kraty.wallet.credit(  # type: ignore[misc]  # mypy sees no types in lambdas with defaults
                    "p", "gold", **CREDIT
                )
            taken = await laps(calls, flying)
            name = f"async wallet.credit, {flying} in flight"
            figures.append(figure(name, taken, "ours, httpx", "httpx.AsyncClient", plain))
            if session is not None:
                figures.append(figure(f"{name}, aiohttp", taken, "ours, aiohttp", "httpx.AsyncClient", quick))
                figures.append(figure(f"{name}, aiohttp", taken, "ours, aiohttp", "aiohttp", 1.8))
                figures.append(figure(f"{name}, fast", taken, "ours, fast", "aiohttp", 1.0))
                await session.close()
            for kraty in clients.values():
                await kraty.aclose()
    return figures


async def posted(bare: httpx.AsyncClient) -> object:
    return (await bare.post(PATH, json=body())).json()


async def sent(session: Any) -> object:
    async with session.post(PATH, json=body()) as response:
        return await response.json()


# Without I/O


class AtOnce(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that answers at once."""

    def __init__(self) -> None:
        self.content = SMALL.partition(b"\r\n\r\n")[2]
        self.headers = [(b"content-type", b"application/json")]

    def handle_request(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=self.headers, stream=httpx.ByteStream(self.content))

    async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=self.headers, stream=httpx.ByteStream(self.content))


def own_work() -> Iterator[Figure]:
    """What remains of a call when the transport is taken out of it."""
    at_once = AtOnce()
    with KratyServer(api_key=KEY, base_url="http://127.0.0.1:1", transport=at_once) as kraty:
        taken = timed(
            {
                "ours": lambda: kraty.wallet.credit("p", "gold", **CREDIT),
                "transport": lambda: at_once.handle_request(None),  # type: ignore[arg-type]  # it does not look at it
            },
            2000,
        )
    yield bounded("our own work, sync", less(taken["ours"], taken["transport"]), 25e-6, "25 µs")

    async def main() -> list[float]:
        times = 2000
        async with AsyncKratyServer(api_key=KEY, base_url="http://127.0.0.1:1", transport=at_once) as kraty:

            def call() -> Awaitable[object]:
                return kraty.wallet.credit("p", "gold", **CREDIT)

            return [await lap(call, 1, times) for _ in range(ROUNDS)]

    yield bounded("our own work, async", less(asyncio.run(main()), taken["transport"]), 35e-6, "35 µs")


def less(taken: list[float], known: list[float]) -> list[float]:
    """What remains without what is known."""
    return [value - statistics.median(known) for value in taken]


def decoding() -> Iterator[Figure]:
    text = json.dumps(SNAPSHOT["data"])
    value = json.loads(text)
    taken = timed({"ours": lambda: PlayerSnapshot.from_dict(value), "json.loads": lambda: json.loads(text)}, 500)
    yield figure("a snapshot decoded into models", taken, "ours", "json.loads", 1.0)


def encoding() -> Iterator[Figure]:
    from kraty_server import _json

    rows = [{"externalPlayerId": f"player_{n}", "economyKey": "gold", "amount": n + 1, "idempotencyKey": f"import:{n}"}
            for n in range(100_000)]  # fmt: skip
    batches = [rows[start : start + 1000] for start in range(0, len(rows), 1000)]
    turns = cycle(batches)
    taken = timed(
        {
            "ours": lambda: _json.dumps(migrate.wallet(rows=next(turns)).body),
            "json.dumps": lambda: json.dumps({"rows": next(turns), "idempotencyKey": "k"}).encode(),
        },
        len(batches),
    )
    taken = {name: [seconds * len(batches) for seconds in values] for name, values in taken.items()}
    yield figure("100,000 migrate rows checked and encoded", taken, "ours", "json.dumps", 2.5)


def delivery() -> tuple[bytes, dict[str, str]]:
    """An event with everything that the document has in it, and its headers."""
    from kraty_server.testing import sign

    data = {"playerId": "1", "externalPlayerId": "p", "economyKey": "gold", "delta": 5, "balance": 5, "reason": "iap"}
    data |= {"sourceRefId": "receipt-0", "origin": "server", "ledgerId": "7"}
    content: dict[str, Any] = {"id": "evt_1", "eventName": "wallet.changed", "studioId": "stu_1", "gameId": "game_1"}
    content |= {"occurredAt": "2026-06-14T12:00:00.000Z", "deliveryAttempt": 1, "data": data}
    raw = json.dumps(content, separators=(",", ":")).encode()
    return raw, {"Host": "x", "Content-Type": "application/json", "X-Signature": sign(raw, "s")}


def webhooks() -> Iterator[Figure]:
    """A delivery verified and read, in CPU time."""
    from kraty_server.webhooks import Webhooks

    raw, headers = delivery()
    kraty, times = Webhooks("s"), 5000
    taken: list[float] = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(times):
            kraty.read(raw, headers)
        taken.append((time.process_time() - start) / times)
    yield bounded("a webhook verified and read", taken, 10e-6, "10 µs")


# Imports and memory


def run_alone(code: str) -> float:
    """CPU seconds of a statement in a process of its own, as where `pip install kraty-server` was all that ran.

    So without the packages that httpx imports where they are, and with the certificates that it brings along.
    """
    program = (
        f"import sys, time; sys.modules.update(dict.fromkeys({OPTIONAL!r})); "
        f"s = time.process_time(); {code}; print(time.process_time() - s)"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SSL_CERT")}
    command = [sys.executable, "-I", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)


def importing() -> Iterator[Figure]:
    key = f"api_key={KEY!r}"
    programs = {
        "the clients": "import kraty_server.client",
        "httpx": "import httpx",
        "kraty_server": "import kraty_server",
        "kraty_server.webhooks": "import kraty_server.webhooks",
        "kraty_server.models": "import kraty_server.models",
        "json": "import json",
        "a model": "from kraty_server.models import PlayerSnapshot",
        "a client": f"from kraty_server import KratyServer; KratyServer({key})",
        "httpx and a Client": "import httpx; httpx.Client()",
    }
    taken: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(ROUNDS):
        for name, code in programs.items():
            taken[name].append(run_alone(code))
    yield figure("import kraty_server.client", taken, "the clients", "httpx", None)
    for name in ("kraty_server", "kraty_server.webhooks", "kraty_server.models"):
        yield figure(f"import {name}", taken, name, "json", 1.3)
        yield bounded(f"import {name}", taken[name], 20e-3, "20 ms")
    yield figure("import and make a KratyServer", taken, "a client", "httpx and a Client", 0.9)
    yield bounded("load the models, with nothing loaded before", taken["a model"], 20e-3, "20 ms")


def memory() -> float:
    """Bytes that a client made with `with_options` takes."""
    with KratyServer(api_key=KEY, base_url="http://127.0.0.1:1") as kraty:
        kraty.with_options(timeout=1)
        tracemalloc.start()
        made = [kraty.with_options(timeout=n + 1) for n in range(1000)]
        taken, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return taken / len(made)


def lines() -> int:
    """Lines of generated code."""
    root = Path(__file__).parent.parent / "generated"
    return sum(path.read_text("utf-8").count("\n") for path in root.rglob("*.py"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    given = parser.parse_args()
    about = (f"{platform.system()} on {platform.machine()} with {os.cpu_count()} cores, Python "
             f"{platform.python_version()}, httpx {httpx.__version__}; medians of {ROUNDS} rounds")  # fmt: skip
    print(about)
    figures: list[Figure] = []

    def show(found: Iterable[Figure]) -> None:
        for one in found:
            figures.append(one)
            print(one, flush=True)

    with running() as url:
        floor = bare_socket(url)
        show(blocking(url))
        show(asyncio.run(awaited(url)))
    for part in (own_work, decoding, encoding, webhooks, importing):
        show(part())
    others = {"µs for a bare socket to send as much to this server and have its answer": floor * 1e6,
              "bytes for each of 1,000 clients made with with_options, at most 2,048": memory(),
              "lines of generated code, at most 3,000": lines()}  # fmt: skip
    for name, value in others.items():
        print(f"{value:,.0f} {name}")
    if given.json:
        shown = {"about": about, "figures": [asdict(one) for one in figures], "others": others}
        given.json.write_text(json.dumps(shown, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
