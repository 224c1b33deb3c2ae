"""What our document has no use for is judged all the same: parameters, pages, bags, dates, integer enums, bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from codegen.diff import Level, diff
from tests.templates.further import further

B, A = Level.BREAKING, Level.ADDITIVE


def search(document: Any) -> Any:
    return document["paths"]["/things"]["get"]


def parameter(document: Any, name: str) -> Any:
    return next(one for one in search(document)["parameters"] if one["name"] == name)


def schema(document: Any, name: str) -> Any:
    return document["components"]["schemas"][name]


def given(document: Any, name: str) -> Any:
    return schema(document, "MakeThingBody")["properties"][name]


def another(document: Any, **more: Any) -> None:
    search(document)["parameters"].append({"name": "new", "in": "query", "schema": {"type": "string"}, **more})


@pytest.mark.parametrize(
    ("edit", "level", "place"),
    [
        (another, A, "GET /things query new"),
        (lambda d: another(d, required=True), B, "GET /things query new"),
        (lambda d: search(d)["parameters"].remove(parameter(d, "cursor")), B, "GET /things query cursor"),
        (lambda d: parameter(d, "limit")["schema"].update(maximum=50), B, "GET /things query limit"),
        (lambda d: parameter(d, "limit")["schema"].update(maximum=500), A, "GET /things query limit"),
        (lambda d: parameter(d, "ids").update(explode=True), B, "GET /things query ids"),
        (lambda d: parameter(d, "live")["schema"].update(type="string"), B, "GET /things query live"),
        (lambda d: parameter(d, "X-Trace-Id").update(required=True), B, "GET /things header X-Trace-Id"),
        (lambda d: d["paths"]["/things/number/{number}"]["parameters"][0]["schema"].update(type="string", minimum=None) or
            d["paths"]["/things/number/{number}"]["parameters"][0]["schema"].pop("minimum"), B, "number"),
        (lambda d: schema(d, "ThingPage")["properties"].pop("nextCursor") and
            schema(d, "ThingPage")["required"].remove("nextCursor"), B, "GET /things 200.data.nextCursor"),
        (lambda d: schema(d, "Level")["enum"].remove(10), B, "POST /things body.level"),
        (lambda d: schema(d, "Level")["enum"].append(20), A, "POST /things body.level"),
        (lambda d: given(d, "name").update(maxLength=3), B, "POST /things body.name"),
        (lambda d: given(d, "name").update(maxLength=9), A, "POST /things body.name"),
        (lambda d: given(d, "notes").update(uniqueItems=True), B, "POST /things body.notes"),
        (lambda d: given(d, "step").update(multipleOf=10), B, "POST /things body.step"),
        (lambda d: given(d, "notes")["items"].update(type="string"), B, "POST /things body.notes"),
        (lambda d: schema(d, "Base")["properties"]["day"].pop("format"), B, "GET /things/all 200.data[].day"),
        (lambda d: schema(d, "Parts").update(minProperties=2), B, "POST /things body.parts"),
        (lambda d: schema(d, "PartMap").update(additionalProperties={"type": "string"}), B, "GET /things/parts 200"),
        (lambda d: d["paths"]["/things/bag/{name}"]["put"]["requestBody"].update(
            content={"application/json": {"schema": {"$ref": "#/components/schemas/MakeThingBody"}}}), B, "bag/{name} body"),
        (lambda d: d["paths"]["/things/number/{number}"]["delete"].update(
            responses={"200": {"description": "Gone."}}), B, "DELETE /things/number/{number} 204"),
    ],
)  # fmt: skip
def test_a_change_is_judged(edit: Callable[[Any], object], level: Level, place: str) -> None:
    new = further()
    edit(new)
    found = [change for change in diff(further(), new) if change.level in (A, B, Level.UNJUDGED)]
    assert max((change.level for change in found), key=lambda one: one is B) is level, found
    assert any(place in where for change in found for where in change.places), found


def test_what_did_not_change_is_no_change() -> None:
    assert diff(further(), further()) == []
