"""What does the overlay lack for a document? Methods, resources and errors are written; the rest is told."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from codegen.api import Api, FileOf, NotCovered, Operation
from codegen.expressions import Writer
from codegen.literals import docstring, python, wrap
from codegen.write import PACKAGE, ROOT

OVERLAY = ROOT / "kraty_server"
RESOURCES = OVERLAY / "resources"
CLIENT = OVERLAY / "client.py"
ERRORS = OVERLAY / "errors.py"
EXPORTS = OVERLAY / "__init__.py"
DIFFERENCES = ROOT / "codegen" / "parity" / "differences.json"
EVENTS_PAGE = ROOT / "docs" / "webhooks.md"
LINE = 120

Arguments: TypeAlias = Mapping[str, tuple[str | None, str | None]]
"""Name to annotation and default."""


@dataclass
class Rewritten:
    """Files as they are to be, and what a person has to do."""

    files: dict[Path, str | None] = field(default_factory=dict[Path, str | None])
    left: list[str] = field(default_factory=list[str])

    def text(self, path: Path) -> str:
        """A file as it is by now."""
        return self.files.get(path) or path.read_text("utf-8")


@dataclass(frozen=True)
class Method:
    """A method of the overlay, in the source of its module."""

    node: ast.FunctionDef
    owner: ast.ClassDef

    @property
    def document(self) -> str:
        return ast.get_docstring(self.node) or ""


def rewritten(api: Api) -> Rewritten:
    """Give each operation its method, and each code its error."""
    done, writer = Rewritten(), Writer(api)
    tags = api.tags()
    for tag, operations in tags.items():
        _write_resource(done, tag, operations, writer)
    for path in sorted(RESOURCES.glob("[a-z]*.py")):
        if path.stem not in tags:
            _take_resource_out(done, path)
    _write_errors(done, api)
    _write_events(done, api)
    return done


# Methods


def methods(source: str) -> dict[str, Method]:
    """The methods of a module of the overlay that build calls."""
    return {
        node.name: Method(node, owner)
        for owner in ast.parse(source).body
        if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, ast.FunctionDef) and any(ast.unparse(d) in MARKS for d in node.decorator_list)
    }


def _write_resource(done: Rewritten, tag: str, operations: list[Operation], writer: Writer) -> None:
    path = RESOURCES / f"{tag}.py"
    noun = "".join(map(str.capitalize, tag.split("_")))
    if not path.exists():
        done.files[path] = HEAD.format(tag=tag, noun=noun, about=noun) + TAIL.format(noun=noun)
        _add_resource(done, tag, noun)
    source = before = done.text(path)
    for name in methods(source).keys() - {operation.name for operation in operations}:
        source = _without_method(source, name)
        done.left.append(GONE.format(f"{tag}.{name}"))
    for operation in operations:
        there = methods(source)
        if operation.name not in there:
            source = _with_method(source, method(operation, writer), f"{noun}Calls")
            continue
        found = there[operation.name]
        told = ", ".join(_differences(_arguments(found.node), _wanted(operation, writer)))
        result, gives = _result(found.node, operation), writer.result(operation)
        if result is not None and _renamed(source).get(result, result) != gives:
            told = f"{told}{', ' * bool(told)}it gives `{gives}` and not `{result}`"
        if (handed := _segments(found.node, operation)) != (segments := [p.name for p in operation.positional]):
            told = told or f"the order of the path, {segments} instead of {handed}"
        if told:
            if (changed := _with_signature(source, found, operation, writer)) is None:
                done.left.append(f"- `{operation.id}` differs in {told}. It would be:\n\n{_block(operation, writer)}")
            else:
                source = changed
                done.left.append(f"- `{operation.id}` has changed: {told}. Say so in its docstring.")
        if operation.deprecated and "deprecated" not in found.document.lower():
            done.left.append(f"- `{operation.id}` is deprecated: say in its docstring what to use instead.")
    if source != before:
        done.files[path] = tidied(_with_imports(source, _models(writer)), path)


def _with_imports(source: str, models: Iterable[str]) -> str:
    """The source with an import of whatever a signature may name; the linter takes out what is not needed."""
    used = sorted({one.id for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Name)} & set(models))
    lines = [IMPORTS.format(package=PACKAGE), *(f"from {PACKAGE}.models import {name}\n" for name in used)]
    start = source.index(FUTURE) + len(FUTURE)
    return source[:start] + "".join(lines) + source[start:]


def _models(writer: Writer) -> set[str]:
    """The names that the module of models has."""
    shown = {one.name for one in writer.shown()} | writer.api.enums.keys() | writer.api.unions.keys()
    return (shown | {f"{name}Input" for name in shown}) - writer.of_events


def _arguments(node: ast.FunctionDef) -> Arguments:
    """Names to annotations and defaults; where an argument stands is the overlay's own choice."""

    def text(one: ast.expr | None) -> str | None:
        return None if one is None else ast.unparse(one)

    given = node.args.args[1:]  # without self
    defaults = [*[None] * (len(given) - len(node.args.defaults)), *node.args.defaults, *node.args.kw_defaults]
    return {
        a.arg: (text(a.annotation), text(d)) for a, d in zip([*given, *node.args.kwonlyargs], defaults, strict=True)
    }


