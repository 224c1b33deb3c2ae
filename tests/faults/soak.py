"""Thousands of writes through a proxy that breaks 30 % of the requests, then an audit of every one of them.

`make soak` runs 20,000 in each flavour; `--writes` sets another number.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from kraty_server import AsyncKratyServer, CurrencyEntry, KratyError, KratyServer, RetryConfig
from kraty_server.testing import Emulator
from tests.servers.fault_proxy import FAULTS, FaultProxy

WORKERS = 16
FAULTY = 0.3
PLAYERS = 50
# Each `huge` answer is read up to 32 MiB and each `silent` or `drip` one costs a time-out, so these are rarer.
WEIGHTS = {"huge": 0.02, "silent": 0.3, "drip": 0.3}
RETRY = RetryConfig(attempts=4, initial_delay=0.002, max_delay=0.05)


@dataclass
class Write:
    """One purchase: what was asked, and what the caller was told on the way."""

    number: int
    operation: str
    player: str
    amount: int
    told: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"receipt-{self.number}"

    def call(self, kraty: Any) -> Any:
        match self.operation:
            case "grants.create":
                entries = [CurrencyEntry("gems", self.amount)]
                return kraty.grants.create(self.player, entries=entries, idempotency_key=self.key)
            case "inventory.grant":
                return kraty.inventory.grant(self.player, "sword", quantity=self.amount, idempotency_key=self.key)
            case "wallet.debit":
                return kraty.wallet.debit(self.player, "gold", amount=self.amount, idempotency_key=self.key)
            case _:
                return kraty.wallet.credit(self.player, "gold", amount=self.amount, idempotency_key=self.key)


def plan(count: int, seed: int) -> list[Write]:
    dice = random.Random(seed)
    operations = ["wallet.credit"] * 6 + ["wallet.debit", "inventory.grant", "inventory.grant", "grants.create"]
    return [
        Write(n, dice.choice(operations), f"player_{dice.randrange(PLAYERS)}", dice.randint(1, 100))
        for n in range(count)
    ]


class Faults:
    """What the proxy does to each request: nothing to 70 % of them."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.done: Counter[str] = Counter()

    def __call__(self, number: int) -> str | None:
        if self.dice.random() >= FAULTY:
            return None
        (fault,) = self.dice.choices(FAULTS, [WEIGHTS.get(fault, 1.0) for fault in FAULTS])
        self.done[fault] += 1
        return fault


class Audit:
    """Asks the emulator's own ledger."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.lies: list[str] = []

    def rows(self, key: str) -> int:
        engine = self.emulator.engine
        with engine.lock:
            booked = engine.state.count("SELECT count(*) FROM ledger WHERE idempotency_key = ?", key)
            return booked + engine.state.count("SELECT count(*) FROM grants WHERE idempotency_key = ?", key)

    def told(self, write: Write, error: KratyError) -> None:
        """A caller was told: `not_applied` must be true at this moment."""
        write.told.append(error.outcome)
        if error.outcome == "not_applied" and self.rows(write.key):
            self.lies.append(f"{write.key} was applied, its caller was told: {error}")

    def problems(self, writes: list[Write]) -> Iterator[str]:
        yield from self.lies
        for write in writes:
            if (found := self.rows(write.key)) != 1:
                yield f"{write.key} ({write.operation}): {found} rows, the caller was told {write.told}"
        wanted: Counter[tuple[str, str]] = Counter()
        for write in writes:
            if write.operation != "grants.create":
                sign = -1 if write.operation == "wallet.debit" else 1
                key = "sword" if write.operation == "inventory.grant" else "gold"
                wanted[write.player, key] += sign * write.amount
        with self.emulator.client() as kraty:
            for player in {write.player for write in writes}:
                snapshot = kraty.players.get(player)
                held = {"sword": 0, "gold": 0} | {item.item_key: item.quantity for item in snapshot.inventory}
                held |= {entry.economy_key: int(entry.balance) - START for entry in snapshot.wallet}
                for key in ("gold", "sword"):
                    if held[key] != wanted[player, key]:
                        yield f"{player} holds {held[key]} {key}, the calls make {wanted[player, key]}"


START = 1_000_000


def again(write: Write, error: KratyError, audit: Audit) -> None:
    """What a fulfilment worker does with an error: the same call with the same key, whatever was lost."""
    audit.told(write, error)
    if error.outcome == "not_applied" and not error.is_retryable:
        raise error
    if len(write.told) > 200:
        raise RuntimeError(f"{write.key} never came through")


def run_sync(url: str, key: str, writes: list[Write], audit: Audit, retry: RetryConfig, transport: Any) -> None:
    def worker(mine: list[Write]) -> None:
        for write in mine:
            while True:
                try:
                    write.call(kraty)
                    break
                except KratyError as error:
                    again(write, error, audit)

    with (
        KratyServer(api_key=key, base_url=url, transport=transport, timeout=1.0, deadline=10.0, retry=retry) as kraty,
        ThreadPoolExecutor(WORKERS) as threads,
    ):
        list(threads.map(worker, (writes[n::WORKERS] for n in range(WORKERS))))


def run_async(url: str, key: str, writes: list[Write], audit: Audit, retry: RetryConfig, transport: Any) -> None:
    async def worker(kraty: AsyncKratyServer, mine: list[Write]) -> None:
        for write in mine:
            while True:
                try:
                    await write.call(kraty)
                    break
                except KratyError as error:
                    again(write, error, audit)

    async def main() -> None:
        async with AsyncKratyServer(
            api_key=key, base_url=url, transport=transport, timeout=1.0, deadline=10.0, retry=retry
        ) as kraty:
            await asyncio.gather(*(worker(kraty, writes[n::WORKERS]) for n in range(WORKERS)))

    asyncio.run(main())


FLAVOURS: dict[str, tuple[Callable[..., None], str]] = {
    "sync": (run_sync, "httpx"),
    "async": (run_async, "httpx"),
    "fast": (run_sync, "fast"),
    "fast-async": (run_async, "fast"),
}


def soak(flavour: str, count: int, seed: int = 1, retry: RetryConfig = RETRY) -> tuple[list[str], str]:
    """Make the writes and audit them; the problems, and the figures as a line."""
    writes, faults = plan(count, seed), Faults(seed)
    players = [{"externalPlayerId": f"player_{n}", "wallet": {"gold": START}} for n in range(PLAYERS)]
    with Emulator(seed={"players": players}) as emulator, FaultProxy(emulator.url, faults, pause=0.02) as proxy:
        audit = Audit(emulator)
        begun = time.monotonic()
        run, transport = FLAVOURS[flavour]
        run(proxy.url, emulator.api_key, writes, audit, retry, transport)
        seconds = time.monotonic() - begun
        found = list(audit.problems(writes))
        outcomes = Counter(outcome for write in writes for outcome in write.told)
        figures = (
            f"{flavour}: {count} writes by {WORKERS} workers in {seconds:.1f} s, {proxy.requests} requests, "
            f"{proxy.connections} connections; faults: {dict(faults.done.most_common())}; "
            f"callers were told {dict(outcomes) or 'nothing but success'}; {len(found)} problems"
        )
    return found, figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--flavour", choices=FLAVOURS, action="append", help="only this one, and those given beside it")
    given = parser.parse_args()
    failed = 0
    for flavour in given.flavour or FLAVOURS:
        found, figures = soak(flavour, given.writes, given.seed)
        print(figures, flush=True)
        for problem in found[:20]:
            print(" ", problem)
        failed += len(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
