"""Which commands are there? A table; the module of a command is imported when that command is run."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module

from kraty_server._version import __version__
from kraty_server.cli import terminal

TYPE_CHECKING = False  # `typing` takes longer to import than `kraty --help` takes to show
if TYPE_CHECKING:
    from typing import Any, Final, NoReturn
else:  # so that annotations can be read at run time, too
    Any = NoReturn = object

COMMANDS: Final = (
    ("ping", "ping", "ask who the key belongs to"),
    ("doctor", "doctor", "find out why it does not work: key, host, clock, proxies"),
    ("player", "player", "show, export, ban, unban, merge or erase a player"),
    ("grant", "grant", "mint currency, items and crates as one payout"),
    ("credit", "holdings", "add to a balance"),
    ("debit", "holdings", "take from a balance"),
    ("give", "holdings", "give items to a player"),
    ("revoke", "holdings", "take items from a player"),
    ("import", "rows", "import players, balances or items from a file"),
    ("make-good", "rows", "mint the same for every player of a file"),
    ("take-back", "rows", "take currency or items from the players of a file"),
    ("erase-list", "rows", "erase the players of a file for good"),
    ("export-list", "rows", "export all that is stored of the players of a file"),
    ("snapshot", "rows", "read balances and items of the players of a file"),
    ("job", "job", "look at what became of an import, a make-good and the like"),
    ("request", "request", "call a route that is newer than this version"),
    ("emulator", "emulator", "run a Kraty on this machine, for tests"),
    ("listen", "listen", "receive webhooks, verify them, and pass them on to your service"),
    ("webhook", "webhook", "verify, sign, send or replay webhooks"),
    ("completion", "completion", "print a completion script for bash, zsh or fish"),
)
"""Name, module, summary. The module has a function `NAME_arguments` that describes the command."""

EPILOG: Final = """\
The key comes from KRATY_SERVER_KEY, or from the file KRATY_SERVER_KEY_FILE.
`kraty COMMAND --help` says more about a command.

exit codes: 0 done, 1 error, 2 wrong usage or not confirmed, 3 some rows failed,
            4 key refused, 130 interrupted
"""


class CommandParser(argparse.ArgumentParser):
    """A parser that is described when it is first needed."""

    def __init__(self, *, build: Callable[[CommandParser], None] | None = None, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.commands: dict[str, CommandParser] = {}
        self.summaries: dict[str, str] = {}
        self._build = build

    def describe(self) -> None:
        """Add the arguments."""
        build, self._build = self._build, None
        if build is not None:
            build(self)
            if not self.commands:
                self.add_argument("--json", action="store_true", help="print JSON, for programs")

    def add_commands(self, commands: Sequence[tuple[str, str, Callable[[CommandParser], None]]]) -> None:
        """Add commands below this one: name, summary, and what describes each."""
        self.usage: str | None = "%(prog)s [-h] COMMAND ..."
        longest = max(len(name) for name, _, _ in commands)
        listed = "\n".join(f"{name:{longest}}  {summary}" for name, summary, _ in commands)
        # Listed here, since argparse's own list breaks the lines of its longest names.
        below = self.add_subparsers(
            title="commands", description=listed, metavar="COMMAND", required=True, help=argparse.SUPPRESS
        )
        for name, summary, build in commands:
            # The name of the program is given, else argparse would write a usage that nobody asked for.
            self.commands[name] = below.add_parser(
                name, prog=f"{self.prog} {name}", description=_sentence(summary), build=build
            )
            self.summaries[name] = summary

    def positionals(self) -> list[argparse.Action]:
        """The arguments that have no name."""
        return list(self._get_positional_actions())

    def optionals(self) -> list[argparse.Action]:
        """The options."""
        return list(self._get_optional_actions())

    def parse_known_args(self, *given: Any, **options: Any) -> Any:
        """Parse, after the arguments were added."""
        self.describe()
        return super().parse_known_args(*given, **options)

    def error(self, message: str) -> NoReturn:
        """End with 2, and show nothing that a terminal would obey."""
        terminal.say(f"{self.format_usage()}{self.prog}: {terminal.plain(message)}")
        self.exit(2)


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."


def _loader(name: str, module: str) -> Callable[[CommandParser], None]:
    def load(parser: CommandParser) -> None:
        describe = getattr(import_module(f"kraty_server.cli.{module}"), f"{name.replace('-', '_')}_arguments")
        describe(parser)

    return load


def make_parser() -> CommandParser:
    """The parser of the whole command line."""
    parser = CommandParser(
        prog="kraty", description="Kraty from the terminal: players, wallets, items, webhooks.", epilog=EPILOG
    )
    parser.add_argument("--version", action="version", version=f"kraty-server {__version__}")
    parser.add_commands([(name, summary, _loader(name, module)) for name, module, summary in COMMANDS])
    return parser
