"""Can a package be used that was just generated? Run as a process of its own, by `codegen/trial.py`.

    python -I codegen/use.py FOLDER < trial.json

The package in the folder is imported, each call is made and an answer to it read, each model is read, written and
constructed, each event is read. The exit code is 1 where something fails, and the last line says where and why.
"""

from __future__ import annotations

import copy
import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeGuard, cast

PACKAGE = "kraty_server_generated"


def uses(trial: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[], None]]]:
    """What is to be done, each with its place."""
    modules: dict[str, Any] = {}

    def load(name: str) -> None:
        modules[name] = importlib.import_module(f"{PACKAGE}.{name}")

    def kind(name: str) -> Any:
        """A model, in whichever module it is."""
        found: Iterator[Any] = (
            getattr(m, name) for n, m in modules.items() if n.endswith("models") and hasattr(m, name)
        )
        return next(found)

    for name in trial["modules"]:
        yield name, partial(load, name)
    for one in trial["calls"]:
        yield f"{one['tag']}.{one['name']}", partial(call, modules[f"api.{one['tag']}"], one)
    for name, data in trial["models"].items():
        yield name, partial(model, kind(name), data)
    for one in trial["events"]:
        yield f"webhook {one['name']}", partial(event, modules["events"], one)


def same(got: Any, wanted: Any) -> None:
    if got != wanted or list(got) != list(wanted):
        raise ValueError(f"it became {got!r}, and should be {wanted!r}")


def call(module: Any, one: Mapping[str, Any]) -> None:
    """Make a call and read an answer; where no value is known that fits, the check has to say so."""
    given = dict(one["arguments"])
    for name, media_type in one["files"].items():
        given[name] = as_files(given[name], media_type)
    try:
        made = getattr(module, one["name"])(*one["parameters"], **given)
    except ValueError as error:
        if one["unmatched"] and str(error).startswith(tuple(one["names"])):
            return
        raise
    same((made.method, made.route, made.path), (one["method"], one["route"], one["path"]))
    if one["body"] is not None:
        same(from_files(made.body), one["body"])
    same(made.headers or {}, one["headers"])
    if not made.media_types:
        made.parse(one["answer"])


def is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def as_files(value: Any, media_type: str) -> Any:
    """A sample of a file, or of a list of files, as it is given."""
    if is_list(value):
        return [as_files(one, media_type) for one in value]
    return ("a.bin", value.encode(), media_type)


def from_files(value: Any) -> Any:
    """A body, with the samples back in the place of files."""
    if isinstance(value, dict):
        return {name: from_files(one) for name, one in cast("dict[str, Any]", value).items()}
    if is_list(value):
        return [from_files(one) for one in value]
    return value.content.decode() if hasattr(value, "content_type") else value


def model(kind: Any, data: Mapping[str, Any]) -> None:
    """Read it, write it, and make it by hand."""
    read = kind.from_dict(data)
    same(read.to_dict(), data)
    same(copy.deepcopy(read).to_dict(), data)
    if (
        repr(kind.from_dict(read.to_dict())) != repr(read)
        or not kind.from_dict({**data, "x-new": 1}).additional_properties
    ):
        raise ValueError("it does not survive a second reading")


def event(module: Any, one: Mapping[str, Any]) -> None:
    read = module.read_event(one["data"])
    if type(read).__name__ != one["class"]:
        raise ValueError(f"it became a {type(read).__name__}, and no {one['class']}")
    same(read.to_dict(), one["data"])


def main() -> int:
    """Use the package; 0 if all of it works."""
    sys.path.insert(0, sys.argv[1])
    trial = json.load(sys.stdin)
    for place, use in uses(trial):
        try:
            use()
        except Exception as error:
            print(f"{place}: {type(error).__name__}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
