"""The application that Celery's worker of `test_interruptions.py` loads; queue and Redis come from the environment."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from tests.world.purchase import purchase

REDIS = os.environ.get("KRATY_TEST_REDIS", "redis://127.0.0.1:6379/0")

celery: Any = import_module("celery")  # it has no types
app = celery.Celery("kraty", broker=REDIS, backend=REDIS)
app.conf.update(
    task_default_queue=os.environ.get("KRATY_TEST_QUEUE", "kraty-test"),
    result_expires=60,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=False,
)

fulfil = app.task(name="fulfil", soft_time_limit=1, time_limit=40)(purchase)
