from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from kraty_server.cli import terminal
from kraty_server.cli.main import main
from kraty_server.testing import Emulator
from tests.cli import Ended, Run

SECRET = "whsec_cli_tests"
SEED = {
    "webhooks": [{"secret": SECRET}],
    "players": [
        {"externalPlayerId": "ada", "wallet": {"gold": 1250, "gems": 7}, "inventory": {"sword": 2}},
        {"externalPlayerId": "bo", "wallet": {"gold": 100}},
        {"externalPlayerId": "cy"},
    ],
}


@pytest.fixture(scope="package")
def served() -> Iterator[Emulator]:
    emulator = Emulator(seed=SEED)
    assert emulator.url
    yield emulator
    emulator.close()


@pytest.fixture
def emulator(served: Emulator) -> Emulator:
    served.reset()
    return served


@pytest.fixture
def environment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The variables of a person who tests against the emulator, of this process and of those that it starts."""
    for name in os.environ:
        if name.startswith("KRATY_") or name in ("NO_COLOR", "COLUMNS", "TERM"):
            monkeypatch.delenv(name)
    ours = {
        "KRATY_SERVER_KEY": emulator.api_key,
        "KRATY_BASE_URL": emulator.url,
        "KRATY_WEBHOOK_SECRET": SECRET,
        "TERM": "xterm",
    }
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    path = os.pathsep.join(part for part in sys.path if part)
    return {**os.environ, "PYTHONPATH": path}


@pytest.fixture(autouse=True)
def as_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take back what a command changes in its process."""
    monkeypatch.setattr(terminal, "_secrets", [])
    logger = logging.getLogger("kraty_server")
    handlers, propagate = list(logger.handlers), logger.propagate
    yield
    logger.handlers[:], logger.propagate = handlers, propagate


@pytest.fixture
def kraty(environment: Mapping[str, str], capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process, without a terminal."""

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        code = main(arguments)
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return run


@pytest.fixture
def command() -> Callable[..., list[str]]:
    """The command as a process of its own."""
    return lambda *arguments: [sys.executable, "-m", "kraty_server", *arguments]
