"""One call, stepped without a clock or a socket: what is sent, what an error says, what is logged and told."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from kraty_server import (
    ConflictError,
    IdempotencyConflictError,
    KratyClosedError,
    KratyError,
    KratyNetworkError,
    KratyServerError,
    KratyTimeoutError,
    RateLimitedError,
    RequestInfo,
    RetryConfig,
)
from kraty_server._clock import SystemClock
from kraty_server._flow import flow
from kraty_server._http.messages import Answer, Interruption, Reply, Report, Send, Sleep, TransportFailure
from kraty_server._options import Options, Secret
from kraty_server_generated.api import players, wallet
from kraty_server_generated.types import Call

URL = "https://kraty.test/server/v1/players/p/wallet/gold/credit"
CREDITED = b'{"data":{"economyKey":"gold","balance":5,"applied":true}}'
EVEN = RetryConfig(attempts=3, initial_delay=1.0, max_delay=100.0, jitter=0.5)


def refusal(code: str, message: str | None = "no", **more: Any) -> bytes:
    return json.dumps({"error": {"code": code, "message": message, **more}}).encode()


class SteppedClock(SystemClock):
    """Time passes as it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.monotonic = lambda: self.now
        self.time = lambda: 1_800_000_000.0


@dataclass
class Course:
    """What happened in a call."""

    sent: list[Send] = field(default_factory=list[Send])
    slept: list[float] = field(default_factory=list[float])
    told: list[RequestInfo] = field(default_factory=list[RequestInfo])
    result: Any = None
    error: Any = None


def step(
    replies: Sequence[Reply],
    call: Any = None,
    *,
    takes: float = 0.25,
    amid_sleep: Reply = None,
    amid_report: Reply = None,
    judged: list[bool] | None = None,
    **changes: Any,
) -> Course:
    """Drive a call with these replies, each of which takes a while; a sender judges answers where it may say how."""
    clock, course, remaining = SteppedClock(), Course(), list(replies)
    settings: dict[str, Any] = {
        "key": Secret("prefix.secret"), "base_url": "https://kraty.test", "timeout": 15.0, "deadline": 60.0,
        "retry": EVEN, "on_request": course.told.append, "generate_idempotency_key": lambda: "minted",
        "strict_responses": False, "clock": clock,
    }  # fmt: skip
    steps: Generator[Any, Reply, Any] = flow(
        wallet.credit("p", "gold", amount=5) if call is None else call, Options(**settings | changes)
    )
    reply: Reply = None
    try:
        while True:
            message = steps.send(reply)
            reply = None
            if isinstance(message, Send):
                course.sent.append(message)
                clock.now += takes
                reply = remaining.pop(0)
                if judged is not None and isinstance(reply, Answer):
                    judged.append(message.judge(reply))
            elif isinstance(message, Sleep):
                course.slept.append(message.seconds)
                clock.now += message.seconds
                reply = amid_sleep
            else:
                assert isinstance(message, Report)
                course.told.append(message.info)
                reply = amid_report
    except StopIteration as done:
        course.result = done.value
    except Exception as error:
        course.error = error
    assert remaining == []
    return course


@pytest.fixture(autouse=True)
def a_drawn_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "random", lambda: 1.0)


def test_a_call_is_one_request_with_a_key_and_one_line_of_telemetry() -> None:
    course = step([Answer(200, {"x-request-id": "r"}, CREDITED)])
    assert course.result.to_dict() == json.loads(CREDITED)["data"]
    assert [sent[:4] for sent in course.sent] == [("POST", URL, b'{"amount":5,"idempotencyKey":"minted"}', 15.0)]
    assert course.told == [
        RequestInfo(
            operation="wallet.credit",
            route="/server/v1/players/{externalId}/wallet/{economyKey}/credit",
            method="POST",
            url=URL,
            attempt=1,
            idempotency_key="minted",
            duration_ms=250.0,
            status=200,
            ok=True,
            request_id="r",
            error=None,
        )
    ]


