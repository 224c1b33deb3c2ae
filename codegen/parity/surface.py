"""Which methods, options and fields does each SDK know? Ours from the code, theirs from its `.d.ts` files."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from codegen import write
from codegen.parity.compare import Difference
from codegen.parity.ours import camel
from codegen.read import Api, Field, Kind, ListOf, ModelOf, Operation, UnionOf, read
from kraty_server import KratyServer, KratyServerError, RequestInfo, RetryConfig

Surface: TypeAlias = dict[str, set[str]]
"""Where (`wallet.credit`, `client`, `retry`, ...) to what is there (`option amount`, `result balance`, ...)."""
PACKAGE: Final = "@kraty/server-sdk"


def differences(ours: Surface, theirs: Surface) -> Iterator[Difference]:
    """What only one of the two knows; of a method that one of them lacks, only that."""
    for where in {**ours, **theirs}:
        if where not in theirs or where not in ours:
            yield Difference(where, "method", *has(where in ours))
            continue
        for what in sorted(ours[where] ^ theirs[where]):
            yield Difference(where, what, *has(what in ours[where]))


def has(ours: bool) -> tuple[str, str]:
    return ("has it", "has it not") if ours else ("has it not", "has it")


def without_unit(name: str) -> str:
    """A name without the unit of its values, which the two languages have each their own of."""
    return name.removesuffix("Ms")


# Ours


def ours() -> Surface:
    """What this SDK knows."""
    api = read(write.load(write.DOCUMENT))
    operations = {operation.id: operation for operation in api.operations}
    kraty = KratyServer(api_key="prefix.secret", base_url="http://127.0.0.1:9")
    given = inspect.signature(KratyServer).parameters
    surface: Surface = {
        "client": {f"option {without_unit(camel(name))}" for name in given},
        "retry": {f"option {without_unit(camel(field.name))}" for field in fields(RetryConfig)},
        "telemetry": {without_unit(camel(field.name)) for field in fields(RequestInfo)},
        "error": {camel(name) for name in dir(KratyServerError) if name.startswith("is_")},
    }
    surface["client"] |= {f"method {camel(name)}" for name in public(kraty)}
    for noun, resource in vars(kraty).items():
        for name, method in public(resource).items() if not noun.startswith("_") else ():
            signature = inspect.signature(method)
            operation = operations.get(f"{noun}.{name}") or operations[ALIASES[f"{noun}.{name}"]]
            body = {field.name: field for field in operation.body.fields} if operation.body else {}
            surface[f"{noun}.{camel(name)}"] = {
                *_arguments(api, signature.parameters, body),
                *(f"result {path}" for path in _result(api, str(signature.return_annotation), operation)),
            }
    return surface


ALIASES: Final = {"events.progress": "events.report_progress"}


def public(owner: object) -> dict[str, Any]:
    return {name: member for name, member in inspect.getmembers(owner, inspect.isroutine) if not name.startswith("_")}


def _arguments(api: Api, given: Mapping[str, inspect.Parameter], body: Mapping[str, Field]) -> Iterator[str]:
    for position, (name, parameter) in enumerate(given.items(), 1):
        positional = parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        called = f"argument {position}" if positional else f"option {camel(name)}"
        yield called
        if name in body:
            yield from (f"{called}.{path}" for path in _paths(api, body[name].kind))


def _result(api: Api, annotation: str, operation: Operation) -> Iterator[str]:
    """The fields of what a method gives: `list[Friend]` where it opens the answer's only list."""
    name = re.findall(r"\w+", annotation)[-1]
    yield from _paths(api, ModelOf(name if name in api.models else operation.result))


def _paths(api: Api, kind: Kind, within: tuple[str, ...] = ()) -> Iterator[str]:
    """The fields of a value and of what is in them."""
    match kind:
        case ListOf(item):
            yield from _paths(api, item, within)
        case UnionOf(name):
            for member in api.unions[name].members.values():
                yield from _paths(api, ModelOf(member), within)
        case ModelOf(name) if name not in within:
            for field in api.models[name].fields:
                yield field.wire
                yield from (f"{field.wire}.{path}" for path in _paths(api, field.kind, (*within, name)))
        case _:
            pass


