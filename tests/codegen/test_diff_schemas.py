"""A change of a schema is judged by what is on the wire, however either schema is written."""

from __future__ import annotations

from typing import Any

import pytest

from codegen.diff import Level, diff, table
from tests.codegen.documents import around, judged

B, A, D, U = Level.BREAKING, Level.ADDITIVE, Level.DOCUMENTATION, Level.UNJUDGED
S = "#/components/schemas/"
TEXT, INT, NUM, NULL = {"type": "string"}, {"type": "integer"}, {"type": "number"}, {"type": "null"}


def ref(name: str) -> dict[str, str]:
    return {"$ref": S + name}


def obj(*must: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **({"required": [*must]} if must else {})}


def kind(name: str, **properties: Any) -> dict[str, Any]:
    return obj("kind", kind={"const": name}, **properties)


COMPONENTS: dict[str, Any] = {
    "Text": TEXT,
    "Cat": kind("cat", lives=INT),
    "Dog": kind("dog", bark=TEXT),
    "Pet": {"oneOf": [ref("Cat"), ref("Dog")], "discriminator": {"propertyName": "kind"}},
    "Untagged": obj("kind", kind=TEXT, claws=INT),
    "Other": obj("kind", kind=TEXT, wings=INT),
    "Tree": obj("name", name=TEXT, below={"type": "array", "items": ref("Tree")}),
    "Odd": {"anyOf": [ref("Odd"), TEXT]},
}
AB = obj("a", a=TEXT, b=INT)
LIST = {"type": "array", "items": TEXT}

# The same on the wire, written in two ways.
EQUAL: dict[str, tuple[Any, Any]] = {
    "const and enum of one": ({"const": "a"}, {"enum": ["a"]}),
    "const and enum of one, with the type": ({"const": "a"}, {"type": "string", "enum": ["a"]}),
    "an integer written as a float": ({"const": 1}, {"enum": [1.0]}),
    "null as a type and as a union": ({"type": ["string", "null"]}, {"oneOf": [TEXT, NULL]}),
    "null by nullable": ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
    "null by nullable beside a reference": ({"allOf": [ref("Text")], "nullable": True}, {"anyOf": [ref("Text"), NULL]}),
    "null as a value": ({"enum": ["a", None]}, {"anyOf": [{"const": "a"}, NULL]}),
    "null by nullable and enum": ({"type": "string", "enum": ["a"], "nullable": True}, {"enum": ["a", None]}),
    "null beside a union": ({"anyOf": [ref("Pet"), NULL]}, {"oneOf": [NULL, ref("Cat"), ref("Dog")]}),
    "null by const": ({"anyOf": [TEXT, {"const": None}]}, {"type": ["string", "null"]}),
    "types and a union of types": ({"type": ["string", "integer"]}, {"anyOf": [INT, TEXT]}),
    "a union of enums": ({"enum": ["a", "b"]}, {"anyOf": [{"const": "b"}, {"const": "a"}]}),
    "a union within a union": ({"anyOf": [TEXT, INT, NULL]}, {"anyOf": [{"anyOf": [NULL, INT]}, TEXT]}),
    "a union with what it has": ({"anyOf": [INT, NUM]}, NUM),
    "a union of a text and some of it": ({"anyOf": [{"enum": ["a"]}, TEXT]}, TEXT),
    "a union that holds itself": (ref("Odd"), TEXT),
    "a union of one": ({"oneOf": [ref("Cat")]}, ref("Cat")),
    "minimum and exclusiveMinimum": ({"type": "integer", "minimum": 1}, {"type": "integer", "exclusiveMinimum": 0}),
    "maximum and exclusiveMaximum": ({"type": "integer", "maximum": 9}, {"type": "integer", "exclusiveMaximum": 10}),
    "an old exclusiveMinimum": ({"type": "number", "exclusiveMinimum": 0}, {"type": "number", "minimum": 0, "exclusiveMinimum": True}),
    "a minimum between integers": ({"type": "integer", "minimum": 0.5}, {"type": "integer", "minimum": 1}),
    "an integer as a multiple of one": (INT, {"type": "number", "multipleOf": 1}),
    "a multiple in two parts": ({"type": "integer", "multipleOf": 6}, {"allOf": [{"type": "integer", "multipleOf": 2}, {"multipleOf": 3}]}),
    "limits of what is no text": (INT, {"type": "integer", "minLength": 3, "pattern": "x", "minItems": 1}),
    "limits that say nothing": (LIST, {**LIST, "minItems": 0, "uniqueItems": False}),
    "limits beside an enum that keeps them": ({"enum": [1, 2]}, {"enum": [1, 2, 0], "minimum": 1}),
    "an enum of all booleans": ({"type": "boolean"}, {"enum": [False, True]}),
    "allOf, in the same order": (obj("a", a=TEXT, b=INT), {"allOf": [obj("a", a=TEXT), obj(b=INT)]}),
    "allOf before properties": (obj(a=TEXT, b=INT), {"allOf": [obj(a=TEXT)], "properties": {"b": INT}}),
    "allOf after properties": (obj(a=TEXT, b=INT), {"properties": {"a": TEXT}, "allOf": [obj(b=INT)]}),
    "allOf of one": (ref("Cat"), {"allOf": [ref("Cat")]}),
    "allOf with what is said already": (AB, {"allOf": [AB, {"properties": {"a": TEXT}}]}),
    "allOf around a union": ({"allOf": [obj(a=INT), {"anyOf": [kind("x"), kind("y")]}]},
                             {"anyOf": [obj("kind", a=INT, kind={"const": "x"}), obj("kind", a=INT, kind={"const": "y"})]}),
    "$defs": ({"$defs": {"X": TEXT}, **obj(a=TEXT)}, {"$defs": {"Y": INT}, **obj(a=TEXT)}),
    "any further properties": (AB, {**AB, "additionalProperties": {}}),
    "an item of any kind": ({"type": "array"}, {"type": "array", "items": {}}),
    "required by a choice of one": (obj("a", a=TEXT), {**obj(a=TEXT), "required": ["a"], "x-at-least-one-of": ["a"]}),
    "at least one of, and anyOf of required": ({**obj(a=TEXT, b=TEXT), "x-at-least-one-of": ["a", "b"]},
                                               {**obj(a=TEXT, b=TEXT), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}),
    "a mapping that says what is so anyway": (ref("Pet"), {**COMPONENTS["Pet"], "discriminator": {"propertyName": "kind", "mapping": {"cat": S + "Cat", "dog": S + "Dog"}}}),
    "members in another order": ({"anyOf": [ref("Untagged"), ref("Other")]}, {"anyOf": [ref("Other"), ref("Untagged")]}),
    "a tree, unrolled once": (ref("Tree"), obj("name", name=TEXT, below={"type": "array", "items": ref("Tree")})),
}  # fmt: skip


