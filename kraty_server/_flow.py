"""What happens in one API call? Idempotency key, attempts, retries and errors, as a generator that never does I/O.

It yields what is to be done (send, sleep, report) and is told what came of it; `_http` has the drivers.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from types import NoneType
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit

from kraty_server import _json
from kraty_server._http.messages import Answer, Flow, Interruption, Reply, Report, Send, Sleep, TransportFailure
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
from kraty_server.retry import RETRY_AFTER_STATUSES, parse_retry_after
from kraty_server.telemetry import RequestInfo
from kraty_server_generated.models import ErrorResponse
from kraty_server_generated.types import DECODE_ERRORS, AnswerMismatch, Call, check_idempotency_key

T = TypeVar("T")
log: Final = logging.getLogger("kraty_server")
DEBUG: Final = logging.DEBUG

REQUEST_ID_HEADERS: Final = ("x-request-id", "request-id", "x-correlation-id", "x-amzn-requestid", "cf-ray")
UNDECIDED: Final = 408
"""The one 4xx that leaves open whether the request was carried out; so does every 5xx, and what is below 200."""
MIN_TIMEOUT: Final = 0.001
"""Seconds that the last attempt before the deadline gets at least."""
QUOTED: Final = 200
"""Characters of a strange answer that an error quotes."""
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
EFFECTS: Final[Mapping[Outcome, str]] = {
    "not_applied": "nothing took effect",
    "unknown": "it may have taken effect",
    "applied": "it took effect",
}
_warned: set[str] = set()


def flow(call: Call[T], options: Options) -> Flow[T]:
    """Make one call: mint the key once, encode once; then send, judge, report and decide until it is over.

    Raises:
        KratyServerError, KratyNetworkError: with everything the caller needs to know on them.
    """
    field = call.idempotency_field
    if field is not None and field not in (call.body or ()):
        call = _prepare(call, options)
    content = None if call.body is None else _json.dumps(call.body)
    url = options.base_url + call.path
    started_at = options.clock.monotonic()
    left = options.deadline
    ends_at = started_at + left
    attempt, undecided = 0, False
    outcome: Outcome = "unknown"
    judged: Reply = None
    model: Any = None
    error: KratyError | None = None

    def judge(answer: Answer) -> bool:
        nonlocal judged, model, error
        judged = answer
        model, error = _read(call, url, answer, options)
        return error is None or answer.status >= 300

    try:
        while True:
            attempt += 1
            timeout = options.timeout
            if left < timeout:
                timeout = max(MIN_TIMEOUT, left)
            reply = yield Send(call.method, url, content, timeout, judge, attempt, call.headers)
            if reply is not judged:
                _go_on(reply)
                model, error = _classify(call, url, reply, options, attempt)
            if error is not None:
                undecided = undecided or error.outcome == "unknown"
                _annotate(error, call, reply, options, attempt, undecided=undecided)
            if options.on_request is not None or log.isEnabledFor(DEBUG):
                outcome = "applied" if error is None else error.outcome
                duration_ms = (options.clock.monotonic() - started_at) * 1000
                yield from _report(_info(call, url, reply, options, attempt, duration_ms, error), options)
            if error is None:
                result: T = model
                return result
            wait = _decide(error, options, ends_at - options.clock.monotonic())
            if wait is None:
                raise error
            outcome = error.outcome
            _go_on((yield Sleep(wait)))
            outcome = "unknown"
            started_at = options.clock.monotonic()
            left = ends_at - started_at
    except BaseException as raised:
        if raised is not error:
            _explain(raised, call, attempt, outcome)
        error = reply = judged = None  # an error that its own frame holds lives until the collector comes
        raise


def _prepare(call: Call[T], options: Options) -> Call[T]:
    """The call with an idempotency key of ours, which is minted once for all attempts."""
    return call.with_key(check_idempotency_key(options.generate_idempotency_key(), "generate_idempotency_key"))


def _go_on(reply: Reply) -> None:
    """Raise what interrupted the call, where something did."""
    if isinstance(reply, Interruption):
        try:
            raise reply.error
        finally:
            del reply  # as in `flow`


def _classify(
    call: Call[T], url: str, reply: Reply, options: Options, attempt: int
) -> tuple[T | None, KratyError | None]:
    """What a reply is that no sender has judged: no answer, or one that an error brought along."""
    if isinstance(reply, TransportFailure):
        return None, _lost(call, url, reply, options, attempt)
    return _read(call, url, cast(Answer, reply), options)


def _report(info: RequestInfo, options: Options) -> Flow[None]:
    """Tell the log and the caller's hook of an attempt."""
    came = info.status if info.status is not None else type(info.error).__name__
    log.debug("%s attempt %d: %s in %.1f ms", info.operation, info.attempt, came, info.duration_ms)
    if options.on_request is not None:
        _go_on((yield Report(info)))


