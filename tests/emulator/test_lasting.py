"""It lasts: memory is bounded, and no cost grows with what lies there."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from kraty_server.testing import Emulator
from kraty_server.testing.emulator import idempotency, outbox, request_log
from kraty_server.testing.emulator.request_log import Request, RequestLog
from tests.emulator.test_requests import send

FEW = ("endpoints", "e", "worlds", "w", "games", "g", "clock", "CONSTANT")
"""Tables, and what statements call them, that hold a handful of rows."""
CREDIT = "/server/v1/players/p/wallet/gold/credit"


@pytest.fixture
def statements(emulator: Emulator) -> Iterator[set[str]]:
    """The statements that were run."""
    seen: set[str] = set()
    connection = emulator.engine.state.connection
    connection.set_trace_callback(lambda sql: seen.add(sql))
    yield seen
    connection.set_trace_callback(None)


def scans(emulator: Emulator, sql: str) -> list[str]:
    """The tables that a statement reads from end to end, themselves or an index of theirs."""
    if not re.match(r"\s*(SELECT|UPDATE|DELETE)", sql):
        return []
    steps = [str(row["detail"]) for row in emulator.engine.state.rows(f"EXPLAIN QUERY PLAN {sql}")]
    found = [match[1] for step in steps if (match := re.match(r"SCAN (\w+)", step))]
    return [name for name in found if name not in FEW]


def test_no_statement_of_an_operation_reads_a_table_from_end_to_end(emulator: Emulator, statements: set[str]) -> None:
    with emulator.client() as kraty:
        kraty.wallet.credit("ada", "gold", amount=5)
        kraty.wallet.debit("ada", "gold", amount=5)
        kraty.inventory.grant("ada", "sword", quantity=1)
        grant = send(emulator, "POST", "/server/v1/players/ada/grants", {
            "idempotencyKey": "g", "expiresAt": "2090-01-01T00:00:00Z",
            "entries": [{"type": "currency", "currencyKey": "gold", "amount": 1}]})[1]["data"]  # fmt: skip
        kraty.grants.ack("ada", grant["id"])
        kraty.players.get("ada")
        kraty.players.export("ada")
        kraty.players.friends("ada")
        kraty.players.friend_requests("ada")
        kraty.players.blocks("ada")
        kraty.players.set_identity("ada", name="Ada")
        kraty.players.ban("ada", reason="x")
        kraty.players.unban("ada")
        kraty.leaderboards.submit_score("ada", "weekly", 1)
        kraty.leaderboards.submit_score("ada", "laps", 1)
        kraty.events.report_progress("ada", "hunt", "a_hunt", mode="set", metric_value=1)
        kraty.lobbies.push("game_1", "cup", key="l", external_player_ids=["ada"])
        send(
            emulator, "POST", "/server/v1/migrate/players", {"rows": [{"externalPlayerId": "m", "idempotencyKey": "m"}]}
        )
        kraty.players.merge("bo", "cy")
        kraty.players.merge("bo", "cy")
        kraty.players.delete("cy")
        kraty.players.delete("cy")
        emulator.advance(700)
        emulator.list_deliveries(limit=50)
        emulator.ledger("ada", limit=50)
    assert len(statements) > 40
    slow = {sql: found for sql in statements if (found := scans(emulator, sql))}
    assert slow == {}


def test_a_credit_runs_seven_statements() -> None:
    """A transaction, the key, the player, what it holds, and the ledger: what only seeds change is read once."""
    with Emulator() as plain:
        ran: list[str] = []
        send(plain, "POST", CREDIT, {"amount": 5})
        plain.engine.state.connection.set_trace_callback(ran.append)
        send(plain, "POST", CREDIT, {"amount": 5, "idempotencyKey": "k"})
        plain.engine.state.connection.set_trace_callback(None)
        assert len(ran) == 7, ran


def test_a_missing_index_is_seen(emulator: Emulator) -> None:
    assert scans(emulator, "SELECT * FROM players WHERE ban_reason = 'x'") == ["players"]


def test_keys_that_count_no_more_are_forgotten(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "PURGE_EVERY", 10)
    for n in range(30):
        send(emulator, "POST", CREDIT, {"amount": 1, "idempotencyKey": f"old-{n}"})
    emulator.advance(25 * 3600)
    for n in range(20):
        send(emulator, "POST", CREDIT, {"amount": 1, "idempotencyKey": f"new-{n}"})
    assert len(emulator.dump()["replays"]) <= 30
    assert send(emulator, "POST", CREDIT, {"amount": 1, "idempotencyKey": "new-0"})[1]["data"]["applied"] is False


def made(number: int, size: int) -> Request:
    return Request(at="", operation=None, method="GET", target="/", raw_body=b"x" * size, status=200, code=None,
                   fault=None, sdk=None, number=number)  # fmt: skip


def test_the_log_is_bounded_in_lines_and_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    log = RequestLog()
    for number in range(request_log.LOGGED + 10):
        log.append(made(number, 1))
    assert (len(log), next(iter(log)).number) == (request_log.LOGGED, 10)
    for number in range(100):
        log.append(made(number, 2**20))
    assert len(log) <= request_log.LOGGED_BYTES / 2**20
    log.append(made(0, 2 * request_log.LOGGED_BYTES))
    assert len(log) == 1


def test_a_body_that_is_too_large_is_refused(emulator: Emulator) -> None:
    import httpx

    from kraty_server.testing.server.app import MAX_BODY

    body = b'{"amount": 1, "reason": "%s"}' % (b"x" * MAX_BODY)
    headers = {"authorization": f"Bearer {emulator.api_key}"}
    with Emulator() as served:
        answer = httpx.post(f"{served.url}{CREDIT}", content=body, headers=headers, trust_env=False)
        assert (answer.status_code, served.requests) == (413, [])


@pytest.fixture(scope="module")
def crowded() -> Iterator[Emulator]:
    """200,000 deliveries, and as many rows of the ledger."""
    emulator = Emulator()
    emulator.add_webhook(secret="s")
    send(emulator, "POST", CREDIT, {"amount": 1})
    state = emulator.engine.state
    with state.effect():
        state.run("""WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
            INSERT INTO deliveries SELECT i, 'evt_' || i, endpoint, event, occurred_at, data, status, attempt, next_at,
            copies FROM n, deliveries WHERE number = 1""")
        state.run("""INSERT INTO delivery_attempts SELECT number, number, 1, occurred_at, 1, 200, NULL, 0, NULL FROM deliveries
            WHERE number > 1""")
        state.run("""INSERT INTO ledger SELECT d.number, player, kind, key, delta, l.amount, reason, source_ref_id, origin,
            operation, idempotency_key, at FROM deliveries d, ledger l WHERE l.id = 1 AND d.number > 1""")
    yield emulator
    emulator.close()


def steps(emulator: Emulator, act: Any) -> int:
    """How much work SQLite does, in hundreds of its instructions."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    emulator.engine.state.connection.set_progress_handler(count, 100)
    act()
    emulator.engine.state.connection.set_progress_handler(None, 100)
    return counted


