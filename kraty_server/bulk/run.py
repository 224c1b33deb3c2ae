"""Who decides what is sent, and when? The coordinator of a run: it reads, journals, paces, hands out and judges.

Workers are stateless. A chunk is committed as sent before a worker gets it, and as answered after; in between it is
unknown, and only what the server's memory of keys still protects is sent again.
"""

from __future__ import annotations

import logging
import queue
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass
from typing import Any, Final, Self

from kraty_server.bulk.actions import PLAYER, Action
from kraty_server.bulk.errors import JobError
from kraty_server.bulk.journal import APPLIED, REPLAYED, UNKNOWN, UNSENT, Failure, JournalLike
from kraty_server.bulk.pace import Pace
from kraty_server.bulk.plan import SAFE, Chunk, Planner
from kraty_server.bulk.report import Progress, Report
from kraty_server.bulk.send import TRACE_CONTEXT, Answers, Send, Work
from kraty_server.bulk.sink import Sink
from kraty_server.bulk.source import Rows

log: Final = logging.getLogger("kraty_server")

AHEAD: Final = 4
"""Chunks that are committed as sent before there is room for them."""
LAZY_COMMIT: Final = 0.5
"""Seconds for which answers may wait for their commit where a repetition is harmless for ever."""
HEARTBEAT: Final = 0.25
"""Seconds between two reports of progress, at most."""
HALVE_AFTER: Final = 2
"""Lost answers of a chunk after which less and less of it is sent at once."""
GIVE_UP_AFTER: Final = 5
"""Lost answers of a single row, while others are answered, after which it is given up."""
SILENCE: Final = 20
"""Rounds without any answer, some 14 minutes with their pauses, after which the run stops."""
DEATHS: Final = 5
"""Deaths of workers in a row, or executors that took no work, after which the run stops."""
GIVEN_UP: Final = ord("x")
"""State of a row, within a run: unknown, and not tried again."""

ExecutorLike = Executor | Callable[[], Executor]


@dataclass(slots=True)
class Flight:
    """A chunk, or a part of it, that is under way."""

    chunk: Chunk
    indices: Sequence[int]
    calls: int
    """Calls that it takes, if nothing is refused."""
    sent_at: float
    executor: Executor


