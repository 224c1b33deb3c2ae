"""A key makes a write happen once (CONTRACT.md §5, §8)."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from kraty_server import IdempotencyConflictError, KratyServer
from kraty_server.testing import Emulator
from kraty_server.testing.emulator.contract import contract

KEYED = sorted(operation.id for operation in contract().operations.values() if operation.keyed)


def test_these_operations_are_idempotent_by_key() -> None:
    assert KEYED == [
        "events.finish", "events.report_progress", "grants.create", "inventory.grant", "inventory.revoke",
        "leaderboards.submit_score", "wallet.credit", "wallet.debit",
    ]  # fmt: skip


def test_a_replay_applies_nothing_and_shows_what_is_held_now(kraty: KratyServer, emulator: Emulator) -> None:
    assert kraty.wallet.credit("p", "gold", amount=5, idempotency_key="r").applied
    kraty.wallet.credit("p", "gold", amount=1)
    replay = kraty.wallet.credit("p", "gold", amount=5, idempotency_key="r")
    assert (replay.applied, replay.balance) == (False, 6)
    kraty.inventory.grant("p", "sword", quantity=1, idempotency_key="r")
    replay_item = kraty.inventory.grant("p", "sword", quantity=1, idempotency_key="r")
    assert (replay_item.applied, replay_item.quantity) == (False, 1)
    assert len(emulator.ledger("p")) == 3
    assert len(emulator.deliveries) == 3


@pytest.mark.parametrize("changed", [{"amount": 6}, {"reason": "other"}, {"source_ref_id": "x"}])
def test_another_body_under_the_same_key_is_a_conflict(
    kraty: KratyServer, emulator: Emulator, changed: dict[str, Any]
) -> None:
    given: dict[str, Any] = {"amount": 5, "idempotency_key": "r"}
    kraty.wallet.credit("p", "gold", **given)
    with pytest.raises(IdempotencyConflictError):
        kraty.wallet.credit("p", "gold", **given | changed)
    assert len(emulator.ledger("p")) == 1


def test_a_key_is_scoped_by_operation_and_route(kraty: KratyServer, emulator: Emulator) -> None:
    for player in ("p", "q"):
        for currency in ("gold", "gems"):
            assert kraty.wallet.credit(player, currency, amount=5, idempotency_key="r").applied
            assert kraty.wallet.debit(player, currency, amount=5, idempotency_key="r").applied
    assert len(emulator.ledger()) - 2 == 8  # two rows were seeded


def test_a_key_is_forgotten_after_24_hours(kraty: KratyServer, emulator: Emulator) -> None:
    kraty.wallet.credit("p", "gold", amount=5, idempotency_key="r")
    emulator.advance(timedelta(hours=23, minutes=59))
    assert not kraty.wallet.credit("p", "gold", amount=5, idempotency_key="r").applied
    emulator.advance(timedelta(minutes=2))
    assert kraty.wallet.credit("p", "gold", amount=6, idempotency_key="r").balance == 11


def test_what_was_refused_is_not_remembered(kraty: KratyServer) -> None:
    with pytest.raises(Exception, match="conflict"):
        kraty.wallet.debit("p", "gold", amount=5, idempotency_key="r")
    kraty.wallet.credit("p", "gold", amount=5)
    assert kraty.wallet.debit("p", "gold", amount=5, idempotency_key="r").applied


def test_scores_and_progress_replay_their_first_answer(kraty: KratyServer) -> None:
    first = kraty.leaderboards.submit_score("ada", "weekly", 10, idempotency_key="s")
    kraty.leaderboards.submit_score("bo", "weekly", 20)
    assert kraty.leaderboards.submit_score("ada", "weekly", 10, idempotency_key="s") == first
    with pytest.raises(IdempotencyConflictError):
        kraty.leaderboards.submit_score("ada", "weekly", 11, idempotency_key="s")
    for _ in range(2):
        answer = kraty.events.report_progress(
            "ada", "hunt", "a_hunt", mode="increment", metric_value=4, idempotency_key="p"
        )
        assert answer.attempt.metrics["kills"] == 4
    finished = kraty.events.finish("ada", "hunt", "a_hunt", idempotency_key="f")
    assert kraty.events.finish("ada", "hunt", "a_hunt", idempotency_key="f") == finished


def test_concurrent_requests_with_one_key_have_one_effect(emulator: Emulator) -> None:
    together = threading.Barrier(8)

    def credit(_: int) -> bool:
        with emulator.client() as kraty:
            together.wait()
            return kraty.wallet.credit("p", "gold", amount=5, idempotency_key="r").applied

    with ThreadPoolExecutor(8) as threads:
        applied = list(threads.map(credit, range(8)))
    assert sorted(applied) == [False] * 7 + [True]
    assert len(emulator.ledger("p")) == 1


def test_without_a_key_each_request_counts(emulator: Emulator) -> None:
    headers = {"authorization": f"Bearer {emulator.api_key}"}
    for balance in (1, 2):
        answer = emulator.engine.respond("POST", "/server/v1/players/p/wallet/gold/credit", headers, b'{"amount":1}')
        assert json.loads(answer.body)["data"] == {"economyKey": "gold", "balance": balance, "applied": True}
