"""What does `on_request` get? Telemetry, metrics and tracing of each HTTP attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """One HTTP attempt, given to the hook when it has ended. Neither key nor body is in it."""

    operation: str
    """The call, as in `wallet.credit`: a name for metrics."""
    route: str
    """The template of the path, fit for a metric name: it holds no ids."""
    method: str
    url: str
    """The whole URL. It holds player ids: not for metric names."""
    attempt: int
    """Counted from 1."""
    idempotency_key: str | None
    duration_ms: float
    status: int | None
    """None where no answer came."""
    ok: bool
    """Whether the answer was a 2xx."""
    request_id: str | None
    """The server's name for the request, if it gave one."""
    error: Exception | None
    """What this attempt ended with, if it was no success."""


OnRequest: TypeAlias = Callable[[RequestInfo], None]
"""A hook. What it raises is logged and changes nothing."""

AsyncOnRequest: TypeAlias = Callable[[RequestInfo], Awaitable[None] | None]
"""A hook of the async client, plain or `async def`: what can be awaited is awaited before the call goes on."""
