"""What do a call and the drivers that send for it say to each other?

The messages between `_flow`, which never does I/O, and `connections` and `async_connections`, which do nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import NamedTuple, TypeAlias, TypeVar

from kraty_server.telemetry import RequestInfo

T = TypeVar("T")

# Named tuples: data classes would take longer to import.


class Send(NamedTuple):
    """Send the request, within so many seconds; come back with an Answer, a TransportFailure or an Interruption."""

    method: str
    url: str
    content: bytes | None
    timeout: float
    judge: Callable[[Answer], bool]
    """Asked of an answer while its connection is still held: one that did not answer this request is not used again."""
    attempt: int = 1
    headers: Mapping[str, str] | None = None
    """Headers of this call, beside those of the client."""


class Sleep(NamedTuple):
    """Wait, then come back; earlier where the client is closed."""

    seconds: float


class Report(NamedTuple):
    """Tell the caller's `on_request`, then come back; with an Interruption where one went through it."""

    info: RequestInfo


class Answer(NamedTuple):
    """What the server answered; `headers` are asked for by lower-case names."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    complete: bool = True
    """False where the body was longer than the limit; `content` is its beginning."""


class TransportFailure(NamedTuple):
    """No answer, and why.

    `maybe_received` is whether the server may have seen the request, `retryable` whether another attempt makes sense.
    """

    cause: Exception
    maybe_received: bool
    timed_out: bool = False
    retryable: bool = True


class Interruption(NamedTuple):
    """What went through a call and is no failure of transport: another library's time limit, a hook's error, a bug."""

    error: BaseException


Reply: TypeAlias = Answer | TransportFailure | Interruption | None
Flow: TypeAlias = Generator[Send | Sleep | Report, Reply, T]
