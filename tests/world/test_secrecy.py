"""The key is in no frame, log, error or pickle, whatever ends a call and whichever sender made it.

Sentry with local variables, and traceback.TracebackException(capture_locals=True), over calls that are cancelled,
interrupted or refused; DEBUG logs of every library; passwords of proxies; answers that echo the request.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, FunctionType, MethodType, ModuleType, TracebackType
from typing import Any

import httpx
import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.scrubber import EventScrubber
from sentry_sdk.transport import Transport

from kraty_server import AsyncKratyServer, KratyError, KratyServer, RetryConfig
from tests.servers.fault_proxy import free_port
from tests.servers.peer import PONG, BlackHole, Peer, Request, answer, failure
from tests.world.senders import (
    ASYNC_GIVEN_CLIENT,
    GIVEN_CLIENT,
    Sender,
    async_senders,
    blocking_senders,
    every_sender,
    own_senders,
    senders,
)

ROOT = Path(__file__).parents[2]
SECRET = "neverSeenAnywhere8c1d"
PASSWORD = "hiddenPassword77ab"
PATIENT: dict[str, Any] = {"timeout": 5.0, "deadline": 6.0, "retry": RetryConfig(attempts=2, initial_delay=0.001)}
BODY = answer({"data": {"economyKey": "gold", "balance": 5, "applied": True}})


@pytest.fixture(autouse=True)
def key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no frame of a test holds it."""
    monkeypatch.setenv("KRATY_SERVER_KEY", f"sUUVdrM8.{SECRET}")


@contextmanager
def running(sender: Sender, **options: Any) -> Iterator[Callable[[Callable[[Any], Any]], Any]]:
    with sender.running(**{"api_key": None} | options) as use:
        yield use


class Collected(Transport):
    """Keeps what Sentry would send."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.sent: list[bytes] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.sent.append(envelope.serialize())


def as_sentry_sees_it(error: BaseException) -> str:
    """What Sentry sends for an error, with local variables and without its own filter for names like `authorization`."""
    transport = Collected()
    client = sentry_sdk.Client(
        dsn="http://public@127.0.0.1:9/1",
        transport=transport,
        include_local_variables=True,
        default_integrations=False,
        auto_enabling_integrations=False,
        event_scrubber=EventScrubber(denylist=[], pii_denylist=[]),
        max_value_length=20_000,
    )
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(client)
        scope.capture_exception(error)
    client.flush()
    client.close()
    (sent,) = transport.sent
    return sent.decode()


def as_a_traceback_with_locals(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def reachable(start: object) -> Iterator[object]:
    """Everything that an error holds on to, apart from code, frames and the clients' own secret."""
    skipped = (type, ModuleType, FunctionType, MethodType, FrameType, TracebackType, logging.Logger)
    seen: set[int] = set()
    todo: list[object] = [start]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, skipped) or type(one).__name__ == "Secret":
            continue
        seen.add(id(one))
        yield one
        todo += gc.get_referents(one)


def assert_clean(where: str, shown: str, secret: str = SECRET) -> None:
    at = shown.find(secret)
    assert at < 0, f"{where}: …{shown[max(0, at - 200) : at + 60]}…"


def assert_no_frame_shows_it(error: BaseException) -> None:
    with_locals = as_a_traceback_with_locals(error)
    assert "kraty_server" in with_locals, "there is no frame of ours to look at"
    assert_clean("traceback with locals", with_locals)
    sent = as_sentry_sees_it(error)
    frames = [frame for one in json.loads(sent.splitlines()[-1])["exception"]["values"] for frame in frames_of(one)]
    assert any("vars" in frame for frame in frames), "Sentry saw no local variables"
    assert_clean("Sentry", sent)
    each: BaseException | None = error
    while each is not None:
        assert_clean("text", f"{each} {each!r} {getattr(each, '__notes__', [])}")
        each = each.__cause__ or each.__context__


def frames_of(value: Any) -> list[Any]:
    return list((value.get("stacktrace") or {}).get("frames", []))


