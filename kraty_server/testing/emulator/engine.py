"""How does a request become an answer? Without sockets: bytes in, bytes out, one at a time."""

from __future__ import annotations

import hmac
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from kraty_server.testing.emulator.contract import Contract, NoRoute, Operation, Problem, contract, problems
from kraty_server.testing.emulator.faults import Fault, first
from kraty_server.testing.emulator.ledger import Refused, Turn, iso
from kraty_server.testing.emulator.outbox import Outbox, put
from kraty_server.testing.emulator.state import Row, State
from kraty_server.testing.operations.players import (
    HANDLERS,
    Asked,
    close_lobby,
    conflict,
    fingerprint,
    replayed,
    start_lobby,
)

log: Final = logging.getLogger("kraty_server.testing")

KEPT: Final = timedelta(hours=24)
"""How long a key is remembered (CONTRACT.md §5); grants and migrated rows for ever."""
LOGGED: Final = 10_000
"""Requests in the log."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, and how."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delay: float = 0.0
    fate: Literal["send", "drop", "cut"] = "send"


@dataclass(frozen=True, slots=True)
class Request:
    """One line of the request log."""

    at: str
    operation: str | None
    method: str
    target: str
    body: Any
    """Decoded; text where it was no JSON."""
    status: int
    """What the emulator made of it, whether or not that arrived."""
    code: str | None
    """The error code of the answer."""
    fault: str | None
    sdk: str | None
    """The header X-Kraty-SDK."""

    def __str__(self) -> str:
        """One line."""
        body = "" if self.body is None else json.dumps(self.body, ensure_ascii=False)
        verdict = f"{self.status} {self.code or ''}".rstrip() + (f" [{self.fault}]" if self.fault else "")
        return f"{self.method} {self.target} {body} -> {verdict}"


def _encoded(payload: Any) -> bytes:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


class Engine:
    """The emulated server."""

    def __init__(self, state: State, *, strict: bool) -> None:
        self.state: State = state
        self.strict: bool = strict
        self.contract: Contract = contract()
        self.lock: threading.RLock = threading.RLock()
        self.outbox: Outbox = Outbox(state, self.lock, lambda: self.now().timestamp())
        self.faults: list[Fault] = []
        self.requests: deque[Request] = deque(maxlen=LOGGED)
        self.offset: float = 0.0
        self.reload()

    def reload(self) -> None:
        """Read again what is kept beside the state, after it was replaced."""
        clock = self.state.one("SELECT offset FROM clock")
        self.offset = clock["offset"] if clock else 0.0

    def now(self) -> datetime:
        """The emulator's clock: the real one, and as far ahead as it was moved."""
        return datetime.fromtimestamp(time.time() + self.offset, UTC)

    def advance(self, seconds: float) -> None:
        """Move the clock ahead; what falls due happens."""
        if seconds < 0:
            raise ValueError("the clock moves ahead only")
        with self.lock:
            with self.state.effect():
                self.offset += seconds
                self.state.run("UPDATE clock SET offset = ?", self.offset)
                self._catch_up(self.now())
            self.outbox.flush()

    def turn(
        self, *, game: str, studio: str, environment: str, origin: str, operation: str, silent: bool = False
    ) -> Turn:
        """Begin to work on the state."""
        return Turn(
            state=self.state,
            now=self.now(),
            game=game,
            studio=studio,
            environment=environment,
            origin=origin,
            operation=operation,
            announce=None if silent else put,
        )

    def _catch_up(self, now: datetime) -> None:
        """Do what the passing of time does: grants and attempts expire, lobbies start and close."""
        at = iso(now)
        self.state.run("UPDATE grants SET status = 'expired' WHERE status = 'pending' AND expires_at <= ?", at)
        self.state.run("UPDATE attempts SET status = 'expired' WHERE status = 'in_progress' AND ends_at <= ?", at)
        sql = """SELECT l.*, g.studio FROM lobbies l JOIN games g ON g.id = l.game WHERE
                 (l.status = 'forming' AND l.fill_by <= ?) OR (l.status = 'active' AND l.ends_at <= ?)"""
        while due := self.state.rows(sql, at, at):
            for lobby in due:
                turn = self.turn(
                    game=lobby["game"],
                    studio=lobby["studio"],
                    environment=lobby["environment"],
                    origin="engine",
                    operation="lobbies.push",
                )
                # Each change happens at its own time, however far the clock was moved.
                if lobby["status"] == "forming":
                    turn.now = datetime.fromisoformat(lobby["fill_by"])
                    start_lobby(turn, lobby["id"])
                else:
                    turn.now = datetime.fromisoformat(lobby["ends_at"])
                    close_lobby(turn, lobby["id"])

    def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one request.

        Args:
            method: in capitals.
            target: the path and query as sent.
            headers: names in lower case.
            body: as it came.
        """
        with self.lock:
            operation: Operation | None = None
            fault: Fault | None = None
            decoded: Any = None
            try:
                try:
                    operation, path = self.contract.find(method, target)
                except NoRoute as no_route:
                    answer = self._no_route(no_route)
                except UnicodeDecodeError:
                    answer = self._error(404, "not_found", "a path segment is no UTF-8")
                else:
                    fault = first(self.faults, operation.id)
                    decoded = self._decoded(body)
                    answer = self._faulty(fault) or self._answer(operation, path, headers, decoded, bool(body))
            except Exception as error:
                log.exception("the emulator failed at %s %s", method, target)
                answer = self._error(500, "internal_error", f"the emulator failed: {type(error).__name__}: {error}")
            if operation is not None and self.strict and answer.fate == "send":
                answer = self._checked(operation, answer)
            self._log(operation, fault, method, target, headers, decoded, answer)
            if fault is not None:
                answer = self._spoilt(fault, answer)
            return answer

    # What goes wrong on purpose

    def _faulty(self, fault: Fault | None) -> Answer | None:
        """The answer of a fault that strikes before anything is done."""
        if fault is None or fault.effect not in ("status", "drop_before"):
            return None
        if fault.effect == "drop_before":
            return Answer(0, b"", fate="drop")
        code = fault.code or ("rate_limited" if fault.status == 429 else "internal_error")
        headers = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
        return self._error(fault.status, code, "a fault, as scripted", headers=headers)

    @staticmethod
    def _spoilt(fault: Fault, answer: Answer) -> Answer:
        fate: Literal["send", "drop", "cut"] = answer.fate
        if fault.effect == "drop_after_commit":
            fate = "drop"
        elif fault.effect == "cut_body":
            fate = "cut"
        return Answer(answer.status, answer.body, answer.headers, fault.latency, fate)

    # The pipeline: who asks, what, is it valid, was it asked before

    @staticmethod
    def _decoded(body: bytes) -> Any:
        if not body:
            return None
        try:
            return json.loads(body, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return body.decode("utf-8", "replace")

    def _answer(
        self, operation: Operation, path: Mapping[str, str], headers: Mapping[str, str], body: Any, has_body: bool
    ) -> Answer:
        try:
            api_key = self.authenticated(headers)
            self._validate(operation, path, body, has_body)
            with self.state.effect():
                turn = self.turn(
                    game=api_key["game"],
                    studio=api_key["studio"],
                    environment=api_key["environment"],
                    origin="server",
                    operation=operation.id,
                )
                self._catch_up(turn.now)
                given: dict[str, Any] = body if operation.body is not None and body else {}
                turn.key = given.get("idempotencyKey")
                status, payload = self._once(operation, Asked(turn, path, given, api_key))
            self.outbox.flush()
        except Refused as refused:
            return self._error(refused.status, refused.code, refused.message, refused.details)
        return Answer(status, _encoded(payload if operation.id == "health.ping" else {"data": payload}))

    def authenticated(self, headers: Mapping[str, str]) -> Row:
        """The key of a request.

        Raises:
            Refused: 401 or 403.
        """
        given = headers.get("authorization")
        if not given:
            raise Refused(401, "unauthenticated", "no Authorization header")
        scheme, _, token = given.partition(" ")
        prefix, dot, secret = token.strip().partition(".")
        if scheme.lower() != "bearer" or not prefix or not dot or not secret:
            raise Refused(401, "session_invalid", "Authorization is not `Bearer <prefix>.<secret>`")
        key = self.state.one("SELECT * FROM keys WHERE prefix = ?", prefix)
        if key is None or not hmac.compare_digest(key["secret"].encode(), secret.encode()):
            raise Refused(401, "session_invalid", "the key is unknown or revoked")
        if key["permission_set"] != "server_integration":
            raise Refused(403, "forbidden", f"a {key['permission_set']} key does not open the server API")
        return key

    def _validate(self, operation: Operation, path: Mapping[str, str], body: Any, has_body: bool) -> None:
        found: list[Problem] = list(self.contract.bad_parameters(operation, path))
        if found and "400" not in operation.error_codes:
            raise Refused(404, "not_found", f"{found[0].path}: no such id can be")
        if operation.body is None:
            return
        if has_body:
            found += problems(operation.body, body)
        elif operation.body_required:
            found.append(Problem("", "a JSON body is needed"))
        if found:
            places = "; ".join(f"{p.path or 'body'}: {p.message}" for p in found)
            raise Refused(400, "validation_failed", places, [asdict(problem) for problem in found])

    def _once(self, operation: Operation, asked: Asked) -> tuple[int, Any]:
        """Answer as the first time, where the key was used before."""
        turn, handler = asked.turn, HANDLERS[operation.id]
        if not operation.keyed or turn.key is None or operation.id == "grants.create":  # its row remembers the key
            return handler(asked)
        mark = fingerprint(asked.body)
        scope = " ".join((turn.game, operation.id, *asked.path.values()))
        oldest = iso(turn.now - KEPT)
        sql = "SELECT * FROM replays WHERE scope = ? AND idempotency_key = ? AND at > ?"
        if before := self.state.one(sql, scope, turn.key, oldest):
            if before["fingerprint"] != mark:
                raise conflict(turn.key)
            return before["status"], replayed(asked, json.loads(before["payload"]))
        status, payload = handler(asked)
        self.state.run(
            "INSERT OR REPLACE INTO replays VALUES (?, ?, ?, ?, ?, ?)",
            *(scope, turn.key, mark, status, json.dumps(payload), turn.at),
        )
        return status, payload

    # Answers

    @staticmethod
    def _error(
        status: int, code: str, message: str, details: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        error = {"code": code, "message": message} | ({} if details is None else {"details": details})
        return Answer(status, _encoded({"error": error}), headers or {})

    def _no_route(self, error: NoRoute) -> Answer:
        if error.allowed:
            allowed = ", ".join(error.allowed)
            return self._error(405, "not_found", f"allowed here: {allowed}", headers={"allow": allowed})
        return self._error(404, "not_found", "no such route")

    def _checked(self, operation: Operation, answer: Answer) -> Answer:
        """The answer, if it is one that the document has."""
        wrong: Sequence[Problem] = [Problem("", f"status {answer.status} is not documented")]
        if validator := operation.responses.get(str(answer.status)):
            wrong = problems(validator, json.loads(answer.body))
        elif answer.status in (429, 500, 502, 503, 504):
            wrong = []  # what any gateway may answer
        if not wrong:
            return answer
        log.error("%s answered outside of the contract: %s", operation.id, wrong)
        return self._error(500, "internal_error", f"the emulator left the contract at {operation.id}: {wrong[0]}")

    def _log(
        self,
        operation: Operation | None,
        fault: Fault | None,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: Any,
        answer: Answer,
    ) -> None:
        code = json.loads(answer.body)["error"]["code"] if answer.status >= 400 else None
        self.requests.append(
            Request(
                at=iso(self.now()),
                operation=operation.id if operation else None,
                method=method,
                target=target,
                body=body,
                status=answer.status,
                code=code,
                fault=fault.effect if fault else None,
                sdk=headers.get("x-kraty-sdk"),
            )
        )

    def forget(self) -> None:
        """Empty the log and the fault script."""
        self.requests.clear()
        self.faults.clear()


def matching(requests: Iterable[Request], operation: str | None, body: Mapping[str, Any]) -> list[Request]:
    """The requests for an operation whose bodies hold these values."""

    def holds(found: Any) -> bool:
        return not body or (hasattr(found, "items") and body.items() <= found.items())

    return [request for request in requests if operation in (None, request.operation) and holds(request.body)]
