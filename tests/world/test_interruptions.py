"""What is no failure of transport is not taken for one: it goes through unchanged, at once, with a note, after one request.

Time limits of Celery and RQ, signal handlers, hooks that raise, mocking libraries, bugs, cancelled tasks; and a client
that its owner closed.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
import respx
from pytest_httpx import HTTPXMock

from kraty_server import (
    AsyncKratyServer,
    KratyClosedError,
    KratyError,
    KratyServer,
    KratyServerError,
    KratyTimeoutError,
    NotFoundError,
    RetryConfig,
)
from tests.servers.peer import BlackHole, Peer, Request, answer, failure, fitting
from tests.services import REDIS, redis_connection
from tests.world.senders import ASYNC_GIVEN_CLIENT, GIVEN_CLIENT, KEY, Sender, async_senders, blocking_senders, senders

ROOT = Path(__file__).parents[2]
RECEIPT = "receipt-1"
PATIENT: dict[str, Any] = {"timeout": 6.0, "deadline": 8.0, "retry": RetryConfig(attempts=3, initial_delay=0.001)}
"""A call that is not interrupted would hang for longer than any of these tests waits."""
BODY = answer({"data": {"economyKey": "gold", "balance": 5, "applied": True}})


class TimeLimit(Exception):
    """As those of Celery and RQ: a plain Exception that a signal handler raises."""


def credit(kraty: Any, key: str = RECEIPT) -> Any:
    return kraty.wallet.credit("p", "gold", amount=5, idempotency_key=key)


def large(kraty: Any) -> Any:
    """More than what the sockets take, so that it is still being written."""
    return kraty.request("POST", "/server/v1/new", {"filling": "a" * 5_000_000}, idempotency_key=RECEIPT)


def ping(kraty: Any) -> Any:
    return kraty.health.ping()


def is_credit(request: Request) -> bool:
    return request.line.startswith("POST")


def silent(request: Request) -> bytes | None:
    """Answer pings; keep silent about a purchase."""
    return None if is_credit(request) else fitting(request)


def half(request: Request) -> bytes:
    """Answer pings; send half of the answer to a purchase, and keep the connection open."""
    return BODY[:-10] if is_credit(request) else fitting(request)


def notes(error: BaseException) -> str:
    return "\n".join(getattr(error, "__notes__", []))


def assert_named(error: BaseException, *, operation: str = "wallet.credit", sent: bool = True) -> None:
    """The note names the call and its key, and says whether it may have taken effect."""
    assert operation in notes(error)
    assert RECEIPT in notes(error)
    if sent:
        assert "may have taken effect" in notes(error)


@contextmanager
def alarm(raised: BaseException, arrived: threading.Event | None, after: float = 0.15) -> Iterator[None]:
    """Raise it from a signal handler, a moment after something has arrived."""

    def handler(*_: object) -> None:
        raise raised

    before = signal.signal(signal.SIGUSR1, handler)
    main = threading.main_thread().ident
    assert main is not None
    over = threading.Event()

    def wait() -> None:
        if (arrived is None or arrived.wait(20)) and not over.wait(after):
            signal.pthread_kill(main, signal.SIGUSR1)

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        signal.signal(signal.SIGUSR1, before)


RAISED: list[Callable[[], BaseException]] = [
    lambda: TimeLimit("0.5 s"),
    lambda: TimeoutError("raised by a signal handler"),
    lambda: ZeroDivisionError("a bug in a signal handler"),
    KeyboardInterrupt,
]


@blocking_senders
@pytest.mark.parametrize("make", RAISED, ids=lambda make: type(make()).__name__)
@pytest.mark.parametrize("behave", [silent, half])
def test_what_a_signal_handler_raises_ends_the_call_unchanged_after_one_request(
    make: Callable[[], BaseException], behave: Callable[[Request], bytes | None], sender: Sender
) -> None:
    raised = make()
    with Peer(behave) as peer, sender.running(base_url=peer.url, **PATIENT) as use:
        use(ping)
        peer.arrived.clear()
        with pytest.raises(type(raised)) as caught, alarm(raised, peer.arrived):
            use(credit)
        assert caught.value is raised
        if isinstance(raised, Exception):
            assert_named(raised)
        assert sum(map(is_credit, peer.requests)) == 1
        assert use(ping).ok
        used = [request.connection for request in peer.requests]
        assert used == [1, 1, 2], "the connection of the call that ended early is dropped"


@blocking_senders
@pytest.mark.parametrize("make", RAISED, ids=lambda make: type(make()).__name__)
def test_what_is_raised_while_a_request_is_written_ends_the_call_unchanged(
    make: Callable[[], BaseException], sender: Sender
) -> None:
    raised = make()
    with Peer(reads=False) as peer, sender.running(base_url=peer.url, **PATIENT) as use:
        with pytest.raises(type(raised)) as caught, alarm(raised, peer.arrived):
            use(large)
        assert caught.value is raised
        if isinstance(raised, Exception):
            assert_named(raised, operation="request POST")
        assert len(peer.connections) == 1


# What is interrupted in the middle of socket.create_connection leaves the socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@blocking_senders
@pytest.mark.parametrize("make", RAISED, ids=lambda make: type(make()).__name__)
def test_what_is_raised_while_connecting_ends_the_call_unchanged(
    make: Callable[[], BaseException], sender: Sender
) -> None:
    raised = make()
    with BlackHole() as hole, sender.running(base_url=hole.url, **PATIENT) as use:
        with pytest.raises(type(raised)) as caught, alarm(raised, None):
            use(credit)
        assert caught.value is raised
        if isinstance(raised, Exception):
            assert_named(raised, sent=False)


@pytest.mark.untraced
@blocking_senders
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("kind", [TimeLimit, TimeoutError])
def test_at_whatever_moment_a_handler_raises_nothing_is_swallowed_or_sent_twice(
    kind: type[Exception], sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = threading.get_ident()
    random = Random(5)
    swallowed: list[str] = []
    ignored: list[BaseException | None] = []
    # What is raised within a finalizer is lost, whatever anybody does.
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: ignored.append(unraisable.exc_value))

    def slowly(request: Request) -> bytes:
        time.sleep(0.002)
        return BODY

    def interrupt(begun: threading.Event, after: float) -> None:
        begun.wait(20)
        time.sleep(after)
        signal.pthread_kill(main, signal.SIGUSR1)

    with Peer(slowly) as peer, sender.running(base_url=peer.url, **PATIENT) as use:
        for number in range(150):
            raised: list[Exception] = []

            def handler(*_: object, raised: list[Exception] = raised) -> None:
                raised.append(kind())
                raise raised[0]

            before = signal.signal(signal.SIGUSR1, handler)
            begun = threading.Event()
            thread = threading.Thread(target=interrupt, args=(begun, random.uniform(0, 0.006)))
            thread.start()
            try:
                try:
                    begun.set()
                    use(partial(credit, key=f"k{number}"))
                    if raised and raised[0] not in ignored:
                        swallowed.append(f"{number}: the call went on")
                except Exception as error:
                    if not raised or error is not raised[0]:
                        swallowed.append(f"{number}: {error!r}")
                thread.join()
                time.sleep(0)
            except kind:
                thread.join()  # it came after the call
            finally:
                signal.signal(signal.SIGUSR1, before)
    assert swallowed == []
    keys = [request.key for request in peer.requests if request.body.endswith(b"}")]  # others were cut off amid it
    assert len(keys) == len(set(keys))


def test_a_time_limit_ends_the_wait_between_two_attempts() -> None:
    raised = TimeLimit("0.5 s")
    options = {"retry": RetryConfig(initial_delay=30.0, max_delay=30.0), "deadline": 60.0}
    with Peer(lambda request: failure(503, "internal_error")) as peer:
        with KratyServer(api_key=KEY, base_url=peer.url, **options) as kraty:  # type: ignore[arg-type]
            with pytest.raises(TimeLimit) as caught, alarm(raised, peer.arrived):
                credit(kraty)
            assert caught.value is raised
            assert_named(raised)
        assert len(peer.requests) == 1


def test_the_note_holds_the_key_that_was_made_for_the_call() -> None:
    raised = TimeLimit("0.5 s")
    with Peer(silent) as peer, KratyServer(api_key=KEY, base_url=peer.url, **PATIENT) as kraty:
        with pytest.raises(TimeLimit), alarm(raised, peer.arrived):
            kraty.wallet.credit("p", "gold", amount=5)
        (request,) = peer.requests
        assert request.key in notes(raised)


# Workers


@pytest.fixture(scope="module")
def redis_url() -> str:
    with redis_connection():
        return REDIS


@contextmanager
def worker(command: list[str], redis_url: str, queue: str) -> Iterator[subprocess.Popen[bytes]]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "generated"), os.environ.get("PYTHONPATH", "")])
    environ = os.environ | {"KRATY_TEST_REDIS": redis_url, "KRATY_TEST_QUEUE": queue, "PYTHONPATH": paths}
    process = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def assert_ended_by(limit: str, path: Path, peer: Peer) -> None:
    told = json.loads(path.read_text())
    assert told["type"] == limit
    text = "\n".join(told["notes"])
    assert "wallet.credit" in text
    assert RECEIPT in text
    assert "may have taken effect" in text
    assert told["afterwards"] is True
    assert [(is_credit(request), request.connection) for request in peer.requests] == [
        (False, 1),
        (True, 1),
        (False, 2),
    ]


def test_celerys_soft_time_limit_ends_a_call_and_fails_its_job(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = pytest.importorskip("celery.exceptions").SoftTimeLimitExceeded
    from tests.world.celery_app import app

    queue, told = f"kraty-test-{uuid.uuid4()}", tmp_path / "told.json"
    command = [
        "celery",
        "-A",
        "tests.world.celery_app",
        "worker",
        "--pool=prefork",
        "-c1",
        "-Q",
        queue,
        "-l",
        "WARNING",
    ]
    with Peer(silent) as peer, worker([*command, "--without-gossip", "--without-mingle"], redis_url, queue):
        result: Any = app.send_task("fulfil", (peer.url, str(told)), queue=queue)
        try:
            with pytest.raises(limit):
                result.get(timeout=25)
            assert result.state == "FAILURE"
            assert_ended_by("SoftTimeLimitExceeded", told, peer)
        finally:
            result.forget()
            app.backend.client.connection_pool.disconnect()
            app.pool.force_close_all()


def test_rqs_time_limit_ends_a_call_and_fails_its_job(redis_url: str, tmp_path: Path) -> None:
    import redis
    from rq import Queue

    name, told = f"kraty-test-{uuid.uuid4()}", tmp_path / "told.json"
    with redis.Redis.from_url(redis_url) as connection, Peer(silent) as peer:
        queue = Queue(name, connection=connection)
        job = queue.enqueue("tests.world.purchase.purchase", peer.url, str(told), job_timeout=3, failure_ttl=60)
        with worker(["rq.cli", "worker", "--burst", "--url", redis_url, name], redis_url, name) as process:
            process.wait(25)
        try:
            assert job.is_failed
            assert "JobTimeoutException" in str(getattr(job.latest_result(), "exc_string", None))
            assert_ended_by("JobTimeoutException", told, peer)
        finally:
            job.delete()
            queue.delete()


# Hooks of a client that was given


class HookError(Exception):
    """What a hook of the caller raises."""


def hooked(sender: Sender, kind: str, hook: Callable[[Any], None]) -> Sender:
    """The sender whose client of httpx has a hook."""
    if sender.blocking:
        return Sender(
            sender.name, True, lambda: {"http_client": httpx.Client(event_hooks={kind: [hook]})}, sender.closed
        )

    async def awaited(event: Any) -> None:
        if isinstance(event, httpx.Response) and hook is read_and_raise:
            await event.aread()
        hook(event)

    return Sender(
        sender.name, False, lambda: {"http_client": httpx.AsyncClient(event_hooks={kind: [awaited]})}, sender.closed
    )


def raise_for_status(response: httpx.Response) -> None:
    response.raise_for_status()


def read_and_raise(response: httpx.Response) -> None:
    if isinstance(response.stream, httpx.SyncByteStream) and not response.is_closed:
        response.read()
    response.raise_for_status()


with_hooks = senders([GIVEN_CLIENT, ASYNC_GIVEN_CLIENT])


@with_hooks
@pytest.mark.parametrize("kind", ["request", "response"])
def test_what_a_hook_raises_goes_through_unchanged_after_one_request(kind: str, sender: Sender) -> None:
    raised = HookError("the caller's own")

    def hook(_: Any) -> None:
        raise raised

    with Peer() as peer, hooked(sender, kind, hook).running(base_url=peer.url, **PATIENT) as use:
        with pytest.raises(HookError) as caught:
            use(credit)
        assert caught.value is raised
        assert_named(raised, sent=kind == "response")
        assert len(peer.requests) == (kind == "response")


@with_hooks
def test_a_status_error_of_a_hook_that_read_the_answer_is_that_answer(sender: Sender) -> None:
    with (
        Peer(lambda request: failure(404, "not_found", "no such player")) as peer,
        hooked(sender, "response", read_and_raise).running(base_url=peer.url, **PATIENT) as use,
    ):
        with pytest.raises(NotFoundError) as caught:
            use(credit)
        error = caught.value
        assert (error.status, error.message, error.outcome) == (404, "no such player", "not_applied")
        assert (error.attempts, len(peer.requests)) == (1, 1)
        assert error.idempotency_key == RECEIPT


@with_hooks
def test_a_status_error_of_a_hook_that_read_nothing_has_the_status_all_the_same(sender: Sender) -> None:
    with (
        Peer(lambda request: failure(404, "not_found")) as peer,
        hooked(sender, "response", raise_for_status).running(base_url=peer.url, **PATIENT) as use,
    ):
        with pytest.raises(KratyServerError) as caught:
            use(credit)
        error = caught.value
        assert (error.status, error.outcome, error.attempts) == (404, "not_applied", 1)
        assert not error.is_retryable
        assert len(peer.requests) == 1


@with_hooks
@pytest.mark.parametrize("hook", [raise_for_status, read_and_raise])
def test_a_status_error_of_a_hook_is_retried_as_its_status_is(hook: Any, sender: Sender) -> None:
    said = [failure(503, "internal_error"), BODY]
    with Peer(lambda request: said[len(peer.requests) - 1]) as peer:
        with hooked(sender, "response", hook).running(base_url=peer.url, **PATIENT) as use:
            assert use(credit).applied
        assert [request.key for request in peer.requests] == [RECEIPT] * 2


@with_hooks
@pytest.mark.parametrize("status", [401, 503])
@pytest.mark.parametrize("hook", [raise_for_status, read_and_raise])
def test_an_error_made_of_a_status_error_of_a_hook_holds_no_key(status: int, hook: Any, sender: Sender) -> None:
    with (
        Peer(lambda request: failure(status, "session_invalid")) as peer,
        hooked(sender, "response", hook).running(base_url=peer.url, **PATIENT) as use,
        pytest.raises(KratyServerError) as caught,
    ):
        use(credit)
    error: Any = caught.value
    assert error.status == status
    told: list[Any] = [error, error.__cause__, error.__context__]
    for one in told:
        assert "secret" not in f"{one!r} {one} {getattr(one, '__notes__', '')}"
        request = getattr(one, "request", None)
        assert "authorization" not in getattr(request, "headers", {})
    assert b"secret" not in pickle.dumps(error)


# Mocking libraries


mocked_both = pytest.mark.parametrize("awaited", [False, True], ids=["blocking", "async"])


def run(use: Callable[[Any], Any], awaited: bool, **options: Any) -> Any:
    options = {"api_key": KEY, "base_url": "https://kraty.test", **PATIENT, **options}
    if awaited and not options.keys() & {"transport", "http_client"}:
        options["transport"] = "httpx"
    if not awaited:
        with KratyServer(**options) as kraty:
            return use(kraty)

    async def main() -> Any:
        async with AsyncKratyServer(**options) as kraty:
            return await use(kraty)

    return asyncio.run(main())


@mocked_both
def test_respxs_own_error_for_a_request_that_is_not_mocked_goes_through(awaited: bool) -> None:
    with respx.mock(assert_all_called=False) as router:
        router.get("https://kraty.test/another").respond(200)
        with pytest.raises(AssertionError, match="not mocked") as caught:
            run(credit, awaited)
        assert type(caught.value).__module__.startswith("respx")
        assert_named(caught.value, sent=False)
        assert router.calls.call_count <= 1


@mocked_both
def test_vcrpys_own_error_for_a_request_that_is_not_recorded_goes_through(awaited: bool, tmp_path: Path) -> None:
    vcr = pytest.importorskip("vcr")
    refused = pytest.importorskip("vcr.errors").CannotOverwriteExistingCassetteException

    tape = tmp_path / "tape.yaml"
    with Peer() as peer, vcr.use_cassette(str(tape), record_mode="once", filter_headers=["authorization"]):
        assert run(ping, awaited, base_url=peer.url).ok
    with Peer() as peer, vcr.use_cassette(str(tape), record_mode="none") as cassette:
        with pytest.raises(refused) as caught:
            run(credit, awaited, base_url=peer.url)
        assert_named(caught.value, sent=False)
        assert peer.requests == []
        assert cassette.play_count == 0


@mocked_both
def test_vcrpy_plays_back_what_it_recorded(awaited: bool, tmp_path: Path) -> None:
    vcr = pytest.importorskip("vcr")
    with Peer() as peer:
        for _ in range(2):
            with vcr.use_cassette(str(tmp_path / "tape.yaml"), record_mode="once", filter_headers=["authorization"]):
                assert run(credit, awaited, base_url=peer.url).applied
        assert len(peer.requests) == 1


@mocked_both
@pytest.mark.httpx_mock(assert_all_requests_were_expected=False)
def test_what_pytest_httpx_raises_for_a_request_that_is_not_mocked_is_a_time_out_that_says_so(
    awaited: bool, httpx_mock: HTTPXMock
) -> None:
    """It raises a bare httpx.TimeoutException, by which tests play time-outs; nothing tells the two apart."""
    with pytest.raises(KratyTimeoutError) as caught:
        run(credit, awaited)
    assert "No response can be found for POST request on https://kraty.test" in str(caught.value.original_cause)
    assert caught.value.outcome == "unknown"


# Transports and clients that were given


class Broken(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport with a bug."""

    def __init__(self, raised: Exception) -> None:
        self.raised = raised
        self.requests = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        raise self.raised

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


