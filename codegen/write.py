"""Write `generated/` from the document, and tell whether it still is what the document says."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from codegen.api import Api, Document, NotCovered
from codegen.expressions import Writer, table
from codegen.literals import docstring, python, python_pattern
from codegen.names import IDEMPOTENCY_KEY, snake
from codegen.read import read
from codegen.scopes import clashes

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "openapi.server.json"
TEMPLATES = ROOT / "templates"
RUNTIME = TEMPLATES / "runtime.py"
FURTHER = TEMPLATES / "further"
"""Plain Python as well, for what most documents have no use for."""
PACKAGE = "kraty_server_generated"
GENERATED = ROOT / "generated" / PACKAGE
MARKER = "DO NOT EDIT: generated from openapi.server.json by `make generate`."
ABOUT = """The Kraty server API as the document describes it: models and calls, no I/O.

PYTEST_DONT_REWRITE: as in `kraty_server`."""
MODELS = "The models: what the API answers, and the objects that requests are made of."
EVENT_MODELS = "The models that only webhooks need: the envelope of all events, and what they are about."
RUFF = ("--isolated", "--no-cache", "--quiet")
FORMAT = ("--line-length=110", "--config", "format.skip-magic-trailing-comma=true")
LINT = ("--fix", "--select=F401,I", "--line-length=110")


class Drift(Exception):
    """`generated/` is not what the document says."""


def load(source: str | Path) -> dict[str, Any]:
    """Read a document: a file, a file of a git revision, as `v0.3.0:openapi.server.json`, or an address.

    Raises:
        OSError, ValueError: there is none.
    """
    path = Path(source)
    if str(source).startswith(("https://", "http://")):
        try:
            text = httpx.get(str(source), follow_redirects=True, timeout=30).raise_for_status().text
        except httpx.HTTPError as error:
            raise ValueError(f"{source}: {error}") from error
    elif path.exists() or ":" not in str(source):
        text = path.read_text("utf-8")
    else:
        shown = subprocess.run(["git", "show", str(source)], capture_output=True, text=True, encoding="utf-8")
        if shown.returncode:
            raise ValueError(f"{source}: {shown.stderr.strip()}")
        text = shown.stdout
    document: dict[str, Any] = json.loads(text)
    return document


def render(document: Document, api: Api | None = None) -> dict[str, str]:
    """Every file that the document decides, before formatting, by its path."""
    api = api or read(document)
    w = Writer(api)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Any] = {
        "python": python,
        "python_pattern": python_pattern,
        "snake": snake,
        "table": table,
        "docstring": docstring,
    }
    environment.filters.update(filters)

    def write(template: str, **values: Any) -> str:
        return environment.get_template(template).render(api=api, w=w, **values)

    def write_models(about: str, *, of_events: bool, imported: list[str]) -> tuple[str, list[str]]:
        """A module of models, and the names in it that other modules of models may need."""
        models = [model for model in w.shown() if (model.name in w.of_events) == of_events]
        enums = [enum for _, enum in sorted(api.enums.items()) if (enum.name in w.of_events) == of_events]
        unions = [union for _, union in sorted(api.unions.items()) if (union.name in w.of_events) == of_events]
        public = [model.name for model in models] + [enum.name for enum in enums] + [union.name for union in unions]
        exported = sorted([*public, *(f"{name}Input" for name in public if name in w.given)])
        text = write(
            "models.py.jinja",
            about=about,
            imported=imported,
            models=models,
            enums=enums,
            unions=unions,
            defined=[one for one in w.defined() if (one.name in w.of_events) == of_events],
            exported=exported,
        )
        private = [table(enum.name) for enum in enums] + [f"read_{snake(union.name)}" for union in unions]
        return text, [*public, *private]

    models, names = write_models(MODELS, of_events=False, imported=[])
    files = {
        "__init__.py": f'"""{ABOUT}\n"""\n',
        "contract.py": write("contract.py.jinja", idempotency_key=IDEMPOTENCY_KEY),
        "models.py": models,
        "api/__init__.py": '"""One module per tag, one function per operation."""\n',
        "py.typed": "",
        "openapi.json": json.dumps({"x-generated": MARKER, **document}, ensure_ascii=False, separators=(",", ":"))
        + "\n",
    }
    if api.events:
        files["event_models.py"], late = write_models(EVENT_MODELS, of_events=True, imported=names)
        envelope = api.events[0].envelope
        exported = ["EVENTS", envelope.model, "read_event", *(event.name for event in api.events)]
        files["events.py"] = write(
            "events.py.jinja", envelope=envelope, models=names, event_models=late, exported=exported
        )
    for tag, operations in api.tags().items():
        files[f"api/{tag}.py"] = write("api.py.jinja", tag=tag, operations=operations)
    return {path: f"# {MARKER}\n{text}" if path.endswith((".py", ".typed")) else text for path, text in files.items()}


def formatted(files: Mapping[str, str]) -> dict[str, str]:
    """The files as ruff formats them, each of them compiled once."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / PACKAGE
        for path, text in files.items():
            (package / path).parent.mkdir(parents=True, exist_ok=True)
            (package / path).write_text(text, "utf-8")
        for command in (["check", *RUFF, *LINT], ["format", *RUFF, *FORMAT]):
            done = subprocess.run(
                [sys.executable, "-m", "ruff", *command, str(package)], capture_output=True, text=True
            )
            if done.returncode:
                raise NotCovered("templates", f"what they wrote is no Python: {done.stdout}{done.stderr}")
        result = {path: (package / path).read_text("utf-8") for path in files}
    for path, text in result.items():
        if path.endswith(".py"):
            compile(text, path, "exec")
            for place, name in clashes(path, ast.parse(text)):
                raise NotCovered(place, f"{name!r} means something else there, in the generated code")
            if " object at 0x" in text:
                raise NotCovered("templates", f"{path} holds the repr of an object")
    return result