def credit(kraty: Any) -> Any:
    return kraty.wallet.credit("p", "gold", amount=5, idempotency_key="receipt-1")


def large(kraty: Any) -> Any:
    return kraty.request("POST", "/server/v1/new", {"filling": "a" * 5_000_000})


def silent(request: Request) -> bytes | None:
    return None


def half(request: Request) -> bytes:
    return BODY[:-10]


@contextmanager
def moment(name: str) -> Iterator[tuple[str, Callable[[Any], Any], threading.Event]]:
    """A server at which a call stops at this moment: its URL, the call, and what is set when it has come so far."""
    if name == "connecting":
        soon = threading.Event()
        soon.set()
        with BlackHole() as hole:
            yield hole.url, credit, soon
        return
    with Peer({"waiting": silent, "reading": half}.get(name, silent), reads=name != "writing") as peer:
        yield peer.url, large if name == "writing" else credit, peer.arrived


moments = pytest.mark.parametrize("when", ["connecting", "writing", "waiting", "reading"])


class TimeLimit(Exception):
    """A time limit, raised by a signal handler."""


# What is interrupted in the middle of socket.create_connection leaves the socket to the garbage collector.
left_by_connecting = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@left_by_connecting
@blocking_senders
@moments
@pytest.mark.parametrize("kind", [KeyboardInterrupt, TimeLimit])
def test_an_interrupted_call_shows_no_key(kind: type[BaseException], when: str, sender: Sender) -> None:
    def handler(*_: object) -> None:
        raise kind

    before = signal.signal(signal.SIGUSR1, handler)
    main = threading.main_thread().ident
    assert main is not None
    over = threading.Event()
    with moment(when) as (url, use_it, arrived), running(sender, base_url=url, **PATIENT) as use:

        def interrupt() -> None:
            if arrived.wait(20) and not over.wait(0.15):
                signal.pthread_kill(main, signal.SIGUSR1)

        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            with pytest.raises(kind) as caught:
                use(use_it)
        finally:
            over.set()
            thread.join()
            signal.signal(signal.SIGUSR1, before)
    assert_no_frame_shows_it(caught.value)


@left_by_connecting
@async_senders
@moments
@pytest.mark.parametrize("how", ["timeout", "cancel"])
def test_a_call_that_is_cancelled_or_timed_out_by_the_caller_shows_no_key(how: str, when: str, sender: Sender) -> None:
    with moment(when) as (url, use_it, arrived), running(sender, base_url=url, **PATIENT) as use:

        async def ended(kraty: Any) -> None:
            if how == "timeout":
                async with asyncio.timeout(0.3):
                    await use_it(kraty)
            task = asyncio.ensure_future(use_it(kraty))
            await asyncio.to_thread(arrived.wait, 20)
            await asyncio.sleep(0.05)
            task.cancel()
            await task

        with pytest.raises((TimeoutError, asyncio.CancelledError)) as caught:
            use(ended)
    assert not isinstance(caught.value, KratyError)
    assert_no_frame_shows_it(caught.value)


@every_sender
@pytest.mark.parametrize("fault", ["refused", "reset", "silent", "half", "garbage"])
def test_a_call_that_failed_shows_no_key(fault: str, sender: Sender) -> None:
    said = {"reset": b"", "half": BODY[:-10], "garbage": b"\x00\xff no HTTP\r\n\r\n"}
    with Peer(lambda request: said.get(fault)) as peer:
        url = f"http://127.0.0.1:{free_port()}" if fault == "refused" else peer.url
        options = PATIENT | ({"timeout": 0.3} if fault in ("silent", "half", "reset") else {})
        with running(sender, base_url=url, **options) as use, pytest.raises(KratyError) as caught:
            use(credit)
    assert_no_frame_shows_it(caught.value)
    assert_clean("pickle", repr(pickle.dumps(caught.value)))
    for one in reachable(caught.value):
        if isinstance(one, str | bytes):
            assert_clean("held by the error", repr(one))


