"""How fast is the emulator? `python -m benchmarks.emulator`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from benchmarks.load import load
from kraty_server.testing import Emulator

CONNECTIONS = 16
REQUESTS = 4_000
ROUNDS = 5


def purchases(key: str, *, name: str, number: int) -> Iterator[bytes]:
    """Credits of 100 players, each with a key of its own, as they are on the wire."""
    for n in range(number):
        body = b'{"amount":5,"reason":"bench","idempotencyKey":"%s-%d"}' % (name.encode(), n)
        yield (
            b"POST /server/v1/players/p%d/wallet/gold/credit HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer %s\r\n"
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (n % 100, key.encode(), len(body), body)
        )


def per_call(call: Callable[[], object], *, times: int, rounds: int = 7) -> float:
    """The median over some rounds of the seconds for one call."""
    taken: list[float] = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(times):
            call()
        taken.append((time.perf_counter() - start) / times)
    return statistics.median(taken)


def processor_seconds(process: int) -> float:
    """What the threads of a process have used of the processor; 0 where the system does not say."""
    threads = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def served() -> tuple[float, float, float]:
    """Seconds to start from the shell, requests per second on one core, and processor seconds for one request."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "kraty_server.testing", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        _, url, key = process.stdout.readline().split()
        started = time.perf_counter() - start
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        if len(cores) > 1:  # the emulator has one core, we have another
            for thread in os.listdir(f"/proc/{process.pid}/task"):
                os.sched_setaffinity(int(thread), {cores[0]})
            os.sched_setaffinity(0, {cores[-1]})
        at = urlsplit(url)
        host, port, token = str(at.hostname), at.port or 0, key.partition("=")[2]
        load(host, port, purchases(token, name="warm", number=200), CONNECTIONS)
        rates: list[float] = []
        used = processor_seconds(process.pid)
        for n in range(ROUNDS):
            requests = purchases(token, name=f"bench-{n}", number=REQUESTS)
            answered, failed, seconds = load(host, port, requests, CONNECTIONS)
            if failed or answered != REQUESTS:
                raise SystemExit(f"{failed} of {answered} requests failed")
            rates.append(answered / seconds)
        used = processor_seconds(process.pid) - used
        if cores:
            os.sched_setaffinity(0, cores)
        process.terminate()
    return started, statistics.median(rates), used / (ROUNDS * REQUESTS)


def main() -> None:
    """Print the figures."""
    started, rate, used = served()
    print(f"served from the shell: ready after {started:.2f} s, {rate:,.0f} credits a second "
          f"over loopback with {CONNECTIONS} connections, on one core; {used * 1e6:.0f} µs of it for each")  # fmt: skip
    start = time.perf_counter()
    with Emulator():
        print(f"served from a test, imports done: ready after {(time.perf_counter() - start) * 1e3:.0f} ms")
    emulator = Emulator()
    fresh = emulator.snapshot()
    engine, number = emulator.engine, count()
    headers = {"authorization": f"Bearer {emulator.api_key}", "content-type": "application/json"}

    def answer() -> object:
        body = b'{"amount":5,"reason":"bench","idempotencyKey":"engine-%d"}' % next(number)
        return engine.respond("POST", "/server/v1/players/p1/wallet/gold/credit", headers, body)

    print(f"one credit, the engine alone: {per_call(answer, times=500) * 1e6:.0f} µs")
    with emulator.client() as kraty:
        taken = per_call(lambda: kraty.wallet.credit("p1", "gold", amount=5, reason="bench"), times=300)
    print(f"one credit in the process, client included: {taken * 1e6:.0f} µs")
    plain = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=b"{}")))
    taken = per_call(lambda: plain.post("http://127.0.0.1:1/", json={"amount": 5}), times=300)
    print(f"a bare httpx.Client and a transport that answers at once: {taken * 1e6:.0f} µs")
    print(f"fresh state for a test: {per_call(lambda: emulator.restore(fresh), times=300) * 1e6:.0f} µs")


if __name__ == "__main__":
    main()
