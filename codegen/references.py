"""Where does a reference lead? The one resolver of `$ref` (JSON pointers), for the reader, the linter and the diff."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard
from urllib.parse import unquote


class Unresolved(Exception):
    """A reference that leads nowhere, out of the document, or back to itself."""


def is_object(node: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(node, Mapping)


def is_list(node: object) -> TypeGuard[list[Any]]:
    return isinstance(node, list)


def is_changeable(node: object) -> TypeGuard[dict[str, Any]]:
    """Whether it is an object that may be written to."""
    return isinstance(node, dict)


def name_of(reference: str) -> str:
    """The last part of a reference: the name of a component."""
    return reference.rpartition("/")[2]


class References:
    """The references of one document."""

    def __init__(self, document: Any) -> None:
        self.document = document

    def target(self, reference: object) -> Any:
        """What a reference leads to, which may be a reference again.

        Raises:
            Unresolved: nothing is there, or it leads out of the document.
        """
        if not isinstance(reference, str):
            raise Unresolved(f"`$ref` is {reference!r}, and no text")
        if reference != "#" and not reference.startswith("#/"):
            raise Unresolved(f"{reference} leads out of the document")
        at = self.document
        for part in reference.split("/")[1:]:
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if is_object(at) and key in at:
                at = at[key]
            elif is_list(at) and key.isdecimal() and key.isascii() and len(key) < 10 and int(key) < len(at):
                at = at[int(key)]
            else:
                raise Unresolved(f"{reference} leads nowhere")
        return at

    def chain(self, node: Any) -> Iterator[tuple[str, Any]]:
        """Each reference from here on, with what it leads to.

        Raises:
            Unresolved: as for `target`, or it leads back to itself.
        """
        seen: set[str] = set()
        while is_object(node) and "$ref" in node:
            reference = node["$ref"]
            node = self.target(reference)
            if reference in seen:
                raise Unresolved(f"{reference} leads back to itself")
            seen.add(reference)
            yield reference, node

    def follow(self, node: Any) -> tuple[str | None, Any]:
        """The name of the last reference from here on, if there is one, and what it leads to."""
        name = None
        for reference, found in self.chain(node):
            name, node = name_of(reference), found
        return name, node

    def merged(self, node: Any) -> Any:
        """The end of all references from here on; what stands beside one wins over what it leads to."""
        beside = {k: v for k, v in node.items() if k != "$ref"} if is_object(node) else {}
        for _, found in self.chain(node):
            if not is_object(found):
                return found
            node = found
            beside = {**{k: v for k, v in found.items() if k != "$ref"}, **beside}
        return beside if is_object(node) else node
