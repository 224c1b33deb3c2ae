"""Which webhooks are due, and how do they get to their endpoints?"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from kraty_server.testing.emulator.ledger import Turn
from kraty_server.testing.emulator.state import Row, State

SIGNATURE_HEADER: Final = "X-Signature"
ATTEMPTS: Final = 6
FIRST_WAIT: Final = 0.5
"""Seconds to the second attempt; each further wait is four times as long (assumed)."""
TIMEOUT: Final = 5.0


def sign(raw_body: bytes, secret: str, at: int | None = None) -> str:
    """The header for a body: what Kraty would send with it, made now."""
    stamp = int(time.time()) if at is None else at
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + raw_body, hashlib.sha256)
    return f"t={stamp},v1={digest.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook for one endpoint."""

    id: str
    event: str
    url: str | None
    attempt: int
    status: str
    """pending, delivered or failed."""
    response: int | None
    raw_body: bytes
    """As it went out last."""
    signature: str

    @property
    def envelope(self) -> dict[str, Any]:
        """The body, decoded."""
        decoded: dict[str, Any] = json.loads(self.raw_body)
        return decoded


def put(turn: Turn, event: str, data: Mapping[str, Any]) -> None:
    """Put an event into the outbox, once for each endpoint that wants it."""
    endpoints = turn.state.rows(
        "SELECT * FROM endpoints WHERE game = ? AND environment = ?", turn.game, turn.environment
    )
    for endpoint in endpoints:
        wanted = json.loads(endpoint["events"])
        if wanted is None or event in wanted:
            envelope = {
                "id": f"evt_{uuid.uuid4().hex}",
                "eventName": event,
                "studioId": turn.studio,
                "gameId": turn.game,
                "occurredAt": turn.at,
            }
            turn.state.insert(
                "deliveries",
                id=envelope["id"],
                endpoint=endpoint["id"],
                event=event,
                envelope=json.dumps(envelope | {"data": data}),
                attempt=0,
                status="pending",
                next_at=turn.now.timestamp(),
            )


class Outbox:
    """Sends what is due: at once to endpoints without an address, in a thread to all others."""

    def __init__(self, state: State, lock: threading.RLock, now: Callable[[], float]) -> None:
        self._state, self._lock, self._now = state, lock, now
        self._wake = threading.Event()
        self._idle = threading.Condition(lock)
        self._thread: threading.Thread | None = None
        self._open = True

    def _due(self) -> list[Row]:
        return self._state.rows(
            """SELECT d.*, e.url, e.secret FROM deliveries d JOIN endpoints e ON e.id = d.endpoint
               WHERE d.status = 'pending' AND d.next_at <= ? ORDER BY d.next_at, d.rowid LIMIT 100""",
            self._now(),
        )

    def _signed(self, row: Row) -> Row:
        """The next attempt of a delivery, signed anew."""
        envelope = json.loads(row["envelope"])
        data = envelope.pop("data")
        attempt = row["attempt"] + 1
        body = json.dumps(envelope | {"deliveryAttempt": attempt, "data": data}, separators=(",", ":")).encode()
        return row | {"attempt": attempt, "body": body, "signature": sign(body, row["secret"])}

    def _sent(self, row: Row, response: int | None) -> None:
        status, next_at = "delivered", row["next_at"]
        if response is None or not 200 <= response < 300:
            status = "failed" if row["attempt"] >= ATTEMPTS else "pending"
            next_at = self._now() + FIRST_WAIT * 4 ** (row["attempt"] - 1)
        self._state.run(
            """UPDATE deliveries SET attempt = ?, status = ?, next_at = ?, response = ?, body = ?, signature = ?
               WHERE id = ?""",
            *(row["attempt"], status, next_at, response, row["body"], row["signature"], row["id"]),
        )

    def flush(self) -> None:
        """After an effect: hand over what needs no network, wake the thread for the rest. Needs the lock."""
        for row in self._due():
            if row["url"] is None:
                self._sent(self._signed(row), 200)
            elif self._thread is None and self._open:
                self._thread = threading.Thread(target=self._send_all, name="kraty-emulator-webhooks", daemon=True)
                self._thread.start()
        self._wake.set()

    def _send_all(self) -> None:
        with httpx.Client(timeout=TIMEOUT, trust_env=False) as client:
            while self._open:
                with self._lock:
                    due = [self._signed(row) for row in self._due() if row["url"]] if self._open else []
                    if not due:
                        self._wake.clear()
                        self._idle.notify_all()
                for row in due:
                    response = self._post(client, row)
                    with self._lock:
                        if self._open:
                            self._sent(row, response)
                if not due:
                    self._wake.wait(0.05)

    @staticmethod
    def _post(client: httpx.Client, row: Row) -> int | None:
        headers = {"content-type": "application/json", SIGNATURE_HEADER: row["signature"]}
        try:
            return client.post(row["url"], content=row["body"], headers=headers).status_code
        except httpx.HTTPError:
            return None

    def drain(self, timeout: float) -> bool:
        """Wait until nothing is due; False where that took too long."""
        with self._lock:
            self.flush()
            return self._idle.wait_for(lambda: not self._due(), timeout)

    def replay(self, delivery_id: str) -> None:
        """Deliver once more, whatever became of it.

        Raises:
            KeyError: there is no such delivery.
        """
        with self._lock:
            sql = "UPDATE deliveries SET status = 'pending', attempt = 0, next_at = ? WHERE id = ?"
            if not self._state.run(sql, self._now(), delivery_id):
                raise KeyError(delivery_id)
            self.flush()

    def deliveries(self) -> list[Delivery]:
        """All of them, oldest first."""
        with self._lock:
            rows = self._state.rows(
                "SELECT d.*, e.url FROM deliveries d JOIN endpoints e ON e.id = d.endpoint ORDER BY d.rowid"
            )
        return [
            Delivery(
                id=row["id"],
                event=row["event"],
                url=row["url"],
                attempt=row["attempt"],
                status=row["status"],
                response=row["response"],
                raw_body=row["body"] or b"",
                signature=row["signature"] or "",
            )
            for row in rows
        ]

    def close(self) -> None:
        """Stop sending."""
        with self._lock:
            self._open = False
            self._wake.set()
        if self._thread:
            self._thread.join(TIMEOUT + 1)
