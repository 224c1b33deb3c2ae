"""OpenTelemetry: spans of calls, attempts, deliveries and jobs, what they tell and what not, and `opentelemetry-instrument`."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, StatusCode

from kraty_server import CurrencyEntry, KratyError, KratyNetworkError, KratyServer, RetryConfig, bulk
from kraty_server._http.connections import Connections
from kraty_server.otel import KratyInstrumentor
from kraty_server.testing import Emulator
from kraty_server.webhooks import AsyncWebhooks, WebhookEvent, Webhooks
from kraty_server.webhooks.receiver import decode_event
from tests.bulk.workers import trace_into
from tests.unit.test_mocking import done

PLAYER = "player-of-whom-nobody-shall-read"
SECRET = "whsec_of_a_test"


class Told(NamedTuple):
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader
    tracers: TracerProvider

    def spans(self) -> list[ReadableSpan]:
        """Those that ended, the first to begin first."""
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def points(self, metric: str) -> list[tuple[dict[str, Any], int]]:
        data: Any = self.reader.get_metrics_data()
        return [
            (dict(point.attributes), point.count)
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for found in scope.metrics
            if found.name == metric
            for point in found.data.data_points
        ]


@pytest.fixture(params=[False], ids=["without ids"])
def told(request: pytest.FixtureRequest) -> Iterator[Told]:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([reader])
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    KratyInstrumentor().instrument(tracer_provider=tracers, meter_provider=meters, player_ids=request.param)
    yield Told(exporter, reader, tracers)
    KratyInstrumentor().uninstrument()
    meters.shutdown()


with_ids = pytest.mark.parametrize("told", [True], indirect=True, ids=["with ids"])
both = pytest.mark.parametrize("flavour", ["client", "async_client"])


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@both
def test_a_call_is_a_span_around_one_for_each_attempt(flavour: str, told: Told) -> None:
    with Emulator() as emulator:
        emulator.fault("wallet.credit", status=503)
        emulator.fault("wallet.credit", drop_after_commit=1)
        kraty = getattr(emulator, flavour)()
        with told.tracers.get_tracer("shop").start_as_current_span("shop") as shop:
            assert done(kraty.wallet.credit(PLAYER, "gold", amount=5)).balance == 5
            assert trace.get_current_span() is shop
    parent, call, first, second, third = told.spans()
    assert (call.name, call.kind, call.status.status_code) == ("wallet.credit", SpanKind.INTERNAL, StatusCode.UNSET)
    assert call.parent == parent.context
    assert attributes(call) == {
        "kraty.operation": "wallet.credit", "kraty.attempts": 3, "kraty.outcome": "applied",
        "url.template": "/server/v1/players/{externalId}/wallet/{economyKey}/credit",
    }  # fmt: skip
    for attempt in (first, second, third):
        assert attempt.name == f"POST {attributes(call)['url.template']}"
        assert (attempt.kind, attempt.parent) == (SpanKind.CLIENT, call.context)
        assert attributes(attempt)["http.request.method"] == "POST"
        assert {"server.address", "server.port", "url.template"} <= attributes(attempt).keys()
    told_of = [
        [attributes(span).get(f"http.{name}") for name in ("request.resend_count", "response.status_code")]
        for span in (first, second, third)
    ]
    assert told_of == [[None, 503], [1, None], [2, 200]]
    assert [attributes(span).get("error.type") for span in (first, second, third)] == [
        "503",
        "RemoteProtocolError",
        None,
    ]
    assert [span.status.status_code for span in (first, second, third)] == [StatusCode.ERROR] * 2 + [StatusCode.UNSET]


def test_both_spans_have_the_name_that_the_server_gave_the_request(told: Told) -> None:
    answer = httpx.Response(
        404, headers={"X-Request-Id": "req_1"}, json={"error": {"code": "not_found", "message": PLAYER}}
    )
    kraty = KratyServer(api_key="a.b", transport=httpx.MockTransport(lambda _: answer))
    with kraty, pytest.raises(KratyError):
        kraty.players.get(PLAYER)
    call, attempt = told.spans()
    assert attributes(call)["kraty.request_id"] == attributes(attempt)["kraty.request_id"] == "req_1"
    assert (attributes(call)["error.type"], attributes(attempt)["error.type"]) == ("not_found", "404")


@pytest.mark.parametrize(("said", "ids"), [("0", False), ("false", False), ("", False), ("1", True)])
def test_a_variable_decides_on_ids_where_the_program_does_not(
    said: str, ids: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRATY_OTEL_PLAYER_IDS", said)
    exporter, tracers = InMemorySpanExporter(), TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    KratyInstrumentor().instrument(tracer_provider=tracers)
    try:
        with Emulator() as emulator, emulator.client() as kraty:
            kraty.players.get(PLAYER)
    except KratyError:  # there is no such player
        pass
    finally:
        KratyInstrumentor().uninstrument()
    assert [PLAYER in str(attributes(span)) for span in exporter.get_finished_spans()].count(True) == int(ids)


@with_ids
def test_a_key_that_a_server_quotes_is_in_no_span(told: Told) -> None:
    key = "kraty_live_server.c4n4ry-c4n4ry"
    answer = httpx.Response(
        409, headers={"X-Request-Id": f"of {key}"}, json={"error": {"code": f"no_{key}", "message": f"{key} is no key"}}
    )
    kraty = KratyServer(api_key=key, transport=httpx.MockTransport(lambda _: answer))
    with kraty, pytest.raises(KratyError):
        kraty.players.get(PLAYER)
    call, attempt = told.spans()
    assert attributes(attempt)["kraty.request_id"].startswith("of ")
    assert key not in call.to_json() + attempt.to_json()


@both
def test_calls_and_attempts_are_measured_in_seconds(flavour: str, told: Told) -> None:
    with Emulator() as emulator:
        emulator.fault("wallet.credit", status=503)
        done(getattr(emulator, flavour)().wallet.credit(PLAYER, "gold", amount=5))
    assert told.points("kraty.client.call.duration") == [
        ({"kraty.operation": "wallet.credit", "kraty.outcome": "applied"}, 1)
    ]
    attempts = told.points("http.client.request.duration")
    assert [(one["http.response.status_code"], one.get("error.type"), n) for one, n in attempts] == [
        (503, "503", 1), (200, None, 1),
    ]  # fmt: skip
    assert PLAYER not in str(attempts)


@both
def test_a_call_that_fails_says_what_became_of_it_and_how_often_it_was_tried(flavour: str, told: Told) -> None:
    with Emulator() as emulator:
        emulator.fault("wallet.credit", drop_after_commit=2, times=2)
        kraty = getattr(emulator, flavour)().with_options(retry=RetryConfig(attempts=2))
        with pytest.raises(KratyNetworkError):
            done(kraty.wallet.credit(PLAYER, "gold", amount=5))
        with pytest.raises(KratyError):
            done(kraty.wallet.debit(PLAYER, "gold", amount=500))
    lost, _, _, refused, _ = told.spans()
    assert attributes(lost) | {"url.template": ""} == {
        "kraty.operation": "wallet.credit", "kraty.attempts": 2, "kraty.outcome": "unknown",
        "error.type": "KratyNetworkError", "url.template": "",
    }  # fmt: skip
    assert attributes(refused)["kraty.outcome"] == "not_applied"
    assert refused.status.status_code is StatusCode.ERROR


def everything(told: Told) -> str:
    return " ".join(span.to_json() for span in told.spans())


def test_no_id_of_a_player_is_told(told: Told) -> None:
    with Emulator(seed={"players": [{"externalPlayerId": PLAYER}]}) as emulator:
        emulator.fault("wallet.debit", status=500)
        with pytest.raises(KratyError):
            emulator.client().wallet.debit(PLAYER, "gold", amount=5, idempotency_key=f"receipt of {PLAYER}")
        with pytest.raises(KratyError):
            emulator.client().request("GET", f"/server/v1/players/{PLAYER}/newer")
        emulator.client().players.get(PLAYER)
        key = emulator.api_key
    assert len(told.spans()) > 6
    assert PLAYER not in everything(told)
    assert key not in everything(told)


@with_ids
def test_ids_of_players_are_told_where_that_is_asked_for(told: Told) -> None:
    with Emulator(seed={"players": [{"externalPlayerId": PLAYER}]}) as emulator:
        kraty = emulator.client()
        with pytest.raises(KratyError):
            kraty.wallet.debit(PLAYER, "gold", amount=5, idempotency_key="receipt_1")
        key = emulator.api_key
    call, attempt = told.spans()
    assert PLAYER in attributes(attempt)["url.full"]
    assert attributes(call)["kraty.idempotency_key"] == "receipt_1"
    assert [event.name for event in call.events] == ["exception"]
    assert key not in everything(told)


def test_a_cancelled_call_ends_its_spans_and_leaves_no_span_behind(told: Told) -> None:
    async def cancelled() -> None:
        with Emulator() as emulator:
            emulator.real_time = True
            emulator.fault("wallet.credit", latency=60.0)
            kraty = emulator.async_client()
            task = asyncio.create_task(kraty.wallet.credit(PLAYER, "gold", amount=5))
            while not emulator.requests:
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await kraty.aclose()

    asyncio.run(cancelled())
    call, attempt = told.spans()
    assert attributes(attempt)["error.type"] == attributes(call)["error.type"] == "CancelledError"
    assert attributes(call)["kraty.outcome"] == "unknown"
    assert not trace.get_current_span().get_span_context().is_valid


def test_a_call_that_nobody_goes_on_with_ends_its_spans(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    with Emulator() as emulator:
        kraty = emulator.async_client()
        steps: Any = kraty.wallet.credit(PLAYER, "gold", amount=5)

        async def begun() -> None:
            emulator.real_time = True
            emulator.fault("wallet.credit", latency=60.0)
            steps.send(None)

        asyncio.run(begun())
        steps.close()
        gc.collect()
    assert {span.name.partition(" ")[0] for span in told.spans()} == {"wallet.credit", "POST"}
    assert "detach" not in caplog.text
    asyncio.run(kraty.aclose())


def test_the_instrumentation_of_httpx_stands_within_an_attempt(told: Told) -> None:
    HTTPXClientInstrumentor().instrument(tracer_provider=told.tracers)
    try:
        with Emulator() as emulator, KratyServer(api_key=emulator.api_key, base_url=emulator.url) as kraty:
            kraty.health.ping()
    finally:
        HTTPXClientInstrumentor().uninstrument()
    _, attempt, within = told.spans()
    assert within.parent == attempt.context


@pytest.mark.parametrize("awaits", [False, True])
def test_a_delivery_is_a_span_that_links_to_the_call_that_caused_it(awaits: bool, told: Told) -> None:
    seen = list[Any]()
    with Emulator() as emulator:
        emulator.add_webhook("http://127.0.0.1:9/kraty", secret=SECRET)
        kraty = emulator.client()
        kraty.wallet.credit(PLAYER, "gold", amount=5, source_ref_id="receipt")
        kraty.grants.create(PLAYER, entries=[CurrencyEntry("gold", 5)], idempotency_key="receipt")
        kraty.wallet.credit(PLAYER, "gold", amount=5)
        bodies = [delivery.raw_body for delivery in emulator.deliveries if delivery.event != "player.registered"]
    receiver: Any = AsyncWebhooks(SECRET) if awaits else Webhooks(SECRET)
    handler: Any = lambda event: seen.append(trace.get_current_span())  # noqa: E731
    if awaits:

        async def handler(event: WebhookEvent) -> None:
            seen.append(trace.get_current_span())

    receiver.on(WebhookEvent)(handler)
    for body in bodies:
        done(receiver.dispatch(decode_event(body)))
    calls = [span for span in told.spans() if span.name in ("wallet.credit", "grants.create")]
    deliveries = [span for span in told.spans() if span.name.startswith("process ")]
    assert [span.name for span in deliveries] == [
        "process wallet.changed",
        "process grant.created",
        "process wallet.changed",
    ]
    assert [[link.context for link in span.links] for span in deliveries] == [
        [calls[0].context],
        [calls[1].context],
        [],
    ]
    assert [span.context for span in deliveries] == [span.get_span_context() for span in seen]
    assert all(span.kind is SpanKind.CONSUMER for span in deliveries)
    assert {attributes(span)["kraty.delivery.result"] for span in deliveries} == {"handled"}
    assert all(attributes(span)["kraty.event.id"] for span in deliveries)


@pytest.mark.parametrize("awaits", [False, True])
def test_a_handler_that_raises_ends_its_span_as_an_error(awaits: bool, told: Told) -> None:
    receiver: Any = AsyncWebhooks(SECRET) if awaits else Webhooks(SECRET)

    def broken(event: WebhookEvent) -> None:
        raise LookupError(PLAYER)

    async def broken_too(event: WebhookEvent) -> None:
        raise LookupError(PLAYER)

    receiver.on(WebhookEvent)(broken_too if awaits else broken)
    with pytest.raises(LookupError):
        done(receiver.dispatch(WebhookEvent.from_dict({"eventName": "of tomorrow", "id": "e"})))
    (span,) = told.spans()
    assert (span.status.status_code, attributes(span)["error.type"]) == (StatusCode.ERROR, "LookupError")
    assert PLAYER not in span.to_json()


def test_the_chunks_of_a_job_link_to_the_job(told: Told, tmp_path: Path) -> None:
    rows = [{"externalPlayerId": f"{PLAYER}-{n}", "amount": 5} for n in range(3)]
    with Emulator() as emulator, KratyServer(api_key=emulator.api_key, base_url=emulator.url) as kraty:
        report = bulk.Job("gift", bulk.credit("gold"), rows, journal=tmp_path / "journal").run(client=kraty)
    assert report.ok
    (job,) = (span for span in told.spans() if span.name == "job wallet.credit")
    assert attributes(job)["kraty.job.name"] == "gift"
    assert attributes(job)["kraty.job.applied"] == 3
    chunks = [span for span in told.spans() if span.name == "job chunk"]
    assert chunks
    for chunk in chunks:
        assert chunk.parent is None
        assert [hexadecimal(link.context) for link in chunk.links] == [hexadecimal(job.context)]
        assert attributes(chunk) == {"kraty.operation": "wallet.credit", "kraty.job.chunk.rows": 3}
    calls = [span for span in told.spans() if span.name == "wallet.credit"]
    assert len(calls) == 3
    assert all(span.parent in [chunk.context for chunk in chunks] for span in calls)
    assert PLAYER not in everything(told)


def hexadecimal(context: SpanContext) -> tuple[str, str]:
    return f"0x{context.trace_id:032x}", f"0x{context.span_id:016x}"


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("where", ["processes", "dask"])
def test_chunks_that_other_processes_carry_out_link_to_the_job(
    where: str, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"externalPlayerId": f"{PLAYER}-{n}", "amount": 5} for n in range(60)]
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    )
    with Emulator() as emulator, ExitStack() as stack:
        monkeypatch.setenv("KRATY_SERVER_KEY", emulator.api_key)
        monkeypatch.setenv("KRATY_BASE_URL", emulator.url)
        executor: Any
        if where == "dask":
            distributed = pytest.importorskip("distributed", reason="Dask is not installed")
            cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None)
            client = stack.enter_context(distributed.Client(stack.enter_context(cluster)))
            client.run(trace_into, str(tmp_path))
            executor = client.get_executor()
        else:
            pool = ProcessPoolExecutor(2, get_context("spawn"), initializer=trace_into, initargs=(str(tmp_path),))
            executor = stack.enter_context(pool)
        assert bulk.Job("gift", bulk.credit("gold"), rows, journal=tmp_path / "journal").run(executor=executor).ok
        secret = emulator.api_key.partition(".")[2]
    (job,) = (span for span in told.spans() if span.name == "job wallet.credit")
    files = [path.read_text() for path in tmp_path.glob("*.spans")]
    spans = [json.loads(line) for file in files for line in file.splitlines()]
    chunks = [span for span in spans if span["name"] == "job chunk"]
    assert len(chunks) == 3
    for chunk in chunks:
        assert chunk["parent_id"] is None
        links = [(link["context"]["trace_id"], link["context"]["span_id"]) for link in chunk["links"]]
        assert links == [hexadecimal(job.context)]
    calls = [span for span in spans if span["name"] == "wallet.credit"]
    assert len(calls) == 60
    assert {span["parent_id"] for span in calls} == {chunk["context"]["span_id"] for chunk in chunks}
    for said in (*files, everything(told)):
        assert PLAYER not in said
        assert secret not in said


def test_without_it_everything_is_as_it_was() -> None:
    before = Connections.run
    KratyInstrumentor().instrument(tracer_provider=TracerProvider())
    assert Connections.run is not before
    KratyInstrumentor().uninstrument()
    assert Connections.run is before


SCRIPT = """
from kraty_server import KratyServer
with KratyServer() as kraty:
    kraty.wallet.credit("player_42", "gold", amount=5)
"""


def test_opentelemetry_instrument_traces_a_script_that_knows_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SCRIPT)
    with Emulator() as emulator:
        ran = subprocess.run(
            [str(Path(sys.executable).with_name("opentelemetry-instrument")), sys.executable, "shop.py"],
            cwd=tmp_path, check=False, capture_output=True, text=True,
            env=os.environ | {
                "KRATY_SERVER_KEY": emulator.api_key, "KRATY_BASE_URL": emulator.url, "OTEL_TRACES_EXPORTER": "console",
                "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none",
            },
        )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert '"name": "wallet.credit"' in ran.stdout
    assert '"kraty.outcome": "applied"' in ran.stdout
