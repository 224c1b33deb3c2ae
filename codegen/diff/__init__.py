"""What changed between two documents, whom does it break, and which version does it ask for?

A change is judged from the side that it touches. What we send must still be taken, so a request that narrows breaks.
What we are sent must still be readable, so an answer that loses something breaks; one that widens is additive, because
the models keep unknown fields, enum values and union members. Webhooks arrive, so they are answers here.
Names of components and of path parameters are not on the wire: renaming or moving one is no change.
What cannot be judged is a change of its own level, with its place.
"""

from __future__ import annotations

from typing import Any

from codegen.diff.change import Change, Level, next_version, verdict
from codegen.diff.operations import Differ
from codegen.diff.report import as_json, markdown, summary, table

__all__ = ["Change", "Level", "as_json", "diff", "markdown", "next_version", "summary", "table", "verdict"]


def diff(old: Any, new: Any) -> list[Change]:
    """Every change from one document to the other, the worst first, and what cannot be judged before all."""
    return Differ(old, new).run()
