"""Each socket operation gets the time that is left, and no other; stepped over a network that only takes notes."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import httpcore
import pytest

from kraty_server._http import deadline as module
from kraty_server._http.deadline import WRITE_SIZE, Deadline, DeadlineBackend, DeadlineStream, remaining


class Clock:
    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()

    class Time:
        @staticmethod
        def monotonic() -> float:
            return clock.now

    monkeypatch.setattr(module, "SYSTEM_CLOCK", Time)
    return clock


class Socket:
    def __init__(self, asked: list[Any], gone: bool) -> None:
        self.asked, self.gone = asked, gone

    def shutdown(self, how: int) -> None:
        self.asked.append(("shutdown", how))
        if self.gone:
            raise OSError("not connected")


class Stream(httpcore.NetworkStream):
    """Notes what is asked of it, and with which time-out; `fails` is raised instead of an answer."""

    def __init__(self, fails: Callable[[], Exception] | None = None, gone: bool = False) -> None:
        self.asked: list[Any] = []
        self.fails = fails
        self.gone = gone

    def _note(self, *what: Any) -> None:
        self.asked.append(what)
        if self.fails is not None:
            raise self.fails()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._note("read", max_bytes, timeout)
        return b"data"

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._note("write", buffer, timeout)

    def close(self) -> None:
        self.asked.append(("close",))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        self._note("start_tls", ssl_context, server_hostname, timeout)
        return Stream()

    def get_extra_info(self, info: str) -> Any:
        return Socket(self.asked, self.gone) if info == "socket" else info


class Backend(httpcore.NetworkBackend):
    def __init__(self, fails: Callable[[], Exception] | None = None) -> None:
        self.asked: list[Any] = []
        self.fails = fails

    def connect_tcp(self, *given: Any, **named: Any) -> httpcore.NetworkStream:
        self.asked.append((*given, named))
        if self.fails is not None:
            raise self.fails()
        return Stream()

    def connect_unix_socket(self, *given: Any, **named: Any) -> httpcore.NetworkStream:
        self.asked.append((*given, named))
        return Stream()

    def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)


def over(stream: Stream) -> DeadlineStream:
    return DeadlineStream(stream, DeadlineBackend(Backend()).open_streams)


def test_without_a_deadline_time_outs_are_as_they_were() -> None:
    assert remaining(None, httpcore.ReadTimeout) is None
    assert remaining(7.0, httpcore.ReadTimeout) == 7.0


def test_what_is_left_shrinks_and_then_there_is_nothing(clock: Clock) -> None:
    with Deadline(10.0) as deadline:
        assert deadline.expires_at == 1010.0
        assert remaining(None, httpcore.ReadTimeout) == 10.0
        clock.now += 4.0
        assert remaining(100.0, httpcore.ReadTimeout) == 6.0
        assert remaining(2.0, httpcore.ReadTimeout) == 2.0
        clock.now += 5.5
        assert remaining(100.0, httpcore.ReadTimeout) == 0.5
        clock.now += 0.5
        for expired in (httpcore.ReadTimeout, httpcore.ConnectTimeout):
            with pytest.raises(expired, match="^the time for this attempt has passed$"):
                remaining(100.0, expired)
    assert remaining(100.0, httpcore.ReadTimeout) == 100.0


def test_a_call_within_a_call_has_its_own_time_and_gives_the_outer_ones_back(clock: Clock) -> None:
    with Deadline(10.0):
        with Deadline(3.0):
            assert remaining(None, httpcore.ReadTimeout) == 3.0
        assert remaining(None, httpcore.ReadTimeout) == 10.0
        with pytest.raises(ZeroDivisionError), Deadline(1.0):
            raise ZeroDivisionError
        assert remaining(None, httpcore.ReadTimeout) == 10.0


def test_reads_and_tls_get_what_is_left(clock: Clock) -> None:
    inner, context = Stream(), ssl.create_default_context()
    stream = over(inner)
    with Deadline(10.0):
        clock.now += 1.0
        assert stream.read(512, 60.0) == b"data"
        secured = stream.start_tls(context, "host", 60.0)
        assert secured.read(512, 60.0) == b"data"
        stream.start_tls(context, "host", 5.0)
        clock.now += 9.0
        with pytest.raises(httpcore.ReadTimeout):
            stream.read(512, 60.0)
        with pytest.raises(httpcore.ConnectTimeout):
            stream.start_tls(context, "host", 60.0)
        with pytest.raises(httpcore.WriteTimeout):
            stream.write(b"x", 60.0)
        with pytest.raises(httpcore.ReadTimeout):
            secured.read(512, 60.0)
    assert inner.asked == [("read", 512, 9.0), ("start_tls", context, "host", 9.0), ("start_tls", context, "host", 5.0)]


def test_a_long_write_is_cut_into_pieces_each_of_which_gets_what_is_left(clock: Clock) -> None:
    inner = Stream()
    body = bytes(range(256)) * (WRITE_SIZE // 256 * 2) + b"end"
    with Deadline(10.0):
        over(inner).write(body, 60.0)
        over(inner).write(b"", 60.0)
    assert b"".join(one[1] for one in inner.asked) == body
    assert [(len(one[1]), one[2]) for one in inner.asked] == [(WRITE_SIZE, 10.0), (WRITE_SIZE, 10.0), (3, 10.0)]
    hurried = Stream()
    with Deadline(10.0):
        over(hurried).write(body, 4.0)
    assert [one[2] for one in hurried.asked] == [4.0, 4.0, 4.0]
    exact = Stream()
    over(exact).write(b"x" * WRITE_SIZE, 60.0)
    assert [(len(one[1]), one[2]) for one in exact.asked] == [(WRITE_SIZE, 60.0)]


def timed_out(kind: type[Exception], cause: Exception) -> Callable[[], Exception]:
    def make() -> Exception:
        error = kind("timed out")
        error.__cause__ = cause
        return error

    return make


@pytest.mark.parametrize(
    ("kind", "use"),
    [
        (httpcore.ReadTimeout, lambda fails: over(Stream(fails)).read(1, 60.0)),
        (httpcore.WriteTimeout, lambda fails: over(Stream(fails)).write(b"x", 60.0)),
        (httpcore.ConnectTimeout, lambda fails: DeadlineBackend(Backend(fails)).connect_tcp("127.0.0.1", 80, 60.0)),
    ],
    ids=["read", "write", "connect"],
)  # fmt: skip
class TestTimeOutsOfSignalHandlers:
    """Celery's soft limit and `signal.alarm` raise amid a socket operation: that is not the server's doing."""

    def test_one_that_comes_too_early_to_be_the_sockets_own_goes_through(
        self, kind: type[Exception], use: Callable[[Any], Any], clock: Clock
    ) -> None:
        theirs = TimeoutError("a soft limit")
        with Deadline(10.0) as deadline:
            with pytest.raises(TimeoutError) as raised:
                use(timed_out(kind, theirs))
            assert raised.value is theirs
            assert raised.value.__cause__ is None
            assert deadline.foreign_timeout is theirs

    def test_one_at_the_deadline_is_the_sockets_own(
        self, kind: type[Exception], use: Callable[[Any], Any], clock: Clock
    ) -> None:
        def late() -> Exception:
            clock.now += 9.996  # sockets may wake a little early
            return timed_out(kind, TimeoutError("timed out"))()

        with Deadline(10.0) as deadline, pytest.raises(kind):
            use(late)
        assert deadline.foreign_timeout is None

    def test_one_of_a_shorter_time_out_is_the_sockets_own(
        self, kind: type[Exception], use: Callable[[Any], Any], clock: Clock
    ) -> None:
        with Deadline(100.0) as deadline, pytest.raises(kind):
            use(timed_out(kind, TimeoutError("timed out")))
        assert deadline.foreign_timeout is None

    def test_an_error_that_is_no_time_out_of_python_is_left_alone(
        self, kind: type[Exception], use: Callable[[Any], Any], clock: Clock
    ) -> None:
        with Deadline(10.0) as deadline, pytest.raises(kind):
            use(timed_out(kind, OSError("reset")))
        assert deadline.foreign_timeout is None
        with pytest.raises(kind):
            use(timed_out(kind, TimeoutError("timed out")))


def test_connecting_gets_what_is_left(clock: Clock) -> None:
    inner = Backend()
    backend = DeadlineBackend(inner)
    options = [(6, 1, 1)]
    with Deadline(10.0):
        clock.now += 2.0
        stream = backend.connect_tcp("127.0.0.1", 80, 60.0, "127.0.0.2", options)
        local = backend.connect_unix_socket("/run/x", 60.0, options)
        assert (stream.read(1), local.read(1)) == (b"data", b"data")
        backend.connect_tcp("127.0.0.1", 81, 3.0)
        backend.connect_unix_socket("/run/y", 3.0)
        clock.now += 8.0
        with pytest.raises(httpcore.ConnectTimeout):
            backend.connect_tcp("127.0.0.1", 80, 60.0)
        with pytest.raises(httpcore.ConnectTimeout):
            backend.connect_unix_socket("/run/x", 60.0)
        with pytest.raises(httpcore.ReadTimeout):
            stream.read(1, 60.0)
    (host, port, seconds, local_address, socket_options, _), (path, left, unix_options, _), hurried, near = inner.asked
    assert (hurried[0], hurried[1], near[1]) == ("127.0.0.1", 81, 3.0)
    assert hurried[2] <= 3.0
    assert (host, port, local_address, socket_options) == ("127.0.0.1", 80, "127.0.0.2", options)
    assert 4.0 < seconds <= 8.0, "the names and addresses of a host are looked for in real time"
    assert (path, left, unix_options) == ("/run/x", 8.0, options)
    assert {one() for one in backend.open_streams} == {stream, local}
    backend.sleep(0.5)
    assert inner.asked[-1] == 0.5


def test_shutting_down_wakes_each_open_connection_and_none_that_was_closed() -> None:
    backend = DeadlineBackend(Backend())
    kept, gone, closed = Stream(), Stream(gone=True), Stream()
    streams = [DeadlineStream(one, backend.open_streams) for one in (gone, kept, closed)]
    streams[2].close()
    DeadlineStream(Stream(), backend.open_streams)  # and one that nobody holds any more
    backend.shutdown_sockets()
    assert (kept.asked, gone.asked, closed.asked) == ([("shutdown", 2)], [("shutdown", 2)], [("close",)])
    assert backend.installed == 0


def test_a_connection_that_became_a_secured_one_is_counted_once() -> None:
    backend = DeadlineBackend(Backend())
    plain = DeadlineStream(Stream(), backend.open_streams)
    secured = plain.start_tls(ssl.create_default_context(), "host", 1.0)
    assert {one() for one in backend.open_streams} == {secured}
    assert secured.get_extra_info("peername") == "peername"