def test_a_key_of_the_callers_is_used_and_a_read_has_none() -> None:
    given = step([Answer(200, {}, CREDITED)], wallet.credit("p", "gold", amount=5, idempotency_key="receipt"))
    assert json.loads(given.sent[0].content or b"")["idempotencyKey"] == "receipt"
    read = step([Answer(404, {}, refusal("not_found"))], players.get("p"))
    assert (read.sent[0].method, read.sent[0].content, read.error.idempotency_key) == ("GET", None, None)


@pytest.mark.parametrize("key", ["", " ", 5])
def test_a_key_that_cannot_be_is_refused_before_anything_is_sent(key: Any) -> None:
    course = step([], generate_idempotency_key=lambda: key)
    assert course.sent == []
    assert str(course.error).startswith("generate_idempotency_key")


def test_nobody_is_told_where_nobody_asked(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "kraty_server"):
        assert step([Answer(200, {}, CREDITED)], on_request=None).told == []
    assert [record.getMessage() for record in caplog.records] == ["wallet.credit attempt 1: 200 in 250.0 ms"]


def test_each_attempt_gets_its_time_and_the_last_one_what_is_left() -> None:
    lost = TransportFailure(TimeoutError("late"), maybe_received=True, timed_out=True)
    course = step([lost, lost, lost], takes=8.0, timeout=8.0, deadline=21.5)
    assert course.slept == [1.5, 3.0]
    assert [send.timeout for send in course.sent] == [8.0, 8.0, 1.0]
    assert len({(send.method, send.url, send.content) for send in course.sent}) == 1


def test_no_attempt_begins_after_the_deadline() -> None:
    lost = TransportFailure(TimeoutError("late"), maybe_received=True, timed_out=True)
    course = step([lost], takes=8.0, timeout=8.0, deadline=9.5)
    assert (course.slept, course.error.attempts) == ([], 1)


def test_the_last_attempt_has_a_moment_at_least() -> None:
    assert step([Answer(200, {}, CREDITED)], deadline=0.0).sent[0].timeout == 0.001


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(100, "unknown"), (101, "unknown"), (199, "unknown"), (300, "not_applied"), (302, "not_applied"),
     (400, "not_applied"), (404, "not_applied"), (407, "not_applied"), (408, "unknown"), (409, "not_applied"),
     (422, "not_applied"), (429, "not_applied"), (499, "not_applied"), (500, "unknown"), (503, "unknown")],
)  # fmt: skip
def test_an_answer_that_is_no_success_says_whether_it_took_effect(status: int, outcome: str) -> None:
    for content in (refusal("conflict"), b"<html>"):
        course = step([Answer(status, {}, content)], retry=RetryConfig(attempts=1))
        assert isinstance(course.error, KratyServerError)
        assert (course.error.status, course.error.outcome, course.error.attempts) == (status, outcome, 1)
        assert course.error.is_retryable is (status in EVEN.statuses)
        assert (course.told[0].status, course.told[0].ok, course.told[0].error) == (status, False, course.error)


def test_an_earlier_attempt_that_is_in_doubt_leaves_the_whole_call_in_doubt() -> None:
    reset = TransportFailure(ConnectionResetError("reset"), maybe_received=True)
    never = TransportFailure(ConnectionRefusedError("refused"), maybe_received=False)
    assert step([reset, never, never]).error.outcome == "unknown"
    assert step([never, never, never]).error.outcome == "not_applied"
    assert step([never, Answer(409, {}, refusal("conflict"))]).error.outcome == "not_applied"
    assert step([Answer(503, {}, b""), Answer(409, {}, refusal("conflict"))]).error.outcome == "unknown"
    assert step([reset, Answer(200, {}, CREDITED)]).result.balance == 5


