"""One client over forks, threads and event loops: every answer belongs to its caller."""

from __future__ import annotations

import asyncio
import copy
import faulthandler
import gc
import logging
import os
import pickle
import re
import socket
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from kraty_server import (
    AsyncKratyServer,
    KratyClosedError,
    KratyError,
    KratyNetworkError,
    KratyServer,
    RetryConfig,
)
from tests.flavours import set_limits
from tests.servers.echo import EchoServer
from tests.servers.fault_proxy import FaultProxy
from tests.servers.raw import RawServer, Reply

KEY = "prefix.verysecret"
CALLS = 500


@pytest.fixture(scope="module")
def server() -> Iterator[EchoServer]:
    with EchoServer() as echo:
        yield echo


def check(kraty: KratyServer, who: int, number: int) -> None:
    amount = who * 1_000_000 + number + 1
    answer = kraty.wallet.credit(f"p{who}", "gold", amount=amount)
    assert (answer.balance, answer.additional_properties["path"]) == (
        amount,
        f"/server/v1/players/p{who}/wallet/gold/credit",
    )


async def check_async(kraty: AsyncKratyServer, who: int, number: int) -> None:
    amount = who * 1_000_000 + number + 1
    answer = await kraty.wallet.credit(f"p{who}", "gold", amount=amount)
    assert (answer.balance, answer.additional_properties["path"]) == (
        amount,
        f"/server/v1/players/p{who}/wallet/gold/credit",
    )


def in_children(count: int, work: Callable[[int], None]) -> list[int]:
    """Fork children that do their work; one that hangs says where, and ends before the test would."""
    children = []
    for who in range(1, count + 1):
        pid = os.fork()
        if pid == 0:
            faulthandler.dump_traceback_later(60, exit=True, file=2)
            try:
                work(who)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children.append(pid)
    return children


def codes(children: list[int]) -> list[int]:
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect the garbage quietly: a warning that is noted keeps a socket alive into the next test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


