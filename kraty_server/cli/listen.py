"""`kraty listen`: receives webhooks, verifies them, passes genuine ones on, bytes unchanged, and says what it saw."""

from __future__ import annotations

import json
import sys
import threading
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from http.client import LineTooLong
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import IO, Any, Final

from kraty_server.cli import terminal
from kraty_server.cli.connection import show_log
from kraty_server.cli.deliveries import REFUSED, encode_body, encode_headers
from kraty_server.cli.documents import whole_number
from kraty_server.cli.exits import CommandError, Exit
from kraty_server.cli.posting import Poster, PostError
from kraty_server.cli.webhook import webhook_key
from kraty_server.webhooks.asgi import MAX_BODY
from kraty_server.webhooks.receiver import WebhookError, Webhooks
from kraty_server_generated.events import WebhookEvent

PORT: Final = 8481
READ_TIMEOUT: Final = 30.0
"""Seconds that a sender may say nothing."""


def listen_arguments(parser: ArgumentParser) -> None:
    """Describe `listen`."""
    parser.add_argument(
        "--forward-to", metavar="URL", required=True, help="your endpoint, as http://127.0.0.1:8000/kraty"
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=PORT, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--record", metavar="FILE", help="add each delivery to this file, for `kraty webhook replay`")
    parser.add_argument("--count", metavar="N", type=whole_number, help="end after so many deliveries")
    parser.set_defaults(run=_listen)


def _port(text: str) -> int:
    number = whole_number(text)
    if number > 65535:
        raise ArgumentTypeError(f"a number from 0 to 65535 is needed, got {text!r}")
    return number


def read_body(headers: Any, stream: BufferedIOBase, limit: int = MAX_BODY) -> bytes | None:
    """Read the body of a request, also one that comes in chunks; None where it is too long.

    Raises:
        ValueError: it is not framed as HTTP has it, or ends too early.
    """
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        length = int(headers.get("content-length") or 0)
        if length > limit:
            return None
        return _exactly(stream, length)
    parts: list[bytes] = []
    size = 0
    while length := int(stream.readline(100).partition(b";")[0], 16):
        size += length
        if size > limit:
            return None
        parts.append(_exactly(stream, length))
        stream.readline(2)
    while stream.readline(1000).strip():
        pass  # trailers
    return b"".join(parts)


def _exactly(stream: BufferedIOBase, length: int) -> bytes:
    if length < 0 or len(body := stream.read(length)) < length:
        raise ValueError("the body ended too early")
    return body


class _Listener:
    """Takes deliveries, in threads, and keeps count."""

    def __init__(self, webhooks: Webhooks[()], poster: Poster, emit: Callable[[dict[str, Any]], None]) -> None:
        self.webhooks = webhooks
        self.poster = poster
        self.emit = emit
        self.lock = threading.Lock()
        self.seen = self.failed = self.settled = 0
        self.write_error: OSError | None = None
        self.stop: Callable[[], object] = lambda: None
        self.limit: int | None = None

    def take(self, body: bytes, headers: list[tuple[str, str]]) -> int:
        """Verify, pass on, write down; give the status to answer with."""
        event: WebhookEvent | None = None
        status, reason, error = None, None, None
        try:
            event = self.webhooks.read(body, headers)
            status = self.poster.post(body, headers)
            result = "forwarded" if 200 <= status < 300 else "failed"
        except WebhookError as refused:
            result, reason, answer = REFUSED, refused.reason, refused.status
        except PostError as failure:
            result, error, answer = "failed", str(failure), 502
        else:
            answer = status
        row = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "id": getattr(event, "id", None),
            "event": getattr(event, "event_name", None),
            "result": result,
            "status": status,
            "reason": reason,
            "error": error,
            "headers": encode_headers(headers),
            **encode_body(body),
        }
        with self.lock:
            if self.write_error is not None:
                return 500
            try:
                self.emit(row)
            except OSError as failure:  # what it saw is not on record: it ends, and the event comes again
                self.write_error = failure
                answer = 500
            self.seen += 1
            self.failed += result != "forwarded"
        return answer

    def answered(self) -> None:
        """End where that was the last one. Called after its answer, which would be cut off otherwise."""
        with self.lock:
            self.settled += 1
            if self.write_error is not None or self.settled == self.limit:
                threading.Thread(target=self.stop, daemon=True).start()


