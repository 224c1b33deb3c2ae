"""`kraty job`: what became of the rows of a file, and what to do about those that were not done."""

from __future__ import annotations

import csv
import io
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial

from kraty_server.bulk.journal import Failure, Journal, write_csv
from kraty_server.cli import terminal
from kraty_server.cli.commands import CommandParser
from kraty_server.cli.documents import read_bytes
from kraty_server.cli.exits import CommandError, Exit
from kraty_server.cli.journals import add_journal, explained, journal_of, write_report

KEY_COLUMN = "idempotency_key"


def job_arguments(parser: CommandParser) -> None:
    """Describe `job`."""
    parser.add_commands(
        [
            ("status", "show what a job came to", partial(_job_arguments, _status)),
            (
                "failures",
                "print the rows of its last run that were not done, as CSV",
                partial(_job_arguments, _failures),
            ),
            (
                "unknown",
                "print the rows of its last run that have no answer, as CSV",
                partial(_job_arguments, _unknown),
            ),
            ("resolve", "say what became of rows without an answer", _resolve_arguments),
        ]
    )


def _job_arguments(run: Callable[[Namespace], None], parser: ArgumentParser) -> None:
    parser.add_argument("job", metavar="NAME", help="the name that the job was given")
    add_journal(parser)
    parser.set_defaults(run=run)


@contextmanager
def _opened(given: Namespace) -> Generator[Journal]:
    path = journal_of(given.job, given)
    if not path.exists():
        raise CommandError(f"{path}: there is no journal; is this the folder that the job ran in?")
    with explained():
        journal = Journal(path, {"job": given.job})
        try:
            yield journal
        finally:
            journal.close()


def _status(given: Namespace) -> None:
    with _opened(given) as journal:
        settled, unsettled = journal.load()
        report, facts = journal.last_report(), journal.facts()
    if given.json:
        terminal.write_json({"facts": facts, "done": len(settled), "unknown": len(unsettled), "last_run": report})
        return
    terminal.heading(terminal.plain(given.job))
    names = ("action", "environment", "game")
    terminal.fields(
        [
            *((name, terminal.cell(facts.get(name))) for name in names),
            ("rows done", terminal.cell(len(settled))),
            ("rows without an answer", terminal.cell(len(unsettled))),
        ]
    )
    terminal.write("")
    if report is None:
        terminal.heading("No run came to its end: run the same command again")
        return
    write_report("Last run that came to its end", report)
    if report["stopped"]:
        terminal.say(f"it stopped: {terminal.plain(report['stopped'])}", "red")


def _failures(given: Namespace) -> None:
    with _opened(given) as journal:
        _write(given, journal.failures)


def _unknown(given: Namespace) -> None:
    with _opened(given) as journal:

        def unknown() -> Iterator[Failure]:
            for one in journal.failures():
                if one.code == "unknown":
                    yield Failure(one.key, one.code, one.message, {KEY_COLUMN: one.key, **one.row})

        _write(given, unknown)


class _Output:
    """Standard output, as a file for csv: each line as it is, except that no terminal obeys it."""

    def write(self, text: str) -> int:
        line = text.removesuffix("\r\n")
        terminal.write(terminal.plain(line) if sys.stdout.isatty() else line)
        return len(text)


def _write(given: Namespace, read: Callable[[], Iterable[Failure]]) -> None:
    if given.json:
        terminal.write_json([asdict(failure) for failure in read()])
    else:
        write_csv(read, _Output())


def _resolve_arguments(parser: ArgumentParser) -> None:
    _job_arguments(_resolve, parser)
    word = parser.add_mutually_exclusive_group(required=True)
    word.add_argument(
        "--applied", metavar="FILE", help="rows of `job unknown` that took effect: the ledger has their keys"
    )
    word.add_argument(
        "--not-applied", metavar="FILE", help="those that did not: the next run sends them; - for standard input"
    )


def _resolve(given: Namespace) -> None:
    keys = _read_keys(given.applied or given.not_applied)
    with _opened(given) as journal:
        settled = journal.resolve(keys, applied=given.applied is not None)
    if given.json:
        terminal.write_json({"keys": len(keys), "resolved": settled})
    else:
        terminal.write(f"{settled:,} of {len(keys):,} rows were without an answer, and are resolved")


def _read_keys(path: str) -> list[str]:
    try:
        rows = list(csv.DictReader(io.StringIO(read_bytes(path).decode("utf-8-sig"), newline="")))
    except (csv.Error, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: no CSV: {error}", Exit.USAGE) from None
    keys = [row.get(KEY_COLUMN) or "" for row in rows]
    if not all(keys):
        raise CommandError(f"{path}: a column {KEY_COLUMN} is needed, as `kraty job unknown` prints it", Exit.USAGE)
    return keys
