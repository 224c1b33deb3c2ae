"""What is installed where: locked tools in the environments of make, the ends of the ranges in the bounds job."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / ".ci").glob("locked-*.txt"))
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
OWN_ENVIRONMENT = ("airflow", "engines-", "sanic")
"""Groups and extras that do not go together with the others."""
GROUPS: dict[str, list[str]] = {
    name: group for name, group in PROJECT["dependency-groups"].items() if not name.startswith(OWN_ENVIRONMENT)
}
MODULES = {
    "airflow": "apache-airflow",
    "dateutil": "python-dateutil",
    "multidict": "aiohttp",
    "opentelemetry": "opentelemetry-api",
    "pluggy": "pytest",
    "yarl": "aiohttp",
}
"""What is imported under another name than that of the package which brings it."""
RUN_TIME: list[str] = [
    *PROJECT["project"]["dependencies"],
    *(one for name, extra in EXTRAS.items() if name not in OWN_ENVIRONMENT for one in extra),
]


def dry_run(*arguments: str) -> str:
    """What make would do in an environment that is not there."""
    command = ["make", "-n", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def pinned(lock: Path) -> dict[str, str]:
    lines = [line for line in lock.read_text("utf-8").splitlines() if not line.startswith("#")]
    pins = [re.fullmatch(r"([\w.-]+)==(\S+)", line) for line in lines]
    assert all(pins), "only versions: no addresses, no files of somebody's machine"
    return {canonicalize_name(pin[1]): pin[2] for pin in pins if pin}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_has_a_version_of_everything_that_fits(lock: Path) -> None:
    versions = pinned(lock)
    needed = map(Requirement, [*RUN_TIME, *(one for group in GROUPS.values() for one in group)])
    for requirement in needed:
        name = canonicalize_name(requirement.name)
        if name != "kraty-server" and (requirement.marker is None or requirement.marker.evaluate()):
            assert versions.get(name, "missing") in requirement.specifier, requirement


def test_an_environment_of_make_is_locked_for_its_python_and_no_other(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    for path, said in ((mine, "%d.%d" % sys.version_info[:2]), (other, "3.99")):  # noqa: UP031
        path.write_text(f"#!/bin/sh\necho {said}\n", "utf-8")
        path.chmod(0o755)
    lock = ROOT / ".ci" / f"locked-{sys.version_info[0]}.{sys.version_info[1]}.txt"
    told = dry_run(f"VENV={tmp_path / 'venv'}", f"PYTHON={mine}", "types")
    installs = [line for line in told.splitlines() if " pip install " in line]
    assert installs
    assert all((f"--constraint {lock.relative_to(ROOT)}" in line) is (lock in LOCKS) for line in installs)
    assert "--constraint" not in dry_run(f"VENV={tmp_path / 'venv'}", f"PYTHON={other}", "types")
    assert "--constraint" not in dry_run(f"VENV={tmp_path / 'venv'}", f"PYTHON={mine}", "LOCK=", "types")


def test_there_is_a_lock_of_the_oldest_python_that_the_workflows_use() -> None:
    assert [lock.name for lock in LOCKS][:1] == ["locked-3.11.txt"]


def test_where_the_newest_is_to_be_found_out_about_nothing_is_locked() -> None:
    assert re.search(r"make .*dev\.stamp.* LOCK=$", (ROOT / ".ci/bounds").read_text("utf-8"), re.MULTILINE)
    assert "LOCK=" in dry_run("lock")


@pytest.mark.parametrize("end", ["oldest", "newest"])
def test_the_bounds_job_has_each_end_of_each_range(end: str) -> None:
    command = [sys.executable, str(ROOT / ".ci/bounds.py"), end]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for requirement in map(Requirement, RUN_TIME):
        if requirement.name not in ("kraty-server", "pytest"):  # that one is in tests/plugin
            (lowest,) = (one.version for one in requirement.specifier if one.operator == ">=")
            assert f"{requirement.name}{'==' if end == 'oldest' else '>='}{lowest}" in told


def test_each_package_that_is_imported_is_named_and_none_has_a_limit_that_only_a_year_reaches() -> None:
    core = [path for root in ("kraty_server", "generated") for path in sorted((ROOT / root).rglob("*.py"))]
    imported = set[str]()
    for path in core:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    asking = {"django", "pydantic", "pydantic_core"}  # what is there where it asks for something of ours
    foreign = imported - sys.stdlib_module_names - {"kraty_server", "kraty_server_generated"} - asking
    named = {canonicalize_name(Requirement(one).name) for one in (*RUN_TIME, *EXTRAS["airflow"])}
    assert {MODULES.get(name, canonicalize_name(name)) for name in foreign} <= named
    (attrs,) = (one for one in map(Requirement, RUN_TIME) if one.name == "attrs")
    assert all(limit.operator == ">=" for limit in attrs.specifier)


def test_no_file_in_a_folder_above_decides_what_pyright_checks() -> None:
    assert "pyright -p pyproject.toml" in dry_run("types")


# What make says


def made(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    outside = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "VENV", "PYTHON", "PYTEST")
    }
    command = ["make", "--no-print-directory", *arguments]  # none of what the make that runs the tests was told
    return subprocess.run(command, cwd=folder, env=outside, capture_output=True, text=True)


def python_that_says(version: tuple[int, ...], place: Path) -> Path:
    """A program that is this Python, and thinks that it is of another version."""
    place.parent.mkdir(exist_ok=True)
    claims = f"import runpy, sys; sys.version_info = {version}; del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"
    place.write_text(
        f'#!/bin/sh\n[ "$1" = -c ] && exec "{sys.executable}" "$@"\nexec "{sys.executable}" -c "{claims}" "$@"\n',
        "utf-8",
    )
    place.chmod(0o755)
    return place


def test_make_alone_has_a_line_for_each_target() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    targets = {name for line in re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE) for name in line.split()}
    ended = made(f"PYTHON={sys.executable}")
    lines = dict(re.findall(r"^make (\S+) +(\S.*)$", ended.stdout, re.MULTILINE))
    assert (ended.returncode, set(lines)) == (0, targets - {"help"})
    assert len(ended.stdout.splitlines()) == len(lines)


@pytest.mark.parametrize("arguments", [(), ("quick",), ("smoke",), ("airflow",)], ids=str)
@pytest.mark.parametrize("version", [(3, 9, 18), (3, 10, 13)], ids=str)
def test_a_python_that_is_too_old_is_said_at_once(
    version: tuple[int, ...], arguments: tuple[str, ...], tmp_path: Path
) -> None:
    old = python_that_says(version, tmp_path / "bin" / "python")
    ended = made(
        f"PYTHON={old}", f"VENV={tmp_path / 'venv'}", *(("-W", "pyproject.toml") if arguments else ()), *arguments
    )
    assert ended.returncode == 2
    assert "Python 3.11 or newer is needed" in ended.stderr
    assert "make PYTHON=python3.12" in ended.stderr
    assert not (tmp_path / "venv").exists()


def test_an_older_python_can_read_what_tells_it_so() -> None:
    ast.parse((ROOT / ".ci/environment.py").read_text("utf-8"), feature_version=(3, 7))


def test_an_environment_that_was_moved_is_made_anew(tmp_path: Path) -> None:
    clone, moved = tmp_path / "a clone", tmp_path / "another name"
    (clone / ".ci").mkdir(parents=True)
    for name in ("Makefile", ".ci/environment.py"):
        (clone / name).write_text((ROOT / name).read_text("utf-8"), "utf-8")
    (clone / "pyproject.toml").touch()
    quiet = f"PYTHON={sys.executable}"
    environment = [sys.executable, ".ci/environment.py", ".venv"]
    subprocess.run(environment, cwd=clone, check=True)
    for stamp in ("run.stamp", "dev.stamp"):
        (clone / ".venv" / stamp).touch()
    (clone / ".venv" / "left").touch()
    assert "pip install" not in made("-n", quiet, "quick", folder=clone).stdout
    clone.rename(moved)
    assert "pip install" in made("-n", quiet, "quick", folder=moved).stdout
    ended = subprocess.run(environment, cwd=moved, check=True, capture_output=True, text=True)
    assert "made anew" in ended.stderr
    assert not (moved / ".venv" / "left").exists()
    assert (moved / ".venv" / "place").read_text("utf-8") == str((moved / ".venv").resolve())
    assert subprocess.run(environment, cwd=moved, check=True, capture_output=True, text=True).stderr == ""
