"""`kraty import`, `make-good`, `take-back`, `erase-list`, `export-list`, `snapshot`: a job over the rows of a file."""

from __future__ import annotations

import shlex
import shutil
import sys
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction, Namespace
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from kraty_server import bulk
from kraty_server.bulk.actions import PLAYER, wire_name
from kraty_server.bulk.job import IN_FLIGHT
from kraty_server.bulk.progress import duration
from kraty_server.cli import terminal
from kraty_server.cli.commands import CommandParser
from kraty_server.cli.confirmation import add_confirmation, confirm, find_target, total
from kraty_server.cli.connection import connect, hide_log, usage_errors
from kraty_server.cli.documents import whole_number
from kraty_server.cli.exits import CommandError, Exit
from kraty_server.cli.grant import add_entries, describe_entry, given_entries
from kraty_server.cli.journals import add_journal, explained, journal_of, write_report
from kraty_server_generated.models import CurrencyEntry, DeleteReason, GrantedRewardEntry, ItemEntry

SHOWN: Final = 5
"""Problems, and currencies of a sum, that are shown before somebody is asked."""

Describe = Callable[[bulk.Check], str]


def import_arguments(parser: CommandParser) -> None:
    """Describe `import`."""
    players = partial(_import_arguments, bulk.import_players(), lambda check: f"import {_count(check, 'player')}")
    wallet = partial(_import_arguments, bulk.import_wallet(), partial(_sums, "import", "+"))
    inventory = partial(_import_arguments, bulk.import_inventory(), partial(_sums, "import", "+"))
    parser.add_commands(
        [
            ("players", "import players: externalPlayerId, contextSnapshot", players),
            ("wallet", "import balances: externalPlayerId, economyKey, amount, reason", wallet),
            ("inventory", "import items: externalPlayerId, itemKey, quantity, parameters, reason", inventory),
        ]
    )


def _import_arguments(action: bulk.Action, describe: Describe, parser: ArgumentParser) -> None:
    _add_rows(parser)
    add_confirmation(parser)
    parser.set_defaults(run=partial(_change, action, describe))


def make_good_arguments(parser: ArgumentParser) -> None:
    """Describe `make-good`."""
    _add_rows(parser)
    add_entries(parser)
    parser.add_argument(
        "--ack",
        action=BooleanOptionalAction,
        default=True,
        help="claim it for the players at once, as is usual; with --no-ack it waits until they do, or expires",
    )
    add_confirmation(parser)
    parser.set_defaults(run=_make_good)


def _make_good(given: Namespace) -> Exit:
    entries = given_entries(given)
    with usage_errors():
        action = bulk.grant(entries, ack=given.ack)
        action.build([{PLAYER: "any", **action.constants, **dict.fromkeys(action.key_arguments, "any")}])
    waits = "" if given.ack else ", to be claimed by the players"
    return _change(action, lambda check: " + ".join(_entry_total(check, entry) for entry in entries) + waits, given)


def _entry_total(check: bulk.Check, entry: GrantedRewardEntry) -> str:
    if isinstance(entry, CurrencyEntry):
        return total(check.new, entry.amount, entry.currency_key)
    if isinstance(entry, ItemEntry):
        return total(check.new, entry.quantity, entry.item_key)
    return f"{_count(check, 'player')} × {describe_entry(entry)}"


def take_back_arguments(parser: ArgumentParser) -> None:
    """Describe `take-back`."""
    _add_rows(parser)
    parser.add_argument(
        "--items", action="store_true", help="take items (itemKey, quantity) instead of currency (economyKey, amount)"
    )
    add_confirmation(parser)
    parser.set_defaults(run=_take_back)


def _take_back(given: Namespace) -> Exit:
    return _change(bulk.revoke() if given.items else bulk.debit(), partial(_sums, "take back", "-"), given)


def erase_list_arguments(parser: ArgumentParser) -> None:
    """Describe `erase-list`."""
    _add_rows(parser)
    parser.add_argument("--reason", choices=[str(reason) for reason in DeleteReason], help="why, for the audit log")
    add_confirmation(parser)
    parser.set_defaults(run=_erase_list)


def _erase_list(given: Namespace) -> Exit:
    erase = bulk.erase(reason=given.reason)
    return _change(erase, lambda check: f"erase {_count(check, 'player')}, for good", given, final=True)


def export_list_arguments(parser: ArgumentParser) -> None:
    """Describe `export-list`."""
    _add_results(parser, bulk.export())


