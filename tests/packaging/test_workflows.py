"""What the workflows do can be done here: they call make, and what they call works."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from codegen.bump import unfit, version
from tests import services

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BY_HAND = re.findall(r"^python -m .*$", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)
"""What is done by hand where there is no make."""
BESIDE_A_TOKEN = ("pull-request", "publish-site")
"""What runs in a job that has a token."""
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


def test_a_clone_has_the_same_bytes_on_windows(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no clone: git says how files are checked out")
    for name in (".gitattributes", "README.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    (tmp_path / "README.md").unlink()
    git(tmp_path, "-c", "core.autocrlf=true", "checkout", "README.md")
    assert (tmp_path / "README.md").read_bytes() == (ROOT / "README.md").read_bytes()


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


def test_owners_must_agree_to_what_the_sdk_is_made_from_and_to_what_runs_with_a_right_to_write() -> None:
    lines = [line.split() for line in (ROOT / ".github/CODEOWNERS").read_text("utf-8").splitlines()]
    owned = [line[0] for line in lines if line and line[0] != "#"]
    assert all(owner.startswith("@") for line in lines if line and line[0] != "#" for owner in line[1:])
    assert [path for path in owned if not (ROOT / path.strip("/")).exists()] == []
    asked = ["openapi.server.json", "Makefile", ".github/CODEOWNERS", *(f".ci/{name}" for name in BESIDE_A_TOKEN)]
    asked += [path.relative_to(ROOT).as_posix() for path in WORKFLOWS]
    asked += re.findall(
        r"python3 -I (\S+)", "".join((ROOT / f".ci/{name}").read_text("utf-8") for name in BESIDE_A_TOKEN)
    )
    for path in asked:
        assert any(f"/{path}".startswith(one) for one in owned), path


def test_actions_are_brought_up_to_date() -> None:
    told = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text("utf-8"))
    assert [(one["package-ecosystem"], one["directory"]) for one in told["updates"]] == [("github-actions", "/")]


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


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone with a remote, and a `gh` that writes down what it is asked."""
    (tmp_path / "bin").mkdir()
    gh = tmp_path / "bin" / "gh"
    gh.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n[ "$1" = pr ] && cat >> {tmp_path}/body\nexit 0\n')
    gh.chmod(0o755)
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "remote.git"], check=True)
    clone = tmp_path / "clone"
    for folder in (clone / ".ci", clone / "generated", clone / "kraty_server"):
        folder.mkdir(parents=True)
    (clone / ".ci" / "pull-request").write_bytes((ROOT / ".ci" / "pull-request").read_bytes())
    (clone / ".ci" / "pull-request").chmod(0o755)
    for name in ("openapi.server.json", "CHANGELOG.md", "kraty_server/_version.py", "generated/models.py"):
        (clone / name).write_text("old\n")
    taken = clone / ".bump"
    (taken / ".reports").mkdir(parents=True)
    for name in ("openapi.server.json", "CHANGELOG.md", "kraty_server", "generated"):
        copy = shutil.copytree if (clone / name).is_dir() else shutil.copy
        copy(clone / name, taken / name)
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
    (repository / ".bump" / "unrelated").write_text("not part of it\n")
    pull_request(repository)
    (branch,) = re.findall(r"spec-bump/[0-9a-f]{12}", git(repository, "ls-remote", "origin"))
    changed = git(repository, "diff", "--name-only", "main", branch).split()
    assert changed == ["generated/models.py", "generated/more.py", "openapi.server.json"]
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


