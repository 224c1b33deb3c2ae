"""Faults strike when and how the script says, over a socket and without one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kraty_server import (
    AsyncKratyServer,
    InternalServerError,
    KratyNetworkError,
    KratyServer,
    KratyTimeoutError,
    RateLimitedError,
    RetryConfig,
)
from kraty_server.testing import Emulator
from kraty_server.testing.emulator.transports import AsyncTransport, Transport
from tests.flavours import Flavour, both

ONCE = RetryConfig(attempts=1)


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(params=["socket", "in process"])
def emulator(request: pytest.FixtureRequest, served: Emulator) -> Emulator:
    served.reset()
    return served


def options(emulator: Emulator, flavour: Flavour, request: pytest.FixtureRequest) -> dict[str, Any]:
    given: dict[str, Any] = {"api_key": emulator.api_key, "base_url": emulator.url, "retry": ONCE}
    if request.node.callspec.params["emulator"] == "in process":
        given["transport"] = (Transport if flavour.blocking else AsyncTransport)(emulator.engine)
    return given


def credit(kraty: KratyServer | AsyncKratyServer) -> Any:
    return kraty.wallet.credit("p", "gold", amount=5)


@both
def test_lost_answers_are_unknown_and_took_effect_or_not_as_scripted(
    emulator: Emulator, flavour: Flavour, request: pytest.FixtureRequest
) -> None:
    for effect, outcome, rows in (
        ("drop_before", "unknown", 0),
        ("drop_after_commit", "unknown", 1),
        ("cut_body", "unknown", 1),
    ):
        emulator.reset()
        emulator.fault("wallet.credit", **{effect: 1})  # type: ignore[arg-type]  # one of FaultOptions
        with pytest.raises(KratyNetworkError) as lost:
            flavour(credit, **options(emulator, flavour, request))
        assert (lost.value.outcome, len(emulator.ledger())) == (outcome, rows), effect
        assert flavour(credit, **options(emulator, flavour, request)).applied
        assert [r.fault for r in emulator.requests] == [effect, None]


@both
def test_statuses_are_answered_without_effect(
    emulator: Emulator, flavour: Flavour, request: pytest.FixtureRequest
) -> None:
    emulator.fault("wallet.credit", status=500)
    emulator.fault("wallet.credit", retry_after=7)
    with pytest.raises(InternalServerError):
        flavour(credit, **options(emulator, flavour, request))
    with pytest.raises(RateLimitedError) as limited:
        flavour(credit, **options(emulator, flavour, request))
    assert limited.value.retry_after == 7
    assert emulator.ledger() == []


@both
def test_latency_delays_the_answer_not_the_effect(
    emulator: Emulator, flavour: Flavour, request: pytest.FixtureRequest
) -> None:
    emulator.fault(latency=2.0)
    with pytest.raises(KratyTimeoutError) as late:
        flavour(credit, **options(emulator, flavour, request), timeout=1.0)
    assert (late.value.outcome, len(emulator.ledger())) == ("unknown", 1)


@both
def test_a_lost_answer_is_retried_to_the_same_effect(
    emulator: Emulator, flavour: Flavour, request: pytest.FixtureRequest
) -> None:
    for effect in ("drop_before", "drop_after_commit", "cut_body"):
        emulator.fault("wallet.credit", **{effect: 1})  # type: ignore[arg-type]  # one of FaultOptions
    given = options(emulator, flavour, request) | {"retry": RetryConfig(initial_delay=0.001)}
    assert flavour(credit, **given).balance == 5
    assert len(emulator.ledger()) == 1
    assert len({r.body["idempotencyKey"] for r in emulator.requests}) == 1


def test_faults_strike_by_operation_count_and_probability(served: Emulator) -> None:
    served.reset()
    served.fault("wallet.debit", status=500)
    served.fault("*", status=503, times=None, probability=0.5, seed=3)
    with served.client(retry=ONCE) as kraty:
        struck = []
        for _ in range(40):
            try:
                kraty.health.ping()
                struck.append(False)
            except InternalServerError:
                struck.append(True)
    assert 10 < sum(struck) < 30
    served.reset()
    served.fault("*", status=503, times=None, probability=0.5, seed=3)
    with served.client(retry=ONCE) as kraty:
        for wanted in struck:
            if wanted:
                with pytest.raises(InternalServerError):
                    kraty.health.ping()
            else:
                kraty.health.ping()


@pytest.mark.parametrize(
    "wrong",
    [{}, {"status": 500, "cut_body": 1}, {"status": 200}, {"status": 500, "probability": 2}, {"status": 500, "times": 0},
     {"latency": -1}, {"operation": "wallet.steal", "status": 500}],
)  # fmt: skip
def test_a_script_that_cannot_be_is_refused(served: Emulator, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"effect|status|probability|times|latency|operation"):
        served.fault(**wrong)


@pytest.mark.parametrize("status", [408, 418, 425, 451, 501, 505, 520, 599])
def test_any_error_status_is_answered_as_scripted(emulator: Emulator, status: int) -> None:
    emulator.fault("wallet.credit", status=status)
    answer = httpx.post(
        f"{emulator.url}/server/v1/players/p/wallet/gold/credit",
        json={"amount": 1},
        headers={"authorization": f"Bearer {emulator.api_key}"},
        trust_env=False,
    )
    assert answer.status_code == status
    assert emulator.ledger() == []


@pytest.mark.parametrize(
    ("seconds", "header"), [(1234567, "1234567"), (0.5, "0.5"), (0, "0"), (1e9, "1000000000"), (2.0, "2")]
)
def test_retry_after_is_written_without_an_exponent(emulator: Emulator, seconds: float, header: str) -> None:
    emulator.fault(retry_after=seconds)
    answer = emulator.engine.respond("GET", "/server/v1/ping", {}, b"")
    assert (answer.status, answer.headers["retry-after"]) == (429, header)


@pytest.mark.parametrize(
    "wrong",
    [{"drop_before": 0}, {"cut_body": -1}, {"drop_after_commit": True}, {"status": 500, "times": 1.5},
     {"status": 500, "times": True}, {"retry_after": float("nan")}, {"latency": float("inf")}, {"status": 503.0},
     {"status": 500, "code": ""}, {"status": 500, "seed": 1.5}, {"status": 500, "probability": float("nan")},
     {"operation": "webhooks", "status": 500}, {"operation": "wallet.credit", "duplicate": 1},
     {"operation": "webhooks", "latency": 1}, {"operation": "wallet.credt", "status": 500}],
)  # fmt: skip
def test_a_fault_that_cannot_be_is_refused_and_not_scripted(served: Emulator, wrong: dict[str, Any]) -> None:
    served.reset()
    with pytest.raises(ValueError, match=r": |effect"):
        served.fault(**wrong)
    assert served.faults == []


def test_a_misspelt_operation_is_told_the_nearest(served: Emulator) -> None:
    with pytest.raises(ValueError, match=r"wallet\.credit\?"):
        served.fault("wallet.credt", status=500)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_drop_closes_the_connection_whoever_is_said_to_have_sent_it(host: str) -> None:
    with Emulator(host=host) as emulator:
        for effect in ("drop_before", "cut_body"):
            emulator.fault(**{effect: 1})  # type: ignore[arg-type]  # one of FaultOptions
            headers = {"authorization": f"Bearer {emulator.api_key}", "x-forwarded-for": "203.0.113.9"}
            with pytest.raises(httpx.RemoteProtocolError):
                httpx.get(f"{emulator.url}/server/v1/ping", headers=headers, trust_env=False)


def test_two_emulators_of_one_process_do_not_share_connections() -> None:
    with Emulator() as one, Emulator() as other, httpx.Client(trust_env=False) as client:
        headers = {"authorization": f"Bearer {one.api_key}"}
        for _ in range(3):
            one.fault(drop_before=1)
            assert client.get(f"{other.url}/server/v1/ping", headers=headers).status_code == 200
            with pytest.raises(httpx.RemoteProtocolError):
                client.get(f"{one.url}/server/v1/ping", headers=headers)


def test_faults_that_never_struck_are_known(served: Emulator) -> None:
    served.reset()
    served.fault("wallet.credit", status=500)
    served.fault("health.ping", status=500)
    with served.client(retry=ONCE) as kraty, pytest.raises(InternalServerError):
        kraty.health.ping()
    assert [str(fault) for fault in served.unused_faults] == ["wallet.credit status 500"]
    assert [fault.struck for fault in served.faults] == [0, 1]
