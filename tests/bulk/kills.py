"""Jobs killed with SIGKILL again and again, with lost answers and 429s on the way, then an audit of the emulator's books.

`make job-soak` kills each kind of job 20 times; `--kills` and `--scale` set other numbers.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from kraty_server import CurrencyEntry, bulk
from kraty_server.bulk import pace
from kraty_server.bulk import sink as bulk_sink
from kraty_server.testing import Emulator
from tests.bulk.books import asked, booked, currency_rows

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
"""Seconds until something must have happened, on any machine."""


@dataclass(frozen=True)
class Kind:
    """A class of jobs, by how long the server remembers their keys."""

    action: bulk.Action
    rows: int
    """Rows of a short run."""
    requests_between_kills: int
    results: bulk_sink.Format = "jsonl"


KINDS = {
    "migrate.wallet": Kind(bulk.import_wallet(), 20_000, 6),
    "wallet.credit": Kind(bulk.credit(), 600, 150),
    "grants.create": Kind(bulk.grant([CurrencyEntry("gold", 5)], ack=True), 400, 200),
    "players.get": Kind(bulk.snapshot(), 600, 150),
    "players.get-parquet": Kind(bulk.snapshot(), 600, 150, "parquet"),
}
PART_ROWS = 40
"""Rows of a file of results: small, so that kills strike before, amid and after the writing of one."""


def job(kind: str) -> bulk.Job:
    action, form = KINDS[kind].action, KINDS[kind].results
    results = "results" if action.has_results else None
    return bulk.Job(kind, action, "rows.csv", results=results, results_format=form)


def child(kind: str) -> None:
    """Run the job in the folder that this process was started in."""
    vars(pace).update(FIRST_PAUSE=0.02, LONGEST_PAUSE=0.2)  # there are many faults
    vars(bulk_sink).update(PART_ROWS=PART_ROWS)
    print(json.dumps(job(kind).run(max_failures=0).as_json()), flush=True)


class Audited:
    """An emulator, a job on it in processes of its own, and the audit.

    Args:
        scale: of the number of rows.
    """

    def __init__(self, kind: str, folder: Path, scale: float = 1.0, seed: int = 1) -> None:
        self.kind, self.folder, self.dice = kind, folder, random.Random(seed)
        self.rows = currency_rows(int(KINDS[kind].rows * scale))
        if kind == "grants.create":
            self.rows = [row | {"amount": 5} for row in self.rows]
        with (folder / "rows.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(self.rows[0]))
            writer.writeheader()
            writer.writerows(self.rows)
        self.kills = 0
        self.report: dict[str, Any] = {}

    def run(self, kills: int) -> list[str]:
        """Kill the job so often, let it end, and tell what is wrong in the books."""
        players = [{"externalPlayerId": row["externalPlayerId"]} for row in self.rows]
        action = KINDS[self.kind].action
        with Emulator(seed={"players": players} if action.has_results else None) as emulator:
            emulator.fault(action.operation, drop_after_commit=10**6, probability=0.04, seed=1)
            emulator.fault(action.operation, drop_before=10**6, probability=0.02, seed=2)
            emulator.fault(action.operation, status=503, times=None, probability=0.02, seed=3)
            emulator.fault(action.operation, retry_after=0.05, times=None, probability=0.03, seed=4)
            while self.kills < kills:
                if not self._killed(emulator):
                    break
            self._finished(emulator)
            return list(self.problems(emulator))

    def _start(self, emulator: Emulator) -> subprocess.Popen[str]:
        environment = os.environ | {
            "KRATY_SERVER_KEY": emulator.api_key,
            "KRATY_BASE_URL": emulator.url,
            "PYTHONPATH": os.pathsep.join([str(ROOT), *(path for path in sys.path if path)]),
        }
        command = [sys.executable, "-m", "tests.bulk.kills", "--child", self.kind]
        return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, text=True)

    def _killed(self, emulator: Emulator) -> bool:
        """Kill a run in the midst of its work; False where it came to its end before."""
        target = answered(emulator) + self.dice.randint(1, KINDS[self.kind].requests_between_kills)
        with self._start(emulator) as process:
            patience = time.monotonic() + PATIENCE
            while process.poll() is None and answered(emulator) < target and time.monotonic() < patience:
                time.sleep(0.005)
            process.kill()
            process.wait()
            if process.returncode == 0:
                return False
        self.kills += 1
        return True

    def _finished(self, emulator: Emulator) -> None:
        with self._start(emulator) as process:
            out, _ = process.communicate(timeout=10 * PATIENCE)
            assert process.returncode == 0
        self.report = json.loads(out)

    def problems(self, emulator: Emulator) -> Iterator[str]:
        if not self.report["ok"] or self.report["rows"] != len(self.rows):
            yield f"the last run says {self.report}"
        if KINDS[self.kind].action.has_results:
            read: Counter[str] = Counter()
            parts = list((self.folder / "results").iterdir())
            for part in parts:
                read.update(players(part))
            if len(parts) < len(self.rows) // PART_ROWS // 2:
                yield f"there are only {len(parts)} files of results"
            wanted = Counter(row["externalPlayerId"] for row in self.rows)
            yield from (f"{player} was read {read[player]} times" for player in wanted | read if read[player] != 1)
            return
        books, should = booked(emulator), asked(self.rows)
        for entry in books | should:
            if books[entry] != should[entry]:
                yield f"{entry} was booked {books[entry]} times instead of {should[entry]}"


def players(part: Path) -> list[str]:
    """Whose results are in a file, which must be whole."""
    if part.suffix == ".parquet":
        table = import_module("pyarrow.parquet").read_table(part)
        return [str(player) for player in table["player"].to_pylist()]
    return [json.loads(line)["player"] for line in part.read_text("utf-8").splitlines()]


def answered(emulator: Emulator) -> int:
    """How many requests the emulator has had."""
    requests = emulator.requests
    return requests[-1].number if requests else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--scale", type=float, default=10.0, help="of the number of rows of a short run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", choices=KINDS)
    given = parser.parse_args()
    if given.child:
        child(given.child)
        return 0
    failed = 0
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            audited = Audited(kind, Path(folder), given.scale, given.seed)
            begun = time.monotonic()
            problems = audited.run(given.kills)
            print(
                f"{kind}: {len(audited.rows)} rows, {audited.kills} kills, {time.monotonic() - begun:.0f} s, the last "
                f"run: {audited.report['applied']} applied, {audited.report['replayed']} replayed, "
                f"{audited.report['known']} known; {len(problems)} problems",
                flush=True,
            )
            for problem in problems[:20]:
                print(" ", problem)
            failed += len(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
