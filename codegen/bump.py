"""Take a new document over, or change nothing: what is written, and what is left to do by hand?"""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterable

from codegen import diff, write
from codegen.api import Api, Document, NotCovered
from codegen.diff import Change, Level
from codegen.lint import problems
from codegen.overlay import rewritten
from codegen.read import read
from codegen.trial import demand_overlay, demand_use
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
    old = write.load(write.DOCUMENT)
    changes = diff.diff(old, new)
    if unjudged := [change for change in changes if change.level is Level.UNJUDGED]:
        raise NotCovered(unjudged[0].places[0], f"nobody can judge {unjudged[0].kind}: {unjudged[0].text}")
    api = read(new)
    package = write.package(new, api)
    demand_use(package, api)
    files = write.changes(package)
    overlay = rewritten(api)
    files |= overlay.files
    demand_overlay(files, api)
    before = version()
    told, after = entry(CHANGELOG.read_text("utf-8"), changes, before)
    if diff.verdict(changes) is not None:
        files[CHANGELOG] = told
        files[VERSION] = VERSION.read_text("utf-8").replace(f'"{before}"', f'"{after}"', 1)
    files[write.DOCUMENT] = json.dumps(new, indent=2, ensure_ascii=False) + "\n"
    files = {path: text for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text}
    left = [*overlay.left, *to_do(api), *examples(old, api)]
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
    """What the emulator does not do, or does for operations that are gone."""
    handled = importlib.import_module("kraty_server.testing.operations").HANDLERS
    wanted = [operation.id for operation in api.operations]
    left = [
        f"- The emulator answers `{name}` with a sample that fits the document: write its handler."
        for name in wanted
        if name not in handled
    ]
    left += [f"- The emulator has a handler for `{name}`, which is gone." for name in handled if name not in wanted]
    silent = not_sent(event.wire for event in api.events)
    return left + [f"- The emulator does not send `{event}` of itself." for event in silent]


def examples(old: Document, api: Api) -> list[str]:
    """Texts of tests, docs and examples that were made up, and that the API has now."""
    before = json.dumps(old)
    words = {code for operation in api.operations for codes in operation.error_codes.values() for code in codes}
    words |= {str(value) for enum in api.enums.values() for value in enum.values.values()}
    new = [word for word in sorted(words) if json.dumps(word) not in before]
    if not new:
        return []
    written = re.compile(rf"""(["'`])({"|".join(map(re.escape, new))})\1""")
    found: dict[str, list[str]] = {}
    pages = [path for kind in ("docs", "examples", "tests") for path in sorted((ROOT / kind).rglob("*.*"))]
    for path in [ROOT / "README.md", *pages]:
        if path.suffix in (".md", ".py"):
            for match in written.finditer(path.read_text("utf-8")):
                places = found.setdefault(match[2], [])
                if (place := f"`{path.relative_to(ROOT)}`") not in places:
                    places.append(place)
    return [f"- `{word}` is in {', '.join(places)}: was it made up, as a value that the API does not have?"
            for word, places in found.items()]  # fmt: skip


def not_sent(events: Iterable[str]) -> list[str]:
    """The events that the emulator's code does not name."""
    named = {
        node.value
        for path in (ROOT / "kraty_server" / "testing").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return [event for event in events if event not in named]


def to_run(changes: list[Change]) -> list[str]:
    touched = sorted({method for change in changes for method in change.methods})
    quick = f'- `.venv/bin/python -m pytest -k "{" or ".join(touched)}"` for the calls it touches'
    pages = any(change.kind == "error code" for change in changes)
    return [
        *(["- `.venv/bin/python -m tests.decisions`, which lists the codes in `docs/workers.md`"] if pages else []),
        *([quick] if 0 < len(touched) <= 10 else []),
        "- `make lint types check-generated parity test`",
    ]
