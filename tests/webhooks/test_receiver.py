"""A delivery is verified, read, handled once and answered, and a mistake is told where it is made: both flavours."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import pickle
import re
import traceback
from collections import UserDict
from collections.abc import Callable
from email.message import Message
from functools import wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kraty_server import KratyError
from kraty_server.testing import sign
from kraty_server.webhooks import (
    EVENTS,
    AsyncWebhooks,
    DeliveryInfo,
    WalletChanged,
    WebhookError,
    WebhookEvent,
    Webhooks,
    read_event,
    receiver,
    signature,
)

SECRET = "whsec_test_12345"
FLAVOURS = [Webhooks, AsyncWebhooks]


def body_of(event: str = "wallet.changed", id: str = "evt_1", **more: Any) -> bytes:
    whole: dict[str, Any] = {"id": id, "eventName": event, "studioId": "stu_1", "gameId": "game_1"}
    whole |= {"occurredAt": "2026-11-26T09:00:00.000Z", "deliveryAttempt": 1, "data": {"delta": 5}, **more}
    return json.dumps(whole).encode()


BODY = body_of()


def headers_of(body: bytes = BODY, secret: str = SECRET, at: int | None = None) -> dict[str, str]:
    return {"Content-Type": "application/json", "X-Signature": sign(body, secret, at)}


def done(result: Any) -> Any:
    """What a call of either flavour gives."""
    return asyncio.run(result) if inspect.iscoroutine(result) else result


def function(kind: Any, effect: Callable[..., Any]) -> Callable[..., Any]:
    """A handler, a `once` or a hook for a flavour."""

    def plain(*given: Any) -> Any:
        return effect(*given)

    async def awaited(*given: Any) -> Any:
        return effect(*given)

    return plain if kind is Webhooks else awaited


@pytest.mark.parametrize("kind", FLAVOURS)
def test_a_delivery_is_handed_to_the_handler_of_its_event_and_answered_204(kind: Any) -> None:
    seen: list[Any] = []
    kraty = kind(SECRET)
    kraty.on(WalletChanged)(function(kind, lambda event: seen.append(("wallet", event.data.delta))))
    kraty.on("season.ended")(function(kind, lambda event: seen.append(("season", event.data))))
    kraty.on(WebhookEvent)(function(kind, lambda event: seen.append(("rest", event.event_name))))
    for name in ("wallet.changed", "season.ended", "lobby.closed", "never.heard"):
        body = body_of(name)
        assert done(kraty.handle(body, headers_of(body))) == 204
    assert seen == [("wallet", 5), ("season", {"delta": 5}), ("rest", "lobby.closed"), ("rest", "never.heard")]


@pytest.mark.parametrize("kind", FLAVOURS)
def test_dispatch_says_what_became_of_an_event(kind: Any) -> None:
    marks: set[str] = set()

    def first(event: WebhookEvent) -> bool:
        return event.id not in marks and not marks.add(event.id)  # type: ignore[func-returns-value]  # it adds

    async def once_async(event: WebhookEvent, handle: Any) -> bool:
        return bool(first(event)) and await handle("connection") is None

    def once(event: WebhookEvent, handle: Any) -> bool:
        return bool(first(event)) and handle("connection") is None

    seen: list[Any] = []
    kraty = kind(SECRET, once=once if kind is Webhooks else once_async)
    kraty.on("wallet.changed")(function(kind, lambda event, connection: seen.append((event.id, connection))))
    event = kraty.read(BODY, headers_of())
    assert [done(kraty.dispatch(event)) for _ in range(3)] == ["handled", "duplicate", "duplicate"]
    other = body_of("lobby.closed")
    assert done(kraty.dispatch(kraty.read(other, headers_of(other)))) == "unhandled"
    assert seen == [("evt_1", "connection")]
    assert done(kraty.dispatch(read_event({}))) == "unhandled"  # without a name there is no handler


@pytest.mark.parametrize("kind", FLAVOURS)
@pytest.mark.parametrize("once_answers", [None, 1, "yes"])
def test_a_once_that_does_not_say_whether_it_was_first_is_an_error_and_no_duplicate(
    kind: Any, once_answers: Any
) -> None:
    kraty = kind(SECRET, once=function(kind, lambda event, handle: once_answers))
    kraty.on(WebhookEvent)(function(kind, lambda event: None))
    message = f"^once: it must return whether the event was first, True or False, got {type(once_answers).__name__}$"
    with pytest.raises(TypeError, match=message):
        done(kraty.handle(BODY, headers_of()))


@pytest.mark.parametrize("kind", FLAVOURS)
@pytest.mark.parametrize("error", [ValueError("x"), KratyError("x"), WebhookError("too_old"), KeyboardInterrupt()])
def test_what_a_handler_raises_goes_through_so_that_the_event_comes_again(kind: Any, error: BaseException) -> None:
    def fail(event: WebhookEvent) -> None:
        raise error

    told: list[DeliveryInfo] = []
    kraty = kind(SECRET, on_delivery=told.append)
    kraty.on(WalletChanged)(function(kind, fail))
    with pytest.raises(type(error)) as raised:
        done(kraty.handle(BODY, headers_of()))
    assert raised.value is error
    (info,) = told
    assert (info.result, info.reason, info.error is error) == ("failed", None, True)
    assert info.event is not None
    assert info.event.id == "evt_1"


REFUSALS: list[tuple[str, int, Any, Any]] = [
    ("signature_missing", 401, BODY, {}),
    ("signature_malformed", 401, BODY, {"X-Signature": "nonsense"}),
    ("signature_mismatch", 401, BODY + b" ", headers_of()),
    ("signature_mismatch", 401, BODY, headers_of(secret="other")),
    ("too_old", 401, BODY, headers_of(at=1_700_000_000)),
    ("in_the_future", 401, BODY, headers_of(at=9_700_000_000)),
    ("body_empty", 401, b"", headers_of()),
    ("body_not_bytes", 401, None, headers_of()),
    *(("body_unreadable", 400, body, None) for body in (
        b"", b"nonsense", b"[]", b"5", b"null", b"{}", b"\xff", b'{"eventName": 5}', b'{"eventName": null}', b"[" * 9**5,
        b'{"kind": "grant.created"}', BODY + b"{}", BODY + b"x", body_of(occurredAt="yesterday"), body_of(eventName=["wallet.changed"]),
    )),
]  # fmt: skip


@pytest.mark.parametrize("kind", FLAVOURS)
@pytest.mark.parametrize(
    ("reason", "status", "body", "headers"), REFUSALS, ids=[f"{r[0]}-{n}" for n, r in enumerate(REFUSALS)]
)
def test_a_refusal_has_a_reason_a_status_and_a_line_in_the_log_without_body_or_secret(
    kind: Any, reason: str, status: int, body: Any, headers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[DeliveryInfo] = []
    headers = headers_of(body) if headers is None else headers  # made now: it is good for 300 s
    kraty = kind(SECRET, on_delivery=told.append)
    kraty.on(WebhookEvent)(function(kind, lambda event: pytest.fail("it was handled")))
    with pytest.raises(WebhookError) as refused:
        kraty.read(body, headers)
    assert (refused.value.reason, refused.value.status, refused.value.outcome) == (reason, status, "not_applied")
    caplog.clear()
    assert done(kraty.handle(body, headers)) == status
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("kraty_server", logging.WARNING)
    assert (
        record.getMessage()
        == f"a webhook was refused with {status}: {reason}: {receiver.REFUSALS[refused.value.reason].cause}"
    )
    assert SECRET not in record.getMessage()
    assert "evt_1" not in record.getMessage()
    (info,) = told
    assert (info.event, info.result, info.reason, str(info.error)) == (None, "refused", reason, str(refused.value))


def test_every_reason_has_its_cause() -> None:
    assert receiver.REFUSALS.keys() == {reason for reason, *_ in REFUSALS}
    source = inspect.getsource(signature)
    assert all(f'"{reason}"' in source for reason in receiver.REFUSALS)


@pytest.mark.parametrize(
    ("body", "why"),
    [(b'{"eventName": null}', "its name is no text"), (b"{}", "'eventName'"), (b"[]", "expected an object, got list")],
)
def test_a_body_that_is_no_event_is_refused_with_what_is_wrong(body: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=f"^no event: .*{why}"):
        receiver.decode_event(body)


DECISIONS = {
    "signature_missing": "fix",
    "signature_malformed": "fix",
    "signature_mismatch": "fix",
    "too_old": "refuse",  # it only gets older
    "in_the_future": "fix",
    "body_empty": "fix",
    "body_not_bytes": "fix",
    "body_unreadable": "refuse",  # it is signed, so nothing here changed it
}


@pytest.mark.parametrize("reason", get_args(signature.Reason))
def test_a_worker_is_told_by_the_reason_what_to_do(reason: Any) -> None:
    error = WebhookError(reason)
    assert error.args == (reason,)
    assert error.decision == pickle.loads(pickle.dumps(error)).decision == DECISIONS[reason]


def test_the_page_lists_every_reason_with_its_status_and_decision() -> None:
    page = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text("utf-8")
    listed = re.findall(r"^\| `(\w+)` \| (\d+) \| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted({(reason, str(status), DECISIONS[reason]) for reason, status, *_ in REFUSALS})


@pytest.mark.parametrize("kind", FLAVOURS)
@pytest.mark.parametrize("body", [BODY + b"\n", b" \r\n" + BODY, b"\t" + BODY + b"  "])
def test_white_space_around_the_json_is_read_over(kind: Any, body: bytes) -> None:
    assert kind(SECRET).read(body, headers_of(body)).id == "evt_1"


@pytest.mark.parametrize("kind", FLAVOURS)
@pytest.mark.parametrize("body", [{}, {"id": "evt_1"}, []])
def test_a_parsed_body_is_a_mistake_of_the_developer_and_no_401(kind: Any, body: Any) -> None:
    with pytest.raises(TypeError, match="it was parsed before"):
        done(kind(SECRET).handle(body, headers_of()))


class Cased(UserDict[str, str]):
    """Headers that find a name in any case, and list both values, as Starlette's and multidict's do."""

    def items(self) -> Any:
        return [*self.data.items(), *self.data.items()]


def message(*values: str) -> Message:
    made = Message()
    for value in values:
        made["X-SIGNATURE"] = value
    return made


Forms = dict[str, Callable[[str], Any]]
ONE: Forms = {
    "lower case": lambda s: {"x-signature": s},
    "upper case": lambda s: {"X-SIGNATURE": s, "X-Other": "1"},
    "multiValueHeaders of an ALB": lambda s: {"X-Signature": [s]},
    "None beside": lambda s: {"X-Signature": None, "x-signature": s},
    "bytes": lambda s: {b"X-Signature": s.encode()},
    "ASGI": lambda s: [(b"host", b"x"), (b"x-signature", s.encode())],
    "pairs": lambda s: [("Host", "x"), ("X-Signature", s)],
    "iterator": lambda s: iter([("X-Signature", s)]),
    "http.server": lambda s: message(s),
}
TWO: Forms = {
    "in two cases": lambda s: {"X-Signature": s, "x-signature": s},
    "lists in two cases": lambda s: {"X-Signature": [s], "x-signature": [s]},
    "multiValueHeaders of an ALB": lambda s: {"X-Signature": [s, s]},
    "ASGI": lambda s: [(b"x-signature", s.encode()), (b"X-Signature", b"t=1,v1=2")],
    "http.server": lambda s: message(s, s),
    "Starlette": lambda s: Cased({"X-Signature": s}),
}


@pytest.mark.parametrize("form", ONE)
def test_headers_are_taken_as_any_framework_has_them(form: str) -> None:
    assert Webhooks(SECRET).read(BODY, ONE[form](headers_of()["X-Signature"])).id == "evt_1"


@pytest.mark.parametrize("form", TWO)
def test_two_signature_headers_are_refused(form: str) -> None:
    with pytest.raises(WebhookError, match="^signature_malformed"):
        Webhooks(SECRET).read(BODY, TWO[form](headers_of()["X-Signature"]))


@pytest.mark.parametrize("headers", ["t=1,v1=2", b"t=1,v1=2", None])
def test_the_signature_alone_is_no_headers(headers: Any) -> None:
    with pytest.raises(TypeError, match=f"^headers: all of them are needed.*, got {type(headers).__name__}$"):
        Webhooks(SECRET).read(BODY, headers)


@given(
    st.binary() | st.text() | st.none(),
    st.dictionaries(st.text(), st.text()) | st.lists(st.tuples(st.binary(), st.binary())),
)
def test_what_a_stranger_sends_is_answered_401(body: Any, headers: Any) -> None:
    assert Webhooks(SECRET).handle(body, headers) == 401


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_is_signed_is_an_event_or_answered_400(value: Any) -> None:
    for whole in (value, {"eventName": value}, {"eventName": "wallet.changed", "data": value}):
        body = json.dumps(whole).encode()
        assert Webhooks(SECRET).handle(body, headers_of(body)) in (204, 400)
    assert Webhooks(SECRET).handle(body, headers_of(body)) == 204


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
white_space = st.text(" \t\r\n", max_size=3)


@given(
    st.sampled_from([*EVENTS, "season.ended"]) | st.text(),
    json_values,
    st.dictionaries(st.text(), json_values, max_size=2),
    white_space,
    white_space,
    st.sampled_from([bytes, bytearray, memoryview, lambda body: body.decode()]),
)
def test_an_event_is_read_with_all_that_is_in_it(
    name: str, data: Any, more: dict[str, Any], before: str, after: str, form: Callable[[bytes], Any]
) -> None:
    """Events, fields and data that nobody knows yet, null among them; however the JSON stands there."""
    whole = {**more, **json.loads(body_of(name)), "data": data}
    body = f"{before}{json.dumps(whole)}{after}".encode()
    assert Webhooks(SECRET).read(form(body), headers_of(body)).to_dict() == whole


not_json = json_values.map(lambda value: (json.dumps(value) + "x").encode())
not_an_object = json_values.filter(lambda value: not isinstance(value, dict)).map(
    lambda value: json.dumps(value).encode()
)


@given(st.binary() | not_json | not_an_object)
def test_signed_bytes_that_hold_no_object_are_answered_400(body: bytes) -> None:
    assert Webhooks(SECRET).handle(body, headers_of(body)) == 400


def test_several_secrets_and_the_one_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Webhooks(["old", SECRET]).handle(BODY, headers_of()) == 204
    assert Webhooks(["old", "new"]).handle(BODY, headers_of()) == 401
    monkeypatch.setenv("KRATY_WEBHOOK_SECRET", SECRET)
    assert Webhooks().handle(BODY, headers_of()) == 204
    assert asyncio.run(AsyncWebhooks().handle(BODY, headers_of())) == 204
    monkeypatch.delenv("KRATY_WEBHOOK_SECRET")
    with pytest.raises(ValueError, match="^secret: give the endpoint's, or set KRATY_WEBHOOK_SECRET$"):
        Webhooks()


@pytest.mark.parametrize("kind", FLAVOURS)
@pytest.mark.parametrize("secret", ["whsec_plain\n", ["whsec_plain", "whsec_plain "], "whsec_\ud800plain"])
def test_a_secret_that_is_none_is_refused_and_in_no_frame_of_ours(kind: Any, secret: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="^secret: ") as refused:
        kind(secret)
    frames = [frame for frame, _ in traceback.walk_tb(refused.tb) if frame.f_code.co_filename != __file__]
    assert frames
    assert not any("plain" in ascii(frame.f_locals) for frame in frames)
    assert "plain" not in repr(kind("whsec_plain"))


@pytest.mark.parametrize("tolerance", [-1, float("nan")])
def test_a_tolerance_is_a_number_of_seconds(tolerance: float) -> None:
    with pytest.raises(ValueError, match="^tolerance_seconds must be 0 or more$"):
        Webhooks(SECRET, tolerance_seconds=tolerance)
    assert Webhooks(SECRET, tolerance_seconds=0).handle(BODY, headers_of(at=1)) == 401


@pytest.mark.parametrize("event", [WalletChanged, WebhookEvent, "wallet.changed", "season.ended"])
def test_a_second_handler_for_an_event_is_an_error(event: Any) -> None:
    kraty: Any = Webhooks(SECRET)
    kraty.on(event)(print)
    named = "every other event" if event is WebhookEvent else "(wallet.changed|season.ended)"
    with pytest.raises(ValueError, match=f"^{named}: it has a handler"):
        kraty.on(event)(print)
    same = Webhooks(SECRET)
    same.on("wallet.changed")(print)
    with pytest.raises(ValueError, match=r"^wallet\.changed: it has a handler"):
        same.on(WalletChanged)(print)


@pytest.mark.parametrize("event", ["", dict, type("Mine", (WalletChanged,), {}), None, WalletChanged.from_dict({})])
def test_what_is_no_event_gets_no_handler(event: Any) -> None:
    kraty: Any = Webhooks(SECRET)
    with pytest.raises((ValueError, TypeError), match="on: an event's class or its name is needed|unhashable type"):
        kraty.on(event)(print)


def test_functions_that_nobody_would_await_are_refused() -> None:
    async def awaited(*given: Any) -> Any: ...

    class Callable_:
        async def __call__(self, *given: Any) -> Any: ...

    for one in (awaited, Callable_()):
        makers: list[Any] = [
            Webhooks(SECRET).on(WalletChanged),
            lambda f: Webhooks(SECRET, once=f),
            lambda f: Webhooks(SECRET, on_delivery=f),
        ]
        for make in makers:
            with pytest.raises(
                TypeError, match="^(handler|once|on_delivery): an `async def` function would never run here"
            ):
                make(one)
    wrongs: list[Any] = [AsyncWebhooks(SECRET).on(WalletChanged), lambda f: AsyncWebhooks(SECRET, once=f)]
    for wrong in wrongs:
        with pytest.raises(TypeError, match="^(handler|once): AsyncWebhooks awaits it; use `async def`"):
            wrong(print)
    with pytest.raises(TypeError, match="^once: a function is needed, got int$"):
        Webhooks(SECRET, once=5)  # type: ignore[call-overload]  # the mistake

    @wraps(awaited)
    def decorated(*given: Any) -> Any:
        return awaited(*given)

    AsyncWebhooks(SECRET, once=decorated).on(WalletChanged)(decorated)

    @wraps(print)
    async def around(*given: Any) -> Any: ...

    AsyncWebhooks(SECRET, once=around).on(WalletChanged)(around)


@pytest.mark.parametrize("once", [None, lambda event, handle: handle() is None])
def test_a_coroutine_that_nobody_awaits_does_not_pass_for_an_event_that_was_handled(once: Any) -> None:
    async def awaited(event: WebhookEvent) -> None: ...

    made: list[Any] = []

    def handler(event: WebhookEvent) -> Any:
        made.append(awaited(event))
        return made[-1]

    kraty: Any = Webhooks(SECRET, once=once)
    kraty.on(WalletChanged)(handler)
    with pytest.raises(TypeError, match="returned coroutine, which nobody awaits; use AsyncWebhooks$"):
        kraty.handle(BODY, headers_of())
    made[0].close()


@pytest.mark.parametrize("kind", FLAVOURS)
def test_what_a_handler_returns_is_its_own_affair(kind: Any) -> None:
    kraty = kind(SECRET)
    kraty.on(WalletChanged)(function(kind, lambda event: "anything"))
    assert done(kraty.handle(BODY, headers_of())) == 204


@pytest.mark.parametrize("kind", FLAVOURS)
def test_time_is_that_of_the_clock_and_a_signature_is_good_for_five_minutes(
    kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, ticks, told = 1_800_000_000, iter(range(100)), list[DeliveryInfo]()
    monkeypatch.setattr(receiver, "time", SimpleNamespace(time=lambda: now, perf_counter=lambda: next(ticks) * 0.25))
    kraty = kind(SECRET, on_delivery=told.append)
    for age, status in ((300, 204), (301, 401), (-60, 204), (-61, 401)):
        assert done(kraty.handle(BODY, headers_of(at=now - age))) == status
    kraty.on(WalletChanged)(function(kind, lambda event: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        done(kraty.handle(BODY, headers_of(at=now)))
    assert [info.result for info in told] == ["unhandled", "refused", "unhandled", "refused", "failed"]
    assert {info.duration_ms for info in told} == {250.0}


def test_a_reason_that_a_later_version_gave_is_shown() -> None:
    later: Any = "body_frozen"
    error = WebhookError(later)
    assert (str(error), error.status, error.decision) == ("body_frozen: ", 401, "fix")


@pytest.mark.parametrize("kind", FLAVOURS)
def test_the_hook_gets_what_became_of_a_delivery_and_breaks_none(kind: Any, caplog: pytest.LogCaptureFixture) -> None:
    told: list[DeliveryInfo] = []

    def hook(info: DeliveryInfo) -> None:
        told.append(info)
        raise RuntimeError("broken hook")

    kraty = kind(SECRET, on_delivery=function(kind, hook))
    kraty.on(WalletChanged)(function(kind, lambda event: None))
    assert done(kraty.handle(BODY, headers_of())) == 204
    unknown = body_of("season.ended")
    assert done(kraty.handle(unknown, headers_of(unknown))) == 204
    assert [(info.result, info.reason, info.error) for info in told] == [
        ("handled", None, None),
        ("unhandled", None, None),
    ]
    assert told[0].event is not None
    assert told[0].event.id == "evt_1"
    assert told[0].duration_ms >= 0
    assert [record.getMessage() for record in caplog.records] == ["on_delivery raised; the answer stays what it is"] * 2


def test_a_plain_hook_will_do_for_the_async_flavour() -> None:
    told: list[DeliveryInfo] = []
    kraty = AsyncWebhooks(SECRET, on_delivery=told.append)
    assert asyncio.run(kraty.handle(BODY, headers_of())) == 204
    assert [info.result for info in told] == ["unhandled"]


def test_both_flavours_are_alike() -> None:
    for name in ("__init__", "on", "read", "dispatch", "handle"):
        plain, awaited = getattr(Webhooks, name), getattr(AsyncWebhooks, name)
        assert list(inspect.signature(plain).parameters) == list(inspect.signature(awaited).parameters)
    assert get_args(Webhooks.__orig_bases__[1]) == get_args(AsyncWebhooks.__orig_bases__[1])  # type: ignore[attr-defined]
