"""A short run of `make job-soak`: jobs that are killed at any place, with lost answers and 429s, do each row once."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraty_server.testing import Emulator
from kraty_server.testing.emulator import engine
from tests.bulk.kills import KINDS, Audited

KILLS = 3


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_a_job_that_is_killed_does_each_row_once(kind: str, tmp_path: Path) -> None:
    if KINDS[kind].results == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    audited = Audited(kind, tmp_path)
    assert audited.run(KILLS) == []
    assert audited.kills >= 1


def test_the_audit_sees_a_result_that_is_there_twice(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    audited = Audited("players.get-parquet", tmp_path, 0.2)
    assert audited.run(0) == []
    part = next((tmp_path / "results").iterdir())
    part.with_name(f"again-{part.name}").write_bytes(part.read_bytes())
    with Emulator() as emulator:
        assert any("was read 2 times" in problem for problem in audited.problems(emulator))


@pytest.mark.timeout(600)
def test_the_audit_sees_a_server_that_forgets_its_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "replay_or_execute", lambda request, handler: handler.execute(request))
    problems = Audited("wallet.credit", tmp_path, 0.5).run(1)
    assert any("2 times instead of 1" in problem for problem in problems)
