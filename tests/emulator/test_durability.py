"""A short run of `make durability`, and that its audit sees what is wrong."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from kraty_server.testing import Emulator
from tests.emulator.durability import Writer, audit, durability


@pytest.mark.timeout(300)
def test_kills_under_load_lose_and_double_nothing() -> None:
    problems, answered = durability(3)
    assert problems == []
    assert answered >= 150


def test_the_audit_sees_what_is_lost_and_what_is_doubled(tmp_path: Path) -> None:
    file, writer = tmp_path / "k.db", Writer("w")
    emulator = Emulator(db=file)
    with emulator.client() as kraty:
        for token in ("a", "b"):
            kraty.wallet.credit("w", "gold", amount=5, idempotency_key=token)
            writer.answered[token] = 5
    emulator.close()
    assert audit(file, [writer]) == []
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE ledger SET idempotency_key = 'b'")
    connection.close()
    assert audit(file, [writer]) == ["1 rows are doubled", "a was answered, and is lost"]
