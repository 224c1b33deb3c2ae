"""Our verdict on a pair of schemas is that of jsoncompat and of real values, or the difference is listed with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from codegen.diff import Level, diff
from tests.codegen.documents import around

ORACLE = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
NAMES = st.sampled_from("abc")


def limits(low: str, high: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={low: values, high: values})


def sensible(schema: dict[str, Any]) -> bool:
    """Whether some value may fit: an empty range is a mistake, and each judge takes it in its own way."""
    bounds = [("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")]
    return all(schema.get(low, 0) <= schema.get(high, 99) for low, high in bounds)


def typed(name: str, more: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return more.map(lambda keywords: {"type": name, **keywords}).filter(sensible)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(NAMES, inner, min_size=1, max_size=3).flatmap(
        lambda properties: st.lists(st.sampled_from(sorted(properties)), unique=True, max_size=2).map(
            lambda must: {"type": "object", "properties": properties, **({"required": sorted(must)} if must else {})}
        )
    )


SMALL = st.integers(0, 4)
SCALARS = st.one_of(
    typed("string", limits("minLength", "maxLength", SMALL)),
    typed("integer", limits("minimum", "maximum", st.integers(-3, 3))),
    typed("number", limits("minimum", "maximum", st.integers(-3, 3))),
    st.just({"type": "boolean"}),
    st.just({"type": ["string", "null"]}),
    st.just({"type": ["integer", "string"]}),
    st.lists(st.sampled_from(["x", "yy", 1, 2, True]), min_size=1, max_size=3, unique_by=repr).map(
        lambda v: {"enum": v}
    ),
    st.sampled_from(["x", 1]).map(lambda value: {"const": value}),
)
PLAIN: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: objects(inner)
    | st.tuples(inner, limits("minItems", "maxItems", st.integers(0, 3))).map(
        lambda pair: {"type": "array", "items": pair[0], **pair[1]}
    ).filter(sensible),
    max_leaves=5,
)  # fmt: skip
PUT_TOGETHER: st.SearchStrategy[Any] = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"allOf": parts}),
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"anyOf": parts}),
        inner.map(lambda part: {"anyOf": [part, {"type": "null"}]}),
    ),
    max_leaves=3,
)


def changed(schemas: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, Any]]:
    """Two schemas: often the second is the first with one thing exchanged, as a change is."""

    def exchange(schema: Any, other: Any, path: list[int]) -> Any:
        holders = [key for key in ("properties", "items", "allOf", "anyOf") if key in schema]
        if not path or not holders:
            return other
        key = holders[path[0] % len(holders)]
        held = schema[key]
        if key == "items":
            return {**schema, key: exchange(held, other, path[1:])}
        if isinstance(held, list):
            index = path[0] % len(held)
            return {**schema, key: [exchange(v, other, path[1:]) if i == index else v for i, v in enumerate(held)]}
        name = sorted(held)[path[0] % len(held)]
        return {**schema, key: {k: exchange(v, other, path[1:]) if k == name else v for k, v in held.items()}}

    one_place = st.builds(
        lambda a, b, path: (a, exchange(a, b, path)), schemas, schemas, st.lists(st.integers(0, 2), max_size=3)
    )
    return one_place | st.tuples(schemas, schemas)


def breaks(old: Any, new: Any, way: str) -> set[str]:
    """The kinds of breaking changes that we see."""
    return {c.kind for c in diff(around(old, way), around(new, way)) if c.level is Level.BREAKING}


# Real values

VALUES: list[Any] = [None, True, False, 0, 1, 2, -3, 3, 4, 0.5, -4, 5, "", "x", "yy", "xxx", "xxxxx", [], {}]


def samples(schema: Any) -> list[Any]:
    """Values that may fit a schema: plain ones, and lists and objects of those that fit what is within."""
    found = [*VALUES, *schema.get("enum", ()), *([schema["const"]] if "const" in schema else [])]
    for part in (*schema.get("allOf", ()), *schema.get("anyOf", ())):
        found += samples(part)
    if "items" in schema:
        items = fitting(schema["items"])[:4]
        found += [[item] * size for item in items for size in (1, 2, 3)] + [items]
    properties = {name: fitting(inner)[:5] for name, inner in schema.get("properties", {}).items()}
    if properties:
        whole = {name: values[0] for name, values in properties.items() if values}
        found.append(whole)
        for name, values in properties.items():
            found += [{**whole, name: value} for value in values]
            found.append({key: value for key, value in whole.items() if key != name})
        found.append({k: v for k, v in whole.items() if k in schema.get("required", ())})
    return found


def fitting(schema: Any) -> list[Any]:
    validator = Draft202012Validator(schema)
    return [value for value in samples(schema) if validator.is_valid(value)]


@ORACLE
@given(changed(PUT_TOGETHER))
@example(({"anyOf": [{"type": "integer"}, {"type": "string"}]}, {"anyOf": [{"type": "string"}, {"type": "boolean"}]}))
def test_a_request_that_was_taken_and_no_longer_is_breaks(pair: tuple[Any, Any]) -> None:
    """No reason is listed here: this is what breaking means."""
    old, new = pair
    refused = [value for value in fitting(old) if not Draft202012Validator(new).is_valid(value)]
    # An optional property more is additive, though an open object could have held another value before.
    added = {c.kind for c in diff(around(old, "request"), around(new, "request"))} & {"property"}
    assert not refused or added or breaks(old, new, "request"), refused[:3]


@ORACLE
@given(PUT_TOGETHER)
def test_a_schema_is_the_same_as_itself_in_other_words(schema: Any) -> None:
    for other in ({"allOf": [schema]}, {"anyOf": [schema]}, {"allOf": [schema, schema]}, {"anyOf": [schema, schema]}):
        for way in ("request", "answer"):
            assert diff(around(schema, way), around(other, way)) == []


# jsoncompat

REASONS: dict[str, tuple[Callable[[Any, Any, str, set[str], set[str]], bool], str]] = {
    "a property is gone": (
        lambda old, new, way, kinds, breaking: breaking <= {"property"} and bool(breaking),
        "An argument or a field of the SDK is gone with it. jsoncompat looks at values only, and an open object may still "
        "hold one of that name.",
    ),
    "an optional property more": (
        lambda old, new, way, kinds, breaking: "property" in kinds,
        "An open object could have held any value of that name before; nobody has sent or read it, as it was not there.",
    ),
    "an answer with new limits, values or members": (
        lambda old, new, way, kinds, breaking: way == "answer" and bool(kinds & {"enum", "bound", "union", "format"}),
        "Enums and unions are open in the models, and limits are not checked on what arrives: what is wider can be read.",
    ),
}


def compatible(old: Any, new: Any, way: str) -> bool:
    judge = pytest.importorskip("jsoncompat", reason="jsoncompat has no wheel for this Python")
    role = "deserializer" if way == "request" else "serializer"
    answer: bool = judge.check_compat(json.dumps(old), json.dumps(new), role)
    return answer


@pytest.mark.parametrize("way", ["request", "answer"])
def test_our_verdict_is_that_of_jsoncompat(way: str) -> None:
    pytest.importorskip("jsoncompat", reason="jsoncompat has no wheel for this Python")

    @ORACLE
    @given(changed(PLAIN))
    def compare(pair: tuple[Any, Any]) -> None:
        old, new = pair
        kinds = {change.kind for change in diff(around(old, way), around(new, way))}
        breaking = breaks(old, new, way)
        if compatible(old, new, way) is bool(breaking):
            reasons = [name for name, (holds, _) in REASONS.items() if holds(old, new, way, kinds, breaking)]
            assert reasons, f"{json.dumps(old)} → {json.dumps(new)}: ours {sorted(breaking) or 'fine'}"

    compare()


AB = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
A = {"type": "object", "properties": {"a": {"type": "string"}}}
LISTED: dict[str, tuple[Any, Any, str]] = {
    "a property is gone": (AB, A, "request"),
    "an optional property more": (A, AB, "request"),
    "an answer with new limits, values or members": ({"enum": ["x"]}, {"enum": ["x", "y"]}, "answer"),
}


@pytest.mark.parametrize("name", REASONS)
def test_each_listed_difference_occurs(name: str) -> None:
    old, new, way = LISTED[name]
    breaking = breaks(old, new, way)
    kinds = {change.kind for change in diff(around(old, way), around(new, way))}
    assert compatible(old, new, way) is bool(breaking)
    assert REASONS[name][0](old, new, way, kinds, breaking)
