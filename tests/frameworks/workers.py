"""Workers and web servers of a studio, as processes that a supervisor starts again, and the modules that they load."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]


def until(is_so: Callable[[], bool], what: Callable[[], object] | str, seconds: float = 60.0) -> None:
    ends_at = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends_at, what() if callable(what) else what
        time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def supervised(command: list[str], folder: Path, log: str = "worker.log", **environment: str) -> Iterator[Callable[[], str]]:  # fmt: skip
    """Run a module of Python that can import the folder's modules, again whenever it ends; gives what it has printed.

    It leads a session and a group of processes of its own, by which a handler can kill all of it.
    """
    paths = os.pathsep.join([str(folder), str(ROOT), str(ROOT / "generated"), os.environ.get("PYTHONPATH", "")])
    environ = os.environ | {"PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"} | environment
    ending = threading.Event()
    running: list[subprocess.Popen[bytes]] = []
    with (folder / log).open("ab") as output:

        def start() -> None:
            running[:] = [
                subprocess.Popen(
                    [sys.executable, "-m", *command],
                    cwd=folder, env=environ, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                )
            ]  # fmt: skip

        def supervise() -> None:
            while not ending.is_set():
                running[0].wait()
                if not ending.wait(0.1):
                    start()

        start()
        supervisor = threading.Thread(target=supervise, daemon=True)
        supervisor.start()
        try:
            yield lambda: (folder / log).read_text("utf-8", "replace")
        finally:
            ending.set()
            end(running[0])
            supervisor.join(10)
            end(running[0])  # the one that was just being started


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