def _explain(raised: BaseException, call: Call[T], attempt: int, outcome: Outcome) -> None:
    """Say on what goes through a call which one it was, and whether it took effect."""
    if not isinstance(raised, GeneratorExit):
        raised.add_note(
            f"kraty-server: {call.operation} was under way, attempt {attempt}, idempotency key "
            f"{call.idempotency_key}: {EFFECTS[outcome]}"
        )


def _read(call: Call[T], url: str, answer: Answer, options: Options) -> tuple[T | None, KratyServerError | None]:
    """The model of a 2xx, or else the error that an answer is.

    `applied` is said only of Kraty's own answers: a page, or what answers another call, came from something in between.
    """
    if answer.status // 100 != 2:
        return None, _refused(call, url, answer, options)
    if not answer.complete:
        why = f"response body is longer than {len(answer.content)} bytes"
        return None, _unreadable(call, url, answer, options, why, "unknown")
    try:
        payload = options.loads(answer.content)
    except (ValueError, RecursionError):
        if call.model is NoneType and not answer.content:
            return call.parse(None), None
        return None, _unreadable(call, url, answer, options, "response body was not valid JSON", "unknown")
    absent: list[str] = []
    try:
        model = call.parse(payload, absent)
    except DECODE_ERRORS as error:
        if envelope := _envelope(answer, payload, options):
            return None, envelope
        if call.model is NoneType:  # what it says instead of nothing is not promised
            return call.parse(None), None
        why = f"response body was not what {call.operation} answers ({type(error).__name__}: {error})"
        outcome: Outcome = "unknown" if isinstance(error, AnswerMismatch) else "applied"
        return None, _unreadable(call, url, answer, options, why, outcome)
    if absent:
        if envelope := _envelope(answer, payload, options):
            return None, envelope
        if options.strict_responses:
            why = f"response body lacks {', '.join(absent)}"
            return None, _unreadable(call, url, answer, options, why, "applied")
        _warn_of_absent(call.operation, absent)
    return model, None


def _unreadable(
    call: Call[Any], url: str, answer: Answer, options: Options, why: str, outcome: Outcome
) -> KratyServerError:
    """The error of an answer that is not Kraty's, or cannot be read: it says where it came from, and what came."""
    secret = options.key
    content = answer.content[: QUOTED + len(secret.reveal())]  # a key that is cut in two would not be found
    start = secret.redact(content.decode("utf-8", "replace"))[:QUOTED] or "it was empty"
    kind = answer.headers.get("content-type", "no content type")
    message = f"{why}: {start} ({call.method} {url} answered with {kind})"
    error = server_error(answer.status, "internal_error", secret.redact(message))
    error.outcome = outcome
    return error


def _envelope(answer: Answer, payload: object, options: Options) -> KratyServerError | None:
    """The error in an envelope, its outcome left open; None where there is no whole one."""
    if not isinstance(payload, dict):
        return None
    try:
        error = ErrorResponse.from_dict(cast("dict[str, Any]", payload)).error
        code, message = error.code, getattr(error, "message", None)
    except (AttributeError, ValueError, TypeError):
        return None
    if not isinstance(code, str) or not code:
        return None
    message = message if isinstance(message, str) else f"status {answer.status}, without a message"
    redact = options.key.redact
    found = server_error(answer.status, redact(code), redact(message), redact(error.details or None))
    found.outcome = "unknown"
    return found


def _warn_of_absent(operation: str, absent: list[str]) -> None:
    for name in absent:
        if (once := f"{operation} {name}") not in _warned:
            _warned.add(once)
            log.warning("%s: the server did not send %s, which the contract promises", operation, name)


def _refused(call: Call[Any], url: str, answer: Answer, options: Options) -> KratyServerError:
    """The error of an answer that is no 2xx."""
    try:
        payload: object = options.loads(answer.content)
    except (ValueError, RecursionError):
        payload = None
    status = answer.status
    error = _envelope(answer, payload, options)
    if error is None:
        why = f"non-2xx response without an error envelope (status={status})"
        error = _unreadable(call, url, answer, options, why, "unknown")
    decided = 200 <= status < 500 and status != UNDECIDED
    error.outcome = "not_applied" if decided else "unknown"
    error.is_retryable = status in options.retry.statuses and not error.is_idempotency_conflict
    if status in RETRY_AFTER_STATUSES:
        error.retry_after = parse_retry_after(answer.headers.get("retry-after"), options.clock.time())
    return error


