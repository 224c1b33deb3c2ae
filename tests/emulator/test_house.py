"""The packages of the emulator stand on each other, in one direction: emulator, operations, server, and what is public."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import kraty_server.testing

ROOT = Path(kraty_server.testing.__file__).parent
NAME = "kraty_server.testing"


def imports(path: Path) -> set[str]:
    """The modules of ours that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(NAME):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.add(
                    name if (ROOT.parents[1] / Path(*name.split("."))).with_suffix(".py").exists() else str(node.module)
                )
    return found


def modules() -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {}
    for path in ROOT.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT.parents[1]).with_suffix("").parts).removesuffix(".__init__")
        graph[name] = imports(path)
    del graph[NAME]  # it names what is public, and imports it when that is asked for
    return {name: needs - {NAME, name} for name, needs in graph.items()}


def test_no_module_imports_itself_through_others() -> None:
    assert len(list(TopologicalSorter(modules()).static_order())) > 40


def test_what_lies_below_knows_nothing_of_what_stands_on_it() -> None:
    for name, needs in modules().items():
        layer = name.removeprefix(f"{NAME}.").partition(".")[0]
        above = {"emulator": ("operations", "server", "_emulator", "_inbox", "plugin"),
                 "operations": ("server", "_emulator", "_inbox", "plugin"),
                 "server": ("operations", "_emulator", "_inbox", "plugin")}.get(layer, ())  # fmt: skip
        assert not [need for need in needs if need.removeprefix(f"{NAME}.").partition(".")[0] in above], name
