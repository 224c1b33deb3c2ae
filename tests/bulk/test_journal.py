"""The journal: whatever crashes when, a row is never taken for open that was done, nor the other way round; and clear errors."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraty_server import KratyServer, bulk
from kraty_server.bulk.journal import APPLIED, FAILED, REPLAYED, UNKNOWN, UNSENT, Failure, Journal
from kraty_server.bulk.keys import KEY_SIZE, KeyIndex, record, records, row_key, shard_of
from kraty_server.testing import Emulator
from tests.bulk.books import asked, booked, currency_rows

ROOT = Path(__file__).parents[2]
PARTS = st.lists(st.text("ab/%#~é", min_size=1, max_size=6), min_size=2, max_size=2)


@given(first=PARTS, second=PARTS)
def test_two_natural_keys_never_give_the_same_key(first: list[str], second: list[str]) -> None:
    assert (row_key("job/", first) == row_key("job/", second)) == (first == second)


@given(parts=st.lists(st.text(min_size=1, max_size=400), min_size=1, max_size=3))
def test_no_key_is_too_long(parts: list[str]) -> None:
    assert len(row_key("j" * 100 + "/", parts)) <= 255


@given(st.lists(st.tuples(st.text("a/%é", max_size=9), st.text(max_size=9)), min_size=1, max_size=9))
def test_many_rows_have_the_records_that_each_has_alone(rows: list[tuple[str, str]]) -> None:
    contents = [repr(body) for _, body in rows]
    assert records([key for key, _ in rows], contents) == [
        record(key, content) for (key, _), content in zip(rows, contents, strict=True)
    ]


def test_a_failure_may_quote_what_no_file_can_hold(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal", {"job": "job"})) as journal:
        journal.commit(failures=[Failure("job/ada", "validation_failed", "not 'a\ud800'", {"reason": "a\ud800"})])
        assert list(journal.failures()) == [
            Failure("job/ada", "validation_failed", r"not 'a\ud800'", {"reason": "a\ud800"})
        ]


def _place(row: bytes) -> bytes:
    """What the index tells keys apart by: 71 bits of them."""
    return bytes((row[0], row[1] >> 1)) + row[5:KEY_SIZE]


@given(data=st.data())
def test_the_index_agrees_with_a_dict(data: Any) -> None:
    # Few different bytes, so that buckets are full, and what is searched for lies across two entries, too.
    rows = data.draw(st.lists(st.binary(min_size=16, max_size=16).map(lambda b: bytes(x % 2 for x in b)), max_size=300))
    index, one_by_one, added, model = KeyIndex(), KeyIndex(), KeyIndex(), dict[bytes, bytes]()
    known: dict[int, bytes] = {}
    for number, row in enumerate(rows):
        key = _place(row)
        assert one_by_one.bodies(row) == ({0: model[key]} if key in model else {})
        if key in model:
            known[number] = model[key]
        else:
            one_by_one.add(row)
            model[key] = row[KEY_SIZE : KEY_SIZE + KeyIndex.BODY]
    assert index.bodies_or_add(b"".join(rows)) == known
    assert len(index) == len(one_by_one) == len(model)
    added.add(b"".join(row for number, row in enumerate(rows) if number not in known))
    asked = {number: model[_place(row)] for number, row in enumerate(rows)}
    assert index.bodies(b"".join(rows)) == added.bodies(b"".join(rows)) == asked


def test_shards_are_of_about_the_same_size() -> None:
    counts = [0] * 4
    for n in range(4000):
        counts[shard_of(record(f"job/{n}", ""), 4)] += 1
    assert min(counts) > 800


STATES = st.sampled_from([APPLIED, REPLAYED, FAILED, UNKNOWN, UNSENT])


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_what_it_says_after_any_runs_and_crashes_is_what_was_committed(data: Any) -> None:
    """Each run sends some rows that are open; some chunks are answered, some not, and the process ends at any commit."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:  # hypothesis may end it at any draw
        path, names = Path(folder) / "journal", [f"job/{n}" for n in range(12)]
        rows = {name: record(name, name) for name in names}
        done: set[str] = set()
        open_since: dict[str, float] = {}
        now = 0.0
        for _ in range(data.draw(st.integers(1, 4))):
            journal = Journal(path, {"job": "job"})
            opened.callback(journal.close)
            settled, unsettled = journal.load()
            assert {name for name in names if settled.bodies(rows[name])} == done
            assert {
                name: unsettled[rows[name][:KEY_SIZE]].at for name in names if rows[name][:KEY_SIZE] in unsettled
            } == open_since
            journal.begin_run(now, "key")
            chunk = journal.last_chunk
            for _ in range(data.draw(st.integers(0, 4))):
                now += 1
                sent = data.draw(st.lists(st.sampled_from(names), unique=True, max_size=5))
                sent = [name for name in sent if name not in done]
                if not sent:
                    continue
                chunk += 1
                journal.commit(sent=[(chunk, now, b"".join(rows[name] for name in sent))])
                states = None
                if data.draw(st.booleans()):
                    states = bytes(data.draw(STATES) for _ in sent)
                    journal.commit(answered=[(chunk, now, states)])
                for name, state in zip(sent, states or bytes([UNKNOWN] * len(sent)), strict=True):
                    if state in (APPLIED, REPLAYED):
                        done.add(name)
                    if state in (APPLIED, REPLAYED, FAILED):
                        open_since.pop(name, None)
                    elif state == UNKNOWN:
                        open_since.setdefault(name, now)
            journal.close()


