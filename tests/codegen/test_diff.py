"""Each change of the document is found, judged from the side it touches, and laid at the right call."""

from __future__ import annotations

import copy
import json
import random
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.__main__ import main
from codegen.diff import Level, as_json, diff, markdown, next_version, table, verdict
from codegen.write import DOCUMENT, load
from tests.servers.raw import RawServer, Reply

OURS = load(DOCUMENT)
SCHEMA = "#/components/schemas/"

Edit: TypeAlias = Callable[[dict[str, Any]], object]
B, A, D, U = Level.BREAKING, Level.ADDITIVE, Level.DOCUMENTATION, Level.UNJUDGED


def edited(*edits: Edit) -> dict[str, Any]:
    document = copy.deepcopy(OURS)
    for edit in edits:
        edit(document)
    return document


def schema(d: Any, name: str) -> Any:
    return d["components"]["schemas"][name]


def prop(d: Any, name: str, wire: str) -> Any:
    return schema(d, name)["properties"][wire]


def call(d: Any, name: str) -> Any:
    return next(o for item in d["paths"].values() for o in item.values() if o.get("operationId") == name)


def to(name: str, wire: str, **keywords: Any) -> Edit:
    """Set keywords of a property; None takes one out."""

    def edit(d: Any) -> None:
        node = prop(d, name, wire)
        for keyword, value in keywords.items():
            node.pop(keyword, None)
            if value is not None:
                node[keyword] = value

    return edit


def replaced(name: str, wire: str, value: Any) -> Edit:
    return lambda d: schema(d, name)["properties"].update({wire: value})


def required(name: str, *wires: str) -> Edit:
    return lambda d: schema(d, name).update(required=list(wires))


def enum(name: str, *values: str) -> Edit:
    return lambda d: schema(d, name).update(enum=list(values))


def responses(name: str, edit: Edit) -> Edit:
    return lambda d: edit(call(d, name)["responses"])


def without(name: str, wire: str) -> Edit:
    def edit(d: Any) -> None:
        del schema(d, name)["properties"][wire]
        schema(d, name)["required"] = [w for w in schema(d, name)["required"] if w != wire]

    return edit


def codes(name: str, status: str, *values: str) -> Edit:
    return lambda d: call(d, name)["x-error-codes"].update({status: list(values)})


def parameter(name: str, **node: Any) -> Edit:
    return lambda d: call(d, name)["parameters"].append({"name": "limit", "schema": {"type": "integer"}, **node})


def extra_union_member(d: Any) -> None:
    schema(d, "GrantedRewardEntry")["oneOf"].append(
        {"type": "object", "required": ["type"], "properties": {"type": {"type": "string", "const": "skin"}}}
    )


TEXT = {"type": "string", "description": "x"}
CREDIT = "POST /players/{externalId}/wallet/{economyKey}/credit"
SNAPSHOT = "GET /players/{externalId} 200.data"
GRANTS = "POST /players/{externalId}/grants"
PUSH = "POST /games/{gameId}/events/{eventKey}/lobbies"
PROGRESS = "POST /players/{externalId}/events/{eventKey}/attempts/{attemptId}/progress"

