"""Where does the page lie? Its routes, its files, and the stream of server-sent events that says when to look again."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from kraty_server.testing.emulator.backend import Backend
from kraty_server.testing.server.page import parts
from kraty_server.testing.server.page.html import Html, join, link, tag
from kraty_server.testing.server.page.layout import STATIC, document
from kraty_server.testing.server.page.view import NotHere, View, worlds_of
from kraty_server.testing.server.page.views import events, faults, grants, ledger, lobbies, players, requests, webhooks

POLL: Final = 0.25
"""Seconds between two looks at whether something has changed."""
HEARTBEAT: Final = 20
"""Looks without a change after which the stream says that it is still there."""
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
FILES: Final[Mapping[str, str]] = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
Show = Callable[[View], Html]
_BOOT: Final = uuid.uuid4().hex[:8]
"""Another one in each process, so that a page sees that its emulator was started again."""


def page_routes(backend: Backend, snapshots: Mapping[str, bytes], stopping: Callable[[], bool]) -> list[Route]:
    """The routes of the page.

    Args:
        backend: what it shows.
        snapshots: those that can be restored.
        stopping: whether streams should end.
    """

    def version() -> str:
        return f"{_BOOT}-{backend.engine.version}-{len(snapshots)}"

    def render(request: Request, name: str, show: Callable[[View, Request], Html]) -> Response:
        with backend.engine.lock:
            seen = version()
            view = View(
                backend=backend,
                snapshots=dict(snapshots),
                base_url=f"{request.url.scheme}://{request.headers['host']}",
                path=request.url.path,
                query=dict(request.query_params),
                worlds=worlds_of(backend.engine.state),
            )
            status = 200
            try:
                content = show(view, request)
            except NotHere as missing:
                status, content = 404, _missing(str(missing))
            html = document(view, name, seen, content)
        return Response(html.encode("utf-8", "backslashreplace"), status, HEADERS, "text/html")

    def route(path: str, name: str, show: Callable[[View, Request], Html]) -> Route:
        async def endpoint(request: Request) -> Response:
            return render(request, name, show)

        return Route(path, endpoint)

    async def changes(_: Request) -> Response:
        headers = {**HEADERS, "x-accel-buffering": "no"}
        return StreamingResponse(_changes(version, stopping), headers=headers, media_type="text/event-stream")

    def static(name: str, media_type: str) -> Route:
        async def endpoint(_: Request) -> Response:
            content = files("kraty_server.testing.server.page").joinpath(name).read_bytes()
            return Response(content, headers={**HEADERS, "cache-control": "no-cache"}, media_type=media_type)

        return Route(f"{STATIC}/{name}", endpoint)

    tabs: dict[str, tuple[str, Show]] = {
        "/": ("Players", players.show),
        "/player": ("Player", players.show_one),
        "/requests": ("Requests", requests.show),
        "/webhooks": ("Webhooks", webhooks.show),
        "/ledger": ("Ledger", ledger.show),
        "/grants": ("Grants", grants.show),
        "/lobbies": ("Lobbies", lobbies.show),
        "/events": ("Events and boards", events.show),
        "/faults": ("Faults", faults.show),
    }
    things: dict[str, tuple[str, Callable[[View, str], Html]]] = {
        "/webhooks": ("Delivery", webhooks.show_one),
        "/grants": ("Grant", grants.show_one),
        "/lobbies": ("Lobby", lobbies.show_one),
        "/boards": ("Leaderboard", events.show_board),
    }

    def of_tab(show: Show) -> Callable[[View, Request], Html]:
        return lambda view, _: show(view)

    def of_thing(show: Callable[[View, str], Html]) -> Callable[[View, Request], Html]:
        return lambda view, request: show(view, request.path_params["id"])

    return [
        *(route(path, name, of_tab(show)) for path, (name, show) in tabs.items()),
        *(route(f"{path}/{{id:path}}", name, of_thing(show)) for path, (name, show) in things.items()),
        route("/requests/{number:int}", "Request", lambda view, r: requests.show_one(view, r.path_params["number"])),
        *(static(name, media_type) for name, media_type in FILES.items()),
        Route(f"{STATIC}/changes", changes),
    ]


def _missing(why: str) -> Html:
    return join(
        parts.title("Not here"),
        tag("p", why[:1].upper() + why[1:], ".", class_="empty"),
        tag("p", link("/", "To the players")),
    )


async def _changes(version: Callable[[], str], stopping: Callable[[], bool]) -> AsyncGenerator[str]:
    """The version at the start and after each change, as server-sent events."""
    yield "retry: 1000\n\n"
    told, quiet = "", 0
    while not stopping():
        quiet += 1
        if (now := version()) != told:
            told, quiet = now, 0
            yield f"data: {told}\n\n"
        elif quiet >= HEARTBEAT:
            quiet = 0
            yield "event: beat\ndata: .\n\n"
        await asyncio.sleep(POLL)
