"""Over random sequences of calls, merges, deletions, clock moves and restarts, in two worlds, the emulator agrees with a model."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kraty_server import ConflictError, CurrencyEntry, IdempotencyConflictError, ItemEntry, NotFoundError
from kraty_server.testing import Emulator

# Ids that look alike once they are joined, quoted, normalised or compared without regard to case.
NAMES = ["ada", "ADA", "x y", "x", "y%20z", "é", "e\u0301", "__merged_1__", "\U0001f600", "null"]
PLAYERS = st.sampled_from([0, 1, 2])
"""Three of them in each run, so that they meet."""
KEYS = st.sampled_from(["gold", "y gold"])
AMOUNTS = st.integers(1, 5)
TOKENS = st.sampled_from(["k1", "k2", "K1"])
WORLDS = st.sampled_from(["test", "live"])
DAY = 24 * 3600


@dataclass
class Player:
    """What the model knows of one player: a row that may lose its id."""

    held: dict[tuple[str, str], int] = field(default_factory=dict)
    rows: int = 0
    deleted: bool = False


@dataclass
class Grant:
    """A grant of the model."""

    id: str
    asked: tuple[Any, ...]
    owner: Player
    amount: int
    status: str = "pending"
    expires: float | None = None


class Kraty(RuleBasedStateMachine):
    """The model: for each world players by id, answered keys with their time, grants by key."""

    @initialize(file=st.booleans(), names=st.permutations(NAMES))
    def start(self, file: bool, names: list[str]) -> None:
        self.names = names
        self.folder = Path(tempfile.mkdtemp()) if file else None
        self.open()
        self.players: dict[tuple[str, str], Player] = {}
        self.everybody: list[Player] = []
        self.merged: set[tuple[str, str]] = set()
        self.deleted: set[tuple[str, str]] = set()
        self.clock = 0.0
        self.answered: dict[tuple[str, ...], tuple[Any, float]] = {}
        self.grants: dict[tuple[str, str], Grant] = {}

    def open(self) -> None:
        self.emulator = Emulator(db=self.folder and self.folder / "kraty.db")
        keys = {"test": self.emulator.api_key, "live": self.emulator.live_key}
        self.clients = {world: self.emulator.client(api_key=key) for world, key in keys.items()}

    def close(self) -> None:
        for client in self.clients.values():
            client.close()
        self.emulator.close()

    def player(self, world: str, name: str) -> Player:
        if (world, name) not in self.players:
            self.players[world, name] = Player()
            self.everybody.append(self.players[world, name])
        return self.players[world, name]

    def change(self, world: str, operation: str, name: str, key: str, sign: int, amount: int, token: str) -> None:
        """One keyed change of a holding, done by both."""
        kind = "currency" if operation.startswith("wallet") else "item"
        resource = self.clients[world].wallet if kind == "currency" else self.clients[world].inventory
        call: Any = getattr(resource, operation.partition(".")[2])
        given = {"amount" if kind == "currency" else "quantity": amount, "idempotency_key": token}
        scope = (world, operation, name, key, token)
        before = self.answered.get(scope)
        player = self.players.get((world, name))
        held = player.held.get((kind, key), 0) if player else 0
        if before is not None and self.clock - before[1] < DAY:
            if before[0] != amount:
                with pytest.raises(IdempotencyConflictError):
                    call(name, key, **given)
                return
            answer = call(name, key, **given)
            assert not answer.applied
        elif held + sign * amount < 0:
            with pytest.raises(ConflictError):
                call(name, key, **given)
            return
        else:
            answer = call(name, key, **given)
            assert answer.applied
            player = self.player(world, name)
            held = player.held[kind, key] = held + sign * amount
            player.rows += 1
            self.answered[scope] = (amount, self.clock)
        assert (answer.balance if kind == "currency" else answer.quantity) == held

    @rule(world=WORLDS, name=PLAYERS, key=KEYS, amount=AMOUNTS, token=TOKENS)
    def credit(self, world: str, name: int, key: str, amount: int, token: str) -> None:
        self.change(world, "wallet.credit", self.names[name], key, 1, amount, token)

    @rule(world=WORLDS, name=PLAYERS, key=KEYS, amount=AMOUNTS, token=TOKENS)
    def debit(self, world: str, name: int, key: str, amount: int, token: str) -> None:
        self.change(world, "wallet.debit", self.names[name], key, -1, amount, token)

    @rule(world=WORLDS, name=PLAYERS, key=KEYS, amount=AMOUNTS, token=TOKENS)
    def grant(self, world: str, name: int, key: str, amount: int, token: str) -> None:
        self.change(world, "inventory.grant", self.names[name], key, 1, amount, token)

    @rule(world=WORLDS, name=PLAYERS, key=KEYS, amount=AMOUNTS, token=TOKENS)
    def revoke(self, world: str, name: int, key: str, amount: int, token: str) -> None:
        self.change(world, "inventory.revoke", self.names[name], key, -1, amount, token)

    @rule(world=WORLDS, name=PLAYERS, amount=AMOUNTS, token=TOKENS, hours=st.none() | st.integers(1, 30))
    def mint(self, world: str, name: int, amount: int, token: str, hours: int | None) -> None:
        external_id = self.names[name]
        given: dict[str, Any] = {"entries": [CurrencyEntry("gold", amount), ItemEntry("sword", 1)]}
        asked = (external_id, amount)
        create = self.clients[world].grants.create
        if (first := self.grants.get((world, token))) is not None:
            if first.asked == asked and first.expires is None:
                again = create(external_id, idempotency_key=token, **given)
                assert (again.id, again.status.value) == (first.id, first.status)
            else:
                with pytest.raises(IdempotencyConflictError):
                    create(external_id, idempotency_key=token, **given, source_ref_id="another body")
            return
        if hours is not None:
            given["expires_at"] = self.emulator.now() + timedelta(hours=hours)
        made = create(external_id, idempotency_key=token, **given)
        expires = None if hours is None else self.clock + hours * 3600
        self.grants[world, token] = Grant(made.id, asked, self.player(world, external_id), amount, expires=expires)

    @rule(world=WORLDS, name=PLAYERS, token=TOKENS)
    def ack(self, world: str, name: int, token: str) -> None:
        external_id = self.names[name]
        grant = self.grants.get((world, token))
        if grant is None or self.players.get((world, external_id)) is not grant.owner:
            with pytest.raises(NotFoundError):
                self.clients[world].grants.ack(external_id, grant.id if grant else "nothing")
            return
        if grant.status == "pending":
            grant.status = "claimed"
            for place, more in ((("currency", "gold"), grant.amount), (("item", "sword"), 1)):
                grant.owner.held[place] = grant.owner.held.get(place, 0) + more
                grant.owner.rows += 1
        assert self.clients[world].grants.ack(external_id, grant.id).status.value == grant.status

    @rule(world=WORLDS, name=PLAYERS, into=PLAYERS)
    def merge(self, world: str, name: int, into: int) -> None:
        self.merge_ids(world, self.names[name], self.names[into])

    def merge_ids(self, world: str, name: str, into: str) -> None:
        merge = self.clients[world].players.merge
        source, target = self.players.get((world, name)), self.players.get((world, into))
        if name == into:
            with pytest.raises(ConflictError):
                merge(name, into)
        elif source is None and (world, name) in self.merged:
            assert merge(name, into).status.value == "no_op_already_merged"
        elif target is None and (world, into) in self.deleted:
            with pytest.raises(ConflictError):
                merge(name, into)
        elif source is None or target is None:
            with pytest.raises(NotFoundError):
                merge(name, into)
        else:
            result = merge(name, into)
            assert result.status.value == "merged"
            own = [grant for grant in self.grants.values() if grant.owner is source]
            assert result.counts.grants_reassigned == len(own)
            for place, amount in source.held.items():
                target.held[place] = target.held.get(place, 0) + amount
            target.rows, source.rows = target.rows + source.rows, 0
            source.held.clear()
            for grant in own:
                grant.owner = target
            del self.players[world, name]
            self.merged.add((world, name))
            self.deleted.discard((world, name))

    @rule(world=WORLDS, name=PLAYERS)
    def delete(self, world: str, name: int) -> None:
        external_id = self.names[name]
        status = self.clients[world].players.delete(external_id).status.value
        if (world, external_id) in self.players:
            assert status == "erased"
            self.players.pop((world, external_id)).deleted = True
            self.deleted.add((world, external_id))
            self.merged.discard((world, external_id))
        else:
            assert status == ("no_op_already_erased" if (world, external_id) in self.deleted else "no_op_never_existed")

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        # Half an hour more, so that nothing falls on the real time that passes meanwhile.
        self.emulator.advance(hours * 3600 + 1800)
        self.clock += hours * 3600 + 1800
        for grant in self.grants.values():
            if grant.expires is not None and grant.expires <= self.clock and grant.status == "pending":
                grant.status = "expired"

    @precondition(lambda self: self.folder is not None)
    @rule()
    def restart(self) -> None:
        self.close()
        self.open()

    @rule()
    def dump_and_load(self) -> None:
        dumped = self.emulator.dump()
        self.emulator.load(dumped)
        loaded = self.emulator.dump()
        for state in (
            dumped,
            loaded,
        ):  # when to look again: found anew by a load, since what was due may have been done
            state["clock"][0].pop("next_due")
        assert loaded == dumped

    @invariant()
    def both_hold_the_same(self) -> None:
        if not hasattr(self, "clients"):
            return
        for (world, name), player in self.players.items():
            snapshot = self.clients[world].players.get(name)
            held = {("currency", w.economy_key): w.balance for w in snapshot.wallet if w.balance}
            held |= {("item", i.item_key): i.quantity for i in snapshot.inventory}
            assert held == {place: amount for place, amount in player.held.items() if amount}
            own = {grant.id: grant.status for grant in self.grants.values() if grant.owner is player}
            assert {grant.id: grant.status.value for grant in snapshot.recent_grants} == own
            assert len(self.emulator.ledger(name, environment=world)) == player.rows
        for world, name in self.merged | self.deleted:
            if (world, name) not in self.players:
                with pytest.raises(NotFoundError):
                    self.clients[world].players.get(name)
        ledger = self.emulator.ledger()
        assert len(ledger) == sum(player.rows for player in self.everybody)
        assert sum(row["delta"] for row in ledger) == sum(sum(player.held.values()) for player in self.everybody)

    def teardown(self) -> None:
        if hasattr(self, "clients"):
            self.close()
            if self.folder:
                shutil.rmtree(self.folder)


TestKraty = Kraty.TestCase
TestKraty.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
