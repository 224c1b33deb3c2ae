"""What only `transport="fast"` promises: it knows what left, refuses what can be read in two ways, and speaks TLS itself."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Self

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("httptools")

from kraty_server import AsyncKratyServer, KratyNetworkError, KratyServer, KratyServerError, RetryConfig
from tests.faults.differential import answers, compare
from tests.flavours import SENDERS, Sender
from tests.servers.secure import SecureServer
from tests.servers.wire import Exchange, WireServer, credit, failed, http, options, wallet

both = pytest.mark.parametrize(
    "sender", [one for one in SENDERS if one.knows_what_left], ids=lambda sender: sender.name
)
LONG = {"blob": "x" * 30_000_000}
ONCE = RetryConfig(attempts=1)


@settings(max_examples=500, print_blob=False)
@given(st.randoms(use_true_random=True))
def test_no_answer_is_read_otherwise_than_by_httpx_without_a_written_reason(dice: Random) -> None:
    """A short run of `make differential`."""
    compare(answers(dice), Counter())


# Answers that can be read in two ways

CHUNKED = "Transfer-Encoding: chunked"
SMUGGLED = {
    "two lengths": http(wallet(1), "200 OK", f"Content-Length: {len(wallet(1))}", "Content-Length: 2", length=False),
    "the same length twice": http(wallet(1), "200 OK", f"Content-Length: {len(wallet(1))}"),
    "a list of lengths": http(b"{}", "200 OK", "Content-Length: 2, 2", length=False),
    "a length and chunks": http(b"0\r\n\r\n", "200 OK", CHUNKED),
    "chunks within something": http(b"0\r\n\r\n", "200 OK", "Transfer-Encoding: chunked, gzip", length=False),
    "chunks under another name": http(b"0\r\n\r\n", "200 OK", "Transfer-Encoding: xchunked", length=False),
    "a header that is folded": http(wallet(1), "200 OK", "X-A: a\r\n b"),
    "a line without CR": http(wallet(1), "200 OK", "X-A: a\nX-B: b"),
    "a CR amid a line": http(wallet(1), "200 O\rK"),
    "a head without CR": http(wallet(1)).replace(b"\r", b""),
    "a name with a space": http(wallet(1), "200 OK", "X-A : a"),
    "another protocol": http(wallet(1)).replace(b"HTTP/1.1", b"RTSP/1.0"),
    "a line before it": b"\r\n" + http(wallet(1)),
    "a protocol to switch to": http(b"", "101 Switching", "Upgrade: x", "Connection: upgrade", length=False),
    "a chunk that is longer than it says": http(b"2\r\n{}}\r\n0\r\n\r\n", "200 OK", CHUNKED, length=False),
    "a coding in a trailer": http(b"2\r\n{}\r\n0\r\nTransfer-Encoding: \xff\r\n\r\n", "200 OK", CHUNKED, length=False),
    "a length in a trailer": http(b"2\r\n{}\r\n0\r\nContent-Length: 2\r\n\r\n", "200 OK", CHUNKED, length=False),
}


@both
@pytest.mark.parametrize("answer", SMUGGLED.values(), ids=SMUGGLED)
def test_an_answer_that_can_be_read_in_two_ways_is_refused_and_its_connection_closed(
    answer: bytes, sender: Sender
) -> None:
    replies = [answer]
    with (
        WireServer(lambda exchange: exchange.send(replies.pop() if replies else exchange.credited())) as server,
        sender(**options(server.url, retry=ONCE)) as use,
    ):
        error = failed(use, credit(1))
        assert isinstance(error, KratyNetworkError), repr(error)
        assert error.outcome == "unknown"
        assert use(credit(2)).balance == 2
        assert server.connections == 2


@both
@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b""]
)
@pytest.mark.parametrize("more", [b"X-More: a\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"x" * 1000])
def test_what_never_comes_to_content_is_refused_after_100_kib(head: bytes, more: bytes, sender: Sender) -> None:
    if not head and more.startswith(b"HTTP"):
        head = more
    sent: list[int] = []

    def endless(exchange: Exchange) -> None:
        exchange.send(head)
        for _ in range(4_000_000 // len(more)):
            exchange.send(more)
            sent.append(len(more))

    with WireServer(endless) as server, sender(**options(server.url, retry=ONCE, timeout=30.0)) as use:
        assert failed(use, credit(1)).outcome == "unknown"
    assert sum(sent) < 4_000_000, "it was not read to its end"


# What left


class Deaf:
    """Takes connections and reads nothing, or so many bytes of what comes."""

    def __init__(self, reads: int = 0, says: bytes = b"") -> None:
        self.reads, self.says = reads, says
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.over = threading.Event()

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def serve(self) -> None:
        connection, _ = self.listener.accept()
        with connection:
            left = self.reads
            while left > 0 and (data := connection.recv(min(left, 65536))):
                left -= len(data)
            if self.says:
                connection.sendall(self.says)
            if self.says or not self.reads:
                self.over.wait(30)

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join(30)
        self.listener.close()


@both
def test_a_request_of_which_not_all_left_in_time_was_not_applied(sender: Sender) -> None:
    with Deaf() as server, sender(**options(server.url, retry=ONCE, timeout=0.5)) as use:
        error = failed(use, lambda kraty: kraty.request("POST", "/server/v1/x", LONG))
    assert error.outcome == "not_applied"
    assert error.is_retryable
    assert "sent whole" in str(error)


@both
def test_a_request_that_was_cut_off_was_not_applied(sender: Sender) -> None:
    with Deaf(reads=1_000_000) as server, sender(**options(server.url, retry=ONCE)) as use:
        error = failed(use, lambda kraty: kraty.request("POST", "/server/v1/x", LONG))
    assert error.outcome == "not_applied", repr(error)


@both
def test_a_request_that_left_whole_may_have_been_applied(sender: Sender) -> None:
    with Deaf() as server, sender(**options(server.url, retry=ONCE, timeout=0.5)) as use:
        assert failed(use, credit(1)).outcome == "unknown"


@both
def test_a_refusal_that_comes_before_the_whole_request_is_an_answer(sender: Sender) -> None:
    said = http(json.dumps({"error": {"code": "too_large", "message": "m"}}).encode(), "413 Too Large")
    with Deaf(reads=1000, says=said) as server, sender(**options(server.url, retry=ONCE)) as use:
        error = failed(use, lambda kraty: kraty.request("POST", "/server/v1/x", LONG))
    assert isinstance(error, KratyServerError), repr(error)
    assert (error.status, error.code, error.outcome) == (413, "too_large", "not_applied")


@both
def test_a_success_that_comes_before_the_whole_request_is_not_the_answer_to_it(sender: Sender) -> None:
    with Deaf(reads=1000, says=http(wallet(1))) as server, sender(**options(server.url, retry=ONCE)) as use:
        error = failed(use, lambda kraty: kraty.request("POST", "/server/v1/x", LONG))
    assert isinstance(error, KratyNetworkError), repr(error)
    assert error.outcome == "not_applied"


# TLS


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


def passed_on(source: Any, target: Any) -> bool:
    """Pass on what is there; whether both sides still are."""
    try:
        data = source.recv(65536)
        target.sendall(data)
        return bool(data)
    except (TimeoutError, BlockingIOError):
        return True
    except OSError:
        return False


def tunnel(client: ssl.SSLSocket, heads: list[bytes]) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(1)
    heads.append(head)
    host, _, port = head.split(b" ")[1].partition(b":")
    with client, socket.create_connection((host.decode(), int(port))) as upstream:
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        # In turns, since a socket of TLS is not to be used by two threads at once.
        upstream.setblocking(False)
        client.settimeout(0.01)
        while passed_on(client, upstream) and passed_on(upstream, client):
            pass


@pytest.fixture
def tls_proxy(authority: trustme.CA) -> Iterator[tuple[str, list[bytes]]]:
    """A proxy behind TLS, for CONNECT; and the heads that came."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    listener, heads = socket.create_server(("127.0.0.1", 0)), list[bytes]()

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            client = context.wrap_socket(plain, server_side=True)
            threading.Thread(target=tunnel, args=(client, heads), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"https://user:password@127.0.0.1:{listener.getsockname()[1]}", heads
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)


