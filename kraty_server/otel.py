"""How are calls, deliveries and jobs traced and measured with OpenTelemetry? `KratyInstrumentor`, of the extra `otel`.

Spans and histograms by the semantic conventions of HTTP. `opentelemetry-instrument` finds it by itself.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Collection, Coroutine, Generator
from contextlib import contextmanager
from contextvars import Token
from functools import wraps
from time import perf_counter
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from opentelemetry import context, metrics, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]  # untyped
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from kraty_server import __version__
from kraty_server._flow import DEFAULT_PORTS, request_id
from kraty_server._http.async_connections import AsyncConnections
from kraty_server._http.connections import Connections
from kraty_server._http.messages import Answer, Flow, Interruption, Reply, Send, TransportFailure
from kraty_server._options import Options, read_switch
from kraty_server.bulk import job as jobs
from kraty_server.bulk.actions import wire_name
from kraty_server.bulk.report import Report
from kraty_server.bulk.send import TRACE_CONTEXT, Execution
from kraty_server.errors import KratyServerError
from kraty_server.webhooks import AsyncWebhooks, Webhooks
from kraty_server.webhooks.receiver import Result
from kraty_server_generated.events import WebhookEvent
from kraty_server_generated.models import Grant
from kraty_server_generated.types import Call

T = TypeVar("T")

PLAYER_IDS_VARIABLE: Final = "KRATY_OTEL_PLAYER_IDS"
SOURCE: Final = "source_ref_id"
"""What a call may say of itself, and the webhooks that it causes repeat."""
REMEMBERED: Final = 10_000
"""Calls whose deliveries can be linked to them."""
W3C: Final = TraceContextTextMapPropagator()
"""How a chunk carries the span of its job: not by what else a program propagates, which may say who a player is."""
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Seconds, as the conventions have them for HTTP."""


class KratyInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # untyped
    """Trace and measure each call, delivery and job of this process, of clients that were made before as well.

    `instrument(tracer_provider=None, meter_provider=None, player_ids=False)` begins, `uninstrument()` ends it. With
    `player_ids`, or KRATY_OTEL_PLAYER_IDS=1, spans also have what may hold ids of players: the whole URL,
    the idempotency key, and the errors with their texts.
    """

    def instrumentation_dependencies(self) -> Collection[str]:
        """Need nothing: what is instrumented came along."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        given = kwargs.get("player_ids")
        tracing = _Tracing(
            trace.get_tracer("kraty_server", __version__, kwargs.get("tracer_provider")),
            metrics.get_meter("kraty_server", __version__, kwargs.get("meter_provider")),
            player_ids=read_switch(PLAYER_IDS_VARIABLE) if given is None else given,
        )
        self._replaced: list[tuple[Any, str, Any]] = []
        self._replace(Connections, "run", tracing.driver)
        self._replace(AsyncConnections, "run", tracing.driver)
        self._replace(Webhooks, "dispatch", tracing.dispatch)
        self._replace(AsyncWebhooks, "dispatch", tracing.async_dispatch)
        self._replace(jobs.Job, "run", tracing.job)
        self._replace(Execution, "carry_out", tracing.chunk)

    def _replace(self, owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
        original = getattr(owner, name)
        self._replaced.append((owner, name, original))
        setattr(owner, name, wrap(original))

    def _uninstrument(self, **_: Any) -> None:
        for owner, name, original in self._replaced:
            setattr(owner, name, original)


class _Tracing:
    def __init__(self, tracer: trace.Tracer, meter: metrics.Meter, *, player_ids: bool) -> None:
        self._tracer = tracer
        self._player_ids = player_ids
        self._attempts = meter.create_histogram(
            "http.client.request.duration", "s", "Attempts.", explicit_bucket_boundaries_advisory=BUCKETS
        )
        self._calls = meter.create_histogram(
            "kraty.client.call.duration", "s", "Calls, retries included.", explicit_bucket_boundaries_advisory=BUCKETS
        )
        self._causes: OrderedDict[str, SpanContext] = OrderedDict()

    def driver(self, run: Callable[[Any, Flow[T], Options], T]) -> Callable[[Any, Flow[T], Options], T]:
        """Trace what a driver runs; the coroutine of an async one as well."""

        @wraps(run)
        def traced(connections: Any, steps: Flow[T], options: Options) -> T:
            return run(connections, self._call(steps, options), options)

        return traced

    def _call(self, steps: Flow[T], options: Options) -> Flow[T]:
        """Run a flow within a span, and each attempt within one of its own."""
        # Read off the generator, so that a call which nobody traces need not carry it to the driver.
        call: Call[T] = inspect.getgeneratorlocals(steps)["call"]
        route = self._route(call)
        with self._span(call.operation, SpanKind.INTERNAL, {"kraty.operation": call.operation, **route}) as span:
            began = perf_counter()
            source = None if call.body is None else call.body.get(wire_name(SOURCE))
            self._remember(source, span)
            reply: Reply = None
            ended: dict[str, str] = {"kraty.outcome": "unknown"}
            try:
                while True:
                    step = steps.send(reply)
                    if isinstance(step, Send):
                        span.set_attribute("kraty.attempts", step.attempt)
                        reply = yield from self._attempt(call, route, step, options)
                        if (given := request_id(reply, options)) is not None:
                            span.set_attribute("kraty.request_id", given)
                    else:
                        reply = yield step
            except StopIteration as done:
                ended = {"kraty.outcome": "applied"}
                result: T = done.value
                self._remember(result.id if isinstance(result, Grant) else None, span)
                return result
            except BaseException as error:
                reply = None  # an error that its own frame holds lives until the cycle collector comes
                ended = {"kraty.outcome": getattr(error, "outcome", "unknown"), "error.type": _error_type(error)}
                if self._player_ids and (key := getattr(error, "idempotency_key", None)) is not None:
                    span.set_attribute("kraty.idempotency_key", key)
                raise
            finally:
                span.set_attributes(ended)
                self._calls.record(perf_counter() - began, {"kraty.operation": call.operation, **ended})

    def _attempt(
        self, call: Call[Any], route: dict[str, str], send: Send, options: Options
    ) -> Generator[Send, Reply, Reply]:
        parts = urlsplit(send.url)
        server: dict[str, Any] = {
            "http.request.method": send.method,
            "server.address": parts.hostname or "",
            "server.port": parts.port or DEFAULT_PORTS[parts.scheme],
            **route,
        }
        attributes: dict[str, Any] = {"kraty.operation": call.operation, **server}
        if send.attempt > 1:
            attributes["http.request.resend_count"] = send.attempt - 1
        if self._player_ids:
            attributes["url.full"] = send.url
        ended: dict[str, Any] = {}
        name = " ".join((send.method, *route.values()))
        began = perf_counter()
        with self._span(name, SpanKind.CLIENT, attributes) as span:
            reply = yield send
            if isinstance(reply, Answer):
                ended["http.response.status_code"] = reply.status
                if reply.status >= 400:
                    ended["error.type"] = str(reply.status)
                if (given := request_id(reply, options)) is not None:
                    span.set_attribute("kraty.request_id", given)
            elif isinstance(reply, TransportFailure):
                ended["error.type"] = "timeout" if reply.timed_out else _error_type(reply.cause)
            elif isinstance(reply, Interruption):
                ended["error.type"] = _error_type(reply.error)
            span.set_attributes(ended)
            if "error.type" in ended:
                span.set_status(StatusCode.ERROR)
        self._attempts.record(perf_counter() - began, {**server, **ended})
        return reply

    def _route(self, call: Call[Any]) -> dict[str, str]:
        """The template of the path; that of a route which the contract does not have may hold ids."""
        is_template = self._player_ids or not call.operation.startswith("request ")
        return {"url.template": call.route} if is_template else {}

    @contextmanager
    def _span(
        self, name: str, kind: SpanKind, attributes: dict[str, Any], links: tuple[Link, ...] = ()
    ) -> Generator[Span]:
        """Make a span the current one. The text of an error may hold an id, and is told only where that is wanted."""
        span = self._tracer.start_span(name, kind=kind, attributes=attributes, links=links)
        token: Token[Context] | None = context.attach(trace.set_span_in_context(span))
        try:
            yield span
        except GeneratorExit:  # a call that nobody goes on with is closed anywhere, and the current span is another's
            token = None
            raise
        except BaseException as error:
            span.set_attribute("error.type", _error_type(error))
            span.set_status(StatusCode.ERROR)
            if self._player_ids:
                span.record_exception(error)
            raise
        finally:
            if token is not None:
                context.detach(token)
            span.end()

    def _remember(self, cause: object, span: Span) -> None:
        if isinstance(cause, str):
            self._causes[cause] = span.get_span_context()
            while len(self._causes) > REMEMBERED:
                self._causes.popitem(last=False)

    def _delivery(self, event: WebhookEvent) -> Any:
        data: object = getattr(event, "data", None)
        causes = [self._causes.get(getattr(data, name, None) or "") for name in (SOURCE, "grant_id")]
        attributes = {"kraty.event.name": str(event.event_name), "kraty.event.id": str(getattr(event, "id", ""))}
        links = tuple(Link(cause) for cause in causes if cause is not None)[:1]
        return self._span(f"process {event.event_name}", SpanKind.CONSUMER, attributes, links)

    def dispatch(self, original: Callable[[Any, WebhookEvent], Result]) -> Callable[[Any, WebhookEvent], Result]:
        """Trace what is done about an event."""

        @wraps(original)
        def traced(receiver: Any, event: WebhookEvent) -> Result:
            with self._delivery(event) as span:
                result = original(receiver, event)
                span.set_attribute("kraty.delivery.result", result)
                return result

        return traced

    def async_dispatch(
        self, original: Callable[[Any, WebhookEvent], Coroutine[Any, Any, Result]]
    ) -> Callable[[Any, WebhookEvent], Coroutine[Any, Any, Result]]:
        """Trace what is done about an event."""

        @wraps(original)
        async def traced(receiver: Any, event: WebhookEvent) -> Result:
            with self._delivery(event) as span:
                result = await original(receiver, event)
                span.set_attribute("kraty.delivery.result", result)
                return result

        return traced

    def job(self, original: Callable[..., Report]) -> Callable[..., Report]:
        """Trace a run of a job."""

        @wraps(original)
        def traced(job: jobs.Job, **options: Any) -> Report:
            operation = job.action.operation
            attributes = {"kraty.job.name": job.name, "kraty.operation": operation}
            with self._span(f"job {operation}", SpanKind.INTERNAL, attributes) as span:
                headers = dict[str, str]()
                W3C.inject(headers)
                token = TRACE_CONTEXT.set(headers)
                try:
                    report = original(job, **options)
                finally:
                    TRACE_CONTEXT.reset(token)
                totals = {name: value for name, value in report.as_json().items() if type(value) is int}
                span.set_attributes({f"kraty.job.{name}": value for name, value in totals.items()})
                if report.stopped is not None:
                    span.set_status(StatusCode.ERROR)
                return report

        return traced

    def chunk(self, original: Callable[[Execution, str], None]) -> Callable[[Execution, str], None]:
        """Trace a chunk, wherever a worker carries it out, with a link to the span of the run that it came from."""

        @wraps(original)
        def traced(execution: Execution, api_key: str) -> None:
            work = execution.work
            run = trace.get_current_span(W3C.extract(work.trace_context or {}, Context())).get_span_context()
            attributes = {"kraty.operation": work.operation, "kraty.job.chunk.rows": len(work.rows)}
            with self._span("job chunk", SpanKind.INTERNAL, attributes, (Link(run),) if run.is_valid else ()):
                original(execution, api_key)

        return traced


def _error_type(error: BaseException) -> str:
    """A name of few values: the code that the server gave, or the class."""
    return error.code if isinstance(error, KratyServerError) else type(error).__qualname__
