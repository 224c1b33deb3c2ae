"""Every console session that calls `kraty` runs as it stands on its page, in a terminal, with the answers that it shows."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from kraty_server.testing import Emulator
from tests.docs.test_code_blocks import PAGES
from tests.terminals import run_in_terminal

SESSION = re.compile(r"^```console\n(\$ .*?)^```$", re.MULTILINE | re.DOTALL)
ANSWER = re.compile(r"(?:\[y/N\]|to go on:) (.*)$", re.MULTILINE)


def steps(page: Path) -> list[tuple[str, str]]:
    """The commands of a page's sessions with what they show, session by session."""
    found: list[tuple[str, str]] = []
    for session in SESSION.findall(page.read_text("utf-8")):
        if re.search(r"^\$ kraty ", session, re.MULTILINE):
            for step in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
                command, _, shown = step.partition("\n")
                found.append((command, shown))
    return found


def pattern(shown: str) -> str:
    """`…` stands for anything in a line, and alone in a line for any lines."""
    lines = [
        "(?:.*\n)*?" if line == "…\n" else re.escape(line).replace("…", ".*")
        for line in shown.splitlines(keepends=True)
    ]
    return "".join(lines)


@pytest.mark.parametrize("page", [page for page in PAGES if steps(page)], ids=lambda page: page.name)
def test_a_session_shows_what_its_page_shows(page: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "kraty"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kraty_server "$@"\n')
    program.chmod(0o755)
    unset = {name for name in os.environ if name.startswith("KRATY_") or name.lower().endswith("_proxy")}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    with Emulator(seed={"players": [{"externalPlayerId": "player_42", "wallet": {"gold": 100}}]}) as emulator:
        environment |= {
            "KRATY_SERVER_KEY": emulator.api_key,
            "KRATY_BASE_URL": emulator.url,
            "KRATY_WEBHOOK_SECRET": "whsec_docs",
            "NO_COLOR": "1",
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(part for part in sys.path if part),
        }
        code = 0
        for command, shown in steps(page):
            script = f"(exit {code}); {command}"  # so that `echo $?` shows it
            ended = run_in_terminal(
                ["bash", "-c", script], answers=ANSWER.findall(shown), env=environment, cwd=tmp_path
            )
            assert re.fullmatch(pattern(shown), ended.plain), f"$ {command}\n{ended.plain}"
            code = ended.code


def test_what_a_session_shows_is_held_to_the_letter() -> None:
    assert re.fullmatch(pattern("a … c\n…\nd\n"), "a b c\nx\ny\nd\n")
    assert not re.fullmatch(pattern("a … c\n"), "a b d\n")
    assert not re.fullmatch(pattern("a (b)\n"), "a b\n")


def test_the_page_about_the_command_is_one_of_them() -> None:
    assert len(steps(next(page for page in PAGES if page.name == "cli.md"))) >= 20