def snapshot_arguments(parser: ArgumentParser) -> None:
    """Describe `snapshot`."""
    _add_results(parser, bulk.snapshot())


def _add_results(parser: ArgumentParser, action: bulk.Action) -> None:
    _add_rows(parser)
    parser.add_argument("--to", required=True, metavar="FOLDER", help="where what is read is written")
    parser.add_argument("--format", choices=("jsonl", "parquet"), default="jsonl", help="of the files (default: jsonl)")
    parser.set_defaults(run=partial(_read, action))


def _add_rows(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="ends in .csv, .jsonl or .parquet; - for CSV on standard input")
    parser.add_argument(
        "--job", required=True, metavar="NAME", help="the name of this one purpose; the same name again goes on"
    )
    parser.add_argument(
        "--map", metavar="FIELD=COLUMN", type=_pair, action="append", help="the column that holds a field"
    )
    parser.add_argument(
        "--set", metavar="FIELD=VALUE", type=_pair, action="append", help="a field that is the same for all rows"
    )
    parser.add_argument(
        "--key-columns",
        metavar="A,B",
        type=lambda text: text.split(","),
        help="the columns that tell rows apart, where a player stands in several rows",
    )
    parser.add_argument("--dry-run", action="store_true", help="check the whole file, and send nothing")
    parser.add_argument("--rate", type=float, help="requests a second, at most")
    parser.add_argument(
        "--in-flight",
        metavar="N",
        type=whole_number,
        default=IN_FLIGHT,
        help=f"chunks under way at once, at most (default: {IN_FLIGHT})",
    )
    parser.add_argument(
        "--max-failures", metavar="N", type=whole_number, help="stop when more rows than this are refused"
    )
    parser.add_argument("--dask", metavar="ADDRESS", help="let the workers of a Dask cluster send, as tcp://host:8786")
    add_journal(parser)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ArgumentTypeError(f"FIELD=... is needed, got {text!r}")
    return name, value


def _count(check: bulk.Check, what: str) -> str:
    return f"{check.new:,} {what}{'s' * (check.new != 1)}"


def _sums(verb: str, sign: str, check: bulk.Check) -> str:
    """Say what rows add up to, the most first."""
    sums = sorted(check.sums.items(), key=lambda one: -one[1])
    shown = [f"{sign}{amount:,} {terminal.plain(what)}" for what, amount in sums[:SHOWN]]
    if len(sums) > SHOWN:
        shown.append(f"{len(sums) - SHOWN:,} more")
    return f"{verb} {', '.join(shown) or 'nothing more'}, in {_count(check, 'row')}"


def _with_constants(action: bulk.Action, pairs: list[tuple[str, str]]) -> bulk.Action:
    """Let fields be the same for all rows, instead of read from a column."""
    left, constants = dict(action.columns), dict(action.constants)
    named = {wire_name(name): name for name in left if name != action.natural[0]}
    for name, value in pairs:
        argument = named.get(name)
        if argument not in left:
            fields = ", ".join(named) or "none"
            raise CommandError(f"--set: {name!r} cannot be set here, or twice; these can: {fields}", Exit.USAGE)
        try:
            constants[argument] = left.pop(argument)(value)
        except ValueError as error:
            raise CommandError(f"--set {name}: {error}", Exit.USAGE) from None
    return replace(action, columns=left, constants=constants)


@contextmanager
def _job(given: Namespace, action: bulk.Action) -> Generator[bulk.Job]:
    """The job, over a file that can be read twice: standard input is kept in one until the command ends."""
    with ExitStack() as stack:
        source = given.file
        if source == "-":
            source = Path(stack.enter_context(TemporaryDirectory())) / "standard-input.csv"
            if sys.stdin is None:
                raise CommandError("-: stdin is closed", Exit.USAGE)
            with source.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        with usage_errors():
            job = bulk.Job(
                given.job,
                _with_constants(action, given.set or []),
                source,
                columns=dict(given.map or ()),
                key=given.key_columns,
                journal=journal_of(given.job, given),
                shard=given.shard,
                results=getattr(given, "to", None),
                results_format=getattr(given, "format", "jsonl"),
            )
        yield job


def _checked(job: bulk.Job, given: Namespace) -> bulk.Check:
    for name, value in (("rate", given.rate), ("in-flight", given.in_flight)):
        if value is not None and not value > 0:
            raise CommandError(f"--{name}: more than 0 is needed, got {value}", Exit.USAGE)
    with usage_errors():
        return job.check(rate=given.rate)