def signature(operation: Operation, writer: Writer) -> str:
    """The arguments of a method of the overlay."""
    given = re.sub(r"\bm\.", "", writer.signature(operation))
    return f"self, {given}" if given else "self"


def _definition(operation: Operation, writer: Writer) -> ast.FunctionDef:
    (node,) = ast.parse(f"def {operation.name}({signature(operation, writer)}): ...").body
    assert isinstance(node, ast.FunctionDef)
    return node


def _wanted(operation: Operation, writer: Writer) -> Arguments:
    return _arguments(_definition(operation, writer))


def _differences(there: Arguments, wanted: Arguments) -> Iterator[str]:
    """Where two signatures differ, in words."""
    for name in [*wanted, *(one for one in there if one not in wanted)]:
        if name not in wanted or name not in there:
            yield f"{name} ({'new' if name in wanted else 'gone'})"
        elif there[name] != wanted[name]:
            (kind, default), (kind_now, default_now) = there[name], wanted[name]
            what = {
                f"`{kind}` is `{kind_now}`": kind != kind_now,
                "required now": default is not None and default_now is None,
                "optional now": default is None and default_now is not None,
                f"default {default_now}": None not in (default, default_now) and default != default_now,
            }
            yield f"{name} ({'; '.join(text for text, differs in what.items() if differs)})"


def _call(node: ast.FunctionDef, operation: Operation) -> ast.Call | None:
    """The one call of what is generated."""
    calls = [one for one in ast.walk(node) if isinstance(one, ast.Call) and ast.unparse(one.func) == operation.id]
    return calls[0] if len(calls) == 1 else None


def _renamed(source: str) -> dict[str, str]:
    """What was imported under another name."""
    imported = [one for n in ast.parse(source).body if isinstance(n, ast.ImportFrom) for one in n.names]
    return {one.asname: one.name for one in imported if one.asname}


def _result(node: ast.FunctionDef, operation: Operation) -> str | None:
    """The type of what a method gives; None where it makes something else of it."""
    last = node.body[-1]
    if not isinstance(last, ast.Return) or last.value is not _call(node, operation) or node.returns is None:
        return None
    return ast.unparse(node.returns).removeprefix("Call[").removesuffix("]")


def _segments(node: ast.FunctionDef, operation: Operation) -> list[str] | None:
    """What is handed on without a name, which the path takes in its order."""
    call = _call(node, operation)
    return None if call is None else [ast.unparse(one) for one in call.args]


def _with_signature(source: str, found: Method, operation: Operation, writer: Writer) -> str | None:
    """The source with the signature that a method has now; None where it does more than hand its arguments on."""
    node = found.node
    call = _call(node, operation)
    if call is None or len(node.body) != 2 or not isinstance(node.body[1], ast.Return):
        return None
    if not all(isinstance(one, ast.Name) for one in (*call.args, *(word.value for word in call.keywords))):
        return None
    lines = source.splitlines(keepends=True)
    body = "".join(lines[node.body[0].lineno - 1 : node.end_lineno])
    old = ast.get_source_segment(source, call)
    assert old is not None
    assert node.returns is not None
    result = f"Call[{writer.result(operation)}]" if _result(node, operation) else ast.unparse(node.returns)
    head = f"    def {node.name}({signature(operation, writer)}) -> {result}:\n"
    body = body.replace(old, f"{operation.id}({writer.passed_on(operation)})")
    for decorator in node.decorator_list:
        if ast.unparse(decorator) in MARKS:
            lines[decorator.lineno - 1] = f"    @{mark(operation)}\n"
    return "".join([*lines[: node.lineno - 1], head, body, *lines[node.end_lineno :]])


