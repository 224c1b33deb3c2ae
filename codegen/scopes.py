"""Does a name of the document hide one that the generated code means?

Clashes of names (shadowing), found in the code itself. A component `Exception`, a property `list` or an argument
`body` are good names, and change what the lines around them mean. What these lines need is read from the code, so
that a template may change and no list must follow it.
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

BUILTINS = frozenset(dir(builtins))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def clashes(path: str, module: ast.Module) -> Iterator[tuple[str, str]]:
    """Each name that means two things in a module: where, as `Model.attribute` or `tag.method`, and the name."""
    stem = PurePosixPath(path).stem
    top = Counter(_bound(module.body))
    used = _loaded(module.body)
    for name, count in top.items():
        if count > 1 or (name in BUILTINS and name in used):
            yield f"{stem}.{name}", name
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef):
            own = Counter(_bound(node.body))
            meant = _loaded([part for statement in node.body for part in _evaluated(statement)])
            for name, count in own.items():
                if count > 1 or name in meant:
                    yield f"{node.name}.{name}", name
        elif isinstance(node, Function):
            arguments = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            meant = {*top, *_stored(node.body), *_meant(node)}
            for name in arguments:
                if name in meant:
                    yield f"{stem}.{node.name}({name})", name


def _bound(statements: Iterable[ast.stmt]) -> Iterator[str]:
    """The names that statements bind, each as often as they do."""
    for node in statements:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, Function | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def _evaluated(statement: ast.stmt) -> Iterator[ast.AST]:
    """What of a statement in a class is evaluated there: all of it, but of a method its head."""
    if isinstance(statement, Function):
        yield from (*statement.decorator_list, statement.args)
        if statement.returns is not None:
            yield statement.returns
    elif not isinstance(statement, ast.ClassDef):
        yield statement


def _names(nodes: Iterable[ast.AST], context: type[ast.expr_context]) -> set[str]:
    found = (inner for node in nodes for inner in ast.walk(node))
    return {node.id for node in found if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def _loaded(nodes: Iterable[ast.AST]) -> set[str]:
    return _names(nodes, ast.Load)


def _stored(nodes: Iterable[ast.AST]) -> set[str]:
    return _names(nodes, ast.Store)


def _meant(function: Function) -> set[str]:
    """What a function calls, and what its annotations name: never one of its arguments."""
    heads: list[ast.AST] = []
    for node in ast.walk(function):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            heads.append(node.annotation)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            heads.append(node.func)
    return _loaded([*heads, *([function.returns] if function.returns else [])])