# Hooks


class HookError(Exception):
    """What a hook of the caller raises."""


@senders([GIVEN_CLIENT, ASYNC_GIVEN_CLIENT])
@pytest.mark.parametrize("kind", ["request", "response"])
def test_a_hook_that_raises_shows_no_key(kind: str, sender: Sender) -> None:
    def blocking(_: Any) -> None:
        raise HookError

    async def awaited(_: Any) -> None:
        raise HookError

    def given() -> dict[str, Any]:
        if sender.blocking:
            return {"http_client": httpx.Client(event_hooks={kind: [blocking]})}
        return {"http_client": httpx.AsyncClient(event_hooks={kind: [awaited]})}

    hooked = Sender(sender.name, sender.blocking, given, sender.closed)
    with Peer() as peer, running(hooked, base_url=peer.url, **PATIENT) as use, pytest.raises(HookError) as caught:
        use(credit)
    assert_no_frame_shows_it(caught.value)


@own_senders
def test_a_hook_of_ours_that_raises_is_logged_without_the_key(sender: Sender, caplog: pytest.LogCaptureFixture) -> None:
    def hook(_: Any) -> None:
        raise HookError

    with Peer() as peer, running(sender, base_url=peer.url, on_request=hook, **PATIENT) as use:
        use(credit)
    (record,) = [record for record in caplog.records if record.exc_info]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], HookError)
    assert_no_frame_shows_it(record.exc_info[1])


# Constructors

REFUSED: list[dict[str, Any]] = [
    {"base_url": "ftp://kraty.test"},
    {"base_url": "http://kraty.test"},
    {"base_url": "https://xn--.test"},
    {"timeout": -1},
    {"deadline": "soon"},
    {"retry": 3},
    {"on_request": 5},
    {"transport": "pigeons"},
    {"transport": object()},
    {"http_client": object()},
    {"generate_idempotency_key": 7},
]


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
@pytest.mark.parametrize("wrong", REFUSED, ids=lambda wrong: "-".join(f"{k}={v}"[:30] for k, v in wrong.items()))
@pytest.mark.parametrize("how", ["argument", "variable"])
def test_a_constructor_that_refuses_shows_no_key(how: str, wrong: dict[str, Any], kind: Any) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        kind(api_key=os.environ["KRATY_SERVER_KEY"] if how == "argument" else None, **wrong)
    assert_no_frame_shows_it(caught.value)


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
@pytest.mark.parametrize("around", ["{}\n", " {}", "Bearer {}", "{}é", "{}\x00"])
def test_a_key_that_is_refused_is_in_no_frame(around: str, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="^api_key: ") as caught:
        kind(api_key=around.format(os.environ["KRATY_SERVER_KEY"]))
    assert_no_frame_shows_it(caught.value)


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "HTTPS_PROXY"])
def test_a_constructor_that_the_environment_fails_shows_no_key(
    variable: str, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "/nowhere.pem" if variable == "SSL_CERT_FILE" else f"http://user:{PASSWORD}@[::1")
    with pytest.raises(ValueError, match=variable) as caught:
        kind(api_key=os.environ["KRATY_SERVER_KEY"], base_url="https://kraty.test")
    assert_no_frame_shows_it(caught.value)
    assert_clean("password", as_a_traceback_with_locals(caught.value), PASSWORD)


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
def test_a_half_made_client_has_a_repr(kind: Any) -> None:
    assert kind.__name__ in repr(kind.__new__(kind))
    with pytest.raises(ValueError, match="timeout") as caught:
        kind(timeout=-1)
    shown = as_a_traceback_with_locals(caught.value)
    assert "self = " in shown


# Logs


def shown(record: logging.LogRecord) -> str:
    text = f"{record.getMessage()} {record.args!r} {record.__dict__!r}"
    return text + (as_a_traceback_with_locals(record.exc_info[1]) if record.exc_info and record.exc_info[1] else "")


