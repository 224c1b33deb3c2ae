"""Which operation does a request ask for, and what does the document say it may hold?"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from operator import itemgetter
from typing import Any, Final
from urllib.parse import unquote, unquote_plus, urlsplit

import jsonschema_rs

DOCUMENT: Final = "urn:kraty"
JSON: Final = "application/json"
FORM: Final = "multipart/form-data"
METHODS: Final = frozenset({"get", "put", "post", "delete", "patch", "head", "options", "trace"})
NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a body, and where."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the document."""

    id: str
    method: str
    route: str
    segments: tuple[str, ...]
    error_codes: Mapping[str, tuple[str, ...]]
    """Status to the codes that come with it."""
    body: jsonschema_rs.Draft202012Validator | None
    body_schema: Any
    body_required: bool
    form: Mapping[str, frozenset[str]] | None
    """Where the body is a form, what the texts of its fields may stand for; those of a list for its items."""
    lists: frozenset[str]
    """The fields of the form that may be there several times."""
    body_keyed: bool
    """Whether the body has a property for the idempotency key, and is no bag in which that would be the caller's."""
    parameters: Mapping[str, tuple[int, frozenset[str]]]
    """The name of each path parameter, at which segment it is, and what its text may stand for."""
    path: jsonschema_rs.Draft202012Validator
    """All path parameters in one object."""
    others: tuple[Parameter, ...]
    """The parameters of the query and the headers."""
    responses: Mapping[int, jsonschema_rs.Draft202012Validator | None] = field(repr=False)
    """The validator of each status; None where it comes without content."""
    media_types: Mapping[int, str]
    """Of each status that comes with bytes and no JSON, what they are."""
    enveloped: bool
    """Whether its payload comes within `data`."""
    success: tuple[int, Any]
    """The first success that is listed, and the schema of its body."""
    keyed: bool
    """Whether the operation is idempotent by a key, rather than by nature."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a query or a header."""

    name: str
    where: str
    required: bool
    explode: bool
    types: frozenset[str]
    """What its text may stand for."""
    item_types: frozenset[str]
    """The same for the items of a list."""
    schema: jsonschema_rs.Draft202012Validator = field(repr=False)

    def value(self, texts: list[str]) -> Any:
        """What the texts stand for that came under its name; those of a query as they are in the URL."""
        if "array" not in self.types:
            return read_text(self._decoded(texts[-1]), self.types)
        items = texts if self.explode else [item for text in texts for item in text.split(",")]
        return [read_text(self._decoded(item), self.item_types) for item in items]

    def _decoded(self, text: str) -> str:
        return unquote_plus(text) if self.where == "query" else text


class NoRoute(Exception):
    """No operation lies at this path, or none with this method."""

    def __init__(self, allowed: list[str]) -> None:
        super().__init__(", ".join(allowed))
        self.allowed = allowed


def problems(validator: jsonschema_rs.Draft202012Validator, value: Any) -> list[Problem]:
    """Everything that is wrong with a value."""
    if validator.is_valid(value):
        return []
    found = [Problem(_path(error.instance_path), error.message) for error in validator.iter_errors(value)]
    return found or [Problem("", "does not fit the schema")]


def read_text(text: str, types: frozenset[str]) -> Any:
    """The JSON value that a text of a URL or a header stands for; the text itself where it stands for none."""
    if types & {"integer", "number"} and NUMBER.fullmatch(text):
        return json.loads(text)
    return text == "true" if "boolean" in types and text in ("true", "false") else text


def _absolute(schema: Any) -> Any:
    """A schema whose references lead into the document from anywhere."""

    def named(node: dict[str, Any]) -> dict[str, Any]:
        return {**node, "$ref": DOCUMENT + node["$ref"]} if str(node.get("$ref", "")).startswith("#") else node

    return json.loads(json.dumps(schema), object_hook=named)


def _literals(shape: tuple[bool, ...]) -> itemgetter[Any]:
    """What takes the literal segments out of a path of this shape."""
    return itemgetter(*(index for index, is_parameter in enumerate(shape) if not is_parameter))


