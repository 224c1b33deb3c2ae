"""`kraty webhook`: verify, sign, send and replay webhooks."""

from __future__ import annotations

import json
import time
import uuid
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from kraty_server.cli import terminal
from kraty_server.cli.commands import CommandParser
from kraty_server.cli.credentials import read_secret
from kraty_server.cli.deliveries import CONTENT_TYPE, Recorded, read_recorded
from kraty_server.cli.documents import read_bytes, read_json, whole_number
from kraty_server.cli.exits import CommandError, Exit
from kraty_server.cli.posting import Poster, PostError, checked_url
from kraty_server.webhooks.receiver import REFUSALS, SECRET_VARIABLE, SIGNATURE_HEADER, decode_event
from kraty_server.webhooks.signature import refusal, sign, signing_keys
from kraty_server_generated.event_models import WebhookEventName
from kraty_server_generated.events import EVENTS, WebhookEvent

SIGNATURE: Final = SIGNATURE_HEADER.title()
TOLERANCE: Final = 300


def webhook_arguments(parser: CommandParser) -> None:
    """Describe `webhook`."""
    parser.add_commands(
        [
            ("verify", "tell whether a webhook is genuine, and if not, why", _verify_arguments),
            ("sign", "print the signature of a body, as Kraty would send it", _sign_arguments),
            ("send", "send a signed event of your choice to your service", _send_arguments),
            ("replay", "send recorded webhooks to your service again, signed anew", _replay_arguments),
        ]
    )


def webhook_key() -> bytes:
    """The key that webhooks are signed with.

    Raises:
        CommandError: there is none, or it cannot be one.
    """
    keys = signing_keys(read_secret(SECRET_VARIABLE, "secret of the webhook endpoint"))
    if isinstance(keys, Exception):
        raise CommandError(f"{SECRET_VARIABLE}: {keys}", Exit.USAGE)
    return keys[0]


def _add_body(parser: ArgumentParser) -> None:
    parser.add_argument("body", metavar="FILE", help="the body as it came, or - for stdin")


def _add_time(parser: ArgumentParser, what: str) -> None:
    parser.add_argument("--at", metavar="SECONDS", type=whole_number, help=f"{what}, in unix seconds; now otherwise")


def _verify_arguments(parser: ArgumentParser) -> None:
    _add_body(parser)
    parser.add_argument(
        "--signature", required=True, help=f"the header {SIGNATURE} as it came; empty if there was none"
    )
    parser.add_argument(
        "--tolerance", metavar="SECONDS", type=whole_number, default=TOLERANCE,
        help="how old a signature may be (default: %(default)s)",
    )  # fmt: skip
    _add_time(parser, "when it came")
    parser.set_defaults(run=_verify)


def _verify(given: Namespace) -> Exit:
    key, body = webhook_key(), read_bytes(given.body)
    now = time.time() if given.at is None else given.at
    reason = refusal(body, given.signature, [key], given.tolerance, now)
    event: WebhookEvent | None = None
    if reason is None:
        try:
            event = decode_event(body)
        except ValueError:
            reason = "body_unreadable"
    cause = "" if reason is None else REFUSALS[reason].cause
    if reason == "signature_mismatch" and refusal(body.rstrip(b"\r\n"), given.signature, [key], 1e12, now) is None:
        cause = "it fits without the line break at the end of the file: save the body without one"
    if given.json:
        facts = {"genuine": reason is None, "reason": reason, "cause": cause or None}
        about = {"event": getattr(event, "event_name", None), "id": getattr(event, "id", None)}
        terminal.write_json(facts | about)
    elif event is not None:
        name, event_id, occurred = terminal.cells(event, "event_name", "id", "occurred_at")
        terminal.write(f"genuine: {name} {event_id} of {occurred} UTC")
    else:
        terminal.write(f"refused: {reason}", "red")
        terminal.write(f"  {cause}")
    return Exit.DONE if reason is None else Exit.ERROR


def _sign_arguments(parser: ArgumentParser) -> None:
    _add_body(parser)
    _add_time(parser, "when it is signed")
    parser.set_defaults(run=_sign)


def _sign(given: Namespace) -> None:
    key = webhook_key()
    signature = sign(read_bytes(given.body), key, _time(given))
    if given.json:
        terminal.write_json({"signature": signature})
    else:
        terminal.write(signature)


