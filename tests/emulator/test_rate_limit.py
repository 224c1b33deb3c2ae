"""A key may make as many requests as it is allowed; what is above that is a 429 that says truly how long to wait."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraty_server import KratyServer, RateLimitedError, RetryConfig, SessionInvalidError
from kraty_server.testing import Emulator, RateLimit
from kraty_server.testing.emulator.clock import Clock
from kraty_server.testing.emulator.errors import ApiError
from kraty_server.testing.emulator.rate_limit import RateLimiter

ONCE = RetryConfig(attempts=1)
DAY = timedelta(days=1)


class Stopped(Clock):
    """A clock that moves only as told."""

    def timestamp(self) -> float:
        return 1.8e9 + self.offset


def passes(limiter: RateLimiter, key: str = "k") -> bool:
    try:
        limiter.take(key)
    except ApiError as refused:
        return refused.status != 429
    return True


@settings(deadline=None)
@given(
    st.sampled_from([0.1, 0.5, 1.0, 3.0, 7.5, 20.0, 333.0]),
    st.none() | st.integers(1, 50),
    st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.01, 0.05, 0.3, 1.0, 2.5, 60.0]), max_size=150),
)
def test_a_full_bucket_and_what_flows_in_is_let_through_and_no_more(
    rate: float, burst: int | None, pauses: list[float]
) -> None:
    limiter = RateLimiter(clock := Stopped())
    limiter.limit = RateLimit(rate, burst)
    tokens = size = float(burst or max(1, math.floor(rate)))
    for pause in pauses:
        clock.offset += pause
        tokens = min(size, tokens + pause * rate)
        passed = passes(limiter)
        if abs(tokens - 1) / rate > 1e-3:  # as close as a float of that time can tell
            assert passed == (tokens >= 1)
        tokens -= passed


@settings(deadline=None)
@given(st.floats(0.02, 500.0), st.integers(1, 20))
def test_who_waits_as_long_as_told_is_let_through(rate: float, burst: int) -> None:
    limiter = RateLimiter(clock := Stopped())
    limiter.limit = RateLimit(rate, burst)
    for _ in range(burst):
        limiter.take("k")
    with pytest.raises(ApiError) as refused:
        limiter.take("k")
    seconds = int(refused.value.headers["retry-after"])
    assert 1 <= seconds < 1 / rate + 1
    clock.offset += seconds
    assert passes(limiter)


def test_a_clock_that_was_set_back_locks_nobody_out() -> None:
    limiter = RateLimiter(clock := Stopped())
    limiter.limit = RateLimit(1, burst=2)
    for _ in range(2):
        limiter.take("k")
    clock.offset -= 1e6
    assert not passes(limiter)
    clock.offset += 1
    assert passes(limiter)


@pytest.mark.parametrize("limit", [0, -1.0, 5e-324, math.nan, math.inf, True, (1, 0), (1, 1.5), (1, True), (1, -2)])
def test_a_limit_that_is_none_is_refused(limit: Any) -> None:
    with pytest.raises(ValueError, match=r"per_second: |burst: "):
        Emulator(rate_limit=RateLimit(*limit) if isinstance(limit, tuple) else limit)


def test_each_key_has_a_bucket_of_its_own_and_one_that_is_refused_changes_nothing() -> None:
    with Emulator(rate_limit=RateLimit(0.1, burst=2)) as emulator:
        with emulator.client(retry=ONCE) as kraty, emulator.client(retry=ONCE, api_key=emulator.live_key) as live:
            for _ in range(2):
                kraty.wallet.credit("p", "gold", amount=5)
            with pytest.raises(RateLimitedError) as refused:
                kraty.wallet.credit("p", "gold", amount=5, idempotency_key="third")
            assert refused.value.retry_after == 10
            assert refused.value.outcome == "not_applied"
            assert live.wallet.credit("p", "gold", amount=5).balance == 5
            emulator.advance(10)
            assert kraty.wallet.credit("p", "gold", amount=5, idempotency_key="third").applied
        assert [request.code for request in emulator.requests if request.status != 200] == ["rate_limited"]
        assert len(emulator.ledger("p", environment="test")) == 3


def test_a_request_without_a_key_takes_no_token() -> None:
    with Emulator(rate_limit=RateLimit(0.1, burst=1)) as emulator:
        with emulator.client(api_key=f"{emulator.api_key}x") as stranger, pytest.raises(SessionInvalidError):
            stranger.health.ping()
        with emulator.client(retry=ONCE) as kraty:
            assert kraty.health.ping().ok


@pytest.mark.parametrize("asynchronous", [False, True])
def test_retries_fill_the_bucket_on_the_emulators_clock(asynchronous: bool) -> None:
    with Emulator(rate_limit=0.05) as emulator:
        before = emulator.now()

        async def credit() -> None:
            async with emulator.async_client() as kraty:
                for n in range(4):
                    await kraty.wallet.credit("p", "gold", amount=n + 1)

        if asynchronous:
            asyncio.run(credit())
        else:
            with emulator.client() as kraty:
                for n in range(4):
                    kraty.wallet.credit("p", "gold", amount=n + 1)
        assert [row["delta"] for row in emulator.ledger("p")] == [1, 2, 3, 4]
        assert [request.status for request in emulator.requests] == [200, 429, 200, 429, 200, 429, 200]
        assert 60 <= (emulator.now() - before).total_seconds() < 120


def test_a_reset_fills_the_buckets_and_keeps_the_limit() -> None:
    with Emulator(rate_limit=RateLimit(0.1, burst=1)) as emulator, emulator.client(retry=ONCE) as kraty:
        for again in (emulator.reset, lambda: emulator.restore(emulator.snapshot()), lambda: None):
            assert kraty.health.ping().ok
            with pytest.raises(RateLimitedError):
                kraty.health.ping()
            again()
        emulator.rate_limit = None
        assert [kraty.health.ping().ok for _ in range(20)] == [True] * 20
        emulator.rate_limit = 7
        assert emulator.rate_limit == RateLimit(7)


def test_a_scripted_fault_comes_first_and_takes_no_token() -> None:
    with Emulator(rate_limit=RateLimit(0.1, burst=1)) as emulator:
        emulator.fault("health.ping", status=503)
        with emulator.client() as kraty:
            assert kraty.health.ping().ok
        assert [request.status for request in emulator.requests] == [503, 200]


def test_it_is_set_and_lifted_over_http_as_any_service_sees_it() -> None:
    with Emulator() as emulator, httpx.Client(base_url=emulator.url, trust_env=False) as http:
        route, key = "/_emulator/rate-limit", {"authorization": f"Bearer {emulator.api_key}"}
        assert http.get(route).json() is None
        assert http.post(route, json={"per_second": 0.5, "burst": 2}).json() == {"per_second": 0.5, "burst": 2}
        assert http.get(route).json() == {"per_second": 0.5, "burst": 2}
        answers = [http.get("/server/v1/ping", headers=key) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].headers["retry-after"] == "2"
        assert answers[2].json()["error"]["code"] == "rate_limited"
        for wrong in ({}, {"per_second": 0}, {"per_second": "5"}, {"per_second": 5, "burst": 0}, {"burst": 5}):
            assert http.post(route, json=wrong).status_code == 400, wrong
        assert http.post(route, json={"per_second": None}).json() is None
        assert http.get("/server/v1/ping", headers=key).status_code == 200


ROWS: list[dict[str, Any]] = [
    {"externalPlayerId": f"m{n}", "economyKey": "gold", "amount": 5, "idempotencyKey": f"w{n}"} for n in range(3)
]
ITEMS: list[dict[str, Any]] = [{"externalPlayerId": "m", "itemKey": "axe", "quantity": 1, "idempotencyKey": "i"}]


def outcome(kraty: KratyServer) -> tuple[int, int]:
    wallet, inventory = kraty.migrate.wallet(ROWS), kraty.migrate.inventory(ITEMS)
    return wallet.applied + inventory.applied, wallet.skipped + inventory.skipped


def test_the_keys_of_migrated_rows_are_kept_for_ever_or_as_long_as_is_set() -> None:
    for kept, later in ((None, (0, 4)), (DAY, (4, 0)), (86_400, (4, 0)), (timedelta.max, (0, 4))):
        with Emulator(row_keys_kept=kept) as emulator, emulator.client() as kraty:
            assert outcome(kraty) == (4, 0)
            emulator.advance(23 * 3600)
            assert outcome(kraty) == (0, 4), kept
            emulator.advance(2 * 3600)
            assert outcome(kraty) == later, kept
            assert outcome(kraty) == (0, 4), kept
            assert len(emulator.dump()["migrated"]) == 4  # what was forgotten takes no place


def test_how_long_row_keys_are_kept_can_be_set_at_any_time() -> None:
    with Emulator() as emulator, emulator.client() as kraty:
        assert emulator.row_keys_kept is None
        assert outcome(kraty) == (4, 0)
        emulator.advance(DAY)
        emulator.row_keys_kept = DAY / 2
        assert outcome(kraty) == (4, 0)
        emulator.row_keys_kept = None
        emulator.advance(DAY)
        assert outcome(kraty) == (0, 4)


@pytest.mark.parametrize("kept", [0, -1.0, math.nan, math.inf, timedelta(0), timedelta(days=-1)])
def test_a_time_to_keep_them_that_is_none_is_refused(kept: Any) -> None:
    with pytest.raises(ValueError, match="row_keys_kept: "):
        Emulator(row_keys_kept=kept)
