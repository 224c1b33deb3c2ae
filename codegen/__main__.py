"""`python -m codegen generate | check | lint | diff | bump | parity | surface | release`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from codegen import write
from codegen.api import NotCovered
from codegen.literals import printable
from codegen.read import read

FAILED = 3
"""The exit code of a command that has no verdict."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(FAILED, f"{self.prog}: error: {message}\n")  # argparse's own 2 is a verdict here


def _arguments() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m codegen", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (
        ("generate", "write generated/ from the document"),
        ("check", "compare generated/ with the document, both ways"),
        ("lint", "look for what the generator, the templates or a reader would stumble over"),
    ):
        commands.add_parser(name, help=what).add_argument("document", nargs="?", default=str(write.DOCUMENT))
    diff = commands.add_parser("diff", help="what changed: exit code 2 if it breaks, 1 if it adds, 0 if neither, 3 "
                                             "without a verdict")  # fmt: skip
    diff.add_argument("old", help="a file, an address, or a file of a git revision: v0.3.0:openapi.server.json")
    diff.add_argument("new", help="the same")
    diff.add_argument("--format", choices=("table", "markdown", "json"), default="table")
    bump = commands.add_parser("bump", help="take a new document over, or change nothing")
    bump.add_argument("new", help="as for diff")
    bump.add_argument("--report", type=Path, help="write the report to this file too, as Markdown")
    parity = commands.add_parser("parity", help="hold this SDK against the Node SDK: exit code 1 if they differ")
    parity.add_argument("--vectors", type=Path, help="recorded requests, or cases for --node")
    parity.add_argument("--node", type=Path, metavar="PATH", help="a Node SDK, or a folder where it is installed")
    parity.add_argument("--report", type=Path, help="write the table to this file too, as Markdown")
    surface = commands.add_parser("surface", help="the public Python surface since the last release: exit code 1 "
                                                   "if the version is too low for it")  # fmt: skip
    surface.add_argument("--against", metavar="TAG", help="the release to compare with; the last one otherwise")
    release = commands.add_parser("release", help="whether a tag says our version, and the CHANGELOG a date")
    release.add_argument("tag")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    given = _arguments().parse_args(arguments)
    try:
        if given.command == "diff":
            return _diff(given.old, given.new, given.format)
        if given.command == "bump":
            return _bump(given.new, given.report)
        if given.command == "parity":
            return _parity(given.vectors, given.node, given.report)
        if given.command == "surface":
            return _surface(given.against)
        if given.command == "release":
            return _release(given.tag)
        if given.command == "lint":
            return _lint(given.document)
        if given.command == "generate":
            return _generate(given.document)
        return _check(given.document)
    except (NotCovered, write.Drift) as error:
        print(error, file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return FAILED
    except Exception as error:  # a fault of ours is no verdict, and surely not "additive"
        print(f"{type(error).__name__}: {printable(str(error))}", file=sys.stderr)
        return FAILED


def _generate(document: str) -> int:
    from codegen.trial import demand_use

    loaded = write.load(document)
    package = write.package(loaded)
    demand_use(package, read(loaded))
    changes = write.changes(package)
    write.apply(changes)
    print(f"{len(changes)} files of {write.GENERATED} changed")
    return 0


def _check(document: str) -> int:
    write.check(write.load(document))
    print("generated/ is what the document says")
    return 0


def _bump(new: str, report: Path | None) -> int:
    from codegen.bump import bump
    from codegen.dialect import load_any

    if report:
        _demand_writable(report)
    told = bump(load_any(new))
    print(told)
    if report:
        report.write_text(told + "\n", "utf-8")
    return 0


def _release(tag: str) -> int:
    from codegen.bump import unfit

    why = unfit(tag)
    print(why or f"{tag} can go out")
    return 1 if why else 0


def _demand_writable(report: Path) -> None:
    """Look whether a report can be written, before what it reports is done."""
    if report.is_dir() or not os.access(report if report.exists() else report.parent, os.W_OK):
        raise OSError(f"{report}: cannot be written; nothing was changed")


def _lint(document: str) -> int:
    from codegen.dialect import load_any
    from codegen.lint import problems

    if wrong := problems(load_any(document)):
        print("\n".join(wrong), file=sys.stderr)
        return 1
    print("nothing wrong with the document")
    return 0


def _diff(old: str, new: str, style: str) -> int:
    from codegen import diff
    from codegen.bump import version
    from codegen.dialect import load_any

    changes = diff.diff(load_any(old), load_any(new))
    tell = {"table": diff.table, "markdown": diff.markdown, "json": diff.as_json}[style]
    print(tell(changes, version()))
    return int(diff.verdict(changes) or 0)


def _parity(vectors: Path | None, node: Path | None, report: Path | None) -> int:
    from codegen.parity import run
    from codegen.parity.cases import RECORDED, recorded
    from codegen.parity.report import table, wrong

    calls = recorded(vectors or RECORDED)
    results, stale = run.with_recordings(calls) if node is None else run.with_node(node, calls)
    told = table(results, stale)
    print(told)
    if report:
        report.write_text(f"```text\n{told}\n```\n", "utf-8")
    return int(wrong(results, stale))


def _surface(against: str | None) -> int:
    from codegen import surface

    tag = against or surface.last_release()
    if tag is None:
        print("nothing was released yet: nothing to compare with")
        return 0
    lines, enough = surface.judged(tag)
    print("\n".join(lines))
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
