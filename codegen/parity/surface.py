"""What do the two SDKs offer? Methods, options, fields, types, exports: ours from the code, theirs as it is declared.

What Node itself sees of a package is held against its declarations: members in JavaScript only, and in words only.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, Final

import kraty_server
from codegen import write
from codegen.api import (
    Api,
    Const,
    EnumOf,
    Field,
    FileOf,
    Kind,
    ListOf,
    MapOf,
    ModelOf,
    Nullable,
    Operation,
    Scalar,
    UnionOf,
)
from codegen.parity.compare import Difference
from codegen.parity.declarations import Declarations
from codegen.parity.ours import camel
from codegen.parity.shapes import Members, Shape, Surface, merged, without_unit
from codegen.read import read
from kraty_server import KratyNetworkError, KratyServer, KratyServerError, RequestInfo, RetryConfig

ALIASES: Final = {"events.progress": "events.report_progress"}
SCALARS: Final = {"text": "string", "time": "string", "integer": "number"}
PYTHON: Final = {"str": "string", "int": "number", "float": "number", "bool": "boolean", "IsCode": "boolean",
                 "None": "null", "Any": "any", "object": "any"}  # fmt: skip
ABSENT: Final = "has it not"


def differences(ours: Surface, theirs: Surface) -> Iterator[Difference]:
    """What only one of the two knows, or what is of another type; of a method that one of them lacks, only that."""
    for where in {**ours, **theirs}:
        if where not in theirs or where not in ours:
            yield Difference(where, "method", *("has it" if where in side else ABSENT for side in (ours, theirs)))
            continue
        for what in sorted({*ours[where], *theirs[where]}):
            mine, other = (str(side[where].get(what, ABSENT)) for side in (ours, theirs))
            if mine != other:
                yield Difference(where, what, mine, other)


def undeclared(seen: Mapping[str, Any], declared: Declarations) -> Iterator[Difference]:
    """What Node sees of a package and its declarations do not say, and the other way round."""
    places = {name: (set(members), declared.names(name)) for name, members in seen["classes"].items()}
    places["KratyServer"] = {*places["KratyServer"][0], *seen["client"]}, declared.names("KratyServer")
    for name, functions in seen["client"].items():
        places[name] = set(functions), declared.names_of(name)
    for where, (there, said) in places.items():
        yield from (
            Difference(where, f"member {name}", "not compared", "in JavaScript only") for name in sorted(there - said)
        )
    missing = {"KratyServer": declared.names("KratyServer") - {"constructor"} - set(seen["client"])}
    missing |= {where: declared.functions_of(where) - set(there) for where, there in seen["client"].items()}
    for where, said in missing.items():
        yield from (Difference(where, f"member {name}", "not compared", "declared only") for name in sorted(said))


def exported(seen: Mapping[str, Any]) -> Surface:
    """What Node sees that a package exports."""
    return {"exports": {name: Shape.of(kind) for name, kind in seen["exports"].items()}}


@cache
def ours() -> Surface:
    """What this SDK knows."""
    api = read(write.load(write.DOCUMENT))
    operations = {operation.id: operation for operation in api.operations}
    kraty = KratyServer(api_key="prefix.secret", base_url="http://127.0.0.1:9")
    methods = public(kraty)
    low_level = methods.pop("request")
    surface: Surface = {
        "client": {
            **{f"method {camel(name)}": Shape.of("function") for name in methods},
            **dict(_options(inspect.signature(KratyServer).parameters)),
        },
        "client.request": {
            **merged(_arguments(api, inspect.signature(low_level).parameters, {})),
            "result": Shape.of("any"),
        },
        "retry": {
            f"option {without_unit(camel(field.name))}": _python(str(field.type), optional=field.default is not MISSING)
            for field in fields(RetryConfig)
        },
        "telemetry": {without_unit(camel(field.name)): _python(str(field.type)) for field in fields(RequestInfo)},
        "error": _attributes(KratyServerError),
        "network error": {camel(name): _python(kind) for name, kind in KratyNetworkError.__annotations__.items()},
        "exports": dict(_exports()),
        "verifyWebhook": {
            **merged(_arguments(api, inspect.signature(kraty_server.verify_webhook).parameters, {})),
            "result": Shape.of("boolean"),
        },
    }
    for noun, resource in vars(kraty).items():
        for name, method in public(resource).items() if not noun.startswith("_") else ():
            signature = inspect.signature(method)
            operation = operations.get(ALIASES.get(f"{noun}.{name}", f"{noun}.{name}"))
            if operation is None:  # gone from the document, so nothing is known of it
                surface[f"{noun}.{camel(name)}"] = {}
                continue
            wire = {field.name: field for field in operation.arguments}
            surface[f"{noun}.{camel(name)}"] = merged(
                (*_arguments(api, signature.parameters, wire), *_result(api, signature.return_annotation, operation))
            )
    return surface


def public(owner: object) -> dict[str, Any]:
    """The methods of an object."""
    return {name: member for name, member in inspect.getmembers(owner, inspect.isroutine) if not name.startswith("_")}


def _python(annotation: str, *, optional: bool = False) -> Shape:
    """A type of Python, as far as JavaScript has it too."""
    found = [PYTHON.get(word) for word in re.split(r" \| ", annotation)]
    if "Callable" in annotation or "OnRequest" in annotation:
        found = ["function", *(["null"] if "None" in annotation else [])]
    return Shape.of(*(word or "object" for word in found), optional=optional)


def _options(given: Mapping[str, inspect.Parameter]) -> Iterator[tuple[str, Shape]]:
    """The options of the client; `None` stands for what was not given."""
    for name, parameter in given.items():
        shape = _python(str(parameter.annotation), optional=parameter.default is not parameter.empty)
        alternatives = shape.alternatives - ({"null"} if parameter.default is None else set[str]())
        yield f"option {without_unit(camel(name))}", Shape(alternatives, shape.optional)


def _attributes(kind: type[Exception]) -> Members:
    """What can be asked of an error."""
    own = [name for name in dir(kind) if not name.startswith("_") and name not in dir(Exception)]
    annotated: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        annotated |= one.__dict__.get("__annotations__", {})
    found: Members = {}
    for name in sorted({*own, *annotated}):
        routine = inspect.isfunction(getattr(kind, name, None))
        found[camel(name)] = Shape.of("function") if routine else _python(annotated.get(name, "str"))
    return found


def _exports() -> Iterator[tuple[str, Shape]]:
    """What can be imported and is made or called; types that only checkers see are none of it."""
    for name in sorted(dir(kraty_server)):
        value = None if name.startswith("_") else getattr(kraty_server, name)
        if inspect.isclass(value):
            yield name, Shape.of("class")
        elif inspect.isfunction(value):
            yield camel(name), Shape.of("function")


def _arguments(
    api: Api, given: Mapping[str, inspect.Parameter], wire: Mapping[str, Field]
) -> Iterator[tuple[str, Shape]]:
    for position, (name, parameter) in enumerate(given.items(), 1):
        positional = parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        called = f"argument {position}" if positional else f"option {camel(name)}"
        optional = parameter.default is not parameter.empty
        field = wire.get(name)
        if field is None:
            shape = _python(str(parameter.annotation).removesuffix(" | None | Unset"), optional=optional)
            yield called, shape
        else:
            yield called, Shape(_kind(api, field), optional)
            yield from ((f"{called}.{path}", shape) for path, shape in _paths(api, field.kind))


def _result(api: Api, annotation: object, operation: Operation) -> Iterator[tuple[str, Shape]]:
    """What a method gives: `list[Friend]` where it opens the answer's only list."""
    given = str(annotation)
    name = re.findall(r"\w+", given)[-1]
    listed = given.startswith("list[") or operation.paging is not None  # a page is told by its items
    yield "result", Shape.of("list of object" if listed else "object")
    kind = ModelOf(name) if name in api.models else operation.result
    found = iter(()) if kind is None else _paths(api, kind)
    yield from ((f"result {path}", shape) for path, shape in found)


