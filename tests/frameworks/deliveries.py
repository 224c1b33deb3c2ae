"""Requests as Kraty makes them, and as others would."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx

from kraty_server.testing.emulator.outbox import sign

SECRET: Final = "whsec_of_the_tests"
CLIENT: Final = httpx.Client(trust_env=False, timeout=60, limits=httpx.Limits(max_keepalive_connections=0))


@dataclass
class Delivery:
    id: str
    body: bytes
    headers: dict[str, str]


def delivery(**data: Any) -> Delivery:
    """A signed event, as long as its `data` makes it."""
    number = str(uuid.uuid4())
    event = {
        "id": number, "deliveryAttempt": 1, "eventName": "wallet.changed", "occurredAt": "2026-11-26T12:00:00.000Z",
        "studioId": "studio", "gameId": "game", "data": {"externalPlayerId": "player_42", "note": "Größe ☃", **data},
    }  # fmt: skip
    body = json.dumps(event, ensure_ascii=False).encode()
    return Delivery(number, body, {"Content-Type": "application/json", "X-Signature": sign(body, SECRET)})


def post(url: str, one: Delivery, *, body: bytes | Iterator[bytes] | None = None, headers: Any = None) -> int:
    """The status of the answer. An iterator is sent in chunks."""
    sent = one.body if body is None else body
    return CLIENT.post(url, content=sent, headers=one.headers if headers is None else headers).status_code


def chunks(body: bytes, size: int = 50) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]