def test_an_error_knows_the_call_and_says_what_to_do_next() -> None:
    error = step([Answer(409, {"x-correlation-id": "c"}, refusal("conflict", details={"field": ["x"]}))]).error
    assert isinstance(error, ConflictError)
    assert (error.operation, error.idempotency_key, error.request_id) == ("wallet.credit", "minted", "c")
    assert (str(error), error.details) == ("[409] conflict: no", {"field": ["x"]})
    assert error.__notes__ == ["wallet.credit, 1 attempt, not_applied. Nothing took effect."]


def test_each_outcome_has_its_next_step() -> None:
    reset = TransportFailure(ConnectionResetError("reset"), maybe_received=True)
    refused = TransportFailure(ConnectionRefusedError("refused"), maybe_received=False)
    assert step([reset] * 3).error.__notes__ == [
        "wallet.credit, 3 attempts, unknown. "
        "It may have taken effect: make the same call with the same idempotency key again."
    ]
    assert step([refused] * 3).error.__notes__ == [
        "wallet.credit, 3 attempts, not_applied. Nothing took effect. The same call may succeed later."
    ]
    conflict = step([Answer(409, {}, refusal("idempotency_conflict"))]).error
    assert isinstance(conflict, IdempotencyConflictError)
    assert conflict.__notes__ == [
        "wallet.credit, 1 attempt, not_applied. "
        "This key was used with another body: do not retry, look at both requests."
    ]
    half = step([Answer(200, {}, b'{"data":{"economyKey":"gold","applied":true}}')], strict_responses=True).error
    assert str(half).startswith("[200] internal_error: response body lacks ")
    assert half.__notes__ == [
        "wallet.credit, 1 attempt, applied. "
        "It took effect, only the answer could not be read: read the player's state before you go on."
    ]


@pytest.mark.parametrize("name", ["x-request-id", "request-id", "x-correlation-id", "x-amzn-requestid", "cf-ray"])
def test_the_servers_name_for_a_request_is_found(name: str) -> None:
    course = step([Answer(404, {"date": "today", name: "it"}, b"")], players.get("p"))
    assert (course.error.request_id, course.told[0].request_id) == ("it", "it")
    assert step([Answer(404, {name: ""}, b"")], players.get("p")).error.request_id is None
    quoted = step([Answer(404, {name: "for prefix.secret"}, b"")], players.get("p"))
    assert (quoted.error.request_id, quoted.told[0].request_id) == ("for …", "for …")


def test_no_answer_says_where_and_why_and_never_the_key() -> None:
    once = RetryConfig(attempts=1)
    reset = step([TransportFailure(ConnectionResetError("sent prefix.secret"), maybe_received=True)], retry=once).error
    assert type(reset) is KratyNetworkError
    assert str(reset) == (
        "wallet.credit: no answer from https://kraty.test:443 after 1 attempt: ConnectionResetError: sent …"
    )
    assert isinstance(reset.original_cause, ConnectionResetError)
    refused = step([TransportFailure(ConnectionRefusedError("x"), maybe_received=False)] * 3).error
    assert str(refused) == (
        "wallet.credit: no connection to https://kraty.test:443 after 3 attempts: ConnectionRefusedError: x"
    )
    late = step([TransportFailure(TimeoutError(), maybe_received=True, timed_out=True)], retry=once, timeout=2.5).error
    assert type(late) is KratyTimeoutError
    assert isinstance(late.original_cause, TimeoutError)
    assert str(late) == (
        "wallet.credit: no answer in time after 1 attempt (timeout 2.5 s, deadline 60 s) from https://kraty.test:443"
    )
    assert (reset.request_id, reset.is_retryable) == (None, True)
    spoke = TransportFailure(TimeoutError("of prefix.secret"), maybe_received=True, timed_out=True)
    assert str(step([spoke], retry=once).error).endswith(" from https://kraty.test:443: of …")


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [("http://127.0.0.1", "http://127.0.0.1:80"), ("http://[::1]:8080/x", "http://[::1]:8080"),
     ("https://h.test:8443", "https://h.test:8443")],
)  # fmt: skip
def test_an_origin_has_its_port(base_url: str, origin: str) -> None:
    failure = TransportFailure(ConnectionResetError("x"), maybe_received=True, retryable=False)
    course = step([failure], base_url=base_url)
    assert f" {origin} " in str(course.error)
    assert (course.error.attempts, course.error.is_retryable) == (1, False)


