"""The provider for Airflow, in Airflow itself: found, connected, and a mapped DAG on a real scheduler that pays each once.

Run by `make airflow`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from kraty_server import CurrencyEntry, KratyServer
from kraty_server.testing import Emulator
from tests.frameworks.page import block
from tests.frameworks.test_airflow import Airflow, airflow
from tests.frameworks.test_queued_webhooks import replaced
from tests.frameworks.workers import ROOT, until

pytestmark = [
    pytest.mark.skipif(find_spec("airflow") is None, reason="no Airflow here: `make airflow` has one of its own"),
    pytest.mark.timeout(600),
]
PAGE = "airflow.md"
WINNERS = [f"player_{number}" for number in range(8)]
DEATH = '''

def die_once(player):
    """Where a grant is made, and not yet claimed."""
    mark = Path(os.environ["DEATHS"]) / player
    if mark.exists():
        mark.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
'''
SHOW = """
# dags/show.py
from airflow.sdk import dag, task

from kraty_server.airflow import KratyHook


@dag(dag_id="show", schedule=None)
def show() -> None:
    @task
    def shown() -> None:
        key = KratyHook().get_connection("kraty_default").password
        print("the key is", key)
        raise ValueError(f"{key} was shown")

    shown()


show()
"""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def kraty(emulator: Emulator) -> Iterator[KratyServer]:
    with KratyServer(api_key=emulator.api_key, base_url=emulator.url) as made:
        yield made


def connection(emulator: Emulator) -> dict[str, str]:
    return {"conn_type": "kraty", "password": emulator.api_key, "host": emulator.url}


def command(folder: Path, *arguments: str, **environment: str) -> str:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "generated")])
    given = os.environ | {"AIRFLOW_HOME": str(folder), "PYTHONPATH": paths} | environment
    done = subprocess.run(
        [sys.executable, "-m", "airflow", *arguments], env=given, cwd=folder, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def test_airflow_lists_the_provider_its_hook_and_its_form(tmp_path: Path) -> None:
    assert "kraty-server" in command(tmp_path, "providers", "list")
    assert "kraty_server.airflow.hook.KratyHook" in command(tmp_path, "providers", "hooks", "-o", "plain")
    shown = command(tmp_path, "providers", "behaviours", "-o", "plain")
    (line,) = (line for line in shown.splitlines() if line.startswith("kraty"))
    assert line


def test_the_command_that_tests_a_connection_asks_kraty(tmp_path: Path, emulator: Emulator) -> None:
    given = {
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW_CONN_KRATY_DEFAULT": json.dumps(connection(emulator)),
        "AIRFLOW_CONN_KRATY_WRONG": json.dumps(connection(emulator) | {"password": "sk_test_none.none"}),
    }
    command(tmp_path, "db", "migrate", **given)
    assert "Connection success!" in (said := command(tmp_path, "connections", "test", "kraty_default", **given)), said
    assert "session_invalid" in command(tmp_path, "connections", "test", "kraty_wrong", **given)
    assert emulator.api_key not in said


@pytest.mark.parametrize("host", ["", "kraty.example", "https://kraty.example/behind", "http://127.0.0.1:8080"])
def test_a_connection_in_a_uri_is_the_same_one(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow itself makes a URI of a connection that is tested from its form."""
    sdk, models, ours = map(import_module, ("airflow.sdk", "airflow.models.connection", "kraty_server.airflow.hook"))
    made = {"conn_id": "kraty_uri", "conn_type": "kraty", "password": "sk_test.a+b/c@d", "host": host}
    for kind in (sdk.Connection, models.Connection):
        monkeypatch.setenv("AIRFLOW_CONN_KRATY_URI", kind(**made).get_uri())
        with ours.KratyHook("kraty_uri").get_conn() as client:
            url = client._options.base_url.removeprefix("https://").replace("api.kraty.io", "")
            assert (url, client._options.key.reveal()) == (host.removeprefix("https://"), made["password"])


class Studio:
    """A scheduler with the DAGs of the page, and what became of their tasks."""

    def __init__(self, running: Airflow, folder: Path) -> None:
        self.folder = folder
        self.api = httpx.Client(base_url=f"{running.url}/api/v2", headers=running.headers, timeout=60)

    def run(self, dag: str, conf: dict[str, Any]) -> str:
        answer = self.api.post(f"/dags/{dag}/dagRuns", json={"logical_date": None, "conf": conf})
        return str(answer.raise_for_status().json()["dag_run_id"])

    def state(self, dag: str, run: str) -> str:
        return str(self.api.get(f"/dags/{dag}/dagRuns/{run}").raise_for_status().json()["state"])

    def ended(self, dag: str, run: str) -> str:
        until(lambda: self.state(dag, run) in ("success", "failed"), lambda: self.tasks(dag, run), 240)
        return self.state(dag, run)

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        answer = self.api.get(f"/dags/{dag}/dagRuns/{run}/taskInstances", params={"limit": 100})
        return list(answer.raise_for_status().json()["task_instances"])

    def clear(self, dag: str, run: str) -> None:
        body = {"dry_run": False, "dag_run_id": run, "only_failed": False, "reset_dag_runs": True}
        self.api.post(f"/dags/{dag}/clearTaskInstances", json=body).raise_for_status()

    def stored(self, column: str, run: str) -> list[Any]:
        with sqlite3.connect(self.folder / "airflow.db") as db:
            rows = db.execute(f"SELECT {column} FROM task_instance WHERE run_id = ? AND {column} IS NOT NULL", (run,))
            return [row[0] for row in rows]

    def logged(self) -> str:
        """The logs of tasks, as Airflow shows them."""
        return "\n".join(file.read_text("utf-8", "replace") for file in (self.folder / "logs").rglob("*.log"))

    def written(self) -> str:
        """Those, and what Airflow itself has printed."""
        return (self.folder / "airflow.log").read_text("utf-8", "replace") + self.logged()


