"""What is `on_request` told?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """One HTTP attempt, told when it has ended. Neither key nor body is in it."""

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


OnRequest: TypeAlias = Callable[[RequestInfo], object]
"""A hook. What it returns is ignored; what it raises is logged and changes nothing."""
