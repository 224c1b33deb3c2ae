"""Take a new document over, or change nothing: what is written, and what is left to do by hand?"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
from typing import Any

from codegen import diff, write
from codegen.diff import Change, Level
from codegen.expressions import Writer
from codegen.lint import problems
from codegen.literals import docstring, python, wrap
from codegen.api import Api, Document, NotCovered, Operation
from codegen.read import read
from codegen.trial import demand_use
from codegen.write import ROOT

HEADING = re.compile(r"^## (\d+\.\d+\.\d+)(.*)$", re.MULTILINE)
UNRELEASED = " – unreleased"
VERSION = ROOT / "kraty_server" / "_version.py"
CHANGELOG = ROOT / "CHANGELOG.md"


def version() -> str:
    """Our version, from its only place."""
    said = re.search(r'^__version__ = "(.+)"$', VERSION.read_text("utf-8"), re.MULTILINE)
    if said is None:
        raise ValueError(f"{VERSION} says no version")
    return said[1]


def bump(new: Document) -> str:
    """Write the document, what is generated from it, the CHANGELOG and the version; tell the rest.

    Returns:
        The report, in Markdown.

    Raises:
        NotCovered: the templates cannot write the new document, or the linter objects to it. Nothing was changed.
    """
    if wrong := problems(new):
        raise NotCovered("the new document", "\n".join(["the linter objects", *wrong]))
    changes = diff.diff(write.load(write.DOCUMENT), new)
    if unjudged := [change for change in changes if change.level is Level.UNJUDGED]:
        raise NotCovered(unjudged[0].places[0], f"nobody can judge {unjudged[0].kind}: {unjudged[0].text}")
    api = read(new)
    package = write.package(new)
    demand_use(package, api)
    files = write.changes(package)
    before = version()
    told, after = entry(CHANGELOG.read_text("utf-8"), changes, before)
    if diff.verdict(changes) is not None:
        files[CHANGELOG] = told
        files[VERSION] = VERSION.read_text("utf-8").replace(f'"{before}"', f'"{after}"', 1)
    files[write.DOCUMENT] = json.dumps(new, indent=2, ensure_ascii=False) + "\n"
    files = {path: text for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text}
    left = to_do(api)
    write.apply(files)
    written = [f"- `{path.relative_to(ROOT)}`{' deleted' * (files[path] is None)}" for path in sorted(files)]
    parts = [
        diff.markdown(changes, before).strip(),
        f"The version was {before} and is {after}." if after != before else f"The version stays {after}.",
        "## Written",
        *(written or ["Nothing: this is the document that we have."]),
        "## Left to do by hand",
        *(left or ["Nothing."]),
        "## To run",
        *to_run(changes),
    ]
    return "\n\n".join(parts).replace("\n\n- ", "\n- ")


def entry(changelog: str, changes: list[Change], current: str) -> tuple[str, str]:
    """The CHANGELOG with the changes in its unreleased section, and the version of that section."""
    headings = list(HEADING.finditer(changelog))
    released = next((h[1] for h in headings if "unreleased" not in h[2]), None)
    wanted = current if released is None else diff.next_version(released, diff.verdict(changes))
    after = max(current, wanted, key=lambda text: [int(part) for part in text.split(".")])
    lines = "\n".join(lines_of(changes))
    first = headings[0] if headings else None
    if first is not None and "unreleased" in first[2]:
        end = headings[1].start() if len(headings) > 1 else len(changelog)
        section = changelog[first.end() : end].rstrip()
        rest = changelog[end:]
        text = (
            changelog[: first.start()] + f"## {after}{first[2]}{section}\n\n{lines}\n" + ("\n" + rest if rest else "")
        )
    else:
        start = first.start() if first else len(changelog)
        text = changelog[:start] + f"## {after}{UNRELEASED}\n\n{lines}\n\n" + changelog[start:]
    return text, after


def unfit(tag: str) -> str | None:
    """Why a tag cannot be released; None if it can."""
    if tag != f"v{version()}":
        return f"the tag is {tag!r}, the version in {VERSION.relative_to(ROOT)} is {version()}"
    headings = {heading[1]: heading[2] for heading in HEADING.finditer(CHANGELOG.read_text("utf-8"))}
    if not re.fullmatch(r" – \d{4}-\d\d-\d\d", told := headings.get(version(), " – nowhere")):
        return f"the CHANGELOG says of {version()}:{told.removeprefix(' –')}, and not its date"
    return None


def lines_of(changes: list[Change]) -> list[str]:
    """The changes of the API as they stand in the CHANGELOG."""
    words = {Level.BREAKING: "**Breaking**, the API", Level.ADDITIVE: "The API"}
    lines = [
        f"- {words[change.level]}: `{change.places[0]}`{' and elsewhere' * (len(change.places) > 1)}: "
        f"{change.kind}: {change.text}."
        for change in changes
        if change.level in words
    ]
    if any(change.level is Level.DOCUMENTATION for change in changes):
        lines.append("- Descriptions as the API has them now.")
    return lines


def to_do(api: Api) -> list[str]:
    """The methods of the overlay that are missing, stale or gone, and what the emulator lacks."""
    writer = Writer(api)
    overlay = methods()
    wanted = {operation.id: operation for operation in api.operations}
    gone = sorted(overlay.keys() - wanted.keys())
    left = [f"- `{name}` is gone from the API: deprecate its method, or take it out." for name in gone]
    for name, operation in wanted.items():
        if name not in overlay:
            left.append(f"- `{name}` has no method.\n\n{stub(operation, writer)}")
        elif lost := sorted(arguments(operation) ^ set(inspect.signature(overlay[name]).parameters) - {"self"}):
            left.append(f"- `{name}` differs in {', '.join(lost)}.\n\n{stub(operation, writer)}")
    handled = importlib.import_module("kraty_server.testing.operations").HANDLERS
    left += [f"- The emulator has no handler for `{name}`." for name in wanted if name not in handled]
    emulator = "".join(path.read_text("utf-8") for path in (ROOT / "kraty_server" / "testing").rglob("*.py"))
    left += [f"- The emulator does not emit `{e.wire}`." for e in api.events if python(e.wire) not in emulator]
    return left


def methods() -> dict[str, Any]:
    """The methods of the overlay, by the operationId that each one calls."""
    found: dict[str, Any] = {}
    for path in sorted((ROOT / "kraty_server" / "resources").glob("[a-z]*.py")):
        module = importlib.import_module(f"kraty_server.resources.{path.stem}")
        for owner in vars(module).values():
            for name, member in vars(owner).items() if isinstance(owner, type) else ():
                if type(member).__name__ == "endpoint" and member.build.__name__ == name:
                    found[f"{path.stem}.{name}"] = member.build
    return found


def arguments(operation: Operation) -> set[str]:
    fields = operation.body.fields if operation.body else ()
    return {field.name for field in (*operation.parameters, *fields)}


def stub(operation: Operation, writer: Writer) -> str:
    """A method for the overlay, ready to be pasted into its resource; a whole resource where there is none."""
    signature = writer.signature(operation)
    models = sorted({operation.result, *re.findall(r"\bm\.(\w+)", signature)})
    given = [p.name for p in operation.parameters]
    given += [f"{f.name}={f.name}" for f in operation.body.fields] if operation.body else []
    codes = sorted({code for codes in operation.error_codes.values() for code in codes})
    raises = "\n".join(f"    {line}" for line in wrap(f"KratyServerError: {', '.join(codes)}.", 98))
    about = f"{operation.summary}.\n\n{operation.description}\n\nRaises:\n{raises}"
    values = {
        "resource": operation.tag.title().replace("_", ""),
        "tag": operation.tag,
        "name": operation.name,
        "signature": f"self, {signature.replace('m.', '')}" if signature else "self",
        "result": operation.result,
        "about": docstring(about, 8),
        "given": ", ".join(given),
        "models": ", ".join(models),
    }
    module = f"kraty_server/resources/{operation.tag}.py"
    there = (ROOT / module).exists()
    source = METHOD if there else RESOURCE_HEAD + METHOD + RESOURCE_TAIL
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", *write.RUFF, "--line-length=120", "-"],
        input=source.format(**values),
        capture_output=True,
        text=True,
        check=True,
    )
    new = "" if there else ", which is new: make it a `Resource` of `BaseClient` in `kraty_server/client.py`"
    return f"In `{module}`{new}:\n\n```python\n{done.stdout}```"


METHOD = """
# with: from kraty_server_generated.models import {models}
class {resource}Calls:
    @endpoint
    def {name}({signature}) -> Call[{result}]:
        {about}
        return {tag}.{name}({given})
"""
RESOURCE_HEAD = '''"""{resource}."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from kraty_server._endpoint import AsyncResource, SyncResource, endpoint
from kraty_server_generated.api import {tag}
from kraty_server_generated.models import {models}
from kraty_server_generated.types import Call

'''
RESOURCE_TAIL = '''

class {resource}({resource}Calls, SyncResource):
    """{resource}, blocking."""


class Async{resource}({resource}Calls, AsyncResource):
    """{resource}, async."""
'''


def to_run(changes: list[Change]) -> list[str]:
    touched = sorted({method for change in changes for method in change.methods})
    quick = f'- `.venv/bin/python -m pytest -k "{" or ".join(touched)}"` for the calls it touches'
    return [*([quick] if 0 < len(touched) <= 10 else []), "- `make lint types check-generated parity test`"]
