"""What was sent, and what became of it? The journal: an SQLite file that outlives the process and is only added to.

A chunk is committed as sent before it is handed out, and as answered when its answers are in. What was sent and has no
answer is unknown, since the time it was sent first. The answers that say so: one byte a row.
"""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from kraty_server.bulk.errors import JournalError
from kraty_server.bulk.keys import KEY_SIZE, RECORD_SIZE, KeyIndex, record

FORMAT: Final = "1"
APPLIED, REPLAYED, FAILED, UNKNOWN, UNSENT = b"asf?-"
"""What became of a row, as a byte of `answered.states`."""
SETTLED: Final = bytes((APPLIED, REPLAYED))

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY, at REAL NOT NULL, api_key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sent (id INTEGER PRIMARY KEY, run INTEGER NOT NULL, at REAL NOT NULL, rows BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS answered (id INTEGER PRIMARY KEY, at REAL NOT NULL, states BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS failures (
  run INTEGER NOT NULL, key TEXT, code TEXT NOT NULL, message TEXT NOT NULL, row TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS resolved (after INTEGER NOT NULL, row BLOB NOT NULL, applied INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS parts (name TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS reports (run INTEGER PRIMARY KEY, at REAL NOT NULL, report TEXT NOT NULL);
"""


class Unsettled(NamedTuple):
    """A row that was sent and has no answer."""

    at: float
    """When it was sent first."""
    api_key: str
    """Id of the API key that it was first sent with."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """A row that needs a look: refused, invalid, changed or unknown."""

    key: str | None
    code: str
    message: str
    row: Mapping[str, Any]


class Writable(Protocol):
    """What text is written to."""

    def write(self, text: str, /) -> object:
        """Write it."""
        ...


def write_csv(read: Callable[[], Iterable[Failure]], file: Writable) -> int:
    """Write rows as CSV: their own columns, then `error_code` and `error_message`; the number of rows.

    Objects and lists become JSON, as a job reads them.

    Args:
        read: gives the rows; called twice, since rows may have different columns and there may be many of them.
    """
    columns = dict.fromkeys(name for failure in read() for name in failure.row)
    writer = csv.DictWriter(file, list(columns | dict.fromkeys(("error_code", "error_message"))))
    count = 0
    for failure in read():
        if count == 0:
            writer.writeheader()
        cells = {
            name: json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict | list) else cell
            for name, cell in failure.row.items()
        }
        writer.writerow(cells | {"error_code": failure.code, "error_message": failure.message})
        count += 1
    return count


def _storable(text: str) -> str:
    """Escape half of a surrogate pair: a server's message may quote one, and no file can hold it."""
    return text.encode("utf-8", "backslashreplace").decode()


def _cut(rows: bytes) -> Iterator[bytes]:
    return (rows[start : start + RECORD_SIZE] for start in range(0, len(rows), RECORD_SIZE))


def journal_path(job: str, shard: tuple[int, int] | None = None) -> Path:
    """Where the journal of a job lies, unless it is told otherwise: in the current folder."""
    part = "" if shard is None else f".{shard[0]}-of-{shard[1]}"
    return Path(f"{job}{part}.kraty-job")


class JournalLike(Protocol):
    """What a run needs of a journal."""

    last_chunk: int
    is_new: bool

    def load(self) -> tuple[KeyIndex, dict[bytes, Unsettled]]:
        """Read what former runs did."""
        ...

    def commit(
        self,
        *,
        sent: Iterable[tuple[int, float, bytes]] = (),
        answered: Iterable[tuple[int, float, bytes]] = (),
        failures: Iterable[Failure] = (),
        parts: Iterable[str] = (),
    ) -> None:
        """Note what is sent, and what became of it."""
        ...


class Journal:
    """An open journal; one process holds it at a time.

    Args:
        path: the file, on a local disk.
        facts: what must not change from one run to the next.

    Raises:
        JournalError: it belongs to something else, is in use, or cannot be read or written.
    """

    def __init__(self, path: Path, facts: Mapping[str, str]) -> None:
        self.path = path
        # SQLite speaks of an I/O error where it may not make the files that belong to a journal.
        for place in (path.parent, path) if path.exists() else (path.parent,):
            if not os.access(place, os.W_OK):
                raise JournalError(f"{path}: cannot open the journal: {place} cannot be written to")
        with self._explained("open"):
            self._db = sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=False)
        try:
            with self._explained("open"):
                self._open(facts)
        except BaseException:
            self._db.close()
            raise

    def _open(self, facts: Mapping[str, str]) -> None:
        db = self._db
        db.execute("PRAGMA locking_mode = EXCLUSIVE")  # the lock ends with the process, however that ends
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA.split(";"):
            db.execute(statement)
        self._check_facts({**facts, "format": FORMAT})
        db.execute("COMMIT")
        self.run: int = db.execute("SELECT coalesce(max(id), 0) FROM runs").fetchone()[0]
        self.last_chunk: int = db.execute("SELECT coalesce(max(id), 0) FROM sent").fetchone()[0]
        self.is_new: bool = self.last_chunk == 0

    def _check_facts(self, facts: Mapping[str, str]) -> None:
        known = dict(self._db.execute("SELECT name, value FROM facts").fetchall())
        for name, value in facts.items():
            if known.get(name, value) != value:
                raise JournalError(
                    f"{self.path}: its {name} is {known[name]}, not {value}: this journal belongs to something else. "
                    "Give the job another name, or its own journal"
                )
            self._db.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, value))

    @contextmanager
    def _explained(self, what: str) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            if name.startswith("SQLITE_BUSY"):
                why = "another run of this job is under way"
            elif name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
                why = f"the disk is full, or fails ({error}). Free some space and run the job again: nothing is lost"
            else:
                why = f"it cannot be used ({error})"
            raise JournalError(f"{self.path}: cannot {what} the journal: {why}") from None

    def facts(self) -> dict[str, str]:
        """Give what it belongs to: job, action, game, environment and so on."""
        with self._explained("read"):
            return dict(self._db.execute("SELECT name, value FROM facts").fetchall())

    def load(self) -> tuple[KeyIndex, dict[bytes, Unsettled]]:
        """Read what former runs did: settled rows, and by the digest of their key those without an answer."""
        settled, unsettled = KeyIndex(), dict[bytes, Unsettled]()
        with self._explained("read"):
            words: dict[int, list[tuple[bytes, bool]]] = {}
            for after, row, applied in self._db.execute("SELECT after, row, applied FROM resolved ORDER BY rowid"):
                words.setdefault(after, []).append((row, bool(applied)))
            chunks = self._db.execute(
                "SELECT sent.id, sent.at, runs.api_key, sent.rows, answered.states "
                "FROM sent JOIN runs ON runs.id = sent.run LEFT JOIN answered USING (id) ORDER BY sent.id"
            )
            for number, at, api_key, rows, states in chunks:
                is_settled = bool(states) and not states.strip(SETTLED)
                if is_settled:
                    settled.add(rows)
                if unsettled or not is_settled:
                    for row, state in zip(_cut(rows), states or repeat(UNKNOWN), strict=bool(states)):
                        if state == UNKNOWN:
                            unsettled.setdefault(row[:KEY_SIZE], Unsettled(at, api_key, row[KEY_SIZE:]))
                        elif state != UNSENT:
                            unsettled.pop(row[:KEY_SIZE], None)
                        if state in SETTLED and not is_settled:
                            settled.add(row)
                for row, applied in words.get(number, ()):
                    found = unsettled.pop(row[:KEY_SIZE], None)
                    if applied and found is not None:
                        settled.add(row[:KEY_SIZE] + found.body)
        return settled, unsettled

    def begin_run(self, at: float, api_key: str) -> None:
        """Note that a run begins."""
        self.run += 1
        with self._explained("write"):
            self._db.execute("INSERT INTO runs VALUES (?, ?, ?)", (self.run, at, api_key))

    def commit(
        self,
        *,
        sent: Iterable[tuple[int, float, bytes]] = (),
        answered: Iterable[tuple[int, float, bytes]] = (),
        failures: Iterable[Failure] = (),
        parts: Iterable[str] = (),
    ) -> None:
        """Write all of it or nothing, to the disk: chunks by number, time, and records or states."""
        with self._explained("write"):
            db = self._db
            db.execute("BEGIN IMMEDIATE")
            try:
                db.executemany("INSERT INTO answered VALUES (?, ?, ?)", answered)
                db.executemany(
                    "INSERT INTO failures VALUES (?, ?, ?, ?, ?)",
                    ((self.run, f.key, f.code, _storable(f.message), json.dumps(f.row, default=str)) for f in failures),
                )
                db.executemany("INSERT INTO parts VALUES (?)", ((name,) for name in parts))
                db.executemany(
                    "INSERT INTO sent VALUES (?, ?, ?, ?)", ((n, self.run, at, rows) for n, at, rows in sent)
                )
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def resolve(self, keys: Iterable[str], *, applied: bool) -> int:
        """Take a person's word for rows that are unknown; the number of those that were."""
        _, unsettled = self.load()
        rows = [row for row in (record(key, "") for key in keys) if row[:KEY_SIZE] in unsettled]
        with self._explained("write"):
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "INSERT INTO resolved VALUES (?, ?, ?)", ((self.last_chunk, row, applied) for row in rows)
            )
            self._db.execute("COMMIT")
        return len(rows)

    def failures(self) -> Iterator[Failure]:
        """Give the rows of the last run that need a look."""
        with self._explained("read"):
            sql = "SELECT key, code, message, row FROM failures WHERE run = ? ORDER BY rowid"
            for key, code, message, row in self._db.execute(sql, (self.run,)):
                yield Failure(key, code, message, json.loads(row))

    def parts(self) -> set[str]:
        """Give the names of the files of results that are complete."""
        with self._explained("read"):
            return {name for (name,) in self._db.execute("SELECT name FROM parts")}

    def end_run(self, at: float, report: Mapping[str, Any]) -> None:
        """Note what a run came to."""
        with self._explained("write"):
            self._db.execute("INSERT INTO reports VALUES (?, ?, ?)", (self.run, at, json.dumps(report)))

    def last_report(self) -> dict[str, Any] | None:
        """Give what the last run that ended came to."""
        with self._explained("read"):
            found = self._db.execute("SELECT report FROM reports ORDER BY run DESC LIMIT 1").fetchone()
        return None if found is None else json.loads(found[0])

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
