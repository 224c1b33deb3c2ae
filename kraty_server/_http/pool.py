"""Which connection does a call get, and which are to be closed? The state of a connection pool, and nothing else.

It waits for nothing and closes nothing: it says what is to be closed. The flavours differ only in how they wait.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Final, Generic, NamedTuple, TypeVar

NOTHING: Final = ()


class Limits(NamedTuple):
    """What connections may take.

    Args:
        max_connections: open at once, in a process; of an async client, in an event loop.
        idle_seconds: after so long an idle connection is closed: before the 60 s after which usual load balancers
            drop them.
        max_age: seconds after which a connection is closed, so that a name that moves is followed.
        max_body: no answer is read further than this many bytes; a full export is far smaller.
    """

    max_connections: int = 100
    idle_seconds: float = 30.0
    max_age: float = 300.0
    max_body: int = 32 * 1024 * 1024


DEFAULT_LIMITS: Final = Limits()


class Slot:
    """One connection, for one call at a time."""

    __slots__ = ("__weakref__", "opened_at", "reused", "used_at")

    opened_at: float
    used_at: float
    """When it was last given back; monotonic seconds, as above."""
    reused: bool
    """Whether it served a call before."""

    def __init__(self, now: float) -> None:
        self.opened_at = self.used_at = now
        self.reused = False


S = TypeVar("S", bound=Slot)


class Pool(Generic[S]):
    """The connections of one process, or of one event loop.

    Who has a connection is not counted: a connection is open while somebody refers to it. So a call that a signal tore
    apart, between any two steps, takes none with it. Each step on a list is one that threads may do at once.
    """

    limits: Limits
    idle: list[S]
    """Those that no call has; the one used last is last."""
    open: set[weakref.ref[S]]

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.idle = []
        self.open = set()

    def acquire(self, now: float) -> tuple[S | None, Sequence[S]]:
        """Take the connection that was used last, if one is idle; and those to close, which were idle too long."""
        limits = self.limits
        try:
            slot = self.idle.pop()
        except IndexError:
            return None, NOTHING
        if now - slot.used_at <= limits.idle_seconds and now - slot.opened_at <= limits.max_age:
            return slot, NOTHING
        expired: list[S] = []
        while True:
            self.forget(slot)
            expired.append(slot)
            try:
                slot = self.idle.pop()
            except IndexError:
                return None, expired
            if now - slot.used_at <= limits.idle_seconds and now - slot.opened_at <= limits.max_age:
                return slot, expired

    @property
    def has_room(self) -> bool:
        """Whether another connection may be opened."""
        return len(self.open) < self.limits.max_connections

    def add(self, slot: S) -> None:
        """Count a connection that was opened."""
        self.open.add(weakref.ref(slot, self.open.discard))

    def forget(self, slot: S) -> None:
        """Count a connection no more that is to be closed."""
        self.open.discard(weakref.ref(slot))

    def release(self, slot: S, now: float) -> Sequence[S]:
        """Take a connection back that may be used again; and those to close: one that was idle too long."""
        idle = self.idle
        slot.used_at, slot.reused = now, True
        idle.append(slot)
        try:
            oldest = idle[0]
            if oldest is slot or now - oldest.used_at <= self.limits.idle_seconds:
                return NOTHING
            idle.remove(oldest)
        except (IndexError, ValueError):  # another thread has it by now
            return NOTHING
        self.forget(oldest)
        return (oldest,)

    def retire(self) -> Sequence[S]:
        """Take all idle connections out, to be closed: after one of their age was found dead, or to close the pool."""
        retired: list[S] = []
        while True:
            try:
                retired.append(self.idle.pop())
            except IndexError:
                return retired
            self.forget(retired[-1])
