"""How does a request become an answer? Without sockets: bytes in, bytes out, one at a time."""

from __future__ import annotations

import hmac
import logging
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import unquote_plus

from kraty_server.testing.emulator import samples
from kraty_server.testing.emulator.clock import Clock, format_time
from kraty_server.testing.emulator.context import RequestContext
from kraty_server.testing.emulator.contract import Contract, NoRoute, Operation, Problem, contract, problems
from kraty_server.testing.emulator.dispatcher import Dispatcher
from kraty_server.testing.emulator.due import catch_up, next_due
from kraty_server.testing.emulator.errors import ApiError
from kraty_server.testing.emulator.faults import Fault, next_fault
from kraty_server.testing.emulator.form_body import as_json, decode_form
from kraty_server.testing.emulator.idempotency import replay_or_execute
from kraty_server.testing.emulator.json_body import decode_json, encode_json
from kraty_server.testing.emulator.operation import Handler, OperationRequest
from kraty_server.testing.emulator.rate_limit import RateLimiter
from kraty_server.testing.emulator.request_log import Request, RequestLog
from kraty_server.testing.emulator.scheduler import Scheduler
from kraty_server.testing.emulator.state import Row, State

log: Final = logging.getLogger("kraty_server.testing")
UNKNOWN: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, and how."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    latency: float = 0.0
    """Seconds to wait before it goes out."""
    transport_fault: Literal["drop", "cut"] | None = None
    """Close the connection instead of the answer, or in the middle of it."""


