"""The page about workers in Airflow itself: what `decision` does to a task, and one effect of an event. Run by `make airflow`."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from kraty_server.testing import Emulator
from tests.frameworks.page import block
from tests.frameworks.test_queued_webhooks import (
    PAGE,
    Shop,
    assert_every_event_has_one_effect,
    replaced,
)
from tests.frameworks.test_queues import PLAYER, assert_each_task_ends_as_it_should, source
from tests.frameworks.test_recipes import free_port
from tests.frameworks.workers import supervised, until

pytestmark = [
    pytest.mark.skipif(find_spec("airflow") is None, reason="no Airflow here: `make airflow` has one of its own"),
    pytest.mark.timeout(600),
]
DAG = """
from airflow.sdk import dag, task


@dag(dag_id="fulfil", schedule=None, is_paused_upon_creation=False)
def purchase() -> None:
    {task}
    task_of_the_page("{{{{ dag_run.conf['player'] }}}}", "{{{{ dag_run.conf['receipt'] }}}}")


purchase()
"""
POLICY = """
    @task(retries=100, retry_delay=timedelta(seconds=1), retry_policy=KratyRetryPolicy())
    def task_of_the_page(player, receipt):
        return fulfil(player, receipt)
"""


class Airflow:
    """All of Airflow on one machine, with its own database, and the DAGs of a folder."""

    def __init__(self, folder: Path, url: str, printed: Callable[[], str]) -> None:
        self.folder, self.url, self.started = folder, url, printed
        self.token = ""

    def is_up(self) -> bool:
        try:
            health = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
            self.token = httpx.get(f"{self.url}/auth/token", timeout=5).json()["access_token"]
        except (httpx.HTTPError, ValueError):
            return False
        return all(health[part]["status"] == "healthy" for part in ("scheduler", "dag_processor")) and self.knows_dags()

    def knows_dags(self) -> bool:
        answer = httpx.get(f"{self.url}/api/v2/dags", headers=self.headers, timeout=5).json()
        return bool(answer["total_entries"])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def run(self, dag: str, name: str, conf: dict[str, Any]) -> str:
        body = {"dag_run_id": name, "logical_date": None, "conf": conf}
        httpx.post(
            f"{self.url}/api/v2/dags/{dag}/dagRuns", headers=self.headers, json=body, timeout=60
        ).raise_for_status()
        return name

    def state(self, dag: str, name: str) -> str:
        answer = httpx.get(f"{self.url}/api/v2/dags/{dag}/dagRuns/{name}", headers=self.headers, timeout=60)
        return str(answer.json()["state"])

    def due(self, name: str) -> float:
        """When a task that failed is to run again, in seconds since 1970."""
        asked = "strftime('%s', end_date) + retry_delay_override"
        with closing(sqlite3.connect(self.folder / "airflow.db", timeout=30)) as db:
            sql = f"SELECT {asked} FROM task_instance WHERE run_id = ? AND state = 'up_for_retry'"
            row = db.execute(sql, (name,)).fetchone()
        return float(row[0] or 0) if row else 0

    def printed(self) -> str:
        return self.started() + "".join(path.read_text("utf-8", "replace") for path in self.folder.glob("logs/dag_id=*/**/*.log"))  # fmt: skip


@contextmanager
def airflow(folder: Path, **environment: str) -> Iterator[Airflow]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "AIRFLOW_HOME": str(folder),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),  # it starts itself by its name
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    }
    with supervised(["airflow", "standalone"], folder, "airflow.log", **settings, **environment) as printed:
        running = Airflow(folder, url, printed)
        until(running.is_up, printed, 240)
        yield running


@pytest.mark.parametrize("recipe", ["policy", "exception"])
def test_a_task(recipe: str, tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    if recipe == "policy":
        shop = source("import RetryDecision") + DAG.format(task=POLICY)
    else:
        shop = source("def fulfil_or_fail(") + DAG.format(task="task_of_the_page = fulfil_or_fail")
        shop = shop.replace("retry_delay=timedelta(seconds=30)", "retry_delay=timedelta(seconds=1)")
    (tmp_path / "dags" / "shop.py").write_text(shop)
    with Emulator() as emulator:
        environment = {"KRATY_SERVER_KEY": emulator.api_key, "KRATY_BASE_URL": emulator.url}
        with airflow(tmp_path, **environment) as running:

            def enqueue(receipt: str) -> str:
                return running.run("fulfil", receipt, {"player": PLAYER, "receipt": receipt})

            due = running.due if recipe == "policy" else None
            assert_each_task_ends_as_it_should(emulator, enqueue, running.printed, due, 180)
            until(lambda: running.state("fulfil", "used") == "failed", running.printed)
            until(lambda: running.state("fulfil", "last") == "success", running.printed)


def test_webhooks(tmp_path: Path, postgres: str) -> None:
    shop = Shop(tmp_path, postgres, patience=240)
    shop.write(block(PAGE, "# tasks.py\nimport os\nfrom typing"))
    (tmp_path / "dags").mkdir()
    changes = {"retry_delay=timedelta(seconds=5)": "retry_delay=timedelta(seconds=1)"}
    (tmp_path / "dags" / "webhooks.py").write_text(replaced(block(PAGE, "# dags/webhooks.py"), changes))
    with airflow(tmp_path, **shop.environment) as running:
        shop.environment |= {"AIRFLOW_URL": running.url, "AIRFLOW_TOKEN": running.token}
        with shop.open():
            assert_every_event_has_one_effect(shop, "process", each_runs=False)
            gone = shop.happens("worker:in")
            shop.assert_one_effect(gone, 1)
            assert shop.reached(gone)
