"""The gate on the work per call counts the same twice, and sees a call that does more."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import work
from kraty_server import _flow


def test_the_same_call_is_the_same_work() -> None:
    once = work.counts()
    assert min(once.values()) > 0
    assert work.counts() == once


def test_work_that_nothing_is_known_of_is_seen() -> None:
    assert work.grown({"new": 1, "old": 110}, {"old": 100}) == ["new: nothing → 1"]
    assert work.grown({"old": 111}, {"old": 100}) == ["old: 100 → 111"]


def test_more_work_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    before = work.counts()
    read = _flow._read

    def slower(*given: Any) -> Any:
        for _ in range(3):
            read(*given)
        return read(*given)

    monkeypatch.setattr(_flow, "_read", slower)
    more = work.grown(work.counts(), before)
    assert any(text.startswith("sync wallet.credit") for text in more)
    assert not any(text.startswith("with_options") for text in more)
