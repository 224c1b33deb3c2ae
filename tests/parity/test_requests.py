"""The recorded requests of the Node SDK, through both flavours, over a raw socket: equal to the byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codegen.parity.compare import differences
from codegen.parity.ours import FLAVOURS, play
from codegen.parity.reviewed import Reviewed

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("node-0.13.0.json").read_text("utf-8"))


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_a_call_is_the_node_sdks_to_the_byte(case: dict[str, Any], flavour: str) -> None:
    ours, reviewed = play(case, flavour), Reviewed.load()
    found = list(differences(case["id"], ours, case))
    assert [difference for difference in found if not reviewed.why(difference)] == []
    if case["id"] == "path/keys":  # the recorded answer is about another currency
        assert "AnswerMismatch" in ours["outcome"]["error"]["text"]
    elif "text" in ours["outcome"].get("error", {}) and found:  # what Node says is in what we say
        assert ours["outcome"]["error"]["text"].startswith(case["outcome"]["error"]["text"])
    elif found:  # what Node gives is in what we give
        assert case["method"] == "setIdentity"
        assert ours["outcome"]["returned"]["syntheticIdentity"] == case["outcome"]["returned"]
