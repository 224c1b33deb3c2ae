"""What happens in one API call? A generator that asks to send or to sleep, and never does I/O."""

from __future__ import annotations

import logging
import random
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, TypeVar, cast

from kraty_server import _json
from kraty_server._options import Options
from kraty_server.errors import (
    KratyClosedError,
    KratyError,
    KratyNetworkError,
    KratyServerError,
    KratyTimeoutError,
    Outcome,
    server_error,
)
from kraty_server.retry import ASKED_TO_WAIT, seconds_asked
from kraty_server_generated.types import Call, absent_fields, idempotency_key

if TYPE_CHECKING:
    from kraty_server.telemetry import RequestInfo

T = TypeVar("T")
log: Final = logging.getLogger("kraty_server")

REQUEST_ID_HEADERS: Final = ("x-request-id", "request-id", "x-correlation-id", "x-amzn-requestid", "cf-ray")
UNDECIDED: Final = 408
"""The one 4xx that leaves open whether the request was carried out; so does every 5xx."""
MAX_BODY: Final = 32 * 1024 * 1024
"""No answer is read further than this many bytes; a full export is far smaller."""
_warned: set[str] = set()


# Named tuples: data classes would take longer to import.


class Send(NamedTuple):
    """Send the request, within so many seconds; come back with an Answer or a Lost."""

    method: str
    url: str
    content: bytes | None
    timeout: float


class Sleep(NamedTuple):
    """Wait, then resume."""

    seconds: float


