"""An emulator, a client on it, and a folder that journals are made in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kraty_server import KratyServer
from kraty_server.bulk import pace
from kraty_server.testing import Emulator


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are waited for by the system's clock, whatever the emulator's shows."""
    monkeypatch.setattr(pace, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(pace, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(pace, "DEFAULT_WAIT", 0.001)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as made:
        yield made


@pytest.fixture
def kraty(emulator: Emulator) -> Iterator[KratyServer]:
    with emulator.client() as client:
        yield client
