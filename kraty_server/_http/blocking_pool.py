"""Which connection does a blocking call get? The one used last, a new one, or the first that comes free to a thread."""

from __future__ import annotations

import threading
from abc import abstractmethod
from typing import Final, Generic, TypeVar

import httpx

from kraty_server._clock import SYSTEM_CLOCK
from kraty_server._http.pool import Limits, Pool, Slot

RECHECK: Final = 0.5
"""Seconds after which a waiting call looks again: a connection that a torn call let go of wakes nobody."""


class Connection(Slot):
    """A connection that blocks."""

    __slots__ = ()

    @abstractmethod
    def interrupt(self) -> None:
        """Let whoever waits for it see its end."""

    @abstractmethod
    def close(self) -> None:
        """Close it; nobody has it."""


C = TypeVar("C", bound=Connection)


class BlockingPool(Generic[C]):
    """The connections of a process, to be made and used by a subclass."""

    def __init__(self, limits: Limits) -> None:
        self.pool = Pool[C](limits)
        self.max_body = limits.max_body
        self.lock = threading.RLock()  # in C: a signal cannot come between taking it and entering the block
        self.available = threading.Condition(self.lock)
        self.waiting = 0
        self.closed = False

    @abstractmethod
    def _make(self) -> C:
        """Make a connection, which connects with its first call."""

    def _acquire(self, expires_at: float) -> C:
        """Take the connection that was used last; where none is idle a new one, or else the first that comes free."""
        connection, expired = self.pool.acquire(SYSTEM_CLOCK.monotonic())
        for one in expired:
            one.close()
        if connection is not None:
            return connection
        with self.lock:
            self.waiting += 1
            try:
                while not self.closed:
                    connection, expired = self.pool.acquire(SYSTEM_CLOCK.monotonic())
                    for one in expired:
                        one.close()
                    if connection is not None:
                        return connection
                    if self.pool.has_room:
                        connection = self._make()
                        self.pool.add(connection)
                        return connection
                    left = expires_at - SYSTEM_CLOCK.monotonic()
                    if left <= 0:
                        raise httpx.PoolTimeout(f"all {self.pool.limits.max_connections} connections were busy")
                    self.available.wait(min(left, RECHECK))
            finally:
                self.waiting -= 1
        raise httpx.PoolTimeout("the client was closed")

    def _renew(self, connection: C) -> C:
        """Put a new connection in the place of one that has ended."""
        self.pool.forget(connection)
        connection = self._make()
        self.pool.add(connection)
        return connection

    def _release(self, connection: C, *, reusable: bool) -> None:
        if reusable and not self.closed:
            for one in self.pool.release(connection, SYSTEM_CLOCK.monotonic()):
                one.close()
        else:
            self.pool.forget(connection)
            connection.close()
            if connection.reused:  # what was idle as long may be as dead, and is not to be tried one by one
                for one in self.pool.retire():
                    one.close()
        if self.waiting:
            with self.lock:
                self.available.notify()

    def close(self) -> None:
        """Close the connections; calls under way end with an error."""
        self.closed = True
        for reference in list(self.pool.open):
            if (connection := reference()) is not None:
                connection.interrupt()
        for connection in self.pool.retire():
            connection.close()
        with self.lock:
            self.available.notify_all()
