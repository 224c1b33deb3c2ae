"""The key of a client is in nothing that it shows, says, raises, logs or pickles, whatever goes wrong."""

from __future__ import annotations

import copy
import gc
import logging
import pickle
import re
import traceback
from collections.abc import Iterator
from types import FrameType, FunctionType, MethodType, ModuleType, TracebackType
from typing import Any

import httpx
import pytest

from kraty_server import AsyncKratyServer, KratyError, KratyNetworkError, KratyServer, RequestInfo, RetryConfig
from kraty_server._options import Secret
from tests.flavours import Flavour, both
from tests.servers.fault_proxy import FaultProxy
from tests.servers.raw import RawServer, Reply

SECRET = "neverSeenAnywhere8c1d"
KEY = f"sUUVdrM8.{SECRET}"
FAULTS = ["refuse", "silent", "reset_before", "reset_after", "cut", "garbage", "endless_header", "page_503", None]
REPLIES = [
    Reply(body=b'{"data":{"economyKey":"gold","balance":500,"applied":true}}'),
    Reply(401, b'{"error":{"code":"session_invalid","message":"revoked"}}'),
    Reply(500, b"<html>"),
    Reply(200, b"no json"),
]


def reachable(start: object) -> Iterator[object]:
    """Everything that an object holds on to, apart from code and from the clients' own secret."""
    seen: set[int] = set()
    todo: list[object] = [start]
    while todo:
        one = todo.pop()
        kinds = (type, ModuleType, FunctionType, MethodType, FrameType, TracebackType, Secret, logging.Logger)
        if id(one) in seen or isinstance(one, kinds):
            continue
        seen.add(id(one))
        yield one
        todo += gc.get_referents(one)


def assert_clean(where: str, value: object) -> None:
    shown = value if isinstance(value, str) else repr(value)
    assert SECRET not in shown, f"{where}: {shown[:300]}"


def frames(shown: traceback.TracebackException | None) -> Iterator[traceback.FrameSummary]:
    """Every frame but those of this test, which hold the key because they gave it."""
    if shown is not None:
        yield from (frame for frame in shown.stack if "/tests/" not in frame.filename)
        yield from frames(shown.__cause__)
        yield from frames(shown.__context__)


def credit(kraty: Any) -> Any:
    return kraty.wallet.credit("p", "gold", amount=500)


@both
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("reply", REPLIES, ids=lambda r: f"{r.status}-{len(r.body)}")
def test_no_error_log_traceback_telemetry_or_pickle_holds_the_key(
    fault: str | None, reply: Reply, flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    told: list[RequestInfo] = []

    def tell(info: RequestInfo) -> None:
        told.append(info)
        raise RuntimeError("a hook that fails, so that its traceback is logged")

    error: KratyError | None = None
    with RawServer([reply]) as upstream, FaultProxy(upstream.url, lambda n: fault) as proxy:
        try:
            flavour(
                credit,
                api_key=KEY,
                base_url=proxy.url,
                timeout=0.3 if fault in ("silent", "drip") else 15.0,
                retry=RetryConfig(attempts=2, initial_delay=0.001),
                on_request=tell,
            )
        except KratyError as caught:
            error = caught
    assert (error is None) == (fault is None and reply is REPLIES[0])
    for record in caplog.records:
        assert_clean("log", record.getMessage())
        assert_clean("log args", record.args)
        if record.exc_info:
            assert_clean("logged traceback", "".join(traceback.format_exception(*record.exc_info)))
    for info in told:
        assert_clean("telemetry", info)
        assert_clean("telemetry", pickle.dumps(info))
    if error is not None:
        assert_clean("str", str(error))
        assert_clean("repr", error)
        for frame in frames(traceback.TracebackException.from_exception(error, capture_locals=True)):
            assert_clean("traceback with locals", f"{frame.filename} {frame.name} {frame.locals}")
        assert_clean("pickle", pickle.dumps(error))
        for one in reachable(error):
            if isinstance(one, str | bytes):
                assert_clean("held by the error", one)
        if isinstance(cause := getattr(error, "original_cause", None), httpx.RequestError):
            assert_clean("headers", cause.request.headers.multi_items())


@pytest.mark.parametrize("make", [KratyServer, AsyncKratyServer])
def test_no_object_of_ours_shows_the_key(make: Any) -> None:
    kraty = make(api_key=KEY, base_url="https://kraty.example", on_request=print)
    with_headers = kraty.with_options(headers={"X-Trace": "t"}, timeout=1.0)
    for client in (kraty, with_headers, copy.copy(kraty)):
        for one in reachable(client):
            if type(one).__module__.startswith("kraty_server"):
                assert_clean(type(one).__name__, one)
                assert_clean(type(one).__name__, str(one))
                assert_clean(type(one).__name__, f"{one!a}")


def test_a_secret_is_not_pickled_nor_shown() -> None:
    secret = Secret(SECRET)
    assert_clean("repr", secret)
    assert_clean("format", f"{secret} {secret!s} {secret!r}")
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret)


@pytest.mark.parametrize(
    "key", [f" {SECRET}", f"{SECRET}\n", f"a {SECRET}", f"{SECRET}é", f"\x00{SECRET}", "", 5, b"x"]
)
@pytest.mark.parametrize("make", [KratyServer, AsyncKratyServer])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(make: Any, key: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="^api_key: ") as refused:
        make(api_key=key)
    assert_clean("refusal", str(refused.value))
    assert_clean("context", refused.value.__context__)


def test_credentials_in_a_base_url_are_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="credentials") as refused:
        KratyServer(api_key=KEY, base_url=f"https://user:{SECRET}@kraty.example")
    assert_clean("refusal", str(refused.value))


@both
def test_the_log_tells_operation_attempt_status_and_duration_and_never_bodies(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "kraty_server")
    with RawServer([Reply(503, b"{}"), REPLIES[0]]) as server:
        flavour(
            lambda kraty: kraty.wallet.credit("p", "gold", amount=512, reason="iapReason", idempotency_key="receipt"),
            api_key=KEY,
            base_url=server.url,
            retry=RetryConfig(initial_delay=0.001),
        )
    lines = [record.getMessage() for record in caplog.records if record.name == "kraty_server"]
    assert [line.partition(" in ")[0] for line in lines] == [
        "wallet.credit attempt 1: 503",
        "wallet.credit: attempt 1 failed, trying again",
        "wallet.credit attempt 2: 200",
    ]
    assert all(line.endswith(" ms") for line in (lines[0], lines[2]))
    said = " ".join(re.sub(r" in [\d.]+ m?s\b", "", line) for line in lines)
    assert not any(secret in said for secret in ("512", "iapReason", "500"))


def test_the_request_of_an_answer_that_a_cause_holds_is_taken_out_of_it() -> None:
    def hook(response: httpx.Response) -> None:
        try:
            response.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise httpx.ReadError("a hook that says it in its own words") from error

    given = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(503)), event_hooks={"response": [hook]})
    kraty = KratyServer(api_key=KEY, base_url="http://127.0.0.1:9", http_client=given, retry=RetryConfig(attempts=1))
    with pytest.raises(KratyNetworkError) as raised:
        credit(kraty)
    for one in reachable(raised.value.original_cause):
        if isinstance(one, str | bytes):
            assert_clean("held by the cause", one)
    assert_clean("pickle", pickle.dumps(raised.value))
