"""The emulator is steered over HTTP, from the shell, and kept in a file."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from kraty_server import KratyServer, RateLimitedError, RetryConfig
from kraty_server.testing import Emulator
from kraty_server.testing.server.app import make_app
from kraty_server.testing.server.control import SNAPSHOTS

ONCE = RetryConfig(attempts=1)


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def client(served: Emulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{served.url}/_emulator", trust_env=False) as client:
        yield client


@pytest.fixture
def http(served: Emulator, client: httpx.Client) -> httpx.Client:
    served.reset()
    served.rate_limit = None
    return client


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
    for _ in range(SNAPSHOTS):
        post(http, "/snapshot")
    assert len(http.get("/snapshots").json()) == SNAPSHOTS
    assert "no '" in post(http, "/restore", {"name": name}, 400)["error"]


def test_what_fails_in_a_control_route_is_a_400_that_says_what(
    served: Emulator, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("no idea")

    monkeypatch.setattr(served, "dump", broken)
    answer = http.get("/state")
    assert (answer.status_code, answer.json()["error"]) == (400, "RuntimeError: no idea")


def test_a_query_is_part_of_what_the_log_shows(served: Emulator, http: httpx.Client) -> None:
    headers = {"authorization": f"Bearer {served.api_key}"}
    assert httpx.get(f"{served.url}/server/v1/ping?a=%20b", headers=headers, trust_env=False).status_code == 200
    assert served.requests[-1].target == "/server/v1/ping?a=%20b"


def test_what_is_no_http_is_not_answered(served: Emulator) -> None:
    app = make_app(served, (), lambda: False)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def ask() -> None:
        await app({"type": "lifespan"}, receive, send)

    asyncio.run(ask())
    assert sent == []


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
    one, other = (post(http, "/faults", {"operation": "wallet.debit", "status": 500 + n}) for n in range(2))
    post(http, "/faults/clear", {"number": one["number"]})
    assert http.get("/faults").json()[1:] == [other]
    assert "no " in post(http, "/faults/clear", {"number": one["number"]}, 400)["error"]
    assert "number" in post(http, "/faults/clear", {"number": "1"}, 400)["error"]
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
        "--rate-limit",
        "0.05:2",
        "--row-keys-kept",
        "86400",
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready, url, key = process.stdout.readline().split()
        assert ready == "ready:"
        with KratyServer(api_key=key.removeprefix("KRATY_SERVER_KEY="), base_url=url, retry=ONCE) as kraty:
            assert kraty.wallet.credit("p", "gold", amount=5).balance == 12
            row: dict[str, Any] = {
                "externalPlayerId": "p", "economyKey": "gold", "amount": 1, "idempotencyKey": "w"
            }  # fmt: skip
            for applied in (1, 1):  # the second one a day later
                assert kraty.migrate.wallet([row]).applied == applied
                assert httpx.post(f"{url}/_emulator/clock", json={"advance": 86_400}, trust_env=False).is_success
            for _ in range(2):
                kraty.health.ping()
            with pytest.raises(RateLimitedError):
                kraty.health.ping()
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


WRONG: list[tuple[str, str, Any, str]] = [
    ("POST", "clock", {"advance": "1"}, "body.advance: a number is needed"),
    ("POST", "clock", {"advance": 1e300}, "the clock moves no further"),
    ("POST", "clock", {"advnce": 1}, "body.advnce: unknown; advance?"),
    ("POST", "clock", {}, "body.advance: is missing"),
    ("POST", "clock", [], "body: an object is needed"),
    ("POST", "seed", {"players": [{"externalPlayerId": "p", "walet": {}}]}, "players[0].walet: unknown; wallet?"),
    ("POST", "seed", {"silent": "no"}, "silent: true or false is needed"),
    ("POST", "seed", [], "seed: an object is needed"),
    ("POST", "reset", {"x": 1}, "body.x: unknown"),
    ("POST", "snapshot", {"name": ""}, "body.name: must not be empty"),
    ("POST", "restore", {"name": "nothing"}, "there is no 'nothing'"),
    ("POST", "restore", {"name": []}, "body.name: a text is needed"),
    ("POST", "faults", {"operation": "wallet.credt", "status": 500}, "wallet.credit?"),
    ("POST", "faults", {"operation": "wallet.credit", "sttus": 500}, "body.sttus: unknown; status?"),
    ("POST", "faults", {"operation": "wallet.credit", "status": 500, "times": 1.5}, "body.times: a whole number"),
    ("POST", "deliveries/replay", {"id": "evt_x"}, "there is no 'evt_x'"),
    ("POST", "deliveries/replay", {}, "body.id: is missing"),
    ("POST", "assert-called", {"operation": "wallet.credit", "tims": 1}, "body.tims: unknown; times?"),
    ("POST", "assert-called", {"operation": "wallet.credit", "body": []}, "body.body: an object is needed"),
    ("POST", "assert-called", {}, "body.operation: is missing"),
    ("PUT", "state", {"plyers": []}, "plyers: unknown; players?"),
    ("PUT", "state", 5, "state: an object"),
    ("GET", "deliveries?limit=0", None, "limit: a whole number"),
    ("GET", "ledger?limit=-1", None, "limit: a whole number"),
    ("GET", "requests?before=x", None, "before: a whole number"),
]


@pytest.mark.parametrize(("method", "path", "body", "why"), WRONG, ids=[f"{m} {p} {w}" for m, p, _, w in WRONG])
def test_control_routes_say_what_does_not_fit(
    served: Emulator, http: httpx.Client, method: str, path: str, body: Any, why: str
) -> None:
    before = served.dump()
    answer = http.request(method, f"/{path}", **({} if method == "GET" else {"json": body}))
    assert answer.status_code == 400, answer.text
    assert why in answer.json()["error"]
    assert served.dump() == before


ROUTES = [
    "clock",
    "seed",
    "reset",
    "snapshot",
    "restore",
    "faults",
    "faults/clear",
    "deliveries/replay",
    "requests/resend",
    "rate-limit",
    "assert-called",
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.text(st.characters(codec="utf-8"), max_size=3) | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(
        ["operation", "advance", "name", "id", "status", "body", "times", "silent", "players", "latency", "drop",
         "number", "per_second", "burst"]),
        inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(ROUTES), ANYTHING.map(json.dumps).map(str.encode) | st.binary(max_size=20))
def test_a_control_route_never_answers_500(served: Emulator, client: httpx.Client, path: str, raw: bytes) -> None:
    answer = client.post(path, content=raw, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400, 409)
    answer.json()
    served.reset()


@pytest.mark.parametrize(
    "headers",
    [{"host": "rebound.example"}, {"host": "rebound.example:8480"}, {"host": "127.0.0.1.example"}, {"host": "[x"},
     {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:1"},
     {"sec-fetch-site": "cross-site"}],
)  # fmt: skip
def test_a_page_on_another_host_neither_steers_nor_reads(http: httpx.Client, headers: dict[str, str]) -> None:
    for method, path in (("POST", "/reset"), ("GET", "/state"), ("GET", "/requests")):
        given = {"content-type": "application/json"} | headers
        answer = http.request(method, path, content=b"{}" if method == "POST" else None, headers=given)
        assert answer.status_code == 403, answer.text
    assert (
        httpx.get(str(http.base_url).removesuffix("/_emulator/"), headers=headers, trust_env=False).status_code == 403
    )


def test_a_name_that_is_allowed_may_steer() -> None:
    with Emulator(allow_hosts=["kraty"]) as emulator:
        for host, status in (("kraty:8480", 200), ("Kraty", 200), ("other", 403)):
            answer = httpx.get(f"{emulator.url}/_emulator/clock", headers={"host": host}, trust_env=False)
            assert answer.status_code == status


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "192.168.1.4"])
def test_its_own_page_steers(http: httpx.Client, host: str) -> None:
    headers = {"content-type": "application/json", "host": f"{host}:8480", "origin": f"http://{host}:8480"}
    assert http.post("/reset", content=b"{}", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "raw",
    [b"\xff", b'{"amount": NaN}', b'{"amount": 1e999}', b'{"amount": "\\ud800"}', b"[" * 5000, b"5", b'"x"', b"{", b"",
     b'{"idempotencyKey": {"a": [1]}}', b'{"amount": 1' + b"0" * 5000 + b"}"],
)  # fmt: skip
def test_one_odd_body_breaks_neither_the_log_nor_the_page(served: Emulator, http: httpx.Client, raw: bytes) -> None:
    httpx.post(
        f"{served.url}/server/v1/players/p/wallet/gold/credit",
        content=raw,
        headers={"authorization": f"Bearer {served.api_key}"},
        trust_env=False,
    )
    assert credit(served, idempotency_key="r1") == 5
    assert len(http.get("/requests").json()) == 2
    assert httpx.get(served.url, trust_env=False).status_code == 200
    (call,) = post(http, "/assert-called", {"operation": "wallet.credit", "times": 1, "body": {"amount": 5}})
    assert call["body"]["idempotencyKey"] == "r1"
    served.assert_called("wallet.credit", amount=5)
    assert all(map(str, served.requests))
    assert len(served.requests[0].raw_body) == len(raw)


def test_lists_come_in_pages(served: Emulator, http: httpx.Client) -> None:
    post(http, "/seed", {"webhooks": [{"secret": "s"}]})
    for amount in range(1, 8):
        credit(served, amount)
    first = http.get("/ledger", params={"limit": 3}).json()
    assert [row["delta"] for row in first] == [5, 6, 7]
    assert [row["delta"] for row in http.get("/ledger", params={"limit": 3, "before": first[0]["id"]}).json()] == [
        2,
        3,
        4,
    ]
    first = http.get("/deliveries", params={"limit": 2}).json()
    second = http.get("/deliveries", params={"limit": 2, "before": first[0]["number"]}).json()
    assert [json.loads(d["raw_body"])["data"]["delta"] for d in second + first] == [4, 5, 6, 7]
    assert [r["body"]["amount"] for r in http.get("/requests", params={"limit": 2}).json()] == [6, 7]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)} | environment
    command = [sys.executable, "-m", "kraty_server.testing", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False, timeout=60)


def cases(folder: Path) -> dict[str, tuple[list[str], str]]:
    for name, text in {
        "none.db": "x",
        "odd.json": "[1",
        "list.json": "[]",
        "walet.json": '{"players": [{"walet": 1}]}',
    }.items():
        (folder / name).write_text(text)
    free = ["--port", "0"]
    return {
        "port out of range": (["--port", "70000"], "from 0 to 65535"),
        "port no number": (["--port", "x"], "from 0 to 65535"),
        "unknown host": ([*free, "--host", "no-such-host.invalid"], "cannot listen on no-such-host.invalid"),
        "port taken": (["--port", "{taken}"], "cannot listen on 127.0.0.1, port"),
        "no database": ([*free, "--db", str(folder / "none.db")], "none.db: not a database"),
        "no folder": ([*free, "--db", str(folder / "nowhere" / "k.db")], "unable to open"),
        "a folder": ([*free, "--db", str(folder)], "unable to open"),
        "no seed": ([*free, "--seed", str(folder / "nothing.json")], "nothing.json"),
        "seed no JSON": ([*free, "--seed", str(folder / "odd.json")], "odd.json: no JSON"),
        "seed a list": ([*free, "--seed", str(folder / "list.json")], "an object is needed"),
        "seed misspelt": ([*free, "--seed", str(folder / "walet.json")], "players[0].walet: unknown; wallet?"),
        "webhook url": ([*free, "--webhook-url", "nonsense"], "webhooks[0].url: 'nonsense'"),
        "rate limit": ([*free, "--rate-limit", "20:x"], "a number, or two as in 20:40"),
        "rate limit 0": ([*free, "--rate-limit", "0"], "per_second: a finite number from 0.000001"),
        "row keys": ([*free, "--row-keys-kept", "nan"], "row_keys_kept: "),
        "webhook secret": ([*free, "--webhook-url", "http://x/", "--webhook-secret", ""], "must not be empty"),
    }


@pytest.mark.parametrize(
    "case",
    ["port out of range", "port no number", "unknown host", "port taken", "no database", "no folder", "a folder", "no seed",
     "seed no JSON", "seed a list", "seed misspelt", "webhook url", "webhook secret", "rate limit", "rate limit 0", "row keys"],
)  # fmt: skip
def test_the_shell_command_says_in_one_line_what_is_wrong(tmp_path: Path, case: str) -> None:
    arguments, why = cases(tmp_path)[case]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run(*(argument.replace("{taken}", str(taken.getsockname()[1])) for argument in arguments))
    assert ended.returncode in (1, 2)
    last = ended.stderr.strip().splitlines()[-1]
    assert why in last
    assert "Traceback" not in ended.stderr
    assert len([line for line in ended.stderr.splitlines() if not line.startswith(("usage", " "))]) == 1


def test_the_shell_command_names_the_extra_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "starlette").mkdir()
    (tmp_path / "starlette" / "__init__.py").write_text(
        "raise ModuleNotFoundError('No module named starlette', name='starlette')"
    )
    (tmp_path / "jsonschema_rs.py").write_text(
        "raise ModuleNotFoundError('No module named jsonschema_rs', name='jsonschema_rs')"
    )
    path = os.pathsep.join([str(tmp_path), *(p for p in sys.path if p)])
    ended = run("--port", "0", PYTHONPATH=path)
    assert ended.returncode == 1
    assert "pip install 'kraty-server[emulator]'" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_a_name_can_be_listened_on(tmp_path: Path) -> None:
    with Emulator(host="localhost") as emulator:
        assert emulator.url.startswith("http://localhost:")
        assert credit(emulator) == 5
