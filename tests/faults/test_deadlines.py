"""No call takes longer than `timeout` and `deadline`, whichever transport sends it and whatever holds it up.

The bounds here tell a call that ends at its wall, a fraction of a second, from one that hangs for `HANGS` seconds.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from enum import Enum
from importlib.util import find_spec
from typing import Any, Self

import httpx
import pytest

from kraty_server import AsyncKratyServer, KratyServer, KratyTimeoutError
from tests.flavours import OpenAsync, OpenSync, Sender, every_sender, our_senders
from tests.servers.wire import (
    KEY,
    ONCE,
    QUICK,
    Exchange,
    WireServer,
    at,
    credit,
    failed,
    options,
    own,
    resolving,
)

HANGS = 60.0
"""Seconds for which a server here holds a call that has no wall."""
WALL = 0.15
SOON = 20.0
"""Seconds in which a call with a wall of `WALL` has ended, on a slow machine too."""

WALLS: dict[str, dict[str, Any]] = {
    "timeout": {"timeout": WALL, "deadline": 60.0, "retry": ONCE},
    "deadline": {"timeout": 60.0, "deadline": WALL, "retry": QUICK},
}
each_wall = pytest.mark.parametrize("wall", WALLS)


def timed(use: Callable[[Any], Any], call: Callable[[Any], Any]) -> tuple[KratyTimeoutError, float]:
    """Make a call that fails; its error, and how long it took."""
    begun = time.monotonic()
    error = failed(use, call)
    held = time.monotonic() - begun
    assert isinstance(error, KratyTimeoutError), repr(error)
    return error, held


# Servers that hold a call


def drip_body(exchange: Exchange) -> None:
    _drip(exchange, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")


def drip_head(exchange: Exchange) -> None:
    _drip(exchange, b"HTTP/1.1 200 OK\r\nX-More: ")


def drip_chunks(exchange: Exchange) -> None:
    _drip(exchange, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n")


def drip_interim(exchange: Exchange) -> None:
    _drip(exchange, b"", b"HTTP/1.1 103 Early Hints\r\n\r\n")


def _drip(exchange: Exchange, head: bytes, byte: bytes = b"a") -> None:
    end = time.monotonic() + HANGS
    exchange.send(head)
    while time.monotonic() < end:
        exchange.send(byte)
        time.sleep(0.02)
    exchange.close()


def stall_body(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
    silent(exchange)


def silent(exchange: Exchange) -> None:
    exchange.socket.settimeout(HANGS)
    with suppress(OSError):
        exchange.socket.recv(1)  # until the client is gone
    exchange.close()


HOLD = [drip_body, drip_head, drip_chunks, drip_interim, stall_body, silent]


@every_sender
@pytest.mark.parametrize(
    ("wall", "hold"),
    [*(("deadline", hold) for hold in HOLD), ("timeout", drip_head), ("timeout", silent)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_server_that_holds_a_call_holds_it_to_the_wall(
    wall: str, hold: Callable[[Exchange], None], sender: Sender
) -> None:
    with WireServer(hold) as server, sender(**options(server.url, **WALLS[wall])) as use:
        error, held = timed(use, credit(1))
    assert held < SOON
    assert (error.attempts, error.outcome) == (1, "unknown")


@every_sender
@each_wall
def test_a_server_that_never_shakes_hands_holds_a_call_to_the_wall(wall: str, sender: Sender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # the kernel accepts, and nobody answers
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with sender(**options(url, **WALLS[wall])) as use:
            error, held = timed(use, credit(1))
    assert held < SOON
    assert error.outcome == "not_applied"


class SlowReader:
    """Reads what is sent to it, a little at a time, and never answers."""

    def __init__(self) -> None:
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(timeout=HANGS)
        self.listener.close()

    def _serve(self) -> None:
        end = time.monotonic() + HANGS
        with ExitStack() as connections, suppress(OSError):
            while True:
                connection = connections.enter_context(self.listener.accept()[0])
                while time.monotonic() < end and connection.recv(65536):
                    time.sleep(0.02)


@every_sender
def test_a_server_that_reads_slowly_holds_a_long_request_to_the_wall(sender: Sender) -> None:
    body = {"blob": "x" * 30_000_000}
    # Longer than a single write takes: it is all of them together that must end.
    with SlowReader() as server, sender(**options(server.url, timeout=60.0, deadline=1.0)) as use:
        error, held = timed(use, lambda kraty: kraty.request("POST", "/server/v1/x", body))
    assert held < SOON
    assert error.outcome == "unknown"


# Names


@every_sender
@each_wall
def test_looking_up_a_name_ends_at_the_wall(wall: str, sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def slow(port: int) -> Any:
        over.wait(HANGS)
        return at("127.0.0.1")(port)

    with (
        resolving(monkeypatch, "slow.localhost", slow),
        sender(**options("http://slow.localhost:9", **WALLS[wall])) as use,
    ):
        try:
            error, held = timed(use, credit(1))
        finally:
            over.set()
    assert held < SOON
    assert error.outcome == "not_applied", "nothing was sent"


@our_senders
def test_a_slow_look_up_ends_each_attempt_and_later_calls_work(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a name server that is gone, which takes resolvers 5 s to notice."""
    over = threading.Event()

    def slow(port: int) -> Any:
        over.wait(HANGS)
        return at("127.0.0.1")(port)

    with (
        WireServer() as server,
        resolving(monkeypatch, "slow.localhost", slow),
        sender(**options(f"http://slow.localhost:{server.port}", timeout=0.2)) as use,
    ):
        try:
            error, _ = timed(use, credit(1))
        finally:
            over.set()
        assert error.attempts == QUICK.attempts
        assert use(lambda kraty: credit(2)(kraty.with_options(timeout=5.0))).balance == 2


