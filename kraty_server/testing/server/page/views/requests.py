"""What was asked, and what was answered? The tab Requests, and the page of one request."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import unquote

from kraty_server.testing.emulator.backend import Backend
from kraty_server.testing.emulator.request_log import Request
from kraty_server.testing.server.page import parts
from kraty_server.testing.server.page.html import Child, Html, join, json_block, tag
from kraty_server.testing.server.page.parts import Column
from kraty_server.testing.server.page.queries import ROWS, Listing
from kraty_server.testing.server.page.view import NotHere, View

COLUMNS: Final = (
    Column("Operation", "main"),
    Column("Answer", "bare"),
    Column("Path", "path"),
    Column("Key", "key"),
    Column("Took", "number bare"),
    Column("At", "when"),
)
ANSWERS: Final = {"2xx": (200, 299), "4xx": (400, 499), "5xx": (500, 599), "fault": (0, 599)}


def read(view: View, *, player: str | None = None, limit: int = ROWS) -> Listing:
    """The newest requests that fit."""
    search = (view.get("q") or "").lower() if player is None else ""
    player = view.get("player") if player is None else player
    is_about = None if player is None else _about(player)
    low, high = ANSWERS.get(view.get("answer") or "", (0, 999))
    only_faults = view.get("answer") == "fault"
    operation = view.get("operation")
    environment = view.chosen_world.environment if view.chosen_world else None
    log = view.backend.engine.requests
    found: list[Request] = []
    older = None
    for request in reversed(list(log)):
        if (
            (view.before is not None and request.number >= view.before)
            or not low <= request.status <= high
            or (only_faults and request.fault is None)
            or (operation is not None and request.operation != operation)
            or (environment is not None and request.environment not in (environment, None))
            or (is_about is not None and not is_about(request))
            or (search and not _holds(request, search))
        ):
            continue
        if len(found) == limit:
            older = found[-1].number
            break
        found.append(request)
    filtered = bool(search or player or operation or environment or view.get("answer"))
    return Listing(found, older, len(log), filtered)


def _holds(request: Request, search: str) -> bool:
    texts = (request.operation, request.target, unquote(request.target), request.code, request.fault)
    if any(text is not None and search in text.lower() for text in texts):
        return True
    return search.encode() in request.raw_body.lower()


def _about(player: str) -> Callable[[Request], bool]:
    """Whether a request is about a player: by its path or by its body."""
    texts = [json.dumps(player, ensure_ascii=each).encode("utf-8", "replace") for each in (True, False)]

    def is_about(request: Request) -> bool:
        segments = request.target.partition("?")[0].split("/")
        if player in segments or ("%" in request.target and player in map(unquote, segments)):
            return True
        return any(text in request.raw_body for text in texts)

    return is_about


def table(view: View, rows: Sequence[Request]) -> Html:
    """Lines of the log."""
    return parts.table(
        "Requests",
        COLUMNS,
        [
            (
                f"request-{request.number}",
                (
                    parts.operation_link(request.number, request.operation),
                    _verdict(request),
                    tag(
                        "span",
                        f"{request.method}\N{NO-BREAK SPACE}",
                        _short(view, request),
                        class_="path",
                        title=request.target,
                    ),
                    parts.code(request.idempotency_key),
                    parts.duration(request.seconds),
                    parts.moment(view, request.at),
                ),
            )
            for request in rows
        ],
    )


def _short(view: View, request: Request) -> Html:
    """Where it went, without what all paths have in common; a long one breaks after a slash."""
    path = unquote(request.target.removeprefix(view.backend.engine.contract.base))
    return tag("bdi", [(part, tag("wbr")) for part in re.split("(?<=/)", path)])


def _verdict(request: Request) -> Html:
    return tag(
        "span",
        parts.status_chip(request.status),
        parts.chip(request.fault, "fault") if request.fault else None,
        tag("span", request.code, class_="under") if request.code else None,
        class_="chips",
    )


def show(view: View) -> Html:
    """The tab."""
    listing = read(view)
    operations = [("", "all"), *((each, each) for each in sorted(view.backend.engine.contract.operations))]
    return join(
        parts.title("Requests"),
        parts.filters(
            view,
            parts.select("operation", "Operation", operations, view.get("operation")),
            parts.words_select(view, "answer", "Answer", ANSWERS),
            parts.world_select(view),
            search="Path, body, code",
        ),
        parts.listed(
            view,
            listing,
            "requests",
            table(view, listing.rows),
            empty=join(
                tag("p", "Nothing was asked yet. This is a first call:"),
                parts.example(
                    f"curl -H 'Authorization: Bearer {view.backend.api_key}' {view.base_url}{_ping(view.backend)}"
                ),
            ),
        ),
    )


def _ping(backend: Backend) -> str:
    """Where the operation lies that needs nothing: a GET without parameters."""
    contract = backend.engine.contract
    plain = [o for o in contract.operations.values() if o.method == "GET" and not o.parameters]
    return contract.base + plain[0].route if plain else contract.base


def as_curl(request: Request, base_url: str, key: str) -> str | None:
    """The command that sends a request again; None where its bytes fit into no command."""
    try:
        body = request.raw_body.decode()
    except UnicodeDecodeError:
        return None
    if "\0" in body or "\0" in request.target:
        return None
    words = ["curl", "--globoff", "--path-as-is", "--request", request.method]
    words += ["--header", f"Authorization: Bearer {key}"]
    if body:
        words += ["--header", "Content-Type: application/json", "--data-raw", body]
    return shlex.join([*words, base_url + request.target])


def show_one(view: View, number: int) -> Html:
    """The page of a request.

    Raises:
        NotHere: the log does not have it, or no longer.
    """
    request = next((each for each in view.backend.engine.requests if each.number == number), None)
    if request is None:
        raise NotHere(f"the log has no request {number}; it keeps the last ones, and a reset empties it")
    curl = as_curl(request, view.base_url, view.backend.key_of(request))
    body: Child = (
        json_block(request.raw_body, "Body", "body") if request.raw_body else tag("p", "None.", class_="muted")
    )
    return join(
        parts.title(request.operation or "A request for no operation", _verdict(request)),
        tag(
            "div",
            parts.action("Send again", "requests/resend", {"number": number}, then="/requests/{number}"),
            parts.copy_button(curl, "Copy as curl")
            if curl
            else tag("p", "Its bytes fit into no curl command.", class_="note"),
            class_="actions",
        ),
        tag("p", tag("code", f"{request.method} {request.target}"), class_="target"),
        parts.facts(
            [
                ("Answer", str(request.status) if request.status else "none"),
                ("Error code", parts.code(request.code)),
                ("Fault", parts.chip(request.fault, "fault") if request.fault else None),
                ("Idempotency key", parts.code(request.idempotency_key)),
                ("Environment", request.environment),
                (
                    "API key",
                    tag("code", f"{request.key_prefix}.\N{HORIZONTAL ELLIPSIS}") if request.key_prefix else None,
                ),
                ("SDK", request.sdk),
                ("Took", parts.duration(request.seconds)),
                ("At", tag("time", request.at, datetime=request.at)),
            ]
        ),
        tag(
            "div",
            tag("section", tag("h2", "Body"), body),
            tag(
                "section",
                tag("h2", "Answer"),
                tag("p", _lost(request.fault), class_="note") if _lost(request.fault) else None,
                json_block(request.answer, "Answer", "answer") if request.answer else tag("p", "None.", class_="muted"),
            ),
            class_="columns",
        ),
        None
        if request.key_prefix
        else tag(
            "p",
            "It came without a key that is known, or a fault struck first: it is sent again with the key of "
            "the environment test.",
            class_="note",
        ),
    )


def _lost(fault: str | None) -> str | None:
    return {
        "drop_before": "The connection was closed before anything was done.",
        "drop_after_commit": "It took effect. This answer was lost: the connection was closed instead.",
        "cut_body": "It took effect. Only half of this answer was sent.",
    }.get(fault or "")
