"""Within the process waiting costs nothing, and is seen all the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from kraty_server import KratyTimeoutError, RateLimitedError, RequestInfo, RetryConfig
from kraty_server.testing import Emulator

STEADY = RetryConfig(jitter=0)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


class Watch:
    """Tells how far the emulator's clock was moved, in whole seconds, and that hardly any real time passed."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.begun = time.monotonic()
        self.ahead = self._ahead()

    def _ahead(self) -> float:
        return (self.emulator.now() - datetime.now(UTC)).total_seconds()

    def moved(self) -> int:
        assert time.monotonic() - self.begun < 15, "it waited for real"
        return round(self._ahead() - self.ahead)


def credit(emulator: Emulator, flavour: str, **options: Any) -> Any:
    if flavour == "sync":
        with emulator.client(**options) as kraty:
            return kraty.wallet.credit("p", "gold", amount=5)

    async def call() -> Any:
        async with emulator.async_client(**options) as kraty:
            return await kraty.wallet.credit("p", "gold", amount=5)

    return asyncio.run(call())


@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_a_retry_after_is_waited_for_in_no_time(emulator: Emulator, flavour: str) -> None:
    watch, told = Watch(emulator), list[RequestInfo]()
    emulator.fault("wallet.credit", retry_after=30)
    assert credit(emulator, flavour, on_request=told.append).balance == 5
    assert [(info.attempt, info.status) for info in told] == [(1, 429), (2, 200)]
    assert watch.moved() == 30


@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_retries_move_the_clock_as_far_as_they_would_have_waited(emulator: Emulator, flavour: str) -> None:
    watch = Watch(emulator)
    emulator.fault("wallet.credit", status=503, times=3)
    assert credit(emulator, flavour, retry=RetryConfig(initial_delay=4, max_delay=10, jitter=0)).applied
    assert watch.moved() == 4 + 8 + 10


@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_latency_is_seen_and_ends_an_attempt_that_has_less_time(emulator: Emulator, flavour: str) -> None:
    watch, told = Watch(emulator), list[RequestInfo]()
    emulator.fault("wallet.credit", latency=20)
    emulator.fault("wallet.credit", latency=12)
    assert credit(emulator, flavour, on_request=told.append, retry=STEADY).balance == 5
    assert [round(info.duration_ms / 1000) for info in told] == [15, 12]
    assert watch.moved() == 15 + 12


@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_a_deadline_passes_on_the_emulators_clock(emulator: Emulator, flavour: str) -> None:
    watch = Watch(emulator)
    emulator.fault("wallet.credit", latency=1000, times=None)
    with pytest.raises(KratyTimeoutError, match=r"deadline 40 s") as late:
        credit(emulator, flavour, deadline=40, retry=STEADY)
    assert (late.value.attempts, late.value.outcome) == (3, "unknown")
    assert watch.moved() == 40
    emulator.clear_faults()
    emulator.fault("wallet.credit", retry_after=41)
    with pytest.raises(RateLimitedError) as limited:
        credit(emulator, flavour, deadline=40)
    assert limited.value.attempts == 1


def test_tasks_wait_side_by_side(emulator: Emulator) -> None:
    watch = Watch(emulator)

    async def calls() -> None:
        kraty = emulator.async_client(deadline=25, retry=STEADY)
        for _ in range(2):
            emulator.fault("wallet.credit", retry_after=10, times=20)
            await asyncio.gather(*(kraty.wallet.credit("p", "gold", amount=1) for _ in range(20)))

    asyncio.run(calls())
    assert watch.moved() == 20  # and not 400, and no call ran into its deadline


def test_a_short_wait_ends_within_a_long_one(emulator: Emulator) -> None:
    watch = Watch(emulator)
    emulator.fault("wallet.credit", retry_after=30)
    emulator.fault("inventory.grant", retry_after=10, times=2)

    async def calls() -> None:
        kraty = emulator.async_client()
        impatient = kraty.with_options(deadline=25)
        await asyncio.gather(
            kraty.wallet.credit("p", "gold", amount=1), impatient.inventory.grant("p", "sword", quantity=1)
        )

    asyncio.run(calls())
    assert watch.moved() == 30


def test_threads_wait_side_by_side(emulator: Emulator) -> None:
    watch, told = Watch(emulator), list[RequestInfo]()
    emulator.fault("wallet.credit", latency=10, times=None)
    with emulator.client(on_request=told.append) as kraty, ThreadPoolExecutor(8) as threads:
        for result in [threads.submit(kraty.wallet.credit, "p", "gold", amount=1) for _ in range(40)]:
            assert result.result().applied
    assert [round(info.duration_ms / 1000) for info in told] == [10] * 40
    assert 50 <= watch.moved() <= 400


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(["retry_after", "latency"]), st.integers(1, 50)), max_size=6))
def test_the_clock_moves_as_far_as_the_waits_of_a_call(emulator: Emulator, script: list[tuple[str, int]]) -> None:
    emulator.reset()
    watch = Watch(emulator)
    for effect, seconds in script:
        emulator.fault("wallet.credit", **{effect: seconds})  # type: ignore[arg-type]  # one of FaultOptions
    # An answer that is late is the last one: it is no error.
    until = next((at + 1 for at, (effect, _) in enumerate(script) if effect == "latency"), len(script))
    with emulator.client(timeout=100, deadline=1000, retry=RetryConfig(attempts=7)) as kraty:
        assert kraty.wallet.credit("p", "gold", amount=5).balance == 5
    assert watch.moved() == sum(seconds for _, seconds in script[:until])


@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_who_wants_to_wait_waits(emulator: Emulator, flavour: str) -> None:
    emulator.real_time = True
    watch = Watch(emulator)
    emulator.fault("wallet.credit", latency=0.2)
    emulator.fault("wallet.credit", status=503)
    credit(emulator, flavour, retry=RetryConfig(initial_delay=0.2, jitter=0))
    credit(emulator, flavour, retry=RetryConfig(initial_delay=0.2, jitter=0))
    assert time.monotonic() - watch.begun > 0.39
    assert watch.moved() == 0
