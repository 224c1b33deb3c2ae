"""What the workflows do can be done here: they call make, and what they call works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from codegen import bump, overlay, write
from codegen.bump import unfit, version
from tests import services

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BY_HAND = re.findall(r"^python -m .*$", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)
"""What is done by hand where there is no make."""
TARGETS = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_make_or_what_is_done_by_hand_without_it(workflow: Path) -> None:
    for step in steps(workflow):
        if step.get("run") in BY_HAND:
            continue
        if "run" in step:
            found = re.fullmatch(r"make ([\w-]+)", step["run"])
            assert found, step
            assert found[1] in TARGETS, step
        else:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]), step


def test_where_there_is_no_make_the_quick_part_is_the_same() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    values = dict(re.findall(r"^(\w+) [?:]?= (.*)$", makefile, re.MULTILINE))
    assert BY_HAND[-1] == f"python -m pytest {values['PYTEST']} {values['QUICK']}"
    (extras,) = re.findall(r'--editable "(.*)" \$\(GROUPS\)', makefile)
    assert f'"{extras}"' in BY_HAND[-2]
    assert set(re.findall(r"--group (\S+)", BY_HAND[-2])) <= set(re.findall(r"\w+", values["GROUPS"]))
    assert [step["run"] for step in steps(ROOT / ".github/workflows/ci.yml") if step.get("run") in BY_HAND] == BY_HAND[
        1:
    ]


def test_each_supported_python_is_in_the_matrix_the_classifiers_and_the_local_run() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    there: list[str] = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    prefix = "Programming Language :: Python :: "
    assert [line.removeprefix(prefix) for line in project["classifiers"] if line.startswith(prefix)] == there
    local = re.findall(r"^for minor in (.*); do$", (ROOT / ".ci/pythons").read_text("utf-8"), re.MULTILINE)
    assert " ".join(local).split() == there


def test_each_action_has_one_version() -> None:
    used = {step["uses"] for workflow in WORKFLOWS for step in steps(workflow) if "uses" in step}
    names = [use.partition("@")[0] for use in used]
    assert len(names) == len(set(names))


def test_what_must_pass_here_must_pass_there() -> None:
    here = set(re.findall(r"^step make --no-print-directory ([\w-]+)$", (ROOT / ".ci/run").read_text("utf-8"), re.M))
    there = {step["run"].removeprefix("make ") for step in steps(ROOT / ".github/workflows/ci.yml") if "run" in step}
    assert here - {"test-pythons"} <= there  # its matrix is that


def test_what_tests_need_here_is_there_too_with_each_service_on_its_usual_port() -> None:
    needed = re.findall(r'^export KRATY_NEEDS="(.+)"$', (ROOT / ".ci/run").read_text("utf-8"), re.M)
    job = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))["jobs"]["test"]
    assert [job["env"]["KRATY_NEEDS"]] == needed
    published = {name: service["ports"] for name, service in job["services"].items()}
    addresses = {"redis": services.REDIS, "rabbitmq": services.RABBITMQ, "postgres": services.POSTGRES}
    ports = {name: urlsplit(address).port for name, address in addresses.items()}
    assert published == {name: [f"{port}:{port}"] for name, port in ports.items() if name in needed[0].split()}


@pytest.mark.parametrize(
    "harm", [("runs-on", "run-on"), ("    steps:", "    step:"), ("timeout-minutes: 20", "timeout-minutes: [x]")]
)
def test_a_broken_workflow_is_seen(harm: tuple[str, str], tmp_path: Path) -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    (tmp_path / "good.yml").write_text(text, "utf-8")
    (tmp_path / "bad.yml").write_text(text.replace(*harm), "utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    assert subprocess.run([*command, str(tmp_path / "good.yml")], capture_output=True).returncode == 0
    assert subprocess.run([*command, str(tmp_path / "bad.yml")], capture_output=True).returncode == 1


# Releases


def test_only_the_tag_of_our_version_is_released_and_with_a_date(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    monkeypatch.setattr("codegen.bump.CHANGELOG", changelog)
    changelog.write_text(f"# Changelog\n\n## {version()} – unreleased\n", "utf-8")
    assert "unreleased" in str(unfit(f"v{version()}"))
    changelog.write_text("# Changelog\n", "utf-8")
    assert "nowhere" in str(unfit(f"v{version()}"))
    changelog.write_text(f"# Changelog\n\n## {version()} – 2026-12-01\n", "utf-8")
    assert unfit(f"v{version()}") is None
    assert "v9.9.9" in str(unfit("v9.9.9"))


# Spec bumps


FILES = re.findall(r"[\w./]+", (ROOT / ".ci/pull-request").read_text("utf-8").partition("files=(")[2].partition(")")[0])
"""What a pull request takes over."""


def test_a_pull_request_has_all_that_a_bump_writes() -> None:
    written = (write.DOCUMENT, write.GENERATED.parent, bump.CHANGELOG, bump.VERSION, overlay.RESOURCES, overlay.CLIENT,
               overlay.ERRORS, overlay.EXPORTS, overlay.DIFFERENCES, overlay.EVENTS_PAGE)  # fmt: skip
    assert {*FILES} == {path.relative_to(ROOT).as_posix() for path in written}
    workflow = yaml.safe_load((ROOT / ".github/workflows/spec-bump.yml").read_text("utf-8"))
    (kept,) = (step["with"]["path"] for step in workflow["jobs"]["generate"]["steps"] if "path" in step.get("with", {}))
    assert {*FILES, ".reports"} == {name.rstrip("/") for name in kept.split()}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone with a remote, and a `gh` that writes down what it is asked."""
    (tmp_path / "bin").mkdir()
    gh = tmp_path / "bin" / "gh"
    gh.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n[ "$1" = pr ] && cat >> {tmp_path}/body\nexit 0\n')
    gh.chmod(0o755)
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "remote.git"], check=True)
    clone = tmp_path / "clone"
    (clone / ".ci").mkdir(parents=True)
    (clone / ".ci" / "pull-request").write_bytes((ROOT / ".ci" / "pull-request").read_bytes())
    (clone / ".ci" / "pull-request").chmod(0o755)
    taken = clone / ".bump"
    for name in (*FILES, "generated/models.py", "kraty_server/resources/wallet.py"):
        for folder in (clone, taken):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if (folder / name).suffix:
                (folder / name).write_text("old\n")
    (taken / ".reports").mkdir()
    for name in ("bump", "parity"):
        (taken / ".reports" / f"{name}.md").write_text(f"the {name} report\n")
    (clone / ".gitignore").write_text(".bump/\n")
    git(clone, "init", "-q", "-b", "main")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "one")
    git(clone, "remote", "add", "origin", str(tmp_path / "remote.git"))
    git(clone, "push", "-q", "origin", "main")
    return clone


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def pull_request(clone: Path, wanted: int = 0) -> str:
    path = os.pathsep.join([str(clone.parent / "bin"), os.environ["PATH"]])
    command = [".ci/pull-request", ".bump"]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, env=os.environ | {"PATH": path})
    assert done.returncode == wanted, done.stderr
    return done.stdout + done.stderr