# The site


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A clone with a remote, and the pages that a job has built of version 0.2.0."""
    (tmp_path / "bin").mkdir()
    gh = tmp_path / "bin" / "gh"
    gh.write_text("#!/bin/sh\nexit 0\n")
    gh.chmod(0o755)
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "remote.git"], check=True)
    clone = tmp_path / "clone"
    for name in (".ci/publish-site", "website/versions.py", "kraty_server/_version.py"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clone / name)
    (clone / ".gitignore").write_text(".site/\n")
    git(clone, "init", "-q", "-b", "main")
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "one")
    git(clone, "remote", "add", "origin", str(tmp_path / "remote.git"))
    git(clone, "push", "-q", "origin", "main")
    built(clone, "0.2.0", "two")
    return clone


def built(clone: Path, version: str, text: str) -> None:
    """Do what the job does that builds."""
    (clone / "kraty_server/_version.py").write_text(f'__version__ = "{version}"\n')
    folder = clone / ".site" / version
    shutil.rmtree(clone / ".site", ignore_errors=True)
    (folder / "grants").mkdir(parents=True)
    for page in (folder / "index.html", folder / "grants/index.html", folder / "llms.txt"):
        page.write_text(text)


def publish(clone: Path, wanted: int = 0) -> str:
    path = os.pathsep.join([str(clone.parent / "bin"), os.environ["PATH"]])
    command = [".ci/publish-site", ".site"]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, env=os.environ | {"PATH": path})
    assert done.returncode == wanted, done.stderr
    return done.stdout + done.stderr


def published(clone: Path) -> dict[str, str]:
    """What GitHub Pages serves."""
    remote = clone.parent / "remote.git"
    names = git(remote, "ls-tree", "-r", "--name-only", "gh-pages").split()
    return {name: git(remote, "show", f"gh-pages:{name}") for name in names}


def test_each_version_gets_a_folder_and_the_newest_is_also_latest(pages: Path) -> None:
    publish(pages)
    assert published(pages).keys() >= {"0.2.0/grants/index.html", "latest/grants/index.html", "index.html", ".nojekyll"}
    built(pages, "0.10.0", "ten")
    publish(pages)
    built(pages, "0.2.1", "a mend of the older one")
    publish(pages)
    there = published(pages)
    versions = [one["version"] for one in json.loads(there["versions.json"])]
    assert versions == ["0.10.0", "0.2.1", "0.2.0"]
    assert [there[f"{version}/index.html"] for version in [*versions, "latest"]] == [
        "ten",
        "a mend of the older one",
        "two",
        "ten",
    ]
    assert there["llms.txt"] == "ten"
    assert git(pages.parent / "remote.git", "ls-tree", "-r", "--name-only", "main").split()[0] == ".ci/publish-site"


def test_pages_that_are_published_again_replace_those_that_were_there(pages: Path) -> None:
    publish(pages)
    assert "published as it is" in publish(pages)
    built(pages, "0.2.0", "mended")
    (pages / ".site/0.2.0/grants/index.html").unlink()
    publish(pages)
    assert published(pages)["latest/index.html"] == "mended"
    assert "0.2.0/grants/index.html" not in published(pages)


def test_the_pages_of_other_versions_are_not_taken_nor_what_is_no_page(pages: Path) -> None:
    publish(pages)
    built(pages, "0.3.0", "three")
    built_folder = pages / ".site"
    (built_folder / "0.2.0").mkdir()
    (built_folder / "0.2.0/index.html").write_text("changed by a package")
    (built_folder / "CNAME").write_text("example.com")
    publish(pages)
    assert published(pages)["0.2.0/index.html"] == "two"
    assert "CNAME" not in published(pages)


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_among_the_pages_is_not_followed(pages: Path) -> None:
    (pages / ".site/0.2.0/secret.txt").symlink_to("/proc/self/environ")
    assert "nothing is taken" in publish(pages, 1)
    built(pages, "0.2.0", "two")
    (pages / "kraty_server/_version.py").write_text('__version__ = "0.3.0"\n')
    assert "no pages of 0.3.0" in publish(pages, 1)
    assert git(pages, "ls-remote", "origin", "gh-pages") == ""


def test_the_job_that_builds_the_site_can_write_nothing() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/site.yml").read_text("utf-8"))
    build, publish = (workflow["jobs"][name] for name in ("build", "publish"))
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML reads `on` as a truth
    assert workflow["permissions"] == {"contents": "read"}
    assert "permissions" not in build
    assert "token" not in str(build).lower()
    assert "secrets." not in str(build)
    assert [step["run"] for step in build["steps"] if "run" in step] == ["make check-tag", "make site"]
    assert publish["permissions"] == {"contents": "write"}
    assert publish["needs"] == "build"
    assert [step["run"] for step in publish["steps"] if "run" in step] == ["make publish-site"]
    recipe = re.search(r"^publish-site:(.*)\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert recipe is not None
    assert recipe.groups() == ("", "\t.ci/publish-site .site\n")
    run = re.findall(
        r"^\s*(?:python|bash|sh|source|eval|exec).*$", (ROOT / ".ci/publish-site").read_text("utf-8"), re.M
    )
    assert run == ['python3 -I website/versions.py "$work"']
    assert {step["with"]["path"] for step in publish["steps"] if "download" in step.get("uses", "")} == {".site"}


def test_what_npm_installs_runs_no_scripts() -> None:
    """They would run beside the files that become the pull request."""
    (line,) = (line for line in (ROOT / "Makefile").read_text("utf-8").splitlines() if "npm install" in line)
    assert "--ignore-scripts" in line
