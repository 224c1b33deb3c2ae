"""What did a sender run into? A failure of transport, an answer in an error's clothes, or what must go through.

Only what HTTP clients and the network raise is a failure of transport, and tried again. Everything else is the
caller's: a time limit of Celery's or RQ's, an error of a hook or of a mocking library, a bug.
"""

from __future__ import annotations

import signal
import ssl
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Final

import httpx

from kraty_server._http.messages import Answer, Interruption, Reply, Send, TransportFailure
from kraty_server.errors import KratyClosedError

# By name, since what is given as http_client may be of another library of the family.
FAMILY: Final = frozenset(
    {"httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "anyio", "h11", "h2", "hpack", "socksio"}
)
NEVER_RECEIVED: Final = frozenset(
    {
        "ConnectError",
        "ConnectTimeout",
        "PoolTimeout",
        "ProxyError",  # of httpx
        "ClientConnectorError",
        "ConnectionTimeoutError",  # of aiohttp
        "CutOff",  # ours
    }
)
NEVER_SENT: Final = frozenset({"UnsupportedProtocol", "InvalidURL"})
OF_FILES: Final = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError)
"""Errors of the system that no network raises, but a hook that reads a file may."""
OURS: Final = "kraty_server"
STANDARD: Final = frozenset({"asyncio", "ssl", "socket", "selectors", "threading", "queue", "concurrent", "contextlib"})


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and all that it was raised from or amid; not what the caller was handling when the call was made."""
    callers = _frames_above(error.__traceback__)
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        if one is error or one.__traceback__ is None or one.__traceback__.tb_frame not in callers:
            yield one
            todo += [one.__cause__, one.__context__]


def _frames_above(traceback: TracebackType | None) -> set[FrameType]:
    """The frames that called the one in which an error was caught."""
    frames: set[FrameType] = set()
    frame = None if traceback is None else traceback.tb_frame.f_back
    while frame is not None:
        frames.add(frame)
        frame = frame.f_back
    return frames


def is_transport_error(error: BaseException) -> bool:
    """Tell whether an error is one that HTTP clients and the network raise."""
    if isinstance(error, OSError | EOFError):
        return not isinstance(error, OF_FILES)
    return isinstance(error, Exception) and any(
        kind.__module__.partition(".")[0] in FAMILY for kind in type(error).__mro__
    )


def reply_to(error: BaseException, send: Send, *, closed: bool = False, foreign: bool = False) -> Reply:
    """Turn what a sender raised into what the call is told.

    Args:
        closed: whether our client was closed meanwhile.
        foreign: whether it is known that no transport raised it.
    """
    errors = list(chain(error))
    _clear_frames(errors)
    if not isinstance(send.content, bytes | None) and (failure := send.content.failure) is not None:
        return Interruption(failure)  # of the file that was being sent, whatever the transport made of it
    if foreign or not isinstance(error, Exception) or not is_transport_error(error):
        return Interruption(error)
    if (answer := _answer_of(error)) is not None:
        return answer
    untrusted = any(isinstance(one, ssl.SSLCertVerificationError) for one in errors)
    _scrub(errors, send)
    return closed_mid_call(error) if closed else classify_failure(error, retryable=not untrusted)


def classify_failure(error: Exception, *, retryable: bool = True) -> TransportFailure:
    """Tell what a failure of transport means for the call."""
    # aiohttp's errors say more than those an adapter turns them into: a lost connection is httpx's ConnectTimeout.
    cause = error.__cause__
    told = cause if cause is not None and type(cause).__module__.startswith("aiohttp.") else error
    names = {kind.__name__ for kind in type(told).__mro__}
    return TransportFailure(
        error,
        # What speaks to a SOCKS proxy fails before there is a connection to the server.
        maybe_received=not (names & (NEVER_RECEIVED | NEVER_SENT) or type(told).__module__.startswith("socksio.")),
        timed_out=isinstance(told, TimeoutError) or "TimeoutException" in names,
        retryable=retryable and not names & NEVER_SENT,
    )


def raised_by_signal(error: BaseException) -> bool:
    """Tell whether the handler of a signal raised an error: a time limit of Celery's or RQ's, amid a hook of a call."""
    codes = {_code_of(signal.getsignal(number)) for number in signal.valid_signals()} - {None}
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code in codes:
            return True
        traceback = traceback.tb_next
    return False


def _code_of(handler: object) -> object:
    """The code of a function or method, or of an object that can be called; None for what is no Python."""
    if not callable(handler):  # SIG_DFL, of whose type `__call__` is the constructor of every enum
        return None
    return getattr(handler, "__code__", None) or getattr(type(handler).__call__, "__code__", None)


def not_sent(attempt: int) -> TransportFailure:
    """What becomes of an attempt that begins when the client is closed."""
    return _closed_failure("before this call" if attempt == 1 else f"while this call waited for attempt {attempt}")


def _closed_failure(when: str) -> TransportFailure:
    """No request was sent, since the client is closed."""
    return TransportFailure(
        KratyClosedError(f"the client was closed {when}; make a new one"), maybe_received=False, retryable=False
    )


def closed_mid_call(error: Exception) -> TransportFailure:
    """What becomes of a call that was under way when its client was closed."""
    waited = isinstance(error, httpx.PoolTimeout)
    return _closed_failure("while this call was under way")._replace(maybe_received=not waited)


def _answer_of(error: Exception) -> Answer | None:
    """The answer that an error carries, as `raise_for_status()` in a hook does."""
    response: Any = getattr(error, "response", None)
    if "HTTPStatusError" not in {kind.__name__ for kind in type(error).__mro__} or response is None:
        return None
    try:
        content = bytes(response.content)
    except Exception:  # the hook did not read it, and now it is closed
        content = b""
    return Answer(response.status_code, response.headers, content)


def _scrub(errors: list[BaseException], send: Send) -> None:
    """Take the request's headers and the frames that held them out of errors we are going to hold on to."""
    for one in errors:
        one.__traceback__ = None
        if hasattr(type(one), "request"):  # an error of httpx, or of its family
            _replace_request(one, send)
        if (response := getattr(one, "response", None)) is not None:
            _replace_request(response, send)


def _replace_request(holder: object, send: Send) -> None:
    with suppress(AttributeError):  # of a caller's own, which cannot be set
        setattr(holder, "request", httpx.Request(send.method, send.url))  # noqa: B010  (whatever type has it)


def _clear_frames(errors: list[BaseException]) -> None:
    """Empty the frames of HTTP clients in tracebacks, and ours: their locals hold the key. A caller's stay whole."""
    for one in errors:
        traceback = one.__traceback__
        while traceback is not None:
            module = str(traceback.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
            if module in FAMILY or module in STANDARD or module == OURS:
                with suppress(RuntimeError):  # it is still running, so it is one of our drivers, which hold no key
                    traceback.tb_frame.clear()
            traceback = traceback.tb_next
