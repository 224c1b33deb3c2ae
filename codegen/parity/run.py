"""Do the two SDKs do the same? With the recorded calls, or with a Node SDK and everything that it can be asked."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from codegen.parity import cases, node, surface, verdicts
from codegen.parity.compare import Difference, differences
from codegen.parity.declarations import Declarations
from codegen.parity.ours import Case, Record, flavours, play
from codegen.parity.report import Result, judged
from codegen.parity.reviewed import Known, Reviewed

Verdict: TypeAlias = tuple[list[Result], list[Known]]
"""What became of each thing that was compared, and the entries of the reviewed differences that did not occur."""

logging.getLogger("kraty_server").addHandler(logging.NullHandler())  # most of what is played here goes wrong


def with_recordings(calls: Sequence[Case]) -> Verdict:
    """Make each recorded call, in each flavour, and hold it against its recording."""
    reviewed = Reviewed.load()
    return _calls(calls, {case["id"]: dict(case) for case in calls}, reviewed), reviewed.stale("recorded")


def with_node(package: Path, calls: Sequence[Case]) -> Verdict:
    """Hold this SDK against a Node SDK: the recorded calls, many more, webhooks, and what the two offer.

    Raises:
        ValueError: Node or the package cannot be run, or declares nothing.
    """
    declared, deliveries = Declarations(package), cases.deliveries()
    calls = [*calls, *cases.probes(calls)]
    (told,) = node.recorded(node.Run(package, calls, deliveries))
    known = Reviewed.load()
    reviewed = Reviewed([*known.known, *verdicts.known(deliveries)])
    results = _calls(calls, told.records, reviewed)
    for where, found in verdicts.differences(deliveries, told.verdicts):
        results += judged(where, found, reviewed)
    for difference in offered(told, declared):
        results += judged(difference.where, [difference], reviewed)
    return results, reviewed.stale("recorded", "node", "surface")


def offered(told: node.Told, declared: Declarations) -> list[Difference]:
    """In what the two differ without a call being made."""
    theirs = declared.surface() | surface.exported(told.surface)
    return [*surface.differences(surface.ours(), theirs), *surface.undeclared(told.surface, declared)]


def _calls(calls: Sequence[Case], theirs: Mapping[str, Record], reviewed: Reviewed) -> list[Result]:
    results: list[Result] = []
    for case in calls:
        for flavour in flavours(case):
            found = differences(case["id"], play(case, flavour), theirs[case["id"]])
            results += judged(f"{case['id']} {flavour}", found, reviewed)
    return results
