"""Does a generated package work, before it is written? Each call, model and event of it is used once, with samples.

A smoke test of what was generated. A process of its own does that (`codegen/use.py`), since what was generated may
not load, and ours is loaded here.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from codegen import use
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
    NotCovered,
    Nullable,
    Operation,
    Scalar,
    UnionOf,
    leaf,
)
from codegen.expressions import Writer
from codegen.literals import python_pattern
from codegen.references import is_list, is_object
from codegen.write import ROOT, apply

TEXTS: Final = (
    "a",
    "A",
    "1",
    "a1",
    "aa-1",
    "a.b",
    "a@b.co",
    "ab",
    "AB",
    "aaa",
    "AAA",
    "00000000-0000-4000-8000-000000000000",
)
MOST: Final = 1000
"""Samples are no longer than that."""
DEEP: Final = 4
"""Optional properties so deep in a sample are left out."""
SECONDS: Final = 300


def demand_use(files: Mapping[str, str], api: Api) -> None:
    """Use the files of a package.

    Raises:
        NotCovered: something of it cannot be imported or used; the message names the place.
    """
    with tempfile.TemporaryDirectory(prefix="kraty-trial-") as folder:
        for path, text in files.items():
            (file := Path(folder) / use.PACKAGE / path).parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        command = [sys.executable, "-I", "-B", use.__file__, folder]
        try:
            done = subprocess.run(
                command, input=json.dumps(Samples(api).trial(files)), capture_output=True, text=True, timeout=SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise NotCovered("the new package", f"it was not imported and used within {SECONDS} s") from error
    if done.returncode:
        place, _, why = (done.stderr.strip().splitlines() or [""])[-1].partition(": ")
        raise NotCovered(place, f"what would be generated cannot be used: {why}")


def demand_overlay(files: Mapping[Path, str | None], api: Api) -> None:
    """Load the overlay as it is going to be: each operation has its method, in both flavours.

    Raises:
        NotCovered: it cannot be loaded, or a method is not there.
    """
    with tempfile.TemporaryDirectory(prefix="kraty-trial-") as folder:
        root = Path(folder)
        for name in ("kraty_server", f"generated/{use.PACKAGE}"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        apply({root / path.relative_to(ROOT): text for path, text in files.items()})
        command = [sys.executable, "-I", "-B", "-c", LOADED, str(root), f"{root}/generated"]
        wanted = json.dumps([operation.id.split(".") for operation in api.operations])
        done = subprocess.run(command, input=wanted, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode:
        raise NotCovered("kraty_server", (done.stderr.strip().splitlines() or ["it could not be loaded"])[-1])


LOADED: Final = """
import json, sys
sys.path[:0] = sys.argv[1:]
import kraty_server, kraty_server.models, kraty_server.webhooks
for name in kraty_server.__all__:
    getattr(kraty_server, name)
for tag, name in json.load(sys.stdin):
    getattr(getattr(kraty_server.KratyServer, tag), name), getattr(getattr(kraty_server.AsyncKratyServer, tag), name)
