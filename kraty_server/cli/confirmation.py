"""Is this really meant? Shows environment, game and sum before anything is minted or erased, and asks."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import NamedTuple

from kraty_server.cli import terminal
from kraty_server.cli.exits import CommandError, Exit
from kraty_server.client import KratyServer


class Target(NamedTuple):
    """Whose data a key changes."""

    environment: str
    game: str
    """The id of the game; of the studio, for a key that is made for no single game."""
    single_game: bool = True

    def __str__(self) -> str:
        what = "game" if self.single_game else "all games of studio"
        return f"{self.environment.upper()} · {what} {self.game}"


def find_target(kraty: KratyServer) -> Target:
    """Ask the server whose data the key changes."""
    key = kraty.health.ping().api_key
    environment = terminal.plain(str(key.environment))
    if key.game_id is None:
        return Target(environment, terminal.plain(key.studio_id), single_game=False)
    return Target(environment, terminal.plain(key.game_id))


def total(players: int, amount: int, name: str) -> str:
    """Say a sum: 200,000 players × 500 gold = 100,000,000."""
    return f"{players:,} player{'s' * (players != 1)} × {amount:,} {terminal.plain(name)} = {players * amount:,}"


def add_confirmation(parser: ArgumentParser) -> None:
    """Add the options of what has to be confirmed."""
    parser.add_argument("--yes", action="store_true", help="do not ask; needed where there is no terminal")
    parser.add_argument("--expect", choices=("live", "test"), help="do nothing unless the key is for this environment")


def confirm(given: Namespace, target: Target, action: str, *, final: bool = False) -> None:
    """Show what is about to happen, and ask.

    Args:
        given: the arguments, with those of `add_confirmation`.
        target: whose data it changes.
        action: what happens to whom, with the sum; escaped already.
        final: whether it cannot be undone, as an erasure.

    Raises:
        CommandError: it was not confirmed; nothing was done.
    """
    by_name = final or target.environment != "test"
    terminal.say(f"{target} · {action}", "red" if by_name else "bold")
    if given.expect and given.expect != target.environment:
        raise CommandError(
            f"the key is for {target.environment}, and --expect says {given.expect}; nothing was done", Exit.USAGE
        )
    if given.yes:
        return
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise CommandError("nothing was done: nobody can be asked here. Confirm with --yes", Exit.USAGE)
    sys.stderr.write(f"Type {target.game} to go on: " if by_name else "Go on? [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline().strip()
    if not (answer == target.game if by_name else answer.lower() in ("y", "yes")):
        raise CommandError("not confirmed; nothing was done", Exit.USAGE)
