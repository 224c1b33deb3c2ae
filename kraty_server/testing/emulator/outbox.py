"""Which webhooks are to be delivered? The table of deliveries: written with the effect, signed for each attempt."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from kraty_server.testing.emulator.clock import format_time
from kraty_server.testing.emulator.context import RequestContext
from kraty_server.testing.emulator.contract import contract, problems
from kraty_server.testing.emulator.state import Row, State
from kraty_server.webhooks import signature

SIGNATURE_HEADER: Final = "X-Signature"
ATTEMPTS: Final = 6
FIRST_WAIT: Final = 0.5
"""Seconds to the second attempt; each further wait is four times as long (assumed)."""
DELIVERIES_KEPT: Final = 20_000
"""The newest; older ones are forgotten, sent or not."""

ANSWER_BYTES: Final = 4096
"""Of an endpoint's answer, its beginning."""
ANSWERS_KEPT: Final = 500
"""The newest deliveries; of older ones the answers are forgotten."""


def sign(raw_body: bytes, secret: str, at: int | None = None) -> str:
    """The header for a body: what Kraty would send with it, made now."""
    return signature.sign(raw_body, secret.encode(), int(time.time()) if at is None else at)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook for one endpoint."""

    id: str
    event: str
    url: str | None
    attempt: int
    status: str
    """pending, held (until those it is reordered with are there), delivered, failed or dropped."""
    response: int | None
    raw_body: bytes
    """As it went out last."""
    signature: str
    """Empty where it did not go out yet."""
    error: str | None = None
    """Why the last attempt got no answer."""
    environment: str = "test"
    number: int = 0
    """Deliveries are counted up."""
    answer: bytes | None = None
    """The first 4,096 bytes of the body that the endpoint answered last; of the newest 500 deliveries."""

    @property
    def envelope(self) -> dict[str, Any]:
        """The body, decoded."""
        decoded: dict[str, Any] = json.loads(self.raw_body)
        return decoded


_ENDPOINT: Final = """SELECT d.*, e.url, e.secret, w.environment, g.id AS game, g.studio FROM deliveries d
    JOIN endpoints e ON e.id = d.endpoint JOIN worlds w ON w.id = e.world JOIN games g ON g.id = w.game"""


def new_event_id() -> str:
    """Make the id of a delivery."""
    return f"evt_{uuid.uuid4().hex}"


def emit(context: RequestContext, event: str, data: Mapping[str, Any]) -> None:
    """Enqueue an event, once for each endpoint that wants it, unless webhooks are suppressed.

    Raises:
        RuntimeError: it is none that the document has.
    """
    if context.silent:
        return
    state = context.state
    for endpoint, wanted in state.setup.endpoints(context.world):
        if wanted is None or event in wanted:
            row = {"id": new_event_id(), "event": event, "occurred_at": context.at, "studio": "", "game": ""}
            if wrong := problems(contract().events[event], _envelope(row, 1, data)):
                raise RuntimeError(f"it left the contract at {event}: {wrong[0]}")
            state.emitted = True
            number = state.add(
                """INSERT INTO deliveries (id, endpoint, event, occurred_at, data, status, attempt, next_at)
                   VALUES (?, ?, ?, ?, ?, 'pending', 0, ?)""",
                *(row["id"], endpoint, event, context.at, json.dumps(data)),
                context.now.timestamp(),
            )
            if number > ANSWERS_KEPT:
                sql = "UPDATE delivery_attempts SET answer = NULL WHERE delivery = ?"
                state.run(sql, number - ANSWERS_KEPT)
            if number > DELIVERIES_KEPT:
                state.run("DELETE FROM delivery_attempts WHERE delivery = ?", number - DELIVERIES_KEPT)
                state.run("DELETE FROM deliveries WHERE number = ?", number - DELIVERIES_KEPT)


def _envelope(row: Row, attempt: int, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "eventName": row["event"],
        "studioId": row["studio"],
        "gameId": row["game"],
        "occurredAt": row["occurred_at"],
        "deliveryAttempt": attempt,
        "data": data,
    }


def build_body(row: Row, attempt: int) -> bytes:
    """The body of an attempt: the event's envelope."""
    return json.dumps(_envelope(row, attempt, json.loads(row["data"])), separators=(",", ":")).encode()


