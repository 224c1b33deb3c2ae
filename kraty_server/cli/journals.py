"""Which job is it, where does its journal lie, and what did it come to? Names, shards, totals."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from kraty_server.bulk.errors import JobError, MissingColumnError, SourceError
from kraty_server.bulk.journal import journal_path
from kraty_server.bulk.progress import duration
from kraty_server.cli import terminal
from kraty_server.cli.exits import CommandError, Exit

TOTALS: Final = (
    ("applied", "done"),
    ("replayed", "done, as the server knew already"),
    ("known", "done by a former run"),
    ("failed", "refused"),
    ("invalid", "invalid"),
    ("changed", "changed since they were sent"),
    ("unknown", "without an answer"),
    ("forgotten", "without an answer, and not in the file"),
    ("unsent", "not sent"),
    ("duplicates", "double"),
    ("elsewhere", "of another shard"),
)
"""Totals of a report, and what people read."""


def add_journal(parser: ArgumentParser) -> None:
    """Add what says where the journal lies."""
    parser.add_argument(
        "--shard", metavar="I/N", type=_shard, help="the I-th (from 0) of N parts, each with its own journal"
    )
    parser.add_argument(
        "--journal", metavar="FILE", help="where the journal lies (default: NAME.kraty-job, in the current folder)"
    )


def _shard(text: str) -> tuple[int, int]:
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise ArgumentTypeError(f"I/N with I from 0 to N - 1 is needed, as in 0/4, got {text!r}")
    return int(index), int(count)


def journal_of(job: str, given: Namespace) -> Path:
    """The journal of a job."""
    return Path(given.journal) if given.journal else journal_path(job, given.shard)


@contextmanager
def explained() -> Generator[None]:
    """Let what a job cannot do end the command with a message."""
    try:
        yield
    except MissingColumnError as error:
        raise CommandError(f"{error.reason}. Name yours: --map {error.field}=COLUMN", Exit.USAGE) from None
    except SourceError as error:
        raise CommandError(str(error), Exit.USAGE) from None
    except JobError as error:
        raise CommandError(str(error)) from None


def write_report(job: str, report: Mapping[str, Any]) -> None:
    """Write the totals of a run, without those that are nothing."""
    terminal.heading(job)
    shown = [(label, terminal.cell(report[name])) for name, label in TOTALS if report[name]]
    terminal.fields(
        [
            ("rows", terminal.cell(report["rows"])),
            *shown,
            ("calls", terminal.cell(report["calls"])),
            ("time", duration(report["seconds"])),
        ]
    )
