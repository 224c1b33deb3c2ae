"""How does an HTTP request become an answer? The ASGI application: the API, the control routes, the page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from kraty_server.testing.emulator.backend import Backend
from kraty_server.testing.emulator.engine import Answer
from kraty_server.testing.server.control import control_routes
from kraty_server.testing.server.guard import Guard
from kraty_server.testing.server.page.routes import page_routes

CONNECTION: Final = "kraty.connection"
"""Where a scope's state has the asyncio transport of its connection."""
MAX_BODY: Final = 16 * 2**20
"""Bytes of a request that are read; more is answered with 413."""


async def read_body(receive: Receive) -> bytes | None:
    """The body of a request; None where the connection ended before all of it was there."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part: bytes = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts) if size <= MAX_BODY else b" " * (MAX_BODY + 1)


async def _disconnected(receive: Receive) -> None:
    """Wait until the connection is known to be closed."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    if answer.latency:
        await asyncio.sleep(answer.latency)
    connection: asyncio.Transport = scope["state"][CONNECTION]
    if answer.transport_fault == "drop":
        connection.abort()
        await _disconnected(receive)
        return
    fields = {"content-type": "application/json", "content-length": str(len(answer.body)), **answer.headers}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    if answer.transport_fault == "cut":
        await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
        connection.close()
        await _disconnected(receive)
        return
    await send({"type": "http.response.body", "body": answer.body})


def make_app(backend: Backend, hosts: Sequence[str], stopping: Callable[[], bool]) -> ASGIApp:
    """The emulator as an ASGI application: the API, `/_emulator/…` to steer it, and a page at `/`.

    Args:
        backend: what it shows.
        hosts: names that the control routes and the page may be called by, besides addresses and localhost.
        stopping: whether streams should end, since the server does.
    """
    engine = backend.engine
    base = engine.contract.base + "/"
    snapshots: dict[str, bytes] = {}
    routes = [*page_routes(backend, snapshots, stopping), *control_routes(backend, snapshots)]
    control = Guard(Starlette(routes=routes), *hosts)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if not scope["path"].startswith(base):
            await control(scope, receive, send)
            return
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = await read_body(receive)
        if body is None:
            return  # what did not arrive whole was not asked
        answer = engine.too_large(MAX_BODY) if len(body) > MAX_BODY else engine.respond(
            scope["method"], target, headers, body
        )  # fmt: skip
        await _send(answer, scope, receive, send)

    return app