@contextmanager
def black_hole(port: int) -> Iterator[str]:
    """An address whose port neither accepts nor refuses: the queue of its listener is full, so packets are dropped."""
    with ExitStack() as stack:
        hole = stack.enter_context(closing(socket.socket()))
        hole.bind(("127.0.0.2", port))
        hole.listen(0)
        for _ in range(4):
            filler = stack.enter_context(closing(socket.socket()))
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.2", port))
        yield "127.0.0.2"


@every_sender
def test_the_second_address_of_a_host_is_used_where_the_first_is_a_black_hole(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        WireServer() as server,
        black_hole(server.port) as hole,
        resolving(monkeypatch, "two.localhost", at(hole, "127.0.0.1")),
        sender(**options(f"http://two.localhost:{server.port}", timeout=5.0, retry=ONCE)) as use,
    ):
        assert use(credit(1)).balance == 1
        assert use(credit(2)).balance == 2
    assert server.connections == 1, "the one that was found is kept"


@every_sender
def test_the_second_address_of_a_host_is_used_where_the_first_refuses(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        WireServer() as server,
        resolving(monkeypatch, "two.localhost", at("127.0.0.3", "127.0.0.1")),
        sender(**options(f"http://two.localhost:{server.port}", retry=ONCE)) as use,
    ):
        assert use(credit(1)).balance == 1


@every_sender
@each_wall
def test_a_host_of_black_holes_only_ends_at_the_wall(
    wall: str, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        WireServer() as server,
        black_hole(server.port) as hole,
        resolving(monkeypatch, "holes.localhost", at(hole, hole)),
        sender(**options(f"http://holes.localhost:{server.port}", **WALLS[wall])) as use,
    ):
        error, held = timed(use, credit(1))
    assert held < SOON
    assert error.outcome == "not_applied"


# Clients and transports of the caller


def parts(given: Any) -> dict[str, object]:
    """What a client or transport of httpx is made of: the attributes of it, of its transports, and of their pools."""
    todo: list[tuple[str, Any]] = [("", given)]
    found: dict[str, object] = {}
    while todo:
        path, one = todo.pop()
        found[f"{path}()"] = type(one)
        for name, value in vars(one).items():
            found[f"{path}.{name}"] = value
            if isinstance(value, Enum):
                continue
            if type(value).__module__.partition(".")[0] in ("httpx", "httpcore") and hasattr(value, "__dict__"):
                todo.append((f"{path}.{name}", value))
            if name == "_mounts":
                todo += [(f"{path}.{name}[{key.pattern}]", mount) for key, mount in value.items() if mount is not None]
            if name == "_event_hooks":
                found |= {f"{path}.{name}[{key}]": tuple(hooks) for key, hooks in value.items()}
    return found


