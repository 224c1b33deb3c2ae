"""What the whole suite needs from the Python it runs on."""

from __future__ import annotations

import asyncio
import sys

if sys.version_info >= (3, 13):
    # In 3.13.0 a server that was let go of with several open connections complains when the second is collected.
    _wakeup = asyncio.Server._wakeup  # type: ignore[attr-defined]  # private

    def _once(self: asyncio.Server) -> None:
        if self._waiters is not None:  # type: ignore[attr-defined]  # private
            _wakeup(self)

    asyncio.Server._wakeup = _once  # type: ignore[attr-defined]  # private