def test_a_closed_client_made_no_attempt() -> None:
    closed = KratyClosedError("the client was closed before this call; make a new one")
    never = step([TransportFailure(closed, maybe_received=False, retryable=False)])
    assert never.error is closed
    assert (closed.attempts, closed.outcome, closed.operation) == (0, "not_applied", "wallet.credit")
    under_way = KratyClosedError("the client was closed while this call was under way; make a new one")
    step([TransportFailure(under_way, maybe_received=True, retryable=False)])
    assert (under_way.attempts, under_way.outcome) == (1, "unknown")


def test_what_is_no_failure_of_transport_goes_through_with_a_note() -> None:
    limit = ZeroDivisionError("a task queue's time limit")
    course = step([Answer(503, {}, b""), Interruption(limit)])
    assert course.error is limit
    assert limit.__notes__ == [
        "kraty-server: wallet.credit was under way, attempt 2, idempotency key minted: it may have taken effect"
    ]
    asleep = ZeroDivisionError("the same, between two attempts")
    refused = TransportFailure(ConnectionRefusedError("x"), maybe_received=False)
    assert step([refused], amid_sleep=Interruption(asleep)).error is asleep
    assert asleep.__notes__ == [
        "kraty-server: wallet.credit was under way, attempt 1, idempotency key minted: nothing took effect"
    ]


@pytest.mark.parametrize(
    ("reply", "effect"),
    [(Answer(200, {}, CREDITED), "it took effect"), (Answer(404, {}, refusal("not_found")), "nothing took effect")],
)
def test_what_a_hook_of_the_callers_lets_through_says_how_the_call_stood(reply: Answer, effect: str) -> None:
    limit = ZeroDivisionError("a task queue's time limit")
    assert step([reply], amid_report=Interruption(limit)).error is limit
    assert limit.__notes__ == [
        f"kraty-server: wallet.credit was under way, attempt 1, idempotency key minted: {effect}"
    ]


@pytest.mark.parametrize(
    ("reply", "trusted"),
    [(Answer(200, {}, CREDITED), True), (Answer(200, {}, b"<html>"), False), (Answer(200, {}, refusal("conflict")), False),
     (Answer(300, {}, b"<html>"), True), (Answer(404, {}, refusal("not_found")), True)],
)  # fmt: skip
def test_a_sender_keeps_a_connection_but_after_a_success_that_is_none_of_this_call(
    reply: Answer, trusted: bool
) -> None:
    verdicts: list[bool] = []
    course, plain = step([reply], judged=verdicts), step([reply])
    assert verdicts == [trusted]
    assert (course.result, str(course.error)) == (plain.result, str(plain.error))


def test_each_request_knows_which_attempt_it_is() -> None:
    course = step([Answer(503, {}, b""), Answer(429, {}, b""), Answer(200, {}, CREDITED)])
    assert [sent.attempt for sent in course.sent] == [1, 2, 3]


