"""`arrow_function`: partitions that run twice have one effect, each row comes back with its outcome, and no key is pickled."""

from __future__ import annotations

import pickle
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kraty_server import CurrencyEntry, KratyServer, bulk
from kraty_server.bulk import arrow
from kraty_server.bulk._pyarrow import cells
from kraty_server.testing import Emulator
from tests.bulk.books import asked, booked, currency_rows

pa: Any = pytest.importorskip("pyarrow")

NOW = datetime.now(UTC)
ACTIONS = [
    bulk.import_players(), bulk.import_wallet(), bulk.import_inventory(), bulk.grant([CurrencyEntry("gold", 5)], ack=True),
    bulk.credit(), bulk.debit(), bulk.give(), bulk.revoke(), bulk.ban(), bulk.unban(), bulk.erase(),
]  # fmt: skip


@pytest.fixture
def served(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """Workers find it by their environment."""
    monkeypatch.setenv("KRATY_SERVER_KEY", emulator.api_key)
    monkeypatch.setenv("KRATY_BASE_URL", emulator.url)
    monkeypatch.setattr("kraty_server.bulk.send._senders", {})
    return emulator


def column(table: Any, name: str) -> list[Any]:
    return list(table.column(name).to_pylist())


def statuses(table: Any) -> Counter[str]:
    return Counter(column(table, "kraty_status"))


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.operation)
def test_the_function_of_each_action_is_pickled_whole_and_without_the_key(
    served: Emulator, action: bulk.Action
) -> None:
    function = bulk.arrow_function("job", action, began=NOW)
    content = pickle.dumps(function)
    assert served.api_key.partition(".")[2].encode() not in content
    assert served.api_key.encode() not in content
    assert served.api_key.partition(".")[2] not in repr(function)
    assert pickle.loads(content) == function


@pytest.mark.parametrize(
    "action",
    [bulk.import_wallet(), bulk.credit(), bulk.grant([CurrencyEntry("gold", 5)], ack=True)],
    ids=lambda a: a.operation,
)
def test_partitions_that_run_twice_have_one_effect(served: Emulator, action: bulk.Action) -> None:
    rows = [row | {"amount": 5} for row in currency_rows(250)]
    function = pickle.loads(pickle.dumps(bulk.arrow_function("job", action, began=NOW)))
    served.fault(action.operation, drop_after_commit=5, probability=0.2, seed=1)
    parts = [pa.Table.from_pylist(rows[start : start + 100]) for start in (0, 100, 200)]
    first = [function(part) for part in parts]
    again = [function(part) for part in reversed(parts)]
    assert sum(map(statuses, first), Counter()).keys() <= {"applied", "replayed"}
    if action.protection == "day":  # the answer to a grant does not tell
        assert sum(map(statuses, again), Counter()) == {"replayed": 250}
    assert booked(served) == asked(rows)


def test_a_client_that_is_given_sends_the_rows_and_the_environment_needs_no_key(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KRATY_SERVER_KEY", raising=False)
    rows = currency_rows(20)
    tables = [pa.Table.from_pylist(rows[:10]), pa.Table.from_pylist(rows[10:])]
    with emulator.client() as ours:
        function = bulk.arrow_function("job", bulk.import_wallet(), began=NOW, client=ours)
        done = [function(tables[0], client=ours), *function(iter(tables[1:]), client=ours)]
    assert sum(map(statuses, done), Counter()) == {"applied": 20}
    assert booked(emulator) == asked(rows)


def test_each_row_comes_back_in_its_place_with_what_became_of_it(served: Emulator, kraty: KratyServer) -> None:
    kraty.wallet.credit("ada", "gold", amount=5, idempotency_key="before")
    table = pa.Table.from_pylist([
        {"id": "ada", "amount": 5, "other": b"1"},
        {"id": "ada", "amount": 5, "other": b"2"},
        {"id": "ada", "amount": 6, "other": b"3"},
        {"id": None, "amount": 1, "other": None},
        {"id": "bob", "amount": 1, "other": b"4"},
        {"id": "cyd", "amount": -1, "other": b"5"},
    ])  # fmt: skip
    function = bulk.arrow_function(
        "fine", bulk.debit("gold"), columns={"externalPlayerId": "id"}, began=NOW, client=kraty
    )
    done = function(table)
    assert done.select(table.schema.names).equals(table)
    assert column(done, "kraty_status") == ["applied", "duplicate", "changed", "invalid", "failed", "invalid"]
    assert column(done, "kraty_key")[0] == "fine/ada/gold"
    assert column(done, "kraty_code") == [None, None, "changed", "invalid", column(done, "kraty_code")[4], "invalid"]
    assert column(done, "kraty_code")[4] not in (None, "unknown")
    assert "externalPlayerId: is missing" in column(done, "kraty_message")[3]
    assert booked(served) == {("ada", "gold", 5): 1, ("ada", "gold", -5): 1}
    assert [row["source_ref_id"] for row in served.ledger() if row["delta"] == -5] == ["fine/ada/gold"]

    again = function(done)  # what comes out may go in
    assert again.schema.equals(done.schema)
    assert column(again, "kraty_status")[0] == "replayed"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["a", "b/c", "b%2Fc", "ü", None, " "]), st.integers(-1, 2)), max_size=30))