class Coordinator:
    """One run of a job.

    Args:
        executor: where chunks are carried out; what makes one is asked again when that breaks.
        work: what carries one out.
    """

    def __init__(
        self,
        action: Action,
        planner: Planner,
        rows: Rows,
        journal: JournalLike,
        pace: Pace,
        report: Report,
        *,
        api_key: str,
        executor: ExecutorLike,
        work: Send,
        sink: Sink | None,
        max_failures: int | None,
        on_progress: Callable[[Progress], None] | None,
        now: Callable[[], float],
    ) -> None:
        self._action, self._planner, self._rows, self._journal = action, planner, rows, journal
        self._pace, self._report, self._api_key, self._work, self._sink = pace, report, api_key, work, sink
        self._max_failures, self._on_progress, self._now = max_failures, on_progress, now
        self._make = executor if callable(executor) else None
        self._executor = executor() if callable(executor) else executor
        self._ready: deque[Chunk] = deque()
        self._again: deque[Chunk] = deque()
        self._ended: list[Chunk] = []
        """Chunks that are done with, until they are committed."""
        self._held: list[Chunk] = []
        """Those of them with results: they wait for their part to be full. After a kill their rows are read again."""
        self._repeats = False
        """Whether the last chunk that was handed out had been before."""
        self._under_way: dict[Future[bytes], Flight] = {}
        self._done: queue.SimpleQueue[tuple[Flight, Future[bytes]]] = queue.SimpleQueue()
        self._attempts = 0
        self._deaths = self._broken_in_a_row = 0
        self._committed_at = self._told_at = self._begun_at = time.monotonic()
        self._died_at = self._begun_at - 1.0
        self._speeds: deque[tuple[float, int]] = deque([(self._begun_at, 0)], maxlen=40)

    def run(self) -> bool:
        """Work until the source is at its end, or something stops the run; whether that was a Ctrl-C."""
        with _Interrupts() as interrupts:
            try:
                while self._step():
                    if interrupts.came:
                        self._stop("it was interrupted")
                self._finish()
            finally:
                if self._make is not None:
                    self._release(self._executor)
        return interrupts.came

    def _step(self) -> bool:
        """One round; False when there is nothing left to do."""
        self._hand_out()
        self._refill()
        self._hand_out()
        self._tell()
        if not self._under_way:
            if self._report.stopped:
                return False
            if not (self._ready or self._again):
                return not self._planner.ended
        self._await()
        return True

    def _stop(self, why: str) -> None:
        if self._report.stopped is None:
            self._report.stopped = why

    def _refill(self) -> None:
        """Read ahead, and commit what was answered and what will be sent, all in one."""
        fresh: list[Chunk] = []
        if not self._ready and not self._report.stopped and not self._planner.ended:
            while len(fresh) < AHEAD and (chunk := self._planner.next_chunk()) is not None:
                fresh.append(chunk)
            if self._planner.broken is not None:
                self._stop(self._planner.broken)
        due = self._action.protection == "day" or time.monotonic() - self._committed_at > LAZY_COMMIT
        settled = (self._ended and due) or (self._sink is not None and self._sink.is_due)
        if fresh or settled or self._planner.failures:
            self._commit(fresh)
        self._ready.extend(fresh)

    def _commit(self, fresh: Sequence[Chunk], *, last: bool = False) -> None:
        sink = self._sink
        held = self._held if sink is not None and (sink.is_due or last) else []
        parts: list[str] = []
        if sink is not None and held and (name := sink.write(held[-1].number)) is not None:
            parts.append(name)
        ended = [*self._ended, *held]
        now = self._now()
        self._journal.commit(
            sent=[(c.number, c.at, b"".join([record for _, _, record, _ in c.rows])) for c in fresh],
            answered=[(c.number, now, bytes(c.states).replace(b"x", b"?")) for c in ended],
            failures=[*self._planner.failures, *(failure for c in ended for failure in c.failures)],
            parts=parts,
        )
        self._planner.failures.clear()
        self._ended.clear()
        held.clear()
        self._committed_at = time.monotonic()

    def _hand_out(self) -> None:
        while not self._report.stopped and (self._again or self._ready) and self._pace.admits(len(self._under_way)):
            chunk = self._next()
            until = chunk.first + SAFE if self._action.protection == "day" else None
            left = chunk.left
            if until is not None and not chunk.first <= self._now() < until:
                self._close(chunk)  # the machine slept, perhaps, or its clock was set back
                continue
            if chunk.losses > HALVE_AFTER:
                left = left[: max(1, len(left) >> (chunk.losses - HALVE_AFTER))]
            self._submit(chunk, left, until)

    def _next(self) -> Chunk:
        """Take turns, so that a chunk that is lost each time neither holds up the others nor waits for their end.

        Where nothing is answered, nothing new is sent: it would only be unknown, too.
        """
        fresh = bool(self._ready) and self._pace.in_a_row <= HALVE_AFTER
        self._repeats = bool(self._again) and not (self._repeats and fresh)
        return self._again.popleft() if self._repeats else self._ready.popleft()

    def _submit(self, chunk: Chunk, indices: list[int], until: float | None) -> None:
        self._attempts += 1
        rows = [self._planner.mapping.arguments(chunk.rows[index]) for index in indices]
        action = self._action
        work = Work(
            action.operation,
            rows,
            until,
            self._api_key,
            self._attempts,
            action.is_batch,
            action.has_results,
            action.ack,
            TRACE_CONTEXT.get(),
        )
        calls = action.calls * (1 if action.is_batch else len(indices))
        flight = Flight(chunk, indices, calls, time.monotonic(), self._executor)
        try:
            future = self._executor.submit(self._work, work.dumps())
        except Exception as error:  # a pool that broke, or a cluster whose scheduler died: nothing was sent
            self._again.appendleft(chunk)
            self._renew(flight.executor, error)
            return
        chunk.was_sent = True
        self._under_way[future] = flight
        self._pace.sent(flight.calls)
        future.add_done_callback(lambda done: self._done.put((flight, done)))

    def _renew(self, broken: Executor, error: Exception) -> None:
        """Make a new executor where the old one takes no more work, as a pool of processes that lost a worker."""
        if broken is not self._executor:
            return
        self._broken_in_a_row += 1
        why = f"the executor broke ({type(error).__name__}: {error})"
        if self._make is None:
            self._stop(f"{why}. Run the job again; give a function that makes the executor, and it is renewed")
        elif self._broken_in_a_row >= DEATHS:
            self._stop(f"{why}, and so did those that were made anew")
        else:
            self._release(broken)
            try:
                self._executor = self._make()
            except Exception as another:
                self._stop(f"{why}, and none can be made anew ({type(another).__name__}: {another})")

    def _release(self, executor: Executor) -> None:
        """Let go of an executor that was made for this run, and of its work."""
        self._cancel(executor)
        try:
            executor.shutdown(wait=False)
        except Exception:  # what broke may not be able to, and what became of the rows is known without it
            log.warning("an executor cannot be shut down", exc_info=True)

    def _cancel(self, executor: Executor) -> None:
        # One by one: the `shutdown` of Dask and of others takes no `cancel_futures`.
        for future, flight in list(self._under_way.items()):
            if flight.executor is executor:
                future.cancel()

    def _await(self) -> None:
        """Wait until a chunk is back, or until something may be handed out again."""
        waiting = HEARTBEAT if self._under_way else min(HEARTBEAT, self._pace.wait())
        if (self._ready or self._again) and (pause := self._pace.wait()) > 0:
            waiting = min(waiting, pause)
        try:
            self._judge(*self._done.get(timeout=waiting) if waiting > 0 else self._done.get_nowait())
            while True:
                self._judge(*self._done.get_nowait())
        except queue.Empty:
            # A client of Dask that closes for want of its scheduler may leave a future behind that is never done.
            if self._under_way and _is_closed_dask(executor := self._executor):
                self._renew(executor, BrokenExecutor("its client is closed"))
                self._cancel(executor)

    def _judge(self, flight: Flight, future: Future[bytes]) -> None:
        chunk, report, pace = flight.chunk, self._report, self._pace
        self._under_way.pop(future, None)
        try:
            answers = Answers.loads(future.result())
        except Exception as error:  # whatever a cluster raises for a worker that died
            if isinstance(error, BrokenExecutor):
                self._renew(flight.executor, error)
            self._no_worker(flight, error)
            return
        self._deaths = self._broken_in_a_row = 0
        report.calls += answers.calls
        pace.sent(max(0, answers.calls - flight.calls))  # a batch that is refused is sent again in parts
        for index, state in zip(flight.indices, answers.states.encode(), strict=True):
            if state != UNKNOWN:
                chunk.states[index] = state
        report.applied += answers.states.count(chr(APPLIED))
        report.replayed += answers.states.count(chr(REPLAYED))
        for index, (code, message) in answers.errors.items():
            report.failed += 1
            self._fail(chunk, flight.indices[index], code, message)
        for index, result in answers.results.items():
            chunk.results[flight.indices[index]] = result
        if answers.stop is not None:
            self._stop(answers.stop)
            report.key_refused |= answers.key_refused
        elif answers.is_limited:
            report.limited += 1
            pace.refused(flight.sent_at, answers.retry_after)
        elif answers.lost is not None:
            report.lost += 1
            chunk.last_error = answers.lost
            self._lost(flight)
            pace.failed(flight.sent_at)
        else:
            pace.succeeded()
        if self._max_failures is not None and report.failed > self._max_failures:
            self._stop(f"{report.failed} rows failed, more than the {self._max_failures} that were allowed")
        self._sort(chunk)

    def _no_worker(self, flight: Flight, error: Exception) -> None:
        self._report.lost += 1
        if flight.sent_at > self._died_at:  # else it was under way when that one died: the same death
            self._deaths, self._died_at = self._deaths + 1, time.monotonic()
        if self._deaths >= DEATHS:
            self._stop(f"no worker carries out its work: {type(error).__name__}: {error}")
        flight.chunk.last_error = "no_answer", f"its worker ended ({type(error).__name__})"
        self._lost(flight)
        self._pace.failed(flight.sent_at)
        self._sort(flight.chunk)

    def _lost(self, flight: Flight) -> None:
        """Count a lost answer; where others are answered meanwhile, a row that is lost each time is given up."""
        chunk = flight.chunk
        lost = [index for index in flight.indices if chunk.states[index] == UNKNOWN]
        if not self._action.is_batch:
            del lost[1:]  # the rest was not sent
        chunk.suspects = [index for index in chunk.suspects if index not in lost] + lost
        chunk.losses += 1
        if self._pace.answered > chunk.answered_before:
            chunk.own_losses += 1
            chunk.answered_before = self._pace.answered
        if chunk.own_losses >= GIVE_UP_AFTER and len(lost) == 1:
            self._give_up(chunk, lost)
            chunk.losses = chunk.own_losses = 0
        if self._pace.in_a_row > SILENCE:
            self._stop("nothing is answered any more: run the job again when the API is back")

    def _give_up(self, chunk: Chunk, indices: Iterable[int]) -> None:
        for index in indices:
            chunk.states[index] = GIVEN_UP
            self._report.unknown += 1
            code, message = chunk.last_error
            self._fail(chunk, index, "unknown", f"it was sent and has no answer ({code}: {message})")

    def _fail(self, chunk: Chunk, index: int, code: str, message: str) -> None:
        row, key, _, _ = chunk.rows[index]
        chunk.failures.append(Failure(key, code, message, self._rows.as_mapping(row)))

    def _close(self, chunk: Chunk) -> None:
        """Do no more about a chunk: what was sent stays unknown."""
        left = chunk.left
        if chunk.was_sent:
            self._give_up(chunk, left)
        else:
            self._report.unsent += len(left)
            for index in left:
                chunk.states[index] = UNSENT
        self._end(chunk)

    def _sort(self, chunk: Chunk) -> None:
        if chunk.left:
            self._again.append(chunk)
        else:
            self._end(chunk)

    def _end(self, chunk: Chunk) -> None:
        """Take a chunk that is done with: its results go to the sink only now, as its rows go to the journal."""
        (self._held if chunk.results else self._ended).append(chunk)
        if self._sink is not None:
            for index, result in chunk.results.items():
                player = self._planner.mapping.arguments(chunk.rows[index])[PLAYER]
                self._sink.add({"player": player, **result})

    def _finish(self) -> None:
        """Commit what is known at the end, whatever ended the run, and see that the totals add up."""
        report = self._report
        for chunk in (*self._again, *self._ready):
            self._close(chunk)
        self._again.clear()
        self._ready.clear()
        self._commit((), last=True)
        report.forgotten = self._planner.forgotten if self._planner.ended else 0
        if report.counted != report.rows:
            raise JobError(
                f"the totals do not add up: {report.rows} rows were read, {report.counted} are accounted for. "
                "The journal has what was sent; please report this"
            )
        self._tell(last=True)

    def _tell(self, *, last: bool = False) -> None:
        now = time.monotonic()
        report = self._report
        report.seconds = now - self._begun_at
        if self._on_progress is None or (now - self._told_at < HEARTBEAT and not last):
            return
        self._told_at = now
        since, settled = self._speeds[0]
        self._speeds.append((now, report.settled))
        speed = (report.settled - settled) / max(now - since, 1e-9)
        fraction = 1.0 if self._planner.ended else self._rows.fraction()
        left = None
        if fraction and report.rows:  # of the rows that were read, some are under way
            if speed > 0:
                left = max(0.0, (report.rows / fraction - report.counted) / speed)
            fraction *= report.counted / report.rows
        progress = Progress(
            report, int(self._pace.window), len(self._under_way), speed, fraction, left, self._pace.wait()
        )
        self._on_progress(progress)


def _is_closed_dask(executor: Executor) -> bool:
    """Whether this is Dask's own executor, and its client has closed. What others call `_client` is theirs."""
    dask: Any = sys.modules.get("distributed.cfexecutor")  # whoever made one has imported it
    if dask is None or not isinstance(executor, dask.ClientExecutor):
        return False
    its: Any = executor
    return bool(its._client.status == "closed")


class _Interrupts:
    """Holds a first Ctrl-C back, so that it strikes between two steps; a second one goes through at once."""

    def __init__(self) -> None:
        self.came = False
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if before is signal.default_int_handler:
                self._before = before
                signal.signal(signal.SIGINT, self._take)
        return self

    def _take(self, _number: int, _frame: object) -> None:
        self.came = True
        signal.signal(signal.SIGINT, self._before)

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
