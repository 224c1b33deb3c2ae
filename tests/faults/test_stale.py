"""Connections that died while they were idle cost little, and are found out before they are used where that can be."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from kraty_server import AsyncKratyServer, KratyNetworkError, KratyServer, RetryConfig
from kraty_server._http.async_connections import AsyncConnections
from kraty_server._http.connections import Connections
from kraty_server._http.pool import Limits
from tests.flavours import Open, OpenAsync, OpenSync, Sender, every_sender, our_senders
from tests.servers.wire import ONCE, Exchange, WireServer, at, credit, failed, options, resolving

IDLE = 100


class Balancer:
    """Forgets all connections that it has, when told, and resets or closes them with their next request.

    Nothing is seen of that while they are idle.
    """

    def __init__(self, expected: int, *, reset: bool) -> None:
        self.reset = reset
        self.forgotten = 0
        """Connections below this number are dead."""
        self.expected = expected
        self.came = 0
        self.all_came = threading.Event()
        self.lock = threading.Lock()
        self.refused: list[int] = []

    def __call__(self, exchange: Exchange) -> None:
        if exchange.connection < self.forgotten:
            with self.lock:
                self.refused.append(exchange.body["amount"])
            (exchange.reset if self.reset else exchange.close)()
            return
        with self.lock:
            self.came += 1
            if self.came >= self.expected:
                self.all_came.set()
        self.all_came.wait(10)  # so that each of the first calls has a connection of its own
        exchange.send(exchange.credited())

    def forget(self, server: WireServer) -> None:
        self.forgotten = server.connections


def many_idle(use: Open, count: int = IDLE) -> None:
    """Leave so many idle connections behind."""
    answers = use.together([credit(amount) for amount in range(1, count + 1)], workers=count)
    assert [answer.balance for answer in answers] == [*range(1, count + 1)]


@our_senders
@pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])
def test_a_load_balancer_that_forgets_100_idle_connections_costs_an_extra_attempt_a_call_at_most(
    reset: bool, sender: Sender
) -> None:
    """With the two attempts that each call has here, none fails; and the calls one after the other cost one in all."""
    balancer = Balancer(IDLE, reset=reset)
    twice = RetryConfig(attempts=2, initial_delay=0.001)
    with WireServer(balancer) as server, sender(**options(server.url, retry=twice, timeout=10.0)) as use:
        many_idle(use)
        assert server.connections == IDLE
        balancer.forget(server)
        for amount in range(1000, 1020):
            assert use(credit(amount)).balance == amount
    assert len(balancer.refused) == 1, "what was idle as long is not tried one after the other"


@our_senders
@pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])
def test_calls_at_once_over_forgotten_connections_take_one_extra_attempt_each_at_most(
    reset: bool, sender: Sender
) -> None:
    balancer = Balancer(IDLE, reset=reset)
    twice = RetryConfig(attempts=2, initial_delay=0.001)
    with WireServer(balancer) as server, sender(**options(server.url, retry=twice, timeout=10.0)) as use:
        many_idle(use)
        balancer.forget(server)
        answers = use.together([credit(amount) for amount in range(1000, 1100)], workers=50)
        assert [answer.balance for answer in answers] == [*range(1000, 1100)], "none had two dead ones"
    assert len(balancer.refused) == len(set(balancer.refused))
    assert 1 <= len(balancer.refused) <= 50


@our_senders
def test_after_a_failure_on_a_reused_connection_no_attempt_goes_over_one_that_was_idle_then(sender: Sender) -> None:
    """Also of other calls, and where the first call has no attempt left."""
    balancer = Balancer(10, reset=True)
    with WireServer(balancer) as server, sender(**options(server.url, retry=ONCE)) as use:
        many_idle(use, 10)
        balancer.forget(server)
        error = failed(use, credit(1000))
        assert isinstance(error, KratyNetworkError)
        assert error.outcome == "unknown"
        for amount in range(1001, 1010):
            assert use(credit(amount)).balance == amount
    assert balancer.refused == [1000]


@our_senders
def test_a_failure_on_a_new_connection_leaves_the_idle_ones(sender: Sender) -> None:
    together = threading.Barrier(2, timeout=10)
    broken = threading.Event()

    def answer(exchange: Exchange) -> None:
        if exchange.connection == 2:
            exchange.reset()
            broken.set()
            return
        if exchange.turn == 0:
            together.wait()
        elif exchange.turn == 1:
            broken.wait(10)
        exchange.send(exchange.credited())

    with WireServer(answer) as server, sender(**options(server.url, retry=ONCE)) as use:
        use.together([credit(1), credit(2)], workers=2)
        results = use.together([credit(3), credit(4), credit(5)], workers=3)
        assert sum(isinstance(result, KratyNetworkError) for result in results) == 1
        assert [use(credit(amount)).balance for amount in (6, 7)] == [6, 7]
    assert server.connections == 3


@every_sender
@pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])
def test_a_connection_that_the_peer_has_closed_is_noticed_before_it_is_used(reset: bool, sender: Sender) -> None:
    with WireServer() as server, sender(**options(server.url, retry=ONCE)) as use:
        for amount in range(1, 6):
            assert use(credit(amount)).balance == amount
            server.close_all(reset=reset)
    assert (len(server.exchanges), server.connections) == (5, 5)


@our_senders
@pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])
def test_many_connections_that_the_peer_has_closed_are_noticed_before_they_are_used(
    reset: bool, sender: Sender
) -> None:
    """Also where the event loop has not turned since."""
    balancer = Balancer(20, reset=True)
    with WireServer(balancer) as server, sender(**options(server.url, retry=ONCE)) as use:
        many_idle(use, 20)
        server.close_all(reset=reset)
        answers = use.together([credit(amount) for amount in range(1000, 1020)], workers=20)
        assert [answer.balance for answer in answers] == [*range(1000, 1020)]
    assert len(server.exchanges) == 40


@every_sender
def test_a_server_that_closes_after_each_answer_is_no_failure(sender: Sender) -> None:
    """It says so, or just does it."""

    def answer(exchange: Exchange) -> None:
        said = b"Connection: close\r\n" if exchange.number % 2 else b""
        exchange.send(exchange.credited().replace(b"\r\nContent-Type", b"\r\n" + said + b"Content-Type", 1))
        exchange.close()

    with WireServer(answer) as server, sender(**options(server.url, retry=ONCE)) as use:
        for amount in range(1, 9):
            assert use(credit(amount)).balance == amount
            use.rest(0.005)
    assert len(server.exchanges) == 8


# Age


@contextmanager
def limited(use: Open, sender: Sender, limits: Limits) -> Iterator[None]:
    """Give a client connections with other limits; there is no option for that."""
    kraty, url = use.kraty, use.kraty._options.base_url
    name = sender.make().get("transport", "httpx")
    if isinstance(kraty, KratyServer):
        kraty.close()
        kraty._connections = Connections(url, name=name, limits=limits)
        yield
        return
    kraty._connections = AsyncConnections(url, name=name, limits=limits)
    yield


@our_senders
def test_a_connection_has_a_greatest_age_so_that_a_name_that_moves_is_followed(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = ["127.0.0.1"]
    with (
        WireServer() as before,
        WireServer(host="127.0.0.2", port=before.port) as after,
        resolving(monkeypatch, "moves.localhost", lambda port: at(*address)(port)),
        sender(**options(f"http://moves.localhost:{before.port}", retry=ONCE)) as use,
        limited(use, sender, Limits(max_age=0.3)),
    ):
        assert use(credit(1)).balance == 1
        assert use(credit(2)).balance == 2
        address[0] = "127.0.0.2"
        use.rest(0.35)
        assert use(credit(3)).balance == 3
        assert use(credit(4)).balance == 4
    assert before.connections + after.connections == 2
    if sender.name != "aiohttp":  # it keeps a name for 10 s
        assert (len(before.exchanges), len(after.exchanges)) == (2, 2)


@our_senders
def test_a_connection_that_was_idle_too_long_is_not_used(sender: Sender) -> None:
    with (
        WireServer() as server,
        sender(**options(server.url, retry=ONCE)) as use,
        limited(use, sender, Limits(idle_seconds=0.2)),
    ):
        assert use(credit(1)).balance == 1
        use.rest(0.25)
        assert use(credit(2)).balance == 2
        assert server.connections == 2


# Clients that nobody closes


@our_senders
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_client_that_is_dropped_without_close_frees_its_sockets_at_once(sender: Sender) -> None:
    """Without waiting for the cycle collector, which may not come for hours."""
    together = threading.Barrier(3, timeout=10)

    def answer(exchange: Exchange) -> None:
        together.wait()
        exchange.send(exchange.credited())

    def gone(server: WireServer, turn: Callable[[], None]) -> bool:
        end = time.monotonic() + 5
        while server.open and time.monotonic() < end:
            turn()
        return not server.open

    with WireServer(answer) as server:
        calls = [credit(amount) for amount in (1, 2, 3)]
        gc.collect()
        gc.disable()
        try:
            if sender.blocking:
                kraty = KratyServer(**sender.make(), **options(server.url))
                assert [answer.balance for answer in OpenSync(kraty).together(calls, 3)] == [1, 2, 3]
                assert len(server.open) == 3
                del kraty
                assert gone(server, lambda: time.sleep(0.005))
                return
            with asyncio.Runner() as loop:
                awaited = AsyncKratyServer(**sender.make(), **options(server.url))
                assert [answer.balance for answer in OpenAsync(awaited, loop).together(calls, 3)] == [1, 2, 3]
                assert len(server.open) == 3
                del awaited
                assert gone(server, lambda: loop.run(asyncio.sleep(0.005)))
        finally:
            gc.enable()
            gc.collect()
