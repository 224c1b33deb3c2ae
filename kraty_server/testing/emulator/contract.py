"""Which operation does a request ask for, and what does the document say it may hold?"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from operator import eq, itemgetter
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
    literals: itemgetter[Any]
    """Those of its segments that are no parameters."""
    error_codes: Mapping[str, tuple[str, ...]]
    """Status to the codes that come with it."""
    body: jsonschema_rs.Draft202012Validator | None
    body_required: bool
    parameters: Mapping[str, jsonschema_rs.Draft202012Validator]
    responses: Mapping[str, jsonschema_rs.Draft202012Validator] = field(repr=False)
    enveloped: bool
    """Whether its payload comes within `data`."""

    @property
    def keyed(self) -> bool:
        """Whether the operation is idempotent by a key, rather than by nature."""
        return any("idempotency_conflict" in codes for codes in self.error_codes.values())


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
            name: self._validator({"$ref": f"#/webhooks/{name}/post/requestBody/content/application~1json/schema"})
            for name in self.document["webhooks"]
        }
        """The validator of each webhook's body, by the name of its event."""
        self._routes: dict[int, list[Operation]] = {}
        for operation in self.operations.values():
            self._routes.setdefault(len(operation.segments), []).append(operation)
        # Literal segments win over parameters.
        for found in self._routes.values():
            found.sort(key=lambda operation: [segment.startswith("{") for segment in operation.segments])

    def _validator(self, schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
        if "$ref" in schema:
            schema = {"$ref": DOCUMENT + schema["$ref"]}
        return jsonschema_rs.Draft202012Validator(schema, registry=self._registry, validate_formats=True)

    @cache  # noqa: B019  # there is one contract, and it lives as long as the process
    def component(self, name: str) -> jsonschema_rs.Draft202012Validator:
        """The validator of a schema, by its name."""
        return self._validator({"$ref": f"#/components/schemas/{name}"})

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
        return Operation(
            id=node["operationId"],
            method=method,
            route=self.base + route,
            segments=segments,
            literals=itemgetter(*(index for index, segment in enumerate(segments) if segment[0] != "{")),
            error_codes={status: tuple(codes) for status, codes in node["x-error-codes"].items()},
            body=self._validator(body["content"]["application/json"]["schema"]) if body else None,
            body_required=bool(body and body.get("required")),
            parameters={
                p["name"]: self._validator(p["schema"]) for p in map(self._resolved, node.get("parameters", ()))
            },
            responses={status: self._validator(schema) for status, schema in answers.items()},
            enveloped=all("data" in self._resolved(answers[s])["properties"] for s in answers if s.startswith("2")),
        )

    def find(self, method: str, target: str) -> tuple[Operation, dict[str, str]]:
        """The operation at a request target, and its path parameters, decoded.

        Raises:
            NoRoute: there is none.
        """
        segments = target.partition("?")[0].removeprefix("/").split("/")
        allowed: list[str] = []
        for operation in self._routes.get(len(segments), ()):
            if all(map(eq, operation.literals(segments), operation.literals(operation.segments))):
                if operation.method == method:
                    given = zip(operation.segments, segments, strict=True)
                    try:
                        return operation, {w[1:-1]: unquote(h, errors="strict") for w, h in given if w[0] == "{"}
                    except UnicodeDecodeError:  # a segment is no UTF-8, so there is nothing that it could name
                        break
                allowed.append(operation.method)
        raise NoRoute(allowed)

    def bad_parameters(self, operation: Operation, parameters: Mapping[str, str]) -> Iterator[Problem]:
        """What is wrong with path parameters."""
        for name, value in parameters.items():
            for problem in problems(operation.parameters[name], value):
                yield Problem(f"path.{name}", problem.message)


@cache
def contract() -> Contract:
    """The contract that this version of the SDK was generated from."""
    text = files("kraty_server_generated").joinpath("openapi.json").read_text("utf-8")
    return Contract(json.loads(text))