# What is done to our document; the kind of the change; how bad it is, there and back; the place; a call it touches.
MUTATIONS: dict[str, tuple[Edit, str, Level, Level, str, str]] = {
    "request: minimum": (to("AdjustWalletBody", "amount", minimum=5), "bound", B, A, f"{CREDIT} body.amount", "wallet.credit"),
    "request: maximum": (to("AdjustWalletBody", "amount", maximum=100), "bound", B, A, f"{CREDIT} body.amount", "wallet.debit"),
    "request: no maximum": (to("AdjustWalletBody", "amount", maximum=None), "bound", A, B, f"{CREDIT} body.amount", "wallet.credit"),
    "request: maxItems": (to("MigrateWalletBody", "rows", maxItems=500), "bound", B, A, "POST /migrate/wallet body.rows", "migrate.wallet"),
    "request: minItems": (to("PushLobbyBody", "externalPlayerIds", minItems=2), "bound", B, A, f"{PUSH} body.externalPlayerIds", "lobbies.push"),
    "request: minLength": (to("SetIdentityBody", "name", minLength=3), "bound", B, A, "PUT /players/{externalId}/identity body.name", "players.set_identity"),
    "request: maxLength": (to("SetIdentityBody", "name", maxLength=64), "bound", B, A, "PUT /players/{externalId}/identity body.name", "players.set_identity"),
    "request: pattern": (to("AdjustWalletBody", "reason", pattern="^[a-z]+$"), "pattern", B, A, f"{CREDIT} body.reason", "wallet.credit"),
    "request: format": (to("ReportProgressBody", "occurredAt", format=None), "format", A, B, f"{PROGRESS} body.occurredAt", "events.report_progress"),
    "request: unique items": (to("PushLobbyBody", "externalPlayerIds", uniqueItems=True), "uniqueItems", B, A, f"{PUSH} body.externalPlayerIds", "lobbies.push"),
    "request: multiple of": (to("ReportProgressBody", "metricValue", multipleOf=5), "multipleOf", B, A, f"{PROGRESS} body.metricValue", "events.report_progress"),
    "request: wider number": (to("AdjustWalletBody", "amount", type="number"), "type", A, B, f"{CREDIT} body.amount", "wallet.credit"),
    "request: other type": (to("AdjustWalletBody", "amount", type="string", minimum=None, maximum=None), "type", B, B, f"{CREDIT} body.amount", "wallet.credit"),
    "request: more types": (to("PushLobbyBody", "fillBots", type=["boolean", "string"]), "type", A, B, f"{PUSH} body.fillBots", "lobbies.push"),
    "request: any type": (replaced("PushLobbyBody", "fillBots", {"description": prop(OURS, "PushLobbyBody", "fillBots")["description"]}), "type", A, B, f"{PUSH} body.fillBots", "lobbies.push"),
    "request: null": (to("AdjustWalletBody", "reason", type=["string", "null"]), "null", A, B, f"{CREDIT} body.reason", "wallet.credit"),
    "request: required": (required("AdjustWalletBody", "amount", "reason"), "required", B, A, f"{CREDIT} body.reason", "wallet.credit"),
    "request: optional": (required("AdjustWalletBody"), "required", A, B, f"{CREDIT} body.amount", "wallet.credit"),
    "request: another property": (replaced("AdjustWalletBody", "memo", TEXT), "property", A, B, f"{CREDIT} body.memo", "wallet.credit"),
    "request: another property, required": (lambda d: (replaced("AdjustWalletBody", "memo", TEXT)(d), required("AdjustWalletBody", "amount", "memo")(d)), "property", B, B, f"{CREDIT} body.memo", "wallet.credit"),
    "request: a property within an item": (lambda d: schema(d, "MigrateWalletRow")["properties"].update(memo=TEXT), "property", A, B, "POST /migrate/wallet body.rows[].memo", "migrate.wallet"),
    "request: enum value": (enum("DeleteReason", "gdpr_erasure", "studio_request", "test", "fraud"), "enum", A, B, "POST /players/{externalId}/delete body.reason", "players.delete"),
    "request: enum opened": (lambda d: schema(d, "DeleteReason").pop("enum"), "enum", A, B, "POST /players/{externalId}/delete body.reason", "players.delete"),
    "request: union member": (extra_union_member, "union", A, B, f"{GRANTS} body.entries[]<skin>", "grants.create"),
    "request: in a union member": (to("CurrencyEntry", "amount", minimum=2), "bound", B, A, f"{GRANTS} body.entries[]<currency>.amount", "grants.create"),
    "request: tag of a union": (lambda d: schema(d, "GrantedRewardEntry")["discriminator"].update(propertyName="kind"), "discriminator", B, B, f"{GRANTS} body.entries[]", "grants.create"),
    "request: at least one of, more": (lambda d: schema(d, "ReportProgressBody")["x-at-least-one-of"].append("occurredAt"), "at least one of", A, B, f"{PROGRESS} body", "events.report_progress"),
    "request: at least one of": (lambda d: schema(d, "AdjustWalletBody").update({"x-at-least-one-of": ["reason", "sourceRefId"]}), "at least one of", B, A, f"{CREDIT} body", "wallet.credit"),
    "request: map of something": (lambda d: schema(d, "MetricMap").update(additionalProperties={"type": "integer"}), "type", B, A, f"{PROGRESS} body.metrics{{}}", "events.report_progress"),
    "request: closed": (lambda d: schema(d, "AdjustWalletBody").update(additionalProperties=False), "additional properties", B, A, f"{CREDIT} body", "wallet.credit"),
    "request: order": (lambda d: schema(d, "AdjustWalletBody").update(properties=dict(sorted(schema(d, "AdjustWalletBody")["properties"].items(), reverse=True))), "order", A, A, f"{CREDIT} body", "wallet.credit"),
    "request: default": (to("PushLobbyBody", "fillBots", default=True), "default", A, B, f"{PUSH} body.fillBots", "lobbies.push"),
    "request: body must be": (lambda d: call(d, "players.delete")["requestBody"].update(required=True), "required", B, A, "POST /players/{externalId}/delete body", "players.delete"),
    "request: body": (lambda d: call(d, "players.delete").pop("requestBody"), "body", B, A, "POST /players/{externalId}/delete body", "players.delete"),
    "request: media type": (lambda d: call(d, "wallet.credit")["requestBody"]["content"].update({"text/csv": {}}), "media type", A, B, f"{CREDIT} body", "wallet.credit"),
    "parameter: optional": (parameter("players.friends", **{"in": "query"}), "parameter", A, B, "GET /players/{externalId}/friends query limit", "players.friends"),
    "parameter: required": (parameter("players.friends", **{"in": "query", "required": True}), "parameter", B, B, "GET /players/{externalId}/friends query limit", "players.friends"),
    "parameter: bound": (lambda d: schema(d, "Id").update(maxLength=64), "bound", B, A, f"{CREDIT} path externalId", "wallet.credit"),
    "response: bound": (to("AdjustWalletResult", "balance", minimum=0), "bound", A, A, f"{CREDIT} 200.data.balance", "wallet.credit"),
    "response: property": (without("AdjustWalletResult", "balance"), "property", B, A, f"{CREDIT} 200.data.balance", "wallet.credit"),
    "response: another property": (replaced("AdjustWalletResult", "currency", TEXT), "property", A, B, f"{CREDIT} 200.data.currency", "wallet.debit"),
    "response: optional": (required("AdjustWalletResult", "economyKey", "balance"), "required", B, A, f"{CREDIT} 200.data.applied", "wallet.credit"),
    "response: null": (to("Grant", "id", type=["string", "null"]), "null", B, A, f"{GRANTS} 201.data.id", "grants.ack"),
    "response: narrower number": (to("WalletBalance", "balance", type="integer"), "type", A, B, f"{SNAPSHOT}.wallet[].balance", "players.get"),
    "response: other type": (to("WalletBalance", "balance", type="string"), "type", B, B, f"{SNAPSHOT}.wallet[].balance", "players.get"),
    "response: enum value": (lambda d: schema(d, "GrantStatus")["enum"].append("frozen"), "enum", A, A, f"{GRANTS} 201.data.status", "players.get"),
    "response: enum opened": (lambda d: schema(d, "GrantStatus").pop("enum"), "enum", A, A, f"{GRANTS} 201.data.status", "grants.create"),
    "response: time": (to("SnapshotPlayer", "createdAt", format=None), "format", B, B, f"{SNAPSHOT}.player.createdAt", "players.get"),
    "response: map": (lambda d: schema(d, "JsonObject").update(additionalProperties={"type": "string"}), "type", A, B, f"{SNAPSHOT}.wallet[].metadata{{}}", "players.get"),
    "response: 2xx": (responses("grants.create", lambda r: r.pop("200")), "status", A, A, f"{GRANTS} 200", "grants.create"),
    "response: the only 2xx": (responses("wallet.credit", lambda r: r.pop("200")), "status", B, A, f"{CREDIT} 200", "wallet.credit"),
    "response: headers": (responses("wallet.credit", lambda r: r["200"].update(headers={"x-request-id": {}})), "headers", A, B, f"{CREDIT} 200 header x-request-id", "wallet.credit"),
    "error: status": (responses("wallet.credit", lambda r: r.update({"422": r["409"]})), "status", A, A, f"{CREDIT} 422", "wallet.credit"),
    "error: code": (codes("wallet.credit", "409", "idempotency_conflict", "frozen"), "error code", A, B, f"{CREDIT} 409", "wallet.credit"),
    "error: another code": (codes("wallet.credit", "404", "no_such_currency"), "error code", B, B, f"{CREDIT} 404", "wallet.credit"),
    "error: shape": (replaced("ErrorDetail", "requestId", TEXT), "property", A, B, f"{CREDIT} 409.error.requestId", "wallet.credit"),
    "operation": (lambda d: d["paths"].pop("/migrate/wallet"), "operation", B, A, "POST /migrate/wallet", "migrate.wallet"),
    "operation: its call": (lambda d: call(d, "wallet.credit").update(operationId="wallet.add"), "name", B, B, CREDIT, "wallet.add"),
    "operation: deprecated": (lambda d: call(d, "wallet.credit").update(deprecated=True), "deprecated", D, D, CREDIT, "wallet.credit"),
    "operation: security": (lambda d: call(d, "wallet.credit").update(security=[]), "security", A, B, CREDIT, "wallet.credit"),
    "operation: something new": (lambda d: call(d, "wallet.credit").update({"x-rate-limit": 5}), "keyword", D, D, CREDIT, "wallet.credit"),
    "operation: prose": (lambda d: call(d, "wallet.credit").update(description="x"), "description", D, D, CREDIT, "wallet.credit"),
    "schema: prose": (to("AdjustWalletResult", "balance", description="x"), "description", D, D, f"{CREDIT} 200.data.balance", "wallet.credit"),
    "schema: something new": (to("AdjustWalletBody", "reason", contentEncoding="base64"), "keyword", U, U, f"{CREDIT} body.reason", "wallet.credit"),
    "webhook: event": (lambda d: d["webhooks"].pop("grant.created"), "webhook", B, A, "webhook grant.created", ""),
    "webhook: payload": (without("WebhookEvent", "studioId"), "property", B, A, "webhook grant.created.studioId", ""),
    "webhook: data": (without("WalletChangedData", "delta"), "property", B, A, "webhook wallet.changed.data.delta", ""),
    "webhook: type of data": (to("WalletChangedData", "balance", type="string"), "type", B, B, "webhook wallet.changed.data.balance", ""),
    "webhook: null": (to("PlayerBannedData", "reason", type=["string", "null"]), "null", B, A, "webhook player.banned.data.reason", ""),
    "webhook: prose": (lambda d: d["webhooks"]["lobby.closed"]["post"].update(summary="x"), "summary", D, D, "webhook lobby.closed", ""),
    "document: server": (lambda d: d["servers"][0].update(url="https://api.kraty.io/server/v2"), "servers", B, B, "document", ""),
    "document: security": (lambda d: d["components"]["securitySchemes"]["serverKey"].update(scheme="basic"), "security", B, B, "document", ""),
    "document: version": (lambda d: d["info"].update(version="2"), "info", D, D, "document", ""),
}  # fmt: skip