@every_sender
@pytest.mark.parametrize("status", [200, 401, 503])
def test_no_library_logs_the_key_at_any_level(status: int, sender: Sender, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    said = BODY if status == 200 else failure(status, "session_invalid")
    with Peer(lambda request: said) as peer, running(sender, base_url=peer.url, **PATIENT) as use:
        try:
            use(credit)
        except KratyError as error:
            logging.getLogger("app").exception("purchase failed: %r", error)
    assert any(record.name.startswith(("kraty_server", "httpcore", "asyncio")) for record in caplog.records)
    for record in caplog.records:
        assert_clean(record.name, shown(record))


@pytest.mark.parametrize("awaited", [False, True], ids=["blocking", "async"])
def test_http2s_packages_do_not_log_the_key(
    awaited: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    hpack = pytest.importorskip("hpack")
    caplog.set_level(1)
    with http2_server(tmp_path) as (url, authority, versions):
        monkeypatch.setenv("SSL_CERT_FILE", authority)
        if awaited:

            async def main() -> None:
                async with AsyncKratyServer(base_url=url, http2=True, transport="httpx") as kraty:
                    await kraty.health.ping()
                    await kraty.health.ping()

            asyncio.run(main())
        else:
            with KratyServer(base_url=url, http2=True) as kraty:
                kraty.health.ping()
                kraty.health.ping()
        assert versions == ["2", "2"]
    value = f"Bearer sUUVdrM8.{SECRET}".encode()
    from hpack.huffman import HuffmanEncoder
    from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

    packed = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode(value)
    spellings = [SECRET, packed.hex(), repr(packed)[2:-1], value.hex()]
    for record in caplog.records:
        for spelling in spellings:
            assert_clean(f"{record.name} of {hpack.__name__}", shown(record), spelling)


@contextmanager
def http2_server(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """An https server that speaks HTTP/2; its URL, the certificate to trust, and the versions that were spoken."""
    import socket

    import trustme
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    for number, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(folder / "cert.pem", append=number > 0)
    versions: list[str] = []
    body = json.dumps(PONG).encode()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            versions.append(scope["http_version"])
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
            )
            await send({"type": "http.response.body", "body": body})

    listening = socket.create_server(("127.0.0.1", 0))
    url = f"https://127.0.0.1:{listening.getsockname()[1]}"
    config = Config()
    config.bind = [f"fd://{listening.detach()}"]
    config.certfile, config.keyfile = str(folder / "cert.pem"), str(folder / "key.pem")
    config.loglevel, config.graceful_timeout = "CRITICAL", 0
    stop = threading.Event()

    async def main() -> None:
        served: Any = app
        await serve(served, config, shutdown_trigger=lambda: asyncio.to_thread(stop.wait))

    # Its own debug log is of the other side, in the same process.
    def quietly() -> None:
        with asyncio.Runner() as runner:
            runner.run(main())

    thread = threading.Thread(target=quietly)
    thread.start()
    try:
        yield url, str(folder / "ca.pem"), versions
    finally:
        stop.set()
        thread.join()


# Proxies


@own_senders
@pytest.mark.parametrize("fault", ["refused", "denied", "reset"])
@pytest.mark.parametrize("base_url", ["http://kraty.test", "https://kraty.test"])
def test_the_password_of_a_proxy_is_in_no_error(
    base_url: str, fault: str, sender: Sender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    denied = answer(b"", 407, {"Proxy-Authenticate": "Basic"})
    with Peer(lambda request: denied if fault == "denied" else b"") as peer:
        port = free_port() if fault == "refused" else peer.port
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://user:{PASSWORD}@127.0.0.1:{port}")
        options = PATIENT | {"timeout": 0.5}
        with running(sender, base_url=base_url, allow_http=True, **options) as use, pytest.raises(KratyError) as caught:
            use(credit)
    shown_everywhere = [
        repr(pickle.dumps(caught.value)),
        as_a_traceback_with_locals(caught.value),
        as_sentry_sees_it(caught.value),
        *map(shown, caplog.records),
        *(repr(one) for one in reachable(caught.value) if isinstance(one, str | bytes)),
    ]
    for text in shown_everywhere:
        assert_clean("password", text, PASSWORD)
        assert_clean("key", text)


# Answers that hold what was asked


def echo(status: int, kind: str) -> Callable[[Request], bytes]:
    def behave(request: Request) -> bytes:
        heard = f"authorization: {request.headers['authorization']}"
        if kind == "page":
            return answer(f"<pre>{request.line}\n{heard}</pre>".encode(), status, {"Content-Type": "text/html"})
        if kind == "text":
            return answer(heard.encode(), status, {"Content-Type": "text/plain"})
        envelope = {"code": "session_invalid", "message": f"bad {heard}", "details": {"headers": [heard]}}
        return answer({"error": envelope}, status)

    return behave


@own_senders
@pytest.mark.parametrize("status", [200, 400, 401, 502])
@pytest.mark.parametrize("kind", ["page", "text", "envelope"])
def test_an_answer_that_echoes_the_request_gives_an_error_without_the_key(
    kind: str, status: int, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    with Peer(echo(status, kind)) as peer, running(sender, base_url=peer.url, **PATIENT) as use:
        with pytest.raises(KratyError) as caught:
            use(credit)
        assert SECRET in peer.requests[0].headers["authorization"]
    error: Any = caught.value
    assert_clean("error", f"{error} {error!r} {error.__notes__} {error.message} {error.details!r}")
    assert_clean("pickle", repr(pickle.dumps(error)))
    assert_clean("Sentry", as_sentry_sees_it(error))
    for record in caplog.records:
        assert_clean(record.name, shown(record))


# Sentry as it comes


AS_IT_COMES = """
    import asyncio, os, sys, threading, logging
    import sentry_sdk
    from sentry_sdk.transport import Transport
    from kraty_server import AsyncKratyServer, KratyServer, KratyError

    sent = []
    class Collected(Transport):
        def capture_envelope(self, envelope):
            sent.append(envelope.serialize())

    sentry_sdk.init(dsn="http://public@127.0.0.1:9/1", transport=Collected, traces_sample_rate=1.0,
                    include_local_variables=True, max_request_body_size="always")
    url = sys.argv[1]

    def job():
        with sentry_sdk.start_transaction(name="job"), KratyServer(base_url=url, timeout=0.3, deadline=0.4) as kraty:
            kraty.health.ping()
            kraty.wallet.credit("p", "gold", amount=5)

    async def awaited(transport):
        with sentry_sdk.start_transaction(name="job"):
            async with AsyncKratyServer(base_url=url, transport=transport) as kraty:
                await kraty.health.ping()
                async with asyncio.timeout(0.3):
                    await kraty.wallet.credit("p", "gold", amount=5)

    for run in (job, *(lambda t=t: asyncio.run(awaited(t)) for t in sys.argv[2:])):
        try:
            run()
        except (KratyError, TimeoutError) as error:
            logging.getLogger("app").exception("failed")
            sentry_sdk.capture_exception(error)
    sentry_sdk.flush()
    sys.stdout.buffer.write(b"\\n".join(sent))
"""


def test_sentry_as_it_comes_with_every_integration_sees_no_key() -> None:
    def behave(request: Request) -> bytes | None:
        return None if request.line.startswith("POST") else answer(PONG)

    from importlib.util import find_spec

    transports = [
        "httpx",
        *(["aiohttp"] if find_spec("aiohttp") else []),
        *(["fast"] if find_spec("httptools") else []),
    ]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "generated")])
    with Peer(behave) as peer:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(AS_IT_COMES), peer.url, *transports],
            capture_output=True,
            timeout=60,
            env=os.environ | {"PYTHONPATH": paths},
        )
    assert done.returncode == 0, done.stderr.decode()
    text = done.stdout.decode()
    assert text.count('"exception"') >= 1 + len(transports)
    assert "kraty_server" in text
    assert_clean("Sentry", text)