def test_whatever_comes_in_each_row_has_an_outcome_and_each_key_one_effect(
    served: Emulator, cells: list[tuple[str | None, int]]
) -> None:
    name = f"job-{time.time_ns()}"
    function = bulk.arrow_function(name, bulk.credit("gold"), began=NOW)
    schema = pa.schema([("externalPlayerId", pa.string()), ("amount", pa.int64())])
    columns = [[cell[0] for cell in cells], [cell[1] for cell in cells]]
    done = function(pa.RecordBatch.from_arrays(list(map(pa.array, columns, schema.types)), schema=schema))
    assert isinstance(done, pa.RecordBatch)
    assert done.num_rows == len(cells)
    assert set(column(done, "kraty_status")) <= {"applied", "duplicate", "changed", "invalid"}
    could = {player for player, amount in cells if player not in (None, " ") and amount > 0}
    keys = [row["source_ref_id"] for row in served.ledger() if str(row["source_ref_id"]).startswith(name + "/")]
    assert len(keys) == len(set(keys)) == statuses(done)["applied"]
    assert len(keys) == len(could)


def test_batches_of_spark_come_one_by_one(served: Emulator) -> None:
    function = bulk.arrow_function("job", bulk.credit(), began=NOW)
    rows = currency_rows(60)
    taken: list[int] = []

    def batches() -> Iterator[Any]:
        for start in (0, 20, 40):
            taken.append(start)
            yield pa.RecordBatch.from_pylist(rows[start : start + 20])

    done = function(batches())
    first = next(done)
    assert isinstance(first, pa.RecordBatch)
    assert taken == [0]
    assert statuses(pa.Table.from_batches([first, *done])) == {"applied": 60}
    assert booked(served) == asked(rows)


def test_no_row_comes_in_and_none_is_sent_but_the_columns_are_there(served: Emulator) -> None:
    function = bulk.arrow_function("job", bulk.ban())
    done = function(pa.table({"externalPlayerId": pa.array([], pa.string()), "reason": pa.array([], pa.string())}))
    assert done.schema.names == ["externalPlayerId", "reason", *arrow.OUTCOMES]
    assert done.num_rows == 0


def test_keys_of_24_hours_need_the_time_when_the_job_began(
    served: Emulator, kraty: KratyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for began in (None, NOW.replace(tzinfo=None)):
        with pytest.raises(ValueError, match="began: wallet.credit needs the time when this job ran first"):
            bulk.arrow_function("job", bulk.credit(), began=began, client=kraty)
    for began in (NOW - timedelta(hours=23), NOW + timedelta(hours=1)):
        with pytest.raises(ValueError, match="more than 23 hours ago, or to come"):
            bulk.arrow_function("job", bulk.credit(), began=began, client=kraty)
    bulk.arrow_function("job", bulk.grant([CurrencyEntry("gold", 5)]), client=kraty)

    function = bulk.arrow_function("job", bulk.credit(), began=NOW, client=kraty)
    table = pa.Table.from_pylist(currency_rows(3))
    two_days_later = time.time() + 48 * 3600
    with monkeypatch.context() as later:
        later.setattr("kraty_server.bulk.arrow.time.time", lambda: two_days_later)
        done = function(table)
    assert statuses(done) == {"unsent": 3}
    assert set(column(done, "kraty_message")) == {"it was not sent: more than 23 hours have passed since the job began"}
    assert served.ledger() == []


def test_a_worker_with_another_api_key_sends_nothing(served: Emulator) -> None:
    table = pa.Table.from_pylist(currency_rows(3))
    function = replace(bulk.arrow_function("job", bulk.credit(), began=NOW), api_key="another")
    with pytest.raises(bulk.JobError, match="another API key"):
        function(table)
    assert served.ledger() == []


def test_what_cannot_be_is_refused_by_name(served: Emulator, kraty: KratyServer) -> None:
    with pytest.raises(ValueError, match="action: players.get needs a job's `results`"):
        bulk.arrow_function("job", bulk.snapshot(), client=kraty)
    with pytest.raises(ValueError, match="name: letters"):
        bulk.arrow_function("a job", bulk.ban(), client=kraty)
    with pytest.raises(ValueError, match="in_flight: a whole number"):
        bulk.arrow_function("job", bulk.ban(), client=kraty, in_flight=0)
    function = bulk.arrow_function("job", bulk.ban(), client=kraty)
    with pytest.raises(TypeError, match="a pandas DataFrame is needed, got list"):
        function([])
    with pytest.raises(bulk.SourceError, match="no column 'externalPlayerId'"):
        function(pa.table({"id": ["ada"]}))


def test_ctrl_c_ends_a_partition_that_may_run_again(
    served: Emulator, kraty: KratyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.Table.from_pylist(currency_rows(500))
    function = bulk.arrow_function("job", bulk.credit(), began=NOW, client=kraty)
    pressed: list[int] = []

    def rows_with_ctrl_c(rows: Any) -> Iterator[Any]:
        for number, row in enumerate(cells(rows)):
            if number == 300 and not pressed:
                pressed.append(number)
                signal.raise_signal(signal.SIGINT)
            yield row

    monkeypatch.setattr(arrow, "cells", rows_with_ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        function(table)
    assert statuses(function(table)).keys() <= {"applied", "replayed"}
    assert booked(served) == asked(currency_rows(500))