def changed(before: dict[str, object], after: dict[str, object]) -> list[str]:
    """The names of what is no longer the same object, but for what httpx and httpcore note of their first use."""
    noted = re.compile(r"\._state|.*\._network_backend\._backend(\(\)|\..*)?")
    gone = [name for name in before | after if before.get(name) is not after.get(name)]
    return [name for name in gone if before.get(name) != after.get(name) and not noted.fullmatch(name)]


GIVEN = pytest.mark.parametrize(
    "make",
    [
        lambda: {"http_client": httpx.Client(trust_env=False)},
        lambda: {"http_client": httpx.Client(trust_env=False, mounts={"http://": httpx.HTTPTransport()})},
        lambda: {"transport": httpx.HTTPTransport(trust_env=False)},
        lambda: {"http_client": httpx.AsyncClient(trust_env=False)},
        lambda: {"http_client": httpx.AsyncClient(trust_env=False, mounts={"http://": httpx.AsyncHTTPTransport()})},
        lambda: {"transport": httpx.AsyncHTTPTransport(trust_env=False)},
    ],
    ids=["client", "mounts", "transport", "async-client", "async-mounts", "async-transport"],
)


@contextmanager
def opened(chosen: dict[str, Any], **more: Any) -> Iterator[OpenSync | OpenAsync]:
    """One client over what is given, which is closed at the end."""
    (given,) = chosen.values()
    if not hasattr(given, "aclose"):
        with closing(given), KratyServer(**chosen, **more) as kraty:
            yield OpenSync(kraty)
        return
    with asyncio.Runner() as loop:
        awaited = AsyncKratyServer(**chosen, **more)
        yield OpenAsync(awaited, loop)
        loop.run(awaited.aclose())
        loop.run(given.aclose())


@GIVEN
@pytest.mark.parametrize("hold", [own, drip_body], ids=lambda hold: hold.__name__)
def test_nothing_of_a_callers_client_stays_changed_after_close(
    hold: Callable[[Exchange], None], make: Callable[[], dict[str, Any]]
) -> None:
    chosen = make()
    (given,) = chosen.values()
    before = parts(given)
    with WireServer(hold) as server, opened(chosen, **options(server.url, timeout=0.2, retry=ONCE)) as use:
        if hold is own:
            use(credit(1))
        else:
            timed(use, credit(1))
        if isinstance(use, OpenSync):
            use.kraty.close()
        else:
            use.loop.run(use.kraty.aclose())
        assert changed(before, parts(given)) == []


def test_two_clients_over_one_of_the_caller_each_have_their_walls() -> None:
    with httpx.Client(trust_env=False) as given, WireServer() as good, WireServer(drip_head) as dripping:
        before = parts(given)
        first = KratyServer(http_client=given, **options(good.url))
        second = KratyServer(http_client=given, **options(dripping.url, **WALLS["deadline"]))
        assert credit(1)(first).balance == 1
        first.close()
        _, held = timed(lambda call: call(second), credit(1))
        assert held < SOON
        second.close()
        assert changed(before, parts(given)) == []


def test_the_wall_of_a_call_is_not_left_to_the_callers_own_requests() -> None:
    def slow(exchange: Exchange) -> None:
        if exchange.number:
            time.sleep(2 * WALL)
        own(exchange)

    with httpx.Client(trust_env=False) as given, WireServer(slow) as server:
        kraty = KratyServer(http_client=given, **options(server.url, **WALLS["timeout"]))
        assert credit(1)(kraty).balance == 1
        assert given.post(f"{server.url}/x/gold/credit", json={"amount": 3}).status_code == 200
        kraty.close()
        assert given.post(f"{server.url}/x/gold/credit", json={"amount": 3}).status_code == 200


# Calls within calls


