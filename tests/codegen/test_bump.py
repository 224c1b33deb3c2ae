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
from codegen.lint import problems
from codegen.parity.surface import ours
from tests.codegen.test_diff import MUTATIONS, OURS, call, edited

ROOT = write.ROOT
COPIED = ("codegen", "docs", "generated", "kraty_server", "templates",
          "openapi.server.json", "pyproject.toml", "CHANGELOG.md", "README.md")  # fmt: skip


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


SENT = """
import asyncio, httpx, warnings, kraty_server
warnings.simplefilter("always")
def answer(request):
    print(request.method, request.url.path, request.content.decode())
    return httpx.Response(200, json={"data": {"economyKey": "gold", "balance": 5, "applied": True}})
transport = httpx.MockTransport(answer)
kraty = kraty_server.KratyServer(api_key="a.b", transport=transport)
async_kraty = kraty_server.AsyncKratyServer(api_key="a.b", transport=transport)
"""
"""Clients whose requests are shown."""


def test_a_new_operation_arrives_with_its_method_in_both_flavours(project: Path) -> None:
    done = bumped(project, edited(spend))
    assert done.returncode == 0, done.stderr
    assert "- `kraty_server/resources/wallet.py`" in done.stdout
    assert "The emulator answers `wallet.spend` with a sample that fits the document" in done.stdout
    assert (project.parent / "report.md").read_text("utf-8").strip() == done.stdout.strip()
    assert python(project, "-m", "codegen", "check").returncode == 0
    assert "`POST /players/{externalId}/wallet/{economyKey}/spend`" in (project / "CHANGELOG.md").read_text("utf-8")
    call_it = 'spend("p1", "gold", amount=5, idempotency_key="k")'
    used = python(project, "-c", f"{SENT}\nkraty.wallet.{call_it}\nasyncio.run(async_kraty.wallet.{call_it})")
    assert (
        used.stdout.splitlines()
        == ['POST /server/v1/players/p1/wallet/gold/spend {"amount":5,"idempotencyKey":"k"}'] * 2
    ), used.stderr
    again = bumped(project, edited(spend))
    assert "Nothing: this is the document that we have." in again.stdout


def test_a_new_resource_arrives_as_a_module_and_on_the_clients(project: Path) -> None:
    done = bumped(project, edited(shops))
    assert done.returncode == 0, done.stderr
    source = (project / "kraty_server" / "resources" / "shops.py").read_text("utf-8")
    assert not re.search(r"^.{121}", source, re.MULTILINE)
    used = python(project, "-c", f'{SENT}\nkraty.shops.buy("p1", "gold", amount=5); print(type(async_kraty.shops))')
    assert "/wallet/gold/spend" in used.stdout, used.stderr
    assert "AsyncShops" in used.stdout


def test_a_new_event_arrives_with_its_class_and_the_emulator_is_told_to_lack_it(project: Path) -> None:
    document = copy.deepcopy(OURS)
    document["components"]["schemas"]["WebhookEventName"]["enum"].append("lobby.filled")
    new = json.loads(json.dumps(document["webhooks"]["lobby.closed"]).replace("lobby.closed", "lobby.filled"))
    document["webhooks"]["lobby.filled"] = new
    done = bumped(project, document)
    assert done.returncode == 0, done.stderr
    assert "- The emulator does not send `lobby.filled` of itself." in done.stdout
    assert "- The emulator does not send `lobby.closed`" not in done.stdout
    assert "class LobbyFilled(" in (project / "generated/kraty_server_generated/events.py").read_text()
    assert "| `lobby.filled` | `LobbyFilled` |" in (project / "docs" / "webhooks.md").read_text("utf-8")


def memo(d: Any) -> None:
    """One argument more."""
    properties = d["components"]["schemas"]["AdjustWalletBody"]["properties"]
    properties |= {"memo": {"type": "string", "description": "A note."}}
    properties["idempotencyKey"] = properties.pop("idempotencyKey")


def reason(value: Any) -> Callable[[Any], None]:
    """Another type for an argument that there is; None to make it required, too."""

    def edit(d: Any) -> None:
        body = d["components"]["schemas"]["AdjustWalletBody"]
        if value is None:
            body["required"].append("reason")
        else:
            body["properties"]["reason"] |= value

    return edit


