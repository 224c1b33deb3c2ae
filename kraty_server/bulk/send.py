"""How is a chunk carried out, wherever a worker runs? `send(work) -> answer`, bytes to bytes, without any state.

It may be run again, by a broker or by a cluster: the keys of the rows see to it that nothing happens twice. A worker
makes its client from its own environment, so that the API key is in no work; work of another API key it refuses.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from typing import Any, Final, TypeAlias

from kraty_server.bulk.actions import PLAYER
from kraty_server.bulk.journal import APPLIED, FAILED, REPLAYED, UNKNOWN
from kraty_server.client import KratyServer, without_key
from kraty_server.errors import KratyError, KratyServerError
from kraty_server.retry import RETRYABLE_STATUSES, RetryConfig
from kraty_server_generated.models import Grant, MigrateOutcome, PlayerSnapshot
from kraty_server_generated.types import Model

RETRY: Final = RetryConfig(attempts=2, initial_delay=0.05, statuses=frozenset())
"""A lost connection is tried again at once; refusals and failures of the server are for the coordinator to pace."""
TRACE_CONTEXT: Final = ContextVar[Mapping[str, str] | None]("TRACE_CONTEXT", default=None)
"""What each chunk of a run takes along, for the spans of those who carry it out. `kraty_server.otel` sets it."""
RATE_LIMITED: Final = 429
KEY_REFUSED: Final = (401, 403)


@dataclass(frozen=True, slots=True)
class Work:
    """A chunk, as it is handed out."""

    operation: str
    rows: list[dict[str, Any]]
    """Arguments of the calls, or rows of one."""
    until: float | None
    """Unix seconds after which nothing of it may be sent, since the server may have forgotten its keys."""
    api_key: str
    """Id of the API key that the coordinator uses."""
    attempt: int
    """Which time it is handed out: clusters take equal work for the same work."""
    is_batch: bool = False
    has_results: bool = False
    ack: bool = False
    trace_context: Mapping[str, str] | None = None
    """The span of the run, as W3C's headers name it, where it is traced."""

    def dumps(self) -> bytes:
        """Write it as JSON."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, separators=(",", ":")).encode()


@dataclass(slots=True)
class Answers:
    """What became of a chunk."""

    states: str
    """One letter a row; `?` where nobody knows, or it was not sent."""
    errors: dict[int, tuple[str, str]] = field(default_factory=dict[int, tuple[str, str]])
    """By the number of a row, code and message of its refusal."""
    results: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    """By the number of a row, what was read."""
    retry_after: float | None = None
    """Seconds that the server asked to wait, with its 429."""
    is_limited: bool = False
    lost: tuple[str, str] | None = None
    """Code and message of an answer that was lost, or of a failure of the server."""
    stop: str | None = None
    """Why nothing more can be sent: the key is refused, the address is wrong."""
    key_refused: bool = False
    calls: int = 0

    def dumps(self) -> bytes:
        """Write it as JSON."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def loads(cls, content: bytes) -> Answers:
        """Read what `dumps` wrote."""
        data = json.loads(content)
        for name in ("errors", "results"):
            data[name] = {int(index): value for index, value in data[name].items()}
        return cls(**data)


Send: TypeAlias = Callable[[bytes], bytes]

_senders: dict[int, Send] = {}
_making: Final = threading.Lock()


def send(work: bytes) -> bytes:
    """Carry out a chunk, with a client that is made from the environment of this process."""
    process = os.getpid()
    with _making:  # one client for the threads of a process; a forked child makes its own
        if process not in _senders:
            _senders.clear()
            _senders[process] = sender(KratyServer())
        ours = _senders[process]
    return ours(work)


def sender(client: KratyServer) -> Send:
    """Make a `send` that uses this client; it stays in this process."""
    kraty = client.with_options(retry=RETRY)
    api_key: str | None = None

    def send_with_client(content: bytes) -> bytes:
        nonlocal api_key
        execution = Execution(kraty, Work(**json.loads(content)))
        try:
            if api_key is None:
                api_key = kraty.health.ping().api_key.id
            execution.carry_out(api_key)
        except KratyError as error:
            execution.stop_at(error)
        # It goes into the journal and to whoever runs the job, and a server may quote what it was sent.
        return without_key(kraty, execution.answers.dumps().decode()).encode()

    return send_with_client


