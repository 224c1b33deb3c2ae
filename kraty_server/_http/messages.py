"""What do a call and the drivers that send for it say to each other?

The messages between `_flow`, which never does I/O, and `connections` and `async_connections`, which do nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from kraty_server.telemetry import RequestInfo

T = TypeVar("T")


class Upload(Protocol):
    """The body of a request that is read while it is sent, from its start with each attempt."""

    @property
    def failure(self) -> BaseException | None:
        """What reading it raised in this attempt: an error of the caller's file, and none of transport."""
        ...

    @property
    def length(self) -> int | None:
        """Bytes; None where only its end tells."""
        ...

    @property
    def blocks(self) -> bool:
        """Whether reading it waits, as for a disk or a pipe."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """Read it, piece by piece."""
        ...


class BodyStream(Protocol):
    """The body of an answer, read while it arrives; its connection is held until it ends, is closed or dropped."""

    @property
    def send(self) -> Send:
        """The request that it answers."""
        ...

    def read(self) -> bytes:
        """The next bytes; none at the end."""
        ...

    def close(self) -> None:
        """Give the connection back; where the body did not end, close it."""
        ...


class AsyncBodyStream(Protocol):
    """The same on an event loop."""

    @property
    def send(self) -> Send:
        """The request that it answers."""
        ...

    async def read(self) -> bytes:
        """The next bytes; none at the end."""
        ...

    async def aclose(self) -> None:
        """Give the connection back; where the body did not end, close it."""
        ...


# Named tuples: data classes would take longer to import.


class Send(NamedTuple):
    """Send the request, within so many seconds; come back with an Answer, a TransportFailure or an Interruption."""

    method: str
    url: str
    content: bytes | Upload | None
    timeout: float
    judge: Callable[[Answer], bool]
    """Asked of an answer while its connection is still held: one that did not answer this request is not used again."""
    attempt: int = 1
    headers: Mapping[str, str] | None = None
    """Headers of this call, beside those of the client; with an Upload they say its type, and its length if known."""
    leaves_unread: Callable[[int, Mapping[str, str]], bool] | None = None
    """Asked of the status and the headers of an answer: whether its body is left unread, and is the answer's stream."""


class Receive(NamedTuple):
    """Read on, within so many seconds; come back with bytes, a TransportFailure or an Interruption."""

    stream: BodyStream | AsyncBodyStream
    seconds: float


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
    stream: BodyStream | AsyncBodyStream | None = None
    """The body, where it was left unread."""


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


Reply: TypeAlias = Answer | TransportFailure | Interruption | bytes | None
Flow: TypeAlias = Generator[Send | Receive | Sleep | Report, Reply, T]
