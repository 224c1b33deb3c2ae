"""The handlers of the Django project in `test_django.py`, which fail, wait or are killed as a delivery asks for.

Not a test: it is copied into the project, beside the page's settings and urls.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from django.db import transaction


def act(number: str, wish: dict[str, Any], effect: Any) -> None:
    """Make the effect, as often as the wish lets it."""
    marks = Path(os.environ["SHOP_MARKS"]) / number
    with marks.open("a+") as file:
        file.write(".")
        tries = file.tell()
    first = tries == 1
    if first and wish.get("kill") == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    effect()
    time.sleep(wish.get("seconds", 0))
    if first and wish.get("kill") == "in":
        os.kill(os.getpid(), signal.SIGKILL)
    if first and wish.get("kill") == "after":
        transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
    if tries <= wish.get("fails", 0):
        raise RuntimeError("a handler that fails")