class Answer(NamedTuple):
    """What the server answered; `headers` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    whole: bool = True
    """False where the body was longer than we read."""


class Lost(NamedTuple):
    """No answer.

    `reached` is whether the server may have seen the request, `again` whether another attempt makes sense.
    """

    cause: Exception
    reached: bool
    late: bool = False
    again: bool = True


Reply: TypeAlias = Answer | Lost | None
Flow: TypeAlias = Generator[Send | Sleep, Reply, T]


def _next_step(error: KratyError, outcome: Outcome) -> str:
    if isinstance(error, KratyServerError) and error.is_idempotency_conflict:
        return "This key was used with another body: do not retry, look at both requests."
    if outcome == "unknown":
        return "It may have taken effect: make the same call with the same idempotency key again."
    if outcome == "applied":
        return "It took effect, only the answer could not be read: read the player's state before you go on."
    return "Nothing took effect." + (" The same call may succeed later." if error.is_retryable else "")


def _unreadable(status: int, content: bytes, why: str) -> KratyServerError:
    start = content[:200].decode("utf-8", "replace")
    return server_error(status, "internal_error", f"{why}: {start}" if start else f"{why}: it was empty")


def _error_of(answer: Answer, payload: object) -> KratyServerError | None:
    """The error in an envelope; None where there is no whole one."""
    if not isinstance(payload, dict):
        return None
    from kraty_server_generated.models import ErrorResponse  # loaded when the client was made

    try:
        error = ErrorResponse.from_dict(cast("dict[str, Any]", payload)).error
        code, message = error.code, getattr(error, "message", None)
    except (AttributeError, ValueError, TypeError):
        return None
    if not isinstance(code, str) or not code:
        return None
    message = message if isinstance(message, str) else f"status {answer.status}, without a message"
    return server_error(answer.status, code, message, error.details or None)


def _read(call: Call[T], answer: Answer, strict: bool) -> T | KratyServerError:
    """The model of a 2xx, or why there is none."""
    if not answer.whole:
        return _unreadable(answer.status, answer.content, f"response body is longer than {MAX_BODY} bytes")
    try:
        payload = _json.loads(answer.content)
    except (ValueError, RecursionError):
        return _unreadable(answer.status, answer.content, "response body was not valid JSON")
    absent: list[str] = []
    token = absent_fields.set(absent)
    try:
        model = call.parse(payload)
    except Exception as error:  # whatever a strange answer makes the models raise
        why = f"response body was not what {call.operation} answers ({type(error).__name__}: {error})"
        return _error_of(answer, payload) or _unreadable(answer.status, answer.content, why)
    finally:
        absent_fields.reset(token)
    if absent:
        if envelope := _error_of(answer, payload):
            return envelope
        if strict:
            return _unreadable(answer.status, answer.content, f"response body lacks {', '.join(absent)}")
        for name in absent:
            if (once := f"{call.operation} {name}") not in _warned:
                _warned.add(once)
                log.warning("%s: the server did not send %s, which the contract promises", call.operation, name)
    return model


def _failed(answer: Answer) -> KratyServerError:
    """The error of an answer that is no 2xx."""
    try:
        payload: object = _json.loads(answer.content)
    except (ValueError, RecursionError):
        payload = None
    message = f"non-2xx response without an error envelope (status={answer.status})"
    return _error_of(answer, payload) or server_error(answer.status, "internal_error", message)


def _tell(options: Options, info: RequestInfo) -> None:
    log.debug(
        "%s attempt %d: %s in %.1f ms",
        info.operation,
        info.attempt,
        info.status if info.status is not None else type(info.error).__name__,
        info.duration_ms,
    )
    if options.on_request is not None:
        try:
            options.on_request(info)
        except Exception:
            log.exception("on_request raised; the call goes on")


def flow(call: Call[T], options: Options) -> Flow[T]:
    """Make one call: mint the key once, encode once, send, decide, read.

    Raises:
        KratyServerError, KratyNetworkError: with everything the caller needs to know on them.
    """
    if call.stamp is not None and call.idempotency_key is None:
        call.idempotency_key = idempotency_key(options.generate_idempotency_key(), "generate_idempotency_key")
    key = call.idempotency_key
    content = None if call.body is None else _json.dumps(call.body)
    url = options.base_url + call.path
    retry = options.retry
    clock = options.clock
    end = clock.monotonic() + options.deadline
    attempt, undecided = 0, False
    while True:
        attempt += 1
        begun = clock.monotonic()
        reply = yield Send(call.method, url, content, max(0.001, min(options.timeout, end - begun)))
        duration_ms = (clock.monotonic() - begun) * 1000
        result: T | KratyError
        status = request_id = retry_after = None
        again = False
        outcome: Outcome
        if isinstance(reply, Answer):
            status = reply.status
            request_id = next(filter(None, map(reply.headers.get, REQUEST_ID_HEADERS)), None)
            if 200 <= status < 300:
                result, outcome = _read(call, reply, options.strict_responses), "applied"
            else:
                result, outcome = _failed(reply), "not_applied"
                undecided = undecided or status >= 500 or status == UNDECIDED
                again = status in retry.statuses and not result.is_idempotency_conflict
                if status in ASKED_TO_WAIT:
                    retry_after = seconds_asked(reply.headers.get("retry-after"), clock.time())
        else:
            assert reply is not None
            again, outcome = reply.again, "not_applied"
            undecided = undecided or reply.reached
            result = _lost(call, reply, attempt, options)
        error = result if isinstance(result, KratyError) else None
        if error is not None:
            if outcome == "not_applied" and undecided:
                outcome = "unknown"
            error.outcome, error.operation, error.idempotency_key = outcome, call.operation, key
            error.attempts, error.request_id, error.retry_after = attempt, request_id, retry_after
            error.is_retryable = again
        if options.on_request is not None or log.isEnabledFor(logging.DEBUG):
            from kraty_server.telemetry import RequestInfo  # most clients have no hook

            info = RequestInfo(
                operation=call.operation,
                route=call.route,
                method=call.method,
                url=url,
                attempt=attempt,
                idempotency_key=key,
                duration_ms=duration_ms,
                status=status,
                ok=status is not None and 200 <= status < 300,
                request_id=request_id,
                error=error,
            )
            _tell(options, info)
        if not isinstance(result, KratyError):
            return result
        wait = None
        if again:
            left = end - clock.monotonic()
            wait = retry.wait(attempt, left=left, retry_after=retry_after, chance=random.random())
        if wait is None:
            tries = f"{attempt} attempt" + "s" * (attempt > 1)
            result.add_note(f"{call.operation}, {tries}, {outcome}. {_next_step(result, outcome)}")
            raise result
        yield Sleep(wait)


def _lost(call: Call[T], lost: Lost, attempt: int, options: Options) -> KratyError:
    if isinstance(lost.cause, KratyClosedError):
        return lost.cause
    tries = f"{attempt} attempt" + "s" * (attempt > 1)
    if lost.late:
        limits = f"timeout {options.timeout:g} s, deadline {options.deadline:g} s"
        return KratyTimeoutError(f"{call.operation}: no answer in time after {tries} ({limits})", lost.cause)
    return KratyNetworkError(
        f"{call.operation}: no answer after {tries}: {type(lost.cause).__name__}: {lost.cause}", lost.cause
    )
