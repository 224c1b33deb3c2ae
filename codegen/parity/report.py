"""What came of a comparison? A table for people, and whether anything is not as reviewed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from codegen.parity.compare import Difference
from codegen.parity.reviewed import EVERYWHERE, Known, Reviewed


@dataclass(frozen=True)
class Result:
    """What became of one case in one flavour, or of one thing of the surface."""

    where: str
    difference: Difference | None
    known: Known | None = None


def judged(where: str, found: Iterable[Difference], reviewed: Reviewed) -> list[Result]:
    """The results of a place. What is known everywhere makes none of it differ."""
    results = [Result(where, one, reviewed.why(one)) for one in found]
    return results if any(not _everywhere(result) for result in results) else [*results, Result(where, None)]


def _everywhere(result: Result) -> bool:
    return result.known is not None and result.known.where == EVERYWHERE


def table(results: list[Result], stale: list[Known]) -> str:
    """What differs, known or not, and a line that counts the rest. What is known everywhere stands once."""
    everywhere: Counter[Known] = Counter()
    lines: list[str] = []
    for result in results:
        if result.difference is None:
            continue
        if result.known is not None and _everywhere(result):
            everywhere[result.known] += 1
        else:
            mark = "DIFFER" if result.known is None else "known "
            lines.append(f"{mark}  {result.where:<34} {result.difference}")
    for known, count in everywhere.items():
        lines.append(
            f"known   {f'everywhere ({count} times)':<34} {known.what}: ours {known.ours}, theirs {known.theirs}"
        )
    lines += [f"STALE   {known.where} {known.what}: listed, but does not occur: {known.reason}" for known in stale]
    same = sum(result.difference is None for result in results)
    bad = sum(result.difference is not None and result.known is None for result in results)
    known_here = len(results) - same - bad - everywhere.total()
    lines.append(f"{same} the same, {known_here + len(everywhere)} known and wanted differences, {bad} others, "
                 f"{len(stale)} stale entries")  # fmt: skip
    return "\n".join(lines)


def wrong(results: list[Result], stale: list[Known]) -> bool:
    """Whether anything is not as reviewed."""
    return bool(stale) or any(result.difference is not None and result.known is None for result in results)