class Crash(Exception):
    pass


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32), batch=st.booleans())
def test_a_job_that_crashes_at_any_commit_does_each_row_once(seed: int, batch: bool) -> None:
    dice = random.Random(seed)
    rows = currency_rows(150)
    with (
        tempfile.TemporaryDirectory() as folder,
        Emulator() as emulator,
        emulator.client() as kraty,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("kraty_server.bulk.actions.BATCH", 30)
        commit = Journal.commit
        crashes = 0

        def crashing(self: Journal, **given: Any) -> None:
            nonlocal crashes
            after = dice.random() < 0.5
            if dice.random() < 0.3 and crashes < 5:
                crashes += 1
                if after:
                    commit(self, **given)
                raise Crash
            commit(self, **given)

        patch.setattr(Journal, "commit", crashing)
        job = bulk.Job("job", bulk.import_wallet() if batch else bulk.credit(), rows, journal=Path(folder) / "journal")
        while True:
            dice.shuffle(rows)
            try:
                assert job.run(client=kraty, in_flight=3).ok
                break
            except Crash:
                continue
        assert booked(emulator) == asked(rows)


def full_after(pages: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the disk had no more room than this."""
    real = Journal._open

    def opened(self: Journal, facts: Any) -> None:
        real(self, facts)
        self._db.execute(f"PRAGMA max_page_count = {pages}")

    monkeypatch.setattr(Journal, "_open", opened)


def test_a_full_disk_is_said_and_nothing_is_lost(
    emulator: Emulator, kraty: KratyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = currency_rows(3000)
    job = bulk.Job("job", bulk.credit(), rows)
    with monkeypatch.context() as small:
        full_after(14, small)
        with pytest.raises(
            bulk.JournalError,
            match="the disk is full, or fails .* Free some space and run the job again: nothing is lost",
        ):
            job.run(client=kraty)
    sent = len(emulator.requests)
    assert sent < 3000
    assert job.run(client=kraty).ok
    assert booked(emulator) == asked(rows)


@pytest.mark.skipif(sys.platform != "linux", reason="it needs a limit on the size of files")
def test_a_limit_on_the_size_of_files_is_said(emulator: Emulator, tmp_path: Path) -> None:
    program = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "from kraty_server import bulk; from tests.bulk.books import currency_rows\n"
        "bulk.Job('job', bulk.credit(), currency_rows(5000)).run()"
    )
    environment = os.environ | {
        "KRATY_SERVER_KEY": emulator.api_key,
        "KRATY_BASE_URL": emulator.url,
        "PYTHONPATH": f"{ROOT}:{ROOT}/generated",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "JournalError" in done.stderr
    assert "nothing is lost" in done.stderr
    assert set(booked(emulator).values()) == {1}


def test_a_journal_that_cannot_be_written_is_said_before_anything_is_sent(
    emulator: Emulator, kraty: KratyServer, tmp_path: Path
) -> None:
    job = bulk.Job("job", bulk.credit(), currency_rows(3), journal=tmp_path / "gone" / "journal")
    with pytest.raises(bulk.JournalError, match="gone cannot be written to"):
        job.run(client=kraty)
    other = bulk.Job("job", bulk.credit(), currency_rows(3), journal=tmp_path / "text")
    (tmp_path / "text").write_text(
        "something else, that was there before, and is longer than a header of SQLite\n" * 99
    )
    with pytest.raises(bulk.JournalError, match="it cannot be used .file is not a database"):
        other.run(client=kraty)
    assert emulator.ledger() == []


@pytest.mark.skipif(not hasattr(os, "setuid") or os.getuid() != 0, reason="only root can become somebody else")
def test_a_read_only_journal_is_said(emulator: Emulator, kraty: KratyServer, tmp_path: Path) -> None:
    job = bulk.Job("job", bulk.credit(), currency_rows(3))
    job.run(client=kraty)
    job.journal.chmod(0o444)
    program = (
        "import os, kraty_server.client\n"
        "from kraty_server import bulk; from tests.bulk.books import currency_rows\n"
        "job = bulk.Job('job', bulk.credit(), currency_rows(4))\n"
        "import kraty_server.bulk._pyarrow, sqlite3, concurrent.futures.thread\n"
        "os.setuid(65534)\n"
        "try: job.run()\n"
        "except bulk.JournalError as error: print(error)"
    )
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    environment = os.environ | {
        "KRATY_SERVER_KEY": emulator.api_key,
        "KRATY_BASE_URL": emulator.url,
        "PYTHONPATH": f"{ROOT}:{ROOT}/generated",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert "cannot be written to" in done.stdout, done.stderr
    assert len(emulator.ledger()) == 3


def test_any_other_trouble_of_sqlite_is_told_with_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "journal", {"job": "job"})
    journal._db.execute("DROP TABLE parts")
    with pytest.raises(bulk.JournalError, match="cannot read the journal: it cannot be used .no such table: parts"):
        journal.parts()
    journal.close()
