"""A short run of `make soak`: nothing doubles, nothing is lost, and nobody is told otherwise."""

from __future__ import annotations

import pytest

from kraty_server import RetryConfig
from kraty_server.testing.emulator import engine
from tests.faults.soak import FLAVOURS, soak

WRITES = 1000


@pytest.mark.timeout(300)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_writes_through_a_breaking_network_happen_once(flavour: str) -> None:
    pytest.importorskip({"fast": "httptools"}.get(FLAVOURS[flavour][1], FLAVOURS[flavour][1]))
    problems, figures = soak(flavour, WRITES)
    print(figures)
    assert problems == []


def test_the_audit_sees_a_server_that_forgets_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "replay_or_execute", lambda request, handler: handler.execute(request))
    problems, _ = soak("sync", 200)
    assert any("2 rows" in problem for problem in problems)
    assert any("the calls make" in problem for problem in problems)


def test_the_audit_sees_a_client_that_says_not_applied_too_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    from kraty_server import errors

    monkeypatch.setattr(errors.KratyError, "__setattr__", lambda self, name, value: object.__setattr__(
        self, name, "not_applied" if name == "outcome" else True if name == "is_retryable" else value))  # fmt: skip
    problems, _ = soak("sync", 400, retry=RetryConfig(attempts=1))  # so that many calls end without an answer
    assert any("its caller was told" in problem for problem in problems)
