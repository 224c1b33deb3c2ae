"""The effect of the handlers in `test_queued_webhooks.py`, whose worker is killed where an event asks for it.

Not a test: it is copied beside the page's modules. What an event asks for is its `sourceRefId`: who dies, `process`, the
`supervisor` that waits for it as well, or the whole `worker`, and where, `before`, `in` or `after` the effect.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from kraty_server.webhooks import WebhookEvent

MARKS = Path(os.environ["SHOP_MARKS"])


def mark(event: WebhookEvent, kind: str, text: str) -> None:
    with (MARKS / f"{event.id}.{kind}").open("a") as file:
        file.write(f"{text}\n")


def die(whom: str) -> NoReturn:
    """As when there is no memory left, or the machine is gone."""
    if whom == "worker":
        main = os.getsid(0)
        os.kill(main, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.killpg(main, signal.SIGKILL)
    if whom == "supervisor":
        os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit


def reach(event: WebhookEvent, place: str) -> None:
    """Fail or die here, if the event asks for it and did not yet."""
    data: dict[str, Any] = event.to_dict()["data"]
    whom, _, where = str(data.get("sourceRefId")).partition(":")
    if where == place and not (MARKS / f"{event.id}.reached").exists():
        mark(event, "reached", place)
        if whom == "fails":
            raise RuntimeError("a handler that fails")
        die(whom)


def noted(dispatch: Callable[[WebhookEvent], str]) -> Callable[[WebhookEvent], str]:
    def run(event: WebhookEvent) -> str:
        result = dispatch(event)
        reach(event, "after")
        mark(event, "results", result)
        return result

    return run


def noted_async(dispatch: Callable[[WebhookEvent], Awaitable[str]]) -> Callable[[WebhookEvent], Awaitable[str]]:
    async def run(event: WebhookEvent) -> str:
        result = await dispatch(event)
        reach(event, "after")
        mark(event, "results", result)
        return result

    return run


def act(event: WebhookEvent, connection: Any) -> None:
    reach(event, "before")
    connection.execute("INSERT INTO changes (event) VALUES (%s)", (event.id,))
    reach(event, "in")


async def act_async(event: WebhookEvent, connection: Any) -> None:
    reach(event, "before")
    await connection.execute("INSERT INTO changes (event) VALUES ($1)", event.id)
    reach(event, "in")
