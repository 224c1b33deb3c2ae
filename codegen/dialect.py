"""How does the vendor spell what our document says? A document in the vendor's dialect, translated into ours.

The vendor names calls in its own way (`creditWallet`), gives schemas titles, and leaves out descriptions, error codes
and what we have extensions for. None of that is on the wire. A call is known by its route; what the vendor does not say
of it stands in our document; what is new has its name, and its defaults, in `dialect.json`, which is reviewed.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from codegen.names import METHODS, path_shape
from codegen.references import References, is_changeable, is_list, is_object, name_of
from codegen.rules import CALL
from codegen.write import DOCUMENT, load

MAPPING: Final = Path(__file__).with_name("dialect.json")
SCHEMA: Final = "#/components/schemas/"
LACKED: Final = ("summary", "description", "example", "examples", "x-argument", "x-at-least-one-of")
"""What ours says where the vendor says nothing."""
NAMED: Final = frozenset({
    *("properties", "patternProperties", "$defs", "schemas", "parameters", "responses", "requestBodies", "headers"),
    *("paths", "webhooks", "content", "securitySchemes", "mapping", "examples", "callbacks", "links"),
})  # fmt: skip
"""Keywords that hold names, and no keywords."""


@dataclass(frozen=True)
class Dialect:
    """What is reviewed by hand."""

    about: str = ""
    operations: Mapping[str, str] = field(default_factory=dict[str, str])
    schemas: Mapping[str, str] = field(default_factory=dict[str, str])
    events: Mapping[str, str] = field(default_factory=dict[str, str])
    description: str = ""
    error_codes: Mapping[str, list[str]] = field(default_factory=dict[str, list[str]])

    @staticmethod
    def load(path: Path = MAPPING) -> Dialect:
        """Read the file.

        Raises:
            ValueError: it holds something unknown, or a call that is not `tag.method`.
        """
        try:
            made = Dialect(**json.loads(path.read_text("utf-8")))
        except TypeError as error:
            raise ValueError(f"{path}: {error}") from error
        for vendors, ours in made.operations.items():
            if not CALL.fullmatch(ours):
                raise ValueError(f"{path}: {vendors!r} is {ours!r}, and not `tag.method`")
        return made


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Each operation with its method and the shape of its path."""
    paths = document.get("paths")
    for path, item in paths.items() if is_object(paths) else ():
        for method in METHODS:
            if is_object(item) and is_object(operation := item.get(method)):
                yield method, path_shape(path), operation


def is_ours(document: Mapping[str, Any]) -> bool:
    """Whether a document is in our dialect already: it has a call that is `tag.method`, or none at all."""
    names = [str(operation.get("operationId")) for _, _, operation in operations(document)]
    return not names or any(map(CALL.fullmatch, names))


def load_any(source: str | Path) -> Any:
    """Read a document in either dialect; it comes in ours.

    Raises:
        OSError, ValueError: there is none.
    """
    return translated(load(source), load(DOCUMENT), Dialect.load())


def translated(document: Any, ours: Mapping[str, Any], dialect: Dialect) -> Any:
    """A document in our dialect; one that is in it already comes as it is.

    Raises:
        ValueError: two schemas would have one name.
    """
    if not is_object(document):
        return document
    made = document if is_ours(document) else Translation(document, ours, dialect).made
    return narrowed(made, ours, dialect.events)