def _without_method(source: str, name: str) -> str:
    """The source without a method and its other names."""
    found = methods(source)[name]
    aliases = [n for n in found.owner.body if isinstance(n, ast.Assign) and ast.unparse(n.value) == name]
    lines = source.splitlines(keepends=True)
    for node in sorted([found.node, *aliases], key=lambda one: one.lineno, reverse=True):
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        del lines[first - 1 : node.end_lineno]
    return "".join(lines)


def _with_method(source: str, text: str, owner: str) -> str:
    """The source with one more method at the end of a class."""
    (home,) = (n for n in ast.parse(source).body if isinstance(n, ast.ClassDef) and n.name == owner)
    lines = source.splitlines(keepends=True)
    assert home.end_lineno is not None
    return "".join([*lines[: home.end_lineno], "\n", text, *lines[home.end_lineno :]])


def mark(operation: Operation) -> str:
    """The decorator of a method: what a call gives decides."""
    if isinstance(operation.result, FileOf):
        return "downloads"
    return "pages" if operation.paging else "endpoint"


def method(operation: Operation, writer: Writer) -> str:
    """A method of the overlay, with what the document says of it."""
    codes = sorted({code for codes in operation.error_codes.values() for code in codes} - EVERYWHERE)
    raises = "\n".join(f"    {line}" for line in wrap(f"KratyServerError: {', '.join(codes)}.", LINE - 12))
    more = "" if operation.description.rstrip(".") == operation.summary else f"\n\n{operation.description}"
    about = f"{operation.summary}.{more}" + (f"\n\nRaises:\n{raises}" if codes else "")
    return METHOD.format(
        mark=mark(operation),
        name=operation.name,
        signature=signature(operation, writer),
        result=writer.result(operation),
        about=docstring(about, 8),
        call=f"{operation.id}({writer.passed_on(operation)})",
    )


def _block(operation: Operation, writer: Writer) -> str:
    return f"```python\n{tidied(textwrap.dedent(method(operation, writer)), None)}```"


# Resources


def _add_resource(done: Rewritten, tag: str, noun: str) -> None:
    text = done.text(CLIENT)
    last = list(re.finditer(r"^    \w+: Final = Resource\(.*\)\n", text, re.MULTILINE))[-1]
    text = text[: last.end()] + f"    {tag}: Final = Resource({noun}, Async{noun})\n" + text[last.end() :]
    first = re.search(r"^from kraty_server\.resources\.", text, re.MULTILINE)
    assert first is not None
    line = f"from kraty_server.resources.{tag} import Async{noun}, {noun}\n"
    done.files[CLIENT] = tidied(text[: first.start()] + line + text[first.start() :], CLIENT)


def _take_resource_out(done: Rewritten, path: Path) -> None:
    done.left += [GONE.format(f"{path.stem}.{name}") for name in methods(path.read_text("utf-8"))]
    done.files[path] = None
    text = re.sub(rf"^    {path.stem}: Final = Resource\(.*\)\n", "", done.text(CLIENT), flags=re.MULTILINE)
    done.files[CLIENT] = tidied(text, CLIENT)


# Errors


def class_of(code: str) -> str:
    """The name of a code's error."""
    return "".join(map(str.capitalize, code.split("_"))) + "Error"


def _write_errors(done: Rewritten, api: Api) -> None:
    source = done.text(ERRORS)
    known = set(re.findall(r'^    code = "(\w+)"$', source, re.MULTILINE))
    new: dict[str, dict[str, list[str]]] = {}
    for operation in api.operations:
        for status, codes in operation.error_codes.items():
            for code in codes:
                if code not in known:
                    new.setdefault(code, {}).setdefault(status, []).append(operation.id)
    for code, statuses in sorted(new.items()):
        if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", code):
            raise NotCovered(f"x-error-codes {printable_ids(statuses)}", f"{code!r} is no code in snake_case")
        name = class_of(code)
        if re.search(rf"^class {name}\(", source, re.MULTILINE):
            raise NotCovered(f"x-error-codes {printable_ids(statuses)}", f"{code!r} would be {name}, which is there")
        getters = list(re.finditer(r"^    is_\w+: IsCode = IsCode\(\)\n", source, re.MULTILINE))
        source = source[: getters[-1].end()] + f"    is_{code}: IsCode = IsCode()\n" + source[getters[-1].end() :]
        about = "; ".join(f"{status}: as {printable_ids({status: ids})} may answer" for status, ids in statuses.items())
        text = f"class {name}(KratyServerError):\n    {docstring(f'{about}.', 4)}\n\n    code = {python(code)}\n\n\n"
        table = source.index("BY_CODE: ")
        source = source[:table] + text + source[table:]
        done.files[ERRORS] = tidied(source, ERRORS)
        _export(done, name)
        done.left.append(f"- `{code}` is a `{name}`: say in its docstring when it comes.")