# asyncio.run() ends with connections open that only its own loop could close; they go with the garbage.
left_by_a_loop = pytest.mark.filterwarnings(
    "ignore:unclosed transport:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
pytestmark = [
    pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning"),
    pytest.mark.usefixtures("each_transport"),
]


def test_a_client_used_before_a_fork_shares_no_connection_after_it(server: EchoServer) -> None:
    with KratyServer(api_key=KEY, base_url=server.url) as kraty:
        check(kraty, 0, 0)

        def work(who: int) -> None:
            for number in range(CALLS):
                check(kraty, who, number)

        children = in_children(8, work)
        work(0)
        assert codes(children) == [0] * 8


@left_by_a_loop
def test_an_async_client_used_before_a_fork_shares_no_connection_after_it(server: EchoServer) -> None:
    def before_and_after() -> list[int]:
        kraty = AsyncKratyServer(api_key=KEY, base_url=server.url)

        async def several(who: int) -> None:
            for start in range(0, CALLS, 10):
                await asyncio.gather(*(check_async(kraty, who, start + n) for n in range(10)))
            if who:
                await kraty.aclose()

        asyncio.run(several(0))
        children = in_children(8, lambda who: asyncio.run(several(who)))
        asyncio.run(several(0))
        return codes(children)

    assert before_and_after() == [0] * 8


def test_a_fork_while_other_threads_call_does_not_hang(server: EchoServer) -> None:
    with KratyServer(api_key=KEY, base_url=server.url) as kraty:
        stop = threading.Event()

        def busy(who: int) -> None:
            number = 0
            while not stop.is_set():
                check(kraty, who, number := number + 1)

        def work(who: int) -> None:
            for number in range(20):
                check(kraty, who, number)

        with ThreadPoolExecutor(4) as threads:
            running = [threads.submit(busy, 100 + n) for n in range(4)]
            try:
                assert codes(in_children(6, work)) == [0] * 6
            finally:
                stop.set()
            for one in running:
                one.result()


def test_a_fork_amid_the_first_call_over_tls_does_not_hang(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first connection loads the certificates; a fork waits until they are loaded."""
    caplog.set_level(logging.CRITICAL, "kraty_server")  # the lock of a captured stream does not survive a fork
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(variable, raising=False)
    for _ in range(6):
        kraty = KratyServer(api_key=KEY, base_url="https://127.0.0.1:9", retry=RetryConfig(attempts=1))

        def work(_: int, kraty: KratyServer = kraty) -> None:
            with pytest.raises(KratyNetworkError, match="Connection refused"):
                kraty.health.ping()

        with ThreadPoolExecutor(4) as threads:
            running = [threads.submit(work, 0) for _ in range(4)]
            assert codes(in_children(3, work)) == [0] * 3
            for one in running:
                one.result()


def test_a_clients_own_http_client_is_refused_in_a_fork(server: EchoServer) -> None:
    with httpx.Client() as mine, KratyServer(api_key=KEY, base_url=server.url, http_client=mine) as kraty:
        check(kraty, 0, 0)

        def work(who: int) -> None:
            with pytest.raises(KratyClosedError, match=r"http_client was made in process \d+"):
                check(kraty, who, 0)

        assert codes(in_children(1, work)) == [0]
        check(kraty, 0, 1)


@left_by_a_loop
def test_one_async_client_in_three_runs_one_after_the_other(server: EchoServer) -> None:
    kraty = AsyncKratyServer(api_key=KEY, base_url=server.url)
    for who in range(3):
        asyncio.run(check_async(kraty, who, 1))
        asyncio.run(check_async(kraty.with_options(timeout=3.0), who, 2))
    asyncio.run(kraty.aclose())


@left_by_a_loop
def test_one_async_client_in_two_threads_with_a_loop_each(server: EchoServer) -> None:
    kraty = AsyncKratyServer(api_key=KEY, base_url=server.url)

    async def many(who: int) -> None:
        for start in range(0, 200, 10):
            await asyncio.gather(*(check_async(kraty, who, start + n) for n in range(10)))

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(asyncio.run, many(who)) for who in range(2)]:
            done.result()
    asyncio.run(kraty.aclose())


def test_an_async_http_client_of_yours_is_refused_in_another_loop(server: EchoServer) -> None:
    mine = httpx.AsyncClient()
    kraty = AsyncKratyServer(api_key=KEY, base_url=server.url, http_client=mine)

    async def first() -> None:
        await check_async(kraty, 0, 0)
        await mine.aclose()

    asyncio.run(first())
    with pytest.raises(KratyClosedError, match="another event loop or process") as refused:
        asyncio.run(check_async(kraty, 0, 1))
    assert refused.value.__context__ is None  # nothing of how the loops are told apart


def test_32_threads_on_one_client_do_not_cross(server: EchoServer) -> None:
    with KratyServer(api_key=KEY, base_url=server.url) as kraty, ThreadPoolExecutor(32) as threads:
        for done in [threads.submit(check, kraty, n % 32, n) for n in range(10_000)]:
            done.result()


def test_closing_while_calls_are_in_flight_ends_them_with_a_clear_error() -> None:
    with RawServer([Reply(body=b"{}")]) as upstream, FaultProxy(upstream.url, lambda n: "silent") as proxy:
        kraty = KratyServer(api_key=KEY, base_url=proxy.url, deadline=30.0)
        with ThreadPoolExecutor(4) as threads:
            calls = [threads.submit(kraty.health.ping) for _ in range(4)]
            while proxy.requests < 4:
                threading.Event().wait(0.01)
            kraty.close()
            for call in calls:
                with pytest.raises(KratyClosedError, match="closed while this call was under way") as caught:
                    call.result(timeout=5)
                assert caught.value.outcome == "unknown"
                assert caught.value.operation == "health.ping"


def test_closing_wakes_a_call_that_waits_for_its_next_attempt() -> None:
    with RawServer([Reply(503, b"{}", {"retry-after": "20"})]) as server:
        kraty = KratyServer(api_key=KEY, base_url=server.url)
        with ThreadPoolExecutor(1) as threads:
            call = threads.submit(kraty.health.ping)
            while not server.arrived:
                threading.Event().wait(0.01)
            threading.Event().wait(0.1)
            kraty.close()
            with pytest.raises(KratyClosedError):
                call.result(timeout=5)


def test_closing_async_while_calls_are_in_flight_ends_them_with_a_clear_error() -> None:
    async def main(url: str, waiting: Callable[[], bool]) -> None:
        kraty = AsyncKratyServer(api_key=KEY, base_url=url, deadline=30.0)
        calls = [asyncio.create_task(kraty.health.ping()) for _ in range(4)]
        while not waiting():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        await kraty.aclose()
        for call in await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5):
            assert isinstance(call, KratyClosedError), repr(call)
            assert re.search("closed (while this call (was under way|waited for attempt)|before this call)", str(call))

    with RawServer([Reply(body=b"{}")]) as upstream, FaultProxy(upstream.url, lambda n: "silent") as proxy:
        asyncio.run(main(proxy.url, lambda: proxy.requests == 4))
    with RawServer([Reply(503, b"{}", {"retry-after": "20"})]) as server:
        asyncio.run(main(server.url, lambda: len(server.arrived) == 4))


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_closing_ends_calls_that_wait_for_a_connection(kind: str) -> None:

    def blocking(url: str, waiting: Callable[[], bool]) -> list[BaseException | None]:
        kraty = set_limits(KratyServer(api_key=KEY, base_url=url, deadline=30.0), max_connections=1)
        with ThreadPoolExecutor(3) as threads:
            calls = [threads.submit(kraty.health.ping) for _ in range(3)]
            while not waiting():
                threading.Event().wait(0.01)
            threading.Event().wait(0.1)
            kraty.close()
            return [call.exception(timeout=5) for call in calls]

    async def awaited(url: str, waiting: Callable[[], bool]) -> list[Any]:
        kraty = set_limits(AsyncKratyServer(api_key=KEY, base_url=url, deadline=30.0), max_connections=1)
        calls = [asyncio.create_task(kraty.health.ping()) for _ in range(3)]
        while not waiting():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        await kraty.aclose()
        return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)

    with RawServer([Reply(body=b"{}")]) as upstream, FaultProxy(upstream.url, lambda n: "silent") as proxy:
        args = proxy.url, lambda: proxy.requests == 1
        ended: list[Any] = blocking(*args) if kind == "sync" else asyncio.run(awaited(*args))
        assert all(isinstance(error, KratyClosedError) for error in ended), ended
        assert sorted(error.outcome for error in ended) == ["not_applied", "not_applied", "unknown"]
        assert proxy.requests == 1


def test_use_after_close_says_so(server: EchoServer) -> None:
    with KratyServer(api_key=KEY, base_url=server.url) as kraty:
        derived = kraty.with_options(timeout=1.0)
    for closed in (kraty, derived):
        with pytest.raises(KratyClosedError, match="the client was closed before this call") as caught:
            closed.health.ping()
        assert isinstance(caught.value, KratyError)
        assert caught.value.outcome == "not_applied"
    kraty.close()

    async def main() -> None:
        async with AsyncKratyServer(api_key=KEY, base_url=server.url) as closed:
            await check_async(closed, 0, 0)
        with pytest.raises(KratyClosedError, match="the client was closed before this call"):
            await closed.health.ping()
        await closed.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("how", ["cancel", "timeout"])
def test_cancelling_a_call_leaves_the_pool_usable(how: str) -> None:
    ok = Reply(body=b'{"data":{"economyKey":"g","balance":1,"applied":true}}')

    answering = threading.Event()

    async def main(url: str) -> None:
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=2)) as mine:
            kraty = AsyncKratyServer(api_key=KEY, base_url=url, http_client=mine)
            for _ in range(10):
                call = kraty.wallet.credit("p", "g", amount=1)
                if how == "cancel":
                    task = asyncio.create_task(call)
                    await asyncio.sleep(0.02)
                    task.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await task
                else:
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(0.02):
                            await call
            answering.set()
            for _ in range(4):
                assert (await kraty.wallet.credit("p", "g", amount=1)).applied

    with (
        RawServer([ok]) as upstream,
        FaultProxy(upstream.url, lambda n: None if answering.is_set() else "silent") as proxy,
    ):
        asyncio.run(main(proxy.url))


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
def test_clients_refuse_to_be_pickled_and_say_what_to_do(kind: Any) -> None:
    kraty = kind(api_key=KEY)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="make one in the process that uses it"):
            pickle.dumps(kraty, protocol)
    with pytest.raises(TypeError, match="make one in the process that uses it"):
        copy.deepcopy(kraty)


def test_a_connection_that_the_server_closed_is_replaced() -> None:
    pong = Reply(body=b'{"ok":true,"apiKey":{}}', headers={"connection": "keep-alive"})
    retry = RetryConfig(initial_delay=0.001)
    with RawServer([pong]) as short, KratyServer(api_key=KEY, base_url=short.url, retry=retry) as kraty:
        kraty.health.ping()
        for connection in short.connections:
            connection.shutdown(socket.SHUT_RDWR)
        kraty.health.ping()
    assert len(short.connections) == 2
