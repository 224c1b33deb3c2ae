"""How does a job run within Ray, Spark or Dask frames? `arrow_function`: Arrow in, the rows and their outcomes out.

For Ray Data `map_batches`, Spark `mapInArrow` and Dask `map_partitions`. There is no journal: the keys of the rows see
to it that a partition that runs twice has one effect.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar, cast

from kraty_server.bulk._pyarrow import cells, pyarrow
from kraty_server.bulk.actions import Action
from kraty_server.bulk.errors import JobError
from kraty_server.bulk.job import check_arguments, check_in_flight
from kraty_server.bulk.journal import APPLIED, FAILED, REPLAYED, UNKNOWN, UNSENT, Failure, Unsettled
from kraty_server.bulk.keys import KeyIndex
from kraty_server.bulk.mapping import RowMapping
from kraty_server.bulk.pace import Pace
from kraty_server.bulk.plan import SAFE, Chunk, Planner
from kraty_server.bulk.report import Report
from kraty_server.bulk.run import Coordinator
from kraty_server.bulk.send import Send, send, sender
from kraty_server.bulk.source import Rows
from kraty_server.client import KratyServer

Partition = TypeVar("Partition")

OUTCOMES: Final = ("kraty_status", "kraty_code", "kraty_message", "kraty_key")
"""The columns that are added, all of text. Those that come in with such a name are replaced."""
STATUS, CODE, MESSAGE, KEY = OUTCOMES
ROW: Final = "kraty_row"
"""A column of row numbers, within a call only."""
WORDS: Final = {APPLIED: "applied", REPLAYED: "replayed", FAILED: "failed", UNKNOWN: "unknown", UNSENT: "unsent"}
DUPLICATE: Final = "duplicate"
EXPIRED: Final = "expired", "it was not sent: more than 23 hours have passed since the job began"
IN_FLIGHT: Final = 4


class Outcomes:
    """What became of the rows of a partition: the memory of a run without a journal.

    Args:
        count: of the rows. Those that nothing is said of have the same key and contents as another one.
    """

    def __init__(self, count: int) -> None:
        self.last_chunk = 0
        self.is_new = True
        self.chunks: dict[int, Chunk] = {}
        nothing: list[str | None] = [None] * count
        self.columns: dict[str, list[str | None]] = {name: nothing.copy() for name in OUTCOMES}
        self.columns[STATUS] = [DUPLICATE] * count

    def load(self) -> tuple[KeyIndex, dict[bytes, Unsettled]]:
        """Know nothing of former runs."""
        return KeyIndex(), {}

    def commit(
        self,
        *,
        sent: Iterable[tuple[int, float, bytes]] = (),  # noqa: ARG002 - the server's memory of keys has to do
        answered: Iterable[tuple[int, float, bytes]] = (),
        failures: Iterable[Failure] = (),
        parts: Iterable[str] = (),  # noqa: ARG002 - there are none
    ) -> None:
        """Note what became of rows."""
        for failure in failures:
            # A row that was not handed out has no state; its code says all there is.
            self._note(failure.row[ROW], failure.code, failure.key, failure.code, failure.message)
        for number, _, states in answered:
            for ((*_, row), key, _, _), state in zip(self.chunks.pop(number).rows, states, strict=True):
                self.columns[STATUS][row], self.columns[KEY][row] = WORDS[state], key
                if state == UNSENT:
                    self._note(row, WORDS[state], key, *EXPIRED)

    def _note(self, row: int, *cells: str | None) -> None:
        for name, cell in zip((STATUS, KEY, CODE, MESSAGE), cells, strict=True):
            self.columns[name][row] = cell


class _Planner(Planner):
    """Makes chunks whose rows may all have been sent since the job began, by a task that died or ran twice."""

    def __init__(self, outcomes: Outcomes, began: float | None, **more: Any) -> None:
        super().__init__(journal=outcomes, **more)
        self._outcomes, self._began = outcomes, began

    def next_chunk(self) -> Chunk | None:
        chunk = super().next_chunk()
        if chunk is not None:
            self._outcomes.chunks[chunk.number] = chunk
            if self._began is not None:
                chunk.first = self._began
        return chunk


@dataclass(frozen=True, slots=True)
class ArrowFunction:
    """Carries out a job's action on each row of a partition. Make one with `arrow_function`.

    It can be pickled, and holds no API key. An action with a function of the row needs cloudpickle for that if the
    function is a lambda; Ray, Spark and Dask have it.
    """

    job: str
    action: Action
    columns: Mapping[str, str]
    key: Sequence[str] | None
    api_key: str
    """Id of the API key that workers must have."""
    began: float | None
    in_flight: int

    def __call__(self, rows: Partition, /, *, client: KratyServer | None = None) -> Partition:
        """Send the rows, and give them back in their order with `kraty_status`, `_code`, `_message` and `_key`.

        Args:
            rows: a pyarrow Table or RecordBatch, an iterator of those (of Spark), or a pandas DataFrame (of Dask).
            client: sends the rows; made from the environment of the worker otherwise, once for its process.

        Raises:
            JobError: the key is refused, the worker has another one, or nothing is answered any more. The engine may
                run the partition again: what was done is not done twice.
            SourceError: a column is missing.
        """
        return cast("Partition", self._carry_out(rows, send if client is None else sender(client)))

    def _carry_out(self, given: Any, work: Send) -> Any:
        pa = pyarrow("arrow_function")
        kind: Any = cast("Any", type(given))
        if isinstance(given, Iterator):
            return (self._carry_out(one, work) for one in cast("Iterable[Any]", given))
        if isinstance(given, pa.Table | pa.RecordBatch):
            kept = given.select([name for name in given.schema.names if name not in OUTCOMES])
            outcomes = self._send(kept, work)
            schema = kept.schema
            for name in outcomes:
                schema = schema.append(pa.field(name, pa.string()))
            made = [pa.array(column, pa.string()) for column in outcomes.values()]
            return kind.from_arrays([*kept.columns, *made], schema=schema)
        if kind.__module__.partition(".")[0] == "pandas":
            kept = given.drop(columns=list(OUTCOMES), errors="ignore")
            outcomes = self._send(pa.Table.from_pandas(kept, preserve_index=False), work)
            # As arrays: a series would be aligned by its index.
            texts = {name: pa.array(column, pa.string()).to_pandas().array for name, column in outcomes.items()}
            return kept.assign(**texts)
        raise TypeError(f"rows: a Table, a RecordBatch or a pandas DataFrame is needed, got {kind.__name__}")

    def _send(self, table: Any, work: Send) -> dict[str, list[str | None]]:
        numbered = ((*row, number) for number, row in enumerate(cells([table])))
        rows = Rows(numbered, [*table.schema.names, ROW])
        report, outcomes = Report(self.job), Outcomes(table.num_rows)
        planner = _Planner(
            outcomes, self.began,
            action=self.action,
            mapping=RowMapping(self.action, self.job, rows, self.columns, self.key),
            rows=rows,
            report=report,
            api_key=self.api_key,
            now=time.time,
            shard=None,
            chunk_size=self.action.chunk_size,
        )  # fmt: skip
        was_interrupted = Coordinator(
            self.action, planner, rows, outcomes, Pace(self.in_flight, None, time.monotonic), report,
            api_key=self.api_key,
            executor=partial(ThreadPoolExecutor, self.in_flight),
            work=work,
            sink=None,
            max_failures=None,
            on_progress=None,
            now=time.time,
        ).run()  # fmt: skip
        if was_interrupted:
            raise KeyboardInterrupt
        if report.stopped is not None:
            raise JobError(
                f"job {self.job}: {report.stopped}. {report.settled} of {report.rows} rows of this partition are done; "
                "run it again, and they are not done twice"
            )
        return outcomes.columns


def arrow_function(
    name: str,
    action: Action,
    *,
    columns: Mapping[str, str] | None = None,
    key: Sequence[str] | None = None,
    began: datetime | None = None,
    client: KratyServer | None = None,
    in_flight: int = IN_FLIGHT,
) -> ArrowFunction:
    """Make a function of an action for the partitions of Ray Data, Spark (`mapInArrow`) and Dask frames.

    Workers make their client from their own environment (`KRATY_SERVER_KEY`), and must have the same API key as this
    process, which asks for its id.

    Args:
        name: it begins the idempotency key of each row, as that of a `Job`.
        action: what is done with a row. Not `export` and `snapshot`, which need a job's `results`.
        columns: for a field of the contract the column that holds it, where they have different names.
        key: the columns that tell rows apart, where the player (with the currency or item) does not.
        began: when a job of this name ran first, written down in the program: the server keeps the keys of wallets,
            inventories and their imports for 24 hours, and nothing is sent 23 hours after this. Needed for these
            actions only. With `datetime.now()` here, a program that runs again two days later does each row twice.
        client: asks for the id of the API key; made from the environment otherwise.
        in_flight: calls that are under way at once in each task of the engine, at most.

    Raises:
        ValueError, TypeError: an argument cannot be; the message names it.
        KratyError: the API cannot be reached, or refuses the key.
    """
    check_arguments(name, action, key)
    if action.has_results:
        raise ValueError(f"action: {action.operation} needs a job's `results`: use bulk.Job, also with an executor")
    check_in_flight(in_flight)
    first = _checked(began, action) if action.protection == "day" else None
    if client is None:
        with KratyServer() as ours:
            api_key = ours.health.ping().api_key.id
    else:
        api_key = client.health.ping().api_key.id
    return ArrowFunction(name, action, dict(columns or {}), list(key) if key else None, api_key, first, in_flight)


def _checked(began: datetime | None, action: Action) -> float:
    if not isinstance(began, datetime) or began.tzinfo is None:
        raise ValueError(
            f"began: {action.operation} needs the time when this job ran first, with its zone: the server keeps its "
            f"keys for 24 hours, and there is no journal to know it from; got {began!r}"
        )
    if not 0 <= time.time() - began.timestamp() < SAFE:
        raise ValueError(
            f"began: {began.isoformat()} is more than 23 hours ago, or to come: sent now, rows could be done twice. "
            "Find in the ledger, by source_ref_id, what was done, and give the rest another name"
        )
    return began.timestamp()