@pytest.mark.parametrize("way", ["there", "back"])
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_change_is_found_and_judged(name: str, way: str) -> None:
    edit, kind, forward, backward, place, method = MUTATIONS[name]
    old, new = OURS, edited(edit)
    changes = diff(old, new) if way == "there" else diff(new, old)
    found = [change for change in changes if change.kind == kind and place in change.places]
    assert found, table(changes, "0.1.0")
    assert max(change.level for change in found) == (forward if way == "there" else backward)
    assert verdict(changes) == max(change.level for change in changes)
    # On the way back, the call has the name that it has in our document.
    method = "wallet.credit" if method == "wallet.add" and way == "back" else method
    assert not method or any(method in change.methods for change in found)
    assert all(f"api.{method}" in change.names for change in found for method in change.methods)


def test_enough_of_them() -> None:
    assert len(MUTATIONS) * 2 >= 60


# What is no change


def inlined(d: Any, dice: random.Random, share: float) -> Any:
    """The document with some references to schemas replaced by what they lead to."""

    def walk(node: Any) -> Any:
        if isinstance(node, Mapping):
            target = node.get("$ref", "")
            if isinstance(target, str) and target.startswith(SCHEMA) and dice.random() < share:
                beside = {k: v for k, v in node.items() if k != "$ref"}
                return walk({**schema(OURS, target.removeprefix(SCHEMA)), **beside})
            return {k: v if k == "mapping" else walk(v) for k, v in node.items()}
        return [walk(value) for value in node] if isinstance(node, list) else node

    return d | {"paths": walk(d["paths"]), "components": walk(d["components"])}


