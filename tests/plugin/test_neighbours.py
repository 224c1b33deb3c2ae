"""The fixtures beside what else tests bring along: frozen time, blocked sockets, other event loops, workers."""

from __future__ import annotations

import pytest

from tests.plugin import Studio

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_the_clients_open_no_socket(studio: Studio, asynchronous: bool) -> None:
    keyword = ("async ", "await ") if asynchronous else ("", "")
    # An event loop of asyncio needs a pair of Unix sockets.
    options = ["--disable-socket", *(["--allow-unix-socket"] if asynchronous else [])]
    result = studio.run(
        f"""
        import pytest

        @pytest.mark.kraty_fault("wallet.credit", drop_after_commit=1)
        {keyword[0]}def test_credit({"async_kraty" if asynchronous else "kraty"}, kraty_webhooks, kraty_emulator):
            kraty = {"async_kraty" if asynchronous else "kraty"}
            assert ({keyword[1]}kraty.wallet.credit("p", "gold", amount=5)).balance == 5
            assert kraty_webhooks.events == ["wallet.changed"]

        def test_that_sockets_are_blocked(kraty_emulator):
            with pytest.raises(Exception, match="tried to use socket"):
                kraty_emulator.url
        """,
        *options,
        *(["-o", "asyncio_mode=auto"] if asynchronous else []),
    )
    result.assert_outcomes(passed=2)


FREEZERS = {
    "freezegun": "from freezegun import freeze_time as freeze",
    "time-machine": "from time_machine import travel; from functools import partial; freeze = partial(travel, tick=False)",
}


@pytest.mark.parametrize("freezer", FREEZERS)
def test_frozen_time_disturbs_neither_a_test_nor_the_end_of_the_session(studio: Studio, freezer: str) -> None:
    result = studio.run(
        f"""
        import asyncio, datetime, threading
        import httpx, pytest
        {FREEZERS[freezer]}
        from kraty_server import KratyServer
        from kraty_server.testing import Emulator

        THEN = "2025-01-01 12:00:00"

        @freeze(THEN)
        @pytest.mark.kraty_fault("wallet.credit", retry_after=30)
        @pytest.mark.kraty_fault("wallet.credit", latency=20)
        def test_decorated(kraty, kraty_emulator, kraty_webhooks):
            assert kraty.wallet.credit("p", "gold", amount=5).balance == 5
            assert kraty_webhooks.received[0].envelope["occurredAt"].startswith("2025-01-01T12:00:")

        def test_within(kraty, kraty_emulator, kraty_webhooks):
            with freeze(THEN):
                assert kraty.wallet.credit("p", "gold", amount=5).applied
                frozen = kraty_emulator.now()
                assert frozen == datetime.datetime(2025, 1, 1, 12, tzinfo=datetime.UTC)
                kraty_emulator.advance(60)
                assert (kraty_emulator.now() - frozen).total_seconds() == 60
            assert kraty_webhooks.events == ["wallet.changed"]

        @freeze(THEN)
        @pytest.mark.kraty_fault("wallet.credit", retry_after=30)
        @pytest.mark.kraty_fault("wallet.credit", latency=10)
        @pytest.mark.asyncio
        async def test_async(async_kraty):
            made = await asyncio.gather(*(async_kraty.wallet.credit("p", "gold", amount=1) for _ in range(5)))
            assert max(result.balance for result in made) == 5

        @pytest.fixture
        def frozen():
            with freeze(THEN):
                yield

        @pytest.mark.kraty_fault("wallet.credit", latency=0.2)
        @pytest.mark.kraty_fault("wallet.debit", drop_before=1)
        def test_served(frozen, kraty_env):
            with KratyServer() as kraty:
                assert kraty.wallet.credit("p", "gold", amount=5).applied
                assert kraty.wallet.debit("p", "gold", amount=5).applied

        def test_an_emulator_of_its_own():
            with freeze(THEN):
                before = set(threading.enumerate())
                with Emulator() as emulator:
                    assert httpx.get(emulator.url, trust_env=False).status_code == 200
                    assert [thread.name for thread in set(threading.enumerate()) - before] == ["kraty-emulator"]
                assert set(threading.enumerate()) <= before

        def test_not_frozen_any_more(kraty, kraty_env, kraty_emulator):
            assert kraty.wallet.credit("p", "gold", amount=5).applied
            assert httpx.get(kraty_emulator.url, trust_env=False).status_code == 200
            assert abs((kraty_emulator.now() - datetime.datetime.now(datetime.UTC)).total_seconds()) < 60
        """
    )
    result.assert_outcomes(passed=6)


def test_frozen_time_before_anything_of_kraty_is_used(studio: Studio) -> None:
    result = studio.run(
        """
        import pytest
        from freezegun import freeze_time

        @pytest.fixture(autouse=True, scope="session")
        def frozen():
            with freeze_time("2025-01-01 12:00:00"):
                yield

        @pytest.mark.kraty_fault(latency=0.2)
        def test_served(kraty, kraty_env):
            from kraty_server import KratyServer
            with KratyServer() as client:
                assert client.wallet.credit("p", "gold", amount=5).applied
        """
    )
    result.assert_outcomes(passed=1)


def test_on_trio_the_async_client_says_what_it_needs(studio: Studio) -> None:
    result = studio.run(
        """
        import pytest

        @pytest.mark.anyio
        async def test_credit(async_kraty):
            assert (await async_kraty.wallet.credit("p", "gold", amount=5)).applied

        @pytest.mark.anyio
        async def test_in_a_thread(kraty):
            from anyio.to_thread import run_sync
            assert (await run_sync(lambda: kraty.wallet.credit("p", "gold", amount=5))).applied
        """
    )
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*test_credit?trio?*", "async_kraty: an AsyncKratyServer runs on asyncio,*trio*"])


def test_workers_have_an_emulator_each(studio: Studio) -> None:
    result = studio.run(
        """
        import pytest
        from kraty_server import KratyServer

        @pytest.mark.parametrize("again", range(20))
        @pytest.mark.kraty_fault("wallet.credit", retry_after=30)
        def test_credit(kraty, again):
            assert kraty.wallet.credit("p", "gold", amount=5, idempotency_key="r").balance == 5

        @pytest.mark.parametrize("again", range(10))
        def test_served(kraty_env, again):
            with KratyServer() as kraty:
                assert kraty.wallet.credit("p", "gold", amount=5, idempotency_key="r").balance == 5
        """,
        "-n2",
    )
    result.assert_outcomes(passed=30)


def test_who_wants_real_time_has_it(studio: Studio) -> None:
    result = studio.run(
        """
        import time
        import pytest

        @pytest.mark.kraty_real_time
        @pytest.mark.kraty_fault("wallet.credit", retry_after=1)
        def test_waits(kraty):
            begun = time.monotonic()
            kraty.wallet.credit("p", "gold", amount=5)
            assert time.monotonic() - begun > 0.99

        @pytest.mark.kraty_fault("wallet.credit", retry_after=30)
        @pytest.mark.timeout(15)
        def test_does_not(kraty, kraty_emulator):
            before = kraty_emulator.now()
            kraty.wallet.credit("p", "gold", amount=5)
            assert (kraty_emulator.now() - before).total_seconds() >= 30
        """,
        "--strict-markers",
    )
    result.assert_outcomes(passed=2)
