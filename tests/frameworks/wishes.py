"""What a delivery asks of the handlers in the tests of frameworks: to fail, to wait, or to be killed at a place.

Not a test: what the recipes import as `hooks`, and the handlers of the Django project, call it.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kraty_server.webhooks import WebhookEvent


def mark(event: WebhookEvent, what: str) -> Path:
    """The file that says so of an event, to all processes."""
    return Path(os.environ["SHOP_MARKS"]) / f"{event.id}.{what}"


def note(event: WebhookEvent, what: str) -> int:
    """Count what happened to an event."""
    with mark(event, what).open("a+") as file:
        file.write(".")
        return file.tell()


def wish(event: WebhookEvent) -> dict[str, Any]:
    """What the purchase has as its receipt comes back in the event."""
    found: dict[str, Any] = json.loads(event.to_dict()["data"].get("sourceRefId") or "{}")
    return found


def die_if(event: WebhookEvent, place: str) -> None:
    """End as a machine that is gone does."""
    if wish(event).get("killed") == place:
        os.kill(os.getpid(), signal.SIGKILL)


def act(event: WebhookEvent, effect: Callable[[], object]) -> None:
    """Make the effect, as far as the wish lets it."""
    tries = note(event, "tried")
    if tries == 1:
        die_if(event, "before")
    effect()
    if tries == 1:
        die_if(event, "in")
    while wish(event).get("waits") and not mark(event, "go").exists():
        time.sleep(0.02)
    if tries <= wish(event).get("fails", 0):
        raise RuntimeError("a handler that fails")
