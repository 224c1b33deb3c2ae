"""The decision to try again, stepped without a clock or a socket."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from unittest.mock import patch

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kraty_server import KratyError, RequestInfo, RetryConfig
from kraty_server._clock import SystemClock
from kraty_server._flow import flow
from kraty_server._http.messages import Answer, Report, Send, Sleep, TransportFailure
from kraty_server._options import Options, Secret, new_key
from kraty_server.retry import RETRY_AFTER_STATUSES, RETRYABLE_STATUSES, parse_retry_after
from kraty_server_generated.api import wallet

seconds = st.floats(0, 100, allow_nan=False)
configs = st.builds(
    RetryConfig,
    attempts=st.integers(1, 8),
    initial_delay=seconds,
    max_delay=seconds,
    jitter=st.floats(0, 1),
    max_retry_after=seconds,
)
chances = st.floats(0, 1)
NOW = 1_800_000_000.0


@given(configs, st.integers(1, 10_000), chances)
def test_no_delay_is_longer_than_the_longest_or_off_by_more_than_the_jitter(
    config: RetryConfig, attempt: int, chance: float
) -> None:
    plain = min(config.max_delay, config.initial_delay * 2.0 ** min(attempt - 1, 1000))
    delay = config.delay(attempt, chance)
    assert 0 <= delay <= config.max_delay
    assert plain * (1 - config.jitter) - 1e-9 <= delay <= plain * (1 + config.jitter) + 1e-9


@given(configs, st.integers(1, 20))
def test_the_jitter_is_used_to_the_full_so_that_clients_that_failed_together_come_back_apart(
    config: RetryConfig, attempt: int
) -> None:
    plain = min(config.max_delay, config.initial_delay * 2.0 ** (attempt - 1))
    assert config.delay(attempt, 0.0) == pytest.approx(plain * (1 - config.jitter))
    assert config.delay(attempt, 0.5) == pytest.approx(plain)
    assert config.delay(attempt, 1.0) == pytest.approx(min(config.max_delay, plain * (1 + config.jitter)))


@given(configs, st.integers(1, 20))
def test_delays_never_shrink(config: RetryConfig, attempt: int) -> None:
    assert config.delay(attempt, 0.5) <= config.delay(attempt + 1, 0.5)


@given(configs, st.integers(1, 10), seconds, st.none() | seconds, chances)
def test_a_wait_fits_into_the_deadline_and_honours_retry_after_in_full_or_not_at_all(
    config: RetryConfig, attempt: int, left: float, retry_after: float | None, chance: float
) -> None:
    wait = config.wait(attempt, left=left, retry_after=retry_after, random_fraction=chance)
    if attempt >= config.attempts:
        assert wait is None
    elif retry_after:
        assert wait == (retry_after if retry_after <= config.max_retry_after and retry_after < left else None)
    else:
        assert wait is None or wait < left


@given(st.integers(0, 10**9))
def test_retry_after_is_read_as_seconds_and_as_a_date(asked: int) -> None:
    assert parse_retry_after(f" {asked} ", NOW) == asked
    at = datetime.fromtimestamp(NOW + asked % 10**8, UTC)
    assert parse_retry_after(format_datetime(at, usegmt=True), NOW) == asked % 10**8


@given(st.text())
def test_a_strange_retry_after_never_raises(value: str) -> None:
    asked = parse_retry_after(value, NOW)
    assert asked is None or asked >= 0
    assert asked is None or not math.isnan(asked)


@pytest.mark.parametrize("value", ["1.2.3", ".", "..5"])
def test_what_only_looks_like_a_number_is_no_retry_after(value: str) -> None:
    assert parse_retry_after(value, NOW) is None


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own time is not UTC, where the system lets a process choose."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Pacific/Auckland")
        reset = getattr(time, "tzset", lambda: None)
        reset()
        yield
    reset()


@pytest.mark.usefixtures("far_away")
def test_fractions_of_seconds_and_dates_without_a_zone_are_read() -> None:
    assert parse_retry_after("1.5", NOW) == 1.5
    at = datetime.fromtimestamp(NOW + 30, UTC)
    assert parse_retry_after(at.strftime("%a, %d %b %Y %H:%M:%S -0000"), NOW) == 30
    assert parse_retry_after(at.strftime("%a, %d %b %Y %H:%M:%S +0100"), NOW + 30 - 3600) == 0


def test_the_longest_retry_after_is_waited_for() -> None:
    config = RetryConfig(max_retry_after=60)
    assert config.wait(1, left=61, retry_after=60, random_fraction=0.5) == 60
    assert config.wait(1, left=62, retry_after=60.001, random_fraction=0.5) is None


@pytest.mark.parametrize("status", [400, 408, 422, 599])
def test_every_error_but_a_conflict_may_be_retried(status: int) -> None:
    assert RetryConfig(statuses=frozenset({status})).statuses == {status}


@pytest.mark.parametrize("value", [None, "", "soon", "-1", "1e3", "0x10", "١", "Wed, 99 Foo 2026 00:00:00 GMT"])
def test_what_is_no_retry_after_is_none(value: str | None) -> None:
    assert parse_retry_after(value, NOW) is None


def test_a_retry_after_in_the_past_is_now() -> None:
    assert parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT", NOW) == 0


@pytest.mark.parametrize(
    "wrong",
    [{"attempts": 0}, {"attempts": -1}, {"attempts": 1.0}, {"attempts": True}, {"initial_delay": -1}, {"max_delay": math.inf},
     {"jitter": 1.1}, {"jitter": -0.1}, {"jitter": math.nan}, {"max_retry_after": -1}, {"initial_delay": "1"},
     {"statuses": {399}}, {"statuses": {600}}, {"statuses": {409}}, {"statuses": {200}}, {"statuses": {302}}, {"statuses": {"500"}}],
    ids=str,
)  # fmt: skip
def test_a_policy_that_cannot_be_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{next(iter(wrong))}: "):
        RetryConfig(**wrong)


# A whole call, stepped: what the server or the network does is drawn, and time passes only as it is told to.


class SteppedClock(SystemClock):
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return NOW


answers = st.builds(
    Answer,
    st.sampled_from([200, 302, 400, 404, 408, 409, 422, 425, 429, 500, 501, 502, 503, 504, 599]),
    st.sampled_from([{}, {"retry-after": "3"}, {"retry-after": "90"}, {"x-request-id": "r"}]),
    st.sampled_from([
        b'{"data":{"economyKey":"gold","balance":5,"applied":true}}', b"<html>", b"",
        b'{"error":{"code":"conflict","message":"no"}}', b'{"error":{"code":"idempotency_conflict","message":"no"}}',
    ]),
    stream=st.none(),
)  # fmt: skip
losses = st.builds(TransportFailure, st.just(OSError("reset")), maybe_received=st.booleans(), timed_out=st.booleans())
worlds = st.lists(st.tuples(answers | losses, st.floats(0, 10)), min_size=8, max_size=8)


@given(configs, worlds, st.floats(0.1, 120), st.floats(0.1, 30), chances)
def test_a_call_keeps_its_promises_whatever_happens(
    retry: RetryConfig, world: list[tuple[Any, float]], deadline: float, timeout: float, chance: float
) -> None:
    told: list[RequestInfo] = []
    clock = SteppedClock()
    options = Options(Secret("k"), "http://x", timeout, deadline, retry, told.append, new_key, False, clock=clock)
    sent: list[Send] = []
    slept: list[float] = []
    replies = iter(world)
    error: KratyError | None = None
    happened: list[Any] = []
    with patch("kraty_server._flow.random.random", lambda: chance):
        steps = flow(wallet.credit("p", "gold", amount=5), options)
        reply = None
        try:
            while True:
                step = steps.send(reply)
                if isinstance(step, Report):
                    told.append(step.info)
                    reply = None
                    continue
                if isinstance(step, Sleep):
                    slept.append(step.seconds)
                    clock.now += step.seconds
                    reply = None
                    continue
                assert isinstance(step, Send)
                sent.append(step)
                reply, took = next(replies)
                happened.append(reply)
                clock.now += min(took, step.timeout)
        except StopIteration:
            pass
        except KratyError as raised:
            error = raised
    # The same bytes with the same key, to the same place, one telemetry line each.
    assert len({(s.method, s.url, s.content) for s in sent}) == 1
    assert [info.attempt for info in told] == list(range(1, len(sent) + 1))
    assert len(sent) <= retry.attempts
    # Nothing goes past the deadline, and no attempt is longer than the time-out.
    assert clock.now - 1000 <= deadline + 0.001 * len(sent) + 1e-6
    assert all(s.timeout <= max(timeout, 0.001) for s in sent)
    # Each wait is what the policy says: with the jitter, and with what the server asked for.
    for attempt, (seconds, before) in enumerate(zip(slept, happened, strict=False), start=1):
        header = before.headers.get("retry-after") if isinstance(before, Answer) else None
        asked = float(header) if header and before.status in RETRY_AFTER_STATUSES else None
        assert seconds == (asked or retry.delay(attempt, chance))
    # Only what may be retried was.
    for before in happened[:-1]:
        if isinstance(before, Answer):
            assert before.status in RETRYABLE_STATUSES
            assert b"idempotency_conflict" not in before.content
    last = happened[-1]
    undecided = any(
        r.maybe_received if isinstance(r, TransportFailure) else r.status >= 500 or r.status == 408 for r in happened
    )
    if error is None:
        assert last.status == 200
        return
    # The truth: never `not_applied` where an attempt may have been.
    assert error.attempts == len(sent)
    assert error.operation == "wallet.credit"
    assert error.idempotency_key is not None
    if isinstance(last, Answer) and last.status == 200:
        assert error.outcome == "unknown"  # none of these is an answer of Kraty's to this call
    else:
        assert error.outcome == ("unknown" if undecided else "not_applied")
