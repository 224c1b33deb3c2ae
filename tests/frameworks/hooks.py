"""The hooks module that the recipes of docs/frameworks.md import, with a handler that does what a delivery asks for.

Not a test: it is copied beside each recipe.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing

from kraty_server.webhooks import WebhookEvent, Webhooks
from tests.frameworks.wishes import act, die_if, note


def once(event: WebhookEvent, handle: Callable[[sqlite3.Connection], object]) -> bool:
    note(event, "came")
    with closing(sqlite3.connect(os.environ["SHOP_DATABASE"], timeout=60)) as db, db:
        if db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (event.id,)).rowcount == 0:
            return False
        handle(db)
    die_if(event, "after")
    return True


kraty = Webhooks(once=once)


@kraty.on(WebhookEvent)
def effect(event: WebhookEvent, db: sqlite3.Connection) -> None:
    act(event, lambda: db.execute("INSERT INTO effects VALUES (?)", (event.id,)))
