"""What does a Node SDK do? It is run by the recorder, all runs in one process."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from codegen.parity.ours import Case, Record

RECORDER: Final = Path(__file__).with_name("record.mjs")


@dataclass(frozen=True)
class Run:
    """Which package is to do what."""

    package: Path
    cases: Sequence[Case]
    deliveries: Sequence[Case] = ()


@dataclass(frozen=True)
class Told:
    """What a package did, by the ids of the cases, and what of it can be seen in JavaScript."""

    records: Mapping[str, Record]
    verdicts: Mapping[str, Any]
    surface: Mapping[str, Any]


def recorded(*runs: Run) -> list[Told]:
    """Run packages.

    Raises:
        ValueError: Node or a package cannot be run; the message has its words.
    """
    asked = [{"package": str(run.package), "cases": list(run.cases), "webhooks": list(run.deliveries)} for run in runs]
    done = subprocess.run(
        ["node", "--no-warnings", str(RECORDER)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if done.returncode:
        raise ValueError(f"the recorder failed: {done.stderr.strip()}")
    return [
        Told({record["id"]: record for record in one["records"]}, one["verdicts"], one["surface"])
        for one in json.loads(done.stdout)
    ]
