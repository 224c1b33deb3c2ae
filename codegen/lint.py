"""What in the document would the generator, the templates or a reader stumble over?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from codegen import rules
from codegen.all_of import flattened
from codegen.api import Document, NotCovered
from codegen.names import FORM, IDEMPOTENCY_KEY, JSON, METHODS, snake
from codegen.references import References, Unresolved, is_list, is_object

SUMMARY = 70


def _nodes(node: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Every object and list below, with its place."""
    yield place, node
    if is_object(node):
        for key, value in node.items():
            yield from _nodes(value, f"{place}.{key}" if place else key)
    elif is_list(node):
        for index, value in enumerate(node):
            yield from _nodes(value, f"{place}[{index}]")


def _duplicates(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _broken(document: Document) -> Iterator[str]:
    references = References(document)
    for place, node in _nodes(document, ""):
        if is_object(node) and isinstance(node.get("$ref"), str):
            try:
                references.follow(node)
            except Unresolved as error:
                yield f"{place}: {error}"


def _unused(document: Document) -> Iterator[str]:
    targets = {
        node.get("$ref") for _, node in _nodes(document, "") if is_object(node) and isinstance(node.get("$ref"), str)
    }
    for kind in ("schemas", "parameters", "responses"):
        for name in document.get("components", {}).get(kind, {}):
            if f"#/components/{kind}/{name}" not in targets:
                yield f"components.{kind}.{name}: nothing refers to it; take it out"


def _schema(place: str, schema: Mapping[str, Any], *, named: bool) -> Iterator[str]:  # noqa: C901  (a list of rules)
    """Rules for one schema; `named` where it is a component itself."""
    if "title" in schema:
        yield f"{place}: `title` renames the class; take it out"
    if schema.get("additionalProperties") is False:
        yield f"{place}: unknown fields are kept; take `additionalProperties: false` out"
    if not named and (schema.get("type") == "object" or "enum" in schema):
        yield f"{place}: name it under components"
    if named and not schema.get("description"):
        yield f"{place}: describe it"
    if isinstance(schema.get("type"), list) and "enum" in schema:
        yield f"{place}: a nullable enum is `oneOf: [a reference, {{type: null}}]`"
    values = [str(value) for value in schema.get("enum", ())]
    for value in _duplicates([re.sub(r"\W+", "_", value).upper() for value in values]):
        yield f"{place}: several values become {value} in Python"
    properties: Mapping[str, Any] = schema.get("properties", {})
    for wire in [*schema.get("required", ()), *schema.get("x-at-least-one-of", ())]:
        if wire not in properties:
            yield f"{place}: {wire!r} is asked for and is no property"
    for name in _duplicates([snake(wire) for wire in properties]):
        yield f"{place}: several properties become {name!r} in Python"
    for wire, value in properties.items():
        if not value.get("description"):
            yield f"{place}.properties.{wire}: describe it"
    if IDEMPOTENCY_KEY in properties and list(properties).index(IDEMPOTENCY_KEY) not in (
        0,
        len(properties) - 1,
    ):
        yield f"{place}: {IDEMPOTENCY_KEY} goes first or last, as on the wire"


def _schemas(document: Document) -> Iterator[str]:
    try:
        schemas: Mapping[str, Any] = flattened(document).get("components", {}).get("schemas", {})
    except NotCovered as error:
        yield str(error)
        return
    for name, schema in schemas.items():
        at = f"components.schemas.{name}"
        yield from _schema(at, schema, named=True)
        for keyword in ("properties", "oneOf", "items"):
            for place, inner in _nodes(schema.get(keyword, {}), f"{at}.{keyword}"):
                if is_object(inner) and not place.endswith((".properties", ".mapping")):
                    yield from _schema(place, inner, named=False)


def _prose(place: str, operation: Mapping[str, Any]) -> Iterator[str]:
    summary = operation.get("summary", "")
    if not summary or len(summary) > SUMMARY or summary.endswith("."):
        yield f"{place}: a summary of at most {SUMMARY} characters, without a full stop"
    if not operation.get("description"):
        yield f"{place}: describe it"


def _operations(document: Document) -> Iterator[str]:  # noqa: C901  (a list of rules)
    references = References(document)
    tags = [tag["name"] for tag in document.get("tags", ())]
    ids: list[str] = []
    for path, item in document["paths"].items():
        for method, operation in ((m, item[m]) for m in METHODS if m in item):
            place = f"{method.upper()} {path}"
            ids.append(name := operation.get("operationId", ""))
            if why := rules.no_call(name):
                yield f"{place}: {why}"
            if operation.get("tags") != [name.partition(".")[0]] or operation["tags"][0] not in tags:
                yield f"{place}: one tag, the part of the operationId before the dot, listed in `tags`"
            yield from _prose(place, operation)
            codes: Mapping[str, list[str]] = operation.get("x-error-codes", {})
            errors = {status for status in operation["responses"] if not status.startswith("2")}
            if codes.keys() != errors or not all(codes.values()):
                yield f"{place}: x-error-codes has {sorted(codes)}, responses have {sorted(errors)}"
            for status in errors:
                if "$ref" not in operation["responses"][status]:
                    yield f"{place}: {status} is a reference to components.responses"
            if method in ("post", "put"):
                content = operation.get("requestBody", {}).get("content", {})
                media = content.get(JSON) or content.get(FORM, {})
                _, schema = references.follow(media.get("schema", {}))
                is_bag = bool(schema.get("additionalProperties")) and not schema.get("properties")
                if (
                    IDEMPOTENCY_KEY not in schema.get("properties", {}) and not is_bag
                ):  # in a bag it would be the caller's
                    yield f"{place}: its body takes {IDEMPOTENCY_KEY}"
    for name in _duplicates(ids):
        yield f"operationId {name}: there twice"
    for name, parameter in document.get("components", {}).get("parameters", {}).items():
        if not parameter.get("description"):
            yield f"components.parameters.{name}: describe it"


def _webhooks(document: Document) -> Iterator[str]:
    known = document.get("components", {}).get("schemas", {}).get("WebhookEventName", {}).get("enum", [])
    for name in sorted(set(known) ^ set(document.get("webhooks", {}))):
        yield f"webhooks.{name}: it is in one of `webhooks` and WebhookEventName only"
    for name, item in document.get("webhooks", {}).items():
        yield from _prose(f"webhooks.{name}", item.get("post", {}))
        if {"const": name} not in [node for _, node in _nodes(item, "") if is_object(node)]:
            yield (
                f"webhooks.{name}: narrow the envelope's name of the event to `const: {name}`, "
                "or name the schema of its data in `events` of codegen/dialect.json"
            )


def problems(document: Document) -> list[str]:
    """Everything that is wrong, each with its place and what to write instead."""
    if broken := list(_broken(document)):
        return broken  # no rule below can follow them
    errors = OpenAPIV31SpecValidator(document).iter_errors()
    found = [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]
    for rule in (_unused, _schemas, _operations, _webhooks):
        found += rule(document)
    return found