@pytest.mark.parametrize(
    ("edit", "told", "written", "call_it", "sent"),
    [
        (memo, "memo (new)", "memo: str | None = None", "memo='m'", '"memo":"m"'),
        (reason({"type": ["string", "null"]}), "reason (`str | None` is `str | None | Unset`; default UNSET)",
         "reason: str | None | Unset = UNSET", "source_ref_id='s'", '"sourceRefId":"s"'),
        (reason({"type": "integer"}), "reason (`str | None` is `int | None`)", "reason: int | None = None",
         "reason=3", '"reason":3'),
        (reason(None), "reason (`str | None` is `str`; required now)", "reason: str,", "reason='r'", '"reason":"r"'),
    ],
    ids=["a new name", "null", "another type", "required"],
)  # fmt: skip
def test_a_method_follows_names_requiredness_and_nullability(
    edit: Callable[[Any], None], told: str, written: str, call_it: str, sent: str, project: Path
) -> None:
    done = bumped(project, edited(edit))
    assert f"`wallet.credit` has changed: {told}. Say so in its docstring." in done.stdout, done.stderr
    source = (project / "kraty_server" / "resources" / "wallet.py").read_text("utf-8")
    assert source.count(written) == 2  # credit and debit
    assert '"""' in source.partition("def credit")[2].partition("def debit")[0]
    used = python(project, "-c", f"{SENT}\nkraty.wallet.credit('p', 'gold', amount=5, {call_it}, idempotency_key='k')")
    body = used.stdout.partition("credit ")[2]
    assert sent in body, used.stderr
    assert "null" not in body


def test_a_method_that_does_more_than_hand_on_is_left_alone_and_told(project: Path) -> None:
    overlay = project / "kraty_server" / "resources" / "wallet.py"
    source = overlay.read_text("utf-8").replace("amount=amount,", "amount=int(amount),", 1)
    overlay.write_text(source, "utf-8")
    done = bumped(project, edited(memo))
    assert "`wallet.credit` differs in memo (new). It would be:" in done.stdout, done.stderr
    (block,) = re.findall(r"```python\n(.*?)```", done.stdout, re.DOTALL)
    compile(block, "block", "exec")
    assert "memo: str | None = None" in block
    now = overlay.read_text("utf-8")
    assert now.partition("def debit")[0] == source.partition("def debit")[0]


def test_path_parameters_that_change_places_are_handed_on_in_their_new_order(project: Path) -> None:
    def swap(d: Any) -> None:
        old = "/players/{externalId}/wallet/{economyKey}/credit"
        d["paths"]["/wallet/{economyKey}/players/{externalId}/credit"] = d["paths"].pop(old)

    done = bumped(project, edited(swap))
    assert "`wallet.credit` has changed: the order of the path" in done.stdout, done.stderr
    used = python(project, "-c", f"{SENT}\nkraty.wallet.credit(external_player_id='p', economy_key='gold', amount=5)")
    assert "POST /server/v1/wallet/gold/players/p/credit" in used.stdout, used.stderr


def test_another_answer_is_another_type(project: Path) -> None:
    def other(d: Any) -> None:
        for name in ("wallet.credit", "wallet.debit"):
            for answer in call(d, name)["responses"].values():
                if "content" in answer:
                    answer["content"]["application/json"]["schema"]["$ref"] = "#/components/schemas/LobbyResponse"
        for gone in ("AdjustWalletResponse", "AdjustWalletResult"):
            d["components"]["schemas"].pop(gone)

    done = bumped(project, edited(other))
    assert "it gives `Lobby` and not `AdjustWalletResult`" in done.stdout, done.stderr
    source = (project / "kraty_server" / "resources" / "wallet.py").read_text("utf-8")
    assert source.count("-> Call[Lobby]:") == 2


def without_leaderboards(d: Any) -> None:
    d["paths"].pop("/leaderboards/{key}/score")
    for name in ("SubmitScoreBody", "SubmitScoreResult", "SubmitScoreResponse"):
        d["components"]["schemas"].pop(name)
    d["components"]["parameters"].pop("LeaderboardKey", None)


