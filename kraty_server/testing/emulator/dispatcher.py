"""How do webhooks get to their endpoints? Each endpoint on its own, in one thread; without an address, at once."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from kraty_server._clock import SYSTEM_CLOCK
from kraty_server.testing.emulator.clock import Clock, format_time
from kraty_server.testing.emulator.faults import WEBHOOKS, Fault, next_fault
from kraty_server.testing.emulator.outbox import (
    ANSWER_BYTES,
    SIGNATURE_HEADER,
    Attempt,
    build_body,
    due_deliveries,
    record_attempt,
    sign,
)
from kraty_server.testing.emulator.state import Row, State
from kraty_server.testing.emulator.system_loop import SystemLoop

log: Final = logging.getLogger("kraty_server.testing")

TIMEOUT: Final = 5.0
"""Seconds for one attempt, the whole answer included."""
BATCH: Final = 50
LONGEST_WAIT: Final = 60.0


class Dispatcher:
    """Delivers what is due.

    All methods are called under the emulator's lock, but `close`.
    """

    def __init__(self, state: State, lock: threading.RLock, clock: Clock, faults: Sequence[Fault]) -> None:
        self._state, self._lock, self._clock, self._faults = state, lock, clock, faults
        self._idle = threading.Condition(lock)
        self._admitted = 0
        """Up to here the fault script has seen the deliveries."""
        self._held: list[int] = []
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wakers: dict[int, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = True

    def reload(self) -> None:
        """Begin anew, after the state was replaced and the fault script emptied; `flush` follows."""
        self._held.clear()

    def watch(self) -> None:
        """Apply the fault script to what comes from now on."""
        self._admitted = self._newest()

    def _newest(self) -> int:
        return self._state.count("SELECT max(number) FROM deliveries")

    def flush(self) -> None:
        """After an effect: hand over what needs no network, and see to it that the rest is sent."""
        sql = """SELECT id, url FROM endpoints e WHERE EXISTS (
                 SELECT 1 FROM deliveries d WHERE d.endpoint = e.id AND d.status = 'pending')"""
        if not (waiting := self._state.rows(sql)):
            return
        self._admit()
        for endpoint in waiting:
            if endpoint["url"] is None:
                self._collect(endpoint["id"])
            else:
                self._wake(endpoint["id"])

    def due(self) -> bool:
        """Whether something is to be sent now."""
        sql = """SELECT EXISTS (SELECT 1 FROM endpoints e JOIN deliveries d
                 ON d.endpoint = e.id AND d.status = 'pending' AND d.next_at <= ?)"""
        return bool(self._state.value(sql, self._clock.timestamp()))

    def next_collected(self) -> float | None:
        """When an endpoint without an address is to get something, in unix seconds."""
        sql = """SELECT min(d.next_at) FROM endpoints e JOIN deliveries d ON d.endpoint = e.id AND d.status = 'pending'
                 WHERE e.url IS NULL"""
        found: float | None = self._state.value(sql)
        return found

    def drain(self, timeout: float) -> bool:
        """Wait until nothing is due; False where that took too long."""
        self.flush()
        return self._idle.wait_for(lambda: not self.due(), timeout)

    def replay(self, delivery_id: str) -> None:
        """Deliver once more, whatever became of it.

        Raises:
            KeyError: there is no such delivery.
        """
        sql = "UPDATE deliveries SET status = 'pending', attempt = 0, next_at = ? WHERE id = ?"
        if not self._state.run(sql, self._clock.timestamp(), delivery_id):
            raise KeyError(delivery_id)
        self.flush()

    def release(self) -> None:
        """Let go what is held back to be reordered."""
        for place, number in enumerate(reversed(self._held)):
            # Ever so little before now, so that the order of these times is the order of sending.
            at = self._clock.timestamp() - (len(self._held) - place) * 1e-5
            sql = "UPDATE deliveries SET status = 'pending', next_at = ? WHERE number = ?"
            self._state.run(sql, at, number)
        self._held.clear()

    def close(self) -> None:
        """Stop sending."""
        with self._lock:
            self._open = False
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join(TIMEOUT)

    def _admit(self) -> None:
        """Let the fault script have a look at what is new."""
        if not (faults := [fault for fault in self._faults if fault.operation == WEBHOOKS]):
            return
        newest = self._newest()
        for number in range(self._admitted + 1, newest + 1):
            if fault := next_fault(faults, WEBHOOKS):
                self._disturb(number, fault)
        self._admitted = newest

    def _disturb(self, number: int, fault: Fault) -> None:
        match fault.effect:
            case "drop":
                self._state.run("UPDATE deliveries SET status = 'dropped' WHERE number = ?", number)
            case "duplicate":
                self._state.run("UPDATE deliveries SET copies = 2 WHERE number = ?", number)
            case "reorder":
                self._state.run("UPDATE deliveries SET status = 'held' WHERE number = ?", number)
                self._held.append(number)
                if fault.times == 0:
                    self.release()
            case _:
                sql = "UPDATE deliveries SET next_at = next_at + ? WHERE number = ?"
                self._state.run(sql, fault.latency, number)
                self._state.schedule(format_time(self._clock.now() + timedelta(seconds=fault.latency)))

    def _collect(self, endpoint: int) -> None:
        while due := due_deliveries(self._state, endpoint, self._clock.timestamp(), BATCH):
            for row in due:
                record_attempt(self._state, row, Attempt(int(time.time()), 200, None, 0.0), self._clock.now())
        self._idle.notify_all()

    def _wake(self, endpoint: int) -> None:
        if self._thread is None:
            if not self._open:
                return
            self._loop = SystemLoop()
            self._thread = threading.Thread(target=self._run, name="kraty-emulator-webhooks", daemon=True)
            self._thread.start()
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._serve, endpoint)

    # In the thread from here on

    def _run(self) -> None:
        assert self._loop is not None
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            # Our own tasks first: they end those that the HTTP client has begun, and wait for them.
            while tasks := set(self._tasks) or asyncio.all_tasks(self._loop):
                for task in tasks:
                    task.cancel()
                self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()

    def _serve(self, endpoint: int) -> None:
        if (wake := self._wakers.get(endpoint)) is not None:
            wake.set()
            return
        self._wakers[endpoint] = wake = asyncio.Event()
        self._tasks.add(task := asyncio.ensure_future(self._deliver(endpoint, wake)))
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("the delivery of webhooks failed", exc_info=error)

    async def _deliver(self, endpoint: int, wake: asyncio.Event) -> None:
        """Send to one endpoint, one after the other, until nothing is left for it."""
        import httpx

        try:
            async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
                while True:
                    wake.clear()
                    with self._lock:
                        if not self._open:
                            return
                        due = due_deliveries(self._state, endpoint, self._clock.timestamp(), 1)
                        wait = None if due else self._wait(endpoint)
                    if due:
                        await self._attempt(client, due[0])
                    elif wait is None:
                        # Nothing is awaited between the look and this line: what comes now starts another task.
                        del self._wakers[endpoint]
                        return
                    else:
                        with suppress(TimeoutError):
                            await asyncio.wait_for(wake.wait(), wait)
        finally:
            if self._wakers.get(endpoint) is wake:
                del self._wakers[endpoint]

    def _wait(self, endpoint: int) -> float | None:
        """Seconds until the next delivery of an endpoint, or None if there is none; tells those who drain."""
        self._idle.notify_all()
        sql = "SELECT min(next_at) FROM deliveries WHERE endpoint = ? AND status = 'pending'"
        next_at = self._state.value(sql, endpoint)
        return None if next_at is None else min(max(0.0, next_at - self._clock.timestamp()), LONGEST_WAIT)

    async def _attempt(self, client: Any, row: Row) -> None:
        body, signed_at, started = build_body(row, row["attempt"] + 1), int(time.time()), SYSTEM_CLOCK.monotonic()
        response: int | None = None
        error: str | None = None
        said = b""
        try:
            headers = {
                "content-type": "application/json",
                "accept-encoding": "identity",
                SIGNATURE_HEADER: sign(body, row["secret"], signed_at),
            }
            async with (
                asyncio.timeout(TIMEOUT),
                client.stream("POST", row["url"], content=body, headers=headers) as answer,
            ):
                async for part in answer.aiter_raw():  # to its end: an endpoint that never ends has not answered
                    if len(said) < ANSWER_BYTES:
                        said = (said + part)[:ANSWER_BYTES]
                response = answer.status_code
        except TimeoutError:
            error = f"no whole answer within {TIMEOUT:g} s"
        except Exception as caught:  # whatever the HTTP client makes of the address or the answer
            error = f"{type(caught).__name__}: {caught}"
        with self._lock:
            if self._open:
                attempt = Attempt(signed_at, response, error, SYSTEM_CLOCK.monotonic() - started, said)
                record_attempt(self._state, row, attempt, self._clock.now())
