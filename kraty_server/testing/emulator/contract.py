"""Which operation does a request ask for, and what does the document say it may hold?"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from operator import itemgetter
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import jsonschema_rs

DOCUMENT: Final = "urn:kraty"


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
    parameters: Mapping[str, int]
    """The name of each path parameter, and at which segment it is."""
    path: jsonschema_rs.Draft202012Validator
    """All path parameters in one object."""
    responses: Mapping[int, jsonschema_rs.Draft202012Validator] = field(repr=False)
    enveloped: bool
    """Whether its payload comes within `data`."""
    success: tuple[int, Any]
    """The first success that is listed, and the schema of its body."""
    keyed: bool
    """Whether the operation is idempotent by a key, rather than by nature."""


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


def _absolute(node: Any) -> Any:
    """A schema whose references name the document."""
    if isinstance(node, dict):
        fields: dict[str, Any] = node
        return {k: DOCUMENT + v if k == "$ref" and isinstance(v, str) else _absolute(v) for k, v in fields.items()}
    items: list[Any] = node if isinstance(node, list) else []
    return [_absolute(item) for item in items] if isinstance(node, list) else node


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
            for method, node in item.items():
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
        body = node.get("requestBody")
        answers = {
            status: self._resolved(response)["content"]["application/json"]["schema"]
            for status, response in node["responses"].items()
        }
        segments = tuple((self.base + route).strip("/").split("/"))
        schemas = {p["name"]: p["schema"] for p in map(self._resolved, node.get("parameters", ()))}
        codes = {status: tuple(codes) for status, codes in node["x-error-codes"].items()}
        return Operation(
            id=node["operationId"],
            method=method,
            route=self.base + route,
            segments=segments,
            error_codes=codes,
            body=self.validator(body["content"]["application/json"]["schema"]) if body else None,
            body_schema=body["content"]["application/json"]["schema"] if body else None,
            body_required=bool(body and body.get("required")),
            parameters={segment[1:-1]: index for index, segment in enumerate(segments) if segment[0] == "{"},
            path=self.validator({"properties": schemas}),
            responses={int(status): self.validator(schema) for status, schema in answers.items()},
            enveloped=all("data" in self._resolved(answers[s])["properties"] for s in answers if s.startswith("2")),
            success=next((int(status), schema) for status, schema in answers.items() if status.startswith("2")),
            keyed=any("idempotency_conflict" in each for each in codes.values()),
        )

    def find(self, method: str, target: str) -> tuple[Operation, dict[str, str]]:
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
                        name: unquote(segments[index], errors="strict") for name, index in operation.parameters.items()
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
