"""Commands over files check the whole file, show the sum and ask, do each row once over kills, and say what was not done."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kraty_server.bulk.journal import Journal
from kraty_server.bulk.pace import Pace
from kraty_server.testing import Emulator
from kraty_server.testing.emulator.faults import FaultOptions
from tests.bulk.books import asked, booked
from tests.cli import Ended, Run
from tests.terminals import TIMEOUT, Terminal, run_in_terminal

YES = ("--yes", "--expect", "test")
MAKE_GOOD = ("make-good", "players.csv", "--job", "outage", "--currency", "gold=500")
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "import players": ("import", "players", "players.csv", "--job", "j"),
    "import wallet": ("import", "wallet", "balances.csv", "--job", "j"),
    "import inventory": ("import", "inventory", "items.csv", "--job", "j"),
    "make-good": (*MAKE_GOOD, "--item", "sword=2"),
    "make-good --no-ack": (*MAKE_GOOD, "--no-ack"),
    "take-back": ("take-back", "balances.csv", "--job", "j"),
    "take-back --items": ("take-back", "items.csv", "--job", "j", "--items"),
    "erase-list": ("erase-list", "players.csv", "--job", "j", "--reason", "gdpr_erasure"),
}
SAID: Mapping[str, str] = {
    "import players": "import 3 players",
    "import wallet": "import +12 gold, +5 gems, in 3 rows",
    "import inventory": "import +2 sword, in 1 row",
    "make-good": "3 players × 500 gold = 1,500 + 3 players × 2 sword = 6",
    "make-good --no-ack": "3 players × 500 gold = 1,500, to be claimed by the players",
    "take-back": "take back -12 gold, -5 gems, in 3 rows",
    "take-back --items": "take back -2 sword, in 1 row",
    "erase-list": "erase 3 players, for good",
}


def write_csv(name: str, columns: Sequence[str], *rows: Sequence[object]) -> None:
    with open(name, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


@pytest.fixture(autouse=True)
def files(environment: Mapping[str, str]) -> None:
    """Files that can be sent as they are, in the current folder."""
    write_csv("players.csv", ["externalPlayerId"], ["ada"], ["bo"], ["cy"])
    balances = ("ada,gold,10", "ada,gems,5", "bo,gold,2.0")
    write_csv("balances.csv", ["externalPlayerId", "economyKey", "amount"], *(row.split(",") for row in balances))
    write_csv("items.csv", ["externalPlayerId", "itemKey", "quantity"], ["ada", "sword", 2])


def writes(emulator: Emulator) -> list[str | None]:
    return [request.operation for request in emulator.requests if request.operation != "health.ping"]


def rows_of(ended: Ended) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(ended.out)))


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_done_before_somebody_has_seen_the_sum(name: str, kraty: Run, emulator: Emulator) -> None:
    ended = kraty(*COMMANDS[name])
    assert (ended.code, ended.out, writes(emulator)) == (2, "", [])
    assert f"TEST · game game_1 · {SAID[name]}\n" in ended.err
    assert "--yes" in ended.err
    assert not list(Path.cwd().glob("*.kraty-job"))
    wrong = kraty(*COMMANDS[name], "--yes", "--expect", "live")
    assert (wrong.code, writes(emulator)) == (2, [])


@pytest.mark.parametrize("name", COMMANDS)
def test_each_row_is_done_once_whenever_the_command_is_repeated(name: str, kraty: Run, emulator: Emulator) -> None:
    first = kraty(*COMMANDS[name], *YES)
    assert first.code == 0, first.err
    before = booked(emulator)
    again = kraty(*COMMANDS[name], "--json")  # nothing is left to confirm
    assert (again.code, again.json["known"], again.json["applied"]) == (0, again.json["rows"], 0)
    assert booked(emulator) == before


@pytest.mark.parametrize("name", [*COMMANDS, "export-list", "snapshot"])
def test_a_dry_run_sends_nothing_and_needs_no_key(
    name: str, kraty: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = COMMANDS.get(name, (name, "players.csv", "--job", "j", "--to", "out"))
    monkeypatch.delenv("KRATY_SERVER_KEY")
    ended = kraty(*command, "--dry-run")
    assert (ended.code, emulator.requests) == (0, [])
    assert "to send\n" in ended.out
    assert ended.err == "nothing was sent\n"
    found = kraty(*command, "--dry-run", "--json", "--rate", "1").json
    assert (found["ok"], found["new"], found["seconds"]) == (True, found["rows"], found["calls"])
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["balances.csv", "items.csv", "players.csv"]
    assert kraty(*command).code == 2  # no key


def test_what_is_made_good_is_in_the_balances_unless_the_players_are_to_claim_it(
    kraty: Run, emulator: Emulator
) -> None:
    assert kraty(*COMMANDS["make-good --no-ack"], *YES).code == 0
    assert set(writes(emulator)) == {"grants.create"}
    assert not any(delta == 500 for _, _, delta in booked(emulator))
    emulator.reset()
    assert kraty(*MAKE_GOOD, "--journal", "other", "--job", "again", *YES).code == 0
    assert Counter(writes(emulator)) == {"grants.create": 3, "grants.ack": 3}
    assert sum(count for (_, _, delta), count in booked(emulator).items() if delta == 500) == 3


def test_lost_answers_are_counted_and_not_told_one_by_one(kraty: Run, emulator: Emulator) -> None:
    emulator.fault("grants.create", drop_after_commit=2)
    ended = kraty("make-good", "players.csv", "--job", "j", "--currency", "gold=5", *YES)
    assert ended.code == 0, ended.err
    assert len([request for request in emulator.requests if request.operation == "grants.create"]) > 3
    assert "attempt" not in ended.err


def test_a_sum_of_many_currencies_names_the_largest(kraty: Run) -> None:
    rows = [["ada", f"c{n}", n] for n in range(1, 8)]
    write_csv("balances.csv", ["externalPlayerId", "economyKey", "amount"], *rows)
    said = kraty(*COMMANDS["import wallet"]).err
    assert "import +7 c7, +6 c6, +5 c5, +4 c4, +3 c3, 2 more, in 7 rows" in said
    assert "3 players × 500 gold = 1,500 + 3 players × 1 box (crate)" in kraty(*MAKE_GOOD, "--crate", "box=1").err


def test_one_run_at_a_time(kraty: Run, emulator: Emulator) -> None:
    with closing(Journal(Path("outage.kraty-job"), {})):
        for command in ((*MAKE_GOOD, *YES), ("job", "status", "outage")):
            ended = kraty(*command)
            assert ended.code == 1
            assert "another run of this job is under way" in ended.err
    assert writes(emulator) == []


def test_standard_input_that_is_closed_is_told_of(kraty: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert "-: stdin is closed" in kraty("erase-list", "-", "--job", "j", *YES).err


def test_rows_that_cannot_be_sent_are_shown_first_and_the_others_are_done(kraty: Run, emulator: Emulator) -> None:
    bad: list[list[object]] = [["", "gold", 1], ["bo", "gold", "much"], *(["cy", "", n] for n in range(5))]
    write_csv("balances.csv", ["externalPlayerId", "economyKey", "amount"], ["ada", "gold", 10], *bad)
    assert kraty(*COMMANDS["take-back"], "--dry-run").code == 3
    ended = kraty(*COMMANDS["take-back"], *YES)
    assert ended.code == 3
    assert "8 rows, 1 to send, 7 invalid\n  row 2: externalPlayerId: is missing\n" in ended.err
    assert "  and 2 more\n" in ended.err
    assert booked(emulator)["ada", "gold", -10] == 1
    assert [row["error_code"] for row in rows_of(kraty("job", "failures", "j"))] == ["invalid"] * 7


def test_failures_are_corrected_and_run_under_the_same_job(kraty: Run, emulator: Emulator) -> None:
    write_csv(
        "balances.csv", ["who", "economyKey", "amount", "note"], ["bo", "gold", 60, "a,b"], ["cy", "gold", 9, "x"]
    )
    command = ("--job", "j", "--map", "externalPlayerId=who", *YES)
    ended = kraty("take-back", "balances.csv", *command)
    assert (ended.code, "refused  1" in ended.out) == (3, True)
    assert "kraty job failures j > failed.csv" in ended.err
    printed = kraty("job", "failures", "j")
    assert printed.code == 0
    (failure,) = rows_of(printed)
    assert failure == {
        "who": "cy",
        "economyKey": "gold",
        "amount": "9",
        "note": "x",
        "error_code": "conflict",
        "error_message": failure["error_message"],
    }
    assert kraty("job", "failures", "j", "--json").json[0]["key"] == "j/cy/gold"
    assert kraty("credit", "cy", "gold", "9", "--key", "k", "--yes").code == 0
    Path("failed.csv").write_text(printed.out)
    assert kraty("take-back", "failed.csv", *command).code == 0
    assert kraty("take-back", "balances.csv", *command, "--json").json["known"] == 2
    assert booked(emulator)["cy", "gold", -9] == 1


def test_a_row_that_changed_after_it_was_done_is_not_sent(kraty: Run, emulator: Emulator) -> None:
    assert kraty(*COMMANDS["take-back"], *YES).code == 0
    before = booked(emulator)
    write_csv("balances.csv", ["externalPlayerId", "economyKey", "amount"], ["ada", "gold", 11])
    ended = kraty(*COMMANDS["take-back"], *YES)
    assert (ended.code, booked(emulator)) == (3, before)
    assert "j/ada/gold: it was done by a former run with other contents" in ended.err
    assert rows_of(kraty("job", "failures", "j"))[0]["error_code"] == "changed"


def test_columns_are_named_set_and_made_keys_of(kraty: Run, emulator: Emulator) -> None:
    write_csv("balances.csv", ["user", "order"], ["ada", 1], ["ada", 2])
    named = ("--map", "externalPlayerId=user", "--set", "economyKey=gold", "--set", "amount=7", "--set", "reason=r")
    ended = kraty("take-back", "balances.csv", "--job", "j", *named, "--key-columns", "user,order", *YES)
    assert ended.code == 0, ended.err
    assert "take back -14 gold, in 2 rows" in ended.err
    assert booked(emulator)["ada", "gold", -7] == 2
    assert {row["reason"] for row in emulator.ledger("ada") if row["delta"] == -7} == {"r"}


def test_the_pace_that_is_asked_for_reaches_the_run(kraty: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, float | None]] = []

    class Watched(Pace):
        def __init__(self, most: int, rate: float | None, clock: Callable[[], float]) -> None:
            seen.append((most, rate))
            super().__init__(most, rate, clock)

    monkeypatch.setattr("kraty_server.bulk.job.Pace", Watched)
    assert kraty(*MAKE_GOOD, "--rate", "1000.5", "--in-flight", "3", *YES).code == 0
    assert seen == [(3, 1000.5)]


def test_standard_input_is_checked_as_a_whole_too(
    command: Callable[..., list[str]], environment: Mapping[str, str], emulator: Emulator
) -> None:
    arguments = ("make-good", "-", "--job", "j", "--currency", "gold=5", "--json")
    content = "externalPlayerId\nada\n\nbo\n"

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments, *more), input=content, env=environment, capture_output=True, text=True, timeout=TIMEOUT
        )

    asks = run()
    assert (asks.returncode, asks.stdout, writes(emulator)) == (2, "", [])
    assert "2 players × 5 gold = 10" in asks.stderr
    done = run("--yes")
    assert (done.returncode, json.loads(done.stdout)["applied"]) == (0, 2)


def test_shards_have_their_own_journals_and_do_each_row_once(kraty: Run, emulator: Emulator) -> None:
    write_csv("players.csv", ["externalPlayerId"], *[[f"p{n}"] for n in range(20)])
    done = [kraty(*MAKE_GOOD, "--shard", f"{n}/2", "--json", *YES).json["applied"] for n in (0, 1)]
    assert sum(done) == 20
    assert min(done) > 0
    assert sum(count for (_, _, delta), count in booked(emulator).items() if delta == 500) == 20
    assert kraty("job", "status", "outage", "--shard", "1/2", "--json").json["done"] == done[1]
    assert kraty("job", "status", "outage").code == 1


def test_a_journal_lies_where_it_is_told_to_and_what_is_said_finds_it(kraty: Run) -> None:
    write_csv("players.csv", ["externalPlayerId"], ["ada"], [" "])
    ended = kraty(*MAKE_GOOD, "--journal", "my journal", *YES)
    assert ended.code == 3
    assert "kraty job failures outage --journal 'my journal' > failed.csv" in ended.err
    assert len(rows_of(kraty("job", "failures", "outage", "--journal", "my journal"))) == 1


@pytest.mark.parametrize("kind", ["export-list", "snapshot"])
def test_what_is_read_lies_in_a_folder_and_nobody_is_asked(kind: str, kraty: Run) -> None:
    ended = kraty(kind, "players.csv", "--job", "j", "--to", "out")
    assert ended.code == 0, ended.err
    lines = [line for part in Path("out").glob("part-*") for line in part.read_text().splitlines()]
    assert sorted(json.loads(line)["player"] for line in lines) == ["ada", "bo", "cy"]


@pytest.mark.parametrize("kind", ["export-list", "snapshot"])
def test_what_is_read_can_be_parquet(kind: str, kraty: Run) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    assert kraty(kind, "players.csv", "--job", "j", "--to", "out", "--format", "parquet").code == 0
    (part,) = Path("out").glob("part-*.parquet")
    assert sorted(parquet.read_table(part)["player"].to_pylist()) == ["ada", "bo", "cy"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (("--shard", "2/2"), "I/N with I from 0"),
        (("--shard", "x"), "I/N with I from 0"),
        (("--rate", "0"), "more than 0"),
        (("--in-flight", "0"), "--in-flight: more than 0"),
        (("--map", "who"), "FIELD=..."),
        (("--map", "amount=who"), "takes no 'amount'"),
        (("--map", "externalPlayerId=who"), "--map externalPlayerId=COLUMN"),
        (("--set", "externalPlayerId=ada"), "cannot be set here"),
        (("--key-columns", "order"), "no column 'order' for the key"),
        (("--job", "a b"), "letters, digits"),
        (("--currency", "gold=0"), "amount"),
    ],
)
def test_wrong_arguments_end_it_with_2_and_nothing_is_sent(
    wrong: tuple[str, ...], why: str, kraty: Run, emulator: Emulator
) -> None:
    ended = kraty(*MAKE_GOOD, *wrong, *YES)
    assert (ended.code, ended.out, writes(emulator)) == (2, "", [])
    assert why in ended.err


def test_a_value_that_cannot_be_set_is_refused(kraty: Run) -> None:
    assert "--set amount: a whole number is needed" in kraty(*COMMANDS["take-back"], "--set", "amount=x").err
    assert kraty("make-good", "players.csv", "--job", "j").code == 2
    assert "absent.csv: No such file" in kraty("erase-list", "absent.csv", "--job", "j").err


def test_a_job_that_stops_before_its_end_is_an_error(kraty: Run) -> None:
    write_csv("balances.csv", ["externalPlayerId", "economyKey", "amount"], *[[f"p{n}", "gold", 9] for n in range(9)])
    ended = kraty(*COMMANDS["take-back"], "--max-failures", "2", *YES)
    assert ended.code == 1
    assert "more than the 2 that were allowed" in ended.err
    assert "run the same command again" in ended.err
    assert "it stopped: " in kraty("job", "status", "j").err


def test_a_journal_of_something_else_is_an_error(kraty: Run) -> None:
    assert kraty(*COMMANDS["take-back"], *YES).code == 0
    ended = kraty(*COMMANDS["import wallet"], *YES)
    assert ended.code == 1
    assert "belongs to something else" in ended.err
    assert kraty("job", "status", "k", "--journal", "j.kraty-job").code == 1
    assert "there is no journal" in kraty("job", "failures", "other").err


def test_a_key_that_is_refused_ends_it_with_4(kraty: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    emulator.fault("grants.create", status=401, code="session_invalid", times=None)
    ended = kraty(*MAKE_GOOD, *YES)
    assert (ended.code, "it stopped before its end" in ended.err) == (4, True)
    monkeypatch.setenv("KRATY_SERVER_KEY", "sNobody1.nothing")
    assert kraty(*MAKE_GOOD, *YES).code == 4


def big(count: int) -> list[dict[str, Any]]:
    rows = [{"externalPlayerId": f"p{n}", "economyKey": "gold", "amount": n % 97 + 1} for n in range(count)]
    write_csv("balances.csv", list(rows[0]), *[list(row.values()) for row in rows])
    return rows


def run_and_kill(command: Sequence[str], environment: Mapping[str, str], emulator: Emulator, after: int) -> None:
    """Kill a command when so many balances were changed."""
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    ends_at = time.monotonic() + TIMEOUT
    while writes(emulator).count("wallet.debit") <= after and process.poll() is None:
        assert time.monotonic() < ends_at
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=TIMEOUT)
    assert process.returncode == -signal.SIGKILL


def holders(emulator: Emulator, rows: Sequence[Mapping[str, Any]]) -> None:
    emulator.seed({"players": [{"externalPlayerId": row["externalPlayerId"], "wallet": {"gold": 100}} for row in rows]})


def test_a_take_back_that_is_killed_goes_on_and_takes_from_nobody_twice(
    command: Callable[..., list[str]], environment: Mapping[str, str], emulator: Emulator, kraty: Run
) -> None:
    rows = big(400)
    holders(emulator, rows)
    for goal in (60, 160):
        run_and_kill(command(*COMMANDS["take-back"], "--in-flight", "2", "--yes"), environment, emulator, goal)
    status = kraty("job", "status", "j")
    assert "No run came to its end: run the same command again" in status.out
    assert kraty(*COMMANDS["take-back"]).code == 2  # what is left is asked for again
    assert kraty(*COMMANDS["take-back"], *YES).code == 0
    taken = {booking: count for booking, count in booked(emulator).items() if booking[2] < 0}
    assert taken == asked(rows, sign=-1)


def test_ctrl_c_ends_it_with_130_and_the_same_command_goes_on(
    command: Callable[..., list[str]], environment: Mapping[str, str], emulator: Emulator, kraty: Run
) -> None:
    rows = big(400)
    holders(emulator, rows)
    terminal = Terminal(command(*COMMANDS["take-back"], "--in-flight", "1", "--yes"), env=environment)
    try:
        terminal.wait_for(r"[1-9]\d* rows \(")
        os.killpg(terminal.process.pid, signal.SIGINT)  # what a terminal makes of Ctrl-C
        while terminal.read():
            pass
        code = terminal.process.wait(TIMEOUT)
    finally:
        terminal.close()
    assert code == 130, terminal.text
    assert "interrupted\nRun the same command again: it goes on" in terminal.text
    assert "kraty job status j" in terminal.text
    assert kraty("job", "status", "j", "--json").json["last_run"]["stopped"] == "it was interrupted"
    assert kraty(*COMMANDS["take-back"], *YES).code == 0
    assert {one: count for one, count in booked(emulator).items() if one[2] < 0} == asked(rows, sign=-1)


def test_rows_without_an_answer_are_listed_and_resolved_by_a_persons_word(
    command: Callable[..., list[str]],
    environment: Mapping[str, str],
    emulator: Emulator,
    kraty: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = big(400)
    holders(emulator, rows)
    run_and_kill(command(*COMMANDS["take-back"], "--in-flight", "2", "--yes"), environment, emulator, 60)
    emulator.seed({"keys": [{"prefix": "sSecond1", "secret": "second"}]})
    monkeypatch.setenv("KRATY_SERVER_KEY", "sSecond1.second")  # with which a row could be done twice
    ended = kraty(*COMMANDS["take-back"], *YES)
    assert ended.code == 3
    unknown = rows_of(kraty("job", "unknown", "j"))
    assert unknown
    assert len(kraty("job", "unknown", "j", "--json").json) == len(unknown)
    ledger = {row["source_ref_id"] for row in emulator.ledger()}
    for word in ("--applied", "--not-applied"):
        found = [row for row in unknown if (row["idempotency_key"] in ledger) == (word == "--applied")]
        if not found:
            continue
        write_csv("found.csv", list(found[0]), *[list(row.values()) for row in found])
        assert kraty("job", "resolve", "j", word, "found.csv", "--json").json == {
            "keys": len(found),
            "resolved": len(found),
        }
    assert kraty(*COMMANDS["take-back"], *YES).code == 0
    assert {one: count for one, count in booked(emulator).items() if one[2] < 0} == asked(rows, sign=-1)


@pytest.mark.parametrize(
    ("fault", "took_effect", "word"),
    [({"drop_before": 10_000}, 0, "--not-applied"), ({"drop_after_commit": 10_000}, 3, "--applied")],
)
def test_either_word_of_a_person_has_each_row_done_once(
    fault: FaultOptions, took_effect: int, word: str, kraty: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken() -> int:
        return sum(count for (_, _, delta), count in booked(emulator).items() if delta < 0)

    emulator.fault("wallet.debit", **fault)
    monkeypatch.setattr("kraty_server.bulk.run.SILENCE", 1)
    assert kraty(*COMMANDS["take-back"], *YES).code == 1
    emulator.clear_faults()
    assert taken() == took_effect
    emulator.seed({"keys": [{"prefix": "sSecond1", "secret": "second"}]})
    monkeypatch.setenv("KRATY_SERVER_KEY", "sSecond1.second")
    assert kraty(*COMMANDS["take-back"], *YES).code == 3
    Path("unknown.csv").write_text(kraty("job", "unknown", "j").out)
    resolved = kraty("job", "resolve", "j", word, "unknown.csv")
    assert resolved.out == "3 of 3 rows were without an answer, and are resolved\n"
    before = writes(emulator).count("wallet.debit")
    assert kraty(*COMMANDS["take-back"], *YES).code == 0
    assert writes(emulator).count("wallet.debit") - before == 3 - took_effect
    assert taken() == 3


def test_a_word_needs_rows(kraty: Run) -> None:
    assert kraty(*MAKE_GOOD, *YES).code == 0
    resolve = ("job", "resolve", "outage")
    write_csv("keys.csv", ["idempotency_key"], ["outage/ada"])
    done = kraty(*resolve, "--applied", "keys.csv")
    assert done.out == "0 of 1 rows were without an answer, and are resolved\n"
    for wrong in ((), ("--applied",), ("--applied", "players.csv"), ("--not-applied", "absent.csv")):
        assert kraty(*resolve, *wrong).code == 2
    Path("bytes.csv").write_bytes(b"\xff")
    assert "no CSV" in kraty(*resolve, "--applied", "bytes.csv").err


def test_a_terminal_is_asked_and_sees_no_line_that_is_too_long(
    command: Callable[..., list[str]], environment: Mapping[str, str], emulator: Emulator
) -> None:
    shown = run_in_terminal(command(*MAKE_GOOD), answers=["y"], env=environment)
    assert "TEST · game game_1 · 3 players × 500 gold = 1,500\nGo on? [y/N] y\n" in shown.plain
    assert "3 rows (100%)" in shown.plain
    assert max(len(line.rpartition("\r")[2]) for line in shown.plain.splitlines()) <= 80
    assert shown.code == 0
    erased = run_in_terminal(command(*COMMANDS["erase-list"]), answers=["y"], env=environment)
    assert "Type game_1 to go on: y\n" in erased.plain
    assert (erased.code, "players.delete" in writes(emulator)) == (2, False)
    live = {**environment, "KRATY_SERVER_KEY": emulator.live_key}
    taken = run_in_terminal(command(*COMMANDS["take-back"]), env=live, answers=["y"])
    assert "LIVE · game game_1 · take back -12 gold, -5 gems, in 3 rows\nType game_1 to go on: y\n" in taken.plain
    assert (taken.code, "wallet.debit" in writes(emulator)) == (2, False)


def test_failures_cannot_give_orders_to_a_terminal(
    command: Callable[..., list[str]], environment: Mapping[str, str], kraty: Run
) -> None:
    write_csv("balances.csv", ["externalPlayerId", "economyKey", "amount"], ["ada", "gold", "\x1b[2J"])
    assert kraty(*COMMANDS["take-back"], *YES).code == 3
    assert "\x1b[2J" in kraty("job", "failures", "j").out
    assert "\x1b[2J" not in run_in_terminal(command("job", "failures", "j"), env=environment).text


def test_the_key_is_in_no_journal(kraty: Run, emulator: Emulator) -> None:
    assert kraty(*MAKE_GOOD, *YES).code == 0
    for path in Path.cwd().iterdir():
        assert emulator.api_key.encode() not in path.read_bytes()


def test_the_workers_of_a_cluster_send_what_the_command_hands_out(kraty: Run, emulator: Emulator) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        ended = kraty(*MAKE_GOOD, "--dask", cluster.scheduler_address, *YES)
    assert ended.code == 0, ended.err
    assert sum(count for (_, _, delta), count in booked(emulator).items() if delta == 500) == 3


def test_a_cluster_that_cannot_be_reached_or_used_is_told_of(
    kraty: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "nothing was done" in kraty(*MAKE_GOOD, "--dask", "nonsense://x", *YES).err
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "kraty-server[dask]" in kraty(*MAKE_GOOD, "--dask", "tcp://x:1", *YES).err
    assert writes(emulator) == []
