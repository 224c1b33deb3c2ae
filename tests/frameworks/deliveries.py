"""Deliveries as Kraty makes them, and as others would, and what must become of each: one effect, always."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from kraty_server.testing.emulator.outbox import sign

SECRET = "whsec_of_the_tests"


@dataclass
class Delivery:
    id: str
    body: bytes
    headers: dict[str, str]


def delivery(**data: Any) -> Delivery:
    """A signed event, whose `data` asks the handler for what it is to do."""
    number = str(uuid.uuid4())
    event = {
        "id": number, "deliveryAttempt": 1, "eventName": "wallet.changed", "occurredAt": "2026-11-26T12:00:00.000Z",
        "studioId": "studio", "gameId": "game", "data": {"externalPlayerId": "player_42", "note": "Größe ☃", **data},
    }  # fmt: skip
    body = json.dumps(event, ensure_ascii=False).encode()
    return Delivery(number, body, {"Content-Type": "application/json", "X-Signature": sign(body, SECRET)})


@dataclass
class Endpoint:
    """A running server, and how to count an event's effects in it."""

    url: str
    effects: Callable[[str], int]
    limit: int | None = 1 << 20
    """Bytes that a body may have; None where it is the server's or proxy's to say."""
    cut_off: int = 413
    """The answer to a chunked body that is longer."""

    def post(self, one: Delivery, *, body: bytes | Iterator[bytes] | None = None, headers: Any = None) -> int:
        response = httpx.post(
            self.url, content=one.body if body is None else body, headers=headers or one.headers, timeout=60
        )
        return response.status_code


def chunks(body: bytes, size: int = 50) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def assert_every_delivery_has_one_effect(endpoint: Endpoint) -> None:
    right = delivery()
    assert endpoint.post(right) == 204
    assert endpoint.effects(right.id) == 1
    assert endpoint.post(right) == 204  # again, as after a lost answer
    assert endpoint.effects(right.id) == 1

    chunked = delivery()
    assert endpoint.post(chunked, body=chunks(chunked.body)) == 204
    assert endpoint.effects(chunked.id) == 1

    altered = delivery()
    assert endpoint.post(altered, body=altered.body.replace(b"player_42", b"player_43")) == 401
    signature = altered.headers["X-Signature"]
    assert endpoint.post(altered, headers=[("X-Signature", signature), ("X-Signature", signature)]) == 401
    assert endpoint.post(altered, headers={"Content-Type": "application/json"}) == 401
    assert endpoint.post(altered, body=b"") == 401
    assert endpoint.effects(altered.id) == 0
    assert httpx.get(endpoint.url).status_code == 405

    many = delivery(seconds=0.05)
    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(lambda _: endpoint.post(many), range(50)))
    assert set(statuses) == {204}
    assert endpoint.effects(many.id) == 1

    fails = delivery(fails=3)
    assert [endpoint.post(fails) for _ in range(5)] == [500, 500, 500, 204, 204]
    assert endpoint.effects(fails.id) == 1

    if endpoint.limit is not None:
        long = delivery(padding="x" * endpoint.limit)
        assert endpoint.post(long) == 413
        assert post_until_answered(endpoint, long) == endpoint.cut_off
        assert endpoint.effects(long.id) == 0


def post_until_answered(endpoint: Endpoint, one: Delivery) -> int:
    """A server may end the connection, rather than take what it has refused."""
    try:
        return endpoint.post(one, body=chunks(one.body, 1 << 16))
    except httpx.WriteError:
        return endpoint.cut_off