@mocked_both
@pytest.mark.parametrize("kind", ["transport", "http_client"])
@pytest.mark.parametrize("kind_of_bug", [ZeroDivisionError, KeyError, AssertionError, RuntimeError])
def test_a_bug_in_a_transport_goes_through(kind_of_bug: type[Exception], kind: str, awaited: bool) -> None:
    raised = kind_of_bug("a bug")
    transport = Broken(raised)
    given: Any = transport
    if kind == "http_client":
        given = httpx.AsyncClient(transport=transport) if awaited else httpx.Client(transport=transport)
    with pytest.raises(type(raised)) as caught:
        run(credit, awaited, **{kind: given})
    assert caught.value is raised
    assert_named(raised)
    assert transport.requests == 1


@mocked_both
@pytest.mark.parametrize(
    "raised",
    [httpx.ConnectError("refused"), httpx.ReadError("reset"), ConnectionResetError(104, "reset"), OSError("no")],
)
def test_a_failure_of_a_transport_stays_one(raised: Exception, awaited: bool) -> None:
    transport = Broken(raised)
    with pytest.raises(KratyError) as caught:
        run(credit, awaited, transport=transport)
    assert transport.requests == caught.value.attempts == 3
    assert caught.value.outcome == ("not_applied" if isinstance(raised, httpx.ConnectError) else "unknown")


