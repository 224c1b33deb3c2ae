"""What does pytest know of Kraty? Its fixtures need the extra `kraty-server[testing]`."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kraty_server.client import AsyncKratyServer, KratyServer
    from kraty_server.testing import Emulator, Inbox

SECRET = "whsec_pytest"  # noqa: S105  # it signs what the emulator makes up
SHOWN = 10
"""Requests in the report of a failed test."""
_used = pytest.StashKey["Emulator"]()


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers."""
    for marker in (
        "kraty_seed(**parts): seed the emulator, as in kraty_seed(players=[{'externalPlayerId': 'p'}])",
        "kraty_fault(operation, **effect): let something go wrong, as in kraty_fault('wallet.credit', cut_body=1)",
    ):
        config.addinivalue_line("markers", marker)


@pytest.fixture(scope="session")
def _kraty_emulator() -> Iterator[tuple[Emulator, bytes]]:
    """One emulator for all tests of the process, and its state as it was in the beginning."""
    from kraty_server.testing import Emulator

    with Emulator() as emulator:
        emulator.add_webhook(secret=SECRET)
        yield emulator, emulator.snapshot()


@pytest.fixture
def kraty_emulator(_kraty_emulator: tuple[Emulator, bytes], request: pytest.FixtureRequest) -> Emulator:
    """A Kraty with fresh state, served on loopback; the markers `kraty_seed` and `kraty_fault` prepare it."""
    emulator, fresh = _kraty_emulator
    emulator.restore(fresh)
    for marker in request.node.iter_markers("kraty_seed"):
        parts: dict[str, Any] = {**(marker.args[0] if marker.args else {}), **marker.kwargs}
        emulator.seed(parts)
    for marker in request.node.iter_markers("kraty_fault"):
        emulator.fault(*marker.args, **marker.kwargs)
    request.node.stash[_used] = emulator
    return emulator


@pytest.fixture
def kraty(kraty_emulator: Emulator) -> Iterator[KratyServer]:
    """A client on the emulator, within the process: no socket."""
    with kraty_emulator.client() as client:
        yield client


@pytest.fixture
def async_kraty(kraty_emulator: Emulator) -> AsyncKratyServer:
    """An async client on the emulator, within the process: no socket, so there is nothing to close."""
    return kraty_emulator.async_client()


@pytest.fixture
def kraty_webhooks(kraty_emulator: Emulator) -> Inbox:
    """The webhooks of the test: those that were delivered, and a way to sign your own."""
    from kraty_server.testing import Inbox

    return Inbox(kraty_emulator, SECRET)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the last requests where a test failed."""
    report = yield
    if report.failed and (emulator := item.stash.get(_used, None)) is not None:
        lines = [str(request) for request in emulator.requests[-SHOWN:]]
        report.sections.append(("Kraty: the last requests", "\n".join(lines) or "none"))
    return report
