"""A short run of `make job-soak`: jobs that are killed at any place, with lost answers and 429s, do each row once."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraty_server.testing.emulator import engine
from tests.bulk.kills import KINDS, Audited

KILLS = 3


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_a_job_that_is_killed_does_each_row_once(kind: str, tmp_path: Path) -> None:
    audited = Audited(kind, tmp_path)
    assert audited.run(KILLS) == []
    assert audited.kills >= 1


@pytest.mark.timeout(600)
def test_the_audit_sees_a_server_that_forgets_its_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "replay_or_execute", lambda request, handler: handler.execute(request))
    problems = Audited("wallet.credit", tmp_path, 0.5).run(1)
    assert any("2 times instead of 1" in problem for problem in problems)
