"""The command starts with next to nothing: the module of a command is imported when that command is run, and no other."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kraty_server.cli.commands import COMMANDS
from tests.cli import Run

ROOT = Path(__file__).parents[2]
HEAVY = {
    "typing",
    "dataclasses",
    "inspect",
    "json",
    "logging",
    "socket",
    "ssl",
    "urllib.parse",
    "httpx",
    "attr",
    "asyncio",
}
OURS = {"main", "exits", "terminal", "commands"}
PROGRAM = """
import sys
before = set(sys.modules)
from kraty_server.cli.main import main
code = main(sys.argv[1:])
import json
sys.stderr.write(json.dumps(sorted(set(sys.modules) - before)))
"""


def imported(*arguments: str) -> set[str]:
    """The modules that a command imports."""
    path = f"{ROOT}:{ROOT / 'generated'}"
    ended = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM, *arguments],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    found: list[str] = json.loads(ended.stderr.splitlines()[-1])
    return set(found)


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)])
def test_help_imports_neither_a_command_nor_anything_heavy(arguments: tuple[str, ...]) -> None:
    found = imported(*arguments)
    assert {name for name in found if name.startswith("kraty_server.cli.")} == {
        f"kraty_server.cli.{name}" for name in OURS
    }
    assert found & (HEAVY - {"json"}) == set()  # json writes the answer of this test
    assert len(found - {name for name in found if name.startswith("json")}) < 60


def test_each_command_of_the_table_is_there(kraty: Run) -> None:
    for name, module, summary in COMMANDS:
        assert (ROOT / f"kraty_server/cli/{module}.py").is_file()
        assert f"  {name}" in kraty("--help").out
        assert summary in kraty("--help").out
        assert kraty(name, "--help").code == 0


def test_it_is_installed_as_kraty_and_run_as_a_module() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["scripts"] == {"kraty": "kraty_server.cli.main:main"}
    command = [sys.executable, "-m", "kraty_server", "--version"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (ended.returncode, ended.stdout[:13]) == (0, "kraty-server ")
