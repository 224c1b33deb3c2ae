"""What keeps a blocking call from outliving its deadline? Each socket operation gets only what is left of it."""

from __future__ import annotations

import threading
import time


class _Wall(threading.local):
    until: float | None = None


_wall = _Wall()


class wall:
    """While entered, socket operations of this thread end at `until` (monotonic seconds)."""

    def __init__(self, until: float) -> None:
        self.until = until

    def __enter__(self) -> None:
        _wall.until = self.until

    def __exit__(self, *_: object) -> None:
        _wall.until = None


def left(timeout: float | None, late: type[Exception]) -> float | None:
    """What is left of a time-out.

    Raises:
        late: nothing is.
    """
    if (until := _wall.until) is None:
        return timeout
    left = until - time.monotonic()
    if left <= 0:
        raise late("the time for this attempt has passed")
    return left if timeout is None else min(timeout, left)
