"""A job that is run again does what was not done: shuffled, extended and changed files, lost answers, 25 hours, another key."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kraty_server import CurrencyEntry, KratyServer, bulk
from kraty_server.bulk.journal import Journal
from kraty_server.testing import Emulator
from tests.bulk.books import asked, booked, currency_rows

HOUR = 3600.0


def job(emulator: Emulator, rows: Any, name: str = "job", action: bulk.Action | None = None, **more: Any) -> bulk.Job:
    return bulk.Job(name, action or bulk.credit(), rows, now=lambda: emulator.now().timestamp(), **more)


def cut_short(source: list[dict[str, Any]], after: int) -> Iterator[dict[str, Any]]:
    """Rows of a source that breaks off."""
    yield from source[:after]
    raise bulk.SourceError("the cable was pulled")


@pytest.mark.parametrize("action", [bulk.credit(), bulk.import_wallet()], ids=lambda action: action.operation)
def test_a_file_may_be_shuffled_extended_and_changed(
    emulator: Emulator, kraty: KratyServer, action: bulk.Action
) -> None:
    rows = currency_rows(200)
    assert job(emulator, rows, action=action).run(client=kraty).applied == 200
    later = [dict(row) for row in rows] + currency_rows(30, start=200)
    for row in later[:10]:
        row["amount"] += 1000
    random.Random(1).shuffle(later)
    again = job(emulator, later, action=action)
    check = again.check()
    assert (check.new, check.known, check.changed, check.ok) == (30, 190, 10, False)
    report = again.run(client=kraty)
    assert (report.applied, report.known, report.changed, report.ok) == (30, 190, 10, False)
    assert {failure.code for failure in again.failures()} == {"changed"}
    assert booked(emulator) == asked(currency_rows(230))


def test_rows_that_stand_twice_are_done_once(emulator: Emulator, kraty: KratyServer) -> None:
    rows = currency_rows(50) + currency_rows(30) + [currency_rows(1)[0] | {"amount": 77}]
    twice = job(emulator, rows)
    check = twice.check()
    assert (check.new, check.duplicates, check.changed) == (50, 30, 1)
    report = twice.run(client=kraty)
    assert (report.applied, report.duplicates, report.changed) == (50, 30, 1)
    assert booked(emulator) == asked(currency_rows(50))


def test_a_source_that_breaks_off_loses_nothing(emulator: Emulator, kraty: KratyServer) -> None:
    rows = currency_rows(100)
    report = job(emulator, cut_short(rows, 55)).run(client=kraty)
    assert report.stopped == "the cable was pulled"
    assert report.rows == report.counted
    whole = job(emulator, rows).run(client=kraty)
    assert whole.ok
    assert whole.known + whole.applied == 100
    assert booked(emulator) == asked(rows)


def second_key(emulator: Emulator) -> KratyServer:
    """A client with another API key of the same game and environment."""
    engine = emulator.engine
    with engine.lock, engine.state.effect():
        (key,) = engine.state.rows("SELECT * FROM keys WHERE prefix = ?", emulator.api_key.partition(".")[0])
        engine.state.insert("keys", **key | {"prefix": "second"})
    return emulator.client(api_key=f"second.{emulator.api_key.partition('.')[2]}")


def lose_answers(
    emulator: Emulator, kraty: KratyServer, rows: list[dict[str, Any]], action: bulk.Action
) -> bulk.Report:
    """A run in which, from some point on, no answer comes through, though calls take effect; then it gives up."""
    emulator.fault(action.operation, drop_after_commit=10_000, probability=0.5, seed=3)
    emulator.fault(action.operation, drop_before=10_000, probability=0.7, seed=4)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("kraty_server.bulk.run.SILENCE", 1)
        report = job(emulator, rows, action=action).run(client=kraty)
    emulator.clear_faults()
    assert report.rows == report.counted
    return report


@pytest.mark.parametrize("ack", [None, False, True], ids=["credit", "grant", "grant with ack"])
def test_what_has_no_answer_is_sent_again_within_the_day(
    emulator: Emulator, kraty: KratyServer, ack: bool | None
) -> None:
    rows = [row | {"amount": 5} for row in currency_rows(100)]
    action = bulk.credit() if ack is None else bulk.grant([CurrencyEntry("gold", 5)], ack=ack)
    first = lose_answers(emulator, kraty, rows, action)
    assert first.unknown > 0
    emulator.advance(22 * HOUR if ack is None else 1000 * HOUR)
    report = job(emulator, rows, action=action).run(client=kraty)
    assert report.ok
    if ack is False:
        assert emulator.engine.state.count("SELECT count(*) FROM grants") == 100
    else:
        assert booked(emulator) == asked(rows)


def test_after_25_hours_nothing_without_an_answer_is_sent_again(emulator: Emulator, kraty: KratyServer) -> None:
    rows = currency_rows(300)
    first = lose_answers(emulator, kraty, rows, bulk.credit())
    assert first.unknown > 0
    before = booked(emulator)
    emulator.advance(25 * HOUR)
    again = job(emulator, rows)
    report = again.run(client=kraty)
    assert report.unknown == first.unknown
    assert not report.ok
    assert max(booked(emulator).values()) == 1  # none is doubled
    unknown = again.unknown()
    assert len(unknown) == first.unknown
    assert all("23 hours" in failure.message for failure in unknown)

    took_effect = {row["source_ref_id"] for row in emulator.ledger()}
    keys = [str(failure.key) for failure in unknown]
    done = [key for key in keys if key in took_effect]
    assert again.resolve(done, applied=True) == len(done) > 0
    assert again.resolve([key for key in keys if key not in took_effect], applied=False) == len(keys) - len(done) > 0
    assert again.resolve(["job/nobody/gold"], applied=True) == 0
    last = job(emulator, rows).run(client=kraty)
    assert last.ok
    assert booked(emulator) == asked(rows)
    assert before.total() < 300


def test_rows_of_an_import_whose_keys_were_forgotten_are_not_sent_again(emulator: Emulator, kraty: KratyServer) -> None:
    emulator.row_keys_kept = 24 * HOUR
    rows = currency_rows(3000)
    first = lose_answers(emulator, kraty, rows, bulk.import_wallet())
    assert first.unknown > 0
    emulator.advance(25 * HOUR)
    assert job(emulator, rows, action=bulk.import_wallet()).run(client=kraty).unknown == first.unknown
    assert max(booked(emulator).values()) == 1  # sent again, it would be 2: the server has forgotten the keys


def test_a_clock_that_was_set_back_protects_nothing(emulator: Emulator, kraty: KratyServer) -> None:
    rows = currency_rows(60)
    first = lose_answers(emulator, kraty, rows, bulk.credit())
    then = emulator.now().timestamp()
    back = bulk.Job("job", bulk.credit(), rows, now=lambda: then - 10 * HOUR)
    assert back.run(client=kraty).unknown == first.unknown > 0
    assert "set back" in back.unknown()[0].message


def test_another_api_key_sends_nothing_that_the_first_left_open(emulator: Emulator, kraty: KratyServer) -> None:
    rows = currency_rows(60)
    first = lose_answers(emulator, kraty, rows, bulk.credit())
    other = job(emulator, rows)
    with second_key(emulator) as kraty_2:
        assert other.run(client=kraty_2).unknown == first.unknown > 0
    assert "another API key" in other.unknown()[0].message
    assert max(booked(emulator).values()) == 1


def test_what_has_no_answer_and_changed_is_not_sent(emulator: Emulator, kraty: KratyServer) -> None:
    rows = currency_rows(60)
    first = lose_answers(emulator, kraty, rows, bulk.credit())
    assert first.unknown > 0
    before = booked(emulator)
    changed = [row | {"amount": row["amount"] + 1000} for row in rows]
    never_sent = first.unsent + first.failed + (60 - first.rows)
    assert job(emulator, changed).check().new == never_sent
    report = job(emulator, changed).run(client=kraty)
    assert (report.applied, report.changed) == (never_sent, 60 - never_sent)
    now = booked(emulator) - before
    assert len(now) == never_sent
    assert not {player for player, _, _ in now} & {player for player, _, _ in before}


def test_rows_that_left_the_source_without_an_answer_are_told_of(emulator: Emulator, kraty: KratyServer) -> None:
    first = lose_answers(emulator, kraty, currency_rows(60), bulk.credit())
    report = job(emulator, currency_rows(5, start=1000)).run(client=kraty)
    assert report.forgotten == first.unknown
    assert not report.ok
    assert any("no answer" in note for note in report.notes)


def test_a_new_journal_that_meets_replays_says_so(emulator: Emulator, kraty: KratyServer) -> None:
    rows = currency_rows(40)
    grant = bulk.grant([CurrencyEntry("gold", 5)], ack=True)
    first = job(emulator, rows, action=grant).run(client=kraty)
    assert first.notes == []
    job(emulator, rows, action=grant).journal.unlink()
    lost = job(emulator, rows, action=grant).run(client=kraty)
    assert booked(emulator).total() == 40  # grants are done once for ever, even so
    credit = job(emulator, rows, name="other")
    assert any("is new" in note for note in credit.run(client=kraty).notes)
    assert not credit.run(client=kraty).notes
    credit.journal.unlink()
    again = job(emulator, rows, name="other").run(client=kraty)
    assert (again.applied, again.replayed) == (0, 40)
    assert any("40 rows had been done before" in note for note in again.notes)
    assert lost.ok


def test_shards_do_each_row_once(emulator: Emulator, kraty: KratyServer) -> None:
    rows = currency_rows(200)
    reports = [job(emulator, rows, shard=(index, 3)).run(client=kraty) for index in range(3)]
    assert sum(report.applied for report in reports) == 200
    assert all(report.applied + report.elsewhere == 200 for report in reports)
    assert sum(job(emulator, rows, shard=(index, 3)).check().known for index in range(3)) == 200
    assert booked(emulator) == asked(rows)
    with pytest.raises(bulk.JournalError, match="its shard is"):
        job(emulator, rows, shard=(1, 3), journal="job.0-of-3.kraty-job").run(client=kraty)


def test_failures_come_out_as_they_went_in_and_can_be_corrected(
    emulator: Emulator, kraty: KratyServer, tmp_path: Path
) -> None:
    emulator.seed({"catalog": {"currencies": ["gold"]}})
    path = tmp_path / "rows.csv"
    path.write_text("user,money,how much\nada,gold,5\nbob,glod,6\ncyd,gold,\n")
    columns = {"externalPlayerId": "user", "economyKey": "money", "amount": "how much"}
    first = job(emulator, path, columns=columns)
    report = first.run(client=kraty)
    assert (report.applied, report.failed, report.invalid) == (1, 1, 1)
    assert first.write_failures("failed.csv") == 2
    text = Path("failed.csv").read_text()
    assert text.splitlines()[0] == "user,money,how much,error_code,error_message"
    assert "bob,glod,6,not_found" in text
    assert "cyd,gold,,invalid,amount: is missing" in text
    Path("failed.csv").write_text(text.replace("glod", "gold").replace("cyd,gold,", "cyd,gold,7"))
    corrected = job(emulator, "failed.csv", columns=columns)
    assert corrected.run(client=kraty).applied == 2
    assert corrected.write_failures("rest.csv") == 0
    status = corrected.status()
    assert status is not None
    assert status["applied"] == 2
    assert {p: d for p, _, d in booked(emulator)} == {"ada": 5, "bob": 6, "cyd": 7}


def test_a_row_without_an_answer_that_stands_twice_is_not_sent_the_second_time(
    emulator: Emulator, kraty: KratyServer
) -> None:
    rows = currency_rows(60)
    first = lose_answers(emulator, kraty, rows, bulk.credit())
    assert first.unknown > 0
    emulator.advance(25 * HOUR)
    changed = [row | {"amount": row["amount"] + 1000} for row in rows[:30]]
    report = job(emulator, [*changed, *changed, *rows[30:], *rows[30:]]).run(client=kraty)
    assert report.counted == report.rows
    players = [player for player, _, _ in booked(emulator).elements()]
    assert len(set(players)) == len(players)


def test_results_of_a_chunk_without_its_last_answer_are_in_one_file_after_a_crash(
    emulator: Emulator, kraty: KratyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    players = [{"externalPlayerId": f"player_{n}"} for n in range(60)]
    emulator.seed({"players": players})
    monkeypatch.setattr("kraty_server.bulk.sink.PART_ROWS", 1)
    monkeypatch.setattr("kraty_server.bulk.run.LAZY_COMMIT", -1.0)
    resource: Any = type(kraty.players)
    get, commit = resource.get, Journal.commit

    def lose_one(self: Any, external_player_id: str) -> Any:
        if external_player_id == "player_5":
            emulator.fault("players.get", status=500)
        return get(self, external_player_id)

    def crash_after_a_part(self: Journal, **given: Any) -> None:
        commit(self, **given)
        if given["parts"]:
            raise ConnectionAbortedError

    snapshots = job(emulator, players, action=bulk.snapshot(), results="out")
    with monkeypatch.context() as patch:
        patch.setattr(resource, "get", lose_one)
        patch.setattr(Journal, "commit", crash_after_a_part)
        with pytest.raises(ConnectionAbortedError):
            snapshots.run(client=kraty, in_flight=1)
    assert snapshots.run(client=kraty).ok
    read = [
        json.loads(line)["player"] for part in Path("out").iterdir() for line in part.read_text("utf-8").splitlines()
    ]
    assert sorted(read) == sorted(player["externalPlayerId"] for player in players)


def test_failures_keep_each_column_and_object_of_rows_that_differ(emulator: Emulator, kraty: KratyServer) -> None:
    emulator.fault("migrate.players", status=400, code="validation_failed", times=3)
    Path("rows.jsonl").write_text(
        '{"externalPlayerId": "ada"}\n{"externalPlayerId": "bob", "contextSnapshot": {"country": "FI"}}\n'
    )
    first = job(emulator, "rows.jsonl", action=bulk.import_players())
    assert first.run(client=kraty).failed == 2
    assert first.write_failures("failed.csv") == 2
    again = job(emulator, "failed.csv", action=bulk.import_players())
    assert again.run(client=kraty).applied == 2
    sent = emulator.assert_called("migrate.players")[-1].body["rows"]
    assert [row.get("contextSnapshot") for row in sent] == [None, {"country": "FI"}]


def test_rows_without_a_result_are_written_down_on_the_way_and_not_kept_until_a_part_is_full(
    emulator: Emulator, kraty: KratyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kraty_server.bulk.run.LAZY_COMMIT", 0.0)
    emulator.seed({"players": [{"externalPlayerId": "player_0"}]})
    held: list[int] = []
    real = Journal.commit

    def commit(self: Journal, *, failures: Any = (), **more: Any) -> None:
        failures = list(failures)
        held.append(len(failures))
        real(self, failures=failures, **more)

    monkeypatch.setattr(Journal, "commit", commit)
    snapshots = job(emulator, currency_rows(1000), action=bulk.snapshot(), results="out")
    report = snapshots.run(client=kraty)
    assert (report.applied, report.failed) == (1, 999)
    assert sum(held) == 999
    assert max(held) < 500
    assert snapshots.run(client=kraty).known == 1
