"""A document in the vendor's dialect says what ours says; what it changes on the wire is all that diff, lint and bump see."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codegen import dialect
from codegen.__main__ import main
from codegen.dialect import Dialect, translated
from codegen.diff import Level, diff, table, verdict
from codegen.lint import problems
from codegen.write import DOCUMENT
from tests.codegen.test_bump import bumped, project, tree
from tests.codegen.test_diff import OURS, REFACTORINGS, Edit, call, edited, to

__all__ = ["project"]

SCHEMA = "#/components/schemas/"
NAMES = {"AdjustWalletRequest": "AdjustWalletBody", "PlayerGrant": "Grant"}
DIALECT = replace(Dialect.load(), schemas=NAMES)


def respelt(document: Mapping[str, Any], *, names: bool = True) -> dict[str, Any]:
    """A document as the vendor would write it: camelCase, titles, other tags, no descriptions, nothing of ours."""

    def plain(node: Any, holds_names: bool = False) -> Any:
        if isinstance(node, Mapping):
            return {
                key: plain(value, key in dialect.NAMED and not holds_names)
                for key, value in node.items()
                if holds_names or not (key.startswith("x-") or key in ("description", "summary", "example"))
            }
        return [plain(value) for value in node] if isinstance(node, list) else node

    made: dict[str, Any] = plain(copy.deepcopy(document))
    for _, _, operation in dialect.operations(made):
        tag, _, method = operation["operationId"].partition(".")
        first, *more = method.split("_")
        operation["operationId"] = first + "".join(map(str.title, [*more, tag]))
        operation["tags"] = [tag.title() + " API"]
        for response in operation["responses"].values():
            response.setdefault("description", "OK") if "$ref" not in response else None
    made["tags"] = [{"name": "All"}]
    for name, node in made["components"]["schemas"].items():
        node["title"] = name
        for wire, value in node.get("properties", {}).items():
            value["title"] = wire.title()
    for response in made["components"]["responses"].values():
        response["description"] = "Error"
    text = json.dumps(made)
    for theirs, ours in NAMES.items() if names else ():
        text = text.replace(f'"{SCHEMA}{ours}"', f'"{SCHEMA}{theirs}"').replace(
            f'"{ours}": {{"type"', f'"{theirs}": {{"type"'
        )
    found: dict[str, Any] = json.loads(text)
    return found


def taken_over(*edits: Edit) -> Any:
    """What becomes of the vendor's spelling of our document, with these changes."""
    return translated(respelt(edited(*edits)), OURS, DIALECT)


def wire(old: Any, new: Any) -> list[Any]:
    """What changed on the wire."""
    return [change for change in diff(old, new) if change.level is not Level.DOCUMENTATION]


def test_the_respelt_document_is_another_dialect() -> None:
    changes = diff(OURS, respelt(OURS))
    assert sum(change.kind in ("name", "error code") for change in changes) > 50
    assert problems(respelt(OURS))


def test_our_document_in_the_dialect_of_the_vendor_is_no_change() -> None:
    changes = diff(OURS, taken_over())
    assert {change.kind for change in changes} <= {"description"}, table(
        changes, "1.0.0"
    )  # of answers, which must have one
    assert problems(taken_over()) == []


