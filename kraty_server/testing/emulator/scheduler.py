"""Who does what is due when nobody calls? A thread that sleeps until the next due time, and ends when none is left."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

log: Final = logging.getLogger("kraty_server.testing")

LONGEST_WAIT: Final = 60.0
"""Seconds between two looks at the clock, should somebody change it."""
JOIN: Final = 5.0


class Scheduler:
    """Calls `run` when `seconds_left` says so; both under the lock."""

    def __init__(
        self, lock: threading.RLock, seconds_left: Callable[[], float | None], run: Callable[[], None]
    ) -> None:
        self._changed = threading.Condition(lock)
        self._seconds_left, self._run = seconds_left, run
        self._thread: threading.Thread | None = None
        self._open = True

    def notify(self) -> None:
        """Look again when something is due: it became earlier. Needs the lock."""
        if self._thread is None and self._open:
            self._thread = threading.Thread(target=self._watch, name="kraty-emulator-clock", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _watch(self) -> None:
        with self._changed:
            while self._open and (left := self._seconds_left()) is not None:
                if left > 0:
                    self._changed.wait(min(left, LONGEST_WAIT))
                    continue
                try:
                    self._run()
                except Exception:
                    log.exception("the emulator failed at what was due")
                    self._changed.wait(1)
            self._thread = None

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._open = False
            thread = self._thread
            self._changed.notify_all()
        if thread is not None:
            thread.join(JOIN)
