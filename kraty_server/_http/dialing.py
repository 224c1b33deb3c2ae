"""How does a blocking connection find its host in time? Name resolution and connecting, after RFC 8305's idea.

`getaddrinfo` knows no time-out, and a connect to a black hole lasts as long as it may. So both happen in threads that
nobody has to wait for, and a further address is tried before the first one has used up the time.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

import httpcore

from kraty_server._clock import SYSTEM_CLOCK

R = TypeVar("R")


class Closable(Protocol):
    """What connecting gives."""

    def close(self) -> object:
        """Close it."""
        ...


C = TypeVar("C", bound=Closable)

"localhost".encode("idna")  # imports what getaddrinfo needs, now and not amid a first call, where a fork would hang

STAGGER: Final = 0.25
"""Seconds that an address gets before the next one is tried beside it; RFC 8305, section 5."""


def dial(host: str, port: int, connect: Callable[[str, float | None], C], timeout: float | None) -> C:
    """Connect to a host by one of its addresses.

    Raises:
        httpcore.ConnectTimeout: the time has passed.
        httpcore.ConnectError: no address, or none that takes connections.
    """
    expires_at = None if timeout is None else SYSTEM_CLOCK.monotonic() + timeout
    addresses = _resolve(host, port, expires_at)
    if len(addresses) == 1:
        return connect(addresses[0], _left(expires_at))
    return _race(addresses, connect, expires_at)


def _left(expires_at: float | None) -> float | None:
    if expires_at is None:
        return None
    left = expires_at - SYSTEM_CLOCK.monotonic()
    if left <= 0:
        raise httpcore.ConnectTimeout("the time for this attempt has passed")
    return left


class _Results(Generic[R]):
    """What threads come to, until somebody has what they wanted; what comes later is dropped."""

    def __init__(self, drop: Callable[[R], object]) -> None:
        self.queue: queue.SimpleQueue[R | Exception] = queue.SimpleQueue()
        self.drop = drop
        self.lock = threading.Lock()
        self.decided = False

    def start(self, function: Callable[[], R]) -> None:
        thread = threading.Thread(target=self._run, args=(function,), name="kraty-server dial", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is about to end, and starts no thread any more
            self._run(function)

    def _run(self, function: Callable[[], R]) -> None:
        result: R | Exception
        try:
            result = function()
        except Exception as error:  # raised again in the thread that waits
            result = error
        with self.lock:
            if not self.decided:
                self.queue.put(result)
                return
        if not isinstance(result, Exception):
            self.drop(result)

    def get(self, timeout: float | None) -> R | Exception:
        """The next result.

        Raises:
            queue.Empty: there was none in time.
        """
        return self.queue.get(timeout=timeout)

    def decide(self) -> None:
        """Drop what is there, and what comes."""
        with self.lock:
            self.decided = True
        with suppress(queue.Empty):
            while True:
                result = self.queue.get_nowait()
                if not isinstance(result, Exception):
                    self.drop(result)


def _resolve(host: str, port: int, expires_at: float | None) -> list[str]:
    with suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    found = _Results[list[str]](len)
    found.start(lambda: [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)])
    try:
        addresses = found.get(_left(expires_at))
    except queue.Empty:
        raise httpcore.ConnectTimeout(f"the name {host} was not resolved in time") from None
    if isinstance(addresses, Exception):
        raise httpcore.ConnectError(f"the name {host} has no address: {addresses}") from addresses
    return list(dict.fromkeys(addresses))


def _race(addresses: list[str], connect: Callable[[str, float | None], C], expires_at: float | None) -> C:
    """Connect to the first address that answers; each has a head start over the one after it."""

    def attempt(address: str) -> C:
        return connect(address, _left(expires_at))

    results = _Results[C](lambda connection: connection.close())
    waiting, pending = list(reversed(addresses)), 0
    failure: Exception | None = None
    try:
        while waiting or pending:
            if waiting:
                results.start(partial(attempt, waiting.pop()))
                pending += 1
            left = _left(expires_at)
            try:
                result = results.get(left if not waiting else STAGGER if left is None else min(STAGGER, left))
            except queue.Empty:
                continue
            pending -= 1
            if not isinstance(result, Exception):
                return result
            failure = failure or result
    finally:
        results.decide()
    raise failure or httpcore.ConnectError("the name has no address")
