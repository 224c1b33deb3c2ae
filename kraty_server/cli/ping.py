"""`kraty ping`: does the key work, and whose is it?"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from kraty_server.cli import terminal
from kraty_server.cli.connection import connect


def ping_arguments(parser: ArgumentParser) -> None:
    """Describe `ping`."""
    parser.set_defaults(run=_ping)


def _ping(given: Namespace) -> None:
    with connect() as kraty:
        answer = kraty.health.ping()
    if given.json:
        terminal.write_json(answer.to_dict())
        return
    key = answer.api_key
    terminal.fields(
        [
            ("environment", str(key.environment).upper()),
            *zip(
                ("game", "studio", "key", "may do"),
                terminal.cells(key, "game_id", "studio_id", "prefix", "permission_set"),
                strict=True,
            ),
        ]
    )