def _lost(call: Call[Any], url: str, failure: TransportFailure, options: Options, attempt: int) -> KratyError:
    """The error of no answer."""
    error: KratyError
    cause = failure.cause
    if isinstance(cause, KratyClosedError):
        error = cause
    elif failure.timed_out:
        limits = f"timeout {options.timeout:g} s, deadline {options.deadline:g} s"
        text = f"{call.operation}: no answer in time after {_attempts(attempt)} ({limits}) from {_origin(url)}"
        text += options.key.redact(f": {cause}" if str(cause) else "")
        error = KratyTimeoutError(text, cause)
    else:
        what = "answer from" if failure.maybe_received else "connection to"
        told = options.key.redact(f"{type(cause).__name__}: {cause}")
        text = f"{call.operation}: no {what} {_origin(url)} after {_attempts(attempt)}: {told}"
        error = KratyNetworkError(text, cause)
    error.outcome = "unknown" if failure.maybe_received else "not_applied"
    error.is_retryable = failure.retryable
    return error


def _attempts(count: int) -> str:
    return f"{count} attempt" + "s" * (count != 1)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or DEFAULT_PORTS[parts.scheme]}"


def _annotate(
    error: KratyError, call: Call[T], reply: Reply, options: Options, attempt: int, *, undecided: bool
) -> None:
    """Say on an error all that is known of the call."""
    if undecided and error.outcome == "not_applied":
        error.outcome = "unknown"
    error.operation, error.idempotency_key = call.operation, call.idempotency_key
    error.request_id = request_id(reply, options)
    error.attempts = attempt
    if isinstance(error, KratyClosedError) and isinstance(reply, TransportFailure) and not reply.maybe_received:
        error.attempts -= 1  # nothing was sent


def request_id(reply: Reply, options: Options) -> str | None:
    """The name that the server gave a request; one that quotes the key has it taken out."""
    if not isinstance(reply, Answer):
        return None
    found = next(filter(None, map(reply.headers.get, REQUEST_ID_HEADERS)), None)
    redacted: str | None = options.key.redact(found)
    return redacted


def _info(
    call: Call[T], url: str, reply: Reply, options: Options, attempt: int, duration_ms: float, error: KratyError | None
) -> RequestInfo:
    status = reply.status if isinstance(reply, Answer) else None
    return RequestInfo(
        operation=call.operation,
        route=call.route,
        method=call.method,
        url=url,
        attempt=attempt,
        idempotency_key=call.idempotency_key,
        duration_ms=duration_ms,
        status=status,
        ok=status is not None and 200 <= status < 300,
        request_id=request_id(reply, options),
        error=error,
    )


def _decide(error: KratyError, options: Options, left: float) -> float | None:
    """Seconds to wait before the next attempt; None to give up, with all that is known in the error's note."""
    wait = None
    if error.is_retryable:
        fraction = random.random()
        wait = options.retry.wait(error.attempts, left=left, retry_after=error.retry_after, random_fraction=fraction)
    if wait is not None:
        _warn(error, f"trying again in {wait:.3g} s")
        return wait
    if error.is_retryable or error.attempts > 1:
        _warn(error, f"giving up, {error.outcome}")
    error.add_note(f"{error.operation}, {_attempts(error.attempts)}, {error.outcome}. {_next_step(error)}")
    return None


def _warn(error: KratyError, what: str) -> None:
    log.warning(
        "%s: attempt %d failed, %s; idempotency key %s, request id %s: %s",
        error.operation,
        error.attempts,
        what,
        error.idempotency_key,
        error.request_id,
        error,
    )


def _next_step(error: KratyError) -> str:
    if isinstance(error, KratyServerError) and error.is_idempotency_conflict:
        return "This key was used with another body: do not retry, look at both requests."
    if error.outcome == "unknown":
        return "It may have taken effect: make the same call with the same idempotency key again."
    if error.outcome == "applied":
        return "It took effect, only the answer could not be read: read the player's state before you go on."
    return "Nothing took effect." + (" The same call may succeed later." if error.is_retryable else "")
