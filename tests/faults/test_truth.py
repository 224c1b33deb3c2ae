"""An error says what is true: `applied` only after Kraty's own answer, `not_applied` only where nothing can have been."""

from __future__ import annotations

import json
import pickle
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import h2.config
import h2.connection
import h2.events
import httpx
import pytest
import trustme
from hpack import Encoder

from kraty_server import (
    ConflictError,
    KratyError,
    KratyNetworkError,
    KratyServerError,
    KratyTimeoutError,
)
from tests.flavours import Open, Sender, every_sender, our_senders
from tests.servers.wire import KEY, ONCE, WireServer, credit, failed, http, options, own, wallet

GRANT = json.dumps(
    {"data": {"id": "g1", "kind": "reward", "contents": [], "sourceKind": "api", "sourceRefId": None,
              "parentGrantId": None, "status": "pending", "rolledAt": None, "claimedAt": None, "expiresAt": None,
              "createdAt": "2026-07-17T00:00:00.000Z"}}
).encode()  # fmt: skip
HTML = b"<!doctype html><title>Blocked by policy</title>"
PONG = b'{"ok":true,"apiKey":{"id":"k","prefix":"p","permissionSet":"s","environment":"live","studioId":"s","gameId":null}}'
NOT_KRATYS = {
    "a page": HTML,
    "OK": b"OK",
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"ok"',
    "an empty object": b"{}",
    "an empty envelope": b'{"data":{}}',
    "an envelope of null": b'{"data":null}',
    "an envelope of a list": b'{"data":[]}',
    "another API's answer": b'{"status":"ok","code":0}',
    "a grant": GRANT,
    "a pong": PONG,
    "another currency's balance": wallet(500, "silver"),
    "an item's holding": b'{"data":{"itemKey":"gold","quantity":1,"applied":true}}',
    "an error": b'{"error":{"code":"conflict","message":"not enough"}}',
    "half an answer": wallet(500)[:-9],
    "other bytes": b"\xff\xfe\x00\x01",
}


def gives(answer: bytes) -> WireServer:
    """A server that always answers so."""
    return WireServer(lambda exchange: exchange.send(answer))


@our_senders
@pytest.mark.parametrize("what", NOT_KRATYS)
def test_a_success_that_is_not_kratys_own_leaves_the_outcome_open(what: str, sender: Sender) -> None:
    with gives(http(NOT_KRATYS[what])) as server, sender(**options(server.url, retry=ONCE)) as use:
        error = failed(use, credit(500))
    assert isinstance(error, KratyServerError), repr(error)
    assert (error.status, error.outcome) == (200, "unknown")
    assert "unknown" in error.__notes__[0]
    assert "It may have taken effect" in error.__notes__[0]


@our_senders
@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted"])
def test_an_error_envelope_in_a_success_leaves_the_outcome_open(status: str, sender: Sender) -> None:
    with (
        gives(http(NOT_KRATYS["an error"], status)) as server,
        sender(**options(server.url, retry=ONCE)) as use,
        pytest.raises(ConflictError) as caught,
    ):
        use(credit(500))
    assert (caught.value.status, caught.value.outcome) == (int(status[:3]), "unknown")


CONTRADICTIONS: dict[str, tuple[Callable[[Any], Any], bytes]] = {
    "another item": (
        lambda kraty: kraty.inventory.grant("p", "sword", quantity=1),
        b'{"data":{"itemKey":"shield","quantity":1,"applied":true}}',
    ),
    "another currency on a debit": (
        lambda kraty: kraty.wallet.debit("p", "gold", amount=1),
        wallet(1, "silver"),
    ),
}


@our_senders
@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_a_success_that_contradicts_what_was_asked_leaves_the_outcome_open(what: str, sender: Sender) -> None:
    call, body = CONTRADICTIONS[what]
    with gives(http(body)) as server, sender(**options(server.url, retry=ONCE)) as use:
        error = failed(use, call)
    assert isinstance(error, KratyServerError), repr(error)
    assert error.outcome == "unknown"


@our_senders
def test_a_success_that_lacks_a_field_was_applied_all_the_same(sender: Sender) -> None:
    lacking = http(b'{"data":{"economyKey":"gold","balance":500}}')
    with gives(lacking) as server:
        with sender(**options(server.url, strict_responses=True)) as use:
            error = failed(use, credit(500))
        assert (error.outcome, error.is_retryable) == ("applied", False)
        assert "applied" in str(error)
        with sender(**options(server.url)) as use:
            assert use(credit(500)).balance == 500
    assert len(server.exchanges) == 2