def renamed(d: Any, old: str, new: str) -> Any:
    """The document with a component under another name."""
    text = json.dumps(d).replace(f'"{SCHEMA}{old}"', f'"{SCHEMA}{new}"')
    moved = json.loads(text)
    moved["components"]["schemas"][new] = moved["components"]["schemas"].pop(old)
    return moved


def wrapped(d: Any) -> Any:
    """Each reference to a schema as an `allOf` of one."""

    def walk(node: Any) -> Any:
        if isinstance(node, Mapping):
            if str(node.get("$ref", "")).startswith(SCHEMA):
                return {"allOf": [{"$ref": node["$ref"]}], **{k: v for k, v in node.items() if k != "$ref"}}
            return {k: v if k == "mapping" else walk(v) for k, v in node.items()}
        return [walk(value) for value in node] if isinstance(node, list) else node

    return d | {"paths": walk(d["paths"]), "components": walk(d["components"])}


def shuffled(node: Any, dice: random.Random) -> Any:
    """The same with keywords and members of sets in another order; properties have theirs on the wire."""
    if isinstance(node, Mapping):
        items = [
            (k, {n: shuffled(p, dice) for n, p in v.items()} if k == "properties" else shuffled(v, dice))
            for k, v in node.items()
        ]
        dice.shuffle(items)
        return {k: dice.sample(v, len(v)) if k in ("required", "enum", "type") and isinstance(v, list) else v
                for k, v in items}  # fmt: skip
    return [shuffled(value, dice) for value in node] if isinstance(node, list) else node


