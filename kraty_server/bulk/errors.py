"""Why can a job not run, or not go on?"""

from __future__ import annotations


class JobError(Exception):
    """A job cannot be run, or not to its end: its source, its journal or its executor does not allow it.

    What was sent is in the journal: mend the cause and run the same job again.
    """


class SourceError(JobError):
    """The rows cannot be read."""


class JournalError(JobError):
    """The journal cannot be opened or written, or belongs to something else."""
