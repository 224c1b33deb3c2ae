"""Write the score of `make mutants` into tests/README.md: python -m tests.mutants."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests import readme

ROOT = Path(__file__).parent.parent
SURVIVED, UNSEEN = 0, 33
"""mutmut's exit codes: no test failed, and no test runs the line. Every other one is a mutant that was seen."""


def results() -> Iterator[tuple[str, Counter[int]]]:
    """Each module, and how often its mutants ended with which exit code."""
    for path in sorted((ROOT / "mutants").rglob("*.py.meta")):
        codes = json.loads(path.read_text("utf-8"))["exit_code_by_key"].values()
        if None in codes:
            print(f"{path.stem}: not all of its mutants were tried, so it has no score", file=sys.stderr)
        elif codes:
            yield str(path.relative_to(ROOT / "mutants")).removesuffix(".meta"), Counter(codes)


def table(found: dict[str, Counter[int]]) -> str:
    """The score as Markdown."""
    lines = ["| module | mutants | seen | score |", "|---|---|---|---|"]
    for name, codes in (*found.items(), ("all", sum(found.values(), Counter[int]()))):
        mutants = codes.total()
        seen = mutants - codes[SURVIVED] - codes[UNSEEN]
        lines.append(f"| {name if name == 'all' else f'`{name}`'} | {mutants} | {seen} | {seen / mutants:.0%} |")
    return "\n".join(lines)


def main() -> None:
    """Write it."""
    found = dict(results())
    if not found:
        sys.exit("there are no mutants here: run `make mutants`")
    readme.README.write_text(readme.put(readme.README.read_text("utf-8"), "mutants", table(found)), "utf-8")
    print(table(found))


if __name__ == "__main__":
    main()
