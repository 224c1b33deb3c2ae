"""What an ASGI server may send to the webhook app, and what it answers: limits, other methods, a sender that goes, slow handlers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import pytest

from kraty_server.webhooks import AsyncWebhooks, WebhookApp, WebhookEvent, Webhooks
from tests.frameworks.deliveries import SECRET, Delivery, delivery

TENANT: ContextVar[str] = ContextVar("TENANT", default="")


def ask(app: Any, one: Delivery, *, method: str = "POST", parts: list[bytes] | None = None, declared: str | None = None,
        gone: bool = False) -> tuple[int | None, int]:  # fmt: skip
    """The status, and how many parts of the body were read."""
    return asyncio.run(_ask(app, one, method, [one.body] if parts is None else parts, declared, gone))


async def _ask(
    app: Any, one: Delivery, method: str, parts: list[bytes], declared: str | None, gone: bool
) -> tuple[int | None, int]:
    headers = [(name.lower().encode(), value.encode()) for name, value in one.headers.items()]
    if declared is not None:
        headers.append((b"content-length", declared.encode()))
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages.append({"type": "http.disconnect"} if gone else {"type": "http.request"})
    taken, sent = 0, list[MutableMapping[str, Any]]()

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return messages[taken - 1]

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app({"type": "http", "method": method, "path": "/kraty", "headers": headers}, receive, send)
    return sent[0]["status"] if sent else None, taken


def receiver(handler: Any) -> Webhooks[()]:
    kraty = Webhooks(SECRET)
    kraty.on(WebhookEvent)(handler)
    return kraty


def test_a_body_in_parts_is_read_whole() -> None:
    seen: list[str] = []
    one = delivery()
    app = WebhookApp(receiver(lambda event: seen.append(event.id)))
    assert ask(app, one, parts=[one.body[:7], b"", one.body[7:]]) == (204, 4)
    assert seen == [one.id]


def test_a_body_that_is_too_long_is_not_read_on() -> None:
    app = WebhookApp(receiver(print), max_body=1000)
    one = delivery()
    assert ask(app, one, declared="1001") == (413, 0)
    assert ask(app, one, parts=[b"x" * 600, b"x" * 401, b"x" * 600]) == (413, 2)
    assert ask(app, one, parts=[b"x" * 600, b"x" * 400]) == (401, 3)
    assert ask(app, one, declared="nonsense") == (204, 2)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
def test_other_methods_are_not_allowed(method: str) -> None:
    assert ask(WebhookApp(receiver(print)), delivery(), method=method) == (405, 0)


def test_a_sender_that_goes_amid_the_body_is_not_handled() -> None:
    seen: list[WebhookEvent] = []
    one = delivery()
    status, _ = ask(WebhookApp(receiver(seen.append)), one, gone=True)
    assert status != 204
    assert seen == []


def test_other_scopes_are_refused() -> None:
    async def nothing(*_: Any) -> Any: ...

    with pytest.raises(TypeError, match="not websocket"):
        asyncio.run(WebhookApp(receiver(print))({"type": "websocket"}, nothing, nothing))


def test_blocking_handlers_leave_the_loop_and_the_frameworks_threads_alone() -> None:
    started, release, contexts = threading.Semaphore(0), threading.Event(), list[str]()

    def slow(event: WebhookEvent) -> None:
        contexts.append(TENANT.get())
        started.release()
        assert release.wait(30)

    app = WebhookApp(receiver(slow), threads=2)

    async def main() -> list[tuple[int | None, int]]:
        TENANT.set("studio")
        deliveries = [delivery() for _ in range(3)]
        asked = [asyncio.create_task(_ask(app, one, "POST", [one.body], None, False)) for one in deliveries]
        for _ in range(2):
            assert await asyncio.to_thread(started.acquire, timeout=30)
        assert not await asyncio.to_thread(started.acquire, timeout=0.1)  # the third waits for a thread of ours
        release.set()
        return list(await asyncio.gather(*asked))

    assert [status for status, _ in asyncio.run(main())] == [204] * 3
    assert contexts == ["studio"] * 3


def test_async_handlers_run_in_the_loop() -> None:
    kraty = AsyncWebhooks(SECRET)
    threads: list[str] = []

    @kraty.on(WebhookEvent)
    async def effect(event: WebhookEvent) -> None:
        threads.append(threading.current_thread().name)

    assert ask(WebhookApp(kraty), delivery())[0] == 204
    assert threads == [threading.current_thread().name]