def _change(action: bulk.Action, describe: Describe, given: Namespace, *, final: bool = False) -> Exit:
    """Check the file, say what would happen, ask, and do it."""
    return _carry_out(
        action, given, lambda kraty, check: confirm(given, find_target(kraty), describe(check), final=final)
    )


def _read(action: bulk.Action, given: Namespace) -> Exit:
    return _carry_out(action, given, lambda _kraty, _check: None)


def _carry_out(action: bulk.Action, given: Namespace, ask: Callable[[Any, bulk.Check], None]) -> Exit:
    with _job(given, action) as job, explained():
        if given.dry_run:
            check = _checked(job, given)
            _write_check(given, check)
            return Exit.DONE if check.ok else Exit.ROWS
        with connect() as kraty, ExitStack() as stack:
            terminal.say(f"checking {terminal.plain(given.file)}", "dim")
            check = _checked(job, given)
            for line in _findings(check):
                terminal.say(line)
            if check.new or check.unknown:
                ask(kraty, check)
            executor = stack.enter_context(_dask(given.dask)).get_executor() if given.dask else None
            report = _run(job, given, kraty, executor)
    return _show(job, given, report)


def _run(job: bulk.Job, given: Namespace, kraty: Any, executor: Any) -> bulk.Report:
    try:
        with bulk.ProgressLine(sys.stderr) as shown, hide_log():
            return job.run(
                client=kraty,
                executor=executor,
                on_progress=shown,
                rate=given.rate,
                in_flight=given.in_flight,
                max_failures=given.max_failures,
            )
    except KeyboardInterrupt as interrupt:
        interrupt.add_note("Run the same command again: it goes on where this run was, and does no row twice.")
        interrupt.add_note(
            f"What was sent is in {job.journal}; `kraty job status {_named(job, given)}` shows the totals."
        )
        raise


def _named(job: bulk.Job, given: Namespace) -> str:
    """What `kraty job` needs to find it."""
    moved = given.journal or given.shard
    return terminal.plain(f"{job.name} --journal {shlex.quote(str(job.journal))}" if moved else job.name)


def _dask(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise CommandError("--dask needs: pip install 'kraty-server[dask]'", Exit.USAGE) from None
    try:
        make: Callable[[str], Any] = Client
        return make(address)
    except (OSError, ValueError) as error:
        raise CommandError(f"--dask {address}: {error}; nothing was done") from None


def _findings(check: bulk.Check) -> Iterator[str]:
    """Say what a check found."""
    counts = (
        (check.new, "to send"),
        (check.unknown, "sent before, without an answer"),
        (check.known, "done before"),
        (check.invalid, "invalid"),
        (check.changed, "changed since they were sent"),
        (check.duplicates, "double"),
        (check.elsewhere, "of another shard"),
    )
    yield ", ".join([f"{check.rows:,} rows", *(f"{count:,} {what}" for count, what in counts if count)])
    for problem in check.problems[:SHOWN]:
        yield f"  row {problem.row:,}: {terminal.plain(problem.reason)}"
    if (more := check.invalid + check.changed + check.duplicates - SHOWN) > 0:
        yield f"  and {more:,} more"
    if check.calls:
        yield f"{check.calls:,} calls{'' if check.seconds is None else f', about {duration(check.seconds)}'}"


def _write_check(given: Namespace, check: bulk.Check) -> None:
    if given.json:
        terminal.write_json(check.as_json())
        return
    for line in _findings(check):
        terminal.write(line)
    terminal.say("nothing was sent")


def _show(job: bulk.Job, given: Namespace, report: bulk.Report) -> Exit:
    """Write what a run came to."""
    if given.json:
        terminal.write_json(report.as_json())
    else:
        write_report(job.name, report.as_json())
    for note in report.notes:
        terminal.say(terminal.plain(note), "dim")
    if report.stopped is not None:
        terminal.say(f"it stopped before its end: {terminal.plain(report.stopped)}", "red")
        terminal.say("Fix the cause and run the same command again: it goes on where this run was.")
    if report.failed + report.invalid + report.changed + report.unknown:
        terminal.say(
            f"`kraty job failures {_named(job, given)} > failed.csv` gives the rows that were not done, and why."
        )
        terminal.say("Correct that file and run it under the same job.")
    if report.key_refused:
        return Exit.KEY_REFUSED
    if report.stopped is not None:
        return Exit.ERROR
    return Exit.DONE if report.ok else Exit.ROWS
