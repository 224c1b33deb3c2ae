"""Write what tests/README.md derives from the suite itself: python -m tests.readme."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent
README = ROOT / "README.md"


def first_line(path: Path) -> str:
    """The first line of a module's docstring: the promise that it holds, or what it is for."""
    return (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition("\n")[0]


def table(title: str, pattern: str) -> str:
    """The modules that match a pattern, each with its first line, as Markdown."""
    paths = [path for path in sorted(ROOT.glob(pattern)) if path.name != "__init__.py"]
    rows = [f"| {first_line(path)} | `{path.relative_to(ROOT).as_posix()}` |" for path in paths]
    return "\n".join([f"| {title} | file |", "|---|---|", *rows])


def put(text: str, name: str, block: str) -> str:
    """Replace what stands between the marks of a name."""
    put_in, count = re.subn(
        rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", lambda _: f"{block}\n", text, flags=re.DOTALL
    )
    if count != 1:
        sys.exit(f"{README}: no place, or more than one, for {name}")
    return put_in


def derived(text: str) -> str:
    """The README as it should be."""
    return put(put(text, "promises", table("promise", "*/test_*.py")), "servers", table("server", "servers/*.py"))


if __name__ == "__main__":
    README.write_text(derived(README.read_text("utf-8")), "utf-8")
