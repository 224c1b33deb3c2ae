"""Output stands whatever looks at it: odd ids, narrow or no terminals, other locales, pipes and disks that close, Ctrl-C."""

from __future__ import annotations

import errno
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraty_server.cli import terminal
from kraty_server.testing import Emulator
from tests.cli import Run
from tests.terminals import run_in_terminal

Command = Callable[..., list[str]]


@given(st.text(st.characters(exclude_categories=())))
def test_no_text_makes_a_terminal_do_something(text: str) -> None:
    shown = terminal.plain(text)
    assert shown.isprintable()
    assert terminal.plain(shown) == shown


@given(st.text())
def test_a_width_is_at_least_that_of_nothing(text: str) -> None:
    assert 0 <= terminal.width(text) <= 2 * len(text)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1250, "1,250"),
        (1250.0, "1,250"),
        (0.5, "0.5"),
        (True, "yes"),
        (False, "no"),
        (None, "–"),
        ("", "–"),
        ("a\u202eb", "a\\u202eb"),
        ({"a": "ü\n"}, '{"a": "ü\\n"}'),
        ([], "[]"),
    ],
)
def test_values_are_shown_as_people_read_them(value: object, shown: str) -> None:
    assert terminal.cell(value) == shown


@pytest.mark.parametrize(
    "player", ["a b", "a/b", "ü", "表", "%2F", "-x", "'; rm -rf /", "\u202egnp.exe", "👩‍👧", "__proto__"]
)
def test_odd_ids_arrive_and_are_shown_safely(player: str, kraty: Run, emulator: Emulator) -> None:
    ended = kraty("credit", "--key", "k", "--yes", "--", player, "gold", "5")
    assert ended.code == 0, ended.err
    assert ended.out == f"{terminal.plain(player)} has 5 gold now\n"
    assert kraty("player", "show", "--json", "--", player).json["player"]["externalPlayerId"] == player
    assert kraty("player", "show", "--", player).out.splitlines()[0] == terminal.plain(player)


def test_names_from_the_server_cannot_steer_a_terminal(kraty: Run, emulator: Emulator) -> None:
    emulator.seed({"players": [{"externalPlayerId": "odd", "wallet": {"a\u202e\u200bb": 5}}]})
    assert "a\\u202e\\u200bb" in kraty("player", "show", "odd").out
    assert kraty("player", "show", "odd", "--json").out.isascii()


def test_a_narrow_terminal_gets_fields_below_each_other(command: Command, environment: Mapping[str, str]) -> None:
    wide = run_in_terminal(command("player", "show", "ada"), env=environment)
    assert "  currency  balance  changed (UTC)\n" in wide.plain
    narrow = run_in_terminal(command("player", "show", "ada"), env=environment, columns=30)
    assert "  currency       gold\n  balance        1,250\n" in narrow.plain
    assert "1,250" in run_in_terminal(command("player", "show", "ada"), env=environment, columns=1).plain


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}])
def test_colours_are_for_terminals_that_want_them(
    variables: dict[str, str], command: Command, environment: Mapping[str, str]
) -> None:
    shown = run_in_terminal(command("player", "show", "ada"), env={**environment, **variables})
    assert ("\x1b[1mada" in shown.text) == (not variables)


