"""`kraty request`: call a route that is newer than this version, with the same key, retries and errors."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from kraty_server.cli import terminal
from kraty_server.cli.confirmation import add_confirmation, confirm, find_target
from kraty_server.cli.connection import connect, usage_errors
from kraty_server.cli.documents import read_json
from kraty_server.client import METHODS
from kraty_server.telemetry import RequestInfo
from kraty_server_generated.contract import BASE_PATH
from kraty_server_generated.types import UNSET


def request_arguments(parser: ArgumentParser) -> None:
    """Describe `request`."""
    parser.add_argument("method", metavar="METHOD", type=str.upper, choices=sorted(METHODS), help="as in GET")
    parser.add_argument("path", metavar="PATH", help=f"as in {BASE_PATH}/ping, percent-encoded")
    parser.add_argument("--data", metavar="JSON", help="the body: JSON, @FILE, or - for stdin")
    parser.add_argument("--key", help="your idempotency key; otherwise one is made for a POST, PUT or PATCH")
    add_confirmation(parser)
    parser.set_defaults(run=_request)


def _request(given: Namespace) -> None:
    seen: list[RequestInfo] = []
    body = None if given.data is None else read_json(given.data)
    with connect(on_request=seen.append) as kraty:
        if given.method != "GET":
            action = f"{given.method} {terminal.plain(given.path)}"
            confirm(given, find_target(kraty), action, final=given.method == "DELETE")
        with usage_errors():
            answer = kraty.request(
                given.method, given.path, body, idempotency_key=UNSET if given.key is None else given.key
            )
    if given.json:
        terminal.write_json({"status": seen[-1].status, "body": answer})
        return
    terminal.say(f"{seen[-1].status} in {seen[-1].duration_ms:.0f} ms", "dim")
    terminal.write_json(answer)
