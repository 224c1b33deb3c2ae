"""A release that breaks callers in Python cannot go out under a version that says otherwise."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import codegen.surface
from tests.codegen.test_bump import project as project
from tests.codegen.test_bump import python

ROOT = Path(__file__).parents[2]
WALLET = "kraty_server/resources/wallet.py"


@pytest.fixture
def released(project: Path) -> Path:
    """A copy of this project, released as 0.1.0."""
    (project / "tests" / "typing").mkdir(parents=True)
    for path in (ROOT / "tests" / "typing").glob("*.py"):
        (project / "tests" / "typing" / path.name).write_text(path.read_text("utf-8"), "utf-8")
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "one")
    git(project, "tag", "v0.1.0")
    return project


def git(project: Path, *words: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words], check=True, cwd=project)


def replaced(project: Path, file: str, old: str, new: str) -> None:
    text = (project / file).read_text("utf-8")
    assert old in text
    (project / file).write_text(text.replace(old, new), "utf-8")


def surface(project: Path) -> subprocess.CompletedProcess[str]:
    return python(project, "-m", "codegen", "surface")


def test_before_the_first_release_there_is_nothing_to_compare(project: Path) -> None:
    git(project, "init", "-q")
    done = surface(project)
    assert (done.returncode, done.stdout) == (0, "nothing was released yet: nothing to compare with\n"), done.stderr


def test_the_same_surface_needs_no_new_version(released: Path) -> None:
    done = surface(released)
    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stdout + done.stderr
    assert "0 changes since v0.1.0" in done.stdout


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (WALLET, "        source_ref_id: str | None = None,\n", "", "source_ref_id"),
        (WALLET, "def debit(", "def withdraw(", "debit"),
        (WALLET, "amount: int,", "amount: int, memo: str,", "memo"),
        (WALLET, "-> Call[AdjustWalletResult]", "-> Call[object]", "the typing tests of v0.1.0"),
        ("kraty_server/telemetry.py", "    attempt: int\n", "", "attempt"),
        ("kraty_server/client.py", "strict_responses: bool = False", "strict: bool = False", "strict"),
    ],
    ids=["argument", "method", "required", "type", "field", "option"],
)
def test_a_break_demands_a_version_that_says_so(file: str, old: str, new: str, told: str, released: Path) -> None:
    replaced(released, file, old, new)
    done = surface(released)
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(line.startswith("breaking") and told in line for line in done.stdout.splitlines()), done.stdout
    assert "has to be 0.2.0 at least" in done.stdout
    replaced(released, "kraty_server/_version.py", '"0.1.0"', '"0.2.0"')
    assert surface(released).returncode == 0


def test_a_type_checker_that_cannot_run_is_no_verdict(released: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codegen.surface, "ROOT", released)
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(ValueError, match="the typing tests of v0.1.0 could not be run"):
        codegen.surface.typing_errors("v0.1.0")


def test_an_addition_demands_a_version_too(released: Path) -> None:
    method = """    @endpoint
    def spend(self, external_player_id: str) -> Call[AdjustWalletResult]:
        return wallet.debit(external_player_id, "gold", amount=1)


class Wallet("""
    replaced(released, WALLET, "\nclass Wallet(", method)
    done = surface(released)
    assert done.returncode == 1, done.stderr
    assert "additive  kraty_server.resources.wallet.Wallet.spend: new" in done.stdout, done.stdout
    assert "has to be 0.1.1 at least" in done.stdout
