"""A bump takes a new document over, or changes nothing."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codegen import write
from codegen.bump import entry
from codegen.diff import diff
from tests.codegen.test_diff import MUTATIONS, OURS, call, edited

ROOT = write.ROOT
COPIED = ("codegen", "generated", "kraty_server", "templates", "openapi.server.json", "pyproject.toml", "CHANGELOG.md")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of this project."""
    root = tmp_path / "project"
    root.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, root / name)
    return root


def python(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (project, project / "generated")))
    return subprocess.run(
        [sys.executable, *words], cwd=project, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )


def bumped(project: Path, document: Any) -> subprocess.CompletedProcess[str]:
    new = project.parent / "new.json"
    new.write_text(json.dumps(document), "utf-8")
    return python(project, "-m", "codegen", "bump", str(new), "--report", str(project.parent / "report.md"))


def tree(project: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(project)): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and ".ruff_cache" not in path.parts
    }


def spend(d: Any) -> None:
    """A new operation, of a resource that we have."""
    path = "/players/{externalId}/wallet/{economyKey}/spend"
    new = copy.deepcopy(call(d, "wallet.debit"))
    d["paths"][path] = {"post": new | {"operationId": "wallet.spend", "summary": "Spend from a balance"}}


def shops(d: Any) -> None:
    """A new operation, of a resource that we do not have."""
    spend(d)
    new = d["paths"]["/players/{externalId}/wallet/{economyKey}/spend"]["post"]
    new |= {"operationId": "shops.buy", "tags": ["shops"]}
    d["tags"].append({"name": "shops", "description": "Shops."})


def test_a_new_operation_arrives_with_a_stub_that_works(project: Path) -> None:
    done = bumped(project, edited(spend))
    assert done.returncode == 0, done.stderr
    assert "`wallet.spend` has no method" in done.stdout
    assert "The emulator has no handler for `wallet.spend`" in done.stdout
    assert (project.parent / "report.md").read_text("utf-8").strip() == done.stdout.strip()
    assert python(project, "-m", "codegen", "check").returncode == 0
    assert "`POST /players/{externalId}/wallet/{economyKey}/spend`" in (project / "CHANGELOG.md").read_text("utf-8")
    (source,) = re.findall(r"```python\n(.*?)```", done.stdout, re.DOTALL)
    overlay = project / "kraty_server" / "resources" / "wallet.py"
    method = source.partition("class WalletCalls:\n")[2]
    overlay.write_text(overlay.read_text("utf-8").replace("\n\nclass Wallet(", f"\n{method}\n\nclass Wallet("), "utf-8")
    used = python(
        project,
        "-c",
        """
import httpx, kraty_server
def answer(request):
    print(request.method, request.url.path, request.content.decode())
    return httpx.Response(200, json={"data": {"economyKey": "gold", "balance": 5, "applied": True}})
client = httpx.Client(transport=httpx.MockTransport(answer))
kraty = kraty_server.KratyServer(api_key="a.b", http_client=client)
print(kraty.wallet.spend("p1", "gold", amount=5, idempotency_key="k").balance)
""",
    )
    assert used.stdout.splitlines() == [
        'POST /server/v1/players/p1/wallet/gold/spend {"amount":5,"idempotencyKey":"k"}',
        "5",
    ], used.stderr
    again = bumped(project, edited(spend))
    assert "Nothing: this is the document that we have." in again.stdout
    assert "has no method" not in again.stdout


def test_a_new_resource_arrives_as_a_whole_module(project: Path) -> None:
    done = bumped(project, edited(shops))
    assert "which is new: make it a `Resource` of `BaseClient` in `kraty_server/client.py`" in done.stdout, done.stderr
    (source,) = re.findall(r"```python\n(.*?)```", done.stdout, re.DOTALL)
    (project / "kraty_server" / "resources" / "shops.py").write_text(source, "utf-8")
    used = python(project, "-c", "from kraty_server.resources.shops import Shops, AsyncShops; help(Shops.buy)")
    assert "external_player_id" in used.stdout, used.stderr
    assert not re.search(r"^.{121}", source, re.MULTILINE)


def test_a_new_event_arrives_with_its_class_and_the_emulator_is_told_to_lack_it(project: Path) -> None:
    document = copy.deepcopy(OURS)
    document["components"]["schemas"]["WebhookEventName"]["enum"].append("lobby.filled")
    new = json.loads(json.dumps(document["webhooks"]["lobby.closed"]).replace("lobby.closed", "lobby.filled"))
    document["webhooks"]["lobby.filled"] = new
    done = bumped(project, document)
    assert done.returncode == 0, done.stderr
    assert "- The emulator does not emit `lobby.filled`." in done.stdout
    assert "class LobbyFilled(" in (project / "generated/kraty_server_generated/events.py").read_text()


def test_a_method_that_lacks_an_argument_is_told(project: Path) -> None:
    def memo(d: Any) -> None:
        properties = d["components"]["schemas"]["AdjustWalletBody"]["properties"]
        properties |= {"memo": {"type": "string", "description": "A note."}}
        properties["idempotencyKey"] = properties.pop("idempotencyKey")

    done = bumped(project, edited(memo))
    assert "`wallet.credit` differs in memo." in done.stdout, done.stderr
    assert "memo: str | None = None" in done.stdout


