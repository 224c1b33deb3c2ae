"""The page about workers in Airflow itself: what `decision` does to a task, and one effect of an event. Run by `make airflow`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from kraty_server import CurrencyEntry, KratyServer
from kraty_server.testing import Emulator
from tests.frameworks.page import block
from tests.frameworks.test_queued_webhooks import (
    PAGE,
    Shop,
    assert_every_event_has_one_effect,
    replaced,
)
from tests.frameworks.test_queues import PLAYER, TRIES, gold, source
from tests.frameworks.workers import ROOT, supervised, until
from tests.servers.fault_proxy import free_port

pytestmark = [
    pytest.mark.skipif(find_spec("airflow") is None, reason="no Airflow here: `make airflow` has one of its own"),
    pytest.mark.timeout(600),
]
DAG = """
from airflow.sdk import dag, task


@dag(dag_id="fulfil", schedule=None)
def purchase():
    {task}
    task_of_the_page("{{{{ dag_run.conf['player'] }}}}", "{{{{ dag_run.conf['receipt'] }}}}")


fulfil_dag = purchase()
"""
RUN = """
from shop import fulfil_dag

for receipt in ("lost", "revoked", "used", "last"):
    ran = fulfil_dag.test(run_conf={"player": "player_42", "receipt": receipt})
    print("ended:", receipt, ran.state, flush=True)
"""


class Airflow:
    """All of Airflow on one machine, with its own database, and the DAGs of a folder."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.token = ""

    def is_up(self) -> bool:
        try:
            health = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
            self.token = httpx.get(f"{self.url}/auth/token", timeout=5).json()["access_token"]
        except (httpx.HTTPError, LookupError, ValueError):  # a server that has just begun answers with less
            return False
        return all(health[part]["status"] == "healthy" for part in ("scheduler", "dag_processor")) and self.knows_dags()

    def knows_dags(self) -> bool:
        answer = httpx.get(f"{self.url}/api/v2/dags", headers=self.headers, timeout=5).json()
        return bool(answer["total_entries"])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


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
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    }
    with supervised(["airflow", "standalone"], folder, "airflow.log", **(settings | environment)) as printed:
        running = Airflow(url)
        until(running.is_up, printed, 240)
        yield running


@pytest.mark.parametrize("recipe", ["fulfil_with_policy", "fulfil_or_fail"])
def test_a_task(recipe: str, tmp_path: Path) -> None:
    """As `airflow dags test` runs it: Airflow's own task runner with the policy, and no scheduler."""
    shop = source(f"def {recipe}(") + DAG.format(task=f"task_of_the_page = {recipe}")
    shop = replaced(shop, {"retry_delay=timedelta(seconds=30)": "retry_delay=timedelta(seconds=1)"})
    shop = shop.replace("KratyRetryPolicy()", "KratyRetryPolicy(fix_delay=timedelta(seconds=1))")
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "shop.py").write_text(shop)
    (tmp_path / "run.py").write_text(RUN)
    with Emulator() as emulator, KratyServer(api_key=emulator.api_key, base_url=emulator.url) as kraty:
        kraty.grants.create(PLAYER, entries=[CurrencyEntry("gold", 1)], idempotency_key="used")
        emulator.fault("grants.create", drop_after_commit=TRIES)
        emulator.fault("grants.create", status=401, code="session_invalid", times=2)
        paths = os.pathsep.join([str(tmp_path / "dags"), str(ROOT), str(ROOT / "generated")])
        environment = os.environ | {
            "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PYTHONPATH": paths,
            "KRATY_SERVER_KEY": emulator.api_key, "KRATY_BASE_URL": emulator.url,
        }  # fmt: skip
        printed = ""
        for command in (["-m", "airflow", "db", "migrate"], ["-m", "airflow", "dags", "reserialize"], ["run.py"]):
            ended = subprocess.run(
                [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            printed = ended.stdout + ended.stderr
            assert ended.returncode == 0, printed
        states = dict(line.split()[1:3] for line in printed.splitlines() if line.startswith("ended:"))
        assert states == {"lost": "success", "revoked": "success", "used": "failed", "last": "success"}, printed
        assert "Kraty cannot be used as it is set up" in printed
        assert gold(kraty) == 1500
        assert emulator.unused_faults == []


def test_webhooks(tmp_path: Path, postgres: str) -> None:
    """A worker takes its scheduler along, whose tasks are orphans then, or it does not, and their heartbeat is missed."""
    shop = Shop(tmp_path, postgres, patience=240)
    # Fifty deliveries at once are much for the one process of its server: those that time out come again, but not here.
    patient = {"httpx.Client(": "httpx.Client(timeout=60, "}
    shop.write(replaced(block(PAGE, "# tasks.py\nimport os\nfrom typing"), patient))
    (tmp_path / "dags").mkdir()
    changes = {"retry_delay=timedelta(seconds=5)": "retry_delay=timedelta(seconds=1)"}
    (tmp_path / "dags" / "webhooks.py").write_text(replaced(block(PAGE, "# dags/webhooks.py"), changes))
    with airflow(tmp_path, **shop.environment) as running:
        shop.environment |= {"AIRFLOW_URL": running.url, "AIRFLOW_TOKEN": running.token}
        with shop.open():
            assert_every_event_has_one_effect(shop, "process", each_runs=False)
            for whom in ("supervisor", "worker"):
                gone = shop.happens(f"{whom}:in")
                shop.assert_one_effect(gone, 1)
                assert shop.reached(gone)
