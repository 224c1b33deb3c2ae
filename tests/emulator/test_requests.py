"""Who may ask, and what a request may hold: the contract itself decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kraty_server import ForbiddenError, SessionInvalidError
from kraty_server.testing import Emulator
from kraty_server.testing.emulator.contract import contract
from kraty_server.testing.emulator.operation import Handler
from kraty_server.testing.emulator.players import get_or_create_player
from kraty_server.testing.emulator.samples import Samples
from kraty_server.testing.operations import HANDLERS

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "parity" / "node-0.13.0.json").read_text("utf-8"))


def send(emulator: Emulator, method: str, target: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    given = {"authorization": f"Bearer {emulator.api_key}"} | headers
    answer = emulator.engine.respond(method, target, {k: v for k, v in given.items() if v}, raw)
    return answer.status, json.loads(answer.body)


def test_each_handler_is_that_of_an_operation() -> None:
    assert HANDLERS.keys() <= contract().operations.keys()


UNHANDLED = sorted(contract().operations.keys() - HANDLERS.keys())


@pytest.mark.parametrize("operation", [*UNHANDLED, "players.friends", "grants.create"])
def test_an_operation_without_a_handler_is_answered_with_a_sample(
    emulator: Emulator, operation: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(HANDLERS, operation, raising=False)
    asked = contract().operations[operation]
    body = Samples(contract(), {}, "2026-01-02T03:04:05.678Z").value(asked.body_schema, "body") if asked.body else None
    target = "/".join("x" if s.startswith("{") else s for s in asked.route.split("/"))
    before = emulator.dump()["players"]
    status, answer = send(emulator, asked.method, target, body)
    assert status == asked.success[0], answer
    assert f"no handler for {operation}" in caplog.text
    validator = asked.responses[status]
    assert validator is not None
    assert validator.is_valid(answer)
    assert emulator.dump()["players"] == before


def test_a_sample_repeats_what_the_request_says(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(HANDLERS, "wallet.credit")
    target = "/server/v1/players/p%201/wallet/gems/credit"
    assert send(emulator, "POST", target, {"amount": 5}) == (
        200,
        {"data": {"economyKey": "gems", "balance": 0, "applied": True}},
    )


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "minLength": 4, "pattern": "^[a-z]+$"}, "aaaa"),
        ({"type": "string", "format": "date"}, "2026-01-02"),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "maximum": -2}, -2),
        ({"type": ["string", "null"]}, None),
        ({"oneOf": [{"$ref": "#/components/schemas/Id"}, {"type": "null"}]}, None),
        ({"type": "array", "items": {"const": "x"}, "minItems": 2}, ["x", "x"]),
        ({"allOf": [{"type": "object", "properties": {"known": {"type": "integer"}}, "required": ["known"]}]}, {"known": 7}),
        ({"type": "object", "properties": {"known": {"type": "string"}, "more": {"type": "string"}}}, {}),
        ({}, {}),
    ],
)  # fmt: skip
def test_a_sample_fits_its_schema(schema: dict[str, Any], value: Any) -> None:
    assert Samples(contract(), {"known": 7}, "2026-01-02T03:04:05.678Z").value(schema, "x") == value
    assert contract().validator(schema).is_valid(value)


def test_where_no_sample_is_known_the_place_is_named() -> None:
    with pytest.raises(ValueError, match=r"x\.a: no sample of such a text is known; the operation needs a handler"):
        Samples(contract(), {}, "").value(
            {"properties": {"a": {"type": "string", "pattern": "^q{7}$"}}, "required": ["a"]}, "x"
        )


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        ("", 401, "unauthenticated"),
        ("Bearer", 401, "session_invalid"),
        ("Basic sEmuTest.x", 401, "session_invalid"),
        ("Bearer nodot", 401, "session_invalid"),
        ("Bearer sEmuTest.wrong", 401, "session_invalid"),
        ("Bearer unknown1.secret", 401, "session_invalid"),
        ("client", 403, "forbidden"),
    ],
)
@pytest.mark.parametrize("operation", contract().operations.values(), ids=lambda o: o.id)
def test_no_operation_is_done_without_the_right_key(
    emulator: Emulator, operation: Any, header: str, status: int, code: str
) -> None:
    before = emulator.dump()
    header = f"Bearer {emulator.client_key}" if header == "client" else header
    target = "/".join("x" if s.startswith("{") else s for s in operation.route.split("/"))
    got, body = send(emulator, operation.method, target, {"amount": 1}, authorization=header)
    assert (got, body["error"]["code"]) == (status, code)
    assert emulator.dump() == before


def test_the_sdk_names_these_errors(emulator: Emulator) -> None:
    for key, kind in (
        ("sEmuTest.wrong", SessionInvalidError),
        (emulator.client_key, ForbiddenError),
    ):
        with emulator.client(api_key=key) as kraty, pytest.raises(kind):
            kraty.health.ping()


def test_a_live_key_is_of_the_live_environment(emulator: Emulator) -> None:
    with emulator.client(api_key=emulator.live_key) as kraty:
        assert kraty.health.ping().api_key.environment.value == "live"


@pytest.mark.parametrize(
    ("target", "body", "path"),
    [
        ("/players/p/wallet/gold/credit", {}, ""),
        ("/players/p/wallet/gold/credit", {"amount": 0}, "amount"),
        ("/players/p/wallet/gold/credit", {"amount": 1.5}, "amount"),
        ("/players/p/wallet/gold/credit", {"amount": "1"}, "amount"),
        ("/players/p/wallet/gold/credit", {"amount": 2**53}, "amount"),
        ("/players/p/wallet/gold/credit", {"amount": 1, "idempotencyKey": " "}, "idempotencyKey"),
        ("/players/p/wallet/gold/credit", None, ""),
        ("/players/p/wallet/gold/credit", b"{", ""),
        ("/players/p/wallet/gold/credit", b'{"amount": NaN}', ""),
        ("/players/p/wallet/gold/credit", [], ""),
        ("/players/%00/wallet/gold/credit", {"amount": 1}, "path.externalId"),
        ("/players/./wallet/gold/credit", {"amount": 1}, "path.externalId"),
        ("/players/p/grants", {"idempotencyKey": "k", "entries": []}, "entries"),
        ("/players/p/grants", {"idempotencyKey": "k", "entries": [{"type": "x"}]}, "entries[0]"),
        ("/players/p/events/e/attempts/a/progress", {"mode": "set"}, ""),
        ("/migrate/wallet", {"rows": [{}] * 1001}, "rows"),
        ("/players/p/unban", {"idempotencyKey": 5}, "idempotencyKey"),
    ],
)
def test_what_the_contract_forbids_is_400_and_says_where(emulator: Emulator, target: str, body: Any, path: str) -> None:
    status, answer = send(emulator, "POST", f"/server/v1{target}", body)
    assert (status, answer["error"]["code"]) == (400, "validation_failed")
    assert path in [problem["path"] for problem in answer["error"]["details"]]


def test_unknown_fields_are_taken(emulator: Emulator) -> None:
    assert send(emulator, "POST", "/server/v1/players/p/wallet/gold/credit", {"amount": 1, "new": [1]})[0] == 200


def test_unknown_routes_and_methods_are_refused(emulator: Emulator) -> None:
    assert send(emulator, "GET", "/server/v1/nothing")[0] == 404
    assert send(emulator, "GET", "/server/v1/players/%ff")[0] == 404
    assert send(emulator, "DELETE", "/server/v1/ping")[0] == 405


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_what_the_node_sdk_sends_is_understood(emulator: Emulator, case: dict[str, Any]) -> None:
    for request in case["requests"]:
        body = request["body"].encode() if request.get("body") else b""
        if not request["target"].startswith("/server/v1/"):
            continue  # the cases with a base URL that has a path of its own
        status, answer = send(emulator, request["method"], request["target"], body)
        assert status < 500, answer
        assert status != 405
        assert answer.get("error", {}).get("code") != "validation_failed", answer


def test_an_answer_outside_of_the_contract_is_a_500_in_strict_mode(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(HANDLERS, "health.ping", Handler(lambda request: (200, {"ok": "yes"})))
    status, answer = send(emulator, "GET", "/server/v1/ping")
    assert (status, "left the contract at health.ping" in answer["error"]["message"]) == (500, True)
    monkeypatch.setattr(emulator.engine, "strict", False)
    assert send(emulator, "GET", "/server/v1/ping") == (200, {"ok": "yes"})


def test_a_bug_in_the_emulator_is_a_500_and_leaves_no_trace(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(request: Any) -> Any:
        get_or_create_player(request.context, "trace")
        raise RuntimeError("broken")

    monkeypatch.setitem(HANDLERS, "wallet.credit", Handler(broken))
    assert send(emulator, "POST", "/server/v1/players/p/wallet/gold/credit", {"amount": 1})[0] == 500
    assert "trace" not in str(emulator.dump()["players"])