def narrowed(document: Mapping[str, Any], ours: Mapping[str, Any], events: Mapping[str, str]) -> Mapping[str, Any]:
    """A document that says what each webhook is about, also where the vendor says no more of it than the envelope.

    Args:
        events: the schema of the data of each event that ours does not have.
    """
    hooks: Mapping[str, Any] = ours.get("webhooks") or {}
    bodies: dict[str, Any] = {name: body_of(item) for name, item in hooks.items()}
    known = {name: body["allOf"] for name, body in bodies.items() if body and body.get("allOf")}
    webhooks = document.get("webhooks")
    plain = {name for name, item in webhooks.items() if is_whole(body_of(item))} if is_object(webhooks) else set[str]()
    if not known or not plain & {*known, *events}:
        return document
    made = copy.deepcopy(dict(document))
    envelope, first = next(iter(known.values()))
    (event,) = (wire for wire, value in first["properties"].items() if "const" in value)
    (data,) = first["properties"].keys() - {event}
    for name in sorted(plain & {*known, *events}):
        body = body_of(made["webhooks"][name])
        about: Any = {"$ref": SCHEMA + events[name]} if name in events else known[name][1]["properties"][data]
        if body != envelope:
            continue  # it comes in something else
        body.clear()
        body["allOf"] = [dict(envelope), {"properties": {event: {"const": name}, data: dict(about)}}]
        adopt(made, ours, body)
    theirs, mine = (
        References(one).follow(envelope)[1].get("properties", {}) for one in (made, ours)
    )  # fmt: skip
    if data in theirs and "properties" not in References(made).merged(theirs[data]):
        theirs[data] = copy.deepcopy(mine[data])  # a bag of anything there, which each event narrows
    return made


def body_of(webhook: Any) -> Any:
    """The schema of what a webhook brings; None where there is none."""
    for key in ("post", "requestBody", "content", "application/json", "schema"):
        webhook = webhook.get(key) if is_object(webhook) else None
    return webhook


def is_whole(schema: Any) -> bool:
    """Whether a schema is a reference and no more."""
    return is_object(schema) and schema.keys() == {"$ref"}


def adopt(made: dict[str, Any], ours: Mapping[str, Any], node: Any) -> None:
    """Take the components over that something of ours refers to, where the vendor has none of that name."""
    if is_object(node):
        for value in node.values():
            adopt(made, ours, value)
        if isinstance(target := node.get("$ref"), str):
            kind, name = target.removeprefix("#/components/").split("/")
            mine = made.setdefault("components", {}).setdefault(kind, {})
            if name not in mine and name in ours["components"].get(kind, ()):
                mine[name] = copy.deepcopy(ours["components"][kind][name])
                adopt(made, ours, mine[name])
    elif is_list(node):
        for value in node:
            adopt(made, ours, value)