def due_deliveries(state: State, endpoint: int, now: float, limit: int) -> list[Row]:
    """What one endpoint is to get now, first things first."""
    sql = f"""{_ENDPOINT} WHERE d.endpoint = ? AND d.status = 'pending' AND d.next_at <= ?
              ORDER BY d.next_at, d.number LIMIT ?"""
    return state.rows(sql, endpoint, now, limit)


class Attempt(NamedTuple):
    """How one attempt of a delivery went."""

    signed_at: int
    """Unix seconds, of the machine's clock."""
    response: int | None
    """The status that was answered."""
    error: str | None
    seconds: float
    answer: bytes | None = None
    """The beginning of the body that was answered."""


def record_attempt(state: State, row: Row, attempt: Attempt, now: datetime) -> None:
    """Write down how an attempt went, and when the next one is due."""
    number, copies = row["attempt"] + 1, row["copies"]
    status, next_at = "delivered", row["next_at"]
    if attempt.response is None or not 200 <= attempt.response < 300:
        status = "failed" if number >= ATTEMPTS else "pending"
        next_at = now.timestamp() + FIRST_WAIT * 4 ** (number - 1)
    elif copies > 1:
        status, copies = "pending", copies - 1
    sql = "UPDATE deliveries SET attempt = ?, status = ?, next_at = ?, copies = ? WHERE number = ? AND id = ?"
    # By its id, too: the state may have been replaced while the endpoint thought about it.
    if state.run(sql, number, status, next_at, copies, row["number"], row["id"]):
        if row["number"] <= state.count("SELECT max(number) FROM deliveries") - ANSWERS_KEPT:
            attempt = attempt._replace(answer=None)
        at = format_time(now)
        state.insert("delivery_attempts", delivery=row["number"], attempt=number, at=at, **attempt._asdict())


def list_deliveries(state: State, *, limit: int, before: int | None = None) -> list[Delivery]:
    """The newest deliveries, or those before one; oldest first."""
    sql = f"{_ENDPOINT} WHERE d.number < ? ORDER BY d.number DESC LIMIT ?"
    rows = state.rows(sql, 2**62 if before is None else before, limit)
    return [_delivery(row, _last_attempt(state, row["number"])) for row in reversed(rows)]


def get_delivery(state: State, delivery_id: str) -> Delivery:
    """A delivery by its id.

    Raises:
        KeyError: there is none.
    """
    if (row := state.one(f"{_ENDPOINT} WHERE d.id = ?", delivery_id)) is None:
        raise KeyError(delivery_id)
    return _delivery(row, _last_attempt(state, row["number"]))


def list_attempts(state: State, delivery_id: str) -> list[Row]:
    """How each attempt of a delivery went, oldest first."""
    sql = """SELECT a.attempt, a.at, a.signed_at, a.response, a.error, a.seconds, a.answer
             FROM delivery_attempts a
             JOIN deliveries d ON d.number = a.delivery WHERE d.id = ? ORDER BY a.number"""
    return state.rows(sql, delivery_id)


def list_collected(state: State) -> list[Delivery]:
    """What the endpoints without an address got, in the order in which it arrived; duplicates come twice."""
    attempts = "SELECT a.* FROM delivery_attempts a JOIN deliveries d ON d.number = a.delivery ORDER BY a.number"
    rows = {row["number"]: row for row in state.rows(f"{_ENDPOINT} WHERE e.url IS NULL")}
    return [_delivery(rows[a["delivery"]], a) for a in state.rows(attempts) if a["delivery"] in rows]


def _last_attempt(state: State, number: int) -> Row | None:
    return state.one("SELECT * FROM delivery_attempts WHERE delivery = ? ORDER BY number DESC LIMIT 1", number)


def _delivery(row: Row, last: Row | None) -> Delivery:
    attempt = last["attempt"] if last else 0
    raw_body = build_body(row, max(1, attempt))
    return Delivery(
        id=row["id"],
        event=row["event"],
        url=row["url"],
        attempt=attempt,
        status=row["status"],
        response=last["response"] if last else None,
        raw_body=raw_body,
        signature=sign(raw_body, row["secret"], last["signed_at"]) if last else "",
        error=last["error"] if last else None,
        environment=row["environment"],
        number=row["number"],
        answer=last["answer"] if last else None,
    )
