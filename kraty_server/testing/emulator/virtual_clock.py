"""What do clients within the process wait by? Virtual time: a wait moves the emulator's clock instead of lasting."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Final, NamedTuple

from kraty_server._clock import SYSTEM_CLOCK
from kraty_server.testing.emulator.engine import Engine


class _Timeline(NamedTuple):
    """Where the calls of one thread or task stand."""

    waited: float = 0.0
    """Seconds that its calls have skipped so far."""
    position: float = 0.0
    """How far the emulator's clock was moved when its present call got here."""
    slept: bool = False
    """Whether the next request is another attempt of that call."""


_UNMOVED: Final = _Timeline()
_timeline: Final = ContextVar("kraty_timeline", default=_UNMOVED)


class VirtualClock:
    """The clock of an emulator, for its clients within the process.

    Calls of several threads or tasks wait side by side, as they do in reality: each of them sees its own waits only.
    The emulator's clock moves by the longest wait of tasks that wait together; of threads by no more than the sum.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._moved = 0.0

    def monotonic(self) -> float:
        """Tell seconds that never go back: those that passed, and those that this thread or task skipped."""
        return SYSTEM_CLOCK.monotonic() + _timeline.get().waited

    def time(self) -> float:
        """Tell unix seconds: the emulator's."""
        return self._engine.now().timestamp()

    def begin_request(self) -> None:
        """Note where the emulator's clock stands as a call begins; its further attempts follow its own waits."""
        line = _timeline.get()
        _timeline.set(line._replace(position=line.position if line.slept else self._moved, slept=False))

    def skip(self, seconds: float) -> None:
        """Let time pass at once."""
        line = _timeline.get()
        position = line.position + seconds
        _timeline.set(line._replace(waited=line.waited + seconds, position=position))
        with self._engine.lock:
            if (ahead := position - self._moved) > 0:
                self._engine.advance(ahead)
                self._moved = position

    async def async_skip(self, seconds: float) -> None:
        """Let time pass at once, for a task."""
        await asyncio.sleep(0)  # the calls of other tasks begin before the clock moves, as they do in reality
        self.skip(seconds)

    def sleep(self, seconds: float, _: object) -> None:
        """Skip the wait between two attempts."""
        self.skip(seconds)
        _timeline.set(_timeline.get()._replace(slept=True))

    async def async_sleep(self, seconds: float, _: object) -> None:
        """Skip the wait between two attempts."""
        await self.async_skip(seconds)
        _timeline.set(_timeline.get()._replace(slept=True))
