"""The completion scripts offer every command and option there is, in the shells themselves."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from kraty_server.cli.commands import make_parser
from kraty_server.cli.completion import places
from tests.cli import Run, commands
from tests.terminals import Terminal

ASKED = {
    "kraty ": {"ping", "player", "webhook", "completion", "--help", "--version"},
    "kraty pl": {"player"},
    "kraty player ": {"show", "export", "ban", "unban", "erase", "merge"},
    "kraty player e": {"export", "erase"},
    "kraty player show ada --j": {"--json"},
    "kraty credit ada gold 5 --key k --expect ": {"live", "test"},
    "kraty completion ": {"bash", "fish", "zsh"},
    "kraty request ": {"GET", "POST", "--data", "--key"},
}
"""What may come next, all or some of it."""
ALL = {"kraty pl", "kraty player e", "kraty player show ada --j", "kraty credit ada gold 5 --key k --expect "}
"""Where that is all."""


def test_the_places_are_those_of_the_parser() -> None:
    found = {place.path: place for place in places(make_parser())}
    assert commands() <= found.keys()
    assert [names for names, *_ in found["player erase"].options if "--reason" in names]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_and_option_is_in_each_script(shell: str, kraty: Run) -> None:
    script = kraty("completion", shell).out
    assert kraty("completion", shell, "--json").json == {"shell": shell, "script": script.removesuffix("\n")}
    for place in places(make_parser()):
        for name, _ in place.commands:
            assert name in script
        for option in place.options:
            for name in option.names:
                assert name.lstrip("-") in script
    assert kraty("completion", "tcsh").code == 2


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


@needs("bash")
@pytest.mark.parametrize("line", ASKED)
def test_bash_offers_them(line: str, kraty: Run, tmp_path: Path) -> None:
    (tmp_path / "kraty.bash").write_text(kraty("completion", "bash").out)
    words = line.split(" ")
    asked = " ".join(f"'{word}'" for word in words)
    program = f'source kraty.bash; COMP_WORDS=({asked}); COMP_CWORD={len(words) - 1}; _kraty; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(
        ["bash", "-euc", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    check(line, set(done.stdout.split()))


def check(line: str, offered: set[str]) -> None:
    assert offered >= ASKED[line]
    if line in ALL:
        assert offered == ASKED[line]


@needs("fish")
@pytest.mark.parametrize("line", ASKED)
def test_fish_offers_them(line: str, kraty: Run, tmp_path: Path) -> None:
    (tmp_path / "kraty.fish").write_text(kraty("completion", "fish").out)
    program = f"source kraty.fish; complete -C '{line}'"
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(
        ["fish", "--no-config", "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, env=environment, check=True
    )  # fmt: skip
    offered = {row.partition("\t")[0] for row in done.stdout.splitlines()}
    wanted = {
        one for one in ASKED[line] if not one.startswith("-") or line.endswith("--j")
    }  # it offers options after a dash
    assert offered >= wanted


@needs("zsh")
@pytest.mark.parametrize("line", ASKED)
def test_zsh_offers_them(line: str, kraty: Run, environment: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "kraty.zsh").write_text(kraty("completion", "zsh").out)
    shell = Terminal(["zsh", "-f", "-i"], columns=100, env={**environment, "HOME": str(tmp_path)}, cwd=tmp_path)
    try:
        shell.type("PS1='@@ '; autoload -Uz compinit; compinit -u -D; source ./kraty.zsh; echo rea''dy\n")
        shell.wait_for("ready\n")
        shell.wait_for("@@ .*$")
        shell.type(f"{line}\t")
        for one in ASKED[line]:
            shell.wait_for(rf"ready\n[^§]*(?<![\w-]){re.escape(one)}(?![\w-])")
    finally:
        shell.close()
