"""`kraty grant`: mint currency, items and crates as one payout."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import Any

from kraty_server.cli import terminal
from kraty_server.cli.confirmation import add_confirmation, confirm, find_target
from kraty_server.cli.connection import checked, connect
from kraty_server.cli.documents import whole_number
from kraty_server.cli.exits import CommandError, Exit
from kraty_server.cli.holdings import add_receipt
from kraty_server_generated.api import grants
from kraty_server_generated.models import (
    CrateEntry,
    CurrencyEntry,
    GrantedRewardEntry,
    GrantKind,
    ItemEntry,
    read_granted_reward_entry,
)


def grant_arguments(parser: ArgumentParser) -> None:
    """Describe `grant`."""
    parser.add_argument("player", metavar="PLAYER", help="your id of the player, who is made if not known")
    add_entries(parser)
    add_receipt(parser)
    parser.add_argument("--kind", choices=[str(kind) for kind in GrantKind], help="a crate has to be opened")
    parser.add_argument("--expires-at", metavar="TIME", help="as in 2027-01-31T00:00:00Z")
    parser.add_argument("--ack", action="store_true", help="claim it for the player at once")
    add_confirmation(parser)
    parser.set_defaults(run=_grant)


def add_entries(parser: ArgumentParser) -> None:
    """Add what is minted."""
    for name, kind in (("currency", CurrencyEntry), ("item", ItemEntry), ("crate", CrateEntry)):
        parser.add_argument(
            f"--{name}",
            dest="entries",
            metavar="KEY=NUMBER",
            type=_entry(kind),
            action="append",
            help=f"as in --{name} {'gold=500' if name == 'currency' else 'sword=1' if name == 'item' else 'box=1'}",
        )


def given_entries(given: Namespace) -> list[GrantedRewardEntry]:
    """What is minted.

    Raises:
        CommandError: nothing is.
    """
    if not given.entries:
        raise CommandError("give at least one --currency, --item or --crate", Exit.USAGE)
    entries: list[GrantedRewardEntry] = given.entries
    return entries


def _entry(kind: Callable[[str, int], GrantedRewardEntry]) -> Callable[[str], GrantedRewardEntry]:
    def entry(text: str) -> GrantedRewardEntry:
        key, equals, count = text.rpartition("=")
        if not equals:
            raise ArgumentTypeError(f"KEY=NUMBER is needed, got {text!r}")
        return kind(key, whole_number(count))

    return entry


def describe_entry(entry: object) -> str:
    """An entry of a grant in a few words."""
    if isinstance(entry, CurrencyEntry):
        return f"{entry.amount:,} {terminal.plain(entry.currency_key)}"
    if isinstance(entry, ItemEntry):
        return f"{entry.quantity:,} {terminal.plain(entry.item_key)}"
    if isinstance(entry, CrateEntry):
        return f"{entry.quantity:,} {terminal.plain(entry.crate_item_key)} (crate)"
    raise TypeError(f"{type(entry).__name__} is no entry that is known here")


def describe_contents(contents: dict[str, Any]) -> str:
    """What is in a grant, in a few words; as JSON where that has a form that is not known here."""
    lists: list[list[Any]] = [value for value in contents.values() if isinstance(value, list)]
    try:
        shown = [describe_entry(read_granted_reward_entry(one)) for entries in lists for one in entries]
    except (AttributeError, LookupError, TypeError, ValueError):  # free form, so it may be anything
        shown = []
    return " + ".join(shown) or terminal.cell(contents)


def _grant(given: Namespace) -> None:
    entries = given_entries(given)
    with connect() as kraty:
        send = checked(
            grants.create,
            kraty.grants.create,
            given.player,
            entries=entries,
            idempotency_key=given.key,
            kind=given.kind,
            expires_at=given.expires_at,
            source_ref_id=given.ref,
        )
        player = terminal.plain(given.player)
        confirm(given, find_target(kraty), f"{player}: +{' + '.join(map(describe_entry, entries))}")
        grant = send()
        if given.ack:
            grant = kraty.grants.ack(given.player, grant.id)
    if given.json:
        terminal.write_json(grant.to_dict())
        return
    grant_id, status = terminal.cells(grant, "id", "status")
    terminal.write(f"{grant_id} for {player} is {status}: {describe_contents(grant.contents)}")