CHANGES: dict[str, Edit] = {
    "a bound": to("AdjustWalletBody", "amount", minimum=5),
    "a type": to("Grant", "id", type="integer"),
    "a call gone": lambda d: d["paths"].pop("/migrate/wallet"),
    "a property gone": lambda d: d["components"]["schemas"]["Grant"]["properties"].pop("createdAt", None),
    "a status": lambda d: call(d, "wallet.credit")["responses"].update({"202": {"description": "x"}}),
    "a body that must be": lambda d: call(d, "players.delete")["requestBody"].update(required=True),
    "a property called description": lambda d: d["components"]["schemas"]["AdjustWalletBody"]["properties"].update(
        description={"type": "string", "description": "x"}
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_real_change_is_said_and_nothing_else(name: str) -> None:
    said = wire(OURS, taken_over(CHANGES[name]))
    meant = wire(OURS, edited(CHANGES[name]))
    assert meant
    assert {(c.level, c.kind, c.text, c.places) for c in said} == {(c.level, c.kind, c.text, c.places) for c in meant}


def test_a_property_called_description_is_not_put_back() -> None:
    with_it = edited(CHANGES["a property called description"])
    said = wire(with_it, translated(respelt(OURS), with_it, DIALECT))
    assert [(change.kind, change.text) for change in said] == [("property", "removed")]


def spend(d: Any) -> None:
    new = copy.deepcopy(call(d, "wallet.debit"))
    d["paths"]["/players/{externalId}/wallet/{economyKey}/spend"] = {"post": {**new, "operationId": "wallet.spend_all"}}


def test_a_new_call_has_the_name_of_the_mapping_and_the_usual_codes() -> None:
    mapping = replace(DIALECT, operations={"spendAllWallet": "shops.spend"})
    new = translated(respelt(edited(spend)), OURS, mapping)
    assert problems(new) == []
    made = call(new, "shops.spend")
    assert (made["tags"], made["summary"], made["description"]) == (["shops"], "Spend all wallet", "As the API has it.")
    assert made["x-error-codes"]["401"] == ["unauthenticated", "session_invalid"]
    assert {tag["name"] for tag in new["tags"]} == {tag["name"] for tag in OURS["tags"]} | {"shops"}
    (change,) = wire(OURS, new)
    assert (change.kind, change.text, change.methods) == ("operation", "added", ("shops.spend",))


def test_a_new_call_without_a_name_is_for_the_linter() -> None:
    new = taken_over(spend)
    assert any("operationId is `tag.method`" in problem for problem in problems(new))
    assert [change.text for change in wire(OURS, new)] == ["added"]


def test_errors_that_the_vendor_does_not_list_are_ours() -> None:
    silent = respelt(OURS)
    for _, _, operation in dialect.operations(silent):
        operation["responses"] = {s: r for s, r in operation["responses"].items() if s.startswith("2")}
    del silent["components"]["responses"]
    for name in ("ErrorResponse", "ErrorDetail"):
        silent["components"]["schemas"].pop(name, None)
    new = translated(silent, OURS, DIALECT)
    assert wire(OURS, new) == []
    assert problems(new) == []


def test_a_base_path_in_the_paths_is_the_same_call() -> None:
    moved = respelt(OURS)
    moved["servers"] = [{"url": "https://api.kraty.io"}]
    moved["paths"] = {f"/server/v1{path}": item for path, item in moved["paths"].items()}
    assert wire(OURS, translated(moved, OURS, DIALECT)) == []


@pytest.mark.parametrize("name", REFACTORINGS)
def test_a_document_in_our_dialect_is_left_as_it_is(name: str) -> None:
    document = REFACTORINGS[name](copy.deepcopy(OURS))
    assert translated(document, OURS, DIALECT) is document


@pytest.mark.parametrize("document", [[], None, {"paths": 5}, {"paths": {"/x": 1, "/y": {"get": {"responses": []}}}},
                                      {"paths": {"/y": {"get": {}}}, "servers": [1], "components": {"schemas": {"A": 5}}}])  # fmt: skip
def test_what_is_no_document_is_left_to_the_diff(document: Any) -> None:
    new = translated(document, OURS, DIALECT)
    assert verdict(diff(OURS, new)) in (Level.UNJUDGED, Level.BREAKING)


def test_two_schemas_cannot_have_one_name() -> None:
    clash = respelt(OURS, names=False)
    clash["components"]["schemas"]["PlayerGrant"] = {}
    with pytest.raises(ValueError, match="'Grant'"):
        translated(clash, OURS, DIALECT)


@pytest.mark.parametrize("mapping", [{"operation": {}}, {"operations": {"creditWallet": "creditWallet"}}])
def test_a_mapping_that_is_wrong_is_refused(mapping: Any, tmp_path: Path) -> None:
    (tmp_path / "dialect.json").write_text(json.dumps(mapping))
    with pytest.raises(ValueError, match=r"dialect\.json"):
        Dialect.load(tmp_path / "dialect.json")


def test_the_usual_codes_are_codes_of_our_document() -> None:
    known: dict[str, set[str]] = {}
    for _, _, operation in dialect.operations(OURS):
        for status, codes in operation["x-error-codes"].items():
            known.setdefault(status, set()).update(codes)
    assert Dialect.load().error_codes.keys() == known.keys()
    assert all({*codes} <= known[status] for status, codes in Dialect.load().error_codes.items())


# The commands


def test_diff_and_lint_read_either_dialect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vendors = tmp_path / "vendor.json"
    vendors.write_text(json.dumps(respelt(OURS, names=False)))
    assert main(["diff", str(DOCUMENT), str(vendors)]) == 0
    assert main(["lint", str(vendors)]) == 0
    vendors.write_text(json.dumps(respelt(edited(CHANGES["a bound"]), names=False)))
    capsys.readouterr()
    assert main(["diff", str(DOCUMENT), str(vendors), "--format", "json"]) == 2
    said = [c for c in json.loads(capsys.readouterr().out)["changes"] if c["level"] != "documentation"]
    assert [change["text"] for change in said] == ["minimum 1 → 5"]


def test_a_bump_takes_the_dialect_of_the_vendor(project: Path) -> None:
    before = tree(project)
    done = bumped(project, respelt(edited(CHANGES["a bound"]), names=False))
    assert done.returncode == 0, done.stderr
    changed = {path for path, text in tree(project).items() if before.get(path) != text}
    assert {"openapi.server.json", "generated/kraty_server_generated/api/wallet.py"} <= changed
    assert "generated/kraty_server_generated/models.py" not in changed
    assert "has no method" not in done.stdout
    assert "is gone" not in done.stdout


ENVELOPE = {"$ref": f"{SCHEMA}WebhookEvent"}


def whole(d: Any) -> None:
    """Webhooks of which no more is said than the envelope, whose data is a bag."""
    for item in d["webhooks"].values():
        item["post"]["requestBody"]["content"]["application/json"]["schema"] = dict(ENVELOPE)
    d["components"]["schemas"]["WebhookEvent"]["properties"]["data"] |= {"$ref": f"{SCHEMA}JsonObject"}
    for name in [name for name in d["components"]["schemas"] if name.endswith("Data")]:
        del d["components"]["schemas"][name]


def filled(d: Any) -> None:
    """A new event."""
    d["components"]["schemas"]["WebhookEventName"]["enum"].append("lobby.filled")
    d["webhooks"]["lobby.filled"] = copy.deepcopy(d["webhooks"]["lobby.closed"])


@pytest.mark.parametrize("spelt", [lambda d: d, respelt], ids=["ours", "the vendor's"])
def test_a_webhook_that_says_no_more_than_its_envelope_keeps_the_data_that_we_know(spelt: Any) -> None:
    found = translated(spelt(edited(whole)), OURS, DIALECT)
    assert wire(OURS, found) == []
    assert problems(found) == []


def test_what_a_new_event_is_about_is_named_in_the_mapping() -> None:
    document = edited(whole, filled)
    (problem,) = problems(translated(document, OURS, DIALECT))
    assert problem.startswith("webhooks.lobby.filled: narrow")
    assert "`events` of codegen/dialect.json" in problem
    found = translated(document, OURS, replace(DIALECT, events={"lobby.filled": "Lobby"}))
    assert problems(found) == []
    assert "webhook lobby.filled" in {change.places[0] for change in wire(OURS, found)}
    assert {change.level for change in wire(OURS, found)} == {Level.ADDITIVE}
    assert document["webhooks"]["lobby.filled"] == edited(whole, filled)["webhooks"]["lobby.filled"]


def test_a_webhook_in_another_envelope_stays_as_it_is() -> None:
    def other(d: Any) -> None:
        d["webhooks"]["lobby.closed"]["post"]["requestBody"]["content"]["application/json"]["schema"] = {
            "$ref": f"{SCHEMA}Lobby"
        }

    assert translated(edited(other), OURS, DIALECT) == edited(other)
