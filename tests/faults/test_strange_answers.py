"""Answers that other clients take are taken: long heads, other encodings, transports that have read already."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Callable
from functools import cache

import httpx
import pytest

from kraty_server import KratyServerError
from tests.flavours import Sender, every_sender
from tests.servers.wire import KEY, ONCE, WireServer, credit, failed, http, options, wallet

MEGABYTE = 1024 * 1024


def deflated(body: bytes, wbits: int) -> bytes:
    made = zlib.compressobj(wbits=wbits)
    return made.compress(body) + made.flush()


@cache
def zeros(wbits: int) -> bytes:
    """64 MB that are a few KB."""
    return deflated(bytes(64 * MEGABYTE), wbits)


ENCODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "gzip in capitals": ("GZIP", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "several members": ("gzip", lambda body: gzip.compress(body[:9]) + gzip.compress(b"") + gzip.compress(body[9:])),
    "zlib": ("deflate", lambda body: deflated(body, zlib.MAX_WBITS)),
    "raw deflate": ("deflate", lambda body: deflated(body, -zlib.MAX_WBITS)),
    "identity": ("identity", bytes),
}


@every_sender
@pytest.mark.parametrize("kind", ENCODINGS)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_compressed_answers_are_read(chunked: bool, kind: str, sender: Sender) -> None:
    name, encode = ENCODINGS[kind]
    body = encode(wallet(1))
    answer = http(body, "200 OK", f"Content-Encoding: {name}")
    if chunked:  # a byte each, so that every border is one between two reads
        head = http(b"", "200 OK", f"Content-Encoding: {name}", "Transfer-Encoding: chunked", length=False)
        answer = head + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    with WireServer(lambda exchange: exchange.send(answer)) as server, sender(**options(server.url)) as use:
        assert use(credit(1)).balance == 1
        assert use(credit(1)).balance == 1
    assert server.connections == 1


@every_sender
@pytest.mark.parametrize("kind", ["gzip", "zlib"])
def test_a_compressed_answer_is_not_unpacked_beyond_the_limit(kind: str, sender: Sender) -> None:
    bomb = zeros(zlib.MAX_WBITS | 16 if kind == "gzip" else zlib.MAX_WBITS)
    name = "gzip" if kind == "gzip" else "deflate"
    answer = http(bomb, "200 OK", f"Content-Encoding: {name}")
    with WireServer(lambda exchange: exchange.send(answer)) as server, sender(**options(server.url)) as use:
        error = failed(use, credit(1))
    assert isinstance(error, KratyServerError)
    assert "longer than" in str(error)
    assert len(str(error)) < 2000
    assert len(server.exchanges) == 1


@every_sender
@pytest.mark.parametrize("encoding", ["zstd-of-tomorrow", "compress", "gzip, zstd-of-tomorrow"])
def test_an_unknown_encoding_leaves_the_outcome_open_and_is_named(encoding: str, sender: Sender) -> None:
    answer = http(b"\x28\xb5\x2f\xfd" + bytes(40), "200 OK", f"Content-Encoding: {encoding}")
    with (
        WireServer(lambda exchange: exchange.send(answer)) as server,
        sender(**options(server.url, retry=ONCE)) as use,
    ):
        error = failed(use, credit(1))
    assert error.outcome == "unknown"


@every_sender
@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_a_compressed_answer_that_is_cut_leaves_the_outcome_open(cut: int, sender: Sender) -> None:
    """The length fits, so that only the packing tells."""
    answer = http(gzip.compress(wallet(1))[:cut], "200 OK", "Content-Encoding: gzip")
    with (
        WireServer(lambda exchange: exchange.send(answer)) as server,
        sender(**options(server.url, retry=ONCE)) as use,
    ):
        error = failed(use, credit(1))
    assert error.outcome == "unknown"


@every_sender
@pytest.mark.parametrize(
    "headers",
    [["Content-Security-Policy: " + "a" * 9_000], ["Content-Security-Policy: " + "a" * 30_000],
     [f"X-Line-{number}: {number}" for number in range(300)], ["X-Same: 1"] * 300, ["Set-Cookie: " + "b" * 4_000] * 4],
    ids=["9 KB", "30 KB", "300 lines", "300 of one name", "cookies"],
)  # fmt: skip
def test_long_heads_are_taken(headers: list[str], sender: Sender) -> None:
    def answer(amount: int) -> bytes:
        return http(wallet(amount), "200 OK", *headers)

    with (
        WireServer(lambda exchange: exchange.send(answer(exchange.body["amount"]))) as server,
        sender(**options(server.url, retry=ONCE)) as use,
    ):
        assert [use(credit(amount)).balance for amount in (1, 2)] == [1, 2]


@every_sender
@pytest.mark.parametrize("reason", [b"", b" ", b" \xc3\xbcber", b" OK " + b"x" * 500])
def test_odd_reasons_are_taken(reason: bytes, sender: Sender) -> None:
    answer = http(wallet(1)).replace(b" OK", reason, 1)
    with WireServer(lambda exchange: exchange.send(answer)) as server, sender(**options(server.url, retry=ONCE)) as use:
        assert use(credit(1)).balance == 1


# Transports that have read the body already: to log it, to cache it, to look for an error


class Reading(httpx.HTTPTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        response.read()
        return response


class AsyncReading(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        await response.aread()
        return response


class Closing(Reading):
    """And closed it."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        response.close()
        return response


