"""How much memory does the served emulator need? `python -m benchmarks.emulator_memory [CREDITS]`, on Linux."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.emulator import CONNECTIONS, purchases
from benchmarks.load import load

CREDITS = 1_000_000
PORTION = 50_000


def peak(process: int) -> float:
    """The most memory that a process had in use at a time, in megabytes."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main(credits: int) -> None:
    """Serve an emulator with a webhook, make credits with a key each, and print its memory as it goes."""
    with tempfile.TemporaryDirectory() as folder:
        (seed := Path(folder) / "seed.json").write_text('{"webhooks": [{"secret": "whsec_bench"}]}')
        command = [sys.executable, "-m", "kraty_server.testing", "--port", "0", "--seed", str(seed)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            _, url, key = process.stdout.readline().split()
            at = urlsplit(url)
            for done in range(0, credits, PORTION):
                number = min(PORTION, credits - done)
                requests = purchases(key.partition("=")[2], name=f"memory-{done}", number=number)
                answered, failed, seconds = load(str(at.hostname), at.port or 0, requests, CONNECTIONS)
                if failed or answered != number:
                    raise SystemExit(f"{failed} of {answered} requests failed")
                print(f"{done + number:>9,} credits with a webhook: {peak(process.pid):.0f} MB at most, "
                      f"{answered / seconds:,.0f} a second", flush=True)  # fmt: skip
            process.terminate()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else CREDITS)
