"""`kraty credit`, `debit`, `give`, `revoke`: change what a player holds, once for each key."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import Any

from kraty_server.cli import terminal
from kraty_server.cli.confirmation import add_confirmation, confirm, find_target
from kraty_server.cli.connection import checked, connect
from kraty_server_generated.api import inventory, wallet


def whole_number(text: str) -> int:
    """A whole number; no separators, which mean different things in different countries."""
    if not text.isascii() or not text.isdigit():
        raise ArgumentTypeError(f"a whole number without separators is needed, got {text!r}")
    return int(text)


def add_receipt(parser: ArgumentParser) -> None:
    """Add what names a change for ever."""
    parser.add_argument(
        "--key", required=True, help="your receipt id; the same command with the same key again changes nothing"
    )
    parser.add_argument("--ref", metavar="ID", help="your id for tracing, such as a ticket")


def credit_arguments(parser: ArgumentParser) -> None:
    """Describe `credit`."""
    _arguments(parser, "currency", "amount", _credit)


def debit_arguments(parser: ArgumentParser) -> None:
    """Describe `debit`."""
    _arguments(parser, "currency", "amount", _debit)


def give_arguments(parser: ArgumentParser) -> None:
    """Describe `give`."""
    _arguments(parser, "item", "quantity", _give)


def revoke_arguments(parser: ArgumentParser) -> None:
    """Describe `revoke`."""
    _arguments(parser, "item", "quantity", _revoke)


def _arguments(parser: ArgumentParser, what: str, count: str, run: Callable[[Namespace], None]) -> None:
    parser.add_argument("player", metavar="PLAYER", help="your id of the player")
    parser.add_argument("what", metavar=what.upper(), help=f"key of the {what}")
    parser.add_argument("count", metavar=count.upper(), type=whole_number, help="a whole number from 1 on")
    add_receipt(parser)
    parser.add_argument("--reason", help="tag in the ledger")
    add_confirmation(parser)
    parser.set_defaults(run=run)


def _credit(given: Namespace) -> None:
    with connect() as kraty:
        _change(given, kraty, wallet.credit, kraty.wallet.credit, "amount", "+")


def _debit(given: Namespace) -> None:
    with connect() as kraty:
        _change(given, kraty, wallet.debit, kraty.wallet.debit, "amount", "-")


def _give(given: Namespace) -> None:
    with connect() as kraty:
        _change(given, kraty, inventory.grant, kraty.inventory.grant, "quantity", "+")


def _revoke(given: Namespace) -> None:
    with connect() as kraty:
        _change(given, kraty, inventory.revoke, kraty.inventory.revoke, "quantity", "-")


def _change(
    given: Namespace, kraty: Any, check: Callable[..., object], method: Callable[..., Any], count: str, sign: str
) -> None:
    send = checked(
        check,
        method,
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
