"""Which calls are compared? Those that were recorded, and with a Node SDK at hand many that no recording has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from codegen import write
from codegen.parity.ours import Case
from kraty_server.errors import BY_CODE

RECORDED: Final = write.ROOT / "tests" / "parity" / "node-0.13.0.json"
WEBHOOKS: Final = write.ROOT / "tests" / "parity" / "webhook-0.13.0.json"

NASTY: Final = "a:/?#[]@!$&'()*+,;=%\"<>\\^`{|}~ -._é★😀"
"""Everything that has a meaning in a URL, and what is beyond ASCII."""
FETCH_DECIDES: Final = {407, 421}
"""Statuses that `fetch` does not hand on: what it does with them depends on the version of Node."""
REFUSED: Final = {"error": {"code": "x", "message": "m"}}
WALLET: Final = {"data": {"economyKey": "gold", "balance": 500, "applied": True}}
PONG: Final = {
    "ok": True,
    "apiKey": {"id": "k", "prefix": "p", "permissionSet": "s", "environment": "live", "studioId": "s", "gameId": None},
}


def recorded(path: Path = RECORDED) -> list[Case]:
    """The recorded calls."""
    cases: list[Case] = json.loads(path.read_text("utf-8"))
    return cases


def deliveries() -> list[Case]:
    """Webhook deliveries: those that were recorded, and some that are signed when they are judged."""
    cases: list[Case] = json.loads(WEBHOOKS.read_text("utf-8"))
    signed: dict[str, Any] = {"body_base64": "e30=", "secret": "whsec_test_12345"}
    return [
        *cases,
        *(signed | {"id": f"live/{live:+}", "live": live} for live in (-320, -270, 30, 90)),
        signed
        | {
            "id": "secret/empty",
            "secret": "",
            "live": 0,
            "node": True,
            "expect": "ValueError",
            "note": "anybody can sign with an empty secret; it was not read from the environment, perhaps",
        },
    ]


def probes(calls: Sequence[Case]) -> list[Case]:
    """Calls that no recording has, for an SDK that can be asked; those of each method stand on a recorded one."""
    found = [
        *_escaping(calls),
        *_statuses(),
        *_delays(),
        *_retry_after(),
        *_defaults(),
        *_redirects(),
        *_time_limits(),
        *_low_level(),
        *_answers(calls),
        *_errors(),
        *_refusals(),
    ]
    assert len({case["id"] for case in found}) == len(found)
    return found


def _call(id: str, resource: str, method: str, *args: Any, input: Any = None, **rest: Any) -> Case:
    case = {"id": id, "resource": resource, "method": method, "args": list(args), "input": input, **rest}
    return case if "responses" in case else case | {"responses": [{"status": 200, "json": WALLET}]}


def _credit(id: str, responses: Sequence[Mapping[str, Any]], **rest: Any) -> Case:
    return _call(id, "wallet", "credit", "p", "gold", input={"amount": 1}, responses=responses, **rest)


def _ping(id: str, response: Mapping[str, Any], **rest: Any) -> Case:
    return _call(id, "health", "ping", responses=[response], **rest)


def _named(case: Case) -> Case:
    """What a recorded case calls, and with what."""
    return {part: case.get(part) for part in ("resource", "method", "args", "input")}


def _replaced(value: Any, old: str, new: str) -> Any:
    """A value with each text that is `old` replaced: an answer that is about what was asked."""
    if isinstance(value, dict):
        return {name: _replaced(item, old, new) for name, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_replaced(item, old, new) for item in cast("list[object]", value)]
    return new if value == old else value


def _escaping(calls: Sequence[Case]) -> Iterator[Case]:
    """Each text among the arguments of each method, in turn, as nasty as can be."""
    seen = set[tuple[str, str]]()
    for case in calls:
        if (name := (case["resource"], case["method"])) in seen:
            continue
        seen.add(name)
        for place, value in enumerate(case["args"]):
            if isinstance(value, str):
                args = [NASTY if n == place else other for n, other in enumerate(case["args"])]
                yield {
                    "id": f"escape/{'.'.join(name)}/{place + 1}",
                    **_named(case),
                    "args": args,
                    "responses": _replaced(case["responses"], value, NASTY),
                    "in_process": True,
                }


def _statuses() -> Iterator[Case]:
    for status in (201, 202, 203, 206, 299):
        yield _credit(f"status/{status}", [{"status": status, "json": WALLET}], in_process=True)
    for status in sorted({*range(300, 600)} - FETCH_DECIDES):
        first = {"status": status} if status == 304 else {"status": status, "json": REFUSED}
        yield _credit(f"status/{status}", [first, {"status": 200, "json": WALLET}], in_process=True)


def _delays() -> Iterator[Case]:
    fails = [{"status": 503, "json": REFUSED}]
    for name, retry, random in (
        ("growth", {"attempts": 6, "initialDelayMs": 100, "jitter": 0.0}, 0.5),
        ("cap", {"attempts": 6, "initialDelayMs": 100, "maxDelayMs": 500, "jitter": 0.0}, 0.5),
        ("jitter-least", {"attempts": 4, "initialDelayMs": 100, "jitter": 0.5}, 0.0),
        ("jitter-quarter", {"attempts": 4, "initialDelayMs": 100, "jitter": 0.5}, 0.25),
        ("jitter-most", {"attempts": 4, "initialDelayMs": 100, "jitter": 0.5}, 1.0),
        ("jitter-at-the-cap", {"attempts": 4, "initialDelayMs": 100, "maxDelayMs": 200, "jitter": 0.5}, 1.0),
    ):
        yield _credit(f"delay/{name}", fails, retry=retry, random=random, in_process=True)
    lost = [{"drop": True}]
    yield _credit("delay/lost", lost, retry={"attempts": 4, "initialDelayMs": 100}, random=0.5, in_process=True)


def _retry_after() -> Iterator[Case]:
    for status in (429, 503, 408, 500, 400):
        first = {"status": status, "json": REFUSED, "headers": {"retry-after": "2"}}
        yield _credit(f"retry-after/{status}", [first, {"status": 200, "json": WALLET}], in_process=True)
    date = "Fri, 01 Jan 2027 00:00:00 GMT"
    for name, value in (
        *(("zero", "0"), ("part", "1.5"), ("cap", "30"), ("long", "90"), ("less", "-1")),
        *(("text", "soon"), ("date", date)),
    ):
        first = {"status": 429, "json": REFUSED, "headers": {"retry-after": value}}
        ok = {"status": 200, "json": WALLET}
        yield _credit(f"retry-after/{name}", [first, ok], random=0.5, in_process=True)


def _defaults() -> Iterator[Case]:
    fails = [{"status": 503, "json": REFUSED}]
    yield _ping("default/base-url", {"status": 200, "json": PONG}, base_url=None, in_process=True)
    yield _credit("default/retry", fails, retry=None, random=0.5, in_process=True)
    yield _credit("default/jitter", fails, retry=None, random=0.0, in_process=True)
    yield _credit("default/initial-delay", fails, retry={"attempts": 2, "initialDelayMs": 200}, in_process=True)
    long = {"attempts": 8, "initialDelayMs": 2000}
    yield _credit("default/cap", fails, retry=long, in_process=True)
    yield _credit("default/generator", [*fails, {"status": 200, "json": WALLET}], generator=None, in_process=True)
    yield _ping("option/timeout", {"status": 200, "json": PONG}, timeout_ms=1234, in_process=True)
    yield _ping("option/base-url-two-slashes", {"status": 200, "json": PONG}, base_suffix="//", in_process=True)
    yield _ping("option/base-url-path", {"status": 200, "json": PONG}, base_suffix="/eu", in_process=True)
    yield _credit("option/hook-raises", [{"status": 200, "json": WALLET}], hook="raises")


def _redirects() -> Iterator[Case]:
    for status in (302, 307):
        moved = {"status": status, "json": REFUSED, "headers": {"location": "/server/v1/elsewhere"}}
        yield _credit(f"redirect/{status}-post", [moved, {"status": 200, "json": WALLET}])
        yield _call(f"redirect/{status}-get", "health", "ping", responses=[moved, {"status": 200, "json": PONG}])


def _time_limits() -> Iterator[Case]:
    once = {"attempts": 1}
    for part in ("head", "body"):
        yield _ping(f"hang/{part}", {"status": 200, "json": PONG, "hang": part}, retry=once, timeout_ms=300)


def _low_level() -> Iterator[Case]:
    path, answer = "/server/v1/newer/route", {"status": 200, "json": {"data": {"any": [1, None]}}}
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        yield _call(f"request/{method}", "client", "request", method, path, responses=[answer])
        if method != "GET":
            yield _call(f"request/{method}/body", "client", "request", method, path, {"a": 1}, responses=[answer])
    own = {"a": 1, "idempotencyKey": "mine"}
    yield _call("request/own-key", "client", "request", "PATCH", path, own, responses=[answer])
    yield _call("request/lower-case", "client", "request", "patch", path, {"a": 1}, responses=[answer])
    yield _call("request/query", "client", "request", "GET", f"{path}?a=1&b=%2F", responses=[answer])
    yield _call("request/list", "client", "request", "POST", path, [1], responses=[answer])


def _answers(calls: Sequence[Case]) -> Iterator[Case]:
    """Bodies of another size and shape than a method awaits, where answers are opened in different ways."""
    methods = ("wallet.credit", "players.get", "players.friends", "players.setIdentity", "health.ping")
    first = {f"{case['resource']}.{case['method']}": case for case in reversed(calls)}
    odd: dict[str, Mapping[str, Any]] = {
        "204": {"status": 204},
        "empty": {"status": 200},
        "null": {"status": 200, "json": None},
        "list": {"status": 200, "json": []},
        "data-null": {"status": 200, "json": {"data": None}},
        "data-list": {"status": 200, "json": {"data": []}},
        "data-empty": {"status": 200, "json": {"data": {}}},
        "error": {"status": 200, "json": {"error": {"code": "conflict", "message": "m"}}},
    }
    for name in methods:
        for shape, answer in odd.items():
            yield {"id": f"answer/{name}/{shape}", **_named(first[name]), "responses": [answer]}
    newer = {"externalPlayerId": "p", "displayIdentity": {"name": "Aria"}, "anonymizedIdentity": None}
    yield _call("answer/players.setIdentity/newer", "players", "setIdentity", "p", input={"name": "Aria"},
                responses=[{"status": 200, "json": {"data": newer}}])  # fmt: skip
    long = {"data": WALLET["data"] | {"note": "é" * 500_000}}
    yield _credit("answer/long", [{"status": 200, "json": long}])
    entries = [{"type": "currency", "currencyKey": "gold", "amount": 1}]
    given = {"idempotencyKey": "k", "entries": entries, "metadata": {"receipt": "é" * 500_000}}
    grant = first["grants.create"]
    yield {"id": "answer/long-request", **_named(grant), "input": given, "responses": grant["responses"]}
    yield _call("answer/long-not-json", "players", "get", "p", responses=[{"status": 200, "raw": "<p>" * 1000}])


def _errors() -> Iterator[Case]:
    bodies: dict[str, Any] = {f"getter/{code}": {"error": {"code": code, "message": "m"}} for code in BY_CODE}
    bodies |= {
        "envelope/text": {"error": "text"},
        "envelope/no-code": {"error": {"message": "m"}},
        "envelope/no-message": {"error": {"code": "conflict"}},
        "envelope/null-code": {"error": {"code": None, "message": "m"}},
        "envelope/details-null": {"error": {"code": "conflict", "message": "m", "details": None}},
        "envelope/long-message": {"error": {"code": "conflict", "message": "é" * 1000}},
        "envelope/null": None,
        "envelope/list": [],
    }
    for name, body in bodies.items():
        yield _call(name, "players", "get", "p", responses=[{"status": 400, "json": body}], in_process=True)
    page = {"status": 400, "raw": "<p>" * 1000}
    yield _call("envelope/long-page", "players", "get", "p", responses=[page], in_process=True)


def _refusals() -> Iterator[Case]:
    """What this SDK does not send."""
    ok = [{"status": 200, "json": WALLET}]
    for name, player in (("dots", ".."), ("dot", "."), ("empty", "")):
        yield _call(f"refused/player-{name}", "wallet", "credit", player, "gold", input={"amount": 1}, responses=ok)
    for name, given in (
        ("empty-key", {"amount": 1, "idempotencyKey": ""}),
        ("blank-key", {"amount": 1, "idempotencyKey": " "}),
        ("less", {"amount": -1}),
        ("part", {"amount": 0.5}),
    ):
        yield _call(f"refused/{name}", "wallet", "credit", "p", "gold", input=given, responses=ok)
