"""The state of the pool: who gets which connection, and what is to be closed. No clock, no socket, no waiting."""

from __future__ import annotations

import gc
from typing import TypeAlias

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kraty_server._http.pool import DEFAULT_LIMITS, Limits, Pool, Slot

Connections: TypeAlias = Pool[Slot]


def opened(pool: Connections, now: float) -> Slot:
    slot = Slot(now)
    pool.add(slot)
    return slot


def test_the_limits_are_those_of_the_documentation() -> None:
    assert Limits(max_connections=100, idle_seconds=30.0, max_age=300.0, max_body=32 * 1024 * 1024) == DEFAULT_LIMITS


def test_an_empty_pool_has_room_and_no_connection() -> None:
    pool = Connections(Limits(max_connections=1))
    assert pool.acquire(0.0) == (None, ())
    assert pool.has_room
    slot = opened(pool, 0.0)
    assert not pool.has_room
    pool.forget(slot)
    assert pool.has_room


def test_the_connection_that_was_used_last_is_taken_first() -> None:
    """So those that a peak left stay idle, and are closed."""
    pool = Connections(DEFAULT_LIMITS)
    first, second, third = (opened(pool, 0.0) for _ in range(3))
    for at, slot in enumerate((second, third, first)):
        assert pool.release(slot, float(at)) == ()
    assert [pool.acquire(3.0)[0] for _ in range(4)] == [first, third, second, None]


def test_a_connection_knows_whether_it_served_a_call() -> None:
    pool = Connections(DEFAULT_LIMITS)
    slot = opened(pool, 0.0)
    assert (slot.opened_at, slot.used_at, slot.reused) == (0.0, 0.0, False)
    pool.release(slot, 7.0)
    assert (slot.opened_at, slot.used_at, slot.reused) == (0.0, 7.0, True)


@pytest.mark.parametrize(("idle", "taken"), [(30.0, True), (30.001, False)])
def test_what_was_idle_too_long_is_closed_and_not_taken(idle: float, taken: bool) -> None:
    pool = Connections(Limits(max_connections=2, idle_seconds=30.0, max_age=1000.0))
    slot, other = opened(pool, 0.0), opened(pool, 0.0)
    pool.release(other, 1.0)
    pool.release(slot, 2.0)
    assert not pool.has_room
    if taken:
        assert pool.acquire(2.0 + idle) == (slot, ())
        return
    assert pool.acquire(2.0 + idle) == (None, [slot, other])
    assert pool.has_room
    assert pool.open == set()


@pytest.mark.parametrize(("age", "taken"), [(300.0, True), (300.001, False)])
def test_what_is_too_old_is_closed_however_busy_it_was(age: float, taken: bool) -> None:
    pool = Connections(Limits(idle_seconds=1000.0, max_age=300.0))
    slot = opened(pool, 5.0)
    pool.release(slot, 5.0 + age)
    found, closing = pool.acquire(5.0 + age)
    assert (found, list(closing)) == ((slot, []) if taken else (None, [slot]))


def test_a_younger_connection_is_found_behind_what_expired() -> None:
    pool = Connections(Limits(idle_seconds=1000.0, max_age=10.0))
    young, old = opened(pool, 9.0), opened(pool, 0.0)
    pool.release(young, 9.0)
    pool.release(old, 9.5)
    assert pool.acquire(12.0) == (young, [old])
    assert len(pool.open) == 1


def test_what_lies_behind_an_expired_connection_is_held_to_the_same_limits() -> None:
    pool = Connections(Limits(idle_seconds=10.0, max_age=10.0))
    last, second, old = opened(pool, 5.0), opened(pool, 5.0), opened(pool, 0.0)
    for slot in (last, second, old):
        pool.release(slot, 5.0)
    assert pool.acquire(15.0) == (second, [old])
    assert pool.acquire(15.001) == (None, [last])


def test_each_call_closes_one_connection_that_a_peak_left() -> None:
    pool = Connections(Limits(idle_seconds=30.0, max_age=1000.0))
    left, also_left, busy = (opened(pool, 0.0) for _ in range(3))
    pool.release(left, 1.0)
    pool.release(also_left, 2.0)
    assert pool.release(busy, 31.0) == ()
    assert pool.acquire(31.0)[0] is busy
    assert pool.release(busy, 31.5) == (left,)
    assert pool.acquire(31.5)[0] is busy
    assert pool.release(busy, 32.5) == (also_left,)
    assert pool.release(busy, 90.0) == ()
    assert [one() for one in pool.open] == [busy]


def test_retiring_takes_every_idle_connection_and_leaves_those_in_use() -> None:
    pool = Connections(DEFAULT_LIMITS)
    used, idle, also_idle = (opened(pool, 0.0) for _ in range(3))
    pool.release(idle, 1.0)
    pool.release(also_idle, 1.0)
    assert set(pool.retire()) == {idle, also_idle}
    assert pool.acquire(1.0)[0] is None
    assert [one() for one in pool.open] == [used]
    assert pool.retire() == []


def test_a_call_that_was_torn_apart_takes_no_room_with_it() -> None:
    pool = Connections(Limits(max_connections=1))
    slot = opened(pool, 0.0)
    assert not pool.has_room
    del slot
    gc.collect()
    assert pool.has_room


class PoolMachine(RuleBasedStateMachine):
    """Calls that begin and end in any order, well or badly, while time passes."""

    LIMITS = Limits(max_connections=3, idle_seconds=10.0, max_age=40.0)

    def __init__(self) -> None:
        super().__init__()
        self.pool = Connections(self.LIMITS)
        self.now = 0.0
        self.used: list[Slot] = []
        self.closed: list[Slot] = []
        self.last: list[Slot] = []
        """Those that were given back, the newest last."""

    @rule(seconds=st.sampled_from([0.0, 1.0, 9.0, 11.0, 50.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_call_begins(self) -> None:
        slot, expired = self.pool.acquire(self.now)
        self.closed += expired
        if slot is not None:
            assert self.now - slot.used_at <= self.LIMITS.idle_seconds
            assert self.now - slot.opened_at <= self.LIMITS.max_age
            fit = [one for one in self.last if one not in self.closed]
            assert fit[-1] is slot
            self.last.remove(slot)
        elif self.pool.has_room:
            slot = opened(self.pool, self.now)
        if slot is not None:
            self.used.append(slot)

    @precondition(lambda self: self.used)
    @rule(data=st.data(), well=st.booleans())
    def a_call_ends(self, data: st.DataObject, well: bool) -> None:
        slot = self.used.pop(data.draw(st.integers(0, len(self.used) - 1)))
        if well:
            closing = self.pool.release(slot, self.now)
            assert len(closing) <= 1
            self.closed += closing
            self.last.append(slot)
        else:
            self.pool.forget(slot)
            self.closed.append(slot)

    @rule()
    def what_is_idle_is_suspect(self) -> None:
        self.closed += self.pool.retire()

    @invariant()
    def no_more_are_open_than_may_be_and_each_is_in_use_idle_or_closed(self) -> None:
        assert len(self.pool.open) == len(self.used) + len(self.pool.idle) <= self.LIMITS.max_connections
        assert not set(self.closed) & {*self.used, *self.pool.idle}
        assert len(set(self.closed)) == len(self.closed)


TestAnyOrderOfCalls = PoolMachine.TestCase