def printable_ids(statuses: Mapping[str, list[str]]) -> str:
    ids = sorted({each for ids in statuses.values() for each in ids})
    return ", ".join(f"`{each}`" for each in ids[:3]) + f" and {len(ids) - 3} more" * (len(ids) > 3)


def _export(done: Rewritten, name: str) -> None:
    text = done.text(EXPORTS)
    line = f"    from kraty_server.errors import {name} as {name}\n"
    first = text.index("    from kraty_server.errors import ")
    text = text[:first] + line + text[first:]
    found = re.search(r'"kraty_server\.errors": """\n(.*?)    """', text, re.DOTALL)
    assert found is not None
    names = wrap(" ".join(sorted([*found[1].split(), name])), 100)
    text = text[: found.start(1)] + "".join(f"        {one}\n" for one in names) + text[found.end(1) :]
    done.files[EXPORTS] = tidied(text, EXPORTS)
    listed = done.text(DIFFERENCES)
    if f'["{name}",' not in listed:  # Node has one class for all codes: a reviewed difference, once more
        *_, last = re.finditer(r'^( *)\["\w+Error", "class", "has it not"\]', listed, re.MULTILINE)
        line = f',\n{last[1]}["{name}", "class", "has it not"]'
        done.files[DIFFERENCES] = listed[: last.end()] + line + listed[last.end() :]


# The page of events


def _write_events(done: Rewritten, api: Api) -> None:
    page = done.text(EVENTS_PAGE)
    rows = list(re.finditer(r"^\| `([a-z._-]+)` \| `\w+` \|.*\n", page, re.MULTILINE))
    listed = {row[1] for row in rows}
    new = [event for event in api.events if event.wire not in listed]
    if new and rows:
        added = "".join(f"| `{e.wire}` | `{e.name}` | {' '.join(e.summary.split())} |\n" for e in new)
        done.files[EVENTS_PAGE] = page[: rows[-1].end()] + added + page[rows[-1].end() :]


def tidied(source: str, path: Path | None) -> str:
    """Source as `make lint` wants it: imports sorted, unused ones gone, formatted."""
    name = str(path or "block.py")
    commands = [["format", "--stdin-filename", name, "-"]]
    if path is not None:
        commands.insert(0, ["check", "--quiet", "--fix", "--select=F401,I", "--stdin-filename", name, "-"])
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command], input=source, capture_output=True, text=True, cwd=ROOT
        )
        if done.returncode:
            raise NotCovered(name, f"what was written is no Python: {done.stdout[-500:]}{done.stderr}")
        source = done.stdout
    return source


EVERYWHERE = frozenset(
    {"unauthenticated", "session_invalid", "forbidden", "tenant_mismatch", "rate_limited", "internal_error"}
)
"""What any call may raise, and no docstring says."""
GONE = "- `{}` is gone from the API, and so is its method: take out what uses it."
FUTURE = "from __future__ import annotations\n"
MARKS = ("endpoint", "pages", "downloads")
"""The decorators of methods that build calls."""
IMPORTS = """from kraty_server._endpoint import downloads, endpoint, pages
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID
from {package}.kinds import Date
from {package}.files import FileInput
from {package}.paging import Slice
from {package}.types import UNSET, Call, Unset
"""
METHOD = """    @{mark}
    def {name}({signature}) -> Call[{result}]:
        {about}
        return {call}
"""
HEAD = (
    '''"""{about}."""

from __future__ import annotations

from kraty_server._endpoint import AsyncResource, SyncResource, endpoint
from '''
    + PACKAGE
    + '''.api import {tag}


class {noun}Calls:
    """What each method sends, whatever the flavour."""
'''
)
TAIL = '''

class {noun}({noun}Calls, SyncResource):
    """{noun}, blocking."""


class Async{noun}({noun}Calls, AsyncResource):
    """{noun}, async."""
'''
