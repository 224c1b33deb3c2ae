"""What does pytest know of Kraty? Its fixtures and markers; they need the extra `kraty-server[testing]`.

pytest loads this wherever the package is installed, so it works from pytest 7.0 and pluggy 1.0 on, imports nothing that
needs the extra before a fixture is used, and does nothing for tests that use none.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest

from kraty_server._clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from pluggy import Result

    from kraty_server.client import AsyncKratyServer, KratyServer
    from kraty_server.testing import Emulator, Inbox

SECRET = "whsec_pytest"  # noqa: S105  # it signs what the emulator makes up
SHOWN = 10
"""Requests in the report of a failed test."""
_used = pytest.StashKey["Emulator"]()
_passed = pytest.StashKey[bool]()
_clock: Final = SYSTEM_CLOCK
"""Taken when pytest starts: a test may have frozen the time when the first fixture is used."""


class UnusedFaultWarning(UserWarning):
    """A test passed, and a fault that it scripted never struck."""


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers."""
    for marker in (
        "kraty_seed(**parts): seed the emulator, as in kraty_seed(players=[{'externalPlayerId': 'p'}])",
        "kraty_fault(operation, **effect): let something go wrong, as in kraty_fault('wallet.credit', cut_body=1)",
        "kraty_rate_limit(per_second, burst=None): limit each key's requests, as in kraty_rate_limit(20, burst=40)",
        "kraty_real_time: let the clients of the fixtures wait for real, instead of on the emulator's clock",
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
def kraty_emulator(_kraty_emulator: tuple[Emulator, bytes], request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """A Kraty with fresh state, served on loopback once its `url` is asked for.

    The markers `kraty_seed`, `kraty_fault` and `kraty_rate_limit` prepare it.
    """
    from kraty_server.testing import RateLimit

    emulator, fresh = _kraty_emulator
    emulator.restore(fresh)
    emulator.real_time = request.node.get_closest_marker("kraty_real_time") is not None
    limit = request.node.get_closest_marker("kraty_rate_limit")
    emulator.rate_limit = limit and RateLimit(*limit.args, **limit.kwargs)
    emulator.row_keys_kept = None
    # Read from the module to the test, and from top to bottom.
    for marker in reversed(list(request.node.iter_markers("kraty_seed"))):
        parts: dict[str, Any] = {**(marker.args[0] if marker.args else {}), **marker.kwargs}
        emulator.seed(parts)
    for marker in reversed(list(request.node.iter_markers("kraty_fault"))):
        emulator.fault(*marker.args, **marker.kwargs)
    request.node.stash[_used] = emulator
    yield emulator
    if request.node.stash.get(_passed, False):
        for fault in emulator.unused_faults:
            request.node.warn(UnusedFaultWarning(f"this fault never struck: {fault}"))


@pytest.fixture
def kraty(kraty_emulator: Emulator) -> Iterator[KratyServer]:
    """A client on the emulator, within the process: no socket, and no waiting."""
    with kraty_emulator.client() as client:
        yield client


@pytest.fixture
def async_kraty(kraty_emulator: Emulator, request: pytest.FixtureRequest) -> AsyncKratyServer:
    """An async client on the emulator, within the process: no socket, so there is nothing to close, and no waiting."""
    anyio = "anyio_backend" in request.fixturenames and request.getfixturevalue("anyio_backend_name")
    if anyio == "trio" or request.node.get_closest_marker("trio"):
        pytest.fail(
            "async_kraty: an AsyncKratyServer runs on asyncio, and this test runs on trio. "
            "Let the fixture anyio_backend return 'asyncio' for this test, or use the fixture kraty in a thread.",
            pytrace=False,
        )
    return kraty_emulator.async_client()


@pytest.fixture
def kraty_env(kraty_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Serve the emulator, and set the environment variables by which code that makes its own client finds it.

    Returns:
        The variables, for a process or a container of yours.
    """
    from kraty_server._options import BASE_URL_VARIABLE, KEY_VARIABLE

    variables = {KEY_VARIABLE: kraty_emulator.api_key, BASE_URL_VARIABLE: kraty_emulator.url}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def kraty_webhooks(kraty_emulator: Emulator) -> Inbox:
    """The webhooks of the test: those that were delivered, and a way to make and sign your own."""
    from kraty_server.testing import Inbox

    return Inbox(kraty_emulator, SECRET)


@pytest.hookimpl(hookwrapper=True)  # `wrapper` needs pluggy 1.2
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Result[pytest.TestReport], None]:
    """Show the last requests, and the faults that never struck, where a test failed."""
    outcome = yield
    if (emulator := item.stash.get(_used, None)) is None:
        return
    report = outcome.get_result()
    if report.when == "call":
        item.stash[_passed] = report.passed
    if report.failed:
        requests = "\n".join(map(str, emulator.requests[-SHOWN:])) or "none"
        report.sections.append(("Kraty: the last requests", requests))
        if unused := emulator.unused_faults:
            report.sections.append(("Kraty: faults that never struck", "\n".join(map(str, unused))))