"""


class Samples:
    """JSON that fits the document."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.writer = Writer(api)
        self.unmatched = False

    def trial(self, files: Mapping[str, str]) -> dict[str, Any]:
        """What `codegen/use.py` reads."""
        modules = [path.removesuffix(".py").replace("/", ".") for path in files if path.endswith(".py")]
        return {
            "modules": [name for name in modules if not name.endswith("__init__")],
            "calls": [self.call(operation) for operation in self.api.operations],
            "models": {model.name: self.model(model.name) for model in self.writer.shown()},
            "events": [
                {
                    "name": event.wire,
                    "class": event.name,
                    "data": {
                        **self.model(event.envelope.model),
                        event.envelope.event: event.wire,
                        event.envelope.data: self.model(event.data),
                    },
                }
                for event in self.api.events
            ],
        }

    def call(self, operation: Operation) -> dict[str, Any]:
        self.unmatched = False
        given = {f.name: self.value(f.kind, f"{operation.id}({f.name})") for f in operation.arguments}
        unmatched = self.unmatched
        path = operation.route
        for f in operation.parameters:
            path = path.replace(f"{{{f.wire}}}", written(given[f.name]))
        bytes_come = isinstance(operation.result, FileOf)
        answer = None if operation.result is None or bytes_come else self.value(operation.result, operation.id)
        if is_object(answer):
            answer = {**answer, **{f.wire: given[f.name] for f in self.writer.echoes(operation)}}
        fields = operation.body.fields if operation.body else ()
        return {
            "tag": operation.tag,
            "name": operation.name,
            "parameters": [given[f.name] for f in operation.positional],
            "arguments": {f.name: given[f.name] for f in operation.keywords},
            "method": operation.method,
            "route": operation.route,
            "path": path + query(operation, given),
            "headers": {p.wire: plain(given[p.name]) for p in operation.others if p.where == "header"},
            "body": given[operation.bag.name] if operation.bag else {f.wire: given[f.name] for f in fields} or None,
            "files": {f.name: media_type(leaf(f.kind)) for f in fields if isinstance(leaf(f.kind), FileOf)},
            "answer": answer if operation.envelope is None else {operation.envelope: answer},
            "unmatched": unmatched,
            "names": [f.name for f in operation.arguments],
        }

    def model(self, name: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
        within = (*above, name)
        return {
            f.wire: self.value(f.kind, f"{name}.{f.wire}", within)
            for f in self.api.models[name].fields
            if f.required or not (len(within) > DEEP or self.leads_back(f, within))
        }

    def leads_back(self, field: Field, within: tuple[str, ...]) -> bool:
        return self.is_within(field.kind, within)

    def is_within(self, kind: Kind, within: tuple[str, ...]) -> bool:
        return not self.api.reachable([kind]).isdisjoint(within)

    def value(self, kind: Kind, place: str, within: tuple[str, ...] = ()) -> Any:
        """A value of a kind, inside of the models that are named."""
        match kind:
            case Scalar() | FileOf():
                return self.scalar(kind)
            case EnumOf(name):
                return next(iter(self.api.enums[name].values.values()))
            case ModelOf(name):
                if name in within:
                    raise NotCovered(place, f"each {name} would hold another one")
                return self.model(name, within)
            case UnionOf(name):
                members = self.api.unions[name].members.values()
                free = [member for member in members if member not in within] or list(members)
                return self.value(ModelOf(free[0]), place, within)
            case MapOf(value):
                if not kind.min_items and (kind.max_items == 0 or self.is_within(value, within)):
                    return {}
                self.unmatched |= kind.min_items > MOST
                inside = self.value(value, place, within)
                return {f"a{index or ''}": inside for index in range(min(kind.min_items or 1, MOST))}
            case ListOf(item, low, high):
                if not low and (high == 0 or self.is_within(item, within)):
                    return []
                self.unmatched |= low > MOST or (kind.unique and low > 1)
                return [self.value(item, place, within)] * min(low or 1, MOST)
            case Nullable(inner):
                return self.value(inner, place, within)
            case Const(value):
                return value

    def scalar(self, kind: Scalar | FileOf) -> Any:
        if isinstance(kind, FileOf):
            return "abc"[: kind.max_bytes]
        match kind.name:
            case "text":
                return self.text(kind)
            case "boolean":
                return True
            case "time":
                return "2026-01-02T03:04:05.678Z"
            case "date":
                return "2026-01-02"
            case "uuid":
                return TEXTS[-1]
            case "any":
                return {"a": [1]}
            case _:
                return self.number(kind)

    def number(self, kind: Scalar) -> float:
        """The number within the bounds that is next to 0."""
        least = -math.inf if kind.minimum is None else kind.minimum
        most = math.inf if kind.maximum is None else kind.maximum
        nearest = least if least > 0 else most if most < 0 else 0
        step = kind.multiple_of or (1 if kind.name == "integer" else None)
        if nearest and step is not None:
            nearest = step * (math.ceil(nearest / step) if nearest > 0 else math.floor(nearest / step))
        self.unmatched |= not least <= nearest <= most
        return nearest

    def text(self, kind: Scalar) -> str:
        """A text that the pattern takes, where one is known."""
        least = min(kind.min_length, MOST)
        texts = [text + text[-1] * (least - len(text)) for text in TEXTS]
        pattern = re.compile(python_pattern(kind.pattern or ""))
        if kind.max_length is not None:
            texts = [text for text in texts if len(text) <= kind.max_length] or texts
            self.unmatched |= len(texts[0]) > kind.max_length
        if kind.min_length > MOST or (found := next(filter(pattern.search, texts), None)) is None:
            self.unmatched = True
            return texts[0]
        return found


def plain(value: Any) -> str:
    """How a parameter is written as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def written(value: Any) -> str:
    """How it is written in a URL."""
    return quote(plain(value), safe="!*'()")


def query(operation: Operation, given: Mapping[str, Any]) -> str:
    """The query of a call."""
    pairs: list[str] = []
    for p in operation.others:
        if p.where == "query":
            value = given[p.name]
            items = list(map(written, value if is_list(value) else [value]))
            pairs += [f"{written(p.wire)}={item}" for item in (items if p.explode else [",".join(items)])]
    return "?" * bool(pairs) + "&".join(pairs)


def media_type(kind: Kind) -> str:
    """One that a file may have."""
    types = kind.media_types if isinstance(kind, FileOf) else ()
    return types[0].replace("*", "x") if types else "application/octet-stream"
