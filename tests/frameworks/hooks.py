"""The hooks module that the recipes of docs/frameworks.md import, with handlers that fail as a delivery asks for.

Not a test: it is copied beside each recipe.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

from kraty_server.webhooks import WebhookEvent, Webhooks

DATABASE = os.environ["SHOP_DATABASE"]


def connect() -> sqlite3.Connection:
    return sqlite3.connect(DATABASE, timeout=60)


def once(event: WebhookEvent, handle: Callable[[sqlite3.Connection], object]) -> bool:
    with closing(connect()) as db, db:
        if db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (event.id,)).rowcount == 0:
            return False
        handle(db)
        return True


kraty = Webhooks(once=once)


@kraty.on(WebhookEvent)
def effect(event: WebhookEvent, db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO effects VALUES (?)", (event.id,))
    wish = event.to_dict()["data"]
    time.sleep(wish.get("seconds", 0))
    marks = f"{DATABASE}.{event.id}"
    with open(marks, "a+") as file:
        file.write(".")
        if file.tell() <= wish.get("fails", 0):
            raise RuntimeError("a handler that fails")