@pytest.mark.parametrize("way", ["request", "answer"])
@pytest.mark.parametrize("name", EQUAL)
def test_what_is_the_same_on_the_wire_is_no_change(name: str, way: str) -> None:
    for old, new in (EQUAL[name], EQUAL[name][::-1]):
        changes = diff(around(old, way, COMPONENTS), around(new, way, COMPONENTS))
        assert changes == [], table(changes, "1.0.0")


# Old, new; the verdict where we send it, and where it is sent to us.
JUDGED: dict[str, tuple[Any, Any, Level | None, Level | None]] = {
    "allOf: a narrower enum in a later part": (
        {"allOf": [TEXT, {"enum": ["a", "b"]}]}, {"allOf": [TEXT, {"enum": ["a"]}]}, B, A),
    "allOf: a bound in a later part": ({"allOf": [INT, {"minimum": 1}]}, {"allOf": [INT, {"minimum": 2}]}, B, A),
    "allOf: the tightest counts": (
        {"allOf": [{"type": "integer", "minimum": 1}, {"minimum": 5}]},
        {"allOf": [{"type": "integer", "minimum": 4}, {"minimum": 5}]}, None, None),
    "allOf: a type in a later part": (
        {"allOf": [{"type": ["string", "integer"]}, {"type": ["string", "boolean"]}]}, INT, B, B),
    "allOf: the same type by two parts": (
        {"allOf": [{"type": ["string", "integer"]}, {"type": ["string", "boolean"]}]}, TEXT, None, None),
    "allOf: null in one part only": (
        {"allOf": [{"type": ["string", "null"]}, {"type": ["string", "null"]}]},
        {"allOf": [{"type": ["string", "null"]}, TEXT]}, B, A),
    "allOf: a property in a later part": ({"allOf": [obj(a=TEXT), obj(b=TEXT)]}, {"allOf": [obj(a=TEXT), obj(b=INT)]}, B, B),
    "allOf: required in a later part": ({"allOf": [AB, {}]}, {"allOf": [AB, {"required": ["b"]}]}, B, A),
    "allOf: closed by a later part": (
        {"allOf": [AB, obj(c=TEXT)]}, {"allOf": [AB, {**obj(c=TEXT), "additionalProperties": False}]}, B, B),
    "allOf: a pattern more": (
        {"allOf": [TEXT, {"pattern": "a"}]}, {"allOf": [TEXT, {"pattern": "a"}, {"pattern": "b"}]}, B, A),
    "required: anyOf loses an alternative": (
        {**AB, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {**AB, "anyOf": [{"required": ["b"]}]}, B, A),
    "required: oneOf for anyOf": (
        {**obj(a=TEXT, b=INT), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {**obj(a=TEXT, b=INT), "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, B, A),
    "required: another anyOf": (AB, {**AB, "anyOf": [{"required": ["b"]}, {"required": ["c"]}]}, B, A),
    "required: an anyOf that holds anyway": (AB, {**AB, "anyOf": [{"required": ["a"]}, {"required": ["c"]}]}, None, None),
    "required: an anyOf of more": (
        {**obj(a=TEXT, b=INT), "anyOf": [{"required": ["a", "b"]}]},
        {**obj(a=TEXT, b=INT), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, A, B),
    "required: without the property": (AB, {**AB, "required": ["a", "c"]}, B, A),
    "required: a new property that was asked for": ({**AB, "required": ["a", "c"]}, obj("a", "c", a=TEXT, b=INT, c=TEXT), A, A),
    "default": (INT, {"type": "integer", "default": 5}, A, D),
    "default: another": ({"type": "integer", "default": 4}, {"type": "integer", "default": 5}, B, D),
    "readOnly": (AB, obj("a", a=TEXT, b={"type": "integer", "readOnly": True}), B, D),
    "writeOnly": (AB, obj("a", a=TEXT, b={"type": "integer", "writeOnly": True}), D, B),
    "x-…": (TEXT, {"type": "string", "x-order": 3}, D, D),
    "xml": (TEXT, {"type": "string", "xml": {"name": "t"}}, D, D),
    "int64": (INT, {"type": "integer", "format": "int64"}, D, D),
    "int32": (INT, {"type": "integer", "format": "int32"}, B, A),
    "a text, or an integer too": (TEXT, {"anyOf": [TEXT, INT]}, A, B),
    "a model, or another too": (ref("Untagged"), {"oneOf": [ref("Untagged"), ref("Other")]}, B, B),
    "a model, or another with a tag too": (ref("Cat"), ref("Pet"), A, B),
    "a member more": (ref("Pet"), {"oneOf": [ref("Cat"), ref("Dog"), kind("fox")]}, A, A),
    "a multiple of less": ({"type": "integer", "multipleOf": 10}, {"type": "integer", "multipleOf": 5}, A, A),
    "a multiple of more": ({"type": "integer", "multipleOf": 5}, {"type": "integer", "multipleOf": 10}, B, A),
    "a multiple of something else": ({"type": "integer", "multipleOf": 4}, {"type": "integer", "multipleOf": 6}, B, A),
    "exclusiveMinimum on numbers": ({"type": "number", "minimum": 0}, {"type": "number", "exclusiveMinimum": 0}, B, A),
    "exclusiveMinimum on integers": ({"type": "integer", "minimum": 0}, {"type": "integer", "exclusiveMinimum": 0}, B, A),
    "discriminator.mapping: a tag renamed": (
        {"oneOf": [ref("Untagged"), ref("Other")], "discriminator": {"propertyName": "kind", "mapping": {"u": S + "Untagged", "o": S + "Other"}}},
        {"oneOf": [ref("Untagged"), ref("Other")], "discriminator": {"propertyName": "kind", "mapping": {"v": S + "Untagged", "o": S + "Other"}}},
        B, A),
    "discriminator.mapping: swapped": (
        {"oneOf": [ref("Untagged"), ref("Other")], "discriminator": {"propertyName": "kind", "mapping": {"u": S + "Untagged", "o": S + "Other"}}},
        {"oneOf": [ref("Untagged"), ref("Other")], "discriminator": {"propertyName": "kind", "mapping": {"o": S + "Untagged", "u": S + "Other"}}},
        B, B),
    "a member without tags, by likeness": (
        {"anyOf": [ref("Untagged"), ref("Other")]},
        {"anyOf": [obj("kind", kind=TEXT, wings=TEXT), ref("Untagged")]}, B, B),
    "a member without tags gone": ({"anyOf": [ref("Untagged"), obj(x=INT), INT]}, {"anyOf": [INT, obj(x=INT)]}, B, A),
    "all members in one": ({"anyOf": [ref("Cat"), ref("Dog")]}, {"type": "object"}, A, B),
    "anyOf of what overlaps, as oneOf": (
        {"anyOf": [obj(a=TEXT), obj(b=TEXT)]}, {"oneOf": [obj(a=TEXT), obj(b=TEXT)]}, B, None),
    "oneOf of a text and some of it": (TEXT, {"oneOf": [TEXT, {"type": "string", "maxLength": 3}]}, B, None),
    "oneOf of what cannot overlap": (
        {"type": "integer", "minimum": 0},
        {"oneOf": [{"type": "integer", "minimum": 0, "maximum": 4}, {"type": "integer", "minimum": 5}]}, B, A),
    "an enum for a range": ({"enum": [1, 2]}, {"type": "integer", "minimum": 0}, A, A),
    "an enum for a range that is too small": ({"enum": [1, 2]}, {"type": "integer", "minimum": 2}, B, A),
    "a range for an enum": ({"type": "integer", "minimum": 0}, {"enum": [1, 2]}, B, A),
    "an enum of objects": ({"enum": [{"a": 1}, [1]]}, {"enum": [{"a": 2}, [1]]}, B, A),
    "true is not one": ({"enum": [1, True]}, {"enum": [1]}, B, A),
    "items: false": ({"type": "array", "items": False}, LIST, A, B),
    "items: false, from something": (LIST, {"type": "array", "items": False}, B, A),
    "prefixItems": (
        {"type": "array", "prefixItems": [TEXT, INT]}, {"type": "array", "prefixItems": [TEXT, NUM]}, A, B),
    "prefixItems, longer": ({"type": "array", "items": TEXT}, {"type": "array", "prefixItems": [TEXT], "items": INT}, B, B),
    "a map, and a property that it could hold": (
        {"type": "object", "additionalProperties": TEXT},
        {"type": "object", "additionalProperties": TEXT, "properties": {"a": INT}}, B, B),
    "a property that is false": (obj(a=TEXT), obj(a=False), B, B),
    "a schema that is false": (TEXT, False, B, A),
    "a schema that is true": (TEXT, True, A, B),
    "a map of another kind": (
        {"type": "object", "additionalProperties": INT}, {"type": "object", "additionalProperties": NUM}, A, B),
    "not: another": ({"type": "string", "not": {"const": "a"}}, {"type": "string", "not": {"const": "b"}}, U, U),
    "not: the same": ({"type": "string", "not": {"const": "a"}}, {"not": {"const": "a"}, "type": "string"}, None, None),
    "not: the same behind a reference": ({"type": "array", "not": TEXT}, {"type": "array", "not": ref("Text")}, None, None),
    "a keyword nobody knows": (TEXT, {"type": "string", "maximumLength": 3}, U, U),
    "patternProperties": (AB, {**AB, "patternProperties": {"^x": INT}}, U, U),
}  # fmt: skip


@pytest.mark.parametrize("name", JUDGED)
def test_a_change_of_a_schema_is_judged(name: str) -> None:
    old, new, request, answer = JUDGED[name]
    for way, level in (("request", request), ("answer", answer)):
        changes = diff(around(old, way, COMPONENTS), around(new, way, COMPONENTS))
        assert judged(old, new, way, COMPONENTS) == level, (way, table(changes, "1.0.0"))


def test_a_change_below_a_loop_is_one_change() -> None:
    new = {**COMPONENTS, "Tree": obj("name", name=INT, below={"type": "array", "items": ref("Tree")})}
    (change,) = diff(around(ref("Tree"), "answer", COMPONENTS), around(ref("Tree"), "answer", new))
    assert change.places[0] == "POST /x 200.name"
    assert change.names == ("api.x.y", "Tree")


def test_a_reference_with_escapes_is_followed() -> None:
    strange = {"a/b ~ {c}": TEXT}
    reference = {"$ref": "#/components/schemas/a~1b%20~0%20%7Bc%7D"}
    assert judged(reference, TEXT, "request", strange) is None
    assert judged(reference, INT, "request", strange) is B
