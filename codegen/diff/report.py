"""How are changes told? To people, in a pull request, and to machines: table, Markdown and JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

from codegen.diff.change import Change, Level, next_version, verdict


def summary(changes: list[Change], version: str) -> str:
    counted = ", ".join(f"{n} {level.name.lower()}" for level in reversed(Level)
                        if (n := sum(change.level is level for change in changes)))  # fmt: skip
    if not counted:
        return "no change"
    if (worst := verdict(changes)) is Level.UNJUDGED:
        return f"{counted}: no verdict, a person has to look"
    return f"{counted}: {version} → {next_version(version, worst)}"


def table(changes: list[Change], version: str) -> str:
    """For people."""
    lines: list[str] = []
    for change in changes:
        more = f" and {len(change.places) - 1} more" * (len(change.places) > 1)
        lines += [
            f"{change.level.name.lower():<14}{change.places[0]}{more}",
            f"{'':<14}{change.kind}: {change.text}",
        ]
        if touched := [*change.methods, *(name for name in change.names if not name.startswith("api."))]:
            lines.append(f"{'':<14}touches {', '.join(touched)}")
    return "\n".join([*lines, summary(changes, version)])


def markdown(changes: list[Change], version: str) -> str:
    """For a pull request."""
    if not changes:
        return "No change.\n"
    rows = [
        f"| {change.level.name.lower()} | {code(change.places)} | {escaped(f'{change.kind}: {change.text}')} "
        f"| {code(change.methods)} | {code(change.names)} |"
        for change in changes
    ]
    head = ["| | where | what | calls | generated |", "|---|---|---|---|---|"]
    return "\n".join([f"**{summary(changes, version)}**", "", *head, *rows, ""])


def code(words: tuple[str, ...]) -> str:
    shown = [f"`{escaped(word)}`" for word in words[:4]] + [f"and {len(words) - 4} more"] * (len(words) > 4)
    return "<br>".join(shown)


def escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def as_json(changes: list[Change], version: str) -> str:
    """For machines."""
    worst = verdict(changes)
    return json.dumps(
        {
            "verdict": "none" if worst is None else worst.name.lower(),
            "version": {"from": version, "to": next_version(version, worst)},
            "changes": [asdict(change) | {"level": change.level.name.lower()} for change in changes],
        },
        ensure_ascii=False,
        indent=1,
    )
