"""Each command does what it says and no more: data on stdout, all else on stderr, `--json` everywhere, honest exit codes."""

from __future__ import annotations

import io
import json
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from kraty_server.cli.main import main
from kraty_server.testing import Emulator
from tests.cli import Run, commands
from tests.servers.raw import PONG, RawServer, Reply

RECEIPT = ("--key", "receipt", "--yes")


def test_ping_says_whose_the_key_is(kraty: Run) -> None:
    ended = kraty("ping")
    assert ended.code == 0
    assert "environment  test" in ended.out
    assert "sEmuTest" in ended.out
    assert kraty("ping", "--json").json["apiKey"]["gameId"] == "game_1"


def test_credit_and_debit_change_a_balance_once_for_a_key(kraty: Run, emulator: Emulator) -> None:
    assert kraty("credit", "ada", "gold", "500", *RECEIPT).out == "ada has 1,750 gold now\n"
    again = kraty("credit", "ada", "gold", "500", *RECEIPT)
    assert again.code == 0
    assert "nothing was changed" in again.out
    assert kraty("debit", "ada", "gold", "750", "--json", *RECEIPT).json == {
        "economyKey": "gold",
        "balance": 1000,
        "applied": True,
    }
    assert [row["delta"] for row in emulator.ledger("ada")][-2:] == [500, -750]


def test_reason_and_reference_go_along(kraty: Run, emulator: Emulator) -> None:
    kraty("give", "ada", "sword", "1", "--reason", "goodwill", "--ref", "ticket-7", *RECEIPT)
    emulator.assert_called(
        "inventory.grant", quantity=1, reason="goodwill", sourceRefId="ticket-7", idempotencyKey="receipt"
    )


def test_give_and_revoke_change_items(kraty: Run) -> None:
    assert kraty("give", "ada", "sword", "3", *RECEIPT).out == "ada has 5 sword now\n"
    assert kraty("revoke", "ada", "sword", "5", "--json", *RECEIPT).json["quantity"] == 0


def test_a_grant_has_all_kinds_of_entries_and_can_be_claimed_at_once(kraty: Run, emulator: Emulator) -> None:
    entries = ("--currency", "gold=500", "--item", "a=b=2", "--crate", "box=1")
    ended = kraty("grant", "ada", *entries, "--ack", *RECEIPT)
    assert "is claimed: 500 gold + 2 a=b + 1 box (crate)" in ended.out
    made = kraty(
        "grant", "bo", "--currency", "gems=5", "--expires-at", "2099-01-01T00:00:00Z", "--json", "--key", "k", "--yes"
    ).json
    assert (made["status"], made["expiresAt"][:4]) == ("pending", "2099")
    assert len(emulator.ledger("bo")) == 1  # of the seed


