"""The recipes of docs/observability.md: what Prometheus, structlog, Sentry and statsd see of a call that is tried twice."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from kraty_server.testing import Emulator
from tests.frameworks.page import BLOCK, DOCS, block

PAGE = "observability.md"
PLAYER = "player_42"
CREDIT = f"""
with kraty:
    kraty.wallet.credit("{PLAYER}", "gold", amount=5)
"""


def shown(recipe: str, more: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """What a process prints that has this recipe and goes on with more. The first attempt is a 503."""
    (tmp_path / "shop.py").write_text(recipe + more)
    with Emulator() as emulator:
        emulator.fault("wallet.credit", status=503)
        environment = os.environ | {
            "KRATY_SERVER_KEY": emulator.api_key, "KRATY_BASE_URL": emulator.url, "KRATY_WEBHOOK_SECRET": "whsec_x",
        }  # fmt: skip
        ran = subprocess.run(
            [sys.executable, "shop.py"], cwd=tmp_path, env=environment, check=False, capture_output=True, text=True
        )
    assert ran.returncode == 0, ran.stderr
    return ran


def test_every_recipe_of_the_page_is_tested_here() -> None:
    recipes = BLOCK.findall((DOCS / PAGE).read_text("utf-8"))
    tested = [
        block(PAGE, word)
        for word in ("KratyInstrumentor", "prometheus_client", "structlog", "sentry_sdk", "statsd import")
    ]
    assert recipes == tested


def test_the_instrumentor_is_imported_and_switched_on_as_the_page_has_it(tmp_path: Path) -> None:
    more = "from kraty_server import KratyServer\nkraty = KratyServer()\n" + CREDIT
    shown(block(PAGE, "KratyInstrumentor"), more, tmp_path)


def test_prometheus_counts_attempts_and_deliveries(tmp_path: Path) -> None:
    more = """
webhooks.handle(b"x", {})
from prometheus_client import generate_latest
print(generate_latest().decode())
"""
    lines = shown(block(PAGE, "prometheus_client"), CREDIT + more, tmp_path).stdout.splitlines()
    for status in ("200", "503"):
        assert f'kraty_attempt_seconds_count{{operation="wallet.credit",status="{status}"}} 1.0' in lines
    assert 'kraty_deliveries_total{event="none",result="refused"} 1.0' in lines


def test_structlog_writes_attempts_and_the_warnings_of_the_sdk_in_one_form(tmp_path: Path) -> None:
    more = "structlog.contextvars.bind_contextvars(receipt='r')\n" + CREDIT
    lines = [json.loads(line) for line in shown(block(PAGE, "structlog"), more, tmp_path).stderr.splitlines()]
    ours = [line for line in lines if line["event"] == "kraty attempt"]
    assert [(line["attempt"], line["status"], line["receipt"]) for line in ours] == [(1, 503, "r"), (2, 200, "r")]
    (warning,) = (line for line in lines if "trying again" in line["event"])
    assert (warning["level"], warning["receipt"]) == ("warning", "r")


def test_sentry_gets_breadcrumbs_and_one_issue_for_each_operation_and_code(tmp_path: Path) -> None:
    recipe = block(PAGE, "sentry_sdk")
    sink = """
import json
class Printed(sentry_sdk.transport.Transport):
    def capture_envelope(self, envelope):
        event = envelope.get_event()
        if event: print(json.dumps(event, default=str))
"""
    changed = recipe.replace('dsn=os.environ.get("SENTRY_DSN")', 'dsn="http://public@127.0.0.1:9/1", transport=Printed')
    assert changed != recipe
    at = changed.index("sentry_sdk.init")
    more = f"""
with kraty:
    kraty.wallet.credit("{PLAYER}", "gold", amount=5)
    try:
        kraty.wallet.debit("{PLAYER}", "gold", amount=500)
    except Exception as error:
        sentry_sdk.capture_exception(error)
"""
    (line,) = (
        line
        for line in shown(changed[:at] + sink + changed[at:], more, tmp_path).stdout.splitlines()
        if "exception" in line
    )
    event: dict[str, Any] = json.loads(line)
    crumbs = [one for one in event["breadcrumbs"]["values"] if one["category"] == "kraty"]
    assert [(one["message"], one["data"]["status"], one["level"]) for one in crumbs] == [
        ("wallet.credit", 503, "warning"), ("wallet.credit", 200, "info"), ("wallet.debit", crumbs[-1]["data"]["status"], "warning"),
    ]  # fmt: skip
    assert event["fingerprint"][:2] == ["kraty", "wallet.debit"]
    assert event["tags"]["kraty.outcome"] == "not_applied"


def test_statsd_gets_a_timing_for_each_attempt(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(30)
        recipe = block(PAGE, "statsd import")
        changed = recipe.replace("8125", str(server.getsockname()[1]))
        assert changed != recipe
        shown(changed, CREDIT, tmp_path)
        names = [server.recv(1000).decode().partition(":")[0] for _ in range(2)]
    assert names == ["shop.kraty.wallet.credit.503", "shop.kraty.wallet.credit.200"]