@contextmanager
def studio(folder: Path, emulator: Emulator) -> Iterator[Studio]:
    shorter = {
        "KratyRetryPolicy()": "KratyRetryPolicy(fix_delay=timedelta(seconds=1))",
        "timedelta(seconds=30)": "timedelta(seconds=1)",
        '    "retry_exponential_backoff": True,\n': "",
    }
    deadly = {
        "import logging\n": "import logging\nimport os\nimport signal\nfrom pathlib import Path\n",
        "\n\n@dag(": f"\n{DEATH}\n\n@dag(",
        "            kraty.grants.ack(": "            die_once(player)\n            kraty.grants.ack(",
    }
    recipe = replaced(block(PAGE, "# dags/rewards.py"), shorter | deadly)
    (folder / "dags").mkdir()
    (folder / "deaths").mkdir()
    (folder / "dags" / "rewards.py").write_text(recipe)
    (folder / "dags" / "rewards_async.py").write_text(block(PAGE, "# dags/rewards_async.py"))
    (folder / "dags" / "show.py").write_text(SHOW)
    with airflow(
        folder,
        AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="False",
        AIRFLOW_CONN_KRATY_DEFAULT=json.dumps(connection(emulator)),
        DEATHS=str(folder / "deaths"),
    ) as running:
        made = Studio(running, folder)
        with made.api:
            until(
                lambda: len(made.api.get("/dags").json()["dags"]) == 3,
                lambda: made.api.get("/importErrors").json(),
                120,
            )
            yield made


def gold(kraty: KratyServer, player: str) -> int:
    return sum(int(entry.balance) for entry in kraty.players.get(player).wallet)


def test_a_mapped_dag_pays_each_player_once(tmp_path: Path, emulator: Emulator, kraty: KratyServer) -> None:
    """Over lost answers, a revoked key, killed processes, a cleared run and a second one; and the key is in no log."""
    with studio(tmp_path, emulator) as shop:
        conf = {"season": "season-12", "winners": [{"player": player, "gold": 500} for player in WINNERS]}
        emulator.fault("grants.create", drop_after_commit=12)  # of three tasks all answers are lost, or of more
        emulator.fault("grants.ack", status=401, code="session_invalid", times=2)
        for player in WINNERS[:2]:
            (tmp_path / "deaths" / player).touch()
        first = shop.run("rewards", conf)
        assert shop.ended("rewards", first) == "success", shop.tasks("rewards", first)
        assert {player: gold(kraty, player) for player in WINNERS} == dict.fromkeys(WINNERS, 500)
        assert emulator.unused_faults == []
        assert not list((tmp_path / "deaths").iterdir())
        tasks = [one for one in shop.tasks("rewards", first) if one["task_id"] == "reward"]
        assert sum(one["try_number"] - 1 for one in tasks) >= 4  # two that died, two with the revoked key
        assert {one["rendered_map_index"] for one in tasks} == set(WINNERS)
        assert "fix: [401] session_invalid" in shop.written()

        shop.clear("rewards", first)
        second = shop.run("rewards", conf | {"winners": conf["winners"][::-1]})
        for run in (first, second):
            assert shop.ended("rewards", run) == "success"
        assert {player: gold(kraty, player) for player in WINNERS} == dict.fromkeys(WINNERS, 500)

        kraty.grants.create("used", entries=[CurrencyEntry("gold", 1)], idempotency_key="season-12/used")
        refused = shop.run("rewards", {"season": "season-12", "winners": [{"player": "used", "gold": 500}]})
        assert shop.ended("rewards", refused) == "failed"
        (one,) = (one for one in shop.tasks("rewards", refused) if one["task_id"] == "reward")
        assert (one["state"], one["try_number"], one["max_tries"]) == ("failed", 1, 100)
        assert "refuse: [409] idempotency_conflict" in shop.written()

        emulator.fault("grants.create", status=503, retry_after=900, times=1)
        asked = shop.run("rewards", {"season": "season-13", "winners": [{"player": "asked", "gold": 500}]})
        until(lambda: shop.stored("retry_delay_override", asked) == [900.0], lambda: shop.tasks("rewards", asked), 120)

        waited = shop.run("rewards_async", {"season": "season-12", "player": "awaited"})
        assert shop.ended("rewards_async", waited) == "success"
        assert gold(kraty, "awaited") == 500

        assert emulator.api_key not in shop.written()
        assert shop.ended("show", shop.run("show", {})) == "failed"  # a task that prints and raises the key
        until(lambda: "the key is ***" in shop.logged(), shop.logged)
        assert emulator.api_key not in shop.logged()
