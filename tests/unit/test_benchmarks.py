"""The page about performance says what was measured, and its simulation shows what it says."""

from __future__ import annotations

import pytest

from benchmarks import report
from benchmarks.storm import CLIENTS, POLICIES, Scenario, storm

NAIVE, *_, PLAIN, ASKED, BACKLOG = POLICIES


def test_the_page_has_the_figures_that_were_measured() -> None:
    page = report.PAGE.read_text("utf-8")
    assert report.written(page) == page
    for picture in ("scale.svg", "storm.svg", "sdks.svg"):
        assert f"figures/{picture}" in page
        assert (report.PICTURES / picture).stat().st_size > 1000


AT_ONCE = Scenario("at once", [0.0] * CLIENTS)
OUTAGE = Scenario("outage", [number / 120 for number in range(120 * 30)], (5.0, 15.0))


@pytest.mark.parametrize("scenario", [AT_ONCE, OUTAGE], ids=lambda one: one.name)
def test_every_call_ends_and_ours_are_less_of_a_load(scenario: Scenario) -> None:
    naive, plain, asked = (storm(scenario, policy) for policy in (NAIVE, PLAIN, ASKED))
    for one in (naive, plain, asked):
        assert one.succeeded + one.failed == len(scenario.starts)
        assert one.requests == one.shed + one.succeeded == sum(one.arrivals.values())
    assert asked.requests < plain.requests < naive.requests / 20
    assert asked.failed < plain.failed


def test_a_server_that_is_left_alone_recovers_and_one_that_is_stormed_does_not() -> None:
    naive, plain, backlog = (storm(OUTAGE, policy).failed for policy in (NAIVE, PLAIN, BACKLOG))
    assert naive > plain * 2
    assert backlog < plain / 4