class Making(httpx.BaseTransport):
    """Answers itself, with a body that is there already."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=wallet(1), headers={"content-type": "application/json"})


READERS = [
    Sender("given-reading", lambda: {"transport": Reading(trust_env=False)}, blocking=True),
    Sender("given-closing", lambda: {"transport": Closing(trust_env=False)}, blocking=True),
    Sender("given-making", lambda: {"transport": Making()}, blocking=True),
    Sender("given-async-reading", lambda: {"transport": AsyncReading(trust_env=False)}),
    Sender("given-client-reading", lambda: {"http_client": httpx.Client(transport=Reading())}, blocking=True),
    Sender("given-async-client-reading", lambda: {"http_client": httpx.AsyncClient(transport=AsyncReading())}),
]


@pytest.mark.parametrize("sender", READERS, ids=lambda sender: sender.name)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_transport_that_has_read_the_body_is_no_failure(packed: bool, sender: Sender) -> None:
    body = gzip.compress(wallet(1)) if packed else wallet(1)
    answer = http(body, "200 OK", *(["Content-Encoding: gzip"] if packed else []))
    with WireServer(lambda exchange: exchange.send(answer)) as server, sender(**options(server.url)) as use:
        assert [use(credit(1)).balance for _ in range(3)] == [1, 1, 1]
    assert len(server.exchanges) == (0 if sender.name == "given-making" else 3)


@pytest.mark.parametrize("sender", READERS[:1], ids=lambda sender: sender.name)
def test_a_transport_that_has_read_a_body_over_the_limit_is_told(sender: Sender) -> None:
    answer = http(bytes(40 * MEGABYTE))
    with WireServer(lambda exchange: exchange.send(answer)) as server, sender(**options(server.url)) as use:
        assert "longer than" in str(failed(use, credit(1)))


# Event loops


@pytest.mark.parametrize("transport", ["aiohttp", "fast", "httpx"])
@pytest.mark.parametrize("closed", [True, False], ids=["closed in the last loop", "dropped"])
def test_one_client_in_many_event_loops_leaves_nothing_that_complains(closed: bool, transport: str) -> None:
    pytest.importorskip({"fast": "httptools"}.get(transport, transport))
    script = """
        import asyncio, gc, sys
        from kraty_server import AsyncKratyServer
        key, url, transport, closed = sys.argv[1:]
        kraty = AsyncKratyServer(api_key=key, base_url=url, transport=transport)

        async def job(last=False):
            await asyncio.gather(*(kraty.wallet.credit("p", "gold", amount=n) for n in range(1, 4)))
            if last and closed == "True":
                await kraty.aclose()

        for _ in range(4):
            asyncio.run(job())
            gc.collect()
        asyncio.run(job(last=True))
        if closed == "True":
            del kraty
            gc.collect()
    """
    with WireServer() as server:
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(script),
             KEY, server.url, transport, str(closed)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONASYNCIODEBUG": "1"},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # asyncio itself says "unclosed transport": a loop that has ended cannot close its connections.
    for complaint in ("never awaited", "Unclosed connector", "Unclosed client session", "Unclosed connection"):
        assert complaint not in done.stderr
    assert len(server.exchanges) == 15
