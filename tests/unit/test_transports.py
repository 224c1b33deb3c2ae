"""Requests find their way: through proxies, certificates, HTTP/2, instrumentation and clients of other families."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import trustme
from httpx_aiohttp import HttpxAiohttpClient

from kraty_server import (
    AsyncKratyServer,
    KratyNetworkError,
    KratyServer,
    KratyServerError,
    KratyTimeoutError,
    RetryConfig,
)
from kraty_server._http.async_httpx_pool import AsyncHttpxPool
from tests.flavours import FLAVOURS, Flavour, Running, both, set_limits
from tests.servers.fault_proxy import FaultProxy
from tests.servers.forward_proxy import ForwardProxy
from tests.servers.raw import PONG, RawServer, Reply
from tests.servers.secure import SecureServer

NOBODY = "http://127.0.0.1:9"
OPTIONS: dict[str, Any] = {"api_key": "prefix.secret", "retry": RetryConfig(attempts=1)}


over_httpx = pytest.mark.parametrize(
    "flavour", [one for one in FLAVOURS if one.transport == "httpx"], ids=lambda flavour: flavour.name
)
untidy_server = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def ping(kraty: Any) -> Any:
    return kraty.health.ping()


def at_once(kraty: Any, calls: int) -> Any:
    """Make so many calls, all at once."""
    if isinstance(kraty, KratyServer):
        with ThreadPoolExecutor(calls) as pool:
            return list(pool.map(lambda _: kraty.health.ping(), range(calls)))

    async def awaited() -> Any:
        return await asyncio.gather(*(kraty.health.ping() for _ in range(calls)))

    return awaited()


# Proxies


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ForwardProxy]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with ForwardProxy() as made:
        yield made


@both
def test_the_proxy_of_the_environment_is_used(
    flavour: Flavour, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer([Reply(body=PONG)]) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        elsewhere = server.url.replace("127.0.0.1", "kraty.test")
        assert flavour(ping, base_url=elsewhere, allow_http=True, **OPTIONS).ok
        assert proxy.asked == [f"GET {elsewhere}/server/v1/ping HTTP/1.1"]
        # Not for this machine: that would carry the key to another one.
        assert flavour(ping, base_url=server.url, **OPTIONS).ok
        assert (len(proxy.asked), len(server.arrived)) == (1, 2)


# Certificates, and HTTP/2


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, Path]:
    made, path = trustme.CA(), tmp_path / "ca.pem"
    made.cert_pem.write_to_path(path)
    return made, path


@pytest.fixture
def secure(authority: tuple[trustme.CA, Path], tmp_path: Path) -> Iterator[SecureServer]:
    with SecureServer(authority[0], tmp_path) as made:
        yield made


@both
@untidy_server
def test_certificates_of_the_environment_are_trusted_and_others_are_not(
    flavour: Flavour,
    secure: SecureServer,
    authority: tuple[trustme.CA, Path],
    proxy: ForwardProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = secure.url
    with pytest.raises(KratyNetworkError) as refused:
        flavour(ping, base_url=url, **OPTIONS)
    assert refused.value.outcome == "not_applied"
    assert "CERTIFICATE_VERIFY_FAILED" in str(refused.value)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority[1]))
    assert flavour(ping, base_url=url, **OPTIONS).ok
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    assert flavour(ping, base_url=url, **OPTIONS).ok
    assert proxy.asked == [f"CONNECT {url.removeprefix('https://')} HTTP/1.1"]
    assert [version for version, _ in secure.asked] == ["1.1", "1.1"]


@both
@untidy_server
def test_a_proxy_that_is_not_there_is_an_error_that_took_no_effect(
    flavour: Flavour, secure: SecureServer, authority: tuple[trustme.CA, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority[1]))
    assert flavour(ping, base_url=secure.url, **OPTIONS).ok
    monkeypatch.setenv("HTTPS_PROXY", NOBODY)
    with pytest.raises(KratyNetworkError) as lost:
        flavour(ping, base_url=secure.url, **OPTIONS)
    assert lost.value.outcome == "not_applied"
    assert len(secure.asked) == 1, "a call that went past the proxy would have been answered"


@over_httpx
@untidy_server
def test_http2_is_spoken_where_it_is_asked_for_and_no_two_calls_share_a_connection(
    flavour: Flavour, secure: SecureServer, authority: tuple[trustme.CA, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority[1]))
    with Running(flavour, base_url=secure.url, http2=True, **OPTIONS) as use:
        for secure.together in (8, 16):
            assert all(answer.ok for answer in use(lambda kraty: at_once(kraty, 8)))
    assert {version for version, _ in secure.asked} == {"2"}
    assert len(secure.asked) == 16
    assert len({port for _, port in secure.asked}) == 8


@over_httpx
@untidy_server
def test_a_connection_of_http2_on_which_a_call_failed_is_not_used_again(
    flavour: Flavour, secure: SecureServer, authority: tuple[trustme.CA, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority[1]))
    with Running(flavour, base_url=secure.url, http2=True, **OPTIONS) as use:
        use(ping)
        with pytest.raises(KratyTimeoutError):
            use(lambda kraty: kraty.with_options(timeout=1.0).players.get("silent"))
        use(ping)
        with pytest.raises(KratyServerError, match="longer than"):
            use(lambda kraty: ping(set_limits(kraty, max_body=10)))
        use(lambda kraty: ping(set_limits(kraty, max_body=1000)))
    ports = [port for _, port in secure.asked]
    assert ports == [ports[0], ports[0], ports[2], ports[2], ports[4]]
    assert len({*ports}) == 3


@untidy_server
def test_a_connection_of_http2_on_which_a_call_was_cancelled_is_not_used_again(
    secure: SecureServer, authority: tuple[trustme.CA, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with AsyncKratyServer(base_url=secure.url, http2=True, **OPTIONS) as kraty:
            call = asyncio.create_task(kraty.players.get("silent"))
            while not secure.asked:
                await asyncio.sleep(0.001)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert (await ping(kraty)).ok

    monkeypatch.setenv("SSL_CERT_FILE", str(authority[1]))
    asyncio.run(main())
    assert len({port for _, port in secure.asked}) == 2


# Clients of other families


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_client_of_httpx2_is_taken_and_its_errors_are_understood(kind: str) -> None:
    def outcomes(use: Callable[[str, float], Any]) -> None:
        with RawServer([Reply(body=PONG)]) as server:
            assert use(server.url, 15.0).ok
            assert server.arrived[0].headers["authorization"] == "Bearer prefix.secret"
        with pytest.raises(KratyNetworkError) as never:
            use(NOBODY, 15.0)
        assert never.value.outcome == "not_applied"
        for fault, timeout in (("reset_after", 15.0), ("silent", 1.0)):
            with (
                RawServer([Reply(body=PONG)]) as server,
                FaultProxy(server.url, lambda n, fault=fault: fault) as faulty,  # type: ignore[misc]  # lambda with a default
                pytest.raises(KratyNetworkError) as lost,
            ):
                use(faulty.url, timeout)
            assert lost.value.outcome == "unknown", fault
            assert "secret" not in repr(lost.value.original_cause.__dict__)

    def blocking(url: str, timeout: float) -> Any:
        with httpx2.Client() as mine:
            client: Any = mine
            return KratyServer(base_url=url, http_client=client, timeout=timeout, **OPTIONS).health.ping()

    async def awaited(url: str, timeout: float) -> Any:
        async with httpx2.AsyncClient() as mine:
            client: Any = mine
            return await AsyncKratyServer(base_url=url, http_client=client, timeout=timeout, **OPTIONS).health.ping()

    outcomes(blocking if kind == "sync" else lambda *given: asyncio.run(awaited(*given)))


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_connection_that_httpx_aiohttp_lost_is_not_taken_for_one_that_never_was() -> None:
    async def main(url: str) -> None:
        async with HttpxAiohttpClient() as mine:
            await AsyncKratyServer(base_url=url, http_client=mine, timeout=15.0, **OPTIONS).health.ping()

    with (
        RawServer([Reply(body=PONG)]) as server,
        FaultProxy(server.url, lambda n: "reset_after") as faulty,
        pytest.raises(KratyNetworkError) as lost,
    ):
        asyncio.run(main(faulty.url))
    assert lost.value.outcome == "unknown"
    with pytest.raises(KratyNetworkError) as never:
        asyncio.run(main(NOBODY))
    assert never.value.outcome == "not_applied"


# Instrumentation


@pytest.mark.parametrize(
    "flavour", [one for one in FLAVOURS if one.transport != "fast"], ids=lambda flavour: flavour.name
)
def test_opentelemetry_sees_our_requests(flavour: Flavour) -> None:
    from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = AioHttpClientInstrumentor() if flavour.name == "aiohttp" else HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        with RawServer([Reply(body=PONG)]) as server:
            assert flavour(ping, base_url=server.url, **OPTIONS).ok
            assert "traceparent" in server.arrived[0].headers
    finally:
        instrumentor.uninstrument()
    (span,) = exporter.get_finished_spans()
    assert span.attributes is not None
    assert f"{server.url}/server/v1/ping" in span.attributes.values()
    assert "secret" not in str(span.to_json())


# Options


@both
def test_a_transport_of_yours_is_driven_and_stays_open(flavour: Flavour) -> None:
    class Mine(httpx.BaseTransport, httpx.AsyncBaseTransport):
        def __init__(self) -> None:
            self.seen: list[str] = []
            self.closed = False

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            self.seen.append(str(request.url))
            return httpx.Response(200, stream=httpx.ByteStream(PONG))

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return self.handle_request(request)

        def close(self) -> None:
            self.closed = True

        async def aclose(self) -> None:
            self.closed = True

    mine = Mine()
    assert flavour(ping, transport=mine, base_url="https://host.example/prefix", **OPTIONS).ok
    assert mine.seen[-1] == "https://host.example/prefix/server/v1/ping"
    assert not mine.closed
    with pytest.raises(ValueError, match="give it to your http_client"):
        flavour(
            ping,
            transport=mine,
            http_client=httpx.Client() if flavour.blocking else httpx.AsyncClient(),
            **OPTIONS,
        )


def test_options_of_transports_are_checked() -> None:
    with pytest.raises(TypeError, match="an object with handle_request is needed"):
        KratyServer(transport=object(), **OPTIONS)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(ValueError, match="'httpx', 'aiohttp', 'fast' or a transport"):
        AsyncKratyServer(transport="curl", **OPTIONS)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(ValueError, match="aiohttp speaks HTTP/1.1 only"):
        AsyncKratyServer(transport="aiohttp", http2=True, **OPTIONS)


def test_without_the_extra_httpx_is_used_and_asking_for_aiohttp_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kraty_server._options.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"install kraty-server\[aiohttp\]"):
        AsyncKratyServer(transport="aiohttp", **OPTIONS)
    assert AsyncKratyServer(**OPTIONS)._connections.make_sender is AsyncHttpxPool


# Connections


@both
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_an_attempt_is_one_request_on_the_wire(flavour: Flavour, method: str) -> None:
    with RawServer([Reply(drop=True)]) as server:
        with pytest.raises(KratyNetworkError) as lost:
            flavour(lambda kraty: kraty.request(method, "/server/v1/new"), base_url=server.url, **OPTIONS)
        assert (lost.value.attempts, len(server.arrived)) == (1, 1)


class Overlapping(RawServer):
    """Answers when so many requests are under way."""

    def __init__(self, at_once: int) -> None:
        super().__init__([Reply(body=PONG)])
        self.together = threading.Barrier(at_once)

    def _head(self, reply: Reply) -> bytes:
        self.together.wait(timeout=60)
        return super()._head(reply)

    @property
    def open(self) -> int:
        return len([one for one in self.connections if one.fileno() >= 0])


@both
def test_calls_that_overlap_keep_their_connections(flavour: Flavour) -> None:
    """httpx closes what is idle as soon as more connections are open than may be idle, busy ones included."""
    with Overlapping(40) as server:
        with Running(flavour, base_url=server.url, **OPTIONS) as use:
            for _ in range(5):
                use(lambda kraty: at_once(kraty, 40))
        assert len(server.arrived) == 200
        assert len(server.connections) == 40


@over_httpx
def test_no_more_connections_are_open_than_documented_and_what_a_peak_leaves_is_closed(flavour: Flavour) -> None:
    with Overlapping(100) as server, Running(flavour, base_url=server.url, **OPTIONS) as use:
        use(lambda kraty: at_once(kraty, 200))
        assert len(server.connections) == 100
        server.together = threading.Barrier(1)
        use(lambda kraty: ping(set_limits(kraty, idle_seconds=0.0)))
        while server.open > 1:  # the test's time-out ends it
            threading.Event().wait(0.01)
        assert len(server.connections) == 101


@over_httpx
def test_what_goes_wrong_with_closing_a_connection_is_no_error_of_a_call(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch
) -> None:
    close, aclose = httpx.HTTPTransport.close, httpx.AsyncHTTPTransport.aclose

    def closed_badly(transport: httpx.HTTPTransport) -> None:
        close(transport)
        raise OSError("no such socket")

    async def aclosed_badly(transport: httpx.AsyncHTTPTransport) -> None:
        await aclose(transport)
        raise OSError("no such socket")

    each_closes = {"idle_seconds": -1.0}  # the connection of the call before
    with RawServer([Reply(body=PONG), Reply(drop=True), Reply(body=PONG)]) as server:
        with Running(flavour, each_closes, base_url=server.url, **OPTIONS) as use, monkeypatch.context() as patched:
            patched.setattr(httpx.HTTPTransport, "close", closed_badly)
            patched.setattr(httpx.AsyncHTTPTransport, "aclose", aclosed_badly)
            assert use(ping).ok
            with pytest.raises(KratyNetworkError) as lost:
                use(ping)
            assert lost.value.outcome == "unknown"
            assert use(ping).ok
        assert len(server.arrived) == 3


class Stuck(RawServer):
    """Answers the first request when it is let go."""

    def __init__(self) -> None:
        super().__init__([Reply(body=PONG)])
        self.go = threading.Event()

    def _head(self, reply: Reply) -> bytes:
        if len(self.arrived) == 1:
            self.go.wait(timeout=60)
        return super()._head(reply)


@both
def test_a_call_that_waits_for_a_connection_takes_the_first_one_that_is_free(flavour: Flavour) -> None:

    class Eighth(Stuck):
        def _head(self, reply: Reply) -> bytes:
            if len(self.arrived) == 8:
                self.go.set()
            return super()._head(reply)

    two = {"max_connections": 2}
    with Eighth() as server, Running(flavour, two, base_url=server.url, **OPTIONS) as use:
        assert len(use(lambda kraty: at_once(kraty, 8))) == 8
        assert len(server.connections) == 2


@both
def test_a_call_for_which_no_connection_comes_free_took_no_effect(flavour: Flavour) -> None:
    ended: list[Any] = []

    def blocking(kraty: KratyServer) -> None:
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(kraty.health.ping)
            while not server.arrived:
                threading.Event().wait(0.01)
            with pytest.raises(KratyTimeoutError) as late:
                kraty.with_options(timeout=0.2).health.ping()
            ended.append(late.value)
            server.go.set()
            assert first.result().ok

    async def awaited(kraty: AsyncKratyServer) -> None:
        first = asyncio.create_task(kraty.health.ping())
        while not server.arrived:
            await asyncio.sleep(0.01)
        with pytest.raises(KratyTimeoutError) as late:
            await kraty.with_options(timeout=0.2).health.ping()
        ended.append(late.value)
        server.go.set()
        assert (await first).ok

    one = {"max_connections": 1}
    with Stuck() as server, Running(flavour, one, base_url=server.url, **OPTIONS) as use:
        use(blocking if flavour.blocking else awaited)
    assert [error.outcome for error in ended] == ["not_applied"]
    assert len(server.arrived) == 1