def _path(parts: list[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")


class Contract:
    """The document, ready to be asked."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document: dict[str, Any] = copy.deepcopy(dict(document))
        for schema in self.document["components"]["schemas"].values():
            if names := schema.get("x-at-least-one-of"):  # in words that a validator knows
                schema["anyOf"] = [{"required": [name]} for name in names]
        self.base: str = urlsplit(str(document["servers"][0]["url"])).path
        self._registry = jsonschema_rs.Registry([(DOCUMENT, self.document)])
        self.operations: dict[str, Operation] = {}
        for route, item in self.document["paths"].items():
            for method in (key for key in item if key in METHODS):
                parameters: list[Any] = [*item.get("parameters", ()), *item[method].get("parameters", ())]
                node: dict[str, Any] = {**item[method], "parameters": parameters}
                self.operations[node["operationId"]] = self._operation(method.upper(), route, node)
        self.events: dict[str, jsonschema_rs.Draft202012Validator] = {
            name: self.validator({"$ref": f"#/webhooks/{name}/post/requestBody/content/application~1json/schema"})
            for name in self.document["webhooks"]
        }
        """The validator of each webhook's body, by the name of its event."""
        # By the number of segments, by where the literal ones are, and by what these are.
        shapes: dict[tuple[bool, ...], dict[Any, dict[str, Operation]]] = {}
        for operation in self.operations.values():
            shape = tuple(segment.startswith("{") for segment in operation.segments)
            literals = _literals(shape)(operation.segments)
            shapes.setdefault(shape, {}).setdefault(literals, {})[operation.method] = operation
        self._routes: dict[int, list[tuple[itemgetter[Any], dict[Any, dict[str, Operation]]]]] = {}
        for shape in sorted(shapes):  # literal segments win over parameters
            self._routes.setdefault(len(shape), []).append((_literals(shape), shapes[shape]))

    def validator(self, schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
        """The validator of a schema of the document."""
        return jsonschema_rs.Draft202012Validator(_absolute(schema), registry=self._registry, validate_formats=True)

    @cache  # noqa: B019  # there is one contract, and it lives as long as the process
    def component(self, name: str) -> jsonschema_rs.Draft202012Validator:
        """The validator of a schema, by its name."""
        return self.validator({"$ref": f"#/components/schemas/{name}"})

    def merged(self, schema: Any) -> dict[str, Any]:
        """A schema with what it refers to and what all of its parts say, as far as samples need it."""
        node = self._resolved(schema)
        while "$ref" in node:
            node = self._resolved(node)
        found = {key: value for key, value in node.items() if key != "allOf"}
        for part in map(self.merged, node.get("allOf", ())):
            found["properties"] = {**part.get("properties", {}), **found.get("properties", {})}
            found["required"] = [*part.get("required", ()), *found.get("required", ())]
            found = {**part, **found}
        return found

    def _resolved(self, node: Any) -> Any:
        if "$ref" not in node:
            return node
        target: Any = self.document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return target

    def _operation(self, method: str, route: str, node: Any) -> Operation:
        body = self._resolved(node.get("requestBody") or {})
        form = body.get("content", {}).get(FORM)
        sent = (form or body["content"][JSON])["schema"] if body else None
        contents = {
            int(status): self._resolved(response).get("content", {}) for status, response in node["responses"].items()
        }
        answers: dict[int, Any] = {status: content.get(JSON, {}).get("schema") for status, content in contents.items()}
        properties: dict[str, Any] = self.merged(sent).get("properties", {}) if sent else {}
        fields = {name: self.merged(schema) for name, schema in properties.items()}
        successes = [schema for status, schema in answers.items() if status // 100 == 2]
        segments = tuple((self.base + route).strip("/").split("/"))
        given = {(p["in"], p["name"]): p for p in map(self._resolved, node["parameters"])}
        schemas = {name: p["schema"] for (where, name), p in given.items() if where == "path"}
        codes = {status: tuple(codes) for status, codes in node["x-error-codes"].items()}
        return Operation(
            id=node["operationId"],
            method=method,
            route=self.base + route,
            segments=segments,
            error_codes=codes,
            body=self.validator(sent) if sent is not None else None,
            body_schema=sent,
            body_required=bool(body.get("required")),
            form={n: self._types(f.get("items", f)) for n, f in fields.items()} if form else None,
            lists=frozenset(name for name, field in fields.items() if "items" in field),
            body_keyed="idempotencyKey" in fields,
            parameters={
                segment[1:-1]: (index, self._types(schemas[segment[1:-1]]))
                for index, segment in enumerate(segments)
                if segment[0] == "{"
            },
            others=tuple(self._parameter(p) for (where, _), p in given.items() if where in ("query", "header")),
            path=self.validator({"properties": schemas}),
            responses={status: schema and self.validator(schema) for status, schema in answers.items()},
            media_types={status: next(iter(c)) for status, c in contents.items() if c and JSON not in c},
            enveloped=all(schema and "data" in self.merged(schema).get("properties", {}) for schema in successes),
            success=next((status, schema) for status, schema in answers.items() if status // 100 == 2),
            keyed=any("idempotency_conflict" in each for each in codes.values()),
        )

    def _types(self, schema: Any) -> frozenset[str]:
        """The JSON types that a schema allows."""
        node = self.merged(schema)
        stated = node.get("type", [])
        return frozenset([stated] if isinstance(stated, str) else stated)

    def _parameter(self, node: Any) -> Parameter:
        schema = self.merged(node["schema"])
        return Parameter(
            name=node["name"] if node["in"] == "query" else node["name"].lower(),
            where=node["in"],
            required=node.get("required") is True,
            explode=node.get("explode", node["in"] == "query") is True,
            types=self._types(schema),
            item_types=self._types(schema.get("items", {})),
            schema=self.validator(node["schema"]),
        )

    def find(self, method: str, target: str) -> tuple[Operation, dict[str, Any]]:
        """The operation at a request target, and its path parameters, decoded.

        Raises:
            NoRoute: there is none.
        """
        segments = target.partition("?")[0].removeprefix("/").split("/")
        allowed: list[str] = []
        for literals, routes in self._routes.get(len(segments), ()):
            if (methods := routes.get(literals(segments))) is None:
                continue
            if (operation := methods.get(method)) is not None:
                try:
                    return operation, {
                        name: read_text(unquote(segments[index], errors="strict"), types)
                        for name, (index, types) in operation.parameters.items()
                    }
                except UnicodeDecodeError:  # a segment is no UTF-8, so there is nothing that it could name
                    break
            allowed += methods
        raise NoRoute(allowed)


@cache
def contract() -> Contract:
    """The contract that this version of the SDK was generated from."""
    text = files("kraty_server_generated").joinpath("openapi.json").read_text("utf-8")
    return Contract(json.loads(text))
