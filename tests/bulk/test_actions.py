"""Each action of a job books what it says, once, with the key `<job>/<natural key>`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kraty_server import CrateEntry, CurrencyEntry, GrantEntry, ItemEntry, KratyServer, bulk
from kraty_server.testing import Emulator

PLAYER = "externalPlayerId"
ADA, BOB = {PLAYER: "ada"}, {PLAYER: "bob"}


def run(kraty: KratyServer, action: bulk.Action, rows: list[dict[str, Any]], **options: Any) -> bulk.Report:
    report = bulk.Job("make-good", action, rows, **options).run(client=kraty)
    again = bulk.Job("make-good", action, rows, **options).run(client=kraty)
    assert (again.known, again.rows, again.calls) == (report.applied, report.rows, 0)
    return report


@pytest.mark.parametrize(
    ("action", "row", "operation", "body", "key"),
    [
        (bulk.credit(), {"economyKey": "gold", "amount": "5"}, "wallet.credit", {"amount": 5}, "ada/gold"),
        (bulk.credit("gold", amount=5, reason="sorry"), {}, "wallet.credit", {"amount": 5, "reason": "sorry"}, "ada/gold"),
        (bulk.debit("gold", amount=5), {"reason": "bug"}, "wallet.debit", {"amount": 5, "reason": "bug"}, "ada/gold"),
        (bulk.give(), {"itemKey": "sword", "quantity": 1}, "inventory.grant", {"quantity": 1}, "ada/sword"),
        (bulk.revoke("shield"), {"quantity": 1.0}, "inventory.revoke", {"quantity": 1}, "ada/shield"),
        (bulk.grant([CurrencyEntry("gold", 5)]), {}, "grants.create", {}, "ada"),
    ],
)  # fmt: skip
def test_a_write_carries_its_key_and_names_it_in_the_ledger(
    emulator: Emulator, kraty: KratyServer, action: bulk.Action, row: dict[str, Any], operation: str,
    body: dict[str, Any], key: str,
) -> None:  # fmt: skip
    emulator.seed({"players": [{PLAYER: "ada", "wallet": {"gold": 9}, "inventory": {"shield": 3}}]})
    report = run(kraty, action, [ADA | row])
    assert (report.applied, report.ok, report.calls) == (1, True, 1)
    key = f"make-good/{key}"
    emulator.assert_called(operation, times=1, idempotencyKey=key, sourceRefId=key, **body)


def test_a_grant_may_be_claimed_at_once_and_hold_anything(emulator: Emulator, kraty: KratyServer) -> None:
    ends = datetime.now(UTC) + timedelta(days=3)
    entries: list[GrantEntry] = [CurrencyEntry("gold", 5), ItemEntry("sword", 1), CrateEntry("chest", 1)]
    action = bulk.grant(entries, expires_at=ends, source_kind="admin", metadata={"b": [1, {"z": 1, "a": 2}]}, ack=True)
    assert run(kraty, action, [ADA, BOB]).calls == 4
    for player in ("ada", "bob"):
        snapshot = kraty.players.get(player)
        assert [(b.economy_key, b.balance) for b in snapshot.wallet] == [("gold", 5)]
        assert snapshot.recent_grants[0].status == "claimed"


def test_a_lost_ack_is_made_again_and_the_grant_is_not(emulator: Emulator, kraty: KratyServer) -> None:
    emulator.fault("grants.ack", status=500, times=2)
    report = run(kraty, bulk.grant([CurrencyEntry("gold", 5)], ack=True), [ADA])
    assert (report.applied, report.lost) == (1, 2)
    assert [b.balance for b in kraty.players.get("ada").wallet] == [5]


def test_what_a_grant_holds_may_depend_on_the_row(emulator: Emulator, kraty: KratyServer) -> None:
    def entries(row: Mapping[str, Any]) -> list[CurrencyEntry]:
        return [CurrencyEntry(row["currency"], 10 * int(row["days"]))]

    run(
        kraty,
        bulk.grant(entries, ack=True),
        [ADA | {"currency": "gems", "days": "2"}, BOB | {"currency": "gold", "days": 3}],
    )
    assert {row["external_player_id"]: (row["key"], row["delta"]) for row in emulator.ledger()} == {
        "ada": ("gems", 20), "bob": ("gold", 30),
    }  # fmt: skip


def test_imports_go_out_in_batches(emulator: Emulator, kraty: KratyServer) -> None:
    rows = [{PLAYER: f"p{n}", "contextSnapshot": '{"country": "FI"}' if n % 2 else ""} for n in range(2500)]
    assert run(kraty, bulk.import_players(), rows).calls == 3
    sent = emulator.assert_called("migrate.players", times=3)
    assert sorted(len(request.body["rows"]) for request in sent) == [500, 1000, 1000]
    by_key = {row["idempotencyKey"]: row for request in sent for row in request.body["rows"]}
    assert by_key["make-good/p1"] == {
        PLAYER: "p1", "contextSnapshot": {"country": "FI"}, "idempotencyKey": "make-good/p1",
    }  # fmt: skip


def test_imports_of_balances_and_items(emulator: Emulator, kraty: KratyServer) -> None:
    rows: list[dict[str, Any]] = [
        ADA | {"economyKey": "gold", "amount": "5.0"},
        ADA | {"economyKey": "gems", "amount": 7},
    ]
    bulk.Job("wallets", bulk.import_wallet(reason="move"), rows).run(client=kraty)
    items: list[dict[str, Any]] = [
        ADA | {"itemKey": "sword", "quantity": 1, "parameters": {"b": 1, "a": {"c": 2}}},
        BOB | {"itemKey": "bow", "quantity": 2},
    ]
    bulk.Job("items", bulk.import_inventory(), items).run(client=kraty)
    emulator.assert_called("migrate.wallet", times=1)
    snapshot = kraty.players.get("ada")
    assert {b.economy_key: b.balance for b in snapshot.wallet} == {"gold": 5, "gems": 7}
    assert {i.item_key: i.quantity for i in snapshot.inventory} == {"sword": 1}


def test_bans_and_erasures(emulator: Emulator, kraty: KratyServer) -> None:
    emulator.seed({"players": [ADA, BOB]})
    assert run(kraty, bulk.ban(reason="exploit"), [ADA, BOB]).applied == 2
    assert not kraty.players.ban("ada", reason="again").applied
    assert bulk.Job("unban", bulk.unban(), [ADA, BOB]).run(client=kraty).applied == 2
    assert not kraty.players.unban("ada").applied
    assert bulk.Job("erase", bulk.erase(reason="test"), [ADA, BOB]).run(client=kraty).ok
    assert bulk.Job("ban", bulk.ban(), [ADA | {"reason": "x"}]).run(client=kraty).failed == 1


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_snapshots_and_exports_are_read_into_files(emulator: Emulator, kraty: KratyServer, form: Any) -> None:
    emulator.seed({"players": [{PLAYER: "ada", "wallet": {"gold": 5}, "inventory": {"sword": 2}}, BOB]})
    if form == "parquet":
        pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    for action, folder in ((bulk.snapshot(), "snapshots"), (bulk.export(), "exports")):
        rows = [ADA, BOB, {PLAYER: "nobody"}]
        job = bulk.Job(folder, action, rows, results=folder, results_format=form)
        report = job.run(client=kraty)
        assert (report.applied, report.failed) == (2, 1)
        assert [(f.code, f.row) for f in job.failures()] == [("not_found", {PLAYER: "nobody"})]
        (part,) = Path(folder).iterdir()
        if form == "jsonl":
            read = [json.loads(line) for line in part.read_text("utf-8").splitlines()]
        else:
            read = [
                {k: dict(v) if isinstance(v, list) else v for k, v in row.items()}
                for row in pq.read_table(part).to_pylist()
            ]
        assert sorted(row["player"] for row in read) == ["ada", "bob"]
        if folder == "snapshots":
            (ada,) = (row for row in read if row["player"] == "ada")
            assert (ada["wallet"], ada["inventory"]) == ({"gold": 5}, {"sword": 2})
            whole = ada["snapshot"] if form == "jsonl" else json.loads(ada["snapshot"])
            assert whole["player"][PLAYER] == "ada"


def test_the_key_may_be_made_of_other_columns(emulator: Emulator, kraty: KratyServer) -> None:
    rows = [ADA | {"order": "o/1", "line": n, "amount": 5} for n in range(3)]
    job = bulk.Job("orders", bulk.credit("gold"), rows, key=["order", "line"])
    assert job.run(client=kraty).applied == 3
    emulator.assert_called("wallet.credit", times=1, idempotencyKey="orders/o%2F1/2")
    missing = bulk.Job("other", bulk.credit("gold"), [ADA | {"amount": 5}], key=["order"]).check()
    assert [problem.reason for problem in missing.problems] == ["order: is missing, and the key is made of it"]


def job(name: Any = "a", action: Any = None, source: Any = (), **options: Any) -> bulk.Job:
    return bulk.Job(name, action or bulk.unban(), source, **options)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: job("a/b"), "name: letters"),
        (lambda: job(""), "name: letters"),
        (lambda: job("a", "wallet.credit"), "action: one of"),
        (lambda: job(source=5), "source: a path"),
        (lambda: job(source={"a": 1}), "source: a path"),
        (lambda: job(key="id"), "key: a list"),
        (lambda: job(shard=(2, 2)), "shard: "),
        (lambda: job(results="out"), "results: players.unban reads nothing"),
        (lambda: job(action=bulk.export()), "results: players.export needs a folder"),
        (lambda: job(action=bulk.export(), results="out", results_format="csv"), "results_format: "),
        (lambda: job(columns={"amount": "x"}).check(), "columns: players.unban takes no 'amount'"),
        (lambda: job().run(in_flight=0), "in_flight: "),
        (lambda: job().run(rate=0), "rate: "),
        (lambda: bulk.grant([]), "entries: must not be empty"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(make: Any, text: str) -> None:
    with pytest.raises((ValueError, TypeError), match=text):
        make()