class Calls:
    """Makes a quick call of another client, as an event hook that fetches a token does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.made = 0

    def __call__(self, *_: object) -> None:
        with KratyServer(**options(self.url)) as inner:
            assert credit(1)(inner).balance == 1
        self.made += 1

    async def awaited(self, *_: object) -> None:
        async with AsyncKratyServer(transport="httpx", **options(self.url)) as inner:
            assert (await credit(1)(inner)).balance == 1
        self.made += 1


class CallingTransport(httpx.HTTPTransport):
    calls: Calls

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.calls()
        return super().handle_request(request)


class AsyncCallingTransport(httpx.AsyncHTTPTransport):
    calls: Calls

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self.calls.awaited()
        return await super().handle_async_request(request)


def hooked(kind: str, calls: Calls) -> dict[str, Any]:
    """Options of a client in whose calls `calls` is made."""
    transport, async_transport = CallingTransport(trust_env=False), AsyncCallingTransport(trust_env=False)
    transport.calls = async_transport.calls = calls
    kinds: dict[str, Callable[[], dict[str, Any]]] = {
        "request hook": lambda: {"http_client": httpx.Client(event_hooks={"request": [calls]})},
        "response hook": lambda: {"http_client": httpx.Client(event_hooks={"response": [calls]})},
        "transport": lambda: {"transport": transport},
        "transport of a client": lambda: {"http_client": httpx.Client(transport=transport)},
        "async request hook": lambda: {"http_client": httpx.AsyncClient(event_hooks={"request": [calls.awaited]})},
        "async response hook": lambda: {"http_client": httpx.AsyncClient(event_hooks={"response": [calls.awaited]})},
        "async transport": lambda: {"transport": async_transport},
    }
    return kinds[kind]()


@pytest.mark.parametrize(
    "kind",
    ["request hook", "response hook", "transport", "transport of a client", "async request hook",
     "async response hook", "async transport"],
)  # fmt: skip
def test_a_call_within_a_call_leaves_it_its_wall(kind: str) -> None:
    hold = stall_body if "response" in kind else drip_head
    with WireServer() as quick, WireServer(hold) as dripping:
        calls = Calls(quick.url)
        with opened(hooked(kind, calls), **options(dripping.url, timeout=60.0, deadline=0.6)) as use:
            _, held = timed(use, credit(1))
        assert calls.made == 1
    assert held < SOON


@our_senders
def test_a_call_within_on_request_leaves_the_next_attempt_its_wall(sender: Sender) -> None:
    def busy_then_dripping(exchange: Exchange) -> None:
        if exchange.number == 0:
            exchange.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\n{}")
        else:
            drip_head(exchange)

    with WireServer() as quick, WireServer(busy_then_dripping) as server:
        calls = Calls(quick.url)
        more = {"timeout": 60.0, "deadline": 0.6, "on_request": calls}
        with sender(**options(server.url, **more)) as use:
            error, held = timed(use, credit(1))
        assert (error.attempts, calls.made) == (2, 2)
    assert held < SOON


@pytest.mark.skipif(find_spec("gevent") is None, reason="gevent is not installed")
def test_gevent_that_patches_after_the_import_takes_no_wall_away() -> None:
    script = """
        import sys, time, warnings
        import kraty_server
        from kraty_server import KratyServer, KratyTimeoutError, RetryConfig
        warnings.simplefilter("ignore")
        from gevent import monkey
        monkey.patch_all()
        import gevent

        key, good, dripping = sys.argv[1:]
        stop = []

        def quick():
            with KratyServer(api_key=key, base_url=good, timeout=5.0, deadline=5.0) as kraty:
                while not stop:
                    assert kraty.wallet.credit("p", "gold", amount=5).balance == 5

        def held():
            with KratyServer(api_key=key, base_url=dripping, timeout=60.0, deadline=1.0) as kraty:
                begun = time.monotonic()
                try:
                    kraty.wallet.credit("p", "gold", amount=5)
                except KratyTimeoutError:
                    return time.monotonic() - begun

        others = [gevent.spawn(quick) for _ in range(2)]
        took = gevent.spawn(held)
        took.join()
        stop.append(True)
        gevent.joinall(others, raise_error=True)
        print(took.get())
    """
    with WireServer() as good, WireServer(drip_head) as dripping:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), KEY, good.url, dripping.url],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < SOON