@with_hooks
def test_a_client_that_its_owner_closed_is_a_closed_error_that_took_no_effect(sender: Sender) -> None:
    with Peer() as peer:
        kept: dict[str, Any] = {}

        def given() -> dict[str, Any]:
            kept["given"] = made = sender.given()
            return made

        with Sender(sender.name, sender.blocking, given, sender.closed).running(base_url=peer.url, **PATIENT) as use:
            if sender.blocking:
                sender.closed(kept["given"])
            else:
                use(lambda _: sender.closed(kept["given"]))
            with pytest.raises(KratyClosedError) as caught:
                use(credit)
        error = caught.value
        assert (error.outcome, error.attempts, error.is_retryable) == ("not_applied", 0, False)
        assert (error.operation, error.idempotency_key) == ("wallet.credit", RECEIPT)
        assert "http_client" in str(error)
        assert peer.requests == []


# asyncio


@async_senders
@pytest.mark.parametrize("behave", [silent, half])
def test_a_cancelled_call_stays_cancelled_after_one_request(
    behave: Callable[[Request], bytes | None], sender: Sender
) -> None:
    with Peer(behave) as peer, sender.running(base_url=peer.url, **PATIENT) as use:

        async def cancelled(kraty: Any) -> None:
            await kraty.health.ping()
            peer.arrived.clear()
            task = asyncio.ensure_future(credit(kraty))
            await asyncio.to_thread(peer.arrived.wait, 20)
            await asyncio.sleep(0.05)
            task.cancel("no longer wanted")
            with pytest.raises(asyncio.CancelledError):
                await task
            assert task.cancelled()
            assert (await kraty.health.ping()).ok

        use(cancelled)
        assert [(is_credit(request), request.connection) for request in peer.requests] == [
            (False, 1),
            (True, 1),
            (False, 2),
        ]


@async_senders
def test_a_time_out_of_the_caller_is_his_time_out(sender: Sender) -> None:
    with Peer(silent) as peer, sender.running(base_url=peer.url, **PATIENT) as use:

        async def bounded(kraty: Any) -> None:
            async with asyncio.timeout(0.2):
                await credit(kraty)

        began = time.monotonic()
        with pytest.raises(TimeoutError) as caught:
            use(bounded)
        assert not isinstance(caught.value, KratyError)
        assert time.monotonic() - began < 20
        assert len(peer.requests) == 1


@async_senders
def test_an_error_that_a_task_group_cancels_for_is_the_one_that_comes_out(sender: Sender) -> None:
    with Peer(silent) as peer, sender.running(base_url=peer.url, **PATIENT) as use:

        async def together(kraty: Any) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(credit(kraty))
                await asyncio.to_thread(peer.arrived.wait, 20)
                raise HookError

        with pytest.raises(ExceptionGroup) as caught:
            use(together)
        assert [type(one) for one in caught.value.exceptions] == [HookError]
        assert len(peer.requests) == 1