def param_renamed(d: Any) -> Any:
    text = json.dumps(d["paths"]).replace("{externalId}", "{playerId}")
    new = d | {"paths": json.loads(text)}
    new["components"]["parameters"]["ExternalId"]["name"] = "playerId"
    return new


def nullable_as_union(d: Any) -> Any:
    node = prop(d, "SetIdentityBody", "avatar")
    node["oneOf"] = [{"type": "string"}, {"type": "null"}]
    del node["type"]
    return d


def const_as_enum(d: Any) -> Any:
    node = prop(d, "DeletePlayerResult", "status")
    assert "$ref" in node
    prop(d, "CurrencyEntry", "type")["enum"] = [prop(d, "CurrencyEntry", "type")["const"]]
    return d


def response_moved(d: Any) -> Any:
    for item in d["paths"].values():
        for operation in item.values():
            if "404" in operation["responses"]:
                operation["responses"]["404"] = copy.deepcopy(d["components"]["responses"]["NotFound"])
    return d


def parameters_on_the_path(d: Any) -> Any:
    for item in d["paths"].values():
        if len(item) == 1:
            (operation,) = item.values()
            item["parameters"] = operation.pop("parameters", [])
    return d


def any_of(d: Any) -> Any:
    node = schema(d, "GrantedRewardEntry")
    node["anyOf"] = list(reversed(node.pop("oneOf")))
    return d


REFACTORINGS: dict[str, Callable[[Any], Any]] = {
    "the same": lambda d: d,
    "a component renamed": lambda d: renamed(d, "Grant", "RewardGrant"),
    "a body renamed": lambda d: renamed(d, "AdjustWalletBody", "WalletChange"),
    "an enum renamed": lambda d: renamed(d, "GrantStatus", "StatusOfGrant"),
    "all references inlined": lambda d: inlined(d, random.Random(0), 1.0),
    "references wrapped in allOf": wrapped,
    "a path parameter renamed": param_renamed,
    "null as a union": nullable_as_union,
    "a const as an enum too": const_as_enum,
    "an answer inlined": response_moved,
    "parameters moved to the path": parameters_on_the_path,
    "anyOf for oneOf, reordered": any_of,
    "keywords, enums and required reordered": lambda d: d | {"components": shuffled(d["components"], random.Random(1))},
    "paths reordered": lambda d: d | {"paths": dict(reversed(d["paths"].items()))},
    "an unused component": lambda d: d["components"]["schemas"].update(Unused=TEXT) or d,
}


