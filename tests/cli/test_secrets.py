"""Neither key nor webhook secret is in any argument, output or error of any command, whatever the server does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from kraty_server import bulk
from kraty_server.testing import Emulator
from tests.cli import Ended, Run, commands
from tests.cli.conftest import SECRET
from tests.servers.raw import PONG, RawServer, Reply
from tests.terminals import run_in_terminal

CANARY = "canaryNeverSeen9f3b"
KEY = f"sCanary1.{CANARY}"
WEBHOOK = "whsec_canary_never_seen_7d1c"
CHANGE = ("--key", "k", "--yes")
INVOCATIONS: Mapping[str, tuple[str, ...]] = {
    "ping": (),
    "doctor": (),
    "player show": ("ada",),
    "player export": ("ada",),
    "player ban": ("ada", "--reason", "r"),
    "player unban": ("ada",),
    "player erase": ("ada", "--yes"),
    "player merge": ("bo", "ada", "--yes"),
    "grant": ("ada", "--currency", "gold=5", *CHANGE),
    "credit": ("ada", "gold", "5", *CHANGE),
    "debit": ("ada", "gold", "5", *CHANGE),
    "give": ("ada", "sword", "5", *CHANGE),
    "revoke": ("ada", "sword", "1", *CHANGE),
    "import players": ("players.csv", "--job", "a", "--yes"),
    "import wallet": ("players.csv", "--job", "b", "--set", "economyKey=gold", "--yes"),
    "import inventory": ("players.csv", "--job", "c", "--set", "itemKey=sword", "--set", "quantity=1", "--yes"),
    "make-good": ("players.csv", "--job", "d", "--currency", "gold=5", "--yes"),
    "take-back": ("players.csv", "--job", "e", "--set", "economyKey=gold", "--yes"),
    "erase-list": ("players.csv", "--job", "f", "--yes"),
    "export-list": ("players.csv", "--job", "g", "--to", "exports"),
    "snapshot": ("players.csv", "--job", "h", "--to", "snapshots"),
    "job status": ("old",),
    "job failures": ("old",),
    "job unknown": ("old",),
    "job resolve": ("old", "--applied", "keys.csv"),
    "request": ("GET", "/server/v1/ping"),
    "listen": ("--forward-to", "http://127.0.0.1:9", "--port", "0"),  # runs in test_webhooks.py
    "webhook verify": ("body.json", "--signature", "t=1,v1=00"),
    "webhook sign": ("body.json",),
    "webhook send": ("http://127.0.0.1:9", "--event", "player.banned"),
    "webhook replay": ("record.jsonl", "--to", "http://127.0.0.1:9"),
    "completion": ("bash",),
}
HANDED_OVER = {"emulator"}
"""It prints the key of the emulator, which is public."""


def assert_clean(ended: Ended) -> None:
    for secret in (CANARY, WEBHOOK):
        assert secret not in ended.out
        assert secret not in ended.err


@pytest.fixture
def world(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, emulator: Emulator) -> None:
    """The canaries are the secrets that are used, and work."""
    emulator.seed({"keys": [{"prefix": "sCanary1", "secret": CANARY}]})
    monkeypatch.setenv("KRATY_SERVER_KEY", KEY)
    monkeypatch.setenv("KRATY_WEBHOOK_SECRET", WEBHOOK)
    (tmp_path / "players.csv").write_text("externalPlayerId,amount\nada,1\n,1\n")
    (tmp_path / "keys.csv").write_text("idempotency_key\nold/ada\n")
    bulk.Job("old", bulk.unban(), [{"externalPlayerId": "ada"}]).run()
    (tmp_path / "body.json").write_bytes(b"{}")
    (tmp_path / "record.jsonl").write_text(json.dumps({"id": "evt_1", "event": "e", "result": "failed", "body": "{}"}))


def test_every_command_is_tried() -> None:
    assert INVOCATIONS.keys() | HANDED_OVER == commands()


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("more", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("name", sorted(INVOCATIONS.keys() - {"listen"}))
def test_no_command_shows_a_secret_and_each_json_is_json(name: str, more: tuple[str, ...], kraty: Run) -> None:
    ended = kraty(*name.split(), *INVOCATIONS[name], *more)
    assert_clean(ended)
    assert ended.code not in (2, 4), ended.err  # it was done, not refused
    if more:
        json.loads(ended.out)
    if name.startswith(("player", "ping", "credit", "doctor", "request")):
        assert ended.code == 0, ended.err


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("more", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("name", sorted(INVOCATIONS.keys() - {"listen", "completion"}))
def test_not_even_where_the_server_says_the_secret(
    name: str, more: tuple[str, ...], kraty: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    echo = json.dumps({"error": {"code": "odd", "message": f"Bearer {KEY}", "details": {KEY: WEBHOOK}}}).encode()
    body = json.dumps({"data": {"note": f"{KEY} {WEBHOOK}"}, "ok": True, "apiKey": json.loads(PONG)["apiKey"]}).encode()
    for status, answer in ((400, echo), (200, body), (401, echo)):
        with RawServer([Reply(status, answer, {"x-request-id": KEY})]) as server:
            monkeypatch.setenv("KRATY_BASE_URL", server.url)
            arguments = [one.replace("http://127.0.0.1:9", server.url) for one in INVOCATIONS[name]]
            assert_clean(kraty(*name.split(), *arguments, *more))


@pytest.mark.parametrize("variable", ["KRATY_SERVER_KEY", "KRATY_WEBHOOK_SECRET"])
def test_a_secret_can_come_from_a_file_but_not_from_two_places(
    variable: str, kraty: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, emulator: Emulator
) -> None:
    run = ("ping",) if variable == "KRATY_SERVER_KEY" else ("webhook", "sign", "secret.txt")
    value = emulator.api_key if variable == "KRATY_SERVER_KEY" else SECRET
    (tmp_path / "secret.txt").write_text(f"{value}\n")
    monkeypatch.setenv(f"{variable}_FILE", "secret.txt")
    both = kraty(*run)
    assert (both.code, both.out) == (2, "")
    assert "both set" in both.err
    monkeypatch.delenv(variable)
    assert kraty(*run).code == 0
    for content, why in ((b"\xff\xfe", "no text"), (b" \n", "set KRATY_")):
        (tmp_path / "secret.txt").write_bytes(content)
        ended = kraty(*run)
        assert (ended.code, ended.out) == (2, "")
        assert why in ended.err
    monkeypatch.setenv(f"{variable}_FILE", "absent.txt")
    assert "absent.txt: No such file" in kraty(*run).err
    monkeypatch.delenv(f"{variable}_FILE")
    missing = kraty(*run, "--json")
    assert (missing.code, json.loads(missing.err)["error"]["exit_code"]) == (2, 2)


@pytest.mark.parametrize("bad", ["Bearer x.y", "a b", "ключ"])
def test_what_is_no_key_is_refused_without_showing_it(bad: str, kraty: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRATY_SERVER_KEY", bad)
    for name in ("ping", "doctor"):
        ended = kraty(name)
        assert ended.code == 2
        assert bad not in ended.out + ended.err
    monkeypatch.setenv("KRATY_WEBHOOK_SECRET", "two words")
    assert "white space" in kraty("webhook", "sign", "-").err


@pytest.mark.usefixtures("world")
def test_a_key_given_as_an_argument_by_mistake_is_not_repeated(kraty: Run) -> None:
    ended = kraty("ping", KEY)
    assert ended.code == 2
    assert_clean(ended)


@pytest.mark.usefixtures("world")
def test_a_terminal_does_not_show_it_either(command: Callable[..., list[str]], environment: Mapping[str, str]) -> None:
    shown = run_in_terminal(command("doctor"), env={**environment, "KRATY_SERVER_KEY": KEY})
    assert shown.code == 0
    assert "sCanary1" in shown.text
    assert CANARY not in shown.text
