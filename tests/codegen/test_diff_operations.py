"""A change of servers, security, parameters, answers, headers or webhooks is judged by what is on the wire."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from codegen.dialect import operations
from codegen.diff import Level, diff, table, verdict
from tests.codegen.test_diff import OURS, Edit, call, edited

B, A, D, U = Level.BREAKING, Level.ADDITIVE, Level.DOCUMENTATION, Level.UNJUDGED
JSON = "application/json"
URL = OURS["servers"][0]["url"]


def servers(*urls: str) -> Edit:
    return lambda d: d.update(servers=[{"url": url} for url in urls])


def every(d: Any) -> Any:
    return (operation for item in d["paths"].values() for operation in item.values() if isinstance(operation, dict))


def base_into_paths(d: Any) -> None:
    d["servers"] = [{"url": "https://api.kraty.io/"}]
    d["paths"] = {f"/server/v1{path}": item for path, item in d["paths"].items()}


def per_operation(d: Any) -> None:
    for operation in every(d):
        operation["security"] = [{"serverKey": []}]
    del d["security"]


def scheme_renamed(d: Any) -> None:
    schemes = d["components"]["securitySchemes"]
    schemes["bearer"] = schemes.pop("serverKey")
    d["security"] = [{"bearer": []}]


def scheme_added(d: Any) -> None:
    d["components"]["securitySchemes"]["basic"] = {"type": "http", "scheme": "basic"}
    d["security"].append({"basic": []})


def both_schemes(d: Any) -> None:
    d["components"]["securitySchemes"]["basic"] = {"type": "http", "scheme": "basic"}
    d["security"] = [{"serverKey": [], "basic": []}]


def credit(d: Any) -> Any:
    return call(d, "wallet.credit")


def answer(*statuses: str, content: Any = None) -> Edit:
    """These statuses instead of 200, with its content or another."""

    def edit(d: Any) -> None:
        ok = credit(d)["responses"].pop("200")
        for status in statuses:
            credit(d)["responses"][status] = ok if content is None else {"description": "x", **content}

    return edit


def beside(status: str, content: Any) -> Edit:
    return lambda d: credit(d)["responses"].update({status: {"description": "x", **content}})


def query(**node: Any) -> Edit:
    node = {"name": "ids", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}, **node}
    return lambda d: call(d, "players.friends")["parameters"].append(node)


def header(**node: Any) -> Edit:
    return lambda d: call(d, "players.friends")["parameters"].append(
        {"in": "header", "schema": {"type": "string"}, **node}
    )


def headers(**nodes: Any) -> Edit:
    return lambda d: credit(d)["responses"]["200"].update(headers={k.replace("_", "-"): v for k, v in nodes.items()})


def hook(d: Any) -> Any:
    return d["webhooks"]["grant.created"]["post"]


def hook_header(**node: Any) -> Edit:
    return lambda d: (
        hook(d)
        .setdefault("parameters", [])
        .append({"name": "X-Sig", "in": "header", "schema": {"type": "string"}, **node})
    )


def hook_by(method: str) -> Edit:
    return lambda d: d["webhooks"].update({"grant.created": {method: hook(d)}})


def swapped(d: Any) -> None:
    path = "/players/{externalId}/wallet/{economyKey}/credit"
    d["paths"]["/players/{economyKey}/wallet/{externalId}/credit"] = d["paths"].pop(path)


def argument(name: str | None) -> Edit:
    def edit(d: Any) -> None:
        d["components"]["parameters"]["ExternalId"].pop("x-argument", None)
        if name:
            d["components"]["parameters"]["ExternalId"]["x-argument"] = name

    return edit


def both(*edits: Edit) -> Edit:
    return lambda d: [edit(d) for edit in edits]


NONE: Edit = lambda d: None  # noqa: E731
OBJECT = {"content": {JSON: {"schema": {"type": "object", "properties": {"id": {"type": "string"}}}}}}

# What is done to the old and to the new document; the verdict there, and back; the kind of the change.
JUDGED: dict[str, tuple[Edit, Edit, Level | None, Level | None, str]] = {
    "servers: a second one": (NONE, servers(URL, "https://eu.kraty.io/server/v1"), A, B, "servers"),
    "servers: a new first one": (NONE, servers("https://eu.kraty.io/server/v1", URL), A, B, "servers"),
    "servers: a slash at the end": (NONE, servers(URL + "/"), None, None, ""),
    "servers: the base path in the paths": (NONE, base_into_paths, None, None, ""),
    "servers: another host": (NONE, servers("https://api.example.com/server/v1"), B, B, "servers"),
    "servers: another base path": (NONE, servers("https://api.kraty.io/server/v2"), B, B, "servers"),
    "servers: of a path": (NONE, lambda d: next(iter(d["paths"].values())).update(servers=[{"url": "https://x.io"}]), B, B, "servers"),
    "servers: of an operation": (NONE, lambda d: credit(d).update(servers=[{"url": "https://x.io"}]), B, B, "servers"),
    "servers: of an operation, the same": (NONE, lambda d: credit(d).update(servers=[{"url": URL}]), None, None, ""),
    "servers: a variable": (NONE, lambda d: d.update(servers=[{"url": URL.replace("api", "{host}"), "variables": {"host": {"default": "api"}}}]), None, None, ""),
    "security: a scheme added": (NONE, scheme_added, A, B, "security"),
    "security: a scheme renamed": (NONE, scheme_renamed, None, None, ""),
    "security: written per operation": (NONE, per_operation, None, None, ""),
    "security: public": (NONE, lambda d: d.update(security=[]), A, B, "security"),
    "security: an unused scheme": (NONE, lambda d: d["components"]["securitySchemes"].update(x={"type": "http", "scheme": "basic"}), None, None, ""),
    "security: two at once": (NONE, both_schemes, B, A, "security"),
    "security: a scope": (lambda d: d.update(security=[{"serverKey": ["a"]}]), lambda d: d.update(security=[{"serverKey": ["a", "b"]}]), B, A, "security"),
    "security: the word Bearer": (NONE, lambda d: d["components"]["securitySchemes"]["serverKey"].update(scheme="Bearer"), None, None, ""),
    "security: a scheme nobody describes": (NONE, lambda d: d.update(security=[{"nobody": []}]), U, U, "not judged"),
    "answer: another status": (NONE, answer("201"), B, B, "status"),
    "answer: without content": (NONE, answer("204", content={}), B, B, "media type"),
    "answer: 200 without content": (NONE, lambda d: credit(d)["responses"]["200"].pop("content"), B, A, "media type"),
    "answer: another status with something else": (NONE, answer("202", content=OBJECT), B, B, "property"),
    "answer: a second status without content": (NONE, beside("204", {}), B, A, "media type"),
    "answer: a second status with something else": (NONE, beside("202", OBJECT), B, A, "property"),
    "answer: 2XX": (NONE, answer("200", "2XX"), A, A, "status"),
    "answer: with a charset": (NONE, lambda d: credit(d)["responses"]["200"].update(content={"application/json; charset=utf-8": credit(d)["responses"]["200"]["content"][JSON]}), None, None, ""),
    "answer: a link": (NONE, lambda d: credit(d)["responses"]["200"].update(links={"x": {"operationId": "players.get"}}), D, D, "keyword"),
    "header of an answer: more": (NONE, headers(X_Id={"schema": {"type": "string"}}), A, B, "headers"),
    "header of an answer: its case": (headers(X_Id={"schema": {"type": "string"}}), headers(x_id={"schema": {"type": "string"}}), None, None, ""),
    "header of an answer: no longer always": (headers(X_Id={"required": True}), headers(X_Id={}), B, A, "required"),
    "header of an answer: another type": (headers(X={"schema": {"type": "integer"}}), headers(X={"schema": {"type": "string"}}), B, B, "type"),
    "parameter: explode": (query(), query(explode=False), B, B, "parameter"),
    "parameter: explode, as it is anyway": (query(), query(explode=True, style="form"), None, None, ""),
    "parameter: explode of one value": (query(schema={"type": "string"}), query(schema={"type": "string"}, explode=False), None, None, ""),
    "parameter: style": (query(), query(style="pipeDelimited"), B, B, "parameter"),
    "parameter: allowReserved": (query(), query(allowReserved=True), B, B, "parameter"),
    "parameter: allowEmptyValue": (query(), query(allowEmptyValue=True), A, B, "parameter"),
    "parameter: content": (query(), query(schema=None, content={JSON: {"schema": {"type": "array"}}}), B, B, "media type"),
    "parameter: within its content": (query(content={JSON: {"schema": {"type": "integer"}}}), query(content={JSON: {"schema": {"type": "number"}}}), A, B, "type"),
    "parameter: the case of a header": (header(name="X-Trace"), header(name="x-trace"), None, None, ""),
    "parameter: a header that no parameter describes": (NONE, header(name="Authorization", required=True), None, None, ""),
    "parameter: what nobody knows": (NONE, lambda d: d["components"]["parameters"]["ExternalId"].update(encoding="x"), U, U, "keyword"),
    "parameter: swapped in the path": (NONE, swapped, B, B, "parameter"),
    "parameter: x-argument": (argument("player"), argument("who"), B, B, "name"),
    "parameter: x-argument that says the same": (argument("external_id"), argument(None), None, None, ""),
    "parameter: one of the path overridden": (NONE, lambda d: d["paths"]["/players/{externalId}/wallet/{economyKey}/credit"].update(parameters=[{"name": "economyKey", "in": "path", "required": True, "schema": {"type": "integer"}}]), None, None, ""),
    "webhook: a header": (NONE, hook_header(required=True), A, B, "headers"),
    "webhook: a header, no longer always": (hook_header(required=True), hook_header(), B, A, "required"),
    "webhook: the type of a header": (hook_header(), hook_header(schema={"type": "integer"}), B, B, "type"),
    "webhook: by PUT": (NONE, hook_by("put"), B, B, "webhook"),
    "webhook: an answer that is taken": (NONE, lambda d: hook(d).setdefault("responses", {}).update({"209": {"description": "x"}}), A, B, "answer"),
    "webhook: its body": (lambda d: hook(d)["requestBody"].update(required=True), lambda d: hook(d)["requestBody"].update(required=False), B, A, "required"),
    "operation: a callback": (NONE, lambda d: credit(d).update(callbacks={"x": {}}), U, U, "keyword"),
    "operation: other tags": (NONE, lambda d: credit(d).update(tags=["money"]), None, None, ""),
    "operation: behind a reference": (NONE, lambda d: (d.setdefault("x-items", {}).update(credit=d["paths"]["/migrate/wallet"]), d["paths"].update({"/migrate/wallet": {"$ref": "#/x-items/credit"}})), D, D, "keyword"),
    "document: another version of OpenAPI": (NONE, lambda d: d.update(openapi="3.1.1"), D, D, "openapi"),
    "document: x-…": (NONE, lambda d: d.update({"x-stage": "beta"}), D, D, "keyword"),
    "document: what nobody knows": (NONE, lambda d: d.update(jsonSchemaDialect="https://x"), U, U, "keyword"),
}  # fmt: skip


@pytest.mark.parametrize("way", ["there", "back"])
@pytest.mark.parametrize("name", JUDGED)
def test_a_change_around_the_schemas_is_judged(name: str, way: str) -> None:
    before, after, there, back, kind = JUDGED[name]
    old, new = edited(before), edited(after)
    changes = diff(old, new) if way == "there" else diff(new, old)
    assert verdict(changes) == (there if way == "there" else back), table(changes, "1.0.0")
    if way == "there" and kind:
        assert kind in {change.kind for change in changes}


def test_a_server_for_all_is_one_change() -> None:
    (change,) = diff(OURS, edited(servers("https://api.example.com/server/v1")))
    assert change.places == ("document",)
    assert len(change.methods) == len([*operations(OURS)])


def test_two_operations_at_one_place_are_told_apart() -> None:
    """Two servers, two base paths: what one of them had is not found twice."""
    old = edited(servers(URL))
    new = copy.deepcopy(old)
    new["paths"]["/v2/migrate/wallet"] = copy.deepcopy(new["paths"]["/migrate/wallet"])
    assert verdict(diff(old, new)) is A
