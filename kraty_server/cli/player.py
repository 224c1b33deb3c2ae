"""`kraty player`: what support does for one player."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from typing import Final, cast

from kraty_server.cli import terminal
from kraty_server.cli.commands import CommandParser
from kraty_server.cli.confirmation import add_confirmation, confirm, find_target
from kraty_server.cli.connection import checked, connect
from kraty_server.cli.grant import describe_contents
from kraty_server_generated.api import players
from kraty_server_generated.models import DeleteReason, Grant, PlayerSnapshot

EXPORT_LIMIT: Final = 1000
"""Rows at which each list of an export ends, without a sign of it."""


def player_arguments(parser: CommandParser) -> None:
    """Describe `player`."""
    parser.add_commands(
        [
            ("show", "show balances, items and recent grants", partial(_player_arguments, _show)),
            (
                "export",
                "print all that is stored of a player, as JSON (GDPR, article 15)",
                partial(_player_arguments, _export),
            ),
            ("ban", "ban a player from what game clients write", _ban_arguments),
            ("unban", "lift a ban", partial(_player_arguments, _unban)),
            ("erase", "erase a player's personal data for good (GDPR, article 17)", _erase_arguments),
            ("merge", "move everything of one player to another, for good", _merge_arguments),
        ]
    )


def _player_arguments(run: Callable[[Namespace], None], parser: ArgumentParser) -> None:
    parser.add_argument("player", metavar="ID", help="your id of the player")
    parser.set_defaults(run=run)


def _show(given: Namespace) -> None:
    with connect() as kraty:
        snapshot = checked(players.get, kraty.players.get, given.player)()
    if given.json:
        terminal.write_json(snapshot.to_dict())
    else:
        _write_snapshot(snapshot)


def _write_snapshot(snapshot: PlayerSnapshot) -> None:
    player = snapshot.player
    terminal.heading(terminal.cell(player.external_player_id))
    names = ("Kraty's id", "game", "first seen (UTC)", "changed (UTC)")
    terminal.fields(list(zip(names, terminal.cells(player, "id", "game_id", "created_at", "updated_at"), strict=True)))
    _write_list(
        "Balances",
        ("currency", "balance", "changed (UTC)"),
        [terminal.cells(one, "economy_key", "balance", "updated_at") for one in snapshot.wallet],
        numbers=(1,),
    )
    _write_list(
        "Items",
        ("item", "quantity", "changed (UTC)"),
        [terminal.cells(one, "item_key", "quantity", "updated_at") for one in snapshot.inventory],
        numbers=(1,),
    )
    _write_list(
        "Recent grants", ("made (UTC)", "status", "contents", "grant"), list(map(_grant, snapshot.recent_grants))
    )


def _grant(grant: Grant) -> list[str]:
    made, status, grant_id = terminal.cells(grant, "created_at", "status", "id")
    return [made, status, describe_contents(grant.contents), grant_id]


def _write_list(title: str, head: tuple[str, ...], rows: list[list[str]], *, numbers: tuple[int, ...] = ()) -> None:
    terminal.write("")
    terminal.heading(f"{title}: none" if not rows else title)
    if rows:
        terminal.table(head, rows, numbers=numbers)


def _export(given: Namespace) -> None:
    with connect() as kraty:
        export = checked(players.export, kraty.players.export, given.player)()
    stored = export.to_dict()
    terminal.write_json(stored)
    for name, rows in stored.items():
        if isinstance(rows, list) and len(cast("list[object]", rows)) >= EXPORT_LIMIT:
            terminal.say(f"{name} has {EXPORT_LIMIT:,} rows, where the API ends each list: there may be more", "red")


def _ban_arguments(parser: ArgumentParser) -> None:
    _player_arguments(_ban, parser)
    parser.add_argument("--reason", required=True, help="shown to your team, and in the webhook")


def _ban(given: Namespace) -> None:
    with connect() as kraty:
        result = checked(players.ban, kraty.players.ban, given.player, reason=given.reason)()
    if given.json:
        terminal.write_json(result.to_dict())
        return
    player, since, reason = terminal.cells(result, "external_player_id", "banned_at", "reason")
    before = "" if result.applied else "; the ban was there before, the reason is new"
    terminal.write(f"{player} is banned since {since} UTC: {reason}{before}")


def _unban(given: Namespace) -> None:
    with connect() as kraty:
        result = checked(players.unban, kraty.players.unban, given.player)()
    if given.json:
        terminal.write_json(result.to_dict())
        return
    (player,) = terminal.cells(result, "external_player_id")
    terminal.write(f"{player} is no longer banned" if result.applied else f"{player} was not banned")


def _erase_arguments(parser: ArgumentParser) -> None:
    _player_arguments(_erase, parser)
    parser.add_argument("--reason", choices=[str(reason) for reason in DeleteReason], help="why, for the audit log")
    add_confirmation(parser)


def _erase(given: Namespace) -> None:
    with connect() as kraty:
        send = checked(players.delete, kraty.players.delete, given.player, reason=given.reason)
        player = terminal.plain(given.player)
        confirm(given, find_target(kraty), f"erase {player}, for good", final=True)
        result = send()
    if given.json:
        terminal.write_json(result.to_dict())
        return
    terminal.write(f"{player}: {terminal.cell(result.status)}")
    names = ("erased (UTC)", "stands in the ledgers as", "attempts made anonymous", "lobbies made anonymous")
    values = terminal.cells(result, "deleted_at", "anonymized_external_id", "attempts_anonymized", "lobbies_anonymized")
    terminal.fields(list(zip(names, values, strict=True)))


def _merge_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="FROM", help="your id of the player who goes")
    parser.add_argument("target", metavar="TO", help="your id of the player who stays")
    add_confirmation(parser)
    parser.set_defaults(run=_merge)


def _merge(given: Namespace) -> None:
    with connect() as kraty:
        send = checked(players.merge, kraty.players.merge, given.source, given.target)
        source, target = terminal.plain(given.source), terminal.plain(given.target)
        confirm(given, find_target(kraty), f"move everything of {source} to {target}, for good", final=True)
        result = send()
    if given.json:
        terminal.write_json(result.to_dict())
        return
    terminal.write(f"{source} → {target}: {terminal.cell(result.status)}")
    names = ("balances moved", "items moved", "grants moved", "attempts moved")
    values = terminal.cells(result.counts, "wallets_merged", "items_merged", "grants_reassigned", "attempts_reassigned")
    terminal.fields(list(zip(names, values, strict=True)))
