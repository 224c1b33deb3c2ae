"""The emulator is steered over HTTP, from the shell, and kept in a file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from kraty_server import KratyServer
from kraty_server.testing import Emulator


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def http(served: Emulator) -> Iterator[httpx.Client]:
    served.reset()
    with httpx.Client(base_url=f"{served.url}/_emulator", trust_env=False) as client:
        yield client


def post(http: httpx.Client, path: str, body: Any = None, status: int = 200) -> Any:
    answer = http.post(path, json=body or {})
    assert answer.status_code == status, answer.text
    return answer.json()


def credit(emulator: Emulator, amount: int = 5, **options: Any) -> float:
    with KratyServer(api_key=emulator.api_key, base_url=emulator.url) as kraty:
        return kraty.wallet.credit("p", "gold", amount=amount, **options).balance


def test_state_is_seeded_dumped_loaded_and_reset(served: Emulator, http: httpx.Client) -> None:
    post(http, "/seed", {"players": [{"externalPlayerId": "p", "wallet": {"gold": 7}}]})
    assert credit(served) == 12
    dumped = http.get("/state").json()
    post(http, "/reset")
    assert credit(served) == 5
    assert http.put("/state", json=dumped).status_code == 200
    assert credit(served) == 17
    assert [row["delta"] for row in http.get("/ledger", params={"player": "p"}).json()] == [7, 5, 5]


def test_snapshots_are_taken_and_restored(served: Emulator, http: httpx.Client) -> None:
    credit(served)
    name = post(http, "/snapshot")["name"]
    credit(served)
    post(http, "/restore", {"name": name})
    assert credit(served) == 10
    assert "no 'nothing'" in post(http, "/restore", {"name": "nothing"}, 400)["error"]


def test_the_clock_moves_ahead_only(served: Emulator, http: httpx.Client) -> None:
    before = served.now()
    post(http, "/clock", {"advance": 86_400})
    assert (served.now() - before).total_seconds() >= 86_400
    assert http.get("/clock").json()["now"] >= before.isoformat()
    assert "ahead only" in post(http, "/clock", {"advance": -1}, 400)["error"]


def test_faults_are_scripted_listed_and_cleared(served: Emulator, http: httpx.Client) -> None:
    post(http, "/faults", {"operation": "wallet.credit", "drop_after_commit": 1})
    assert [f["effect"] for f in http.get("/faults").json()] == ["drop_after_commit"]
    assert credit(served) == 5
    assert [(r["fault"], r["status"]) for r in http.get("/requests").json()] == [
        ("drop_after_commit", 200),
        (None, 200),
    ]
    post(http, "/faults/clear")
    assert http.get("/faults").json() == []
    assert "one effect" in post(http, "/faults", {"operation": "wallet.credit"}, 400)["error"]


def test_calls_are_asserted(served: Emulator, http: httpx.Client) -> None:
    credit(served, idempotency_key="r1")
    (call,) = post(http, "/assert-called", {"operation": "wallet.credit", "times": 1, "body": {"amount": 5}})
    assert call["body"] == {"amount": 5, "idempotencyKey": "r1"}
    assert "api_key" not in json.dumps(call)
    refused = post(http, "/assert-called", {"operation": "wallet.credit", "body": {"amount": 6}}, 409)["error"]
    assert "0 calls, not at least once" in refused
    assert 'credit {"amount": 5, "idempotencyKey": "r1"} -> 200' in refused


def test_deliveries_are_listed_and_replayed(served: Emulator, http: httpx.Client) -> None:
    post(http, "/seed", {"webhooks": [{"secret": "s"}]})
    credit(served)
    (delivery,) = http.get("/deliveries").json()
    assert (delivery["event"], delivery["status"]) == ("wallet.changed", "delivered")
    post(http, "/deliveries/replay", {"id": delivery["id"]})
    assert http.get("/deliveries").json()[0]["signature"] != ""


def test_no_page_of_a_browser_can_steer_it_unasked(http: httpx.Client) -> None:
    assert http.post("/reset", content=b"{}", headers={"content-type": "text/plain"}).status_code == 415


def test_a_file_keeps_the_state_over_restarts(tmp_path: Path) -> None:
    for balance in (5, 10):
        emulator = Emulator(db=tmp_path / "kraty.db")
        with emulator.client() as kraty:
            assert kraty.wallet.credit("p", "gold", amount=5).balance == balance
        emulator.advance(3600)
        emulator.close()
    again = Emulator(db=tmp_path / "kraty.db")
    assert len(again.ledger("p")) == 2
    again.reset()  # to what a new file would have, and not to what was there when it was opened
    assert again.ledger("p") == []
    again.close()


def test_a_seed_that_does_not_fit_changes_nothing() -> None:
    emulator = Emulator()
    before = emulator.dump()
    for seed, why in (
        ({"playres": []}, r"playres: unknown; players\?"),
        ({"players": [{"externalPlayerId": "p"}, {}]}, r"players\[1\].externalPlayerId: is missing"),
        ({"attempts": [{"id": "a", "externalPlayerId": "p", "event": "x"}]}, "no event 'x'"),
        ({"webhooks": [{"url": "http://127.0.0.1:9"}]}, "secret: is missing"),
    ):
        with pytest.raises(ValueError, match=why):
            emulator.seed(seed)
        assert emulator.dump() == before
    emulator.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_shell_command_serves_until_it_is_told_to_stop(tmp_path: Path, number: int) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"players": [{"externalPlayerId": "p", "wallet": {"gold": 7}}]}))
    command = [
        sys.executable,
        "-m",
        "kraty_server.testing",
        "--port",
        "0",
        "--seed",
        str(seed),
        "--db",
        str(tmp_path / "k.db"),
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready, url, key = process.stdout.readline().split()
        assert ready == "ready:"
        with KratyServer(api_key=key.removeprefix("KRATY_SERVER_KEY="), base_url=url) as kraty:
            assert kraty.wallet.credit("p", "gold", amount=5).balance == 12
        process.send_signal(number)
        rest = process.stdout.read()
        warning = process.stderr.read()
    assert (process.returncode, rest) == (0, "stopped\n")
    assert "NO production server" in warning


def test_the_shell_command_says_why_it_cannot_start(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-m", "kraty_server.testing", "--port", "0", "--seed", str(tmp_path / "nothing.json")]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (ended.returncode, "cannot start" in ended.stderr) == (1, True)
