"""By which clock do the emulator's own threads run? An event loop on the system's."""

from __future__ import annotations

import asyncio

from kraty_server._clock import SYSTEM_CLOCK


class SystemLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes, whatever a test does to `time`: freezegun would stop all its timers."""

    def time(self) -> float:
        """Tell seconds that never go back."""
        return SYSTEM_CLOCK.monotonic()
