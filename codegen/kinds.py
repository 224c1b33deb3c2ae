"""Which kind of value does a schema describe? Scalars, named enums, models and unions, lists and maps of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from openapi_python_client.parser.properties.enum_property import EnumProperty

from codegen import rules
from codegen.api import (
    Api,
    Const,
    Enum,
    EnumOf,
    Field,
    FileOf,
    Kind,
    ListOf,
    MapOf,
    Model,
    ModelOf,
    NotCovered,
    Nullable,
    Scalar,
    Union,
    UnionOf,
    demand,
)
from codegen.keywords import COVERED, PROSE
from codegen.literals import python_pattern
from codegen.names import snake
from codegen.references import References, Unresolved, is_list, is_object

Node = Mapping[str, Any]

FORMATS: Final = {"date-time": "time", "date": "date", "uuid": "uuid"}
"""Formats of texts that are more than texts in Python; what else there is stays text, but for `binary`."""
TYPES: Final = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}
FILE: Final = frozenset({"type", "format", "maxLength", *PROSE})
COUNTS: Final = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
LIMITS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")


class Kinds:
    """Reads schemas, and notes in the API each model, enum and union that it meets."""

    def __init__(self, document: Node, references: References, enums: Mapping[str, EnumProperty]) -> None:
        self.references = references
        self.schemas: Node = document.get("components", {}).get("schemas", {})
        self.api = Api("", "")
        for name, enum in enums.items():
            self.enum(name, enum)

    def follow(self, node: Node, place: str) -> tuple[str | None, Node]:
        """Follow a reference; the name is that of the component."""
        try:
            return self.references.follow(node)
        except Unresolved as error:
            raise NotCovered(place, str(error)) from error

    def resolve(self, node: Node, place: str) -> tuple[str | None, Node]:
        """Follow a reference to a schema, and look whether the templates cover it."""
        name, found = self.follow(node, place)
        if not is_object(found):
            raise NotCovered(place, f"{found!r} is no schema")
        beside = node.keys() - {"$ref", "default", *PROSE} if "$ref" in node else set[str]()
        if unknown := sorted(beside or found.keys() - COVERED):
            raise NotCovered(place, f"keyword {unknown[0]!r}{' beside `$ref`' * bool(beside)}")
        return name, found

    def enum(self, name: str, parsed: EnumProperty) -> None:
        place = f"components.schemas.{name}"
        demand(place, rules.no_name(name))
        values: list[Any] = [value for value in self.schemas[name]["enum"] if value is not None]
        if len(values) != len(parsed.values):
            raise NotCovered(place, f"two of {values} have one name in Python")
        if not any(all(type(value) is kind for value in values) for kind in (str, int)):
            raise NotCovered(place, "an enum must be of strings or of integers")
        for key in parsed.values:
            demand(f"{place} enum", rules.no_name(key))
        told = self.schemas[name].get("description", "")
        self.api.enums[name] = Enum(name, told, dict(zip(parsed.values, values, strict=True)))

    def kind(self, raw: Node, place: str) -> tuple[Kind, bool]:
        """The kind of a value, and whether it may be null."""
        if not is_object(raw):
            raise NotCovered(place, f"{raw!r} is no schema")
        name, node = self.resolve(raw, place)
        if "const" in node:
            if not isinstance(node["const"], str | int):
                raise NotCovered(place, f"const {node['const']!r}")
            return Const(node["const"]), False
        if either := [keyword for keyword in ("oneOf", "anyOf") if keyword in node]:
            if len(either) == 2 or not is_list(node[either[0]]):
                raise NotCovered(place, f"{' and '.join(either)} together, or no list")
            return self.one_of(name, node, either[0], place)
        types = node["type"] if is_list(node.get("type")) else [node["type"]] if "type" in node else []
        nullable, types = "null" in types, [one for one in types if one != "null"]
        if len(types) > 1:
            raise NotCovered(place, f"a union must be a named component with a discriminator, and no {types}")
        if "enum" in node:
            if name is None or name not in self.api.enums:
                raise NotCovered(place, "an enum must be a named component of strings or of integers")
            return EnumOf(name), nullable
        if "properties" in node or types == ["object"]:
            if name is None:
                raise NotCovered(place, "an object must be a named component")
            return self.object(name, node, place), nullable
        if types == ["array"]:
            return self.array(node, place), nullable
        return self.scalar(types, node, place), nullable

    def inner(self, raw: Node, place: str) -> Kind:
        """The kind of an item of a list, or a value of a map."""
        kind, nullable = self.kind(raw, place)
        if isinstance(kind, Const):
            raise NotCovered(place, "a `const` that is no property")
        return Nullable(kind) if nullable else kind

    def array(self, node: Node, place: str) -> ListOf:
        if not is_object(node.get("items")):
            raise NotCovered(place, "an array needs `items`")
        self.bounds(node, place)
        item = self.inner(node["items"], f"{place}[]")
        return ListOf(item, node.get("minItems", 0), node.get("maxItems"), node.get("uniqueItems") is True)

    def scalar(self, types: list[Any], node: Node, place: str) -> Scalar | FileOf:
        if not types:
            return Scalar("any")
        name = TYPES.get(types[0])
        if name is None:
            raise NotCovered(place, f"type {types[0]!r}")
        if name == "text":
            if node.get("format") == "binary":
                return self.file(node, place)
            name = FORMATS.get(node.get("format", ""), name)
        self.bounds(node, place)
        least, most = node.get("minimum"), node.get("maximum")
        if "exclusiveMinimum" in node or "exclusiveMaximum" in node:
            if name != "integer" or not {type(node[k]) for k in LIMITS if k in node} == {int}:
                raise NotCovered(place, "a bound that is excluded, of what is no integer")
            least = max(n for n in (least, node.get("exclusiveMinimum", -math.inf) + 1) if n is not None)
            most = min(n for n in (most, node.get("exclusiveMaximum", math.inf) - 1) if n is not None)
            least, most = (None if math.isinf(n) else n for n in (least, most))
        return Scalar(
            name,
            minimum=least,
            maximum=most,
            min_length=node.get("minLength", 0),
            pattern=node.get("pattern"),
            max_length=node.get("maxLength"),
            multiple_of=node.get("multipleOf"),
        )

    def file(self, node: Node, place: str) -> FileOf:
        """Bytes; whether they may stand where they do is known when all is read."""
        self.bounds(node, place)
        if unknown := sorted(node.keys() - FILE):
            raise NotCovered(place, f"keyword {unknown[0]!r} of a file")
        return FileOf(node.get("maxLength"))

    @staticmethod
    def bounds(node: Node, place: str) -> None:
        """Look whether the bounds of a schema are numbers, and its pattern is one for Python."""
        for keyword in (*COUNTS, *LIMITS):
            if keyword in node:
                demand(f"{place} {keyword}", rules.no_bound(node[keyword], whole=keyword in COUNTS))
        if "pattern" in node:
            demand(place, rules.no_pattern(python_pattern(node["pattern"])))

    def one_of(self, name: str | None, node: Node, keyword: str, place: str) -> tuple[Kind, bool]:
        """One kind or null, or a union with a tag."""
        members = [m for m in node[keyword] if not (is_object(m) and m.get("type") == "null")]
        nullable = len(members) < len(node[keyword])
        if len(members) == 1:
            kind, inner = self.kind(members[0], place)
            return kind, nullable or inner
        tag = node.get("discriminator", {}).get("propertyName")
        if name is None or tag is None:
            raise NotCovered(place, f"a union (`{keyword}`) must be a named component with a discriminator")
        if name not in self.api.unions:
            demand(f"components.schemas.{name}", rules.no_name(name))
            found: dict[str, str] = {}
            for member in members:
                kind, _ = self.kind(member, place)
                if not isinstance(kind, ModelOf):
                    raise NotCovered(place, "a union's members must be objects")
                consts = [f.kind.value for f in self.api.models[kind.name].fields
                          if f.wire == tag and f.required and isinstance(f.kind, Const)]  # fmt: skip
                if not consts:
                    raise NotCovered(f"{place}<{kind.name}>", f"no required `const` at {tag!r}")
                if str(consts[0]) in found:
                    raise NotCovered(place, f"two members with {tag!r} {consts[0]!r}")
                found[str(consts[0])] = kind.name
            self.api.unions[name] = Union(name, node.get("description", ""), tag, found)
        return UnionOf(name), nullable

    def object(self, name: str, node: Node, place: str) -> Kind:
        if not node.get("properties"):
            extra = node.get("additionalProperties")
            if not is_object(extra) and extra is not True:
                raise NotCovered(place, f"{name} has neither properties nor additionalProperties")
            self.bounds(node, place)
            value = self.inner({} if extra is True else extra, f"{place}{{}}")
            return MapOf(value, node.get("minProperties", 0), node.get("maxProperties"))
        if node.get("additionalProperties") is False:
            raise NotCovered(name, "`additionalProperties: false` (unknown fields are kept, always)")
        if "minProperties" in node or "maxProperties" in node:
            raise NotCovered(name, "a number of properties, of an object that names them")
        if name not in self.api.models:
            demand(f"components.schemas.{name}", rules.no_name(name))
            self.api.models[name] = Model(name, "", ())  # a model may lead back to itself
            fields = self.fields(node, name)
            needed = node.get("x-at-least-one-of", [])
            if not is_list(needed) or not {f.wire for f in fields}.issuperset(map(str, needed)):
                raise NotCovered(f"{name} x-at-least-one-of", f"{needed!r} are no properties of it")
            self.api.models[name] = Model(name, node.get("description", ""), fields, tuple(needed))
        return ModelOf(name)

    def fields(self, node: Node, place: str) -> tuple[Field, ...]:
        needed = node.get("required", [])
        fields: list[Field] = []
        names: dict[str, str] = {}
        for wire, raw in node["properties"].items():
            at = f"{place}.{wire}"
            demand(at, rules.no_name(wire))
            demand(at, rules.no_attribute(python := snake(wire)))
            if (other := names.setdefault(python, wire)) != wire:
                raise NotCovered(at, f"it and {other!r} are both {python!r} in Python")
            kind, nullable = self.kind(raw, at)
            if isinstance(kind, Const) and wire not in needed:
                raise NotCovered(at, "an optional `const`")
            description = raw.get("description") or self.resolve(raw, at)[1].get("description", "")
            if "default" in raw:
                description = f"{description} {json.dumps(raw['default'])} where it is left out.".strip()
            fields.append(Field(wire, python, kind, wire in needed, nullable, description))
        return tuple(fields)