def test_retry_after_is_waited_for_and_known() -> None:
    course = step([Answer(429, {"retry-after": "7"}, refusal("rate_limited")), Answer(200, {}, CREDITED)])
    assert (course.slept, course.result.balance) == ([7.0], 5)
    error = step([Answer(429, {"retry-after": "61"}, refusal("rate_limited"))]).error
    assert isinstance(error, RateLimitedError)
    assert (error.retry_after, error.attempts) == (61.0, 1)
    at = "Fri, 15 Jan 2027 08:00:09 GMT"
    assert step([Answer(503, {"retry-after": at}, b""), Answer(200, {}, CREDITED)]).slept == [9.0]
    assert step([Answer(500, {"retry-after": "7"}, b"")], retry=RetryConfig(attempts=1)).error.retry_after is None


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"<html>", "response body was not valid JSON: <html> "), (b"", "response body was not valid JSON: it was empty "),
     (b"[]", "response body was not what wallet.credit answers ("),
     (b'{"data":{"economyKey":"silver","balance":1,"applied":true}}', "response body was not what wallet.credit answers")],
)  # fmt: skip
def test_a_success_that_is_not_kratys_leaves_it_open_and_shows_what_came(content: bytes, why: str) -> None:
    error = step([Answer(200, {"content-type": "text/html"}, content)]).error
    assert isinstance(error, KratyServerError)
    assert str(error).startswith(f"[200] internal_error: {why}")
    assert str(error).endswith(f"(POST {URL} answered with text/html)")
    assert (error.status, error.code, error.outcome, error.is_retryable) == (200, "internal_error", "unknown", False)


@pytest.mark.parametrize(("status", "outcome"), [(502, "unknown"), (403, "not_applied"), (200, "unknown")])
def test_a_page_is_quoted_whatever_its_encoding_and_says_whose_it_was(status: int, outcome: str) -> None:
    error = step([Answer(status, {"content-type": "text/html"}, b"caf\xe9")], retry=RetryConfig(attempts=1)).error
    told = f"non-2xx response without an error envelope (status={status})"
    why = "response body was not valid JSON" if status == 200 else told
    assert str(error) == f"[{status}] internal_error: {why}: caf\ufffd (POST {URL} answered with text/html)"
    assert error.outcome == outcome


def test_an_answer_that_is_longer_than_the_limit_says_where_it_came_from() -> None:
    error = step([Answer(200, {}, b"{", complete=False)]).error
    assert f": response body is longer than 1 bytes: {{ (POST {URL} answered with no content type)" in str(error)


@pytest.mark.parametrize("code", ["", 5, None])
def test_an_envelope_without_a_code_is_none_of_kratys(code: Any) -> None:
    error = step([Answer(404, {}, refusal(code))], players.get("p")).error
    assert str(error).startswith("[404] internal_error: non-2xx response without an error envelope")


def test_an_envelope_without_a_message_says_so() -> None:
    error = step([Answer(404, {}, b'{"error":{"code":"not_found"}}')], players.get("p")).error
    assert str(error) == "[404] not_found: status 404, without a message"


@pytest.mark.parametrize("beside", [{}, {"data": {}}, {"data": {"economyKey": "gold"}}])
@pytest.mark.parametrize("strict", [False, True])
def test_an_error_envelope_in_a_success_is_that_error(beside: dict[str, Any], strict: bool) -> None:
    content = json.dumps({**json.loads(refusal("conflict", "sent prefix.secret")), **beside}).encode()
    error = step([Answer(202, {}, content)], strict_responses=strict).error
    assert isinstance(error, ConflictError)
    assert (str(error), error.outcome, error.attempts) == ("[202] conflict: sent …", "unknown", 1)


def test_strict_responses_name_all_that_is_missing() -> None:
    error = step([Answer(200, {}, b'{"data":{"economyKey":"gold"}}')], strict_responses=True).error
    assert "response body lacks AdjustWalletResult.balance, AdjustWalletResult.applied: {" in str(error)
    assert error.outcome == "applied"


def test_an_answer_of_kratys_that_cannot_be_read_took_effect_all_the_same() -> None:
    content = b'{"data":{"player":5,"inventory":[],"wallet":[],"recentGrants":[]}}'
    error = step([Answer(200, {}, content)], players.get("p")).error
    assert "response body was not what players.get answers (ValueError: PlayerSnapshot.player: " in str(error)
    assert (error.outcome, error.attempts) == ("applied", 1)


