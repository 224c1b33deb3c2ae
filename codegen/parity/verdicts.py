"""Do both call the same webhook deliveries genuine? What they shall judge differently stands in the recorded cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from codegen.parity.compare import Difference, plain
from codegen.parity.ours import Case, verdict
from codegen.parity.reviewed import Known


def differences(deliveries: Iterable[Case], theirs: Mapping[str, Any]) -> Iterator[tuple[str, list[Difference]]]:
    """The verdicts on each delivery that differ, by its place."""
    for case in deliveries:
        where, mine, other = _where(case), plain(verdict(case)), plain(theirs[case["id"]])
        yield where, [Difference(where, "verdict", mine, other)] if mine != other else []


def known(deliveries: Iterable[Case]) -> list[Known]:
    """Where the two shall differ, and the recorded reason."""
    return [
        Known("node", _where(case), "verdict", plain(case["expect"]), plain(case["node"]), case["note"])
        for case in deliveries
        if case.get("expect") != case.get("node")
    ]


def _where(case: Case) -> str:
    return f"webhook/{case['id']}"