# Theirs


def theirs(path: Path) -> Surface:
    """What the Node SDK at a path says it knows.

    Raises:
        ValueError: it has no declarations that can be read.
    """
    installed = path / "node_modules" / PACKAGE
    return Declarations(installed if installed.exists() else path).surface()


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_typescript.language_typescript()))


def text(node: Node | None) -> str:
    return (node.text or b"").decode() if node else ""


TRANSPARENT: Final = ("Promise", "Readonly", "Partial", "Required", "Array", "ReadonlyArray", "NonNullable", "Awaited")


class Declarations:
    """The `.d.ts` files of a package."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.named: dict[str, Node] = {}
        for file in sorted(root.rglob("*.d.ts")):
            if "node_modules" not in file.relative_to(root).parts:
                self._declare(_parser().parse(file.read_bytes()).root_node)
        if "KratyServer" not in self.named:
            raise ValueError(f"{root}: no .d.ts file declares the class KratyServer")

    def _declare(self, node: Node) -> None:
        kinds = ("class_declaration", "abstract_class_declaration", "interface_declaration", "type_alias_declaration")
        for child in node.named_children:
            if child.type in kinds:
                self.named[text(child.child_by_field_name("name"))] = child
            elif child.type in ("export_statement", "ambient_declaration"):
                self._declare(child)

    def surface(self) -> Surface:
        client = self.members(self.named["KratyServer"])
        methods, options = set[str](), dict[str, Node]()
        surface: Surface = {}
        for name, member in client.items():
            if name == "constructor":
                options = self.fields(self.parameters(member)[0])
            elif member.type == "method_signature" and not is_getter(member):
                methods.add(name)
            elif functions := self.functions(self.type_of(member)):
                surface |= {f"{name}.{method}": self.method(node) for method, node in functions.items()}
            else:
                methods.add(name)
        hook = self.functions_type(options.get("onRequest"))
        return surface | {
            "client": {f"option {without_unit(n)}" for n in options} | {f"method {name}" for name in methods},
            "retry": {f"option {without_unit(name)}" for name in self.fields(options.get("retry"))},
            "telemetry": {without_unit(name) for name in self.fields(self.parameters(hook)[0])} if hook else set(),
            "error": {name for name in self.error() if name.startswith("is")},
        }

    def error(self) -> dict[str, Node]:
        return self.members(self.named["KratyServerError"]) if "KratyServerError" in self.named else {}

    def functions(self, node: Node | None) -> dict[str, Node]:
        """The methods of a resource."""
        found: dict[str, Node] = {}
        target = self.named.get(text(node))
        for name, member in (self.members(target) if target else {}).items():
            if name != "constructor" and (function := self.functions_type(member)):
                found[name] = function
        return found

    def functions_type(self, node: Node | None) -> Node | None:
        """The function in a member or a type: itself, or what it is annotated with."""
        while node is not None and node.type not in ("method_signature", "function_type"):
            if node.type in ("property_signature", "public_field_definition"):
                node = self.type_of(node)
            elif node.type in ("parenthesized_type", "union_type"):
                inner = [
                    child for child in node.named_children if child.type not in ("predefined_type", "literal_type")
                ]
                node = inner[0] if inner else None
            elif node.type == "type_identifier" and text(node) in self.named:
                node = self.named[text(node)].child_by_field_name("value")
            else:
                return None
        return None if node is None or is_getter(node) else node

    def method(self, node: Node) -> set[str]:
        """What a method takes and gives: an object at the end holds its options."""
        found: set[str] = set()
        parameters = self.parameters(node)
        for position, parameter in enumerate(parameters, 1):
            last = position == len(parameters)
            if last and not self.is_list(parameter) and (options := self.paths(parameter)):
                found |= {f"option {path}" for path in options}
            else:
                found.add(f"argument {position}")
                found |= {f"argument {position}.{path}" for path in self.paths(parameter)}
        result = node.child_by_field_name("return_type")
        return found | {f"result {path}" for path in self.paths(result.named_children[0] if result else None)}

    def parameters(self, node: Node) -> list[Node | None]:
        given = node.child_by_field_name("parameters")
        return [self.type_of(child) for child in given.named_children if "parameter" in child.type] if given else []

    @staticmethod
    def type_of(node: Node) -> Node | None:
        annotation = node.child_by_field_name("type") or node.child_by_field_name("return_type")
        return annotation.named_children[0] if annotation and annotation.named_children else None

    def is_list(self, node: Node | None) -> bool:
        if node is None:
            return False
        if node.type == "type_identifier" and text(node) in self.named:
            return self.is_list(self.named[text(node)].child_by_field_name("value"))
        if node.type in ("readonly_type", "parenthesized_type"):
            return self.is_list(node.named_children[0])
        name = text(node.child_by_field_name("name"))
        return node.type == "array_type" or name in ("Array", "ReadonlyArray")

    def members(self, declaration: Node) -> dict[str, Node]:
        """The members of a class, an interface or an object type, inherited ones too."""
        found: dict[str, Node] = {}
        for child in declaration.named_children:
            if child.type in ("extends_type_clause", "class_heritage", "extends_clause"):
                for name in re.findall(r"\w+", text(child)):
                    found |= self.members(self.named[name]) if name in self.named else {}
        body = declaration.child_by_field_name("body") or declaration
        for member in body.named_children:
            name = text(member.child_by_field_name("name"))
            hidden = any(
                child.type == "accessibility_modifier" and text(child) != "public" for child in member.children
            )
            if name and not hidden and not name.startswith("#") and "parameter" not in member.type:
                found[name] = member
        return found

    def fields(self, node: Node | None) -> dict[str, Node]:
        """The fields of the objects that a type allows, with their types."""
        found: dict[str, Node] = {}
        if node is None:
            return found
        if node.type == "type_identifier":
            declaration = self.named.get(text(node))
            if declaration is not None and declaration.type == "type_alias_declaration":
                return self.fields(declaration.child_by_field_name("value"))
            node = declaration
        if node is not None and node.type in ("object_type", "interface_declaration", "class_declaration"):
            members = {
                name: member if member.type == "method_signature" and not is_getter(member) else self.type_of(member)
                for name, member in self.members(node).items()
            }
            return {name: kind for name, kind in members.items() if kind is not None}
        if node is not None and node.type == "generic_type":
            return self._generic(node)
        inner = ("union_type", "intersection_type", "parenthesized_type", "array_type", "readonly_type")
        for child in node.named_children if node is not None and node.type in inner else ():
            found |= self.fields(child)
        return found

    def _generic(self, node: Node) -> dict[str, Node]:
        name, arguments = text(node.child_by_field_name("name")), node.child_by_field_name("type_arguments")
        given = arguments.named_children if arguments else []
        chosen = set(re.findall(r"\w+", text(given[1]))) if len(given) > 1 else set[str]()
        if name in TRANSPARENT:
            return self.fields(given[0])
        if name == "Omit":
            return {field: kind for field, kind in self.fields(given[0]).items() if field not in chosen}
        if name == "Pick":
            return {field: kind for field, kind in self.fields(given[0]).items() if field in chosen}
        return {}

    def paths(self, node: Node | None, within: tuple[str, ...] = ()) -> set[str]:
        """The fields of a value and of what is in them."""
        found: set[str] = set()
        if node is None or text(node) in within:
            return found
        for name, kind in self.fields(node).items():
            found.add(name)
            found |= {f"{name}.{path}" for path in self.paths(kind, (*within, text(node)))}
        return found


def is_getter(node: Node) -> bool:
    return any(child.type == "get" for child in node.children)
