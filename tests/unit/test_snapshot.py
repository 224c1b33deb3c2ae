"""A snapshot tells one balance or one quantity without a search, and 0 of what a player does not have."""

from __future__ import annotations

from kraty_server.testing import Emulator


def test_a_snapshot_knows_each_balance_and_quantity() -> None:
    player = {"externalPlayerId": "ada", "wallet": {"gold": 5, "xp": 7}, "inventory": {"sword": 2}}
    with Emulator(seed={"players": [player]}) as emulator, emulator.client() as kraty:
        snapshot = kraty.players.get("ada")
    assert (snapshot.balance("gold"), snapshot.balance("xp"), snapshot.balance("gems")) == (5, 7, 0)
    assert (snapshot.quantity("sword"), snapshot.quantity("bow")) == (2, 0)
