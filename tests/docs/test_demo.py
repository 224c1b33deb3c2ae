"""The demo ends well: one purchase, whatever happens, a webhook that was verified, and a job that outlives its death."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.docs.test_code_blocks import ROOT


def test_the_demo_buys_once_is_told_and_ends_a_job_that_was_killed() -> None:
    ended = subprocess.run([sys.executable, "examples/demo.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    killed = re.search(
        r"Killed when (\d+) players had it\.\n   Run again: 200 players have it, which makes 200,000 gold\.",
        ended.stdout,
    )
    assert killed, ended.stdout
    assert 0 < int(killed[1]) < 200
    assert ended.stdout.endswith("600 gold, no more and no less.\n")
