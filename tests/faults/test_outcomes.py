"""What the caller learns after each fault, in both flavours, over real sockets."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kraty_server import (
    KratyError,
    KratyNetworkError,
    KratyServerError,
    KratyTimeoutError,
    RequestInfo,
    RetryConfig,
)
from tests.flavours import Flavour, both
from tests.servers.fault_proxy import FaultProxy, free_port
from tests.servers.raw import RawServer, Reply

OK = Reply(body=b'{"data":{"economyKey":"gold","balance":500,"applied":true}}')
ONCE = RetryConfig(attempts=1)
QUICK = RetryConfig(attempts=3, initial_delay=0.001)


def credit(kraty: Any) -> Any:
    return kraty.wallet.credit("p", "gold", amount=500, idempotency_key="receipt")


def options(url: str, **more: Any) -> dict[str, Any]:
    return {"api_key": "prefix.verysecret", "base_url": url, "retry": ONCE, **more}


@pytest.fixture
def upstream() -> Iterator[RawServer]:
    with RawServer([OK]) as server:
        yield server


def always(fault: str | None) -> Callable[[int], str | None]:
    return lambda number: fault


def first(fault: str) -> Callable[[int], str | None]:
    return lambda number: fault if number == 0 else None


def failed(flavour: Flavour, **more: Any) -> KratyError:
    with pytest.raises(KratyError) as caught:
        flavour(credit, **more)
    return caught.value


@both
@pytest.mark.parametrize(
    ("fault", "kind", "outcome"),
    [
        ("silent", KratyTimeoutError, "unknown"),
        ("reset_before", KratyNetworkError, "unknown"),
        ("reset_after", KratyNetworkError, "unknown"),
        ("cut", KratyNetworkError, "unknown"),
        ("drip", KratyTimeoutError, "unknown"),
        ("garbage", KratyNetworkError, "unknown"),
        ("wrong_length", KratyNetworkError, "unknown"),
        ("endless_header", KratyNetworkError, "unknown"),
        ("page_503", KratyServerError, "unknown"),
        ("huge", KratyServerError, "unknown"),
    ],
)
def test_a_fault_says_whether_it_took_effect(
    fault: str, kind: type[KratyError], outcome: str, flavour: Flavour, upstream: RawServer
) -> None:
    with FaultProxy(upstream.url, always(fault)) as proxy:
        error = failed(
            flavour, **options(proxy.url, timeout=1.0 if fault in ("silent", "drip", "wrong_length") else 5.0)
        )
    assert isinstance(error, kind), repr(error)
    assert error.outcome == outcome
    assert error.operation == "wallet.credit"
    assert error.idempotency_key == "receipt"
    assert error.attempts == 1
    assert error.is_retryable is (fault != "huge")


@both
def test_nobody_listening_means_not_applied(flavour: Flavour) -> None:
    error = failed(flavour, **options(f"http://127.0.0.1:{free_port()}", retry=QUICK))
    assert isinstance(error, KratyNetworkError)
    assert (error.outcome, error.attempts, error.is_retryable) == ("not_applied", 3, True)


@both
@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "cut", "garbage", "page_503", "endless_header"])
def test_a_fault_is_retried_with_the_same_bytes(fault: str, flavour: Flavour, upstream: RawServer) -> None:
    with FaultProxy(upstream.url, first(fault)) as proxy:
        assert flavour(credit, **options(proxy.url, retry=QUICK)).applied is True
    assert proxy.requests == 2
    assert len({(request.target, request.body) for request in upstream.arrived}) == 1


@both
def test_what_a_lost_answer_left_open_stays_open(flavour: Flavour) -> None:
    refusal = Reply(429, b'{"error":{"code":"rate_limited","message":"slow"}}')
    with RawServer([Reply(drop=True), refusal]) as server:
        error = failed(flavour, **options(server.url, retry=RetryConfig(attempts=2, initial_delay=0.001)))
    assert isinstance(error, KratyServerError)
    assert error.is_rate_limited
    assert error.outcome == "unknown"


@both
@pytest.mark.parametrize(
    ("status", "outcome"),
    [(400, "not_applied"), (404, "not_applied"), (409, "not_applied"), (408, "unknown"), (500, "unknown"),
     (501, "unknown"), (302, "not_applied"), (429, "not_applied")],
)  # fmt: skip
def test_a_status_says_whether_it_took_effect(status: int, outcome: str, flavour: Flavour) -> None:
    with RawServer([Reply(status, b"{}", {"x-request-id": "req-7", "location": "/elsewhere"})]) as server:
        error = failed(flavour, **options(server.url))
    assert error.outcome == outcome
    assert error.request_id == "req-7"
    assert len(server.arrived) == 1


@both
@pytest.mark.parametrize(
    ("body", "message"),
    [(b"", "was not valid JSON: it was empty"), (b"[]", "was not what wallet.credit answers"), (b"{}", "was not what"),
     (b"null", "was not what"), (b"\xff\xfe", "was not valid JSON"), (b"[" * 100_000, "was not valid JSON")],
)  # fmt: skip
def test_a_success_that_is_no_answer_of_kratys_leaves_it_open(body: bytes, message: str, flavour: Flavour) -> None:
    with RawServer([Reply(200, body)]) as server:
        error = failed(flavour, **options(server.url, retry=QUICK))
    assert isinstance(error, KratyServerError)
    assert (error.status, error.outcome, error.is_retryable) == (200, "unknown", False)
    assert message in str(error)
    assert len(server.arrived) == 1


@both
@pytest.mark.parametrize("more", [{}, {"strict_responses": True}], ids=["lenient", "strict"])
@pytest.mark.parametrize("beside", [b"", b',"data":{}', b',"data":{"balance":5}'], ids=["alone", "data", "half"])
def test_an_error_envelope_in_a_success_is_an_error_that_leaves_it_open(
    beside: bytes, more: dict[str, Any], flavour: Flavour
) -> None:
    with RawServer([Reply(202, b'{"error":{"code":"lobby_forming","message":"wait"}%b}' % beside), OK]) as server:
        error = failed(flavour, **options(server.url, retry=QUICK, **more))
    assert isinstance(error, KratyServerError)
    assert str(error) == "[202] lobby_forming: wait"
    assert (error.outcome, error.is_retryable, len(server.arrived)) == ("unknown", False, 1)


@both
@pytest.mark.parametrize(
    "body",
    [b'{"error":{"code":null,"message":"m"}}', b'{"error":"text"}', b'{"error":{"message":"m"}}', b'{"error":null}',
     b'{"error":{"code":"","message":"m"}}', b'{"error":{"code":5}}', b"[1]", b'"x"', b"<html>", b""],
)  # fmt: skip
def test_half_an_envelope_never_gives_a_code_of_none(body: bytes, flavour: Flavour) -> None:
    with RawServer([Reply(400, body)]) as server:
        error = failed(flavour, **options(server.url))
    assert isinstance(error, KratyServerError)
    assert str(error).startswith("[400] internal_error: non-2xx response without an error envelope (status=400): ")
    assert f"(POST {server.url}/server/v1/players/p/wallet/gold/credit answered with application/json)" in str(error)


@both
def test_a_code_without_a_message_has_one_all_the_same(flavour: Flavour) -> None:
    with RawServer([Reply(404, b'{"error":{"code":"not_found","message":null}}')]) as server:
        assert str(failed(flavour, **options(server.url))) == "[404] not_found: status 404, without a message"


@both
@pytest.mark.parametrize("code", ["idempotency_conflict", "conflict", "event_disabled"])
def test_a_conflict_is_never_retried(code: str, flavour: Flavour) -> None:
    with RawServer([Reply(409, f'{{"error":{{"code":"{code}","message":"m"}}}}'.encode()), OK]) as server:
        error = failed(flavour, **options(server.url, retry=QUICK))
    assert (error.attempts, error.is_retryable, len(server.arrived)) == (1, False, 1)
    assert error.__notes__[0].startswith("wallet.credit, 1 attempt, not_applied.")


@both
def test_an_idempotency_conflict_is_not_retried_under_another_status(flavour: Flavour) -> None:
    with RawServer([Reply(503, b'{"error":{"code":"idempotency_conflict","message":"m"}}'), OK]) as server:
        error = failed(flavour, **options(server.url, retry=QUICK))
    assert len(server.arrived) == 1
    assert not error.is_retryable


@both
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int, flavour: Flavour) -> None:
    with RawServer([Reply(status, b"", {"location": "/server/v1/ping"}), OK]) as server:
        error = failed(flavour, **options(server.url, retry=QUICK))
    assert isinstance(error, KratyServerError)
    assert (error.status, len(server.arrived)) == (status, 1)


@both
def test_other_statuses_can_be_retried(flavour: Flavour) -> None:
    with RawServer([Reply(501), OK]) as server:
        retry = RetryConfig(initial_delay=0.001, statuses=frozenset({501}))
        assert flavour(credit, **options(server.url, retry=retry)).applied


@both
@pytest.mark.parametrize("value", ["61", "Fri, 31 Dec 2060 23:59:59 GMT", "86400"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_longer_retry_after_than_allowed_gives_up_at_once(value: str, status: int, flavour: Flavour) -> None:
    with RawServer([Reply(status, b"{}", {"retry-after": value}), OK]) as server:
        error = failed(flavour, **options(server.url, retry=QUICK, deadline=600.0))
    assert len(server.arrived) == 1
    assert error.retry_after is not None
    assert error.retry_after > 60
    assert error.is_retryable


@both
def test_a_retry_after_beyond_the_deadline_gives_up_at_once(flavour: Flavour) -> None:
    with RawServer([Reply(429, b"{}", {"retry-after": "5"}), OK]) as server:
        error = failed(flavour, **options(server.url, retry=QUICK, deadline=2.0))
    assert (len(server.arrived), error.retry_after) == (1, 5.0)


@both
def test_a_short_retry_after_is_waited_for(flavour: Flavour) -> None:
    with RawServer([Reply(429, b"{}", {"retry-after": "0.01"}), OK]) as server:
        # The delay of our own would be past the deadline: only Retry-After lets it go on.
        retry = RetryConfig(initial_delay=50.0, max_delay=50.0)
        assert flavour(credit, **options(server.url, retry=retry, deadline=20.0)).applied


@both
@pytest.mark.parametrize("value", ["0", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_retry_after_of_nothing_still_backs_off(value: str, flavour: Flavour) -> None:
    with RawServer([Reply(429, b"{}", {"retry-after": value}), OK]) as server:
        retry = RetryConfig(initial_delay=50.0, max_delay=50.0)
        error = failed(flavour, **options(server.url, retry=retry, deadline=20.0))
    assert (error.attempts, error.retry_after) == (1, 0.0)


@both
@pytest.mark.parametrize("fault", ["silent", "drip"])
def test_a_server_cannot_hold_a_call_past_its_deadline(fault: str, flavour: Flavour, upstream: RawServer) -> None:
    with FaultProxy(upstream.url, always(fault), pause=0.3) as proxy:
        begun = time.monotonic()
        error = failed(flavour, **options(proxy.url, deadline=1.0, timeout=60.0, retry=RetryConfig()))
        held = time.monotonic() - begun
    assert isinstance(error, KratyTimeoutError)
    assert "after 1 attempt" in str(error)
    assert error.attempts == 1
    assert held < 15.0, "without the deadline it is half a minute at least"


@both
def test_attempts_share_the_deadline(flavour: Flavour, upstream: RawServer) -> None:
    with FaultProxy(upstream.url, always("silent")) as proxy:
        error = failed(
            flavour,
            **options(proxy.url, deadline=4.0, timeout=1.5, retry=RetryConfig(attempts=50, initial_delay=0.01)),
        )
    assert isinstance(error, KratyTimeoutError)
    assert 1 <= proxy.requests <= error.attempts
    assert 2 <= error.attempts <= 4
    assert f"after {error.attempts} attempts" in str(error)


@both
def test_every_attempt_is_told_once(flavour: Flavour, upstream: RawServer) -> None:
    told: list[RequestInfo] = []
    with FaultProxy(upstream.url, lambda n: ["reset_after", "page_503", None][n]) as proxy:
        flavour(credit, **options(proxy.url, retry=QUICK, on_request=told.append))
    assert [(info.attempt, info.status, info.ok) for info in told] == [
        (1, None, False),
        (2, 503, False),
        (3, 200, True),
    ]
    assert [type(info.error).__name__ for info in told] == [
        "KratyNetworkError",
        "InternalServerError",
        "NoneType",
    ]
    assert {info.operation for info in told} == {"wallet.credit"}
    assert {info.route for info in told} == {"/server/v1/players/{externalId}/wallet/{economyKey}/credit"}
    assert {info.idempotency_key for info in told} == {"receipt"}


@both
def test_a_hook_that_raises_changes_nothing(flavour: Flavour, caplog: pytest.LogCaptureFixture) -> None:
    def hook(info: RequestInfo) -> None:
        raise RuntimeError("broken hook")

    with RawServer([OK]) as server:
        assert flavour(credit, **options(server.url, on_request=hook)).applied
    assert len(server.arrived) == 1
    assert "on_request raised" in caplog.text


@both
def test_errors_survive_pickle_with_all_they_know(flavour: Flavour, upstream: RawServer) -> None:
    with FaultProxy(upstream.url, always("reset_after")) as proxy:
        network = failed(flavour, **options(proxy.url))
    with RawServer(
        [Reply(409, b'{"error":{"code":"idempotency_conflict","message":"m","details":{"a":1}}}')]
    ) as server:
        conflict = failed(flavour, **options(server.url))
    for error in (network, conflict):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
        for name in (
            "outcome",
            "operation",
            "idempotency_key",
            "attempts",
            "request_id",
            "retry_after",
            "is_retryable",
        ):
            assert getattr(again, name) == getattr(error, name)
    assert pickle.loads(pickle.dumps(conflict)).details == {"a": 1}