@our_senders
@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "502 Bad Gateway"])
@pytest.mark.parametrize(
    ("kind", "body", "named"),
    [("text/html; charset=utf-8", HTML, "text/html"), ("text/plain", b"OK", "text/plain"),
     ("application/octet-stream", b"", "application/octet-stream")],
)  # fmt: skip
def test_what_answered_instead_of_kraty_is_named(
    kind: str, body: bytes, named: str, status: str, sender: Sender
) -> None:
    with (
        gives(http(body, status, f"Content-Type: {kind}")) as server,
        sender(**options(server.url, retry=ONCE)) as use,
    ):
        error = failed(use, credit(500))
    shown = f"{error}\n{error.__notes__}"
    assert f"{server.url}/server/v1/players/p/wallet/gold/credit" in str(error)
    assert named in str(error)
    assert KEY not in shown
    assert "verysecret" not in shown


def test_an_error_made_by_hand_leaves_the_outcome_open() -> None:
    for error in (
        KratyError("x"),
        KratyNetworkError("x"),
        KratyTimeoutError("x"),
        KratyServerError(500, "internal_error", "x"),
        ConflictError(409, "conflict", "x"),
    ):
        assert error.outcome == "unknown", type(error)
        assert pickle.loads(pickle.dumps(error)).outcome == "unknown"


@our_senders
def test_an_error_that_lost_its_attributes_does_not_say_that_nothing_happened(sender: Sender) -> None:
    """As result backends do that keep a class and its arguments as JSON."""
    with WireServer(lambda exchange: exchange.reset()) as server, sender(**options(server.url, retry=ONCE)) as use:
        error = failed(use, credit(1))
    assert error.outcome == "unknown"
    assert type(error)(*error.args).outcome == "unknown"


# Over HTTP/2


def encoded(*fields: tuple[bytes, bytes]) -> bytes:
    """A header block that stands alone: no table is shared with those before it."""
    return Encoder().encode(fields)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


class Http2Server:
    """Commits each request of HTTP/2 by its idempotency key, then answers, or breaks the protocol as it is told."""

    FAULTS = (
        "wrong_length", "data_first", "bad_headers", "window_of_0", "push", "endless_settings", "huge_frame",
        "unknown_stream", "reset_stream", "goaway", "closed", "padding",
    )  # fmt: skip

    def __init__(self, context: ssl.SSLContext, pick: Callable[[int], str | None]) -> None:
        self.context = context
        self.pick = pick
        self.committed: list[dict[str, Any]] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        self.threads: list[threading.Thread] = []
        self.open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(timeout=10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, plain: socket.socket) -> None:
        with plain, suppress(OSError), self.context.wrap_socket(plain, server_side=True) as connection:
            state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
            state.initiate_connection()
            connection.sendall(state.data_to_send())
            bodies: dict[int, bytes] = {}
            while data := connection.recv(65536):
                for event in state.receive_data(data):
                    if isinstance(event, h2.events.DataReceived):
                        bodies[event.stream_id] = bodies.get(event.stream_id, b"") + event.data
                    elif isinstance(event, h2.events.StreamEnded):
                        connection.sendall(state.data_to_send())
                        if not self._answer(connection, event.stream_id, bodies.pop(event.stream_id)):
                            return
                connection.sendall(state.data_to_send())

    def _answer(self, connection: ssl.SSLSocket, stream: int, sent: bytes) -> bool:
        """Answer one request; whether the connection goes on."""
        fault = self.pick(len(self.committed))
        request = json.loads(sent)
        self.committed.append(request)
        body = wallet(request["amount"])
        fields = [(b":status", b"200"), (b"content-type", b"application/json")]
        head = frame(1, 4, stream, encoded(*fields, (b"content-length", b"%d" % len(body))))
        data = frame(0, 1, stream, body)
        if fault is None:
            connection.sendall(head + data)
            return True
        connection.sendall(
            {
                "wrong_length": lambda: frame(1, 4, stream, encoded(*fields, (b"content-length", b"5"))) + data,
                "data_first": lambda: data + head,
                "bad_headers": lambda: frame(1, 4, stream, b"\xff\xff\xff\xff\xff\xff") + data,
                "window_of_0": lambda: frame(8, 0, stream, bytes(4)) + head + data,
                "push": lambda: frame(5, 4, stream, (2).to_bytes(4, "big") + encoded(*fields)) + head + data,
                "endless_settings": lambda: frame(4, 0, 0, b"\x00\x05\x00\x00\x00\x00") + head + data,
                "huge_frame": lambda: head + frame(0, 1, stream, bytes(100_000)),
                "unknown_stream": lambda: frame(0, 1, stream + 200, body) + head + data,
                "reset_stream": lambda: frame(3, 0, stream, (2).to_bytes(4, "big")),
                "goaway": lambda: frame(7, 0, 0, stream.to_bytes(4, "big") + (2).to_bytes(4, "big")),
                "closed": lambda: head,
                "padding": lambda: head + frame(0, 9, stream, b"\xff" + body),
            }[fault]()
        )
        if fault in ("goaway", "closed", "reset_stream"):
            return fault == "reset_stream"
        with suppress(OSError):
            while connection.recv(65536):  # what it says of that, until it goes
                pass
        return False


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    authority, path = trustme.CA(), tmp_path_factory.mktemp("certificates") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.set_alpn_protocols(["h2"])
    return context, path


