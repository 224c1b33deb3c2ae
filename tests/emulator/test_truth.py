"""The emulator does the right thing where it once did the wrong one: scopes, numbers, ties, worlds, times."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from kraty_server import CurrencyEntry, KratyServer
from kraty_server.testing import Emulator
from kraty_server.testing.emulator.clock import LATEST, format_time, parse_time
from kraty_server.testing.emulator.idempotency import digest
from kraty_server.testing.emulator.json_body import decode_json, encode_json
from tests.emulator.test_requests import send

BOARD = "/server/v1/leaderboards/weekly/score"
HUNT = "/server/v1/players/ada/events/hunt/attempts/a_hunt/progress"


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.02)


def post(emulator: Emulator, target: str, raw: bytes) -> tuple[int, Any]:
    return send(emulator, "POST", target, raw)


def test_scopes_that_only_look_alike_are_two(emulator: Emulator, kraty: KratyServer) -> None:
    assert kraty.wallet.credit("x y", "z", amount=5, idempotency_key="k").applied
    assert kraty.wallet.credit("x", "y z", amount=5, idempotency_key="k").applied


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_tuples_that_differ_have_digests_that_differ(one: list[str], other: list[str]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)


@pytest.mark.parametrize(
    ("target", "part"), [("players/ada/delete", b""), ("players/ada/wallet/gold/credit", b'{"amount": 5')]
)
def test_a_request_cut_off_in_mid_upload_is_not_executed(target: str, part: bytes) -> None:
    with Emulator(seed={"players": [{"externalPlayerId": "ada"}]}) as emulator:
        at = urlsplit(emulator.url)
        with socket.create_connection((str(at.hostname), at.port or 0), timeout=10) as connection:
            head = f"POST /server/v1/{target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {emulator.api_key}\r\n"
            connection.sendall(f"{head}content-length: 100\r\n\r\n".encode() + part)
        with KratyServer(api_key=emulator.api_key, base_url=emulator.url) as kraty:
            assert kraty.health.ping().ok  # later on the same loop, so the cut one has been seen
            assert kraty.players.get("ada").wallet == []
        assert [request.operation for request in emulator.requests] == ["health.ping", "players.get"]


@pytest.mark.parametrize("end", ["merge", "delete"])
def test_a_grant_is_replayed_whatever_became_of_its_player(kraty: KratyServer, end: str) -> None:
    given: dict[str, Any] = {"entries": [CurrencyEntry("gold", 5)], "idempotency_key": "receipt"}
    first = kraty.grants.create("ada", **given)
    if end == "merge":
        kraty.players.merge("ada", "bo")
    else:
        kraty.players.delete("ada")
    assert kraty.grants.create("ada", **given) == first
    kraty.wallet.credit("ada", "gold", amount=1)  # another player by the same id
    assert kraty.grants.create("ada", **given) == first


@pytest.mark.parametrize(
    ("target", "raw", "status"),
    [
        (BOARD, b'{"externalPlayerId":"ada","value":10000000000000000000}', 200),
        (BOARD, b'{"externalPlayerId":"ada","value":1e300}', 200),
        (BOARD, b'{"externalPlayerId":"ada","value":1' + b"0" * 400 + b"}", 400),
        (BOARD, b'{"externalPlayerId":"ada","value":1' + b"0" * 5000 + b"}", 400),
        (BOARD, b'{"externalPlayerId":"ada","value":1e400}', 400),
        (BOARD, b'{"externalPlayerId":"ada","value":-1e400}', 400),
        (HUNT, b'{"mode":"set","metricValue":1e400}', 400),
        (HUNT, b'{"mode":"increment","metricValue":1e308,"occurredAt":"2026-12-31T23:59:60Z"}', 200),
        (HUNT, b'{"mode":"increment","metricValue":1,"occurredAt":"0000-01-01T00:00:00Z"}', 400),
        ("/server/v1/players/a/wallet/gold/credit", b'{"amount":5.0}', 200),
        ("/server/v1/players/a/wallet/gold/credit", b'{"amount":9007199254740993}', 400),
        ("/server/v1/players/a/wallet/gold/credit", b'{"amount":1,"reason":"\\ud800"}', 400),
        ("/server/v1/players/a/wallet/gold/credit", b'{"amount":1,"reason":"\xed\xa0\x80"}', 400),
        ("/server/v1/players/a/wallet/gold/credit", b'{"amount":1,"x":' + b"[" * 5000 + b"]" * 5000 + b"}", 400),
        ("/server/v1/players/a/wallet/gold/credit", b'{"amount":1,"reason":"\\ud83d\\ude00"}', 200),
    ],
)
def test_numbers_and_texts_are_right_or_400(emulator: Emulator, target: str, raw: bytes, status: int) -> None:
    got, answer = post(emulator, target, raw)
    assert got == status, answer
    json.loads(json.dumps(emulator.dump(), allow_nan=False))


@pytest.mark.parametrize(
    "expires_at",
    ["2026-12-31T23:59:60Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
     "9999-12-31T23:59:59Z", "2030-01-01t00:00:00z", "2030-01-01T00:00:00.123456789Z"],
)  # fmt: skip
def test_each_date_time_that_the_format_allows_is_taken_or_400(emulator: Emulator, expires_at: str) -> None:
    body = {"idempotencyKey": expires_at, "entries": [{"type": "item", "itemKey": "x", "quantity": 1}]}
    status, answer = send(emulator, "POST", "/server/v1/players/a/grants", body | {"expiresAt": expires_at})
    assert status in (201, 400), answer


@given(st.datetimes(), st.integers(-1439, 1439))
def test_a_date_time_is_the_moment_that_it_names(moment: Any, minutes: int) -> None:
    sign, ahead = "-" if minutes < 0 else "+", abs(minutes)
    text = f"{moment.isoformat()}{sign}{ahead // 60:02}:{ahead % 60:02}"
    try:
        found = parse_time(text)
    except ValueError:
        assert moment.year in (1, 9998, 9999) or moment.year >= 8999
    else:
        assert parse_time(format_time(found)) <= found


def test_a_metric_that_would_overflow_is_refused_and_stays(emulator: Emulator, kraty: KratyServer) -> None:
    assert post(emulator, HUNT, b'{"mode":"set","metricValue":1.5e308}')[0] == 200
    assert post(emulator, HUNT, b'{"mode":"increment","metricValue":1.5e308}')[0] == 400
    assert kraty.players.export("ada").attempts[0]["metrics"]["kills"] == 10  # capped
    assert "Infinity" not in json.dumps(emulator.dump())


def test_a_sum_that_no_json_holds_is_no_merge(emulator: Emulator, kraty: KratyServer) -> None:
    for player in ("one", "two"):
        kraty.wallet.credit(player, "gold", amount=2**53 - 1)
    before = emulator.dump()
    status, answer = post(emulator, "/server/v1/players/one/merge-into/two", b"")
    assert (status, answer["error"]["code"]) == (422, "conflict")
    assert emulator.dump() == before


def test_a_whole_number_is_the_same_with_and_without_a_fraction(emulator: Emulator) -> None:
    target = "/server/v1/players/a/wallet/gold/credit"
    assert post(emulator, target, b'{"amount":5,"idempotencyKey":"k"}')[1]["data"]["applied"] is True
    assert post(emulator, target, b'{"amount":5.0,"idempotencyKey":"k"}')[1]["data"]["applied"] is False
    assert post(emulator, target, b'{"amount":0.5e1,"idempotencyKey":"k"}')[1]["data"]["applied"] is False


JSON = st.recursive(
    st.none() | st.booleans() | st.text(st.characters(codec="utf-8")) | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@given(JSON)
def test_what_is_written_is_read(value: Any) -> None:
    assert decode_json(encode_json(value)) == value


@settings(max_examples=300)
@given(st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    try:
        value = decode_json(raw)
    except ValueError:
        return
    encode_json(value)


def test_seconds_of_an_event_keep_their_fraction() -> None:
    emulator = Emulator(seed={"events": [{"key": "cup", "capacity": 1, "seconds": 1.9}]})
    with emulator.client() as kraty:
        lobby = kraty.lobbies.push("game_1", "cup", key="l", external_player_ids=["p"])
    assert lobby.ends_at is not None
    assert lobby.started_at is not None
    assert (lobby.ends_at - lobby.started_at).total_seconds() == pytest.approx(1.9)
    emulator.close()


@pytest.mark.parametrize("board", ["weekly", "laps"])
def test_of_equal_scores_the_first_ranks_first(kraty: KratyServer, board: str) -> None:
    for place, player in enumerate(("ada", "bo", "cy"), 1):
        assert kraty.leaderboards.submit_score(player, board, 100).rank == place
    for place, player in enumerate(("ada", "bo", "cy"), 1):  # again, which changes nothing
        assert kraty.leaderboards.submit_score(player, board, 100).rank == place


def test_live_and_test_keys_share_no_player_and_no_balance(emulator: Emulator, kraty: KratyServer) -> None:
    with emulator.client(api_key=emulator.live_key) as live:
        assert kraty.wallet.credit("p", "gold", amount=5, idempotency_key="k").balance == 5
        assert live.wallet.credit("p", "gold", amount=7, idempotency_key="k").balance == 7
        given: dict[str, Any] = {"entries": [CurrencyEntry("gold", 1)], "idempotency_key": "g"}
        assert kraty.grants.create("p", **given).id != live.grants.create("p", **given).id
        assert live.players.get("p").player.id != kraty.players.get("p").player.id
        lobby = kraty.lobbies.push("game_1", "cup", key="l", external_player_ids=["p"])
        assert live.lobbies.push("game_1", "cup", key="l", external_player_ids=["p"]).id != lobby.id
        with pytest.raises(Exception, match="not_found"):
            live.lobbies.read("game_1", lobby.id)
        for player in ("p", "q"):
            live.wallet.credit(player, "gold", amount=1)
        kraty.leaderboards.submit_score("ada", "weekly", 100)
        assert live.leaderboards.submit_score("p", "weekly", 1).rank == 1
    assert [row["delta"] for row in emulator.ledger("p", environment="live")] == [7, 1]
    assert len(emulator.ledger("p")) == 3


def test_a_seed_says_which_world_it_is_for() -> None:
    emulator = Emulator(seed={"environment": "live", "players": [{"externalPlayerId": "p", "wallet": {"gold": 3}}]})
    with emulator.client(api_key=emulator.live_key) as live, emulator.client() as test:
        assert live.players.get("p").wallet[0].balance == 3
        with pytest.raises(Exception, match="not_found"):
            test.players.get("p")
    emulator.close()


def test_friends_and_blocks_move_with_a_merge(kraty: KratyServer) -> None:
    kraty.players.merge("ada", "cy")  # ada: friend of bo, blocks eve, asked by cy
    assert [friend.external_player_id for friend in kraty.players.friends("cy")] == ["bo"]
    assert [friend.external_player_id for friend in kraty.players.friends("bo")] == ["cy"]
    assert [one.external_player_id for one in kraty.players.blocks("cy")] == ["eve"]
    assert kraty.players.friend_requests("cy").incoming == []


def test_a_merge_into_one_that_was_merged_itself_leads_to_who_is_left(kraty: KratyServer) -> None:
    for player in ("a", "b", "c"):
        kraty.wallet.credit(player, "gold", amount=1)
    kraty.players.merge("a", "b")
    kraty.players.merge("b", "c")
    again = kraty.players.merge("a", "b")
    assert (again.status.value, again.to_external_player_id) == ("no_op_already_merged", "c")
    assert kraty.players.get("c").wallet[0].balance == 3


@pytest.mark.parametrize("by", [float("nan"), float("inf"), float("-inf"), -1, 1e12, 1e300])
def test_a_clock_that_cannot_be_moved_so_stays_as_it_is(emulator: Emulator, kraty: KratyServer, by: float) -> None:
    before = emulator.now()
    with pytest.raises(ValueError, match="clock"):
        emulator.advance(by)
    assert 0 <= (emulator.now() - before).total_seconds() < 60
    assert kraty.health.ping().ok


def test_what_ends_after_the_last_moment_of_the_clock_ends_nothing() -> None:
    emulator = Emulator(seed={"events": [{"key": "cup", "capacity": 1, "seconds": 1e9}]})
    emulator.advance((LATEST - emulator.now()).total_seconds() - 3600)
    with emulator.client() as kraty:
        lobby = kraty.lobbies.push("game_1", "cup", key="l", external_player_ids=["p"])
        assert lobby.ends_at is not None
        assert lobby.ends_at.year > LATEST.year
        assert kraty.lobbies.read("game_1", lobby.id).status.value == "active"
    emulator.close()


def test_what_is_due_happens_when_nobody_calls(tmp_path: Any) -> None:
    others = set(threading.enumerate())
    emulator = Emulator(db=tmp_path / "k.db", seed={"events": [{"key": "cup", "fillSeconds": 0.2, "seconds": 0.2}]})
    emulator.add_webhook(secret="s")
    with emulator.client() as kraty:
        kraty.lobbies.push("game_1", "cup", key="l", external_player_ids=["p"])
        soon = emulator.now() + timedelta(seconds=0.2)
        kraty.grants.create("p", entries=[CurrencyEntry("gold", 1)], idempotency_key="g", expires_at=soon)
    eventually(lambda: [d.event for d in emulator.deliveries][-2:] == ["lobby.started", "lobby.closed"])
    eventually(lambda: [row["status"] for row in emulator.dump()["grants"]] == ["expired"])
    emulator.close()
    assert not [thread for thread in set(threading.enumerate()) - others if thread.name == "kraty-emulator-clock"]


def test_what_fell_due_while_it_was_down_happens_at_the_start(tmp_path: Any) -> None:
    seed = {"events": [{"key": "cup", "fillSeconds": 0.3, "seconds": 0.1}]}
    emulator = Emulator(db=tmp_path / "k.db", seed=seed)
    with emulator.client() as kraty:
        kraty.lobbies.push("game_1", "cup", key="l", external_player_ids=["p"])
    emulator.close()
    time.sleep(0.6)
    emulator = Emulator(db=tmp_path / "k.db")
    eventually(lambda: [row["status"] for row in emulator.dump()["lobbies"]] == ["closed"])
    emulator.close()


def test_a_row_of_the_ledger_has_the_time_of_its_request(emulator: Emulator) -> None:
    for seconds in (0.001, 0.01, 0.0999, 5):
        emulator.advance(seconds)
        send(emulator, "POST", "/server/v1/players/t/wallet/gold/credit", {"amount": 1})
        (holding,) = [row for row in emulator.dump()["holdings"] if row["amount"] == len(emulator.ledger("t"))][-1:]
        assert emulator.ledger("t")[-1]["at"] == holding["updated_at"]


def test_a_crate_that_was_not_opened_is_claimed_and_books_nothing(emulator: Emulator) -> None:
    entries = [{"type": "crate", "crateItemKey": "chest", "quantity": 1}]
    for kind, rows in (("crate", 0), ("reward", 1)):
        body = {"idempotencyKey": kind, "kind": kind, "entries": entries}
        grant = send(emulator, "POST", "/server/v1/players/c/grants", body)[1]["data"]
        acked = send(emulator, "POST", f"/server/v1/players/c/grants/{grant['id']}/ack", {})[1]["data"]
        assert acked["status"] == "claimed"
        assert len(emulator.ledger("c")) == rows


def test_a_row_with_amount_zero_refuses_the_whole_migration(emulator: Emulator) -> None:
    rows = [{"externalPlayerId": "m", "economyKey": "gold", "amount": n, "idempotencyKey": str(n)} for n in (5, 0)]
    status, answer = send(emulator, "POST", "/server/v1/migrate/wallet", {"rows": rows})
    assert (status, [problem["path"] for problem in answer["error"]["details"]]) == (400, ["rows[1].amount"])
    assert emulator.ledger("m") == []


def test_a_migrated_row_that_is_refused_leaves_nothing_behind(emulator: Emulator) -> None:
    rows = [
        {"externalPlayerId": "m", "economyKey": "gold", "amount": 2**53 - 1, "idempotencyKey": str(n)} for n in (1, 2)
    ]
    rows.append({"externalPlayerId": "new", "economyKey": "gold", "amount": 7, "idempotencyKey": "1"})
    outcome = send(emulator, "POST", "/server/v1/migrate/wallet", {"rows": rows})[1]["data"]
    assert (outcome["applied"], [failure["error"]["code"] for failure in outcome["failures"]]) == (
        1, ["validation_failed", "idempotency_conflict"])  # fmt: skip
    assert send(emulator, "GET", "/server/v1/players/new")[0] == 404