@pytest.mark.parametrize(
    "wrong",
    [
        ("grant", "ada", *RECEIPT),
        ("grant", "ada", "--currency", "gold", *RECEIPT),
        ("grant", "ada", "--currency", "gold=", *RECEIPT),
        ("grant", "ada", "--currency", "gold=0", *RECEIPT),
        ("credit", "ada", "gold", "1,000", *RECEIPT),
        ("credit", "ada", "gold", "-5", *RECEIPT),
        ("credit", "ada", "gold", "0", *RECEIPT),
        ("credit", "ada", "gold", "5", "--key", " ", "--yes"),
        ("credit", "ada", "gold", "5", "--yes"),
        ("debit", "ada", "gold", "5", "--yes"),
        ("give", "ada", "sword", "1", "--yes"),
        ("revoke", "ada", "sword", "1", "--yes"),
        ("grant", "ada", "--currency", "gold=5", "--yes"),
        ("credit", "ada", "gold", "5", "--ke", "k", "--yes"),
        ("credit", "..", "gold", "5", *RECEIPT),
        ("player", "show", ""),
        ("player", "show", "\udcff"),
        ("player", "ban", "ada"),
        ("request", "GET", "players"),
        ("request", "POST", "/server/v1/x", "--key", "", "--yes"),
        ("request", "FETCH", "/server/v1/ping"),
        ("request", "POST", "/server/v1/x", "--data", "{", "--yes"),
        ("request", "POST", "/server/v1/x", "--data", "@absent", "--yes"),
        ("frobnicate",),
        (),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_ends_with_2_and_nothing_is_sent(
    wrong: tuple[str, ...], kraty: Run, emulator: Emulator
) -> None:
    ended = kraty(*wrong)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err
    assert [request for request in emulator.requests if request.operation != "health.ping"] == []


def test_a_player_is_shown_as_tables_and_as_the_api_has_it(kraty: Run) -> None:
    kraty("grant", "ada", "--currency", "gold=1000000", *RECEIPT)
    shown = kraty("player", "show", "ada").out
    assert shown.startswith("ada\n")
    for line in ("  gold        1,250  ", "  sword         2  ", "1,000,000 gold"):
        assert line in shown
    assert kraty("player", "show", "ada", "--json").json["player"]["externalPlayerId"] == "ada"
    assert "Items: none" in kraty("player", "show", "cy").out


def test_the_contents_of_a_grant_that_have_a_newer_form_are_shown_as_json() -> None:
    from kraty_server.cli.grant import describe_contents

    assert (
        describe_contents({"entries": [{"type": "pet", "petKey": "cat"}]})
        == '{"entries": [{"type": "pet", "petKey": "cat"}]}'
    )
    assert describe_contents({"roll": 5}) == '{"roll": 5}'
    assert describe_contents({"entries": ["odd"]}) == '{"entries": ["odd"]}'


def test_an_export_is_json_and_says_where_it_may_be_cut(kraty: Run, emulator: Emulator) -> None:
    assert kraty("player", "export", "ada").json["player"]["externalPlayerId"] == "ada"
    emulator.seed({"players": [{"externalPlayerId": "full", "inventory": {f"i{n}": 1 for n in range(1001)}}]})
    ended = kraty("player", "export", "full", "--json")
    assert len(ended.json["inventory"]) == 1000
    assert "inventory has 1,000 rows" in ended.err


def test_bans_come_and_go(kraty: Run) -> None:
    assert kraty("player", "ban", "ada", "--reason", "bot").out.endswith("UTC: bot\n")
    assert "the ban was there before" in kraty("player", "ban", "ada", "--reason", "aimbot").out
    assert kraty("player", "unban", "ada", "--json").json["applied"] is True
    assert kraty("player", "unban", "ada").out == "ada was not banned\n"
    assert kraty("player", "ban", "ada", "--reason", "bot", "--json").json["reason"] == "bot"
    assert kraty("player", "unban", "ada").out == "ada is no longer banned\n"


def test_players_are_merged_and_erased(kraty: Run) -> None:
    ended = kraty("player", "merge", "bo", "ada", "--yes")
    assert ended.out.startswith("bo → ada: merged\n")
    assert kraty("player", "merge", "cy", "ada", "--yes", "--json").json["counts"]["walletsMerged"] == 0
    assert "ada: erased" in kraty("player", "erase", "ada", "--reason", "gdpr_erasure", "--yes").out
    assert kraty("player", "erase", "ada", "--yes", "--json").json["status"] != "erased"


def test_a_request_shows_status_and_body(kraty: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = kraty("request", "get", "/server/v1/ping")
    assert ended.err.startswith("200 in ")
    assert ended.json["ok"] is True
    path = "/server/v1/players/ada/wallet/gold/credit"
    Path("body.json").write_text('{"amount": 5}')
    for data in ('{"amount": 5}', "@body.json", "-"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"amount": 5}')))
        ended = kraty("request", "POST", path, "--data", data, "--key", data, "--yes", "--json")
        assert (ended.json["status"], ended.json["body"]["data"]["applied"]) == (200, True)
    emulator.assert_called("wallet.credit", times=3, amount=5)
    missing = kraty("request", "GET", "/server/v1/newer")
    assert (missing.code, missing.out) == (1, "")
    assert "[404]" in missing.err


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (401, "unauthenticated", 4),
        (401, "session_invalid", 4),
        (403, "forbidden", 4),
        (403, "tenant_mismatch", 4),
        (403, "newer_code", 4),
        (403, "player_banned", 1),
        (404, "not_found", 1),
        (400, "newer_code", 1),
    ],
)
def test_a_refused_key_ends_with_4_and_other_refusals_with_1(
    status: int, code: str, exit_code: int, kraty: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps({"error": {"code": code, "message": "no", "details": {"field": "x"}}}).encode()
    with RawServer([Reply(status, body, {"x-request-id": "req_1"})]) as server:
        monkeypatch.setenv("KRATY_BASE_URL", server.url)
        ended = kraty("player", "ban", "ada", "--reason", "r")
        told = kraty("player", "ban", "ada", "--reason", "r", "--json")
    assert (ended.code, ended.out, told.out) == (exit_code, "", "")
    for part in (code, "Nothing took effect", 'details: {"field": "x"}', "request id: req_1", "idempotency key: "):
        assert part in ended.err
    assert ("kraty doctor" in ended.err) == (exit_code == 4)
    error = json.loads(told.err)["error"]
    assert (error["exit_code"], error["code"], error["outcome"]) == (exit_code, code, "not_applied")


def test_nobody_at_home_ends_with_1_and_retries_are_told(kraty: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRATY_BASE_URL", "http://127.0.0.1:9")
    ended = kraty("ping")
    assert (ended.code, ended.out) == (1, "")
    assert "trying again" in ended.err
    assert "health.ping, 4 attempts, not_applied" in ended.err


def test_an_answer_that_lacks_a_field_is_said_to(kraty: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    credited = Reply(body=b'{"data":{"economyKey":"gold","balance":5}}')
    with RawServer([Reply(body=PONG), credited]) as server:
        monkeypatch.setenv("KRATY_BASE_URL", server.url)
        ended = kraty("credit", "ada", "gold", "5", *RECEIPT)
    assert (ended.code, ended.out) == (1, "")
    assert "did not send 'applied'" in ended.err
    assert "LIVE · all games of studio s · ada: +5 gold" in ended.err


def test_a_mistake_of_ours_is_shown_in_full(kraty: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kraty_server.cli.ping.connect", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["ping"])


def test_the_emulator_is_handed_over_to(kraty: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    def serve(arguments: Any, ready: Any) -> int:
        given.append(arguments)
        ready("http://127.0.0.1:1", "p.s")
        return 0

    monkeypatch.setattr("kraty_server.testing.__main__.serve", serve)
    assert kraty("emulator", "--port", "0").out == "ready: http://127.0.0.1:1 KRATY_SERVER_KEY=p.s\n"
    assert kraty("emulator", "--port", "0", "--json").json == {"url": "http://127.0.0.1:1", "key": "p.s"}
    assert given[0].port == 0


def test_an_emulator_in_a_process_of_its_own_answers_until_it_is_told_to_stop(
    command: Callable[..., list[str]], environment: Mapping[str, str], kraty: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen(
        command("emulator", "--port", "0", "--json"), env=environment, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            monkeypatch.setenv("KRATY_BASE_URL", ready["url"])
            monkeypatch.setenv("KRATY_SERVER_KEY", ready["key"])
            assert kraty("ping", "--json").json["apiKey"]["environment"] == "test"
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.kill()


def test_every_command_takes_json_and_has_help(kraty: Run) -> None:
    assert {"ping", "player show", "webhook replay", "emulator", "completion"} <= commands()
    for name in commands():
        ended = kraty(*name.split(), "--help")
        assert ended.code == 0
        assert "--json" in ended.out, name
        assert f"usage: kraty {name} " in ended.out
        assert all(len(line) <= 80 for line in ended.out.splitlines()), name


def test_help_and_version_are_data(kraty: Run) -> None:
    assert kraty("--help").out.startswith("usage: kraty ")
    assert kraty("player", "--help").out.startswith("usage: kraty player ")
    assert kraty("--version").out.startswith("kraty-server ")
