"""Nothing is minted, taken or erased before a person, or a script that says so, has seen whose data it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import pytest

from kraty_server.cli.confirmation import Target, total
from kraty_server.testing import Emulator
from tests.cli import Run
from tests.servers.raw import PONG, RawServer, Reply
from tests.terminals import Shown, Terminal, run_in_terminal

CHANGES = [
    ("credit", "ada", "gold", "5", "--key", "k"),
    ("debit", "ada", "gold", "5", "--key", "k"),
    ("give", "ada", "sword", "1", "--key", "k"),
    ("revoke", "ada", "sword", "1", "--key", "k"),
    ("grant", "ada", "--currency", "gold=5", "--key", "k"),
    ("request", "POST", "/server/v1/players/ada/wallet/gold/credit", "--data", '{"amount":5}'),
    ("player", "erase", "ada"),
    ("player", "merge", "bo", "ada"),
]
FINAL = CHANGES[-2:]
Ask = Callable[..., Shown]


def writes(emulator: Emulator) -> list[str | None]:
    return [request.operation for request in emulator.requests if request.operation != "health.ping"]


@pytest.fixture
def ask(command: Callable[..., list[str]], environment: Mapping[str, str]) -> Ask:
    """Runs a command in a terminal, and answers its question."""

    def run(*arguments: str, answers: tuple[str, ...], **variables: str) -> Shown:
        return run_in_terminal(command(*arguments), answers=answers, env={**environment, **variables})

    return run


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: " ".join(change[:2]))
def test_without_a_terminal_and_without_yes_nothing_is_done(
    change: tuple[str, ...], kraty: Run, emulator: Emulator
) -> None:
    ended = kraty(*change)
    assert (ended.code, ended.out, writes(emulator)) == (2, "", [])
    assert ended.err.startswith("TEST · game game_1 · ")
    assert "--yes" in ended.err


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: " ".join(change[:2]))
def test_an_environment_that_is_not_expected_ends_it(change: tuple[str, ...], kraty: Run, emulator: Emulator) -> None:
    ended = kraty(*change, "--yes", "--expect", "live")
    assert (ended.code, ended.out, writes(emulator)) == (2, "", [])
    assert "the key is for test, and --expect says live" in ended.err
    assert kraty(*change, "--yes", "--expect", "test").code == 0


@pytest.mark.parametrize("answer", ["n", "", "game_1", "no", "Yess"])
def test_test_data_is_asked_for_with_y_or_n(answer: str, ask: Ask, emulator: Emulator) -> None:
    shown = ask(*CHANGES[0], answers=(answer,))
    assert f"TEST · game game_1 · ada: +5 gold\nGo on? [y/N] {answer}\n" in shown.plain
    assert "not confirmed; nothing was done" in shown.plain
    assert (shown.code, writes(emulator)) == (2, [])


@pytest.mark.parametrize("answer", ["y", "Y", "yes"])
def test_a_yes_is_one(answer: str, ask: Ask) -> None:
    shown = ask(*CHANGES[0], answers=(answer,))
    assert shown.plain.endswith("ada has 1,255 gold now\n")
    assert shown.code == 0


@pytest.mark.parametrize("answer", ["y", "yes", "game_2", ""])
@pytest.mark.parametrize("change", FINAL, ids=lambda change: change[1])
def test_what_is_final_asks_for_the_game(change: tuple[str, ...], answer: str, ask: Ask, emulator: Emulator) -> None:
    shown = ask(*change, answers=(answer,))
    assert f"Type game_1 to go on: {answer}\n" in shown.plain
    assert (shown.code, writes(emulator)) == (2, [])


def test_the_game_typed_is_a_yes(ask: Ask) -> None:
    assert "ada: erased" in ask("player", "erase", "ada", answers=("game_1",)).plain


def test_live_data_asks_for_the_game_and_is_shown_in_red(ask: Ask, emulator: Emulator) -> None:
    shown = ask(*CHANGES[0], answers=("y",), KRATY_SERVER_KEY=emulator.live_key)
    assert "\x1b[1;31mLIVE · game game_1 · ada: +5 gold\x1b[0m\nType game_1 to go on: y\n" in shown.text
    assert (shown.code, writes(emulator)) == (2, [])
    shown = ask(*CHANGES[0], answers=("game_1",), KRATY_SERVER_KEY=emulator.live_key)
    assert shown.plain.endswith("ada has 5 gold now\n")


def test_a_key_for_all_games_of_a_studio_asks_for_the_studio(ask: Ask) -> None:
    with RawServer([Reply(body=PONG)]) as server:
        shown = ask(*CHANGES[0], answers=("y",), KRATY_BASE_URL=server.url)
    assert "LIVE · all games of studio s · ada: +5 gold\nType s to go on: y\n" in shown.plain
    assert shown.code == 2


def test_the_end_of_the_input_is_no_yes(ask: Ask, emulator: Emulator) -> None:
    shown = ask(*CHANGES[0], answers=("\x04",))
    assert (shown.code, writes(emulator)) == (2, [])


def test_bytes_that_are_no_text_are_no_yes(
    command: Callable[..., list[str]], environment: Mapping[str, str], emulator: Emulator
) -> None:
    shown = Terminal(command(*CHANGES[0]), env={**environment, "PYTHONIOENCODING": "utf-8:strict"})
    try:
        shown.wait_for(r"\[y/N\] $")
        os.write(shown.fd, b"\xff\n")
        shown.wait_for("not confirmed; nothing was done")
        assert (shown.process.wait(60), writes(emulator)) == (2, [])
    finally:
        shown.close()


def test_a_refused_argument_comes_before_the_question(kraty: Run, emulator: Emulator) -> None:
    ended = kraty("credit", "ada", "gold", "0", "--key", "k")
    assert (ended.code, emulator.requests) == (2, [])
    assert "amount" in ended.err


def test_a_delete_by_hand_is_final(ask: Ask) -> None:
    assert "Type game_1 to go on: " in ask("request", "DELETE", "/server/v1/x", answers=("n",)).plain


def test_sums_are_said_as_people_read_them() -> None:
    assert total(200_000, 500, "gold") == "200,000 players × 500 gold = 100,000,000"
    assert total(1, 500, "a\x1bb") == "1 player × 500 a\\x1bb = 500"
    assert str(Target("live", "X")) == "LIVE · game X"
