"""Which transport sends the requests is decided by the caller, not by what else is installed.

`transport="aiohttp"`, else KRATY_TRANSPORT, else httpx, so that respx, pytest-httpx and OpenTelemetry's instrumentation
of httpx see the calls of both flavours although aiohttp is there.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import responses
import respx
from pytest_httpx import HTTPXMock

from kraty_server import AsyncKratyServer, KratyServer, RetryConfig
from tests.servers.peer import BALANCE, PONG, Peer
from tests.world.senders import KEY

BASE_URL = "https://kraty.test"
pytestmark = pytest.mark.skipif(importlib.util.find_spec("aiohttp") is None, reason="aiohttp is not installed")


def blocking(use: Callable[[Any], Any], **options: Any) -> Any:
    with KratyServer(**{"api_key": KEY, "base_url": BASE_URL} | options) as kraty:
        return use(kraty)


def awaited(use: Callable[[Any], Any], **options: Any) -> Any:
    async def main() -> Any:
        async with AsyncKratyServer(**{"api_key": KEY, "base_url": BASE_URL} | options) as kraty:
            return await use(kraty)

    return asyncio.run(main())


both = pytest.mark.parametrize("run", [blocking, awaited])


def ping(kraty: Any) -> Any:
    return kraty.health.ping()


def credit(kraty: Any) -> Any:
    return kraty.wallet.credit("p", "gold", amount=5, idempotency_key="receipt")


@pytest.fixture
def over_aiohttp(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hosts that aiohttp was asked to connect to."""
    import aiohttp

    seen: list[str] = []
    real = aiohttp.BaseConnector.connect

    async def noted(self: Any, req: Any, *args: Any, **options: Any) -> Any:
        seen.append(str(req.url.host))
        return await real(self, req, *args, **options)

    monkeypatch.setattr(aiohttp.BaseConnector, "connect", noted)
    return seen


@pytest.fixture
def peer() -> Iterator[Peer]:
    with Peer() as made:
        yield made


@both
def test_respx_sees_the_calls_although_aiohttp_is_installed(run: Any) -> None:
    with respx.mock(base_url=BASE_URL) as router:
        route = router.post("/server/v1/players/p/wallet/gold/credit").mock(httpx.Response(200, json=BALANCE))
        assert run(credit).balance == 5
        assert route.call_count == 1
        assert b'"receipt"' in route.calls.last.request.content


@both
def test_respx_plays_failures_which_are_retried_as_real_ones(run: Any) -> None:
    with respx.mock(base_url=BASE_URL) as router:
        route = router.get("/server/v1/ping").mock(
            side_effect=[httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(200, json=PONG)]
        )
        assert run(ping, retry=RetryConfig(initial_delay=0.001)).ok
        assert route.call_count == 3


@both
def test_pytest_httpx_sees_the_calls_although_aiohttp_is_installed(run: Any, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=f"{BASE_URL}/server/v1/players/p/wallet/gold/credit", method="POST", json=BALANCE)
    assert run(credit).balance == 5
    (request,) = httpx_mock.get_requests()
    assert b'"receipt"' in request.content


@both
def test_what_stands_in_for_requests_sees_nothing_and_the_call_goes_out(run: Any, peer: Peer) -> None:
    with responses.RequestsMock() as mocked:
        assert run(ping, base_url=peer.url).ok
        assert len(mocked.calls) == 0
    assert len(peer.requests) == 1


@both
def test_opentelemetrys_instrumentation_of_httpx_sees_the_calls(run: Any, peer: Peer) -> None:
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        assert run(ping, base_url=peer.url).ok
    finally:
        instrumentor.uninstrument()
    assert [span.name for span in spans.get_finished_spans()] == ["GET"]
    assert "traceparent" in peer.requests[0].headers


@pytest.mark.parametrize(
    ("variable", "given", "aiohttps"),
    [
        (None, {}, False),
        ("", {}, False),
        ("httpx", {}, False),
        ("aiohttp", {}, True),
        (None, {"transport": "aiohttp"}, True),
        (None, {"transport": "httpx"}, False),
        ("aiohttp", {"transport": "httpx"}, False),
        ("httpx", {"transport": "aiohttp"}, True),
        ("pigeons", {"transport": "httpx"}, False),
    ],
)
def test_the_argument_decides_then_the_variable_then_it_is_httpx(
    variable: str | None,
    given: dict[str, Any],
    aiohttps: bool,
    peer: Peer,
    over_aiohttp: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if variable is not None:
        monkeypatch.setenv("KRATY_TRANSPORT", variable)
    assert awaited(ping, base_url=peer.url, **given).ok
    assert over_aiohttp == ["127.0.0.1"] * aiohttps
    assert len(peer.requests) == 1


@pytest.mark.parametrize("what", ["transport", "http_client"])
def test_what_was_given_beats_the_variable(
    what: str, peer: Peer, over_aiohttp: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRATY_TRANSPORT", "aiohttp")

    async def main() -> None:
        given: Any = httpx.AsyncHTTPTransport() if what == "transport" else httpx.AsyncClient()
        async with given, AsyncKratyServer(api_key=KEY, base_url=peer.url, **{what: given}) as kraty:
            await kraty.health.ping()

    asyncio.run(main())
    assert (over_aiohttp, len(peer.requests)) == ([], 1)


def test_the_variable_is_read_when_the_client_is_made(
    peer: Peer, over_aiohttp: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with AsyncKratyServer(api_key=KEY, base_url=peer.url) as kraty:
            monkeypatch.setenv("KRATY_TRANSPORT", "aiohttp")
            await kraty.health.ping()
        async with AsyncKratyServer(api_key=KEY, base_url=peer.url) as kraty:
            monkeypatch.delenv("KRATY_TRANSPORT")
            await kraty.health.ping()

    asyncio.run(main())
    assert (over_aiohttp, len(peer.requests)) == (["127.0.0.1"], 2)


def test_the_variable_of_a_process_that_uses_both_flavours_does_not_stop_the_blocking_one(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRATY_TRANSPORT", "aiohttp")
    assert blocking(ping, base_url=peer.url).ok


def test_the_blocking_client_takes_the_name_of_its_only_transport(peer: Peer) -> None:
    assert blocking(ping, base_url=peer.url, transport="httpx").ok
    with pytest.raises(ValueError, match=r"transport: .*aiohttp"):
        KratyServer(api_key=KEY, transport="aiohttp")  # type: ignore[arg-type]  # refused for those without types


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
def test_unknown_names_are_refused_where_they_came_from(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises((ValueError, TypeError), match=r"transport: .*'requests'"):
        kind(api_key=KEY, transport="requests")
    monkeypatch.setenv("KRATY_TRANSPORT", "pigeons")
    with pytest.raises(ValueError, match=r"KRATY_TRANSPORT.*pigeons"):
        kind(api_key=KEY)


def test_a_variable_that_asks_for_what_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRATY_TRANSPORT", "aiohttp")
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(ValueError, match=r"kraty-server\[aiohttp\]"):
        AsyncKratyServer(api_key=KEY)


def test_http2_over_aiohttp_is_refused_whoever_asked_for_aiohttp(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"http2.*HTTP/1\.1"):
        AsyncKratyServer(api_key=KEY, http2=True, transport="aiohttp")
    monkeypatch.setenv("KRATY_TRANSPORT", "aiohttp")
    with pytest.raises(ValueError, match=r"http2.*HTTP/1\.1"):
        AsyncKratyServer(api_key=KEY, http2=True)