def trusting(path: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(path))


def http2_senders() -> Iterator[tuple[Sender, Callable[[Path], dict[str, Any]]]]:
    """Each with what makes it speak HTTP/2 and trust an authority."""

    def nothing(path: Path) -> dict[str, Any]:
        return {"http2": True}

    yield Sender("sync", dict, blocking=True), nothing
    yield Sender("async", lambda: {"transport": "httpx"}), nothing
    yield (
        Sender("given-client", dict, blocking=True),
        lambda path: {"http_client": httpx.Client(http2=True, verify=trusting(path), trust_env=False)},
    )
    yield (
        Sender("given-async-transport", dict),
        lambda path: {"transport": httpx.AsyncHTTPTransport(http2=True, verify=trusting(path), trust_env=False)},
    )


over_http2 = pytest.mark.parametrize(
    ("sender", "speak"), [pytest.param(*pair, id=pair[0].name) for pair in http2_senders()]
)


def opened(sender: Sender, speak: Callable[[Path], dict[str, Any]], path: Path) -> Sender:
    """With what it is given made anew."""
    return Sender(sender.name, lambda: sender.make() | speak(path), sender.blocking)


@pytest.fixture
def authority(certificates: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates[1]))
    return certificates[1]


@over_http2
def test_http2_works_without_a_fault(
    sender: Sender,
    speak: Callable[[Path], dict[str, Any]],
    authority: Path,
    certificates: tuple[ssl.SSLContext, Path],
) -> None:
    with Http2Server(certificates[0], lambda n: None) as server:
        with opened(sender, speak, authority)(**options(server.url)) as use:
            assert [use(credit(amount)).balance for amount in (1, 2, 3)] == [1, 2, 3]
        assert len(server.committed) == 3


@over_http2
@pytest.mark.parametrize("fault", Http2Server.FAULTS)
def test_a_peer_that_breaks_http2_after_a_commit_leaves_the_outcome_open_and_is_asked_again(
    fault: str,
    sender: Sender,
    speak: Callable[[Path], dict[str, Any]],
    authority: Path,
    certificates: tuple[ssl.SSLContext, Path],
) -> None:
    def first(number: int) -> str | None:
        return fault if number == 0 else None

    with Http2Server(certificates[0], lambda n: fault) as server:
        with opened(sender, speak, authority)(**options(server.url, retry=ONCE)) as use:
            error = failed(use, credit(500, idempotency_key="receipt"))
        assert len(server.committed) == 1
    assert error.outcome == "unknown", repr(error)
    assert isinstance(error, KratyNetworkError)
    assert error.is_retryable
    with (
        Http2Server(certificates[0], first) as server,
        opened(sender, speak, authority)(**options(server.url)) as use,
    ):
        assert use(credit(500)).balance == 500
        assert use(credit(7)).balance == 7
    assert len(server.committed) == 3
    assert server.committed[0] == server.committed[1], "the same key, the same bytes"


@every_sender
def test_a_body_in_an_encoding_that_it_is_not_in_leaves_the_outcome_open(sender: Sender) -> None:
    broken = http(wallet(1), "200 OK", "Content-Encoding: gzip")
    with gives(broken) as server, sender(**options(server.url, retry=ONCE)) as use:
        assert failed(use, credit(1)).outcome == "unknown"


@every_sender
def test_a_refusal_before_anything_was_sent_says_so(sender: Sender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with sender(**options(f"http://127.0.0.1:{port}", retry=ONCE)) as use:
        error = failed(use, credit(1))
    assert (error.outcome, error.is_retryable) == ("not_applied", True)
    assert f"http://127.0.0.1:{port}" in str(error), "scheme, host and port"


@every_sender
def test_what_works_still_works(sender: Sender) -> None:
    def both(use: Open) -> list[int]:
        return [use(credit(amount)).balance for amount in (1, 2)]

    with WireServer(own) as server, sender(**options(server.url)) as use:
        assert both(use) == [1, 2]
    assert server.connections == 1


@every_sender
@pytest.mark.parametrize("name", ["127.0.0.1", "kraty.example"], ids=["of an unknown authority", "of another host"])
def test_a_certificate_that_is_not_trusted_is_not_tried_again(name: str, sender: Sender) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(name).configure_cert(context)
    with Http2Server(context, lambda n: None) as server, sender(**options(server.url)) as use:
        error = failed(use, credit(1))
    assert isinstance(error, KratyNetworkError)
    assert (error.attempts, error.outcome, error.is_retryable) == (1, "not_applied", False), repr(error)
    assert "certificate" in str(error).lower()
    assert server.url in str(error)
    assert len(server.open) == 1
