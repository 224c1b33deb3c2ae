"""A call that is torn apart takes no connection with it, harms no later call, and uses its key for nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import threading
from typing import Any

import pytest

from tests.flavours import OpenAsync, Sender, our_senders
from tests.servers.wire import KEY, Exchange, WireServer, credit, options

CONNECTIONS = 100
"""What a client may have open at once."""
INTERRUPTS = 400


class Gathering:
    """Answers at once; but for calls for the player `gathered`, when there are as many of them as connections."""

    def __init__(self) -> None:
        self.came = 0
        self.all_came = threading.Event()
        self.lock = threading.Lock()

    def __call__(self, exchange: Exchange) -> None:
        if "/gathered/" in exchange.target:
            with self.lock:
                self.came += 1
                if self.came == CONNECTIONS:
                    self.all_came.set()
            self.all_came.wait(5)
        exchange.send(exchange.credited())


def check_keys(server: WireServer) -> None:
    """No key served two calls, and no call had two keys."""
    amounts: dict[str, set[int]] = {}
    keys: dict[int, set[str]] = {}
    for exchange in server.exchanges:
        key, amount = exchange.body["idempotencyKey"], exchange.body["amount"]
        amounts.setdefault(key, set()).add(amount)
        keys.setdefault(amount, set()).add(key)
    assert all(len(found) == 1 for found in amounts.values())
    assert all(len(found) == 1 for found in keys.values())


SCRIPT = """
import ctypes, faulthandler, json, os, random, signal, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from kraty_server import KratyError, KratyServer, RetryConfig

faulthandler.dump_traceback_later(40, exit=True)  # one that hangs says where
key, url, kind, how, count, connections, seed = sys.argv[1:]
count, connections = int(count), int(connections)
chance = random.Random(int(seed))

class TimeLimit(Exception): ...

class AlarmTimeout(TimeoutError): ...

Torn = {"KeyboardInterrupt": KeyboardInterrupt, "Exception": TimeLimit, "TimeoutError": AlarmTimeout}[kind]
kraty = KratyServer(
    api_key=key, base_url=url, timeout=10.0, deadline=12.0,
    retry=RetryConfig(attempts=4, initial_delay=0.001, max_delay=0.01),
)
amounts = iter(range(1, 10**9))
report = {"torn": 0, "calls": 0, "failed": [], "wrong": []}

def call(player="p"):
    amount = next(amounts)
    try:
        answer = kraty.wallet.credit(player, "gold", amount=amount)
    except KratyError as error:
        report["failed"].append(f"{error!r} {error.outcome} {error.__notes__}")
        return
    report["calls"] += 1
    if answer.balance != amount:
        report["wrong"].append((amount, answer.balance))

def tear(signum, frame):
    raise Torn("the time is over")

def by_signal():
    signal.signal(signal.SIGALRM, tear)
    for _ in range(count):
        try:
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00002, 0.004))
            for _ in range(100):
                call()
        except Torn:
            report["torn"] += 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

def by_thread():
    over = False

    def work():
        while not over:
            try:
                while not over:
                    call()
            except Torn:
                report["torn"] += 1

    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(count):
        time.sleep(chance.uniform(0.0, 0.004))
        victim = chance.choice(threads)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(victim.ident), ctypes.py_object(Torn))
    time.sleep(0.05)
    over = True
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()

report["before"] = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
try:
    {"signal": by_signal, "thread": by_thread}[how]()
except Torn:  # one that came in the last moment
    report["torn"] += 1
for _ in range(20):
    call()
with ThreadPoolExecutor(connections) as threads:
    list(threads.map(lambda _: call("gathered"), range(connections)))
kraty.close()
report["after"] = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
print(json.dumps(report))
"""


@pytest.mark.usefixtures("each_transport")
@pytest.mark.parametrize(
    ("kind", "how"),
    [("KeyboardInterrupt", "signal"), ("Exception", "signal"), ("TimeoutError", "signal"), ("Exception", "thread")],
)
def test_calls_that_are_torn_apart_lose_no_connection_and_harm_no_later_call(kind: str, how: str) -> None:
    gathering = Gathering()
    with WireServer(gathering) as server:
        arguments = [KEY, server.url, kind, how, str(INTERRUPTS), str(CONNECTIONS), "11"]
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *arguments],
            # Not traced for coverage: the signals would land in the tracer, and in its locks.
            env={k: v for k, v in os.environ.items() if not k.startswith("COVERAGE")}
            | {"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        report: dict[str, Any] = json.loads(done.stdout)
        assert report["failed"] == []
        assert report["wrong"] == []
        assert report["torn"] > INTERRUPTS / 10
        assert gathering.came == CONNECTIONS, "that many calls can still be under way at once"
        check_keys(server)
    assert report["after"] <= report["before"], "and close() closes all"


@our_senders
def test_async_calls_that_are_cancelled_lose_no_connection_and_harm_no_later_call(sender: Sender) -> None:
    if sender.blocking:
        pytest.skip("for the event loop; blocking calls are torn apart above")
    chance = random.Random(7)
    gathering = Gathering()

    async def storm(kraty: Any) -> int:
        torn = 0
        for amount in range(1, INTERRUPTS + 1):
            task = asyncio.ensure_future(credit(amount)(kraty))
            for _ in range(chance.randrange(12)):
                await asyncio.sleep(0)
            task.cancel()
            try:
                answer = await task
                assert answer.balance == amount
            except asyncio.CancelledError:
                torn += 1
        return torn

    with WireServer(gathering) as server:
        with sender(**options(server.url, timeout=20.0, deadline=25.0)) as use:
            assert isinstance(use, OpenAsync)
            assert use(storm) > INTERRUPTS / 10
            for amount in range(10_000, 10_020):
                assert use(credit(amount)).balance == amount
            calls = [credit(amount, player="gathered") for amount in range(20_000, 20_000 + CONNECTIONS)]
            answers = use.together(calls, workers=CONNECTIONS)
            assert [answer.balance for answer in answers] == [*range(20_000, 20_000 + CONNECTIONS)]
        check_keys(server)
    assert gathering.came == CONNECTIONS