class Engine:
    """The emulated server.

    Args:
        state: what it remembers.
        handlers: what each operation does.
        strict: answer 500 where the emulator itself would leave the contract.
    """

    def __init__(
        self,
        state: State,
        *,
        handlers: Mapping[str, Handler],
        strict: bool,
    ) -> None:
        self.state: State = state
        self.strict: bool = strict
        self.contract: Contract = contract()
        self.lock: threading.RLock = threading.RLock()
        self.clock: Clock = Clock()
        self.faults: list[Fault] = []
        self.limiter: RateLimiter = RateLimiter(self.clock)
        self.row_keys_kept: timedelta | None = None
        """How long the keys of migrated rows are remembered; None for ever."""
        self.requests: RequestLog = RequestLog()
        self.dispatcher: Dispatcher = Dispatcher(state, self.lock, self.clock, self.faults)
        self._handlers = handlers
        self._scheduler = Scheduler(self.lock, self._seconds_left, self._run_due)
        self._scheduled: str | None = None
        self._counted = 0
        self._reloaded = 0

    # Time

    def now(self) -> datetime:
        """The emulator's time."""
        return self.clock.now()

    def advance(self, seconds: float) -> None:
        """Move the clock ahead; what falls due happens.

        Raises:
            ValueError: back, nowhere, or too far; nothing is changed.
        """
        with self.lock:
            before, self.clock.offset = self.clock.offset, self.clock.offset_after(seconds)
            try:
                with self.state.effect():
                    self.state.run("UPDATE clock SET offset = ?", self.clock.offset)
                    catch_up(self.state, self.now())
            except BaseException:
                self.clock.offset = before
                raise
            self.settle()

    def _seconds_left(self) -> float | None:
        due = self.state.next_due
        return None if due is None else (datetime.fromisoformat(due) - self.now()).total_seconds()

    def _run_due(self) -> None:
        with self.state.effect():
            catch_up(self.state, self.now())
        self.settle()

    def settle(self) -> None:
        """After an effect: hand over its webhooks, and watch the clock for what it has scheduled. Needs the lock."""
        self.state.emitted = False
        self.dispatcher.flush()
        if self.state.next_due != self._scheduled:
            self._scheduled = self.state.next_due
            if self._scheduled is not None:
                self._scheduler.notify()

    def reload(self) -> None:
        """After the state was replaced: read again what is kept beside it, forget requests and faults, fill buckets."""
        clock = self.state.one("SELECT offset, next_due FROM clock")
        assert clock is not None
        self.clock.offset, self.state.next_due = clock["offset"], clock["next_due"]
        self._reloaded += 1
        self.requests.clear()
        self.faults.clear()
        self.limiter.refill()
        self.dispatcher.reload()
        self.settle()

    def open(self) -> None:
        """Begin: do what fell due while nobody was there."""
        with self.lock:
            self.state.run("UPDATE clock SET next_due = ?", next_due(self.state))
            self.reload()

    def close(self) -> None:
        """End the threads, and close the state."""
        self._scheduler.close()
        self.dispatcher.close()
        with self.lock:
            self.state.close()

    @property
    def version(self) -> str:
        """A text that is another one after each change that can be seen from outside; needs no lock."""
        struck = [(fault.operation, fault.effect, fault.times, fault.struck) for fault in self.faults]
        seen = (self._reloaded, self._counted, self.state.connection.total_changes, self.clock.offset, struck)
        return f"{zlib.crc32(repr(seen).encode()):08x}"

    # Requests

    def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one request.

        Args:
            method: in capitals.
            target: the path and query as sent.
            headers: names in lower case.
            body: as it came, all of it.
        """
        started = time.perf_counter()
        with self.lock:
            now = self.now()
            at = format_time(now)
            operation: Operation | None = None
            fault: Fault | None = None
            api_key: Row | None = None
            answer: Answer
            code: str | None = None
            try:
                operation, path = self.contract.find(method, target)
                fault = next_fault(self.faults, operation.id)
                if (struck := _fault_response(fault)) is not None:
                    answer, code = struck
                else:
                    api_key = self.authenticate(headers)
                    self.limiter.take(api_key["prefix"])
                    others = _read_others(operation, target, headers)
                    content_type = headers.get("content-type", "")
                    answer = self._execute(operation, path, others, api_key, body, content_type, now, at)
            except NoRoute as no_route:
                code, answer = "not_found", _no_route(no_route)
            except ApiError as error:
                code, answer = error.code, _error(error.status, error.code, error.message, error.details, error.headers)
            except Exception as error:
                log.exception("the emulator failed at %s %s", method, target)
                message = f"the emulator failed: {type(error).__name__}: {error}"
                code, answer = "internal_error", _error(500, "internal_error", message)
            self._counted += 1
            self.requests.append(
                Request(
                    at=at,
                    operation=operation.id if operation else None,
                    method=method,
                    target=target,
                    raw_body=body,
                    status=answer.status,
                    code=code,
                    fault=fault.effect if fault else None,
                    sdk=headers.get("x-kraty-sdk"),
                    answer=answer.body,
                    environment=api_key["environment"] if api_key else None,
                    key_prefix=api_key["prefix"] if api_key else None,
                    seconds=time.perf_counter() - started,
                    number=self._counted,
                )
            )
            return answer if fault is None else _apply_transport_fault(fault, answer)

    def too_large(self, limit: int) -> Answer:
        """The answer to a request that was not read to its end."""
        return _error(413, "validation_failed", f"the body is larger than {limit:,} bytes")

    def authenticate(self, headers: Mapping[str, str]) -> Row:
        """The key of a request.

        Raises:
            ApiError: 401 or 403.
        """
        given = headers.get("authorization")
        if not given:
            raise ApiError(401, "unauthenticated", "no Authorization header")
        scheme, _, token = given.partition(" ")
        prefix, dot, secret = token.strip().partition(".")
        if scheme.lower() != "bearer" or not prefix or not dot or not secret:
            raise ApiError(401, "session_invalid", "Authorization is not `Bearer <prefix>.<secret>`")
        key = self.state.setup.key(prefix)
        if key is None or not hmac.compare_digest(key["secret"].encode(), secret.encode("utf-8", "replace")):
            raise ApiError(401, "session_invalid", "the key is unknown or revoked")
        if key["permission_set"] != "server_integration":
            raise ApiError(403, "forbidden", f"a {key['permission_set']} key does not open the server API")
        return key

    def _execute(
        self,
        operation: Operation,
        path: Mapping[str, Any],
        others: Mapping[str, Any],
        api_key: Row,
        raw: bytes,
        content_type: str,
        now: datetime,
        at: str,
    ) -> Answer:
        body = self._read(operation, path, raw, content_type)
        if self.state.next_due is not None and self.state.next_due <= at:
            self._run_due()
        with self.state.effect():
            context = RequestContext(
                state=self.state,
                now=now,
                at=at,
                world=api_key["world"],
                game=api_key["game"],
                studio=api_key["studio"],
                environment=api_key["environment"],
                origin="server",
                operation=operation.id,
                idempotency_key=body.get("idempotencyKey") if operation.body_keyed else None,
                row_keys_kept=self.row_keys_kept,
            )
            request = OperationRequest(context, path, body, api_key, others)
            handler = self._handlers.get(operation.id, samples.HANDLER)
            status, payload = replay_or_execute(request, handler) if operation.keyed else handler.execute(request)
            value = {"data": payload} if operation.enveloped else payload
            if self.strict:  # before the commit: an answer that is none leaves nothing behind
                _check(operation, status, value)
            if isinstance(payload, bytes):
                answer = Answer(status, payload, {"content-type": operation.media_types.get(status, UNKNOWN)})
            else:
                answer = Answer(status, b"" if status == 204 else encode_json(value))
        if self.state.emitted or self.state.next_due != self._scheduled:
            self.settle()
        return answer

    def _read(self, operation: Operation, path: Mapping[str, Any], raw: bytes, content_type: str) -> dict[str, Any]:
        """The body of a request, checked.

        Raises:
            ApiError: 400; 404 where a path cannot be and the operation has no 400.
        """
        found = [Problem(f"path.{wrong.path}", wrong.message) for wrong in problems(operation.path, path)]
        if found and "400" not in operation.error_codes:
            raise ApiError(404, "not_found", f"{found[0].path}: no such id can be")
        body: Any = {}
        if operation.body is not None:
            if raw:
                try:
                    body = decode_json(raw) if operation.form is None else decode_form(operation, raw, content_type)
                    found += problems(operation.body, body if operation.form is None else as_json(body))
                except ValueError as error:
                    found.append(Problem("", str(error)))
            elif operation.body_required:
                found.append(Problem("", f"a {'JSON body' if operation.form is None else 'form'} is needed"))
        if found:
            raise _invalid(found)
        checked: dict[str, Any] = body  # the document asks for an object
        return checked


def _read_others(operation: Operation, target: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """What a request says in its query and its headers, as the document has it.

    Raises:
        ApiError: 400.
    """
    if not operation.others:
        return {}
    given: dict[tuple[str, str], list[str]] = {("header", name): [text] for name, text in headers.items()}
    for pair in target.partition("?")[2].split("&"):
        name, _, text = pair.partition("=")
        given.setdefault(("query", unquote_plus(name)), []).append(text)
    found: list[Problem] = []
    values: dict[str, Any] = {}
    for parameter in operation.others:
        place = f"{parameter.where}.{parameter.name}"
        if (texts := given.get((parameter.where, parameter.name))) is not None:
            values[parameter.name] = value = parameter.value(texts)
            found += [Problem(place, wrong.message) for wrong in problems(parameter.schema, value)]
        elif parameter.required:
            found.append(Problem(place, "is missing"))
    if found:
        raise _invalid(found)
    return values


def _invalid(found: list[Problem]) -> ApiError:
    places = "; ".join(f"{p.path or 'body'}: {p.message}" for p in found)
    return ApiError(400, "validation_failed", places, [asdict(problem) for problem in found])


def _check(operation: Operation, status: int, value: Any) -> None:
    """Hold an answer against the document.

    Raises:
        RuntimeError: it is none that the document has.
    """
    validator = operation.responses.get(status)
    if status in operation.media_types:
        wrong = [] if isinstance(value, bytes) else [Problem("", f"status {status} comes with bytes")]
    elif status not in operation.responses:
        wrong = [Problem("", f"status {status} is not documented")]
    elif validator is None:
        wrong = [] if value is None else [Problem("", f"status {status} has no content")]
    else:
        wrong = problems(validator, value)
    if wrong:
        raise RuntimeError(f"it left the contract at {operation.id}: {wrong[0]}")


def _error(
    status: int, code: str, message: str, details: Any = None, headers: Mapping[str, str] | None = None
) -> Answer:
    error = {"code": code, "message": message} | ({} if details is None else {"details": details})
    return Answer(status, encode_json({"error": error}), headers or {})


def _no_route(error: NoRoute) -> Answer:
    if error.allowed:
        allowed = ", ".join(error.allowed)
        return _error(405, "not_found", f"allowed here: {allowed}", headers={"allow": allowed})
    return _error(404, "not_found", "no such route")


def _fault_response(fault: Fault | None) -> tuple[Answer, str | None] | None:
    """The answer of a fault that strikes before anything is done; the document has no say in it."""
    if fault is None or fault.effect not in ("status", "drop_before"):
        return None
    if fault.effect == "drop_before":
        return Answer(0, b"", transport_fault="drop"), None
    code = fault.code or ("rate_limited" if fault.status == 429 else "internal_error")
    headers = {"retry-after": wait} if (wait := fault.retry_after_header) is not None else {}
    return _error(fault.status, code, "a fault, as scripted", headers=headers), code


def _apply_transport_fault(fault: Fault, answer: Answer) -> Answer:
    transport_fault = answer.transport_fault
    if fault.effect == "drop_after_commit":
        transport_fault = "drop"
    elif fault.effect == "cut_body":
        transport_fault = "cut"
    return replace(answer, latency=fault.latency, transport_fault=transport_fault)
