"""Work is carried out anywhere, by workers that die: pools of processes and Dask, each row once, the API key in none of it."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kraty_server import CurrencyEntry, KratyServer, bulk
from kraty_server.bulk import job as job_module
from kraty_server.bulk.run import DEATHS
from kraty_server.testing import Emulator
from tests.bulk.books import asked, booked, currency_rows
from tests.bulk.workers import send_and_die

SPAWN = get_context("spawn")


@pytest.fixture
def served(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Emulator:
    """Workers find it by their environment."""
    monkeypatch.setenv("KRATY_SERVER_KEY", emulator.api_key)
    monkeypatch.setenv("KRATY_BASE_URL", emulator.url)
    monkeypatch.setenv("DEATHS", str(tmp_path))
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    )
    return emulator


def to_die(folder: Path, times: int) -> None:
    for number in range(times):
        (folder / f"die-{number}").touch()


class Noting(ThreadPoolExecutor):
    """Keeps what it is given, as a broker would."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self.given: list[bytes] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.given.append(pickle.dumps((fn, args, kwargs)))
        return super().submit(fn, *args, **kwargs)


def test_threads_of_yours_and_no_key_in_what_they_are_given(served: Emulator, tmp_path: Path) -> None:
    rows = currency_rows(100)
    with Noting(3) as pool:
        assert bulk.Job("job", bulk.credit(), rows).run(executor=pool).ok
    assert booked(served) == asked(rows)
    secret = served.api_key.partition(".")[2].encode()
    assert len(pool.given) >= 5
    assert not any(secret in one for one in pool.given)
    assert not any(secret in path.read_bytes() for path in tmp_path.iterdir() if path.is_file())


@pytest.mark.timeout(300)
def test_a_pool_of_processes_whose_workers_die_is_made_anew(
    served: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "send", send_and_die)
    rows = currency_rows(120)
    to_die(tmp_path, 2)
    pools: list[Executor] = []

    def make() -> Executor:
        pools.append(ProcessPoolExecutor(2, mp_context=SPAWN))
        return pools[-1]

    report = bulk.Job("job", bulk.credit(), rows).run(executor=make)
    assert report.ok
    assert report.lost >= 1
    assert len(pools) >= 2
    assert booked(served) == asked(rows)


@pytest.mark.timeout(300)
def test_a_pool_that_is_not_ours_to_make_stops_the_job_and_loses_nothing(
    served: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "send", send_and_die)
    rows = currency_rows(120)
    to_die(tmp_path, 1)
    job = bulk.Job("job", bulk.credit(), rows)
    with ProcessPoolExecutor(2, mp_context=SPAWN) as pool:
        report = job.run(executor=pool)
    assert "the executor broke (BrokenProcessPool: " in str(report.stopped)
    assert "give a function that makes the executor" in str(report.stopped)
    assert report.counted == report.rows
    assert job.run().ok
    assert booked(served) == asked(rows)