def test_a_method_whose_operation_is_gone_is_told(project: Path) -> None:
    done = bumped(project, edited(lambda d: d["paths"].pop("/leaderboards/{key}/score"),
                                  lambda d: d["components"]["schemas"].pop("SubmitScoreBody"),
                                  lambda d: d["components"]["schemas"].pop("SubmitScoreResult"),
                                  lambda d: d["components"]["schemas"].pop("SubmitScoreResponse"),
                                  lambda d: d["components"]["parameters"].pop("LeaderboardKey", None)))  # fmt: skip
    assert "`leaderboards.submit_score` is gone from the API" in done.stdout, done.stderr
    assert not (project / "generated" / write.PACKAGE / "api" / "leaderboards.py").exists()


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda d: call(d, "wallet.credit").update(summary=""), "the linter objects"),
        (lambda d: d["components"]["schemas"]["AdjustWalletBody"].update(not_a_keyword=1), "not_a_keyword"),
        (MUTATIONS["parameter: optional"][0], "parameters outside the path"),
    ],
)
def test_nothing_changes_if_anything_fails(edit: Callable[[Any], object], why: str, project: Path) -> None:
    before = tree(project)
    done = bumped(project, edited(edit))
    assert done.returncode == 1
    assert why in done.stderr
    assert tree(project) == before
    assert not (project.parent / "report.md").exists()


@pytest.mark.parametrize(
    ("edit", "place"),
    [
        (lambda d: d["components"]["schemas"]["Id"].update(pattern=r"^\p{L}+$"), "does not know the pattern"),
        (lambda d: d["components"]["schemas"]["AdjustWalletBody"]["properties"].update(
            self={"type": "string", "description": "x"}), "AdjustWalletBody.self"),
        (lambda d: d["servers"][0].update(url='https://x/"+str(print(1))+"'), "servers[0].url"),
    ],
)  # fmt: skip
def test_what_could_not_be_used_is_not_taken(edit: Callable[[Any], object], place: str, project: Path) -> None:
    before = tree(project)
    document = edited(edit)
    for body in document["components"]["schemas"].values():
        if "idempotencyKey" in body.get("properties", {}) and "self" in body["properties"]:
            body["properties"]["idempotencyKey"] = body["properties"].pop("idempotencyKey")
    done = bumped(project, document)
    assert done.returncode == 1
    assert place in done.stderr
    assert tree(project) == before


@pytest.mark.parametrize("where", ["nowhere/report.md", "."])
def test_a_report_that_cannot_be_written_stops_before_anything_is(where: str, project: Path) -> None:
    before = tree(project)
    new = project.parent / "new.json"
    new.write_text(json.dumps(edited(spend)), "utf-8")
    done = python(project, "-m", "codegen", "bump", str(new), "--report", str(project.parent / where))
    assert done.returncode == 3
    assert "cannot be written; nothing was changed" in done.stderr
    assert tree(project) == before


def test_files_are_written_all_or_none(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    (tmp_path / "gone").write_text("gone")
    (tmp_path / "folder").mkdir()
    changes: dict[Path, str | None] = {
        tmp_path / "old": "new",
        tmp_path / "more" / "made": "x",
        tmp_path / "gone": None,
    }
    with pytest.raises(OSError, match="folder"):
        write.apply({**changes, tmp_path / "folder": "not a file"})
    assert (tmp_path / "old").read_text() == "old"
    assert (tmp_path / "gone").read_text() == "gone"
    assert not (tmp_path / "more" / "made").exists()
    write.apply(changes)
    assert (tmp_path / "old").read_text() == "new"
    assert not (tmp_path / "gone").exists()


# The CHANGELOG

RELEASED = "# Changelog\n\n## 1.2.0 – 2026-10-01\n\n- This.\n"


@pytest.mark.parametrize(
    ("changelog", "current", "name", "heading", "version"),
    [
        (RELEASED, "1.2.0", "request: minimum", "## 2.0.0 – unreleased", "2.0.0"),
        (RELEASED, "1.2.0", "response: enum value", "## 1.3.0 – unreleased", "1.3.0"),
        (RELEASED, "1.2.0", "operation: prose", "## 1.2.1 – unreleased", "1.2.1"),
        ("## 1.3.0 – unreleased\n\n- That.\n\n" + RELEASED, "1.3.0", "response: enum value", "## 1.3.0 – unreleased", "1.3.0"),
        ("## 1.3.0 – unreleased\n\n- That.\n\n" + RELEASED, "1.3.0", "request: minimum", "## 2.0.0 – unreleased", "2.0.0"),
        ("## 0.1.0 – unreleased\n\n- That.\n", "0.1.0", "request: minimum", "## 0.1.0 – unreleased", "0.1.0"),
        ("# Changelog\n", "0.1.0", "request: minimum", "## 0.1.0 – unreleased", "0.1.0"),
    ],
)  # fmt: skip
def test_the_changelog_and_the_version_follow_the_verdict(
    changelog: str, current: str, name: str, heading: str, version: str
) -> None:
    text, after = entry(changelog, diff(OURS, edited(MUTATIONS[name][0])), current)
    assert after == version
    assert text.count(heading) == text.count("unreleased") == 1
    for line in changelog.splitlines():
        assert line in text or "unreleased" in line
    section = text.partition(heading)[2].partition("\n## ")[0]
    assert ("That." in changelog) == ("That." in section)
    assert "descriptions" in section.lower() or "the API" in section or "The API" in section
