"""The document: without problems, complete, and at one with what was recorded."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from codegen import write
from codegen.lint import problems

DOCUMENT = write.load(write.DOCUMENT)
CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "parity" / "node-0.13.0.json").read_text("utf-8"))
REGISTRY: Any = Registry().with_resource("urn:kraty", DRAFT202012.create_resource(DOCUMENT))
ROUTES: dict[tuple[str, str], dict[str, Any]] = {
    (method.upper(), path): operation for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
}


def validator(schema: dict[str, Any]) -> Any:
    return Draft202012Validator({"$ref": f"urn:kraty{schema['$ref']}"}, registry=REGISTRY)


def operation_of(request: dict[str, Any]) -> dict[str, Any]:
    parts = request["target"].removeprefix("/server/v1").split("/")
    fits = [
        operation for (method, path), operation in ROUTES.items()
        if method == request["method"] and len(path.split("/")) == len(parts)
        and all(a == b or a.startswith("{") for a, b in zip(path.split("/"), parts, strict=True))
    ]  # fmt: skip
    assert len(fits) == 1, request["target"]
    return fits[0]


def json_schema(node: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = node["content"]["application/json"]["schema"]
    return schema


def test_the_document_has_no_problems() -> None:
    assert problems(DOCUMENT) == []


def test_every_operation_that_was_recorded_is_there() -> None:
    assert {operation_of(request)["operationId"] for case in CASES for request in case["requests"]} <= {
        operation["operationId"] for operation in ROUTES.values()
    }


POST = ("paths", "/players/{externalId}/grants", "post")
SCHEMA = ("components", "schemas")


def at(document: Any, *path: str) -> Any:
    for part in path:
        document = document[part]
    return document


def setting(*path: str, value: Any) -> Callable[[Any], None]:
    return lambda document: at(document, *path[:-1]).__setitem__(path[-1], value)


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (setting("openapi", value=3), "3"),
        (setting(*POST, "operationId", value="createGrant"), "operationId is `tag.method`"),
        (setting(*POST, "operationId", value="grants.ack"), "operationId grants.ack: there twice"),
        (setting(*POST, "tags", value=["grants", "more"]), "one tag"),
        (setting(*POST, "summary", value="Mint."), "a summary of at most"),
        (setting(*POST, "description", value=""), "grants: describe it"),
        (setting(*POST, "x-error-codes", "418", value=["teapot"]), "x-error-codes has"),
        (setting(*POST, "responses", "400", value={"description": "inline"}), "400 is a reference"),
        (setting(*POST, "requestBody", "content", "application/json", "schema", "$ref", value="#/components/schemas/Grant"),
         "its body takes idempotencyKey"),
        (setting(*SCHEMA, "Grant", "required", value=["nothing"]), "'nothing' is asked for"),
        (setting(*SCHEMA, "ReportProgressBody", "x-at-least-one-of", value=["x"]), "'x' is asked for"),
        (setting(*SCHEMA, "Grant", "allOf", value=[{"properties": {"id": {"type": "integer"}}}]), "`allOf` say different"),
        (setting(*SCHEMA, "Grant", "title", value="Other"), "`title` renames"),
        (setting(*SCHEMA, "Grant", "properties", "id", value={"type": "object", "description": "x"}), "name it under"),
        (setting(*SCHEMA, "Grant", "properties", "id", value={"type": "string", "enum": ["a"], "description": "x"}), "name it"),
        (setting(*SCHEMA, "Grant", "additionalProperties", value=False), "unknown fields are kept"),
        (setting(*SCHEMA, "Grant", "properties", "created_at", value={"type": "string", "description": "x"}), "'created_at'"),
        (setting(*SCHEMA, "Grant", "properties", "id", "description", value=""), "Grant.properties.id: describe it"),
        (setting(*SCHEMA, "Grant", "description", value=""), "Grant: describe it"),
        (setting(*SCHEMA, "GrantKind", "enum", value=["a-b", "a_b"]), "several values become A_B"),
        (setting(*SCHEMA, "GrantKind", "type", value=["string", "null"]), "a nullable enum"),
        (setting(*SCHEMA, "AdjustItemBody", "properties", value={"idempotencyKey": {"description": "x"}, "a": {}, "b": {}}),
         "describe it"),
        (lambda d: at(d, *SCHEMA, "AdjustItemBody")["properties"].update(z={"type": "string", "description": "z"}),
         "goes first or last"),
        (setting(*SCHEMA, "Lost", value={"type": "string", "description": "x"}), "Lost: nothing refers to it"),
        (setting(*SCHEMA, "Grant", "properties", "kind", "$ref", value="#/components/schemas/Gone"), "leads nowhere"),
        (setting("components", "parameters", "GrantId", "description", value=""), "GrantId: describe it"),
        (lambda d: d["webhooks"].pop("grant.created"), "webhooks.grant.created"),
        (setting("webhooks", "lobby.closed", "post", "summary", value="Closed."), "webhooks.lobby.closed: a summary"),
        (setting("webhooks", "lobby.closed", "post", "description", value=""), "webhooks.lobby.closed: describe it"),
        (lambda d: d["webhooks"].update({"lobby.closed": d["webhooks"]["lobby.started"]}), "`const: lobby.closed`"),
    ],
)  # fmt: skip
def test_each_rule_can_fail(harm: Callable[[Any], Any], found: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    harm(document)
    assert any(found in problem for problem in problems(document))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_recorded_requests_fit_and_have_the_order_of_the_contract(case: dict[str, Any]) -> None:
    for request in case["requests"]:
        operation = operation_of(request)
        if request["body"] is None:
            assert "requestBody" not in operation
            continue
        schema = json_schema(operation["requestBody"])
        body = json.loads(request["body"])
        validator(schema).validate(body)
        wires = list(at(DOCUMENT, *SCHEMA, schema["$ref"].rpartition("/")[2])["properties"])
        assert list(body) == [wire for wire in wires if wire in body]


def test_recorded_answers_fit() -> None:
    # Deliberately newer than the contract, or a mock that leaves fields out.
    odd = {"forward/unknown-enum"}
    wrong = []
    for case in CASES:
        operation = operation_of(case["requests"][0])
        for answer in case["responses"]:
            if str(answer.get("status")) in operation["responses"] and "json" in answer and answer["status"] < 300:
                schema = json_schema(operation["responses"][str(answer["status"])])
                if not validator(schema).is_valid(answer["json"]):
                    wrong.append(case["id"])
    assert set(wrong) == odd


def test_every_operation_documents_what_any_call_may_meet() -> None:
    for operation in ROUTES.values():
        assert operation["x-error-codes"].keys() >= {"401", "403", "429", "500"}


def test_recorded_error_codes_are_documented_or_meant_to_be_new() -> None:
    documented = {
        code for operation in ROUTES.values() for codes in operation["x-error-codes"].values() for code in codes
    }
    recorded = {
        answer["json"]["error"]["code"]
        for case in CASES
        for answer in case["responses"]
        if answer.get("status", 200) >= 400 and "error" in answer.get("json", {})
    }
    # "x" is a mock's, brand_new_code is newer than any client, and player_banned is a code of the client API.
    assert recorded - documented == {"x", "brand_new_code", "player_banned"}