def package(document: Document, api: Api | None = None) -> dict[str, str]:
    """Every file of the package by its path."""
    files = formatted(render(document, api))
    copied = {"types.py": RUNTIME}
    for path in FURTHER.glob("*.py"):
        if any(f"from {PACKAGE}.{path.stem} import" in text for text in files.values()):
            copied[path.name] = path
    return files | {name: f"# {MARKER}\n{path.read_text('utf-8')}" for name, path in copied.items()}


def found(folder: Path) -> dict[str, str]:
    """The files that are there, compiled ones aside."""
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def differences(wanted: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """What is missing, extra or different, each with its path."""
    missing = [f"missing: {path}" for path in sorted(wanted.keys() - there.keys())]
    extra = [f"extra: {path}" for path in sorted(there.keys() - wanted.keys())]
    different = [f"different: {path}" for path in sorted(wanted.keys() & there.keys()) if wanted[path] != there[path]]
    return missing + extra + different


def changes(wanted: Mapping[str, str], folder: Path = GENERATED) -> dict[Path, str | None]:
    """What is to be written to have these files and no others, by its path; None where a file has to go.

    Raises:
        Drift: a file in the way has no marker in its first line, so it is nobody's to delete.
    """
    there = found(folder) if folder.exists() else {}
    needed: dict[Path, str | None] = {folder / path: t for path, t in wanted.items() if there.get(path) != t}
    for path in there.keys() - wanted.keys():
        if MARKER not in there[path].partition("\n")[0]:
            raise Drift(f"{folder / path} was not generated; move it away")
        needed[folder / path] = None
    return needed


def apply(changes: Mapping[Path, str | None]) -> None:
    """Write and delete files: all of them, or none."""
    before = {path: path.read_bytes() if path.exists() else None for path in changes}
    try:
        for path, text in changes.items():
            _put(path, None if text is None else text.encode("utf-8"))
    except BaseException:
        for path, content in before.items():
            _put(path, content)
        raise


def _put(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def check(document: Document, folder: Path = GENERATED) -> None:
    """Compare both ways.

    Raises:
        Drift: a file is missing, extra or different.
    """
    if drift := differences(package(document), found(folder)):
        raise Drift("\n".join(drift) + "\nrun `make generate`, or undo the change by hand")
