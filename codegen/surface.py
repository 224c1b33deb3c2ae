"""Does the public Python surface break since the last release, and does the version say so?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import griffe

from codegen.bump import VERSION, version
from codegen.diff import Level, next_version
from codegen.write import ROOT

PACKAGES = ("kraty_server", "kraty_server_generated")
SEARCH = (".", "generated")
TYPING = "tests/typing"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def last_release() -> str | None:
    """The newest tag `v1.2.3` that leads here; None before the first."""
    told = _git("describe", "--tags", "--abbrev=0", "--match", "v[0-9]*")
    return told.stdout.strip() if told.returncode == 0 else None


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)


def changes(tag: str) -> list[tuple[Level, str]]:
    """What is gone, changed or new since a tag, as far as the source shows it."""
    found: list[tuple[Level, str]] = []
    for package in PACKAGES:
        old = griffe.load_git(package, ref=tag, repo=ROOT, search_paths=SEARCH, resolve_aliases=True)
        new = griffe.load(package, search_paths=[ROOT / path for path in SEARCH], resolve_aliases=True)
        assert isinstance(old, griffe.Module)
        assert isinstance(new, griffe.Module)
        broken = griffe.find_breaking_changes(old, new)
        told = (COLOUR.sub("", breakage.explain(style=griffe.ExplanationStyle.ONE_LINE)) for breakage in broken)
        found += [(Level.BREAKING, text) for text in dict.fromkeys(told)]
        found += [(Level.ADDITIVE, f"{path}: new") for path in sorted({*public(new)} - {*public(old)})]
    return found


def public(owner: griffe.Module | griffe.Class) -> Iterator[str]:
    """The paths of everything public, what is inherited too."""
    for name, member in owner.all_members.items():
        if not name.startswith("_"):
            yield member.path
            if isinstance(member, griffe.Module | griffe.Class):
                yield from public(member)


def typing_errors(tag: str) -> list[str]:
    """What the typing tests of a tag say of the working tree.

    Raises:
        ValueError: mypy could not run, which says nothing of the tree.
    """
    with tempfile.TemporaryDirectory() as folder:
        for path in _git("ls-tree", "-r", "--name-only", tag, TYPING).stdout.split():
            target = Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_git("show", f"{tag}:{path}").stdout, "utf-8")
        if not any(Path(folder).iterdir()):
            return []
        command = [
            "-m",
            "mypy",
            "--strict",
            "--config-file=",
            "--explicit-package-bases",
            f"--cache-dir={folder}",
            folder,
        ]
        paths = os.pathsep.join(str(ROOT / path) for path in SEARCH)
        done = subprocess.run(
            [sys.executable, *command], cwd=folder, env=os.environ | {"MYPYPATH": paths}, capture_output=True, text=True
        )
        errors = [line for line in done.stdout.splitlines() if ": error: " in line]
        if done.returncode and not errors:
            raise ValueError(f"the typing tests of {tag} could not be run: {done.stdout}{done.stderr}")
        return errors


def judged(tag: str) -> tuple[list[str], bool]:
    """What to print, and whether the version is high enough for it."""
    found = changes(tag)
    found += [(Level.BREAKING, f"the typing tests of {tag}: {line}") for line in typing_errors(tag)]
    worst = max((level for level, _ in found), default=None)
    wanted, ours = next_version(tag.removeprefix("v"), worst), version()
    enough = _parts(ours) >= _parts(wanted)
    lines = [f"{level.name.lower():<10}{text}" for level, text in sorted(found, key=lambda one: -one[0])]
    verdict = (
        "which is enough" if enough else f"and has to be {wanted} at least: raise it in {VERSION.relative_to(ROOT)}"
    )
    return [*lines, f"{len(found)} changes since {tag}; the version is {ours}, {verdict}"], enough


def _parts(text: str) -> list[int]:
    return [int(part) for part in text.split(".")]
