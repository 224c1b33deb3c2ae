"""`kraty credit`, `debit`, `give`, `revoke`: change what a player holds, once for each key."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from kraty_server.cli import terminal
from kraty_server.cli.confirmation import add_confirmation, confirm, find_target
from kraty_server.cli.connection import checked, connect
from kraty_server.cli.documents import whole_number
from kraty_server.client import KratyServer
from kraty_server_generated.api import inventory, wallet

MethodOf: TypeAlias = Callable[[KratyServer], Callable[..., Any]]
"""Gives the method of a client that makes the change."""


def add_receipt(parser: ArgumentParser) -> None:
    """Add what names a change for ever."""
    parser.add_argument(
        "--key", required=True, help="your receipt id; the same command with the same key again changes nothing"
    )
    parser.add_argument("--ref", metavar="ID", help="your id for tracing, such as a ticket")


def credit_arguments(parser: ArgumentParser) -> None:
    """Describe `credit`."""
    _arguments(parser, "currency", "amount", wallet.credit, lambda kraty: kraty.wallet.credit, "+")


def debit_arguments(parser: ArgumentParser) -> None:
    """Describe `debit`."""
    _arguments(parser, "currency", "amount", wallet.debit, lambda kraty: kraty.wallet.debit, "-")


def give_arguments(parser: ArgumentParser) -> None:
    """Describe `give`."""
    _arguments(parser, "item", "quantity", inventory.grant, lambda kraty: kraty.inventory.grant, "+")


def revoke_arguments(parser: ArgumentParser) -> None:
    """Describe `revoke`."""
    _arguments(parser, "item", "quantity", inventory.revoke, lambda kraty: kraty.inventory.revoke, "-")


def _arguments(
    parser: ArgumentParser, what: str, count: str, check: Callable[..., object], method_of: MethodOf, sign: str
) -> None:
    parser.add_argument("player", metavar="PLAYER", help="your id of the player")
    parser.add_argument("what", metavar=what.upper(), help=f"key of the {what}")
    parser.add_argument("count", metavar=count.upper(), type=whole_number, help="a whole number from 1 on")
    add_receipt(parser)
    parser.add_argument("--reason", help="tag in the ledger")
    add_confirmation(parser)
    parser.set_defaults(run=partial(_change, check, method_of, count, sign))


def _change(check: Callable[..., object], method_of: MethodOf, count: str, sign: str, given: Namespace) -> None:
    with connect() as kraty:
        send = checked(
            check,
            method_of(kraty),
            given.player,
            given.what,
            reason=given.reason,
            source_ref_id=given.ref,
            idempotency_key=given.key,
            **{count: given.count},
        )
        player, what = terminal.plain(given.player), terminal.plain(given.what)
        confirm(given, find_target(kraty), f"{player}: {sign}{given.count:,} {what}")
        result = send()
    if given.json:
        terminal.write_json(result.to_dict())
        return
    (now,) = terminal.cells(result, "balance" if count == "amount" else "quantity")
    if result.applied:
        terminal.write(f"{player} has {now} {what} now")
    else:
        terminal.write(f"{player} has {now} {what}; this key was used before, so nothing was changed")
