from collections.abc import Iterator
from typing import Any

import pytest

from kraty_server import KratyServer
from kraty_server.testing import Emulator

GRANT: list[dict[str, Any]] = [{"type": "currency", "currencyKey": "gems", "amount": 5}]
SEED: dict[str, Any] = {
    "games": [{"id": "game_2"}, {"id": "game_3", "studio": "stu_2"}],
    "webhooks": [{"secret": "whsec_test"}, {"secret": "whsec_live", "environment": "live"}],
    "players": [
        {"externalPlayerId": "ada", "country": "PT", "contextSnapshot": {"level": 3}, "wallet": {"gold": 100}},
        {"externalPlayerId": "bo", "online": True, "status": "in_match", "inventory": {"sword": 2}},
        {"externalPlayerId": "cy", "registered": False},
        {"externalPlayerId": "eve", "banned": "aimbot"},
    ],
    "events": [
        {"key": "cup", "id": "e_cup", "capacity": 3, "fillSeconds": 30, "seconds": 600},
        {"key": "solo", "mode": "global"},
        {"key": "off", "enabled": False},
        {
            "key": "hunt",
            "metrics": ["kills", "time"],
            "target": 10,
            "capAtTarget": True,
            "milestones": [{"key": "first", "threshold": 5, "entries": GRANT}],
            "completion": GRANT,
        },
    ],
    "leaderboards": [
        {"key": "weekly", "id": "lb_weekly"},
        {"key": "laps", "ascending": True},
        {"key": "regions", "segmented": True},
        {"key": "trophies", "rankedBy": "progression"},
    ],
    "attempts": [
        {"id": "a_hunt", "externalPlayerId": "ada", "event": "hunt"},
        {"id": "a_off", "externalPlayerId": "ada", "event": "off"},
    ],
    "friends": [["ada", "bo"]],
    "friendRequests": [["cy", "ada"]],
    "blocks": [["ada", "eve"]],
}


@pytest.fixture(scope="package")
def seeded() -> Iterator[Emulator]:
    emulator = Emulator(seed=SEED)
    yield emulator
    emulator.close()


@pytest.fixture
def emulator(seeded: Emulator) -> Emulator:
    seeded.reset()
    return seeded


@pytest.fixture
def kraty(emulator: Emulator) -> Iterator[KratyServer]:
    with emulator.client() as client:
        yield client
