"""Every webhook case, as the column `expect` has it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from kraty_server.webhooks import verify_webhook

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("webhook-0.13.0.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_a_signature_is_judged_as_expected(case: dict[str, Any]) -> None:
    tolerance = {"tolerance_seconds": case["tolerance_seconds"]} if "tolerance_seconds" in case else {}
    verdict = verify_webhook(
        raw_body=base64.b64decode(case["body_base64"]),
        signature_header=case["header"],
        secret=case["secret"],
        now=case["now"],
        **tolerance,
    )
    assert verdict is case["expect"]
