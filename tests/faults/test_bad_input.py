"""What cannot be meant is refused by name: nothing is sent, and no attempt is counted."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from operator import methodcaller
from typing import Any

import pytest

from kraty_server import CurrencyEntry, KratyServer, MigrateWalletRow, RequestInfo
from tests.flavours import Flavour, both
from tests.servers.raw import RawServer, Reply

ENTRY = CurrencyEntry("gold", 1)
ROW = MigrateWalletRow("p", "gold", 1, "k")
ROWS: dict[str, Any] = {
    "players": {"externalPlayerId": "p", "idempotencyKey": "k"},
    "wallet": ROW,
    "inventory": {"externalPlayerId": "p", "itemKey": "sword", "quantity": 1, "idempotencyKey": "k"},
}
IDS: list[Any] = ["", ".", "..", "a\x00", "a\n", "\x7f", "\x9f", None, 5, b"p", ["p"]]
KEYS: list[Any] = ["", " ", "\t", "a\n", "\x00", 5, b"k", ["k"]]
AMOUNTS: list[Any] = [True, False, 1.0, 1.5, 0, -1, 2**53, math.nan, math.inf, "1", None, Decimal(1)]
NUMBERS: list[Any] = [math.nan, math.inf, -math.inf, "1", True, None, 10**400]
METADATA: list[tuple[Any, str]] = [
    ({"items": [1, 2, 3, {"price": Decimal(1)}]}, r"metadata\.items\[3\]\.price: Decimal"),
    ({"at": date(2026, 1, 1)}, r"metadata\.at: date"),
    ({"a": {"b": math.nan}}, r"metadata\.a\.b: nan"),
    ({"a": -math.inf}, r"metadata\.a: -inf"),
    ({"a": 2**53 + 1}, r"metadata\.a: 9007199254740993"),
    ({"a": b"x"}, r"metadata\.a: bytes"),
    ({1: 2}, r"metadata: int 1|metadata.*int 1"),
    ([1], r"metadata: a dict"),
]


def case(name: str, bad: Any, call: Callable[[Any, Any], Any]) -> Any:
    return pytest.param(name, lambda kraty: call(kraty, bad), id=f"{name.split(':')[0]}={bad!a:.30}")


def cases() -> Iterator[Any]:
    for bad in IDS:
        yield case("external_player_id", bad, lambda k, b: k.players.get(b))
        yield case("economy_key", bad, lambda k, b: k.wallet.credit("p", b, amount=1))
        yield case("grant_id", bad, lambda k, b: k.grants.ack("p", b))
        yield case("from_external_player_id", bad, lambda k, b: k.players.merge(b, "p"))
        yield case("key", bad, lambda k, b: k.lobbies.push("g", "e", key=b, external_player_ids=["p"]))
        yield case(
            "external_player_ids", bad, lambda k, b: k.lobbies.push("g", "e", key="l", external_player_ids=["p", b])
        )
        yield case("rows", bad, lambda k, b: k.migrate.players([{"externalPlayerId": b, "idempotencyKey": "k"}]))
    for bad in KEYS:
        yield case("idempotency_key", bad, lambda k, b: k.wallet.credit("p", "gold", amount=1, idempotency_key=b))
        yield case("idempotency_key", bad, lambda k, b: k.grants.create("p", entries=[ENTRY], idempotency_key=b))
        yield case("idempotency_key", bad, lambda k, b: k.players.unban("p", idempotency_key=b))
        yield case("rows", bad, lambda k, b: k.migrate.players([{"externalPlayerId": "p", "idempotencyKey": b}]))
    for bad in AMOUNTS:
        yield case("amount", bad, lambda k, b: k.wallet.debit("p", "gold", amount=b))
        yield case("quantity", bad, lambda k, b: k.inventory.grant("p", "sword", quantity=b))
        yield case(
            "entries", bad, lambda k, b: k.grants.create("p", entries=[CurrencyEntry("g", b)], idempotency_key="k")
        )
        yield case("rows", bad, lambda k, b: k.migrate.wallet([ROW, MigrateWalletRow("p", "g", b, "k")]))
    for bad in NUMBERS:
        yield case("value", bad, lambda k, b: k.leaderboards.submit_score("p", "weekly", b))
        yield case(
            "metric_value", bad, lambda k, b: k.events.report_progress("p", "e", "a", mode="set", metric_value=b)
        )
        yield case("metrics", bad, lambda k, b: k.events.report_progress("p", "e", "a", mode="set", metrics={"x": b}))
    yield case("entries", [], lambda k, _: k.grants.create("p", entries=[], idempotency_key="k"))
    yield case("external_player_ids", [], lambda k, _: k.lobbies.push("g", "e", key="l", external_player_ids=[]))
    for name, row in ROWS.items():
        yield case("rows: must not be empty", name, lambda k, n: getattr(k.migrate, n)([]))
        yield case("rows: at most 1000", (name, row), lambda k, of: getattr(k.migrate, of[0])([of[1]] * 1001))
    yield case("metric_value or metrics", None, lambda k, _: k.events.report_progress("p", "e", "a", mode="set"))
    naive = datetime(2026, 1, 1)
    yield case(
        "occurred_at",
        naive,
        lambda k, _: k.events.report_progress("p", "e", "a", mode="set", metric_value=1, occurred_at=naive),
    )
    yield case(
        "expires_at", naive, lambda k, _: k.grants.create("p", entries=[ENTRY], idempotency_key="k", expires_at=naive)
    )
    for bad, text in METADATA:
        yield case(text, bad, lambda k, b: k.grants.create("p", entries=[ENTRY], idempotency_key="k", metadata=b))
    yield case("name", "", lambda k, _: k.players.set_identity("p", name=""))
    yield case("reason", 5, lambda k, _: k.players.ban("p", reason=5))


@both
@pytest.mark.parametrize(("name", "call"), list(cases()))
def test_bad_input_is_refused_before_anything_is_sent(name: str, call: Callable[[Any], Any], flavour: Flavour) -> None:
    told: list[RequestInfo] = []
    made: list[str] = []

    def make() -> str:
        made.append("k")
        return "k"

    with RawServer([Reply(body=b"{}")]) as server:
        with pytest.raises((ValueError, TypeError), match=f"^{name}"):
            flavour(
                call,
                api_key="prefix.secret",
                base_url=server.url,
                on_request=told.append,
                generate_idempotency_key=make,
            )
        assert (server.connections, told, made) == ([], [], [])


@pytest.mark.parametrize("name", ROWS)
def test_a_thousand_rows_are_taken_at_once(name: str) -> None:
    answer = b'{"data":{"applied":1000,"skipped":0,"failed":0,"failures":[]}}'
    with RawServer([Reply(200, answer)]) as server:
        with KratyServer(api_key="prefix.secret", base_url=server.url) as kraty:
            assert getattr(kraty.migrate, name)([ROWS[name]] * 1000).applied == 1000
        assert len(json.loads(server.arrived[0].body)["rows"]) == 1000


@both
def test_aware_datetimes_and_texts_are_taken(flavour: Flavour) -> None:
    with RawServer([Reply(500, b"")]) as server:
        for at in (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00.000Z"):
            create = methodcaller("create", "p", entries=[ENTRY], idempotency_key="k", expires_at=at)
            with pytest.raises(Exception, match="internal_error"):
                flavour(
                    lambda k: create(k.grants),  # noqa: B023  # called at once
                    api_key="prefix.secret", base_url=server.url, deadline=0.1,
                )  # fmt: skip
    assert len({request.body for request in server.arrived}) == 1
