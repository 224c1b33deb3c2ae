"""What test jobs run in their workers: `send`, and what happens around it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from kraty_server import bulk
from kraty_server.bulk.send import send


def trace_into(folder: str) -> None:
    """Trace this process as a program does that sets the SDK up, with its spans in a file, one JSON text a line."""
    trace, export = import_module("opentelemetry.sdk.trace"), import_module("opentelemetry.sdk.trace.export")
    tracers = trace.TracerProvider()
    file = (Path(folder) / f"{os.getpid()}.spans").open("a")
    exporter = export.ConsoleSpanExporter(out=file, formatter=lambda span: span.to_json(indent=None) + "\n")
    tracers.add_span_processor(export.SimpleSpanProcessor(exporter))
    import_module("kraty_server.otel").KratyInstrumentor().instrument(tracer_provider=tracers)


def send_and_die(work: bytes) -> bytes:
    """Carry a chunk out, and die before the answer is back, as often as there are files named `die-*` in `$DEATHS`."""
    answer = send(work)
    for path in Path(os.environ["DEATHS"]).glob("die-*"):
        try:
            path.unlink()
        except FileNotFoundError:  # another worker was quicker
            continue
        os.kill(os.getpid(), 9)
    return answer


@contextmanager
def busy() -> Iterator[None]:
    """Say in `$BUSY` that this process is at work, so that it can be killed in the midst of it."""
    sign = Path(os.environ["BUSY"]) / str(os.getpid())
    sign.touch()
    try:
        yield
    finally:
        sign.unlink(missing_ok=True)  # threads of one process have one sign


def send_busily(work: bytes) -> bytes:
    """Carry a chunk out, and say so meanwhile."""
    with busy():
        return send(work)


def map_busily(function: bulk.ArrowFunction, rows: Any, **client: Any) -> Any:
    """Carry a partition out, and say so meanwhile."""
    with busy():
        return function(rows, **client)


def map_each_busily(function: bulk.ArrowFunction, batches: Iterator[Any]) -> Iterator[Any]:
    """Carry out the batches of a partition of Spark, and say so meanwhile."""
    with busy():
        yield from function(batches)