def without_export(d: Any) -> None:
    d["paths"].pop("/players/{externalId}/export")
    while gone := {f"components.schemas.{name}" for name in d["components"]["schemas"]} & {
        problem.partition(": nothing refers")[0] for problem in problems(d)
    }:
        for place in gone:
            d["components"]["schemas"].pop(place.rpartition(".")[2])


def test_a_method_whose_operation_is_gone_goes_too(project: Path) -> None:
    done = bumped(project, edited(without_leaderboards, without_export))
    assert done.returncode == 0, done.stderr
    assert "`leaderboards.submit_score` is gone from the API, and so is its method" in done.stdout
    assert "`players.export` is gone from the API, and so is its method" in done.stdout
    assert "The emulator has a handler for `leaderboards.submit_score`, which is gone." in done.stdout
    assert not (project / "generated" / write.PACKAGE / "api" / "leaderboards.py").exists()
    assert not (project / "kraty_server" / "resources" / "leaderboards.py").exists()
    used = python(project, "-c", f"{SENT}\nprint(hasattr(kraty, 'leaderboards'), hasattr(kraty.players, 'export'))")
    assert used.stdout == "False False\n", used.stderr


def test_a_call_that_is_gone_from_the_document_does_not_end_the_comparison_with_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(write, "load", lambda _: edited(without_leaderboards))
    assert ours.__wrapped__()["leaderboards.submitScore"] == {}


def test_a_deprecated_call_warns_where_it_is_called(project: Path) -> None:
    done = bumped(project, edited(lambda d: call(d, "wallet.credit").update(deprecated=True)))
    assert "`wallet.credit` is deprecated: say in its docstring what to use instead." in done.stdout, done.stderr
    used = python(
        project,
        "-c",
        f"{SENT}\nkraty.wallet.credit('p', 'gold', amount=5)"
        "\nasync def use(): await async_kraty.wallet.credit('p', 'gold', amount=5)\nasyncio.run(use())"
        "\nkraty.wallet.debit('p', 'gold', amount=5)",
    )
    assert used.stderr.count("DeprecationWarning: wallet.credit is deprecated") == 2
    assert used.stderr.count("<string>:") == 2, used.stderr


def test_a_new_error_code_gets_a_class_a_getter_and_an_export(project: Path) -> None:
    done = bumped(project, edited(lambda d: call(d, "wallet.debit")["x-error-codes"]["409"].append("wallet_frozen")))
    assert "`wallet_frozen` is a `WalletFrozenError`: say in its docstring when it comes." in done.stdout, done.stderr
    assert "python -m tests.decisions" in done.stdout
    used = python(
        project,
        "-c",
        "import kraty_server; from kraty_server.errors import server_error\n"
        "error = server_error(409, 'wallet_frozen', 'm')\n"
        "print(type(error) is kraty_server.WalletFrozenError, error.is_wallet_frozen, type(error).__doc__)",
    )
    assert used.stdout == "True True 409: as `wallet.debit` may answer.\n", used.stderr
    listed = json.loads((project / "codegen" / "parity" / "differences.json").read_text("utf-8"))
    assert ["WalletFrozenError", "class", "has it not"] in [one for entry in listed for one in entry["differs"]]


def test_a_value_that_was_made_up_and_that_the_api_has_now_is_told_with_its_places(project: Path) -> None:
    (project / "docs" / "testing.md").write_text('A status of `"thawed"`, and `frosted`.\n', "utf-8")
    new = ["thawed", "frosted"]
    done = bumped(project, edited(lambda d: d["components"]["schemas"]["GrantStatus"]["enum"].extend(new)))
    for word in new:
        assert f"- `{word}` is in `docs/testing.md`: was it made up" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda d: call(d, "wallet.credit").update(summary=""), "the linter objects"),
        (lambda d: d["components"]["schemas"]["AdjustWalletBody"].update(not_a_keyword=1), "not_a_keyword"),
        (lambda d: call(d, "wallet.debit")["x-error-codes"]["409"].append("internal_server"), "InternalServerError"),
        (lambda d: call(d, "wallet.debit")["x-error-codes"]["409"].append("Frozen!"), "is no code in snake_case"),
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
