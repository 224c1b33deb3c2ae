"""What workers run: jobs of Celery and of RQ that make a purchase, and write down what became of it.

Not a test: `test_interruptions.py` starts the workers, with the queue and the file in the environment.
"""

from __future__ import annotations

import json
import os
from typing import Any

from celery import Celery

from kraty_server import KratyServer

REDIS = os.environ.get("KRATY_TEST_REDIS", "redis://127.0.0.1:6379/0")
QUEUE = os.environ.get("KRATY_TEST_QUEUE", "kraty-test")

app = Celery("jobs", broker=REDIS, backend=REDIS)
app.conf.update(
    task_default_queue=QUEUE,
    task_ignore_result=False,
    result_expires=60,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=False,
)


def purchase(url: str, path: str) -> None:
    """Buy over a server that does not answer; then use the same client once more, as the next job would."""
    with KratyServer(api_key="prefix.secret", base_url=url, timeout=6.0, deadline=8.0) as kraty:
        kraty.health.ping()  # so that there is a connection to take
        try:
            kraty.wallet.credit("p", "gold", amount=5, idempotency_key="receipt-1")
        except BaseException as error:
            told: dict[str, Any] = {"type": type(error).__name__, "notes": getattr(error, "__notes__", [])}
            told["afterwards"] = kraty.health.ping().ok
            with open(path, "w") as file:
                json.dump(told, file)
            raise


fulfil = app.task(name="fulfil", soft_time_limit=1, time_limit=40)(purchase)
