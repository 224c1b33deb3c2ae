"""The pytest plugin, used as a plugin: in a session of its own, as in a studio's tests."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.plugin import Studio

pytest_plugins = ["pytester"]
ON_ASYNCIO = """
import pytest

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""


def test_each_test_has_fresh_state(studio: Studio) -> None:
    result = studio.run(
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


def test_markers_seed_and_break(studio: Studio) -> None:
    result = studio.run(
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


def test_markers_are_read_from_the_module_to_the_test_and_from_top_to_bottom(studio: Studio) -> None:
    result = studio.run(
        """
        import pytest
        from kraty_server import RetryConfig

        pytestmark = [
            pytest.mark.kraty_fault("wallet.credit", status=500),
            pytest.mark.kraty_seed(players=[{"externalPlayerId": "p", "wallet": {"gold": 7}}]),
        ]

        @pytest.mark.kraty_fault("wallet.credit", status=502)
        class TestCredit:
            @pytest.mark.kraty_fault("wallet.credit", status=503)
            @pytest.mark.kraty_fault("wallet.credit", status=504)
            def test_credit(self, kraty, kraty_emulator):
                patient = kraty.with_options(retry=RetryConfig(attempts=5))
                assert patient.wallet.credit("p", "gold", amount=5).balance == 12
                assert [request.status for request in kraty_emulator.requests] == [500, 502, 503, 504, 200]
        """
    )
    result.assert_outcomes(passed=1)


def test_a_marker_limits_the_requests_of_a_test_and_of_no_other(studio: Studio) -> None:
    result = studio.run(
        """
        import pytest

        @pytest.mark.kraty_rate_limit(0.1, burst=2)
        def test_limited(kraty, kraty_emulator):
            kraty_emulator.row_keys_kept = 60
            for _ in range(3):
                kraty.health.ping()
            assert [r.status for r in kraty_emulator.requests] == [200, 200, 429, 200]

        def test_nothing_is_left(kraty, kraty_emulator):
            for _ in range(30):
                kraty.health.ping()
            assert [r.status for r in kraty_emulator.requests] == [200] * 30
            assert (kraty_emulator.rate_limit, kraty_emulator.row_keys_kept) == (None, None)
        """,
    )
    result.assert_outcomes(passed=2)


def test_webhooks_are_collected_and_signed(studio: Studio) -> None:
    result = studio.run(
        """
        import json
        import pytest
        from kraty_server import CurrencyEntry, verify_webhook

        def handler(body, headers, secret):
            return verify_webhook(raw_body=body, signature_header=headers["X-Signature"], secret=secret)

        def test_received(kraty, kraty_webhooks):
            kraty.grants.create("p", entries=[CurrencyEntry("gold", 5)], idempotency_key="r")
            (delivery,) = kraty_webhooks.received
            assert delivery.envelope["eventName"] == "grant.created"

        def test_made(kraty, kraty_webhooks):
            kraty.wallet.credit("p", "gold", amount=5)
            (real,) = (delivery.envelope for delivery in kraty_webhooks.received)
            made = kraty_webhooks.event("player.deleted", externalPlayerId="ada")
            assert list(made) == list(real)
            assert {key: type(value) for key, value in made.items()} == {key: type(v) for key, v in real.items()}
            same = ("studioId", "gameId", "deliveryAttempt")
            assert [made[key] for key in same] == [real[key] for key in same]
            assert (made["eventName"], made["data"]) == ("player.deleted", {"externalPlayerId": "ada"})
            assert made["id"] != kraty_webhooks.event("player.deleted")["id"]
            body, headers = kraty_webhooks.sign(made)
            assert json.loads(body) == made
            assert handler(body, headers, kraty_webhooks.secret)
            assert not handler(body, kraty_webhooks.sign(body, at=1)[1], kraty_webhooks.secret)

        def test_filled_in(kraty_webhooks, kraty_emulator):
            kraty_emulator.advance(3600)
            body, headers = kraty_webhooks.sign({"eventName": "player.deleted", "deliveryAttempt": 3, "data": {"a": 1}})
            whole = json.loads(body)
            assert whole.keys() == kraty_webhooks.event("x").keys()
            assert (whole["eventName"], whole["deliveryAttempt"], whole["data"]) == ("player.deleted", 3, {"a": 1})
            assert whole["id"].startswith("evt_") and whole["occurredAt"].endswith("Z")
            assert whole["occurredAt"][:16] == kraty_emulator.now().isoformat()[:16]
            assert handler(body, headers, kraty_webhooks.secret)
            assert kraty_webhooks.sign(b"as it is")[0] == b"as it is"
            with pytest.raises(ValueError, match="eventName"):
                kraty_webhooks.sign({"data": {}})
        """,
    )
    result.assert_outcomes(passed=3)


def test_code_that_makes_its_own_client_finds_the_emulator(studio: Studio) -> None:
    result = studio.run(
        """
        import os, subprocess, sys
        from kraty_server import KratyServer

        BUY = "from kraty_server import KratyServer; KratyServer().wallet.credit('p', 'gold', amount=5)"

        def buy():
            with KratyServer() as kraty:
                return kraty.wallet.credit("p", "gold", amount=5).balance

        def test_own_client(kraty, kraty_env):
            assert buy() == 5
            assert kraty.players.get("p").wallet[0].balance == 5
            subprocess.run([sys.executable, "-c", BUY], check=True)
            assert kraty.players.get("p").wallet[0].balance == 10
            assert {os.environ[name] for name in kraty_env} == set(kraty_env.values())

        def test_fresh_state(kraty_env):
            assert buy() == 5

        def test_nothing_is_left():
            assert not {"KRATY_SERVER_KEY", "KRATY_BASE_URL"} & set(os.environ)
        """
    )
    result.assert_outcomes(passed=3)


def test_a_fault_that_never_struck_is_reported_in_its_test(studio: Studio) -> None:
    source = """
        import pytest

        @pytest.mark.kraty_fault("wallet.credit", status=503)
        @pytest.mark.kraty_fault("wallet.debit", cut_body=1)
        def test_marker(kraty):
            kraty.wallet.credit("p", "gold", amount=5)

        def test_call(kraty, kraty_emulator):
            kraty_emulator.fault("grants.create", drop_before=1)

        @pytest.mark.kraty_fault("inventory.grant", retry_after=3)
        def test_fails(kraty):
            assert False

        @pytest.mark.kraty_fault("wallet.debit", cut_body=1)
        def test_skipped(kraty):
            pytest.skip()

        @pytest.mark.kraty_fault(latency=1, probability=0.5)
        def test_chance(kraty):
            pass

        @pytest.mark.kraty_fault(latency=1)
        def test_cleared(kraty_emulator):
            kraty_emulator.clear_faults()

        def test_nothing_of_others(kraty):
            pass
        """
    result = studio.run(source, "-W", "default")
    result.assert_outcomes(passed=5, failed=1, skipped=1, warnings=2)
    result.stdout.fnmatch_lines(
        [
            "*test_fails*",
            "*Kraty: faults that never struck*",
            "inventory.grant*status 429",
            "*::test_marker",
            "*UnusedFaultWarning: this fault never struck: wallet.debit*cut_body",
            "*::test_call",
            "*UnusedFaultWarning: this fault never struck: grants.create*drop_before",
        ]
    )
    studio.run(source).assert_outcomes(passed=5, failed=1, skipped=1, errors=2)
    ignored = studio.run(source, "-W", "ignore::kraty_server.testing.plugin.UnusedFaultWarning")
    ignored.assert_outcomes(passed=5, failed=1, skipped=1)


def test_a_failure_shows_the_last_requests(studio: Studio) -> None:
    result = studio.run(
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
def test_async_tests_have_an_async_client(studio: Studio, how: str) -> None:
    result = studio.run(
        f"""
        import asyncio
        import pytest

        @pytest.mark.{how}
        @pytest.mark.parametrize("again", range(2))
        async def test_credit(async_kraty, again):
            made = await asyncio.gather(*(async_kraty.wallet.credit("p", "gold", amount=1) for _ in range(5)))
            assert max(result.balance for result in made) == 5
        """,
        conftest=ON_ASYNCIO,
    )
    result.assert_outcomes(passed=2)


def test_the_async_client_follows_into_each_event_loop(studio: Studio) -> None:
    result = studio.run(
        """
        import asyncio
        from concurrent.futures import ThreadPoolExecutor

        def test_credit(async_kraty):
            async def credit(_=None):
                return (await async_kraty.wallet.credit("p", "gold", amount=1)).balance

            assert [asyncio.run(credit()) for _ in range(3)] == [1, 2, 3]
            with ThreadPoolExecutor(2) as threads:
                assert {*threads.map(lambda _: asyncio.run(credit()), range(2))} == {4, 5}
        """
    )
    result.assert_outcomes(passed=1)


def test_a_bad_marker_is_an_error_that_says_what_is_wrong(studio: Studio) -> None:
    result = studio.run(
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
