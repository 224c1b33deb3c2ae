"""Kill -9 under load: nothing that was answered is lost, nothing is doubled. `python -m tests.emulator.durability [KILLS]`."""

from __future__ import annotations

import logging
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from kraty_server import KratyNetworkError, KratyServer, RetryConfig

KILLS = 20
WRITERS = 4
ONCE = RetryConfig(attempts=1)


def start(file: Path) -> tuple[subprocess.Popen[str], str, str]:
    """An emulator from the shell, its address and its key."""
    command = [sys.executable, "-m", "kraty_server.testing", "--port", "0", "--db", str(file)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    assert process.stdout is not None
    _, url, key = process.stdout.readline().split()
    return process, url, key.partition("=")[2]


class Writer(threading.Thread):
    """Credits one player after the other, each with a key; what got no answer is asked again after the restart."""

    def __init__(self, name: str) -> None:
        super().__init__(daemon=True)
        self.name = name
        self.answered: dict[str, int] = {}
        self.open: dict[str, int] = {}
        self.problems: list[str] = []
        self.running = threading.Event()
        self.ended = threading.Event()
        self.where = ("", "")

    def run(self) -> None:
        number = 0
        while not self.ended.is_set():
            if not self.running.wait(0.05):
                continue
            url, key = self.where
            with KratyServer(api_key=key, base_url=url, retry=ONCE, timeout=10) as kraty:
                for token, amount in list(self.open.items()):
                    self.credit(kraty, token, amount)
                while self.running.is_set():
                    number += 1
                    self.credit(kraty, f"{self.name}-{number}", number % 7 + 1)

    def credit(self, kraty: KratyServer, token: str, amount: int) -> None:
        self.open[token] = amount
        try:
            kraty.wallet.credit(self.name, "gold", amount=amount, idempotency_key=token)
        except KratyNetworkError:
            return
        except Exception as error:
            self.problems.append(f"{token}: {error!r}")
            return
        del self.open[token]
        self.answered[token] = amount


def audit(file: Path, writers: list[Writer]) -> list[str]:
    """What the file says against what the writers were told."""
    problems = [problem for writer in writers for problem in writer.problems]
    with sqlite3.connect(file) as connection:
        (whole,) = connection.execute("PRAGMA integrity_check").fetchone()
        rows = connection.execute("SELECT idempotency_key, delta FROM ledger").fetchall()
        held = dict(connection.execute(
            "SELECT p.external_id, h.amount FROM holdings h JOIN players p ON p.id = h.player").fetchall())  # fmt: skip
    connection.close()
    if whole != "ok":
        problems.append(f"the file is broken: {whole}")
    booked = dict(rows)
    if len(booked) != len(rows):
        problems.append(f"{len(rows) - len(booked)} rows are doubled")
    for writer in writers:
        asked = writer.answered | writer.open
        problems += [f"{token} was answered, and is lost" for token, amount in writer.answered.items()
                     if booked.get(token) != amount]  # fmt: skip
        sum_of_rows = sum(delta for token, delta in rows if token in asked)
        if held.get(writer.name, 0) != sum_of_rows:
            problems.append(f"{writer.name} holds {held.get(writer.name, 0)}, and the ledger says {sum_of_rows}")
    return problems


def durability(kills: int, *, seed: int = 1) -> tuple[list[str], int]:
    """Problems, and how many credits were answered."""
    dice = random.Random(seed)
    folder = Path(tempfile.mkdtemp())
    writers = [Writer(f"writer-{n}") for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        for kill in range(kills + 1):
            process, url, key = start(folder / "kraty.db")
            for writer in writers:
                writer.where = (url, key)
                writer.running.set()
            before = sum(len(writer.answered) for writer in writers)
            end = time.monotonic() + 60
            while sum(len(writer.answered) for writer in writers) < before + 50 and time.monotonic() < end:
                time.sleep(0.01)
            if kill < kills:
                time.sleep(dice.random() * 0.2)
                process.kill()
            else:  # the last one ends in peace, so that all that is open gets its answer
                for writer in writers:
                    writer.running.clear()
                time.sleep(0.5)
                process.send_signal(signal.SIGTERM)
            process.wait(30)
            assert process.stdout is not None
            process.stdout.close()
            for writer in writers:
                writer.running.clear()
            time.sleep(0.1)
        for writer in writers:
            writer.ended.set()
            writer.join(30)
        return audit(folder / "kraty.db", writers), sum(len(writer.answered) for writer in writers)
    finally:
        for writer in writers:
            writer.ended.set()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Print what was found."""
    logging.getLogger("kraty_server").setLevel(logging.CRITICAL)  # each kill is a warning for each writer
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else KILLS
    problems, answered = durability(kills)
    print(f"{kills} kills, {answered} credits answered, {len(problems)} problems")
    print(*problems[:20], sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