class _Server(ThreadingHTTPServer):
    """Says in one line what went wrong with one connection, and goes on."""

    def handle_error(self, *_: object, **__: object) -> None:
        """Say it."""
        terminal.say(f"a delivery could not be answered: {terminal.plain(repr(sys.exception()))}", "red")


def _handler(listener: _Listener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = READ_TIMEOUT
        server_version, sys_version = "kraty-listen", ""

        def do_POST(self) -> None:
            try:
                body = read_body(self.headers, self.rfile)
            except (LineTooLong, OSError, ValueError) as error:
                terminal.say(f"a request was not HTTP as it must be: {terminal.plain(str(error))}", "red")
                self._answer(400)
                return
            if body is None:
                terminal.say(f"a body of more than {MAX_BODY:,} bytes was refused with 413", "red")
                self._answer(413)
                return
            try:
                self._answer(listener.take(body, self.headers.items()))
            finally:
                listener.answered()

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """What there is to say, the listener says."""

    return Handler


def _listen(given: Namespace) -> Exit:
    if given.count == 0:
        raise CommandError("--count: at least 1 is needed", Exit.USAGE)
    webhooks = Webhooks(webhook_key())
    poster = Poster(given.forward_to)
    show_log()
    record = _open(given.record)
    listener = _Listener(webhooks, poster, _emitter(given.json, record))
    try:
        server = _Server((given.host, given.port), _handler(listener))
    except OSError as error:
        raise CommandError(f"cannot listen on {given.host}, port {given.port}: {error.strerror or error}") from None
    listener.stop, listener.limit = server.shutdown, given.count
    host, port = server.server_address[:2]
    try:
        terminal.say(f"listening on http://{host!s}:{port}, passing on to {terminal.plain(given.forward_to)}")
        server.serve_forever(poll_interval=0.1)
    finally:
        server.server_close()
        poster.close()
        if record is not None:
            with suppress(OSError):  # each line was flushed, so it is what `write_error` says already
                record.close()
        terminal.say(
            f"{listener.seen:,} received, {listener.failed:,} not passed on", "red" if listener.failed else None
        )
    if isinstance(listener.write_error, terminal.OutputError):
        raise listener.write_error
    if listener.write_error is not None:
        why = listener.write_error.strerror or listener.write_error
        raise CommandError(
            f"--record {given.record}: {why}; the last delivery was answered with 500, so it comes again"
        )
    return Exit.ROWS if listener.failed else Exit.DONE


def _open(path: str | None) -> IO[str] | None:
    try:
        return None if path is None else open(path, "a", encoding="ascii")
    except (OSError, ValueError) as error:
        raise CommandError(f"--record {path}: {getattr(error, 'strerror', None) or error}", Exit.USAGE) from None


def _emitter(as_json: bool, record: IO[str] | None) -> Callable[[dict[str, Any]], None]:
    def emit(row: dict[str, Any]) -> None:
        if record is not None:
            record.write(f"{json.dumps(row)}\n")
            record.flush()
        if as_json:
            terminal.write_json(row, indent=None)
        else:
            _write_line(row)
        terminal.flush()

    return emit


def _write_line(row: dict[str, Any]) -> None:
    parts = [row["at"][11:19], row["result"]]
    parts += [terminal.cell(part) for part in (row["status"], row["reason"], row["event"], row["id"]) if part]
    if row["error"]:
        parts.append(terminal.plain(row["error"]))
    terminal.write("  ".join(parts), None if row["result"] == "forwarded" else "red")
