"""The pytest plugin, used as a plugin: in a session of its own, as in a studio's tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFIG = """
[pytest]
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""


@pytest.fixture
def studio(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for path in (Path(__file__).parents[2], Path(__file__).parents[2] / "generated"):
        pytester.syspathinsert(path)
    monkeypatch.setenv("PYTHONPATH", ":".join(p for p in sys.path if p))
    pytester.makeini(CONFIG)
    return pytester


def run(studio: pytest.Pytester, source: str, *options: str) -> pytest.RunResult:
    studio.makepyfile(source)
    return studio.runpytest_subprocess("-p", "no:cacheprovider", *options)


def test_each_test_has_fresh_state(studio: pytest.Pytester) -> None:
    result = run(
        studio,
        """
        import pytest

        @pytest.mark.parametrize("again", range(3))
        def test_credit(kraty, kraty_emulator, kraty_webhooks, again):
            assert kraty.wallet.credit("p", "gold", amount=5, idempotency_key="r").applied
            assert kraty_webhooks.events == ["wallet.changed"]
            kraty_emulator.assert_called("wallet.credit", times=1, amount=5)
            kraty_emulator.advance(3600)

        def test_clock(kraty_emulator):
            import datetime
            now = datetime.datetime.now(datetime.UTC)
            assert abs((kraty_emulator.now() - now).total_seconds()) < 60
        """,
    )
    result.assert_outcomes(passed=4)


def test_markers_seed_and_break(studio: pytest.Pytester) -> None:
    result = run(
        studio,
        """
        import pytest
        from kraty_server import KratyServer, RetryConfig

        @pytest.mark.kraty_seed(players=[{"externalPlayerId": "p", "wallet": {"gold": 7}}])
        @pytest.mark.kraty_fault("wallet.credit", drop_after_commit=1)
        def test_lost(kraty_emulator):
            with KratyServer(api_key=kraty_emulator.api_key, base_url=kraty_emulator.url) as kraty:
                assert kraty.wallet.credit("p", "gold", amount=5).balance == 12
            assert [r.fault for r in kraty_emulator.requests] == ["drop_after_commit", None]

        @pytest.mark.kraty_seed({"players": [{"externalPlayerId": "q"}]})
        def test_mapping(kraty):
            assert kraty.players.get("q").player.external_player_id == "q"

        def test_nothing_is_left(kraty, kraty_emulator):
            assert kraty.wallet.credit("p", "gold", amount=5).balance == 5
            assert kraty_emulator.requests[0].fault is None
        """,
        "--strict-markers",
    )
    result.assert_outcomes(passed=3)


def test_webhooks_are_collected_and_signed(studio: pytest.Pytester) -> None:
    result = run(
        studio,
        """
        from kraty_server import CurrencyEntry, verify_webhook

        def handler(body, headers, secret):
            return verify_webhook(raw_body=body, signature_header=headers["X-Signature"], secret=secret)

        def test_webhooks(kraty, kraty_webhooks):
            kraty.grants.create("p", entries=[CurrencyEntry("gold", 5)], idempotency_key="r")
            (delivery,) = kraty_webhooks.received
            assert delivery.envelope["eventName"] == "grant.created"
            body, headers = kraty_webhooks.sign({"eventName": "player.deleted", "data": {}})
            assert handler(body, headers, kraty_webhooks.secret)
            assert not handler(body, kraty_webhooks.sign(body, at=1)[1], kraty_webhooks.secret)
        """,
    )
    result.assert_outcomes(passed=1)


def test_a_failure_shows_the_last_requests(studio: pytest.Pytester) -> None:
    result = run(
        studio,
        """
        def test_fails(kraty):
            kraty.wallet.credit("p", "gold", amount=5, idempotency_key="r1")
            assert False

        def test_fails_without_requests(kraty_emulator):
            assert False

        def test_fails_without_kraty():
            assert False
        """,
    )
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        ["*Kraty: the last requests*", 'POST /server/v1/players/p/wallet/gold/credit {"amount": 5, *"r1"} -> 200']
    )
    assert result.stdout.str().count("Kraty: the last requests") == 2
    assert "sEmuTest." not in result.stdout.str()


@pytest.mark.parametrize("how", ["asyncio", "anyio"])
def test_async_tests_have_an_async_client(studio: pytest.Pytester, how: str) -> None:
    studio.makeconftest("import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n")
    result = run(
        studio,
        f"""
        import asyncio
        import pytest

        @pytest.mark.{how}
        @pytest.mark.parametrize("again", range(2))
        async def test_credit(async_kraty, again):
            made = await asyncio.gather(*(async_kraty.wallet.credit("p", "gold", amount=1) for _ in range(5)))
            assert max(result.balance for result in made) == 5
        """,
    )
    result.assert_outcomes(passed=2)


def test_workers_have_an_emulator_each(studio: pytest.Pytester) -> None:
    result = run(
        studio,
        """
        import pytest

        @pytest.mark.parametrize("again", range(20))
        def test_credit(kraty, again):
            assert kraty.wallet.credit("p", "gold", amount=5, idempotency_key="r").balance == 5
        """,
        "-n2",
    )
    result.assert_outcomes(passed=20)


def test_a_bad_marker_is_an_error_that_says_what_is_wrong(studio: pytest.Pytester) -> None:
    result = run(
        studio,
        """
        import pytest

        @pytest.mark.kraty_fault("wallet.steal", cut_body=1)
        def test_fault(kraty):
            pass
        """,
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*'wallet.steal' is not in the contract*"])


def test_without_the_extra_the_plugin_is_silent_and_says_what_to_install() -> None:
    code = """
import sys
for name in ("jsonschema_rs", "starlette", "uvicorn", "httptools"):
    sys.modules[name] = None
import kraty_server.testing.plugin
assert not {"httpx", "kraty_server.client", "kraty_server.testing._emulator"} & set(sys.modules), "imported too much"
try:
    from kraty_server.testing import Emulator
except ModuleNotFoundError as error:
    assert "pip install 'kraty-server[emulator]'" in str(error), error
else:
    raise SystemExit("no error")
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(p for p in sys.path if p)})
