"""What the whole suite needs from the Python it runs on."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

if sys.version_info >= (3, 13):
    # In 3.13.0 a server that was let go of with several open connections complains when the second is collected.
    _wakeup = asyncio.Server._wakeup  # type: ignore[attr-defined]  # private

    def _once(self: asyncio.Server) -> None:
        if self._waiters is not None:  # type: ignore[attr-defined]  # private
            _wakeup(self)

    asyncio.Server._wakeup = _once  # type: ignore[attr-defined]  # private

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun in the background of a shell: Ctrl-C would be ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)

with suppress(ImportError):  # the environment of Airflow has no hypothesis
    from hypothesis import settings

    # No test asserts on time: a busy machine makes any example slow. All else stays as the environment has it.
    settings.register_profile("untimed", settings(), deadline=None)
    settings.load_profile("untimed")


@pytest.fixture(params=["httpx", "fast"])
def each_transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients of this process, and of those that it starts, send with each transport that both flavours have."""
    if request.param == "fast":
        pytest.importorskip("httptools")
    monkeypatch.setenv("KRATY_TRANSPORT", request.param)


@pytest.fixture(autouse=True)
def jobs_of_a_test_have_its_environment() -> Iterator[None]:
    """A worker of a job makes its client once in a process; here each test has an environment of its own."""
    yield
    if (send := sys.modules.get("kraty_server.bulk.send")) is not None:
        send._senders.clear()