class Translation:
    def __init__(self, document: Mapping[str, Any], ours: Mapping[str, Any], dialect: Dialect) -> None:
        self.ours, self.dialect = ours, dialect
        self.made: dict[str, Any] = self.renamed(copy.deepcopy(dict(document)))
        self.untitled(self.made, inside=False)
        known = {(method, route): operation for method, route, operation in operations(ours)}
        for method, route, operation in operations(self.made):
            full = (self.base(self.made) + route).removeprefix(self.base(ours))
            other = known.get((method, full)) or known.get((method, route))
            self.operation(operation, other or {})
        self.lacked(self.made, {key: value for key, value in ours.items() if key != "paths"}, named=False)
        self.described()

    @staticmethod
    def base(document: Mapping[str, Any]) -> str:
        """The path of the first server."""
        servers = document.get("servers")
        url = servers[0].get("url") if is_list(servers) and servers and is_object(servers[0]) else ""
        return re.sub(r"^\w+://[^/]*", "", str(url)).rstrip("/")

    def renamed(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document with our names of its schemas."""
        components = document.get("components")
        schemas = components.get("schemas") if is_object(components) else None
        if not self.dialect.schemas or not is_object(components) or not is_object(schemas):
            return document
        names = [self.dialect.schemas.get(name, name) for name in schemas]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{MAPPING.name}: two schemas of the document would be {name!r}")

        def walk(node: Any) -> Any:
            if is_object(node):
                return {key: walk(value) for key, value in node.items()}
            if isinstance(node, str) and node.startswith(SCHEMA):
                return SCHEMA + self.dialect.schemas.get(name_of(node), name_of(node))
            return [walk(value) for value in node] if is_list(node) else node

        found: dict[str, Any] = walk(document)
        found["components"]["schemas"] = dict(zip(names, found["components"]["schemas"].values(), strict=True))
        return found

    def untitled(self, node: Any, *, inside: bool, named: bool = False) -> None:
        """Take the titles out of schemas; `inside` one, and not where there are names."""
        if is_changeable(node):
            if inside and not named and isinstance(node.get("title"), str):
                del node["title"]
            for key, value in node.items():
                within = inside or (key in ("schema", "schemas") and not named)
                if key not in ("example", "examples", "enum", "const", "default") or named:
                    self.untitled(value, inside=within, named=key in NAMED and not named)
        elif is_list(node):
            for value in node:
                self.untitled(value, inside=inside)

    def operation(self, operation: dict[str, Any], ours: Mapping[str, Any]) -> None:
        """Give a call our name and tag, and what the vendor says nothing of."""
        vendors = str(operation.get("operationId", ""))
        name = self.dialect.operations.get(vendors) or str(ours.get("operationId", vendors))
        operation["operationId"] = name
        if CALL.fullmatch(name):
            operation["tags"] = [name.partition(".")[0]]
        operation.setdefault("summary", ours.get("summary") or words(vendors))
        self.lacked(operation, ours, named=False)
        operation.setdefault("description", self.dialect.description)
        responses = operation.get("responses")
        if is_changeable(responses):
            self.errors(operation, responses, ours)

    def errors(self, operation: dict[str, Any], responses: dict[str, Any], ours: Mapping[str, Any]) -> None:
        """The refusals of a call, where the vendor is silent: ours, and the usual codes of a status."""
        codes: Mapping[str, list[str]] = ours.get("x-error-codes", {})
        if "x-error-codes" in operation:
            return
        for status in codes:
            if status not in responses:
                responses[status] = copy.deepcopy(ours["responses"][status])
                adopt(self.made, self.ours, responses[status])
        refused = [status for status in responses if not status.startswith("2")]
        found = {status: codes.get(status) or self.dialect.error_codes.get(status) for status in refused}
        operation["x-error-codes"] = {status: [*listed] for status, listed in found.items() if listed}

    def lacked(self, node: Any, ours: Any, *, named: bool) -> None:
        """Say what ours says at the same place, where the vendor says nothing."""
        if is_changeable(node) and is_object(ours):
            for keyword in LACKED if not named else ():
                if keyword in ours and keyword not in node:
                    node[keyword] = copy.deepcopy(ours[keyword])
            for key, value in node.items():
                if key in ours:
                    self.lacked(value, ours[key], named=key in NAMED and not named)
        elif is_list(node) and is_list(ours) and len(node) == len(ours):
            for value, other in zip(node, ours, strict=True):
                self.lacked(value, other, named=False)

    def described(self) -> None:
        """Describe what nobody has described, and list all tags."""
        components = self.made.get("components")
        kinds = [components.get(kind) for kind in ("schemas", "parameters")] if is_object(components) else []
        for named in kinds:
            for component in named.values() if is_object(named) else ():
                if is_changeable(component):
                    component.setdefault("description", self.dialect.description)
                    properties = component.get("properties")
                    for value in properties.values() if is_object(properties) else ():
                        if is_changeable(value):
                            value.setdefault("description", self.dialect.description)
        used = {tag for _, _, operation in operations(self.made) for tag in operation.get("tags", ())}
        tags = [tag for tag in self.ours.get("tags", ()) if tag["name"] in used]
        new = sorted(used - {tag["name"] for tag in tags})
        self.made["tags"] = [
            *copy.deepcopy(tags),
            *({"name": tag, "description": self.dialect.description} for tag in new),
        ]


def words(name: str) -> str:
    """`spendCurrency` as a summary."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[._-]+", " ", name).strip().capitalize() or "A call"
