"""What do 1,000 clients do to a server that sheds load? A simulation, in simulated time: `python -m benchmarks.storm`.

The server carries out 200 calls a second, holds 100 of them in its queue, and answers 503 to the rest, which takes it
a tenth of a call's time. Either all clients call within 50 ms, as they do when an event starts, or they call all the
time, 120 times a second, and the server is down for ten seconds. The waits are those of `RetryConfig.wait`, the very
function that our clients use.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from kraty_server import RetryConfig

CLIENTS = 1_000
SERVICE = 1 / 200
SHED = SERVICE / 10
QUEUE = 100
NETWORK = (0.005, 0.02)
DEADLINE = 60.0
STEP = 0.1
"""Seconds for which requests are counted together."""


@dataclass
class Scenario:
    """When calls are made, and when the server is down."""

    name: str
    starts: list[float]
    down: tuple[float, float] = (0.0, 0.0)


def scenarios(seed: int = 1) -> list[Scenario]:
    """All at once, and an outage."""
    chance = random.Random(seed)
    return [
        Scenario("all call at once", [chance.uniform(0, 0.05) for _ in range(CLIENTS)]),
        Scenario("down from 10 s to 20 s", [chance.uniform(0, 60) for _ in range(120 * 60)], (10.0, 20.0)),
    ]


@dataclass
class Policy:
    """How clients wait, and what the server asks for along with a 503."""

    name: str
    retry: RetryConfig
    asked: float | None = None
    by_queue: bool = False
    """Whether the server asks each client to come when those before it are done, in whole seconds."""


POLICIES = (
    Policy("naive: every 0.2 s until it works", RetryConfig(100_000, 0.2, 0.2, 0)),
    Policy("exponential, no jitter", RetryConfig(jitter=0)),
    Policy("ours, without Retry-After", RetryConfig()),
    Policy("ours, Retry-After: 5", RetryConfig(), asked=5.0),
    Policy("ours, Retry-After as the backlog is", RetryConfig(), by_queue=True),
)


@dataclass
class Outcome:
    """What came of it."""

    scenario: str
    name: str
    requests: int = 0
    shed: int = 0
    succeeded: int = 0
    failed: int = 0
    seconds: float = 0.0
    """When the last call ended."""
    arrivals: Counter[int] = field(default_factory=Counter[int])
    """Requests by tenth of a second."""


def storm(scenario: Scenario, policy: Policy, *, seed: int = 1) -> Outcome:
    """Let the clients call, and tell how it ended."""
    chance = random.Random(seed)
    result = Outcome(scenario.name, policy.name)
    starts, (down, up) = scenario.starts, scenario.down
    arriving = [(start + chance.uniform(*NETWORK), client, 1) for client, start in enumerate(starts)]
    heapq.heapify(arriving)
    busy_until = promised = 0.0
    while arriving:
        now, client, attempt = heapq.heappop(arriving)
        result.requests += 1
        result.arrivals[int(now / STEP)] += 1
        backlog = max(0.0, busy_until - now)
        if not down <= now < up and backlog < QUEUE * SERVICE:
            busy_until = now + backlog + SERVICE
            result.succeeded += 1
            result.seconds = max(result.seconds, busy_until)
            continue
        result.shed += 1
        busy_until = max(busy_until, now) + SHED
        asked = policy.asked
        if policy.by_queue:  # each is told to come when those that were told before it are done
            promised = max(promised, busy_until, up if down <= now else 0.0) + SERVICE
            asked = float(math.ceil(promised - now))
        answered = now + chance.uniform(*NETWORK)
        left = starts[client] + DEADLINE - answered
        wait = policy.retry.wait(attempt, left=left, retry_after=asked, random_fraction=chance.random())
        if wait is None:
            result.failed += 1
            result.seconds = max(result.seconds, answered)
        else:
            heapq.heappush(arriving, (answered + wait + chance.uniform(*NETWORK), client, attempt + 1))
    return result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the outcomes to this file too")
    given = parser.parse_args()
    outcomes = [storm(scenario, policy) for scenario in scenarios() for policy in POLICIES]
    print(f"{'':<62}{'requests':>10}{'shed':>9}{'failed calls':>14}{'over after':>12}")
    for one in outcomes:
        counted = f"{one.requests:>10,}{one.shed:>9,}{one.failed:>14,}{one.seconds:>10.1f} s"
        print(f"{f'{one.scenario}; {one.name}':<62}{counted}")
    if given.json:
        shown = [vars(one) | {"arrivals": sorted(one.arrivals.items())} for one in outcomes]
        given.json.write_text(json.dumps(shown) + "\n", "utf-8")


if __name__ == "__main__":
    main()