def _time(given: Namespace) -> int:
    at: int | None = given.at
    return int(time.time()) if at is None else at


def _event_name(text: str) -> str:
    if "." not in text:
        raise ArgumentTypeError(f"a name such as {', '.join(list(EVENTS)[:2])} is needed, got {text!r}")
    return text


def _send_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="your endpoint")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--event", metavar="NAME", type=_event_name, help=f"one of {', '.join(EVENTS)}, or a newer one")
    what.add_argument("--body", metavar="FILE", help="a whole body to send as it is, or - for stdin")
    parser.add_argument("--data", metavar="JSON", default="{}", help="what the event is about: JSON, @FILE, or -")
    _add_time(parser, "when it is signed")
    parser.set_defaults(run=_send)


def _send(given: Namespace) -> Exit:
    key = webhook_key()
    if given.body is not None:
        recorded = Recorded(None, None, read_bytes(given.body))
    else:
        recorded = _make_event(given.event, read_json(given.data))
    return _post([recorded], given.url, given, key, Exit.ERROR)


def _make_event(name: str, data: Any) -> Recorded:
    event = WebhookEvent(
        id=f"evt_{uuid.uuid4().hex}",
        event_name=WebhookEventName(name),
        studio_id="stu_1",
        game_id="game_1",
        occurred_at=datetime.now(UTC),
        delivery_attempt=1,
        data=data,
    )
    return Recorded(event.id, name, json.dumps(event.to_dict(), separators=(",", ":")).encode())


def _replay_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="SOURCE", help="a file that `listen --record` wrote, - for stdin, or the URL of an emulator"
    )
    parser.add_argument("--to", metavar="URL", required=True, help="your endpoint")
    parser.add_argument("--id", action="append", metavar="ID", help="only this event; may be given several times")
    _add_time(parser, "when they are signed")
    parser.set_defaults(run=_replay)


def _replay(given: Namespace) -> Exit:
    key = webhook_key()
    if given.source.startswith(("http://", "https://")):
        found = _from_emulator(given.source)
    else:
        found = read_recorded(read_bytes(given.source), given.source)
        if refused := [one for one in found if one.refused]:
            # Signed anew, a forged delivery would pass for a genuine one.
            terminal.say(f"{len(refused):,} left out that `kraty listen` had refused")
            found = [one for one in found if not one.refused]
    if given.id:
        if absent := [one for one in given.id if one not in {recorded.id for recorded in found}]:
            raise CommandError(f"{given.source} has no event {', '.join(absent)}; nothing was sent", Exit.USAGE)
        found = [one for one in found if one.id in given.id]
    return _post(found, given.to, given, key, Exit.ROWS)


def _from_emulator(url: str) -> list[Recorded]:
    """What an emulator has delivered, or tried to."""
    try:
        answer = httpx.get(f"{checked_url(url).rstrip('/')}/_emulator/deliveries", trust_env=False)
        rows: list[dict[str, Any]] = answer.raise_for_status().json()
        return [Recorded(row["id"], row["event"], row["raw_body"].encode()) for row in rows]
    except (httpx.HTTPError, LookupError, TypeError, ValueError) as error:
        raise CommandError(f"{url}: no emulator that answers: {type(error).__name__}: {error}") from None


def _post(found: list[Recorded], url: str, given: Namespace, key: bytes, code: Exit) -> Exit:
    """Post, say how each was answered, and end with a code where one was not taken."""
    poster = Poster(url)
    failed = 0
    try:
        for one in found:
            began, status, error = time.perf_counter(), None, None
            headers = [("Content-Type", CONTENT_TYPE), (SIGNATURE, sign(one.body, key, _time(given)))]
            try:
                status = poster.post(one.body, headers)
            except PostError as failure:
                error = str(failure)
            milliseconds = (time.perf_counter() - began) * 1000
            taken = status is not None and 200 <= status < 300
            failed += not taken
            if given.json:
                row = {"id": one.id, "event": one.event, "status": status, "error": error}
                terminal.write_json(row, indent=None)
            else:
                answer = f"{status} in {milliseconds:.0f} ms" if status else f"no answer: {terminal.plain(error or '')}"
                terminal.write(f"{answer}  {terminal.cell(one.event)}  {terminal.cell(one.id)}")
    finally:
        poster.close()
    terminal.say(f"{len(found):,} sent, {failed:,} not taken", "red" if failed else None)
    return code if failed else Exit.DONE
