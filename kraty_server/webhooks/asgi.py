"""How does a delivery come in over ASGI? An app for Starlette, FastAPI, Litestar, Quart, or a server alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, Final, TypeAlias

from kraty_server.webhooks.receiver import AsyncWebhooks, Headers, Webhooks

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

MAX_BODY: Final = 1 << 20


class WebhookApp:
    """Take deliveries with POST, at whatever path it is put: `Route("/kraty", WebhookApp(kraty))`.

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
        self._webhooks = webhooks
        self._max_body = max_body
        self._pool = ThreadPoolExecutor(threads, "kraty-webhooks")  # it starts none before the first delivery

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

    async def _status(self, body: bytes, headers: Headers) -> int:
        webhooks = self._webhooks
        if isinstance(webhooks, AsyncWebhooks):
            return await webhooks.handle(body, headers)
        call = partial(webhooks.handle, body, headers)
        # In a copy of the context, as asyncio.to_thread does: logging and tracing find what belongs to the request.
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(copy_context().run, call))