untidy = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@both
@untidy
def test_calls_over_tls_share_a_connection_though_tickets_come_in_between(
    sender: Sender, authority: trustme.CA, tmp_path: Path
) -> None:
    with SecureServer(authority, tmp_path) as server, sender(**options(server.url)) as use:
        assert all(use(lambda kraty: kraty.health.ping()).ok for _ in range(4))
    assert [version for version, _ in server.asked] == ["1.1"] * 4
    assert len({port for _, port in server.asked}) == 1


@both
@untidy
def test_a_proxy_behind_tls_is_passed_in_tls(
    sender: Sender,
    authority: trustme.CA,
    tmp_path: Path,
    tls_proxy: tuple[str, list[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", tls_proxy[0])
    with SecureServer(authority, tmp_path) as server, sender(**options(server.url)) as use:
        assert all(use(lambda kraty: kraty.health.ping()).ok for _ in range(3))
    assert len(server.asked) == 3
    (head,) = tls_proxy[1]
    assert head.startswith(b"CONNECT 127.0.0.1:")
    assert b"Proxy-Authorization: Basic dXNlcjpwYXNzd29yZA==" in head
    assert b"verysecret" not in head


class Tls:
    """A server that accepts TLS, reads so many bytes, and then nothing more."""

    def __init__(self, authority: trustme.CA, reads: int) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self.context)
        self.reads, self.over = reads, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        plain, _ = self.listener.accept()
        with self.context.wrap_socket(plain, server_side=True) as connection:
            connection.recv(self.reads)
            self.over.wait(30)

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join(30)
        self.listener.close()


@both
@pytest.mark.parametrize(("body", "outcome"), [(LONG, "not_applied"), ({}, "unknown")], ids=["cut off", "whole"])
def test_what_left_is_known_behind_tls_too(
    body: dict[str, Any], outcome: str, sender: Sender, authority: trustme.CA
) -> None:
    with Tls(authority, 100) as server, sender(**options(server.url, retry=ONCE, timeout=1.0)) as use:
        error = failed(use, lambda kraty: kraty.request("POST", "/server/v1/x", body))
    assert error.outcome == outcome, repr(error)


# The choice


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
def test_it_is_chosen_by_name_or_by_the_environment_and_only_then(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(**more: Any) -> bool:
        kraty = kind(api_key="prefix.secret", base_url="http://127.0.0.1:9", **more)
        return "Socket" in kraty._connections.make_sender.__name__

    assert not chosen()
    assert chosen(transport="fast")
    monkeypatch.setenv("KRATY_TRANSPORT", "fast")
    assert chosen()
    assert not chosen(transport="httpx")


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
@pytest.mark.parametrize("package", ["httptools", "aiohappyeyeballs"])
def test_without_its_extra_it_is_refused_with_what_to_install(
    package: str, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.util import find_spec

    monkeypatch.setattr("kraty_server._options.find_spec", lambda name: None if name == package else find_spec(name))
    with pytest.raises(ValueError, match=r"install kraty-server\[fast\]"):
        kind(api_key="prefix.secret", transport="fast")


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
def test_http2_is_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match=r"http2: fast speaks HTTP/1\.1 only"):
        kind(api_key="prefix.secret", transport="fast", http2=True)
