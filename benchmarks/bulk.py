"""What does a job cost a row, and how much memory do its keys take? `python -m benchmarks.bulk`.

CPU time of this process against a server in another one that is never the bottleneck. The long import is as long as the
largest that a game needs, ten million rows, and nothing is reckoned from fewer: some three minutes on two cores that do
nothing else. `--rows` makes it shorter; what is said of memory then holds for those rows only.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.client import KEY
from kraty_server import KratyServer, bulk
from kraty_server.bulk.journal import APPLIED, Journal
from kraty_server.bulk.mapping import RowMapping
from kraty_server.bulk.plan import Planner
from kraty_server.bulk.report import Report
from kraty_server.bulk.run import AHEAD
from kraty_server.bulk.source import Source
from tests.servers.fast import running

ROUNDS = 5
OWN_ROWS = 200_000
SINGLE_ROWS = 4_000
THREADS = 16
COMMANDS = 15
LONG = 10_000_000


@dataclass
class Measured:
    """A figure, and what it should be."""

    name: str
    value: float
    unit: str
    target: str
    met: bool


def write_rows(path: Path, count: int) -> None:
    """Write balances of so many players."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["externalPlayerId", "economyKey", "amount"])
        writer.writerows((f"player_{n}", "gold", n % 97 + 1) for n in range(count))


def own_work(folder: Path) -> float:
    """Seconds of CPU a row for all that a job does but send: read, map, check, make keys, write the journal."""
    action, path = bulk.import_wallet(), folder / "own.csv"
    write_rows(path, OWN_ROWS)
    taken: list[float] = []
    for number in range(ROUNDS):
        journal = Journal(folder / f"own-{number}", {"job": "job"})
        start = time.process_time()
        with Source(path).open() as rows:
            planner = Planner(
                action, RowMapping(action, "job", rows, {}, None), rows, journal, Report("job"),
                api_key="key_1", now=time.time, shard=None, chunk_size=action.chunk_size,
            )  # fmt: skip
            while not planner.ended:
                chunks = [chunk for _ in range(AHEAD) if (chunk := planner.next_chunk()) is not None]
                journal.commit(
                    sent=[(one.number, one.at, b"".join([record for _, _, record, _ in one.rows])) for one in chunks],
                    answered=[(one.number, one.at, bytes((APPLIED,)) * len(one.rows)) for one in chunks],
                )
        taken.append((time.process_time() - start) / OWN_ROWS)
        journal.close()
    return statistics.median(taken)


def single_calls(url: str, folder: Path) -> float:
    """CPU of a job of single calls over that of the same calls in a pool of threads by hand."""
    rows = [{"externalPlayerId": f"player_{n}", "economyKey": "gold", "amount": 5} for n in range(SINGLE_ROWS)]
    with KratyServer(api_key=KEY, base_url=url) as kraty:

        def by_hand() -> None:
            def call(row: dict[str, Any]) -> object:
                key = f"job/{row['externalPlayerId']}/gold"
                return kraty.wallet.credit(
                    row["externalPlayerId"], "gold", amount=row["amount"], idempotency_key=key, source_ref_id=key
                )

            with ThreadPoolExecutor(THREADS) as pool:
                for _ in pool.map(call, rows):
                    pass

        def as_a_job() -> None:
            journal = folder / f"single-{time.monotonic_ns()}"
            assert bulk.Job("job", bulk.credit(), rows, journal=journal).run(client=kraty, in_flight=THREADS).ok

        ratios: list[float] = []
        for _ in range(ROUNDS):
            hand, ours = cpu(by_hand), cpu(as_a_job)
            ratios.append(ours / hand)
        return statistics.median(ratios)


def help_of_the_command() -> float:
    """Seconds of CPU of `kraty --help`, those of Python itself included."""
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

    def children(*arguments: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-S", *arguments]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return statistics.median(children("-m", "kraty_server", "--help") for _ in range(COMMANDS))


def cpu(call: Callable[[], object]) -> float:
    """Seconds of CPU."""
    start = time.process_time()
    call()
    return time.process_time() - start


def long_import(url: str, folder: Path, rows: int) -> tuple[dict[str, float], dict[str, float]]:
    """Import so many rows in a process of its own, and resume that when all are done; what both took."""
    write_rows(folder / "long.csv", rows)
    command = [sys.executable, "-m", "benchmarks.bulk", "--child", url, str(folder)]
    first, again = (json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout) for _ in range(2))
    for path in folder.glob("long*"):
        path.unlink()
    return first, again


def child(url: str, folder: str) -> None:
    """Run the import that lies in a folder, or resume it, and print rows a second, bytes and seconds of CPU."""
    job = bulk.Job("job", bulk.import_wallet(), Path(folder) / "long.csv", journal=Path(folder) / "long.kraty-job")
    with KratyServer(api_key=KEY, base_url=url) as kraty:
        before, start = time.process_time(), time.perf_counter()
        report = job.run(client=kraty, in_flight=THREADS)
        taken, seconds = time.process_time() - before, time.perf_counter() - start
    assert report.ok, report
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # of Linux, which counts in KiB
    print(json.dumps({"speed": report.rows / seconds, "cpu": taken, "peak": peak}))


def figures(rows: int) -> list[Measured]:
    """Measure all."""
    with tempfile.TemporaryDirectory() as name, running() as url:
        folder = Path(name)
        own, single, command = own_work(folder) * 1e6, single_calls(url, folder), help_of_the_command() * 1e3
        first, again = long_import(url, folder, rows)
    peak, peak_again, resumed = first["peak"] / 1e6, again["peak"] / 1e6, again["cpu"]
    return [
        Measured("our own work on a row of an import: read, map, check, key, journal", own, "µs", "at most 5",
                 own <= 5),
        Measured("rows imported by threads", first["speed"], "rows a second", "at least 40,000",
                 first["speed"] >= 40_000),
        Measured(f"peak of memory of {rows:,} rows", peak, "MB", "at most 200", peak <= 200),
        Measured(f"peak of memory to resume {rows:,} rows", peak_again, "MB", "at most 200", peak_again <= 200),
        Measured(f"CPU to resume {rows:,} rows", resumed, "s", "at most 60", resumed <= 60),
        Measured("a job of single calls over the same calls by hand", single, "× the CPU", "at most 1.15",
                 single <= 1.15),
        Measured("kraty --help", command, "ms of CPU", "at most 40", command <= 40),
    ]  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--rows", type=int, default=LONG, help="of the long import")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(*given.child)
        return
    found = figures(given.rows)
    for one in found:
        print(f"{one.name:<72}{one.value:>12,.2f} {one.unit}, {one.target}: {'met' if one.met else 'missed'}")
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