def test_what_came_is_quoted_in_part_and_without_the_key() -> None:
    error = step([Answer(200, {}, b"prefix.secret" + b"x" * 500)]).error
    assert "prefix.secret" not in str(error)
    assert "…" + "x" * 199 + " (POST" in str(error)
    assert "answered with no content type" in str(error)
    long = step([Answer(200, {}, b"x" * 50, complete=False)]).error
    assert "response body is longer than 50 bytes" in str(long)
    assert long.outcome == "unknown"


def test_a_field_that_the_contract_promises_is_missed_once_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("kraty_server._flow._warned", set())
    half = Answer(200, {}, b'{"data":{"economyKey":"gold","applied":true}}')
    with caplog.at_level(logging.WARNING, "kraty_server"):
        courses = [step([half]), step([half])]
    assert [course.error for course in courses] == [None, None]
    (record,) = caplog.records
    assert record.getMessage().startswith("wallet.credit: the server did not send ")
    assert record.getMessage().endswith("balance, which the contract promises")


def test_retries_and_giving_up_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "kraty_server"):
        step([Answer(503, {"x-request-id": f"r{n}"}, refusal("internal_error", "busy")) for n in range(3)])
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"wallet.credit: attempt {attempt} failed, {then}; idempotency key minted, request id {request}: "
         "[503] internal_error: busy")
        for attempt, then, request in (
            (1, "trying again in 1.5 s", "r0"), (2, "trying again in 3 s", "r1"), (3, "giving up, unknown", "r2"))
    ]  # fmt: skip
    caplog.clear()
    step([Answer(409, {}, refusal("conflict"))])
    assert caplog.records == [], "an answer is no trouble"
    with caplog.at_level(logging.WARNING, "kraty_server"):
        step([Answer(503, {}, b""), Answer(409, {}, refusal("conflict"))])
        step([Answer(503, {}, refusal("internal_error", "busy"))], retry=RetryConfig(attempts=1))
    said = [record.getMessage().split(";")[0].partition(": ")[2] for record in caplog.records]
    assert said[0].startswith("attempt 1 failed, trying again")
    assert said[1:] == ["attempt 2 failed, giving up, unknown", "attempt 1 failed, giving up, unknown"]


def test_each_attempt_is_in_the_debug_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "kraty_server"):
        step([TransportFailure(OSError("x"), maybe_received=True), Answer(200, {}, CREDITED)], on_request=None)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.DEBUG] == [
        "wallet.credit attempt 1: KratyNetworkError in 250.0 ms", "wallet.credit attempt 2: 200 in 250.0 ms",
    ]  # fmt: skip


def test_an_error_that_was_raised_is_held_by_nobody_else() -> None:
    course = step([Answer(409, {}, refusal("conflict"))])
    frames: list[KratyError] = []
    traceback = course.error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_name == "flow":
            frames += [value for value in traceback.tb_frame.f_locals.values() if value is course.error]
        traceback = traceback.tb_next
    assert frames == []


DROP: Call[None] = Call("things.drop", "DELETE", "/things", "/things", type(None))


@pytest.mark.parametrize(("status", "content"), [(204, b""), (200, b""), (200, b'{"ok":true}')])
def test_an_answer_that_the_document_gives_no_content_is_none(status: int, content: bytes) -> None:
    course = step([Answer(status, {}, content)], DROP)
    assert (course.result, course.error) == (None, None)
    assert step([Answer(status, {}, content)], DROP.then(lambda nothing: [nothing])).result == [None]


@pytest.mark.parametrize(
    ("content", "told"), [(b"<html>", "response body was not valid JSON"), (refusal("conflict"), "[200] conflict: no")]
)
def test_a_page_or_an_error_is_no_answer_without_content(content: bytes, told: str) -> None:
    course = step([Answer(200, {}, content)], DROP)
    assert told in str(course.error)
    assert course.error.outcome == "unknown"


def test_headers_of_a_call_are_sent_with_it() -> None:
    course = step([Answer(204, {}, b"")], DROP._replace(headers={"X-Trace": "1"}))
    assert [send.headers for send in course.sent] == [{"X-Trace": "1"}]
