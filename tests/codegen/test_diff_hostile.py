"""The diff ends on every document, with a verdict or with the place that it cannot judge; its work is bounded."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codegen.__main__ import main
from codegen.diff import Level, diff, verdict
from codegen.diff.operations import Differ
from codegen.write import DOCUMENT
from tests.codegen.documents import around
from tests.codegen.test_diff import OURS, Edit, call, edited, schema

S = "#/components/schemas/"
TEXT = {"type": "string"}


def ref(name: str) -> dict[str, str]:
    return {"$ref": S + name}


def pairs(old: Any, new: Any) -> int:
    """How many pairs a comparison looks at."""
    differ = Differ(old, new)
    differ.run()
    return len(differ.graph.pairs)


# Graphs that lead back, or far


def circle(size: int) -> dict[str, Any]:
    """So many schemas, each of which refers to all."""
    return {
        f"N{i}": {"type": "object", "properties": {f"p{j}": ref(f"N{j}") for j in range(size)}} for i in range(size)
    }


def chain(size: int) -> dict[str, Any]:
    """Each schema refers to the next one twice."""
    links: dict[str, Any] = {
        f"N{i}": {"type": "object", "properties": {"a": ref(f"N{i + 1}"), "b": ref(f"N{i + 1}")}} for i in range(size)
    }
    return {**links, f"N{size}": TEXT}


def unions(size: int) -> dict[str, Any]:
    """Each union holds the next one twice."""
    links: dict[str, Any] = {f"N{i}": {"anyOf": [ref(f"N{i + 1}"), ref(f"N{i + 1}")]} for i in range(size)}
    return {**links, f"N{size}": TEXT}


def alls(size: int) -> dict[str, Any]:
    links: dict[str, Any] = {f"N{i}": {"allOf": [ref(f"N{i + 1}"), ref(f"N{i + 1}")]} for i in range(size)}
    return {**links, f"N{size}": TEXT}


GRAPHS: dict[str, tuple[Callable[[int], dict[str, Any]], int]] = {
    "schemas that all refer to each other": (circle, 40),
    "a chain": (chain, 16),
    "a long chain": (chain, 600),
    "a chain of unions": (unions, 120),
    "a chain of allOf": (alls, 600),
}


@pytest.mark.parametrize("way", ["request", "answer"])
@pytest.mark.parametrize("name", GRAPHS)
def test_the_work_is_linear_in_the_pairs(name: str, way: str) -> None:
    make, size = GRAPHS[name]
    components = make(size)
    old, new = (around(ref("N0"), way, copy.deepcopy(components)) for _ in range(2))
    edges = sum(json.dumps(node).count("$ref") for node in components.values())
    assert pairs(old, new) <= 3 * (edges + size + 2)
    assert diff(old, new) == []
    schemas: Any = new["components"]
    last = schemas["schemas"][f"N{size}" if name != "schemas that all refer to each other" else "N39"]
    last["type"] = "integer"
    assert verdict(diff(old, new)) is Level.BREAKING


def test_a_union_that_holds_itself_ends() -> None:
    held: dict[str, Any] = {
        "A": {"oneOf": [ref("B"), TEXT]},
        "B": {"anyOf": [ref("A"), {"type": "array", "items": ref("A")}]},
    }
    wider = copy.deepcopy(held)
    wider["B"]["anyOf"].append({"type": "integer"})
    assert diff(around(ref("A"), "request", held), around(ref("A"), "request", held)) == []
    assert verdict(diff(around(ref("A"), "request", held), around(ref("A"), "request", wider))) is Level.ADDITIVE
    assert verdict(diff(around(ref("A"), "request", wider), around(ref("A"), "request", held))) is Level.BREAKING


def test_unions_that_multiply_are_not_judged() -> None:
    many = {"allOf": [{"anyOf": [{"pattern": f"{i}{j}"} for j in range(10)]} for i in range(10)]}
    changes = diff(around(many, "request"), around(TEXT, "request"))
    assert [(c.level, c.places) for c in changes] == [(Level.UNJUDGED, ("POST /x body",))]


# What is malformed: it has a place


def at(path: str, value: Any) -> Edit:
    """Put something in our document: a place as `a/b`, where ~ stands for / in a key."""

    def edit(d: Any) -> None:
        *parts, last = [part.replace("~", "/") for part in path.split("/")]
        for part in parts:
            d = d[int(part) if isinstance(d, list) else part]
        d[int(last) if isinstance(d, list) else last] = value

    return edit


CREDIT = "paths/~players~{externalId}~wallet~{economyKey}~credit/post"
BODY = "components/schemas/AdjustWalletBody"
MALFORMED: dict[str, tuple[Edit, str]] = {
    "a reference that leads nowhere": (at(f"{BODY}/properties/amount", ref("Gone")), "body.amount"),
    "a reference out of the document": (at(f"{BODY}/properties/amount", {"$ref": "other.json#/x"}), "body.amount"),
    "a reference that is no text": (at(f"{BODY}/properties/amount", {"$ref": 5}), "body.amount"),
    "a reference to itself": (at("components/schemas/Id", ref("Id")), "path externalId"),
    "allOf of itself": (at("components/schemas/Id", {"allOf": [ref("Id")]}), "path externalId"),
    "a body that leads nowhere": (at(f"{CREDIT}/requestBody", {"$ref": "#/components/requestBodies/x"}), "body"),
    "an answer that leads nowhere": (at(f"{CREDIT}/responses/200", {"$ref": "#/x"}), "200"),
    "a parameter that leads nowhere": (at(f"{CREDIT}/parameters", [{"$ref": "#/x"}]), "credit"),
    "items that are a list": (at(f"{BODY}/properties/amount", {"type": "array", "items": [TEXT]}), "body.amount"),
    "an enum that is no list": (at(f"{BODY}/properties/amount/enum", 5), "body.amount"),
    "a type that is none": (at(f"{BODY}/properties/amount/type", "money"), "body.amount"),
    "a type that is an object": (at(f"{BODY}/properties/amount/type", {}), "body.amount"),
    "a minimum that is no number": (at(f"{BODY}/properties/amount/minimum", "1"), "body.amount"),
    "a minimum that is infinite": (at(f"{BODY}/properties/amount/minimum", float("inf")), "body.amount"),
    "a multiple of nothing": (at(f"{BODY}/properties/amount/multipleOf", 0), "body.amount"),
    "a format that is no text": (at(f"{BODY}/properties/amount/format", 1), "body.amount"),
    "a pattern that is no text": (at(f"{BODY}/properties/reason/pattern", ["x"]), "body.reason"),
    "properties that are a list": (at(f"{BODY}/properties", []), "body"),
    "a property that is a number": (at(f"{BODY}/properties/amount", 5), "body.amount"),
    "required that is a text": (at(f"{BODY}/required", "amount"), "body"),
    "required that has a number": (at(f"{BODY}/required", [1]), "body"),
    "additionalProperties that are a number": (at(f"{BODY}/additionalProperties", 1), "body"),
    "a union that is empty": (at(f"{BODY}/properties/amount", {"oneOf": []}), "body.amount"),
    "a union that is an object": (at(f"{BODY}/properties/amount", {"oneOf": {}}), "body.amount"),
    "a discriminator without a name": (at("components/schemas/GrantedRewardEntry/discriminator", {}), "body.entries[]"),
    "a mapping to a number": (at("components/schemas/GrantedRewardEntry/discriminator/mapping", {"a": 1}), "body.entries[]"),
    "content that is a list": (at(f"{CREDIT}/requestBody/content", []), "body"),
    "a media type that is a text": (at(f"{CREDIT}/requestBody/content/application~json", "x"), "body"),
    "responses that are a list": (at(f"{CREDIT}/responses", []), "credit"),
    "error codes that are a list": (at(f"{CREDIT}/x-error-codes", []), "credit"),
    "error codes of a status that are a text": (at(f"{CREDIT}/x-error-codes/404", "gone"), "credit"),
    "parameters that are an object": (at(f"{CREDIT}/parameters", {}), "credit"),
    "a parameter without a name": (at(f"{CREDIT}/parameters", [{"in": "query"}]), "credit"),
    "a parameter in the body": (at(f"{CREDIT}/parameters", [{"in": "body", "name": "x"}]), "credit"),
    "an operation that is a text": (at(CREDIT, "x"), "credit"),
    "a path that is a number": (at("paths/~migrate~wallet", 1), "/migrate/wallet"),
    "paths that are a list": (at("paths", []), "document"),
    "servers that are an object": (at("servers", {}), "document"),
    "a server that is a text": (at("servers", ["x"]), "document"),
    "a server with a broken address": (at("servers", [{"url": "https://[x"}]), "document"),
    "security that is a text": (at(f"{CREDIT}/security", "x"), "credit"),
    "a way in that is a text": (at(f"{CREDIT}/security", ["x"]), "credit"),
    "components that are a list": (at("components", []), "document"),
    "webhooks that are a list": (at("webhooks", []), "document"),
    "a webhook that is a text": (at("webhooks/grant.created", "x"), "webhook grant.created"),
    "a body of a webhook that leads nowhere": (at("webhooks/grant.created/post/requestBody", {"$ref": "#/x"}), "webhook grant.created"),
}  # fmt: skip


@pytest.mark.parametrize("way", ["there", "back", "both"])
@pytest.mark.parametrize("name", MALFORMED)
def test_what_cannot_be_judged_has_its_place(name: str, way: str) -> None:
    edit, place = MALFORMED[name]
    broken = edited(edit)
    old, new = {"there": (OURS, broken), "back": (broken, OURS), "both": (broken, edited(edit))}[way]
    changes = diff(old, new)
    assert verdict(changes) is Level.UNJUDGED
    assert any(place in where for c in changes if c.level is Level.UNJUDGED for where in c.places), changes[:3]


@pytest.mark.parametrize("document", [[], "x", 5, None, True, [1, 2]])
def test_a_document_that_is_no_object_is_not_judged(
    document: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for old, new in ((document, OURS), (OURS, document)):
        assert verdict(diff(old, new)) is Level.UNJUDGED
    (tmp_path / "new.json").write_text(json.dumps(document))
    assert main(["diff", str(DOCUMENT), str(tmp_path / "new.json")]) == 3
    assert "document" in capsys.readouterr().out


def test_what_else_has_changed_is_said_all_the_same() -> None:
    new = edited(MALFORMED["a type that is none"][0], lambda d: d["paths"].pop("/migrate/wallet"))
    assert {change.level for change in diff(OURS, new)} == {Level.UNJUDGED, Level.BREAKING}


def test_names_cannot_forge_a_line() -> None:
    name = "a\n**Breaking**\x1b[31m\ud800"
    (change,) = diff(OURS, edited(lambda d: schema(d, "AdjustWalletBody")["properties"].update({name: TEXT})))
    assert all("\n" not in place and "\x1b" not in place for place in change.places)
    assert change.places[0].encode("utf-8")


# Anything

WORDS = ["$ref", "type", "enum", "const", "properties", "items", "required", "allOf", "anyOf", "oneOf", "not", "format",
         "minimum", "exclusiveMinimum", "multipleOf", "additionalProperties", "discriminator", "nullable", "schema",
         "content", "parameters", "responses", "requestBody", "in", "name", "200", "post", "application/json", "pattern",
         "prefixItems", "x-at-least-one-of", "readOnly", "propertyName", "mapping", "maxLength"]  # fmt: skip
VALUES = ["string", "integer", "object", "array", "null", "path", "query", "#", "#/components", S + "A", S + "B",
          "#/paths", S + "A/properties/a", "a", "", "date-time"]  # fmt: skip
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WORDS, "a"]), inner, max_size=4),
    max_leaves=12,
)
SCHEMAS = st.recursive(
    st.sampled_from([ref("A"), ref("B"), TEXT, {"type": "integer"}, True, False, {}, {"type": "null"}, {"const": 1}]),
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from("abc"), inner)}
        ),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        *(
            st.fixed_dictionaries({keyword: st.lists(inner, min_size=1, max_size=3)})
            for keyword in ("allOf", "anyOf", "oneOf")
        ),
        st.fixed_dictionaries({"not": inner}),
        JSON_VALUES,
    ),
    max_leaves=8,
)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(SCHEMAS, SCHEMAS, SCHEMAS, SCHEMAS, st.sampled_from(["request", "answer"]))
def test_any_schemas_have_a_verdict(one: Any, other: Any, a: Any, b: Any, way: str) -> None:
    old = around(one, way, {"A": a, "B": b})
    new = around(other, way, {"A": b, "B": a})
    assert pairs(old, new) < 5000
    assert all(change.places and change.text for change in diff(old, new))
    assert verdict(diff(old, copy.deepcopy(old))) in (None, Level.UNJUDGED)


@QUICK
@given(st.data())
def test_any_damage_to_our_document_has_a_verdict(data: st.DataObject) -> None:
    broken = copy.deepcopy(OURS)
    node: Any = broken
    for _ in range(data.draw(st.integers(1, 9))):
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(node[key], dict | list) or not node[key]:
            break
        node = node[key]
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    if keys:
        node[data.draw(st.sampled_from(keys))] = data.draw(JSON_VALUES)
    for old, new in ((OURS, broken), (broken, OURS)):
        assert all(change.places and change.text for change in diff(old, new))


@QUICK
@given(JSON_VALUES, JSON_VALUES)
def test_any_values_have_a_verdict(paths: Any, webhooks: Any) -> None:
    old = {"paths": {"/a": paths, "/b": {"get": paths}}, "webhooks": {"x": webhooks}, "servers": webhooks}
    for new in (OURS, {"paths": webhooks, "components": paths, "security": paths}):
        diff(old, new)
        diff(new, old)


# The command


def test_an_unexpected_error_is_one_line_and_no_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(self: Differ) -> None:
        raise LookupError("what nobody\nexpected")

    monkeypatch.setattr(Differ, "run", broken)
    assert main(["diff", str(DOCUMENT), str(DOCUMENT)]) == 3
    assert capsys.readouterr().err == "LookupError: what nobody\\nexpected\n"


def test_a_document_that_is_nested_too_deeply_is_no_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deep = tmp_path / "deep.json"
    deep.write_text('{"paths":' * 100_000 + "{}" + "}" * 100_000)
    assert main(["diff", str(DOCUMENT), str(deep)]) == 3
    assert capsys.readouterr().err.count("\n") == 1
    value = {"enum": [json.loads("[" * 800 + "]" * 800)]}
    assert verdict(diff(around(value, "request"), around(TEXT, "request"))) in (Level.UNJUDGED, Level.BREAKING)


def test_the_command_can_print_any_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = edited(lambda d: call(d, "wallet.credit").update(operationId="wallet.\ud800\u202e"))
    (tmp_path / "new.json").write_text(json.dumps(new))
    for style in ("table", "markdown", "json"):
        assert main(["diff", str(DOCUMENT), str(tmp_path / "new.json"), "--format", style]) == 2
