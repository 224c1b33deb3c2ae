"""What test jobs run in their workers: `send`, and what happens around it."""

from __future__ import annotations

import os
from pathlib import Path

from kraty_server.bulk.send import send


def send_and_die(work: bytes) -> bytes:
    """Carry a chunk out, and die before the answer is back, as often as there are files named `die-*` in `$DEATHS`."""
    answer = send(work)
    for path in Path(os.environ["DEATHS"]).glob("die-*"):
        try:
            path.unlink()
        except FileNotFoundError:  # another worker was quicker
            continue
        os.kill(os.getpid(), 9)
    return answer
