"""What does a user hold? A job: an action, a source and a name; checked, run, run again, and looked at."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from kraty_server.bulk.actions import Action, wire_name
from kraty_server.bulk.errors import JournalError
from kraty_server.bulk.journal import Failure, Journal, Unsettled, journal_path, write_csv
from kraty_server.bulk.keys import KeyIndex
from kraty_server.bulk.mapping import Refused, RowMapping
from kraty_server.bulk.memory import Memory, Sorted, Standing
from kraty_server.bulk.pace import Pace
from kraty_server.bulk.plan import BLOCK, Planner
from kraty_server.bulk.report import Progress, Report
from kraty_server.bulk.run import Coordinator, ExecutorLike
from kraty_server.bulk.send import send, sender
from kraty_server.bulk.sink import Format, Sink
from kraty_server.bulk.source import Source, SourceLike
from kraty_server.client import KratyServer

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
IN_FLIGHT: Final = 16
CHUNKS_A_SECOND: Final = 4
"""With a rate, calls are handed out in chunks of about a quarter of a second."""
LISTED: Final = 1000
"""Problems that a check lists; all are counted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that cannot be sent."""

    row: int
    """Its number, from 1, without the line of names."""
    reason: str
    """The field, and what is wrong with it."""


@dataclass(slots=True)
class Check:
    """What a run would do, as far as the source and the journal tell."""

    rows: int = 0
    invalid: int = 0
    duplicates: int = 0
    """The same as a former row."""
    changed: int = 0
    """Sent before with other contents, or the same key twice with different contents: not sent."""
    known: int = 0
    """Done already."""
    unknown: int = 0
    """Sent before, without an answer; sent again where that is safe."""
    new: int = 0
    sums: dict[str, int] = field(default_factory=dict[str, int])
    """What the new rows add up to, by currency or item, where each row has an amount."""
    elsewhere: int = 0
    """Of another shard."""
    calls: int = 0
    """Calls that the new rows take, if nothing is refused."""
    seconds: float | None = None
    """How long they take: at `rate`, or at the speed of the last run; None where neither is known."""
    problems: list[Problem] = field(default_factory=list[Problem])
    """The first 1,000 rows that are invalid, changed or double."""

    @property
    def ok(self) -> bool:
        """Whether each row can be sent, or was."""
        return self.invalid == self.changed == 0

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return asdict(self) | {"ok": self.ok}


class Job:
    """Does one thing with each row of a source, and can be killed and run again.

    Args:
        name: it begins the idempotency key of each row, so it is chosen once for one purpose and never used again.
            Letters, digits, `.`, `_` and `-`, at most 100.
        action: what is done, as `bulk.credit("gold")`.
        source: a path that ends in `.csv`, `.jsonl` or `.parquet`; `-` for CSV on standard input; an iterable of
            mappings; or an Arrow stream (polars, pandas, pyarrow, duckdb).
        columns: for a field of the contract the column that holds it, where they have different names.
        key: the columns that tell rows apart, where the player (with the currency or item) does not. A row's number is
            no key: the file could not be corrected then.
        journal: the file that remembers what was sent, on a local disk; `<name>.kraty-job` where it is left out.
        results: the folder for what is read, with `export` and `snapshot`.
        results_format: `jsonl`, or `parquet` with `kraty-server[arrow]`.
        shard: `(i, n)` for the i-th (from 0) of n parts of the rows, split by their keys. Each part has its own
            journal.
        now: gives unix seconds.

    Raises:
        ValueError, TypeError: an argument cannot be; the message names it.
    """

    def __init__(
        self,
        name: str,
        action: Action,
        source: SourceLike,
        *,
        columns: Mapping[str, str] | None = None,
        key: Sequence[str] | None = None,
        journal: str | Path | None = None,
        results: str | Path | None = None,
        results_format: Format = "jsonl",
        shard: tuple[int, int] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        check_arguments(name, action, key)
        if shard is not None and not 0 <= shard[0] < shard[1]:
            raise ValueError(f"shard: (i, n) with i from 0 to n - 1 is needed, got {shard!r}")
        if action.has_results and results is None:
            raise ValueError(f"results: {action.operation} needs a folder for what is read")
        if results is not None and not action.has_results:
            raise ValueError(f"results: {action.operation} reads nothing")
        if results_format not in ("jsonl", "parquet"):
            raise ValueError(f"results_format: 'jsonl' or 'parquet' is needed, got {results_format!r}")
        self.name = name
        self.action = action
        self._source = Source(source)
        self._columns = dict(columns or {})
        self._key = list(key) if key else None
        self.journal: Path = journal_path(name, shard) if journal is None else Path(journal)
        self._results = None if results is None else Path(results)
        self._format: Format = results_format
        self._shard = shard
        self._now = now

    def _facts(self) -> dict[str, str]:
        """What no run may change."""
        return {
            "job": self.name,
            "action": self.action.operation,
            "key": json.dumps(self._key or [wire_name(name) for name in self.action.natural]),
            "shard": json.dumps(self._shard),
        }

    def check(self, *, rate: float | None = None) -> Check:
        """Read the whole source and the journal, and send nothing.

        Args:
            rate: requests a second that the run will be given, for the expected duration.

        Raises:
            SourceError: the source cannot be read.
            JournalError: the journal cannot be read, or belongs to something else.
        """
        check = Check()
        settled, unsettled, speed = self._remembered()
        memory = Memory(settled, unsettled, self._shard)
        with self._source.open() as rows:
            mapping = RowMapping(self.action, self.name, rows, self._columns, self._key)
            iterator = iter(rows.rows)
            while block := list(islice(iterator, BLOCK)):
                self._count(check, memory.sort(mapping.prepare(block)), mapping)
                check.rows += len(block)
        chunks_or_rows = -(-check.new // self.action.chunk_size) if self.action.is_batch else check.new
        check.calls = chunks_or_rows * self.action.calls
        speed = rate or speed
        check.seconds = check.calls / speed if speed else None
        return check

    def _remembered(self) -> tuple[KeyIndex, dict[bytes, Unsettled], float | None]:
        """What the journal knows, if there is one: rows done, rows without an answer, and calls a second."""
        if not self.journal.exists():
            return KeyIndex(), {}, None
        journal = Journal(self.journal, self._facts())
        try:
            report = journal.last_report()
            speed = report["calls"] / report["seconds"] if report and report["seconds"] else None
            return *journal.load(), speed
        finally:
            journal.close()

    def _count(self, check: Check, found: Sorted, mapping: RowMapping) -> None:
        check.new += len(found.new)
        check.unknown += len(found.unsettled)
        check.known += found.known
        check.elsewhere += found.elsewhere
        check.invalid += found.count(Standing.INVALID)
        check.changed += found.count(Standing.CHANGED)
        check.duplicates += found.count(Standing.DUPLICATE)
        for number, _, row, reason in found.left_out[: LISTED - len(check.problems)]:
            about = "" if isinstance(row, Refused) else f"{row[1]}: "
            check.problems.append(Problem(check.rows + number + 1, about + reason))
        if (amount := self.action.amount) is not None:
            for arguments in map(mapping.arguments, found.new):
                what = str(arguments[self.action.natural[-1]])
                check.sums[what] = check.sums.get(what, 0) + arguments[amount]

    def run(
        self,
        *,
        client: KratyServer | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        executor: Executor | Callable[[], Executor] | None = None,
        rate: float | None = None,
        in_flight: int = IN_FLIGHT,
        max_failures: int | None = None,
    ) -> Report:
        """Send what was not sent yet, and go on where a former run ended, however that was.

        Args:
            client: makes the calls where no executor is given; else one is made from the environment.
            on_progress: called some times a second, and once at the end.
            executor: where chunks are carried out, by workers that make their client from their own environment:
                a `concurrent.futures` pool, Dask's `Client(...).get_executor()`, or a function that makes one. The
                function is called again when the pool breaks. Threads of this process otherwise.
            rate: requests a second, at most. Limits hold for an API key: give a job its own, or a rate that leaves
                enough for the rest.
            in_flight: chunks that are under way at once, at most. How many there are is found out.
            max_failures: stop when more rows than this are refused.

        Returns:
            The totals of this run. `report.ok` tells whether every row is done.

        Raises:
            JournalError: the journal cannot be written, is in use, or belongs to another job, game or environment.
            SourceError: the source cannot be read at all. Where it breaks off, the report says so.
            KratyError: the API cannot be reached, or refuses the key; nothing was sent.
            KeyboardInterrupt: Ctrl-C was pressed; what was under way is in the journal, and `status` has the totals.
        """
        check_in_flight(in_flight)
        if rate is not None and not rate > 0:
            raise ValueError(f"rate: more than 0 requests a second are needed, got {rate!r}")
        if client is not None:
            return self._run(client, on_progress, executor, rate, in_flight, max_failures)
        with KratyServer() as ours:
            return self._run(ours, on_progress, executor, rate, in_flight, max_failures)

    def _run(
        self,
        client: KratyServer,
        on_progress: Callable[[Progress], None] | None,
        executor: ExecutorLike | None,
        rate: float | None,
        in_flight: int,
        max_failures: int | None,
    ) -> Report:
        api_key = client.health.ping().api_key
        facts = {"game": str(api_key.game_id), "environment": api_key.environment.value}
        action, report = self.action, Report(self.name)
        journal = Journal(self.journal, self._facts() | facts)
        try:
            was_new = journal.is_new
            size = action.chunk_size
            if rate is not None and not action.is_batch:  # else each chunk would be a burst
                size = max(1, min(size, int(rate / CHUNKS_A_SECOND / action.calls)))
            with self._source.open() as rows:
                mapping = RowMapping(action, self.name, rows, self._columns, self._key)
                planner = Planner(
                    action, mapping, rows, journal, report,
                    api_key=api_key.id, now=self._now, shard=self._shard, chunk_size=size,
                )  # fmt: skip
                sink = None
                if self._results is not None:
                    sink = Sink(self._results, self._format, journal.parts())
                journal.begin_run(self._now(), api_key.id)
                was_interrupted = Coordinator(
                    action, planner, rows, journal, Pace(in_flight, rate, time.monotonic), report,
                    api_key=api_key.id,
                    executor=executor or partial(ThreadPoolExecutor, in_flight),
                    work=send if executor else sender(client),
                    sink=sink,
                    max_failures=max_failures,
                    on_progress=on_progress,
                    now=self._now,
                ).run()  # fmt: skip
            report.notes += self._notes(report, was_new=was_new)
            journal.end_run(self._now(), report.as_json())
            if was_interrupted:
                raise KeyboardInterrupt
        finally:
            journal.close()
        return report

    def _notes(self, report: Report, *, was_new: bool) -> list[str]:
        notes: list[str] = []
        if was_new and report.replayed:
            notes.append(
                f"{report.replayed} rows had been done before, although the journal {self.journal} is new: a job of "
                "this name ran with another journal, or its name was used for something else"
            )
        if was_new and self.action.protection == "day":
            notes.append(
                f"the journal {self.journal} is new: if a job of this name ran more than 24 hours ago without it, its "
                "rows were done again. Keep the journal"
            )
        if report.forgotten:
            notes.append(
                f"{report.forgotten} rows of former runs have no answer, and are not in the source any more: run the "
                "job with them within 23 hours of that run, or look them up in the ledger by their key"
            )
        return notes

    def failures(self) -> Iterator[Failure]:
        """Give the rows of the last run that need a look: refused, invalid, changed or unknown.

        Raises:
            JournalError: there is no journal yet, or a run is under way.
        """
        with closing(self._opened()) as journal:
            yield from journal.failures()

    def write_failures(self, path: str | Path) -> int:
        """Write those rows as CSV and give their number: the source's columns, then `error_code` and `error_message`.

        Correct what is wrong and run the file under the same job: what was done already is not done again.
        """
        with (
            closing(self._opened()) as journal,
            Path(path).open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
        ):
            return write_csv(journal.failures, file)

    def unknown(self) -> list[Failure]:
        """List the rows of the last run that were sent and have no answer. They may have taken effect."""
        return [failure for failure in self.failures() if failure.code == "unknown"]

    def resolve(self, keys: Iterable[str], *, applied: bool) -> int:
        """Take a person's word for rows that are unknown, after a look into the ledger; the number of rows it settled.

        Args:
            keys: their idempotency keys, as `unknown` has them; the ledger has them as `source_ref_id`.
            applied: True where they took effect. Otherwise the next run sends them.
        """
        with closing(self._opened()) as journal:
            return journal.resolve(keys, applied=applied)

    def status(self) -> dict[str, Any] | None:
        """Give the report of the last run that ended; None where none did.

        Raises:
            JournalError: there is no journal yet, or a run is under way.
        """
        with closing(self._opened()) as journal:
            return journal.last_report()

    def _opened(self) -> Journal:
        if not self.journal.exists():
            raise JournalError(f"{self.journal}: there is no journal yet; run the job first")
        return Journal(self.journal, self._facts())


def check_arguments(name: str, action: Action, key: Sequence[str] | None) -> None:
    """Check what makes the keys of a job.

    Raises:
        ValueError, TypeError: an argument cannot be; the message names it.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"name: letters, digits, `.`, `_` and `-` are needed, at most 100, got {name!r}")
    if not isinstance(action, Action):
        raise TypeError(f"action: one of kraty_server.bulk is needed, got {type(action).__name__}")
    if isinstance(key, str):
        raise TypeError("key: a list of columns is needed, got text")


def check_in_flight(in_flight: int) -> None:
    """Check how many chunks may be under way at once.

    Raises:
        ValueError: it is no whole number from 1 on.
    """
    if isinstance(in_flight, bool) or not isinstance(in_flight, int) or in_flight < 1:
        raise ValueError(f"in_flight: a whole number from 1 on is needed, got {in_flight!r}")
