"""Jobs in real engines whose workers are killed in the midst of their work, then an audit of the emulator's books.

`make engines` runs each engine in an environment of its own, as `python -m tests.bulk.engines ray`, and prints the rows
of the table in docs/bulk.md.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import httpx

from kraty_server import bulk
from kraty_server.bulk import job as job_module
from kraty_server.testing import Emulator
from tests.bulk.books import asked, booked, currency_rows
from tests.bulk.kills import answered
from tests.bulk.workers import map_busily, map_each_busily, send_busily
from tests.frameworks.page import block
from tests.frameworks.workers import supervised
from tests.services import REDIS

ROOT = Path(__file__).parents[2]
PART = 1000
"""Rows of a partition, or of a chunk."""
FILES = 10
"""That the rows are in, for Airflow."""
Rows: TypeAlias = list[dict[str, Any]]
Statuses: TypeAlias = Counter[str]


def ray(rows: Rows, folder: Path) -> Statuses:
    engine, data, pa = import_module("ray"), import_module("ray.data"), import_module("pyarrow")
    engine.init(num_cpus=2, include_dashboard=False, object_store_memory=2**28, log_to_driver=False)
    try:
        tables = data.from_arrow(pa.Table.from_pylist(rows)).repartition(len(rows) // PART)
        done = tables.map_batches(partial(map_busily, function()), batch_format="pyarrow", batch_size=PART)
        return Counter(row["kraty_status"] for row in done.iter_rows())
    finally:
        engine.shutdown()


def spark(rows: Rows, folder: Path) -> Statuses:
    sql, types, pandas = import_module("pyspark.sql"), import_module("pyspark.sql.types"), import_module("pandas")
    builder = (
        sql.SparkSession.builder.master("local[2,8]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
    )
    session = builder.config("spark.log.level", "OFF").config("spark.local.dir", str(folder)).getOrCreate()
    try:
        frame = session.createDataFrame(pandas.DataFrame(rows)).repartition(len(rows) // PART)
        added = [types.StructField(name, types.StringType()) for name in bulk.OUTCOMES]
        send = function()
        done = frame.mapInArrow(
            lambda batches: map_each_busily(send, batches), types.StructType([*frame.schema, *added])
        )
        return Counter(row[0] for row in done.select("kraty_status").collect())
    finally:
        session.stop()


@contextmanager
def dask_cluster() -> Iterator[Any]:
    distributed = import_module("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def dask_frames(rows: Rows, folder: Path) -> Statuses:
    frames, pandas = import_module("dask.dataframe"), import_module("pandas")
    with dask_cluster():
        frame = frames.from_pandas(pandas.DataFrame(rows), npartitions=len(rows) // PART)
        send = function()
        done = frame.map_partitions(partial(map_busily, send), meta=send(frame._meta))
        return Counter(done["kraty_status"].compute())


def dask(rows: Rows, folder: Path) -> Statuses:
    with dask_cluster() as client:
        return run_job(rows, client.get_executor())


def celery(rows: Rows, folder: Path) -> Statuses:
    """The recipe of the page, with a prefork pool whose processes are killed."""
    recipe = replaced(block("bulk.md", "# jobs.py"), {
        "redis://localhost:6379/0": REDIS,
        'Celery("jobs",': f'Celery("jobs", task_default_queue="{uuid4().hex}",',
        "from kraty_server.bulk.send import send\n": "from tests.bulk.workers import send_busily as send\n",
    })  # fmt: skip
    (folder / "jobs.py").write_text(recipe)
    sys.path.insert(0, str(folder))
    jobs = import_module("jobs")
    command = ["celery", "-A", "jobs", "worker", "-c", "2", "--without-gossip", "--without-mingle", "-l", "WARNING"]
    with supervised(command, folder):
        try:
            with jobs.CeleryExecutor(4) as executor:
                return run_job(rows, executor)
        finally:
            jobs.app.control.purge()


def airflow(rows: Rows, folder: Path) -> Statuses:
    """The recipe of the page, with tasks that are killed."""
    pa, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    recipe = replaced(block("bulk.md", "# dags/make_good.py"), {
        "/data/make-good": str(folder / "data"),
        "from kraty_server import bulk\n": "from kraty_server import bulk\nfrom tests.bulk.workers import map_busily\n",
        "function(pq": "map_busily(function, pq",
        "seconds=30": "seconds=1",
    })  # fmt: skip
    for name in ("dags", "data"):
        (folder / name).mkdir()
    (folder / "dags" / "make_good.py").write_text(recipe)
    size = -(-len(rows) // FILES)
    for start in range(0, len(rows), size):
        parquet.write_table(pa.Table.from_pylist(rows[start : start + size]), folder / "data" / f"{start}.parquet")
    deployed = import_module("tests.frameworks.test_airflow").airflow
    connection = {
        "conn_type": "kraty",
        "password": os.environ.pop("KRATY_SERVER_KEY"),
        "host": os.environ["KRATY_BASE_URL"],
    }
    with deployed(
        folder, AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="False", AIRFLOW_CONN_KRATY_DEFAULT=json.dumps(connection)
    ) as running:
        runs = f"{running.url}/api/v2/dags/make_good/dagRuns"
        begun = httpx.post(runs, headers=running.headers, json={"logical_date": None}, timeout=30).raise_for_status()
        run = f"{runs}/{begun.json()['dag_run_id']}"
        while httpx.get(run, headers=running.headers, timeout=30).json()["state"] in ("queued", "running"):
            time.sleep(1)
    statuses = Statuses()
    for path in (folder / "data").glob("*.done"):
        statuses.update(parquet.read_table(path)["kraty_status"].to_pylist())
    return statuses


def replaced(recipe: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in recipe, old
        recipe = recipe.replace(old, new)
    return recipe


def function() -> bulk.ArrowFunction:
    return bulk.arrow_function("engines", bulk.import_wallet(), began=datetime.now(UTC))


def run_job(rows: Rows, executor: Any) -> Statuses:
    job_module.send = send_busily  # type: ignore[attr-defined,unused-ignore]
    report = bulk.Job("engines", bulk.import_wallet(), rows).run(executor=executor, in_flight=4)
    if not report.ok:
        print(report.as_json(), file=sys.stderr)
    return Counter(applied=report.applied, replayed=report.replayed, other=report.rows - report.settled)


ENGINES: dict[str, Callable[[Rows, Path], Statuses]] = {
    "dask": dask, "dask-frames": dask_frames, "ray": ray, "spark": spark, "celery": celery, "airflow": airflow,
}  # fmt: skip


class Killer(threading.Thread):
    """Kills workers that are at work, evenly over the requests that the rows take."""

    def __init__(self, emulator: Emulator, kills: int, requests: int, signs: Path) -> None:
        super().__init__(daemon=True)
        self.emulator, self.signs = emulator, signs
        self.targets = [requests * (number + 1) // (kills + 1) for number in range(kills)]
        self.kills = 0
        self.ended = threading.Event()

    def run(self) -> None:
        for target in self.targets:
            while answered(self.emulator) < target or not self.strike():
                if self.ended.wait(0.002):
                    return
            self.kills += 1

    def strike(self) -> bool:
        for sign in self.signs.iterdir():
            try:
                os.kill(int(sign.name), signal.SIGKILL)
            except ProcessLookupError:
                continue
            finally:
                sign.unlink(missing_ok=True)
            return True
        return False


def audited(engine: str, rows: Rows, kills: int) -> bool:
    """Run an engine, print its row of the table, and tell whether each row was booked once and came back as done."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, Emulator() as emulator:
        folder = Path(name)
        (folder / "busy").mkdir()
        os.environ |= {
            "KRATY_SERVER_KEY": emulator.api_key,
            "KRATY_BASE_URL": emulator.url,
            "BUSY": str(folder / "busy"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "generated")]),
            "PYSPARK_PYTHON": sys.executable,
        }
        os.chdir(folder)
        emulator.fault("migrate.wallet", drop_after_commit=10**6, probability=0.04, seed=1)
        killer = Killer(emulator, kills, len(rows) // PART, folder / "busy")
        killer.start()
        begun = time.monotonic()
        statuses = ENGINES[engine](rows, folder)
        seconds = time.monotonic() - begun
        killer.ended.set()
        killer.join()
        books, should = booked(emulator), asked(rows)
        doubled, lost = (books - should).total(), (should - books).total()
        print(
            f"| {engine} | {len(rows):,} | {killer.kills} | {doubled} | {lost} | {statuses['replayed']:,} | {seconds:.0f} |"
        )
        os.chdir(ROOT)
    done = statuses["applied"] + statuses["replayed"]
    if done != len(rows) or killer.kills != kills:
        print(f"{engine}: {dict(statuses)} of {len(rows)} rows, {killer.kills} of {kills} kills", file=sys.stderr)
    return doubled == lost == 0 and done == len(rows) and killer.kills == kills


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--kills", type=int, default=3)
    given = parser.parse_args()
    rows = currency_rows(given.rows)
    return 0 if audited(given.engine, rows, given.kills) else 1


if __name__ == "__main__":
    sys.exit(main())
