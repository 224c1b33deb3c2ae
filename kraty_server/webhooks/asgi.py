"""How does a delivery come in over ASGI? An app for Starlette, FastAPI, Litestar, Quart, or a server alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from kraty_server.webhooks.receiver import AsyncWebhooks, Webhooks

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

MAX_BODY: Final = 1 << 20


class WebhookApp:
    """Take deliveries with POST, at whatever path it is put: `app.add_route("/kraty", WebhookApp(kraty))`.

    It answers what `handle` says; 405 to other methods; 413 to a body that is too long. What a handler raises goes
    through to the framework, which answers 500, and the event is delivered again.

    Args:
        webhooks: handlers of `Webhooks` run in threads, those of `AsyncWebhooks` in the event loop.
        max_body: bytes that a body has at most, however it is sent.
        threads: how many handlers of `Webhooks` run at once. They are this app's own threads, so that slow handlers
            hold up none of the framework's. asyncio only.
    """

    def __init__(
        self,
        webhooks: Webhooks[*tuple[Any, ...]] | AsyncWebhooks[*tuple[Any, ...]],
        *,
        max_body: int = MAX_BODY,
        threads: int = 16,
    ) -> None:
        self._handle: Callable[[bytes, Any], Any] = webhooks.handle
        self._max_body = max_body
        # Its threads start with the first delivery, and so after a fork.
        self._pool = None if iscoroutinefunction(webhooks.handle) else ThreadPoolExecutor(threads, "kraty-webhooks")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI says; of other scopes there are none here."""
        if scope["type"] != "http":
            raise TypeError(f"WebhookApp: it takes HTTP requests, not {scope['type']}")
        status = 405
        if scope["method"] == "POST":
            body = await self._read(scope, receive)
            status = 413 if body is None else await self._status(body, scope["headers"])
        headers = [(b"content-length", b"0")] if status != 204 else []
        if status == 405:
            headers.append((b"allow", b"POST"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _read(self, scope: Message, receive: Receive) -> bytes | None:
        """The whole body; None where it is longer than it may be, or where the sender has gone."""
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._max_body:
            return None
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._max_body:
                return None
            if not message.get("more_body", False):
                return b"".join(parts)

    async def _status(self, body: bytes, headers: Any) -> int:
        if self._pool is None:
            return int(await self._handle(body, headers))
        run = copy_context().run  # as asyncio.to_thread does: logging and tracing find their context
        return int(await asyncio.get_running_loop().run_in_executor(self._pool, run, self._handle, body, headers))