def test_showing_fifty_does_not_read_two_hundred_thousand(crowded: Emulator) -> None:
    import httpx

    with crowded:

        def get(path: str) -> None:
            assert httpx.get(crowded.url + path, trust_env=False).status_code == 200

        get("/")
        # 200,000 rows would be some 20,000 of these steps and more.
        assert steps(crowded, lambda: get("/")) < 1000
        assert steps(crowded, lambda: get("/_emulator/deliveries?limit=50")) < 200
        assert steps(crowded, lambda: get("/_emulator/ledger?limit=50")) < 200
        assert steps(crowded, lambda: send(crowded, "POST", CREDIT, {"amount": 1})) < 20
        assert steps(crowded, lambda: crowded.list_deliveries(limit=10**6)) > 20_000


def test_a_credit_with_a_webhook_costs_a_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "DELIVERIES_KEPT", 1000)
    emulator = Emulator()
    emulator.add_webhook(secret="s")
    pages: list[int] = []
    for n in range(9000):
        if n % 3000 == 0:
            pages.append(emulator.engine.state.count("PRAGMA page_count"))
        body = {"amount": 1, "reason": "iap_fulfillment", "idempotencyKey": str(uuid.uuid4())}
        send(emulator, "POST", f"/server/v1/players/p{n % 100}/wallet/gold/credit", body)
    pages.append(emulator.engine.state.count("PRAGMA page_count"))
    # The deliveries are there after the first 3,000; what grows from then on is the ledger and the keys. A million of
    # these, and a process with a server that takes 60 MB, stay under 300 MB.
    assert (pages[-1] - pages[1]) * 4096 / 6000 < 230
    emulator.close()
