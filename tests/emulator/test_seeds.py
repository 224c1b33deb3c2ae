"""A seed is checked part by part, and the message says where, and what was meant."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from kraty_server.testing import Emulator
from kraty_server.testing.emulator.seeds import Seed
from kraty_server.testing.emulator.shapes import check_shape

P = "externalPlayerId"
WRONG: list[tuple[Any, str]] = [
    ({"players": [{P: "p", "walet": {}}]}, "players[0].walet: unknown; wallet?"),
    ({"plyers": []}, "plyers: unknown; players?"),
    ({"players": [{P: "p", "wallet": {"gold": -1}}]}, "players[0].wallet.gold: from 0 to"),
    ({"players": [{P: "p", "wallet": {"gold": 1.5}}]}, "players[0].wallet.gold: a whole number is needed"),
    ({"players": [{P: "p", "wallet": {"gold": True}}]}, "players[0].wallet.gold: a whole number is needed"),
    ({"players": [{P: "p", "wallet": {"gold": 2**53}}]}, "players[0].wallet.gold: from 0 to"),
    ({"players": [{P: ""}]}, "players[0].externalPlayerId: "),
    ({"players": [{P: ".."}]}, "players[0].externalPlayerId: "),
    ({"players": [{P: "a\ud800"}]}, "players[0].externalPlayerId: "),
    ({"players": [{}]}, "players[0].externalPlayerId: is missing"),
    ({"players": {}}, "players: a list is needed"),
    ({"players": ["p"]}, "players[0]: an object is needed"),
    ({"players": [{P: "p", "registered": "no"}]}, "players[0].registered: true or false is needed"),
    ({"players": [{P: "p", "lastActiveAt": "soon"}]}, "players[0].lastActiveAt: "),
    ({"players": [{P: "p", "contextSnapshot": {"x": float("nan")}}]}, "players[0].contextSnapshot.x: "),
    ({"players": [{P: "p", "banned": ""}]}, "players[0].banned: must not be empty"),
    ({"leaderboards": [{"key": "k", "rankedBy": "scoer"}]}, "leaderboards[0].rankedBy: 'scoer': unknown; score?"),
    ({"keys": [{"prefix": "p", "secret": "s", "environment": "tset"}]}, "keys[0].environment: 'tset': unknown; test?"),
    ({"keys": [{"prefix": "a.b", "secret": "s"}]}, "keys[0]: prefix: must have no dot"),
    ({"keys": [{"prefix": "p", "secret": "s", "game": "nope"}]}, "keys[0]: no game 'nope' was seeded"),
    ({"keys": [{"prefix": "sEmuTest", "secret": "s"}]}, "keys[0]: is there already"),
    ({"events": [{"key": "k", "capacity": 0}]}, "events[0].capacity: from 1 to"),
    ({"events": [{"key": "k", "seconds": 1e12}]}, "events[0].seconds: from 0 to"),
    ({"events": [{"key": "k", "metrics": []}]}, "events[0]: metrics: at least one"),
    ({"events": [{"key": "k", "milestones": [{"key": "m", "treshold": 1}]}]}, "milestones[0].treshold: unknown; threshold?"),
    ({"events": [{"key": "k", "completion": [{"type": "gold"}]}]}, "events[0].completion[0]"),
    ({"events": [{"key": "k"}, {"key": "k"}]}, "events[1]: is there already"),
    ({"attempts": [{"id": "a", P: "p", "event": "x"}]}, "attempts[0]: event: no event 'x' was seeded"),
    ({"friends": [["a"]]}, "friends[0]: 2 values in a list are needed"),
    ({"friends": [["a", "a"]]}, "friends[0]: two players are needed"),
    ({"blocks": [["a", 5]]}, "blocks[0][1]: a text is needed"),
    ({"catalog": {"curencies": []}}, "catalog.curencies: unknown; currencies?"),
    ({"webhooks": [{"url": "http://127.0.0.1:9"}]}, "webhooks[0].secret: is missing"),
    ({"webhooks": [{"secret": ""}]}, "webhooks[0].secret: must not be empty"),
    ({"webhooks": [{"secret": "s", "url": "nonsense"}]}, "webhooks[0].url: "),
    ({"webhooks": [{"secret": "s", "url": "http://a..b/"}]}, "webhooks[0].url: "),
    ({"environment": "prod"}, "environment: 'prod': unknown"),
    ([], "seed: an object is needed"),
]  # fmt: skip


@pytest.mark.parametrize(("seed", "why"), WRONG, ids=[why for _, why in WRONG])
def test_what_does_not_fit_is_refused_and_nothing_is_kept(seed: Any, why: str) -> None:
    emulator = Emulator()
    before = emulator.dump()
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # its message is compared below
        emulator.seed(seed)
    assert why in str(refused.value)
    assert emulator.dump() == before
    emulator.close()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3) | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(
        [*Seed.__annotations__, P, "key", "id", "secret", "url", "wallet", "metrics", "entries"]), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None)
@given(ANYTHING)
def test_no_seed_breaks_the_check(seed: Any) -> None:
    try:
        check_shape(seed, Seed)
    except ValueError:
        return


def test_a_seed_that_failed_is_made_up_for_at_the_next_start(tmp_path: Path) -> None:
    wrongs: list[dict[str, Any]] = [{"players": [{}]}, {"events": [{"key": "k"}, {"key": "k"}]}]
    for wrong in wrongs:
        with pytest.raises(ValueError, match=r"missing|already"):
            Emulator(db=tmp_path / "k.db", seed=wrong)
    emulator = Emulator(db=tmp_path / "k.db", seed={"players": [{P: "p", "wallet": {"gold": 3}}]})
    assert len(emulator.ledger("p")) == 1
    emulator.close()
    again = Emulator(db=tmp_path / "k.db", seed={"players": [{P: "p", "wallet": {"gold": 3}}]})
    assert len(again.ledger("p")) == 1  # seeded once
    with again.client() as kraty:
        kraty.wallet.credit("p", "gold", amount=5)
    again.reset()  # to the seed, and not to what was there at the restart
    assert [row["delta"] for row in again.ledger("p")] == [3]
    again.close()


def test_a_state_with_everything_in_it_is_dumped_and_loaded(seeded: Emulator) -> None:
    seeded.reset()
    with seeded.client() as kraty:
        kraty.wallet.credit("ada", "gold", amount=5, idempotency_key="k")
        kraty.players.merge("bo", "cy")
        kraty.players.delete("eve")
        kraty.lobbies.push("game_1", "cup", key="l", external_player_ids=["ada"])
    dumped, deliveries = seeded.dump(), seeded.deliveries
    assert deliveries
    other = Emulator()
    other.load(dumped)
    assert other.dump() == dumped
    assert other.deliveries == deliveries
    with other.client() as kraty:
        assert not kraty.wallet.credit("ada", "gold", amount=5, idempotency_key="k").applied
    other.close()
    seeded.reset()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda d: d.update(plyers=[]), "plyers: unknown; players?"),
        (lambda d: d["players"][0].update(nam="x"), r"players[0]: nam: unknown; name?"),
        (lambda d: d["players"][0].update(world="x"), "players[0]: world: INTEGER is needed"),
        (lambda d: d["players"][0].update(world=99), "players: a row names one of worlds"),
        (lambda d: d["players"][0].update(context="{"), "players[0]: context: not as it was dumped"),
        (lambda d: d.update(clock=[]), "clock: exactly one row"),
        (lambda d: d.update(clock=5), "clock: a list of rows"),
        (lambda d: d["players"].append(5), "an object with columns is needed"),
        (lambda d: d["holdings"][0].update(amount=-1), "holdings[0]: "),
        (lambda d: d["holdings"][0].update(amount=2**64), "holdings[0]: "),
    ],
)  # fmt: skip
def test_what_is_no_dump_is_refused_and_nothing_is_replaced(seeded: Emulator, change: Any, why: str) -> None:
    seeded.reset()
    before, dumped = seeded.dump(), seeded.dump()
    change(dumped)
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # its message is compared below
        seeded.load(dumped)
    assert why in str(refused.value)
    assert seeded.dump() == before


CREDIT = "/server/v1/players/p/wallet/gold/credit"


def status(emulator: Emulator, key: str | None = None) -> int:
    headers = {"authorization": f"Bearer {key or emulator.api_key}"}
    return emulator.engine.respond("POST", CREDIT, headers, b'{"amount": 5}').status


def test_what_a_seed_adds_counts_at_once_and_no_longer_than_its_state() -> None:
    """Keys, catalogs and endpoints are kept at hand, since only seeds change them."""
    with Emulator() as emulator:
        key = "sOther.secret"
        assert (status(emulator), status(emulator, key), emulator.collected) == (200, 401, [])
        dumped, snapshot = emulator.dump(), emulator.snapshot()
        ways_back: list[Callable[[], None]] = [
            lambda: emulator.restore(snapshot), lambda: emulator.load(dumped), emulator.reset
        ]  # fmt: skip
        for back in ways_back:
            emulator.seed({"keys": [{"prefix": "sOther", "secret": "secret"}], "webhooks": [{"secret": "s"}]})
            assert (status(emulator), status(emulator, key), len(emulator.collected)) == (200, 200, 2)
            emulator.seed({"catalog": {"currencies": ["gems"]}})
            assert status(emulator) == 404
            emulator.seed({"catalog": {"currencies": ["gold"]}})
            assert status(emulator) == 200
            back()
            assert (status(emulator), status(emulator, key), emulator.collected) == (200, 401, [])


def test_a_seed_that_was_refused_leaves_nothing_at_hand() -> None:
    with Emulator() as emulator:
        refused = {
            "webhooks": [{"secret": "s"}],
            "catalog": {"currencies": ["gems"]},
            "players": [
                {"externalPlayerId": "p", "wallet": {"gems": 5}},
                {"externalPlayerId": "p", "wallet": {"x": 5}},
            ],
            "blocks": [["p", "q"], ["p", "q"]],
        }
        with pytest.raises(ValueError, match=r"blocks\[1\]"):
            emulator.seed(refused, silent=False)
        assert (status(emulator), emulator.dump()["deliveries"]) == (200, [])


def test_a_file_that_is_none_of_ours_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "k.db"
    file.write_text("no database")
    with pytest.raises(ValueError, match=r"k\.db"):
        Emulator(db=file)
    assert file.read_text() == "no database"
    with pytest.raises(OSError, match="nowhere"):
        Emulator(db=tmp_path / "nowhere" / "k.db")
    file.write_bytes(b"SQLite format 3\0" + b"x" * 4096)
    with pytest.raises(ValueError, match=r"k\.db: "):
        Emulator(db=file)
    with sqlite3.connect(other := tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(ValueError, match="not made by this version of the emulator"):
        Emulator(db=other)
    one = Emulator(db=tmp_path / "one.db")
    with pytest.raises(OSError, match="another emulator uses it"):
        Emulator(db=tmp_path / "one.db")
    one.close()