def _kind(api: Api, field: Field) -> frozenset[str]:
    found = frozenset(_alternatives(api, field.kind))
    return found | {"null"} if field.nullable else found


def _alternatives(api: Api, kind: Kind) -> Iterator[str]:
    match kind:
        case Scalar(name):
            yield SCALARS.get(name, name)
        case FileOf():
            yield "Blob"
        case EnumOf(name):
            yield from map(json.dumps, api.enums[name].values.values())
        case Const(value):
            yield json.dumps(value)
        case ListOf(item):
            yield f"list of {' | '.join(sorted(_alternatives(api, item)))}"
        case MapOf(value):
            yield f"map of {' | '.join(sorted(_alternatives(api, value)))}"
        case Nullable(inner):
            yield from ("null", *_alternatives(api, inner))
        case ModelOf() | UnionOf():
            yield "object"


def _paths(api: Api, kind: Kind, within: tuple[str, ...] = ()) -> Iterator[tuple[str, Shape]]:
    """The fields of a value and of what is in them."""
    match kind:
        case ListOf(item) | MapOf(item) | Nullable(item):
            yield from _paths(api, item, within)
        case UnionOf(name):
            for member in api.unions[name].members.values():
                yield from _paths(api, ModelOf(member), within)
        case ModelOf(name) if name not in within:
            for field in api.models[name].fields:
                yield field.wire, Shape(_kind(api, field), not field.required)
                inner = _paths(api, field.kind, (*within, name))
                yield from ((f"{field.wire}.{path}", shape) for path, shape in inner)
        case _:
            pass