def test_workers_that_cannot_work_stop_the_job(served: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    class Useless(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            return super().submit(partial(int, "no worker"))

    report = bulk.Job("job", bulk.credit(), currency_rows(200)).run(executor=partial(Useless, 2))
    assert "no worker carries out its work: ValueError" in str(report.stopped)
    assert served.ledger() == []


@pytest.mark.parametrize("can_be_made", [True, False])
def test_executors_that_take_no_work_stop_the_job(served: Emulator, *, can_be_made: bool) -> None:
    made: list[Executor] = []

    def make() -> Executor:
        if made and not can_be_made:
            raise OSError("no scheduler")
        made.append(ThreadPoolExecutor(1))
        made[-1].shutdown()
        return made[-1]

    report = bulk.Job("job", bulk.credit(), currency_rows(200)).run(executor=make)
    assert "the executor broke (RuntimeError: cannot schedule new futures after shutdown)" in str(report.stopped)
    assert ("so did those that were made anew" if can_be_made else "OSError: no scheduler") in str(report.stopped)
    assert (report.unsent, report.unknown) == (report.rows, 0)
    assert served.ledger() == []
    assert bulk.Job("job", bulk.credit(), currency_rows(200)).run().ok
    assert booked(served) == asked(currency_rows(200))


def test_workers_need_a_key_of_their_own(served: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    with served.client() as kraty:
        monkeypatch.delenv("KRATY_SERVER_KEY")
        report = bulk.Job("job", bulk.credit(), currency_rows(200)).run(
            client=kraty, executor=partial(ProcessPoolExecutor, 1, SPAWN)
        )
    assert "api_key: give a server_integration key, or set KRATY_SERVER_KEY" in str(report.stopped)
    assert report.counted == report.rows


def test_ctrl_c_ends_the_job_with_what_was_under_way_in_the_journal(
    emulator: Emulator, kraty: KratyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kraty_server.bulk.run.HEARTBEAT", 0.001)  # else the job may be over before the first
    rows = currency_rows(500)
    job = bulk.Job("job", bulk.credit(), rows)

    def press(progress: bulk.Progress) -> None:
        if progress.report.stopped is None and progress.report.rows:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        job.run(client=kraty, on_progress=press)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    status = job.status()
    assert status is not None
    assert status["stopped"] == "it was interrupted"
    assert status["unknown"] == 0
    assert job.run(client=kraty).ok
    assert booked(emulator) == asked(rows)


@pytest.fixture
def cluster(served: Emulator) -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, silence_logs=50
        ) as made,
        distributed.Client(made) as client,
    ):
        yield client


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize(
    "action", [bulk.credit(), bulk.grant([CurrencyEntry("gold", 5)], ack=True)], ids=["credit", "grant"]
)
def test_dask_workers_that_are_killed_in_mid_chunk_double_and_lose_nothing(
    cluster: Any, served: Emulator, action: bulk.Action
) -> None:
    rows = [row | {"amount": 5} for row in currency_rows(400)]
    served.fault(action.operation, drop_after_commit=10, probability=0.05, seed=1)
    pids = list(cluster.run(os.getpid).values())

    def kill() -> None:
        patience = time.monotonic() + 60
        while len(served.requests) < 60 and time.monotonic() < patience:
            time.sleep(0.01)
        os.kill(pids[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    report = bulk.Job("job", action, rows).run(executor=cluster.get_executor())
    killer.join()
    assert report.ok
    assert report.counted == 400
    assert booked(served) == asked(rows)


def test_work_that_nobody_will_answer_for_ends_the_run_and_is_unknown(served: Emulator) -> None:
    """A client of Dask that closed a moment after it took some work: nobody says what became of that."""
    dask = pytest.importorskip("distributed.cfexecutor", reason="Dask is not installed")
    client = SimpleNamespace(status="running")

    class Forsaken(dask.ClientExecutor):  # type: ignore[misc, name-defined, unused-ignore]  # untyped
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            client.status = "closed"
            return Future()

    rows = currency_rows(20)
    job = bulk.Job("job", bulk.credit(), rows)
    report = job.run(executor=Forsaken(client))
    assert "its client is closed" in str(report.stopped)
    assert report.counted == report.rows
    assert report.unknown > 0 == report.applied
    assert job.run(executor=Noting(2)).ok
    assert booked(served) == asked(rows)


def test_a_client_that_an_executor_has_for_itself_is_not_looked_at(
    served: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kraty_server.bulk.run.HEARTBEAT", 0.001)  # nothing is back yet each time that it looks
    looked: list[str] = []

    class Foreign(ThreadPoolExecutor):
        @property
        def _client(self) -> SimpleNamespace:
            looked.append("at it")
            return SimpleNamespace(status="closed")

    rows = currency_rows(100)
    with Foreign(2) as pool:
        report = bulk.Job("job", bulk.credit(), rows).run(executor=pool)
    assert report.ok, report
    assert looked == []
    assert booked(served) == asked(rows)


@pytest.mark.timeout(300)
def test_a_worker_that_dies_with_many_chunks_under_way_is_one_death(
    served: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "send", send_and_die)
    monkeypatch.setattr("kraty_server.bulk.run.HEARTBEAT", 0.001)
    most: list[int] = []

    def kill(progress: bulk.Progress) -> None:
        if progress.under_way >= 2 * DEATHS and not most:
            most.append(progress.under_way)
            to_die(tmp_path, 1)

    rows = currency_rows(1000)
    make = partial(ProcessPoolExecutor, 2, SPAWN)
    report = bulk.Job("job", bulk.credit(), rows).run(executor=make, on_progress=kill)
    assert most
    assert report.ok, report
    assert report.lost > DEATHS
    assert booked(served) == asked(rows)


@contextmanager
def processes_of_dask(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler and two workers, each a process, as they run on three machines; the scheduler's file, and itself."""
    folder.mkdir()
    found = folder / "scheduler.json"
    with ExitStack() as stack, (folder / "log").open("wb") as log:

        def start(kind: str, *arguments: str) -> subprocess.Popen[bytes]:
            module = f"distributed.cli.dask_{kind}"
            command = [sys.executable, "-m", module, "--scheduler-file", str(found), *arguments]
            process = stack.enter_context(subprocess.Popen(command, cwd=folder, stdout=log, stderr=log))
            stack.callback(process.kill)
            return process

        scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        for _ in range(2):
            start("worker", "--nthreads", "2", "--no-dashboard", "--no-nanny", "--death-timeout", "60")
        patience = time.monotonic() + 60
        while not found.exists() and time.monotonic() < patience:
            time.sleep(0.05)
        yield str(found), scheduler


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_a_dask_scheduler_that_is_killed_ends_the_run_with_its_totals_and_the_next_goes_on(
    served: Emulator, tmp_path: Path
) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    rows = currency_rows(600)
    served.fault("wallet.credit", drop_after_commit=10, probability=0.05, seed=1)
    job = bulk.Job("job", bulk.credit(), rows)

    def kill(scheduler: subprocess.Popen[bytes]) -> None:
        patience = time.monotonic() + 120
        while len(served.requests) < 100 and time.monotonic() < patience:
            time.sleep(0.01)
        scheduler.kill()

    with (
        processes_of_dask(tmp_path / "first") as (found, scheduler),
        distributed.Client(scheduler_file=found, timeout=10) as client,
    ):
        killer = threading.Thread(target=kill, args=(scheduler,))
        killer.start()
        report = job.run(executor=client.get_executor())
        killer.join()
    assert report.stopped is not None
    assert report.counted == report.rows < 600
    assert job.status() == report.as_json()
    with processes_of_dask(tmp_path / "second") as (found, _), distributed.Client(scheduler_file=found) as client:
        again = job.run(executor=client.get_executor())
    assert again.ok
    assert again.known == report.applied + report.replayed > 0
    assert booked(served) == asked(rows)


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_a_function_that_makes_an_executor_of_dask_is_asked_again_when_the_scheduler_dies(
    served: Emulator, tmp_path: Path
) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    rows = currency_rows(600)
    schedulers: list[subprocess.Popen[bytes]] = []

    with ExitStack() as stack:

        def make() -> Executor:
            found, scheduler = stack.enter_context(processes_of_dask(tmp_path / f"cluster-{len(schedulers)}"))
            schedulers.append(scheduler)
            made: Executor = stack.enter_context(distributed.Client(scheduler_file=found, timeout=30)).get_executor()
            return made

        def kill(progress: bulk.Progress) -> None:
            if progress.report.settled >= 100:
                schedulers[0].kill()

        report = bulk.Job("job", bulk.credit(), rows).run(executor=make, on_progress=kill)
    assert report.ok, report
    assert len(schedulers) == 2
    assert booked(served) == asked(rows)
