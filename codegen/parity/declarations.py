"""Which methods, options and fields does a Node SDK declare, and of which types? Read from its `.d.ts` files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from codegen.parity.shapes import Members, Shape, Surface, merged, without_unit

PACKAGE: Final = "@kraty/server-sdk"
SAME_FIELDS: Final = ("Promise", "Readonly", "NonNullable", "Awaited")
"""Generic types with the fields of what they are given, as they are."""
TRANSPARENT: Final = (*SAME_FIELDS, "Partial", "Required")
"""Those, and the ones that change only what may be left out."""
LISTS: Final = ("Array", "ReadonlyArray")
NAMED: Final = {"unknown": "any", "void": "nothing", "true": "boolean", "false": "boolean", "object": "map of any"}
KINDS: Final = ("class_declaration", "abstract_class_declaration", "interface_declaration", "type_alias_declaration")


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_typescript.language_typescript()))


def text(node: Node | None) -> str:
    """The source of a node."""
    return (node.text or b"").decode() if node else ""


@dataclass(frozen=True)
class Declared:
    """A field or a parameter: its type, and whether it may be left out."""

    type: Node | None
    optional: bool = False


class Declarations:
    """The `.d.ts` files of a package, or of the one that is installed in a folder.

    Raises:
        ValueError: it has no declarations that can be read.
    """

    def __init__(self, path: Path) -> None:
        installed = path / "node_modules" / PACKAGE
        root = installed if installed.exists() else path
        self.named: dict[str, Node] = {}
        self.called: dict[str, Node] = {}
        for file in sorted(root.rglob("*.d.ts")):
            if "node_modules" not in file.relative_to(root).parts:
                self._declare(_parser().parse(file.read_bytes()).root_node)
        if "KratyServer" not in self.named:
            raise ValueError(f"{root}: no .d.ts file declares the class KratyServer")

    def _declare(self, node: Node) -> None:
        for child in node.named_children:
            if child.type in KINDS:
                self.named[text(child.child_by_field_name("name"))] = child
            elif child.type == "function_signature":
                self.called[text(child.child_by_field_name("name"))] = child
            elif child.type in ("export_statement", "ambient_declaration"):
                self._declare(child)

    def surface(self) -> Surface:
        """What the package says it knows."""
        client = self.members(self.named["KratyServer"])
        own: Members = {}
        options: Mapping[str, Declared] = {}
        surface: Surface = {}
        for name, member in client.items():
            if name == "constructor":
                options = self.fields(self.parameters(member)[0].type)
            elif functions := self.functions(type_of(member)):
                surface |= {f"{name}.{method}": self.method(node) for method, node in functions.items()}
            else:
                own[f"method {name}"] = Shape.of("function")
        own |= {f"option {name}": shape for name, shape in self._flat(options).items()}
        hook = self.function(options["onRequest"].type) if "onRequest" in options else None
        retry = self.fields(options["retry"].type) if "retry" in options else {}
        surface |= {name: self.method(function) for name, function in self.called.items()}
        return surface | {
            "client": own,
            "retry": {f"option {name}": shape for name, shape in self._flat(retry).items()},
            "telemetry": self._flat(self.fields(self.parameters(hook)[0].type)) if hook else {},
            "error": self._of_class("KratyServerError"),
            "network error": self._of_class("KratyNetworkError"),
        }

    def _flat(self, fields: Mapping[str, Declared]) -> Members:
        return {without_unit(name): self.shape(field) for name, field in fields.items()}

    def _of_class(self, name: str) -> Members:
        declared = self.members(self.named[name]) if name in self.named else {}
        return {
            member: Shape.of("function")
            if node.type == "method_signature" and not is_getter(node)
            else self.shape(Declared(type_of(node), is_optional(node)))
            for member, node in declared.items()
            if member != "constructor"
        }

    def names(self, name: str) -> set[str]:
        """All members that a class declares, private ones too."""
        return set(self.members(self.named[name], private=True)) if name in self.named else set()

    def names_of(self, member: str) -> set[str]:
        """All members of what the client has under a name."""
        return self.names(text(self._on_client(member)))

    def functions_of(self, member: str) -> set[str]:
        """The methods that are declared of what the client has under a name."""
        return set(self.functions(self._on_client(member)))

    def _on_client(self, member: str) -> Node | None:
        declared = self.members(self.named["KratyServer"]).get(member)
        return type_of(declared) if declared else None

    def functions(self, node: Node | None) -> dict[str, Node]:
        """The methods of a resource."""
        target = self.named.get(text(node))
        members = self.members(target) if target else {}
        found = {name: self.function(member) for name, member in members.items() if name != "constructor"}
        return {name: function for name, function in found.items() if function is not None}

    def function(self, node: Node | None) -> Node | None:
        """The function in a member or a type: itself, or what it is annotated with."""
        while node is not None and node.type not in ("method_signature", "function_type"):
            if node.type in ("property_signature", "public_field_definition"):
                node = type_of(node)
            elif node.type in ("parenthesized_type", "union_type"):
                others = ("predefined_type", "literal_type")
                node = next((child for child in node.named_children if child.type not in others), None)
            elif node.type == "type_identifier" and text(node) in self.named:
                node = self.named[text(node)].child_by_field_name("value")
            else:
                return None
        return None if node is None or is_getter(node) else node

    def method(self, node: Node) -> Members:
        """What a method takes and gives: an object at the end holds its options."""
        found: list[tuple[str, Shape]] = []
        parameters = self.parameters(node)
        for position, parameter in enumerate(parameters, 1):
            options = self.fields(parameter.type)
            if position == len(parameters) and options and self.alternatives(parameter.type) <= {"object"}:
                found += ((f"option {path}", shape) for path, shape in self.paths(parameter.type))
            else:
                found.append((f"argument {position}", self.shape(parameter)))
                found += ((f"argument {position}.{path}", shape) for path, shape in self.paths(parameter.type))
        result = type_of(node)
        found.append(("result", self.shape(Declared(result))))
        found += ((f"result {path}", shape) for path, shape in self.paths(result))
        return merged(found)

    def parameters(self, node: Node) -> list[Declared]:
        """What a function takes."""
        given = node.child_by_field_name("parameters")
        children = [child for child in given.named_children if "parameter" in child.type] if given else []
        return [Declared(type_of(child), child.type == "optional_parameter") for child in children]

    def members(self, declaration: Node, *, private: bool = False) -> dict[str, Node]:
        """The members of a class, an interface or an object type, inherited ones too."""
        found: dict[str, Node] = {}
        for child in declaration.named_children:
            if child.type in ("extends_type_clause", "class_heritage", "extends_clause"):
                for name in re.findall(r"\w+", text(child)):
                    found |= self.members(self.named[name], private=private) if name in self.named else {}
        body = declaration.child_by_field_name("body") or declaration
        for member in body.named_children:
            name = text(member.child_by_field_name("name"))
            modifiers = (child for child in member.children if child.type == "accessibility_modifier")
            hidden = name.startswith("#") or any(text(child) != "public" for child in modifiers)
            if name and (private or not hidden) and "parameter" not in member.type:
                found[name] = member
        return found

    def fields(self, node: Node | None) -> dict[str, Declared]:
        """The fields of the objects that a type allows."""
        if node is None:
            return {}
        if node.type == "type_identifier":
            declaration = self.named.get(text(node))
            if declaration is not None and declaration.type == "type_alias_declaration":
                return self.fields(declaration.child_by_field_name("value"))
            node = declaration
        if node is not None and node.type in ("object_type", "interface_declaration", "class_declaration"):
            return {
                name: Declared(
                    member if member.type == "method_signature" and not is_getter(member) else type_of(member),
                    is_optional(member),
                )
                for name, member in self.members(node).items()
            }
        if node is not None and node.type == "generic_type":
            return self._generic(node)
        found: dict[str, Declared] = {}
        inner = ("union_type", "intersection_type", "parenthesized_type", "array_type", "readonly_type")
        for child in node.named_children if node is not None and node.type in inner else ():
            found |= self.fields(child)
        return found

    def _generic(self, node: Node) -> dict[str, Declared]:
        name, given = generic(node)
        fields = self.fields(given[0]) if given else {}
        if name in ("Partial", "Required"):
            return {field: Declared(kind.type, name == "Partial") for field, kind in fields.items()}
        if name in TRANSPARENT + LISTS:
            return fields
        chosen = set(re.findall(r"\w+", text(given[1]))) if len(given) > 1 else set[str]()
        if name in ("Omit", "Pick"):
            return {field: kind for field, kind in fields.items() if (field in chosen) is (name == "Pick")}
        return {}

    def paths(self, node: Node | None, within: tuple[str, ...] = ()) -> Iterator[tuple[str, Shape]]:
        """The fields of a value and of what is in them."""
        if node is None or text(node) in within:
            return
        for one in self._objects(node):
            for name, field in self.fields(one).items():
                yield name, self.shape(field)
                inner = self.paths(field.type, (*within, text(node)))
                yield from ((f"{name}.{path}", shape) for path, shape in inner)

    def _objects(self, node: Node) -> Iterator[Node]:
        """The members of a union, one by one: a field may be in several of them."""
        if node.type in ("union_type", "parenthesized_type", "array_type"):
            for child in node.named_children:
                yield from self._objects(child)
        elif node.type == "type_identifier" and (alias := self._alias(node)) is not None:
            yield from self._objects(alias)
        elif node.type == "generic_type" and generic(node)[0] in SAME_FIELDS + LISTS:
            yield from self._objects(generic(node)[1][0])
        else:
            yield node

    def _alias(self, node: Node) -> Node | None:
        declaration = self.named.get(text(node))
        if declaration is None or declaration.type != "type_alias_declaration":
            return None
        return declaration.child_by_field_name("value")

    def shape(self, declared: Declared) -> Shape:
        """The type of a field."""
        found = self.alternatives(declared.type)
        return Shape(found - {"undefined"}, declared.optional or "undefined" in found)

    def alternatives(self, node: Node | None) -> frozenset[str]:
        """What a value may be."""
        found = frozenset(self._alternatives(node))
        return frozenset(one for one in found if not one.startswith('"')) if "string" in found else found

    def _alternatives(self, node: Node | None) -> Iterator[str]:  # noqa: C901  (a table of node types)
        match node.type if node else None:
            case "union_type" | "parenthesized_type" | "readonly_type":
                for child in node.named_children if node else ():
                    yield from self._alternatives(child)
            case "array_type":
                yield self._list(node.named_children[0] if node else None)
            case "literal_type" | "predefined_type":
                word = text(node)
                yield json.dumps(word[1:-1]) if word[0] in "'\"" else NAMED.get(word, word)
            case "function_type" | "method_signature" | "type_query":
                yield "function"
            case "generic_type":
                name, given = generic(node)
                if name in LISTS:
                    yield self._list(given[0])
                elif name == "Record":
                    yield f"map of {' | '.join(sorted(self.alternatives(given[1])))}"
                elif name in TRANSPARENT:
                    yield from self._alternatives(given[0])
                else:
                    yield "object"
            case "type_identifier" if (word := text(node)) not in self.named:
                yield "any" if len(word) == 1 else word  # a parameter of the type
            case "type_identifier" if (alias := self._alias(node) if node else None) is not None:
                yield from self._alternatives(alias)
            case None:
                yield "any"
            case _:
                yield "object"

    def _list(self, node: Node | None) -> str:
        return f"list of {' | '.join(sorted(self.alternatives(node)))}"


def generic(node: Node | None) -> tuple[str, list[Node]]:
    """The name of a generic type, and what it is given."""
    arguments = node.child_by_field_name("type_arguments") if node else None
    return text(node.child_by_field_name("name") if node else None), arguments.named_children if arguments else []


def type_of(node: Node) -> Node | None:
    """The type that a member or a parameter is annotated with."""
    annotation = node.child_by_field_name("type") or node.child_by_field_name("return_type")
    return annotation.named_children[0] if annotation and annotation.named_children else None


def is_getter(node: Node) -> bool:
    """Whether it is read like a field."""
    return any(child.type == "get" for child in node.children)


def is_optional(node: Node) -> bool:
    """Whether it may be left out."""
    return any(child.type == "?" for child in node.children)