def test_a_new_document_becomes_one_pull_request_with_both_reports(repository: Path) -> None:
    (repository / ".bump" / "openapi.server.json").write_text("new\n")
    (repository / ".bump" / "generated" / "more.py").write_text("new\n")
    (repository / ".bump" / "generated" / "models.py").unlink()
    (repository / ".bump" / "kraty_server" / "errors.py").write_text("new\n")
    (repository / ".bump" / "kraty_server" / "resources" / "spend.py").write_text("new\n")
    (repository / ".bump" / "unrelated").write_text("not part of it\n")
    pull_request(repository)
    (branch,) = re.findall(r"spec-bump/[0-9a-f]{12}", git(repository, "ls-remote", "origin"))
    changed = git(repository, "diff", "--name-only", "main", branch).split()
    assert changed == ["generated/models.py", "generated/more.py", "kraty_server/errors.py",
                       "kraty_server/resources/spend.py", "openapi.server.json"]  # fmt: skip
    assert (repository.parent / "body").read_text() == "the bump report\nthe parity report\n"
    asked = (repository.parent / "asked").read_text()
    assert f"pr create --head {branch}" in asked
    # The same document a week later.
    git(repository, "switch", "-q", "main")
    assert "no second pull request" in pull_request(repository)
    assert (repository.parent / "asked").read_text() == asked


def test_a_comparison_that_could_not_be_made_is_told_in_the_pull_request(repository: Path) -> None:
    (repository / ".bump" / "openapi.server.json").write_text("new\n")
    (repository / ".bump" / ".reports" / "parity.md").unlink()
    pull_request(repository)
    body = (repository.parent / "body").read_text()
    assert body == "the bump report\nThere is no report `parity.md`: the log of the job `Generate` says why.\n"


def test_the_same_document_becomes_no_pull_request(repository: Path) -> None:
    assert "no pull request" in pull_request(repository)
    assert not (repository.parent / "asked").exists()


def test_a_link_among_the_files_is_not_followed(repository: Path) -> None:
    (repository / ".bump" / "openapi.server.json").write_text("new\n")
    (repository / ".bump" / ".reports" / "bump.md").unlink()
    (repository / ".bump" / ".reports" / "bump.md").symlink_to("/proc/self/environ")
    assert "nothing is taken" in pull_request(repository, 1)
    assert git(repository, "status", "--porcelain") == ""
    assert not (repository.parent / "asked").exists()


def test_what_other_people_wrote_runs_in_a_job_that_can_write_nothing() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/spec-bump.yml").read_text("utf-8"))
    generate, publish = (workflow["jobs"][name] for name in ("generate", "pull-request"))
    assert workflow["permissions"] == {"contents": "read"}
    assert "permissions" not in generate
    assert "token" not in str(generate).lower().replace("'persist-credentials': false", "")
    assert "secrets." not in str(generate)
    assert publish["permissions"] == {"contents": "write", "pull-requests": "write"}
    assert publish["needs"] == "generate"
    assert [step["run"] for step in publish["steps"] if "run" in step] == ["make pull-request"]
    recipe = re.search(r"^pull-request:(.*)\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert recipe is not None
    assert recipe.groups() == ("", "\t.ci/pull-request .bump\n")
    assert "python" not in (ROOT / ".ci/pull-request").read_text("utf-8")


def test_what_npm_installs_runs_no_scripts() -> None:
    """They would run beside the files that become the pull request."""
    (line,) = (line for line in (ROOT / "Makefile").read_text("utf-8").splitlines() if "npm install" in line)
    assert "--ignore-scripts" in line
