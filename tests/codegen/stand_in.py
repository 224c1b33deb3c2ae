"""The stand-in for the Node SDK, completed by our document: what the API has got since it was written is in it too."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from codegen import write
from codegen.api import Api, Const, Field, FileOf, Kind, ListOf, MapOf, Named, Nullable, Operation, Scalar
from codegen.parity.ours import camel
from codegen.read import read
from tests.codegen.deviations import STAND_IN

NAMES = {"integer": "number", "number": "number", "boolean": "boolean", "any": "unknown"}


def type_of(kind: Kind) -> str:
    """A type as TypeScript has it."""
    match kind:
        case Scalar(name):
            return NAMES.get(name, "string")
        case FileOf():
            return "Blob"
        case Named(name):
            return name
        case ListOf(item):
            return f"Array<{type_of(item)}>"
        case MapOf(value):
            return f"Record<string, {type_of(value)}>"
        case Nullable(inner):
            return f"{type_of(inner)} | null"
        case Const(value):
            return json.dumps(value)


def member(field: Field) -> str:
    return f"  {field.wire}{'?' * (not field.required)}: {type_of(field.kind)}{' | null' * field.nullable};\n"


def completed(folder: Path) -> Path:
    """Write the stand-in into a folder, with each type, method and getter that it lacks."""
    shutil.copytree(STAND_IN, folder, dirs_exist_ok=True)
    dist, api = folder / "dist", read(write.load(write.DOCUMENT))
    _complete_types(dist / "types.d.ts", api)
    for tag, operations in api.tags().items():
        _complete_resource(dist, tag, operations)
    _complete_errors(dist, api)
    return folder


def _complete_types(path: Path, api: Api) -> None:
    text = path.read_text("utf-8")
    for name in sorted(api.reachable(api.results())):
        if name in api.enums:
            there = re.search(rf"^export type {name} = (.*);$", text, re.MULTILINE)
            values = [json.dumps(value) for value in api.enums[name].values.values()]
            if there is None:
                text += f"export type {name} = {' | '.join(values)};\n"
            elif new := [value for value in values if value not in there[1]]:
                text = text[: there.end(1)] + " | " + " | ".join(new) + text[there.end(1) :]
        elif name in api.unions and not re.search(rf"^export type {name} =", text, re.MULTILINE):
            text += f"export type {name} = {' | '.join(api.unions[name].members.values())};\n"
        elif name in api.models:
            block = re.search(rf"^export interface {name} \{{\n(.*?)^\}}$", text, re.MULTILINE | re.DOTALL)
            if block is None and not re.search(rf"^export (interface|type) {name}\b", text, re.MULTILINE):
                text += f"export interface {name} {{\n{''.join(map(member, api.models[name].fields))}}}\n"
            elif block is not None:
                known = set(re.findall(r"^  (\w+)\??:", block[1], re.MULTILINE))
                new = [member(field) for field in api.models[name].fields if field.wire not in known]
                text = text[: block.end(1)] + "".join(new) + text[block.end(1) :]
    path.write_text(text, "utf-8")


def _insert(path: Path, before: str, text: str) -> None:
    old = path.read_text("utf-8")
    assert old.count(before) == 1, before
    path.write_text(old.replace(before, text + before), "utf-8")


def _complete_resource(dist: Path, tag: str, operations: Sequence[Operation]) -> None:
    noun = f"{camel(tag)[0].upper()}{camel(tag)[1:]}Client"
    declared, source = dist / "resources.d.ts", dist / "index.js"
    start = f"export declare class {noun} {{\n"
    if start not in declared.read_text("utf-8"):
        with declared.open("a", encoding="utf-8") as file:
            file.write(f"{start}  private readonly client;\n  constructor(client: KratyServerClient);\n}}\n")
        _insert(source, "export class KratyServer {", f"class {noun} extends Nouns {{\n}}\n")
        _insert(dist / "index.d.ts", "  constructor(options: KratyServerOptions);", f"  readonly {tag}: {noun};\n")
        made = source.read_text("utf-8")
        first = "    this.client = new KratyServerClient(options);\n"
        source.write_text(made.replace(first, f"{first}    this.{tag} = new {noun}(this.client);\n"), "utf-8")
    for operation in operations:
        text = declared.read_text("utf-8")
        body = text.partition(start)[2].partition("\n}\n")[0]
        if re.search(rf"^  {camel(operation.name)}\(", body, re.MULTILINE):
            continue
        given = f"{noun.removesuffix('Client')}{operation.name.title().replace('_', '')}Input"
        arguments = [f"{camel(f.name)}: {type_of(f.kind)}" for f in operation.positional]
        if operation.keywords:
            optional = "?" * (not any(f.required for f in operation.keywords))
            arguments.append(f"input{optional}: {given}")
            with (dist / "types.d.ts").open("a", encoding="utf-8") as file:
                file.write(f"export interface {given} {{\n{''.join(map(member, operation.keywords))}}}\n")
        items = operation.paging.items.kind if operation.paging else operation.result
        result = "void" if items is None else type_of(items)
        line = f"  {camel(operation.name)}({', '.join(arguments)}): Promise<{result}>;\n"
        declared.write_text(text.replace(start + body, f"{start}{body}\n{line.rstrip()}"), "utf-8")
        script = source.read_text("utf-8")
        opening = f"class {noun} extends Nouns {{\n"
        source.write_text(script.replace(opening, opening + _script(operation)), "utf-8")


def _script(operation: Operation) -> str:
    """A method in JavaScript."""
    names = [camel(f.name) for f in operation.positional]
    path = operation.route
    for field in operation.parameters:
        path = path.replace(f"{{{field.wire}}}", f"${{id({camel(field.name)})}}")
    body = "input" if operation.body else names[-1] if operation.bag else "undefined"
    opened = ".data" * (operation.envelope is not None)
    opened += f".{operation.paging.items.wire}" if operation.paging else ""
    names += ["input = {}"] if operation.keywords else []
    query = "${Object.keys(input).length ? `?${new URLSearchParams(input)}` : ``}" * bool(operation.others)
    sent = f"await this.client.request({json.dumps(operation.method)}, `{path}{query}`, {body})"
    return f"  async {camel(operation.name)}({', '.join(names)}) {{ return ({sent}){opened}; }}\n"


def _complete_errors(dist: Path, api: Api) -> None:
    """A getter for each code that we had not when the stand-in was written; what it lacked then, it lacks on purpose."""
    listed = json.loads((write.ROOT / "codegen" / "parity" / "differences.json").read_text("utf-8"))
    reviewed = json.dumps(listed) + (dist / "errors.d.ts").read_text("utf-8")
    codes = {code for operation in api.operations for codes in operation.error_codes.values() for code in codes}
    for code in sorted(codes):
        getter = f"is{camel(code)[0].upper()}{camel(code)[1:]}"
        if getter not in reviewed:
            _insert(dist / "errors.d.ts", "  get isInvalidMetric(): boolean;\n", f"  get {getter}(): boolean;\n")
            text = f"  get {getter}() {{ return this.is({json.dumps(code)}); }}\n"
            _insert(dist / "index.js", "  get isInvalidMetric() {", text)
