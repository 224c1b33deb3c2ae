"""Why can a job not run, or not go on?"""

from __future__ import annotations

from collections.abc import Sequence


class JobError(Exception):
    """A job cannot be run, or not to its end: its source, its journal or its executor does not allow it.

    What was sent is in the journal: fix the cause and run the same job again.
    """


class SourceError(JobError):
    """The rows cannot be read."""


class MissingColumnError(SourceError):
    """There is no such column.

    Args:
        column: the one that was looked for.
        field: what it would hold.
        found: the columns that there are.
    """

    def __init__(self, column: str, field: str, found: Sequence[str]) -> None:
        self.field = field
        self.reason: str = f"no column {column!r}; there are {', '.join(map(repr, found))}"
        super().__init__(f"{self.reason}. Name yours: columns={{{field!r}: ...}}")


class JournalError(JobError):
    """The journal cannot be opened or written, or belongs to something else."""
