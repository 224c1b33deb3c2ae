"""Edges of the HTTP core: odd ports, time-outs of the system, hooks that call or close, keys cut by a quote, forks."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import httpcore
import httpx
import pytest
import socksio

from kraty_server import (
    AsyncKratyServer,
    KratyClosedError,
    KratyError,
    KratyNetworkError,
    KratyServer,
    RequestInfo,
    RetryConfig,
)
from kraty_server._clock import SystemClock
from kraty_server._http import connections
from kraty_server._http.deadline import Deadline, DeadlineBackend, DeadlineStream
from tests.servers.echo import EchoServer

KEY = "prefix.verysecretkeyofthisgame"
OPTIONS: dict[str, Any] = {"api_key": KEY, "base_url": "http://127.0.0.1:9"}


def answering(*statuses: int) -> httpx.MockTransport:
    left = list(statuses)
    return httpx.MockTransport(lambda _: httpx.Response(left.pop(0)))


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("https://kraty.test:443", "/server/v1/health"),
        ("http://127.0.0.1:80", "/server/v1/health"),
        ("https://kraty.test:", "/server/v1/health"),
        ("https://kraty.test:08443", "/server/v1/health"),
        ("https://[::1]:443/proxy", "/proxy/server/v1/health"),
    ],
)
def test_a_usual_port_in_the_base_url_does_not_end_up_in_the_path(base_url: str, path: str) -> None:
    paths: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.raw_path.decode())
        return httpx.Response(200, json={})

    with KratyServer(api_key=KEY, base_url=base_url, transport=httpx.MockTransport(handle)) as kraty:
        kraty.request("GET", "/server/v1/health")
    assert paths == [path]


class TimedOutByTheSystem(httpcore.NetworkStream):
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        raise httpcore.ReadTimeout("timed out") from TimeoutError(errno.ETIMEDOUT, "Connection timed out")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        pass

    def close(self) -> None:
        pass

    def get_extra_info(self, info: str) -> Any:
        return None


class Backend(httpcore.NetworkBackend):
    def connect_tcp(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        return TimedOutByTheSystem()


def test_a_timeout_of_the_system_is_a_failure_of_transport_and_no_signals() -> None:
    transport: Any = httpx.HTTPTransport()
    transport._pool._network_backend = Backend()
    kraty = KratyServer(**OPTIONS, transport=transport, retry=RetryConfig(attempts=2, initial_delay=0))
    with pytest.raises(KratyNetworkError) as raised:
        kraty.wallet.credit("p", "gold", amount=1)
    assert (raised.value.attempts, raised.value.outcome) == (2, "unknown")


@pytest.mark.parametrize("position", range(150, 210))
def test_a_key_that_is_cut_by_the_end_of_a_quote_is_not_shown(position: int) -> None:
    body = b"x" * position + KEY.encode() + b"y" * 300
    kraty = KratyServer(**OPTIONS, transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body)))
    with pytest.raises(KratyError) as raised:
        kraty.wallet.credit("p", "gold", amount=1)
    assert "xpref" not in str(raised.value)
    assert KEY[:3] not in str(raised.value)


def test_a_hook_that_closes_the_client_ends_the_call_without_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(SystemClock, "sleep", lambda self, seconds, closing: waits.append(seconds))
    kraty = KratyServer(**OPTIONS, transport=answering(503), on_request=lambda _: kraty.close())
    with pytest.raises(KratyClosedError, match="the client was closed") as raised:
        kraty.wallet.credit("p", "gold", amount=1)
    assert (raised.value.operation, raised.value.attempts, waits) == ("wallet.credit", 1, [])


def test_a_hook_that_closes_the_async_client_ends_the_call_without_a_wait() -> None:
    async def main() -> None:
        patient = RetryConfig(initial_delay=30, max_delay=30)
        kraty = AsyncKratyServer(
            **OPTIONS, transport=answering(503), on_request=lambda _: kraty.aclose(), retry=patient
        )
        with pytest.raises(KratyClosedError, match="the client was closed") as raised:
            async with asyncio.timeout(10):
                await kraty.wallet.credit("p", "gold", amount=1)
        assert (raised.value.operation, raised.value.attempts) == ("wallet.credit", 1)

    asyncio.run(main())


@pytest.mark.parametrize("inner", ["closed", "refused"])
def test_an_error_of_a_call_in_a_hook_says_nothing_of_the_call_it_was_made_in(inner: str) -> None:
    other = KratyServer(**OPTIONS, transport=answering(400))
    if inner == "closed":
        other.close()

    def hook(_: httpx.Response) -> None:
        other.wallet.credit("q", "gold", amount=2)

    client = httpx.Client(transport=answering(200), event_hooks={"response": [hook]})
    kraty = KratyServer(**OPTIONS, http_client=client)
    with pytest.raises(KratyError) as raised:
        kraty.wallet.debit("p", "gold", amount=1)
    assert raised.value.operation == "wallet.credit"
    note = raised.value.__notes__[-1]
    assert "wallet.debit was under way" in note
    assert "it may have taken effect" in note


class Unchangeable(Exception):
    @property
    def request(self) -> None:
        return None


def test_an_error_whose_request_cannot_be_set_is_no_obstacle() -> None:
    def handle(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("lost") from Unchangeable()

    kraty = KratyServer(**OPTIONS, transport=httpx.MockTransport(handle), retry=RetryConfig(attempts=1))
    with pytest.raises(KratyNetworkError, match="lost"):
        kraty.wallet.credit("p", "gold", amount=1)


def test_headers_of_the_caller_replace_ours_instead_of_standing_beside_them() -> None:
    agents: list[list[str]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        agents.append(request.headers.get_list("user-agent"))
        return httpx.Response(200, json={})

    kraty = KratyServer(**OPTIONS, transport=httpx.MockTransport(handle))
    kraty.with_options(headers={"User-agent": "game/1"}).request("GET", "/server/v1/health")
    assert agents == [["game/1"]]


@pytest.mark.parametrize("name", ["Accept-Encoding", "Transfer-Encoding"])
def test_headers_that_decide_about_bodies_are_ours(name: str) -> None:
    with pytest.raises(ValueError, match="is set by the SDK"):
        KratyServer(**OPTIONS).with_options(headers={name: "br"})


def test_the_password_of_a_proxy_that_cannot_be_is_in_no_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://user:verysecret@999.1.1.1:3128")
    with pytest.raises(ValueError, match="a proxy that cannot be") as raised:
        KratyServer(api_key=KEY, base_url="https://kraty.test")
    told = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=True).format())
    assert "verysecret" not in told.replace('http://user:verysecret@999.1.1.1:3128")', "")


def test_a_client_with_a_mock_in_it_hides_nothing(caplog: pytest.LogCaptureFixture) -> None:
    from kraty_server._http.private import _missing

    _missing.cache_clear()
    with caplog.at_level(logging.WARNING, "kraty_server"):
        KratyServer(**OPTIONS, http_client=httpx.Client(transport=answering()))
    assert not caplog.records


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("transport", ["httpx", "aiohttp", "fast"])
def test_a_child_takes_no_connection_from_its_parents_event_loop(transport: Any) -> None:
    pytest.importorskip({"fast": "httptools"}.get(transport, transport))

    async def main() -> None:
        options: dict[str, Any] = {"api_key": KEY, "base_url": server.url, "transport": transport}
        async with AsyncKratyServer(**options, timeout=10, retry=RetryConfig(attempts=1)) as kraty:
            await kraty.wallet.credit("p", "gold", amount=1)
            if (child := os.fork()) == 0:
                status = 1
                try:
                    asyncio.events._set_running_loop(None)
                    asyncio.run(kraty.wallet.credit("p", "gold", amount=2))
                    status = 0
                finally:
                    os._exit(status)
            assert os.waitpid(child, 0)[1] == 0
            assert (await kraty.wallet.credit("p", "gold", amount=3)).balance == 3

    with EchoServer() as server:
        asyncio.run(main())


def test_a_file_that_a_hook_does_not_find_is_no_failure_of_transport() -> None:
    def hook(request: httpx.Request) -> None:
        open("/no/such/file").close()

    given = httpx.Client(transport=answering(200), event_hooks={"request": [hook]})
    with given, pytest.raises(FileNotFoundError) as missing:
        KratyServer(http_client=given, **OPTIONS).health.ping()
    assert "health.ping was under way, attempt 1" in missing.value.__notes__[0]


def test_a_call_that_waits_for_its_next_attempt_says_so_when_the_client_is_closed() -> None:
    """Not "before this call": the first attempt may have taken effect."""
    kraty = KratyServer(
        **OPTIONS, transport=answering(503), on_request=lambda _: kraty.close(), retry=RetryConfig(initial_delay=0.1)
    )
    with pytest.raises(KratyClosedError, match="while this call waited for attempt 2") as raised:
        kraty.wallet.credit("p", "gold", amount=1)
    assert (raised.value.attempts, raised.value.outcome) == (1, "unknown")
    with pytest.raises(KratyClosedError, match="before this call") as refused:
        kraty.wallet.credit("p", "gold", amount=1)
    assert (refused.value.attempts, refused.value.outcome) == (0, "not_applied")


class TimeLimit(Exception):
    """As Celery's and RQ's: an Exception that the handler of a signal raises."""


class Handler:
    def method(self, *_: object) -> None:
        raise TimeLimit

    __call__ = method


def function(*_: object) -> None:
    raise TimeLimit


@pytest.mark.parametrize("handler", [function, Handler().method, Handler()], ids=["function", "method", "object"])
@pytest.mark.parametrize("flavour", ["blocking", "plain", "awaited"])
def test_a_time_limit_within_a_hook_ends_the_call(
    flavour: str, handler: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    def hook(_: object) -> None:
        signal.raise_signal(signal.SIGUSR1)

    async def awaited(_: object) -> None:
        await asyncio.sleep(0)
        hook(_)

    async def main() -> None:
        async with AsyncKratyServer(
            **OPTIONS, transport=answering(409), on_request=awaited if flavour == "awaited" else hook
        ) as kraty:
            await kraty.wallet.credit("p", "gold", amount=1, idempotency_key="mine")

    def blocking() -> None:
        with KratyServer(**OPTIONS, transport=answering(409), on_request=hook) as kraty:
            kraty.wallet.credit("p", "gold", amount=1, idempotency_key="mine")

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(TimeLimit) as raised:
            blocking() if flavour == "blocking" else asyncio.run(main())
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert raised.value.__notes__ == [
        "kraty-server: wallet.credit was under way, attempt 1, idempotency key mine: nothing took effect"
    ]
    assert "on_request raised" not in caplog.text


class Known(StrEnum):
    PING = "health.ping"


def test_an_enum_that_refuses_a_value_within_a_hook_is_no_time_limit(caplog: pytest.LogCaptureFixture) -> None:
    """`signal.getsignal` gives members of an enum, and the constructor of every enum is the same code."""

    def hook(info: RequestInfo) -> None:
        Known(info.operation)

    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    with KratyServer(**OPTIONS, transport=transport, on_request=hook) as kraty:
        assert kraty.request("GET", "/server/v1/health") == {}
    assert "on_request raised" in caplog.text


def test_a_call_that_is_cancelled_within_a_hook_says_which() -> None:
    async def main() -> None:
        told = asyncio.Event()

        async def hook(_: object) -> None:
            told.set()
            await asyncio.sleep(60)

        kraty = AsyncKratyServer(**OPTIONS, transport=answering(503), on_request=hook)
        call = asyncio.create_task(kraty.wallet.credit("p", "gold", amount=1, idempotency_key="mine"))
        await told.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as raised:
            await call
        assert raised.value.__notes__ == [
            "kraty-server: wallet.credit was under way, attempt 1, idempotency key mine: it may have taken effect"
        ]
        await kraty.aclose()

    asyncio.run(main())


def test_a_client_closed_between_two_steps_of_a_call_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    kraty = KratyServer(**OPTIONS)

    def closing(seconds: float) -> Deadline:  # between the look whether the client is closed, and its connections
        kraty.close()
        return Deadline(seconds)

    monkeypatch.setattr(connections, "Deadline", closing)
    with pytest.raises(KratyClosedError) as raised:
        kraty.wallet.credit("p", "gold", amount=1)
    assert (raised.value.attempts, raised.value.outcome) == (0, "not_applied")
    assert not kraty._connections.bindings


def test_connections_may_come_and_go_while_all_are_shut_down() -> None:
    backend = DeadlineBackend(Backend())
    failures: list[BaseException] = []
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            streams = [DeadlineStream(Silent(), backend.open_streams) for _ in range(50)]
            for stream in streams:
                stream.close()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=come_and_go) for _ in range(3)]
    try:
        for thread in threads:
            thread.start()
        for _ in range(300):
            try:
                backend.shutdown_sockets()
            except RuntimeError as error:
                failures.append(error)
    finally:
        stop.set()
        sys.setswitchinterval(interval)
        for thread in threads:
            thread.join()
    assert failures == []


UNCONNECTED = socket.socket()


class Silent(TimedOutByTheSystem):
    def get_extra_info(self, info: str) -> Any:
        return UNCONNECTED  # to shut it down is an OSError


def test_a_socks_proxy_that_answers_nonsense_is_a_failure_of_transport() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise socksio.ProtocolError("Malformed reply")  # which httpcore lets through

    kraty = KratyServer(
        **OPTIONS, transport=httpx.MockTransport(refuse), retry=RetryConfig(attempts=2, initial_delay=0)
    )
    with pytest.raises(KratyNetworkError, match="no connection to") as raised:
        kraty.wallet.credit("p", "gold", amount=1)
    assert (raised.value.attempts, raised.value.outcome) == (2, "not_applied")
