"""What does `allOf` come to? Each one is written as the one schema that it means, before anything else is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from codegen.api import Document, NotCovered
from codegen.keywords import PROSE
from codegen.references import References, Unresolved, is_list, is_object


def flattened(document: Document) -> Document:
    """The document, with the `allOf` of its components written out; webhooks, which narrow with it, stay as they are.

    Raises:
        NotCovered: parts say different things, or lead back to themselves; the message names the place.
    """
    components = document.get("components")
    schemas = components.get("schemas") if is_object(components) else None
    if not is_object(components) or not is_object(schemas) or not any(map(_has_all_of, schemas.values())):
        return document
    flat = _Flat(document)
    made = {name: flat.schema(schema, f"components.schemas.{name}") for name, schema in schemas.items()}
    return {**document, "components": {**components, "schemas": made}}


def _has_all_of(node: Any) -> bool:
    todo = [node]
    while todo:
        node = todo.pop()
        if is_object(node):
            if "allOf" in node:
                return True
            todo += node.values()
        elif is_list(node):
            todo += node
    return False


class _Flat:
    def __init__(self, document: Document) -> None:
        self.references = References(document)

    def schema(self, node: Any, place: str, above: tuple[int, ...] = ()) -> Any:
        if not is_object(node):
            return node
        if is_list(node.get("allOf")):
            node = self.merged(node, place, above)
        made = dict(node)
        if is_object(properties := made.get("properties")):
            made["properties"] = {name: self.schema(one, f"{place}.{name}") for name, one in properties.items()}
        for keyword in ("items", "additionalProperties"):
            if is_object(made.get(keyword)):
                made[keyword] = self.schema(made[keyword], f"{place}.{keyword}")
        for keyword in ("oneOf", "anyOf"):
            if is_list(members := made.get(keyword)):
                made[keyword] = [self.schema(one, f"{place}.{keyword}[{i}]") for i, one in enumerate(members)]
        return made

    def merged(self, node: Mapping[str, Any], place: str, above: tuple[int, ...]) -> Mapping[str, Any]:
        """One schema that says what all the parts say."""
        beside = {keyword: value for keyword, value in node.items() if keyword != "allOf"}
        parts = node["allOf"]
        if len(parts) == 1 and is_object(parts[0]) and "$ref" in parts[0] and beside.keys() <= {"default", *PROSE}:
            return {**parts[0], **beside}  # a reference with words of its own, as OpenAPI 3.0 writes it
        made: dict[str, Any] = {}
        for part in [*self._parts(parts, place, (*above, id(node))), beside]:
            for keyword, value in part.items():
                if keyword not in made or keyword in PROSE or made[keyword] == value:
                    made[keyword] = value
                elif keyword == "properties" and is_object(made[keyword]) and is_object(value):
                    for name in made[keyword].keys() & value.keys():
                        if made[keyword][name] != value[name]:
                            raise NotCovered(f"{place}.{name}", "the parts of `allOf` say different things of it")
                    made[keyword] = {**made[keyword], **value}
                elif keyword == "required" and is_list(made[keyword]) and is_list(value):
                    made[keyword] = [*dict.fromkeys([*made[keyword], *value])]
                else:
                    raise NotCovered(place, f"two parts of `allOf` say {keyword!r}, and not the same")
        return made

    def _parts(self, parts: list[Any], place: str, above: tuple[int, ...]) -> Iterator[Mapping[str, Any]]:
        for part in parts:
            try:
                _, found = self.references.follow(part)
            except Unresolved as error:
                raise NotCovered(place, str(error)) from error
            if not is_object(found) or id(found) in above:
                raise NotCovered(place, "a part of `allOf` is no object, or leads back to it")
            if "$ref" in part:
                found = {keyword: value for keyword, value in found.items() if keyword not in PROSE}
            yield self.merged(found, place, above) if is_list(found.get("allOf")) else found
