"""Who may steer the emulator from a browser? Only its own page: `Host` and `Origin` are checked."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_SAME_SITE: Final = ("same-origin", "none", "")


class Guard:
    """An ASGI application that lets through what no page on another host can have sent.

    A page elsewhere can make a browser post here (then `Origin` is another's), or make a name of its own point to this
    address, so that the browser takes it for the same site (then `Host` is that name; DNS rebinding).
    """

    def __init__(self, app: ASGIApp, *hosts: str) -> None:
        self._app = app
        self._hosts: Final = ("localhost", *map(str.lower, hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse with 403."""
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        problem = None
        if not self._known(host):
            problem = f"Host {host!r} is no name of this emulator; --allow-host, or allow_hosts, makes it one"
        elif origin is not None and origin.lower() != f"{scope['scheme']}://{host}".lower():
            problem = f"Origin {origin!r} is another site"
        elif headers.get("sec-fetch-site", "") not in _SAME_SITE:
            problem = "the request comes from another site"
        if problem is not None:
            await JSONResponse({"error": problem}, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _known(self, host: str) -> bool:
        """Whether a `Host` is an address, localhost, or what the emulator was told to listen on."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
            if name in self._hosts or name.endswith(".localhost"):
                return True
            ip_address(name)
        except ValueError:
            return False
        return True