def test_a_pipe_gets_no_colours(command: Command, environment: Mapping[str, str]) -> None:
    ended = subprocess.run(command("player", "show", "ada"), env=environment, capture_output=True, timeout=60)
    assert b"\x1b" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_every_locale_can_write_it(encoding: str, command: Command, environment: Mapping[str, str]) -> None:
    variables = {**environment, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    arguments = command("credit", "表", "gold", "5", "--key", "k", "--yes")
    ended = subprocess.run(arguments, env=variables, capture_output=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert ("表" if encoding == "utf-8" else "\\u8868") in ended.stdout.decode(encoding)
    assert ("TEST - game" if encoding == "ascii" else "TEST · game") in ended.stderr.decode(encoding)


def test_who_stops_reading_is_not_told_of_it(
    command: Command, environment: Mapping[str, str], emulator: Emulator
) -> None:
    emulator.seed({"players": [{"externalPlayerId": "big", "inventory": {f"item-{n:04}": 1 for n in range(3000)}}]})
    with subprocess.Popen(
        command("player", "show", "big"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said(command: Command, environment: Mapping[str, str], emulator: Emulator) -> None:
    arguments = command("credit", "ada", "gold", "5", "--key", "k", "--yes")
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(arguments, env=environment, stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert ended.returncode == 1
    assert b"what was done stays done" in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_only_said_of_the_output_where_it_is(
    kraty: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "players.csv").write_text("externalPlayerId\nada\n")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere")

    monkeypatch.setattr("kraty_server.cli.rows.TemporaryDirectory", full)
    text = kraty("make-good", "-", "--job", "j", "--currency", "gold=5", "--yes")
    assert (text.code, text.out) == (1, "")
    assert text.err == "kraty: /somewhere: No space left on device\n"
    told = kraty("make-good", "-", "--job", "j", "--currency", "gold=5", "--yes", "--json")
    assert json.loads(told.err)["error"] == {"message": "/somewhere: No space left on device", "exit_code": 1}
    assert emulator.requests == []


def test_who_does_not_read_what_is_said_is_not_told_of_it(
    command: Command, environment: Mapping[str, str], emulator: Emulator
) -> None:
    with subprocess.Popen(
        command("player", "show", "nobody"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        process.stderr.close()
        assert process.wait(60) == 1


def closed(descriptor: int, arguments: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Run a command with a stream closed, as `>&-` does."""
    shell = ["sh", "-c", f'exec "$@" {descriptor}>&-', "sh", *arguments]
    return subprocess.run(shell, env=environment, capture_output=True, timeout=60)


def test_without_stdout_nothing_is_done(command: Command, environment: Mapping[str, str], emulator: Emulator) -> None:
    ended = closed(1, command("credit", "ada", "gold", "5", "--key", "k", "--yes"), environment)
    assert ended.returncode == 1
    assert b"nothing was done" in ended.stderr
    assert emulator.requests == []


def test_without_stderr_and_stdin_it_works(command: Command, environment: Mapping[str, str]) -> None:
    assert closed(2, command("ping", "--json"), environment).returncode == 0
    assert closed(0, command("credit", "ada", "gold", "5", "--key", "k"), environment).returncode == 2
    assert closed(0, command("webhook", "sign", "-"), environment).returncode == 2


def test_ctrl_c_says_what_may_have_happened(
    command: Command, environment: Mapping[str, str], emulator: Emulator
) -> None:
    emulator.fault("wallet.credit", latency=60)
    arguments = command("credit", "ada", "gold", "5", "--key", "receipt", "--yes")
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        ends_at = time.monotonic() + 60
        while not any(request.operation == "wallet.credit" for request in emulator.requests):
            assert time.monotonic() < ends_at
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert b"interrupted\n" in err
    assert b"idempotency key receipt: it may have taken effect" in err
    assert b"Traceback" not in err


def test_ctrl_c_at_the_question_is_an_interrupt(command: Command, environment: Mapping[str, str]) -> None:
    from tests.terminals import Terminal

    shown = Terminal(command("credit", "ada", "gold", "5", "--key", "k"), env=environment)
    try:
        shown.wait_for(r"\[y/N\] $")
        shown.process.send_signal(signal.SIGINT)
        shown.wait_for("interrupted")
        assert shown.process.wait(60) == 130
    finally:
        shown.close()


def test_a_stream_that_was_replaced_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.prepare()
    terminal.write_json({"a": "\x7fü"}, indent=None)
    assert json.loads(stream.getvalue()) == {"a": "\x7fü"}
    assert "\x7f" not in stream.getvalue()
