"""The window: it never runs dry for ever, halves once a round, waits for what the server asked, and keeps to a rate."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraty_server.bulk.pace import DEFAULT_WAIT, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def short_pauses() -> None:
    """Those of the module, here: the clock is ours."""


@given(
    most=st.integers(1, 64),
    events=st.lists(st.tuples(st.sampled_from(["ok", "429", "lost", "wait"]), st.floats(0, 30)), max_size=80),
)
def test_the_window_stays_between_one_and_the_most(most: int, events: list[tuple[str, float]]) -> None:
    clock = Clock()
    pace = Pace(most, None, clock)
    for event, number in events:
        before = pace.window
        match event:
            case "ok":
                pace.succeeded()
                assert before <= pace.window <= before + 1
            case "429":
                pace.refused(clock.now, number)
                assert pace.wait() >= number - 1e-9
                assert not pace.admits(0) or number < 1e-9
            case "lost":
                pace.failed(clock.now)
                assert pace.wait() > 0
            case _:
                clock.now += number
        assert 1 <= pace.window <= most
    clock.now += 3600
    assert pace.admits(0)  # whatever happened, it goes on
    assert not pace.admits(most)


@given(late=st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_what_was_under_way_together_halves_it_once(late: list[float]) -> None:
    clock = Clock()
    pace = Pace(64, None, clock)
    for _ in range(40):
        pace.succeeded()
    before, sent_at = pace.window, clock.now
    for seconds in late:
        clock.now += seconds
        pace.refused(sent_at, 0.0)
    assert pace.window == max(1.0, before / 2)
    clock.now += 1
    pace.refused(clock.now, None)
    assert pace.window == max(1.0, before / 4)
    assert pace.wait() == DEFAULT_WAIT


@given(waits=st.lists(st.floats(0, 600), min_size=1, max_size=10))
def test_the_longest_wait_counts_for_all(waits: list[float]) -> None:
    clock = Clock()
    pace = Pace(8, None, clock)
    for seconds in waits:
        pace.refused(clock.now, seconds)
    assert pace.wait() == pytest.approx(max(waits))


def test_pauses_grow_until_something_succeeds_and_have_an_end() -> None:
    clock = Clock()
    pace = Pace(8, None, clock)
    pauses: list[float] = []
    for _ in range(12):
        pace.failed(clock.now)
        pauses.append(pace.wait())
        clock.now += pace.wait() + 0.001
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60])
    assert pace.in_a_row == 12
    pace.succeeded()
    pace.failed(clock.now)
    assert pace.wait() == pytest.approx(0.5)
    assert pace.answered == 1


def test_it_opens_quickly_at_first_and_slowly_after_a_refusal() -> None:
    pace = Pace(16, None, Clock())
    for _ in range(6):
        pace.succeeded()
    assert pace.window == 8
    pace.refused(1000.0, 0)
    for _ in range(4):
        pace.succeeded()
    assert 4 < pace.window < 5.1


@given(rate=st.floats(0.5, 500), calls=st.lists(st.integers(1, 50), min_size=1, max_size=40), data=st.data())
def test_a_rate_is_kept_over_any_time(rate: float, calls: list[int], data: Any) -> None:
    clock = Clock()
    pace = Pace(100, rate, clock)
    sent: list[tuple[float, int]] = []
    for count in calls:
        clock.now += pace.wait() + data.draw(st.floats(0, 3))
        assert pace.admits(0)
        pace.sent(count)
        sent.append((clock.now, count))
    for first in range(len(sent)):
        for last in range(first + 1, len(sent)):
            seconds = sent[last][0] - sent[first][0]
            assert sum(count for _, count in sent[first:last]) <= rate * seconds + 1e-6 * rate + 1e-6