@pytest.mark.parametrize("name", REFACTORINGS)
def test_a_refactoring_is_no_change(name: str) -> None:
    new = REFACTORINGS[name](copy.deepcopy(OURS))
    assert table(diff(OURS, new), "0.1.0") == table(diff(new, OURS), "0.1.0") == "no change"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.05, 0.95), st.sampled_from(sorted(MUTATIONS)))
def test_a_change_is_found_behind_any_refactoring(seed: int, share: float, name: str) -> None:
    new = edited(MUTATIONS[name][0])
    before, after = diff(OURS, new), diff(inlined(OURS, random.Random(seed), share), new)
    assert verdict(before) == verdict(after)
    assert {(c.kind, p) for c in before for p in c.places} == {(c.kind, p) for c in after for p in c.places}


# Versions


@pytest.mark.parametrize(
    ("version", "worst", "then"),
    [
        ("1.2.3", B, "2.0.0"),
        ("1.2.3", A, "1.3.0"),
        ("1.2.3", D, "1.2.4"),
        ("0.4.1", B, "0.5.0"),
        ("0.4.1", A, "0.4.2"),
        ("0.4.1", D, "0.4.2"),
        ("0.4.1", None, "0.4.1"),
    ],
)
def test_a_change_demands_a_version(version: str, worst: Level | None, then: str) -> None:
    assert next_version(version, worst) == then


# The command


@pytest.mark.parametrize(
    ("name", "code"), [("", 0), ("operation: prose", 0), ("response: enum value", 1), ("request: minimum", 2)]
)
def test_the_exit_code_is_the_verdict(name: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = tmp_path / "new.json"
    new.write_text(json.dumps(edited(MUTATIONS[name][0]) if name else OURS))
    for style in ("table", "markdown", "json"):
        assert main(["diff", str(DOCUMENT), str(new), "--format", style]) == code
    assert ("documentation" in capsys.readouterr().out) == (name == "operation: prose")


def test_a_document_of_a_revision_is_read_from_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words], check=True, cwd=tmp_path)

    (tmp_path / "api.json").write_text(json.dumps(edited(MUTATIONS["operation"][0])))
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    git("tag", "v0.3.0")
    monkeypatch.chdir(tmp_path)
    assert main(["diff", "v0.3.0:api.json", str(DOCUMENT), "--format", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "additive"
    assert [(c["kind"], c["methods"]) for c in told["changes"]] == [("operation", ["migrate.wallet"])]


def test_a_document_is_fetched_from_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    with RawServer([Reply.of({"json": OURS}), Reply(404)]) as server:
        assert main(["diff", str(DOCUMENT), f"{server.url}/openapi.server.json"]) == 0
        assert capsys.readouterr().out == "no change\n"
        assert main(["diff", str(DOCUMENT), f"{server.url}/openapi.server.json"]) == 3
        assert "404" in capsys.readouterr().err


def test_a_document_that_is_not_named_is_no_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["diff", str(DOCUMENT)])
    assert stopped.value.code == 3
    assert "required: new" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["nowhere.json", "v9.9.9:openapi.server.json"])
def test_what_cannot_be_read_is_no_verdict(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", what, str(DOCUMENT)]) == 3
    assert what in capsys.readouterr().err


def test_markdown_holds_every_change_and_no_broken_row() -> None:
    changes = diff(
        OURS, edited(*(m[0] for n, m in MUTATIONS.items() if n.startswith(("schema", "webhook", "document", "error"))))
    )
    text = markdown(changes, "1.0.0")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == len(changes) + 2
    assert all(row.replace("\\|", "").count("|") == 6 for row in rows)
    assert len(json.loads(as_json(changes, "1.0.0"))["changes"]) == len(changes)


def test_a_change_of_a_webhook_names_its_class() -> None:
    (change,) = diff(OURS, edited(without("WalletChangedData", "delta")))
    assert set(change.names) >= {"events.WalletChanged", "WalletChangedData"}
