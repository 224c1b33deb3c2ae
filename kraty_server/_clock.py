"""By which clock does a call wait? Time, and sleeping: the system's, or that of an emulator within a test."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import asyncio
    import threading


SLICE: Final = 0.5
"""Seconds of a wait at a time: on Windows no signal ends a wait, and Ctrl-C counts only when it is over."""


class Clock(Protocol):
    """What retries, Retry-After and deadlines are measured by."""

    def monotonic(self) -> float:
        """Tell seconds that never go back."""
        ...

    def time(self) -> float:
        """Tell unix seconds."""
        ...

    def sleep(self, seconds: float, closing: threading.Event, /) -> None:
        """Wait; not longer than until the client is closed."""
        ...

    async def async_sleep(self, seconds: float, closing: asyncio.Event, /) -> None:
        """Wait on the running event loop; not longer than until the client is closed."""
        ...


class SystemClock:
    """The real one."""

    # Bound to the class, and not looked up in `time`: there freezegun would stop the deadline of a call under way.
    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)

    def sleep(self, seconds: float, closing: threading.Event) -> None:
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0 and not closing.wait(min(left, SLICE)):
            pass

    async def async_sleep(self, seconds: float, closing: asyncio.Event) -> None:
        import asyncio  # a blocking worker does without

        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await closing.wait()


SYSTEM_CLOCK: Final = SystemClock()
