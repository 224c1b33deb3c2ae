"""Over random sequences of calls, clock moves and restarts, the emulator agrees with a model that fits on a page."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kraty_server import ConflictError, CurrencyEntry, IdempotencyConflictError, ItemEntry, NotFoundError
from kraty_server.testing import Emulator

PLAYERS = st.sampled_from(["ada", "bo"])
KEYS = st.sampled_from(["gold", "gems"])
AMOUNTS = st.integers(1, 5)
TOKENS = st.sampled_from(["k1", "k2", "k3"])
DAY = 24 * 3600


class Kraty(RuleBasedStateMachine):
    """The model: balances and items as counters, answered keys with their time, grants with their contents."""

    @initialize(file=st.booleans())
    def start(self, file: bool) -> None:
        self.folder = Path(tempfile.mkdtemp()) if file else None
        self.emulator = Emulator(db=self.file())
        self.kraty = self.emulator.client()
        self.held: dict[tuple[str, str, str], int] = {}
        self.rows = 0
        self.clock = 0.0
        self.answered: dict[tuple[str, ...], tuple[Any, float]] = {}
        self.minted: dict[str, tuple[str, int, str]] = {}
        self.status: dict[str, str] = {}
        self.expires: dict[str, float] = {}

    def file(self) -> Path | None:
        return self.folder and self.folder / "kraty.db"

    def change(self, operation: str, player: str, key: str, sign: int, amount: int, token: str) -> None:
        """One keyed change of a holding, done by both."""
        kind = "currency" if operation.startswith("wallet") else "item"
        resource = self.kraty.wallet if kind == "currency" else self.kraty.inventory
        call: Any = getattr(resource, operation.partition(".")[2])
        given = {"amount" if kind == "currency" else "quantity": amount, "idempotency_key": token}
        place, scope = (player, kind, key), (operation, player, key, token)
        before = self.answered.get(scope)
        if before is not None and self.clock - before[1] < DAY:
            if before[0] != amount:
                try:
                    call(player, key, **given)
                except IdempotencyConflictError:
                    return
                raise AssertionError("another body under the same key was taken")
            answer = call(player, key, **given)
            assert not answer.applied
        elif self.held.get(place, 0) + sign * amount < 0:
            try:
                call(player, key, **given)
            except ConflictError:
                return
            raise AssertionError("a ledger went below zero")
        else:
            answer = call(player, key, **given)
            assert answer.applied
            self.held[place] = self.held.get(place, 0) + sign * amount
            self.rows += 1
            self.answered[scope] = (amount, self.clock)
        shown = answer.balance if kind == "currency" else answer.quantity
        assert shown == self.held.get(place, 0)

    @rule(player=PLAYERS, key=KEYS, amount=AMOUNTS, token=TOKENS)
    def credit(self, player: str, key: str, amount: int, token: str) -> None:
        self.change("wallet.credit", player, key, 1, amount, token)

    @rule(player=PLAYERS, key=KEYS, amount=AMOUNTS, token=TOKENS)
    def debit(self, player: str, key: str, amount: int, token: str) -> None:
        self.change("wallet.debit", player, key, -1, amount, token)

    @rule(player=PLAYERS, key=KEYS, amount=AMOUNTS, token=TOKENS)
    def grant(self, player: str, key: str, amount: int, token: str) -> None:
        self.change("inventory.grant", player, key, 1, amount, token)

    @rule(player=PLAYERS, key=KEYS, amount=AMOUNTS, token=TOKENS)
    def revoke(self, player: str, key: str, amount: int, token: str) -> None:
        self.change("inventory.revoke", player, key, -1, amount, token)

    @rule(player=PLAYERS, amount=AMOUNTS, token=TOKENS, hours=st.none() | st.integers(1, 30))
    def mint(self, player: str, amount: int, token: str, hours: int | None) -> None:
        entries = [CurrencyEntry("gold", amount), ItemEntry("sword", 1)]
        given: dict[str, Any] = {"entries": entries, "idempotency_key": token}
        if token in self.minted:
            owner, first, grant_id = self.minted[token]
            try:
                again = self.kraty.grants.create(player, **given)
            except IdempotencyConflictError:
                assert (owner, first) != (player, amount) or grant_id in self.expires
            else:
                assert (owner, first, grant_id) == (player, amount, again.id)
                assert grant_id not in self.expires
                assert again.status.value == self.status[grant_id]
            return
        if hours is not None:
            from datetime import timedelta

            given["expires_at"] = self.emulator.now() + timedelta(hours=hours)
        made = self.kraty.grants.create(player, **given)
        self.minted[token] = (player, amount, made.id)
        self.status[made.id] = "pending"
        if hours is not None:
            self.expires[made.id] = self.clock + hours * 3600

    @precondition(lambda self: self.minted)
    @rule(token=TOKENS)
    def ack(self, token: str) -> None:
        if token not in self.minted:
            return
        player, amount, grant_id = self.minted[token]
        if self.status[grant_id] == "pending":
            self.status[grant_id] = "claimed"
            for place, more in (((player, "currency", "gold"), amount), ((player, "item", "sword"), 1)):
                self.held[place] = self.held.get(place, 0) + more
                self.rows += 1
        assert self.kraty.grants.ack(player, grant_id).status.value == self.status[grant_id]

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        # Half an hour more, so that nothing falls on the real time that passes meanwhile.
        self.emulator.advance(hours * 3600 + 1800)
        self.clock += hours * 3600 + 1800
        for grant_id, at in self.expires.items():
            if at <= self.clock and self.status[grant_id] == "pending":
                self.status[grant_id] = "expired"

    @precondition(lambda self: self.folder is not None)
    @rule()
    def restart(self) -> None:
        self.kraty.close()
        self.emulator.close()
        self.emulator = Emulator(db=self.file())
        self.kraty = self.emulator.client()

    @invariant()
    def both_hold_the_same(self) -> None:
        if not hasattr(self, "kraty"):
            return
        for player in ("ada", "bo"):
            try:
                snapshot = self.kraty.players.get(player)
            except NotFoundError:
                assert not any(owner == player for owner, _, _ in self.held)
                continue
            held = {("currency", w.economy_key): w.balance for w in snapshot.wallet if w.balance}
            held |= {("item", i.item_key): i.quantity for i in snapshot.inventory}
            assert held == {(k, n): a for (owner, k, n), a in self.held.items() if owner == player and a}
            assert {g.id: g.status.value for g in snapshot.recent_grants} == {
                grant_id: self.status[grant_id] for owner, _, grant_id in self.minted.values() if owner == player
            }
        ledger = self.emulator.ledger()
        assert len(ledger) == self.rows
        assert sum(row["delta"] for row in ledger) == sum(self.held.values())

    def teardown(self) -> None:
        if hasattr(self, "kraty"):
            self.kraty.close()
            self.emulator.close()
            if self.folder:
                shutil.rmtree(self.folder)


TestKraty = Kraty.TestCase
TestKraty.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