class Execution:
    """A chunk that is being carried out."""

    def __init__(self, kraty: KratyServer, work: Work) -> None:
        self.kraty = kraty
        self.work: Work = work
        self.states: bytearray = bytearray((UNKNOWN,)) * len(work.rows)
        self._answers = Answers("")
        noun, verb = work.operation.split(".")
        self.call: Callable[..., Any] = getattr(getattr(kraty, noun), verb)

    @property
    def answers(self) -> Answers:
        """What is known so far."""
        self._answers.states = self.states.decode()
        return self._answers

    def carry_out(self, api_key: str) -> None:
        """Send what is in it, as far as that goes."""
        if api_key != self.work.api_key:
            self._answers.stop = "this worker has another API key than the job: give all of them the same"
        elif self.work.is_batch:
            self._send_batches()
        else:
            self._send_singly()

    def stop_at(self, error: KratyError) -> None:
        """Say why the rest was not sent, or has no answer."""
        answers = self._answers
        if error.decision == "fix":
            answers.stop = _text(error)
            answers.key_refused = isinstance(error, KratyServerError) and error.status in KEY_REFUSED
        elif isinstance(error, KratyServerError) and error.status == RATE_LIMITED:
            answers.is_limited, answers.retry_after = True, error.retry_after
        else:
            answers.lost = _code(error), _text(error)

    def _may_send(self) -> bool:
        until = self.work.until
        if until is None or time.time() < until:
            return True
        self._answers.lost = "expired", "it was handed out too late: the server may have forgotten its keys"
        return False

    def _send_batches(self) -> None:
        waiting = [(0, len(self.work.rows))]
        while waiting and self._may_send():
            start, end = waiting.pop()
            try:
                self._answers.calls += 1
                outcome: MigrateOutcome = self.call(self.work.rows[start:end])
            except KratyError as error:
                if not _refuses_row(error):
                    raise
                if end - start > 1:  # one bad row makes the server refuse them all
                    middle = (start + end) // 2
                    waiting += [(middle, end), (start, middle)]
                else:
                    self._refused(start, _code(error), _text(error))
                continue
            failures = outcome.failures
            if (outcome.applied + outcome.skipped + len(failures), len(failures)) != (end - start, outcome.failed):
                self._answers.stop = (
                    f"{self.work.operation} answered for {end - start} rows with counts that do not add up: {outcome}"
                )
                return
            states = bytearray((APPLIED,)) * (end - start)
            for failure in failures:
                states[failure.row_index] = FAILED
                self._answers.errors[start + failure.row_index] = failure.error.code, failure.error.message
            # The answer has no more than the number of replays; which rows they were makes no difference.
            self.states[start:end] = states.replace(bytes((APPLIED,)), bytes((REPLAYED,)), outcome.skipped)

    def _send_singly(self) -> None:
        for index, row in enumerate(self.work.rows):
            if not self._may_send():
                return
            try:
                self._answers.calls += 1
                result = self.call(**row)
                if self.work.ack and isinstance(result, Grant):
                    self._answers.calls += 1
                    self.kraty.grants.ack(row[PLAYER], result.id)
            except KratyError as error:
                if not _refuses_row(error):
                    raise
                self._refused(index, _code(error), _text(error))
                continue
            self.states[index] = APPLIED if getattr(result, "applied", True) else REPLAYED
            if self.work.has_results:
                self._answers.results[index] = _result(result)

    def _refused(self, index: int, code: str, message: str) -> None:
        self.states[index] = FAILED
        self._answers.errors[index] = code, message


def _result(read: Model) -> dict[str, Any]:
    if isinstance(read, PlayerSnapshot):
        return {
            "wallet": {held.economy_key: held.balance for held in read.wallet},
            "inventory": {held.item_key: held.quantity for held in read.inventory},
            "snapshot": read.to_dict(),
        }
    return {"export": read.to_dict()}


def _refuses_row(error: KratyError) -> bool:
    """Whether the server will never take this. What it may take later is left to the coordinator, not to the client."""
    may_pass = isinstance(error, KratyServerError) and error.status in RETRYABLE_STATUSES
    return error.decision == "refuse" and not may_pass


def _code(error: KratyError) -> str:
    return error.code if isinstance(error, KratyServerError) else "no_answer"


def _text(error: KratyError) -> str:
    return error.message if isinstance(error, KratyServerError) else str(error)
