"""Generation stops where it would leave something out, and drift is found in every direction."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from codegen import write
from codegen.api import NotCovered
from codegen.literals import python_pattern
from tests.templates.tiny import BASE, tiny

REF = "#/components/schemas/"


def change(path: str, value: Any) -> Any:
    document = copy.deepcopy(BASE)
    at: Any = document
    *parts, last = path.split(" ")
    for part in parts:
        at = at[part]
    at[last] = value
    return document


OPERATION = "paths /things/{thingId} post"


def parameter(**more: Any) -> Any:
    inside = BASE["paths"]["/things/{thingId}"]["post"]["parameters"]
    return change(f"{OPERATION} parameters", [*inside, {"name": "q", "in": "query", **more}])


FILE = {"type": "string", "format": "binary"}


def form(body: Any, encoding: Any = None, **schemas: Any) -> Any:
    document = tiny(body=body, **schemas)
    media = {"schema": {"$ref": REF + "Body"}} | ({} if encoding is None else {"encoding": encoding})
    document["paths"]["/things/{thingId}"]["post"]["requestBody"]["content"] = {"multipart/form-data": media}
    return document


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (tiny(thing={"x": {"type": "string", "format": "binary"}}), "Thing.x: `format: binary`"),
        (tiny(thing={"x": {"type": "array", "items": {"type": "string", "format": "binary"}}}), "Thing.x: `format: binary`"),
        (tiny(thing={"x": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}), "Thing.x: a union (`anyOf`)"),
        (tiny(thing={"x": {"anyOf": [{"type": "string"}], "oneOf": [{"type": "string"}]}}), "Thing.x: oneOf and anyOf"),
        (tiny(thing={"x": {"type": "string", "contentEncoding": "base64"}}), "Thing.x: keyword 'contentEncoding'"),
        (tiny(thing={"x": {"$ref": REF + "Id", "maxLength": 5}}), "Thing.x: keyword 'maxLength' beside `$ref`"),
        (tiny(thing={"x": {"type": ["string", "integer"]}}), "Thing.x: a union"),
        (tiny(thing={"x": {"type": "number", "exclusiveMinimum": 0}}), "Thing.x: a bound that is excluded"),
        (tiny(thing={"x": {"type": "integer", "multipleOf": 0}}), "components.schemas.Thing"),
        (tiny(thing={"x": {"type": "array", "items": {"const": 1}}}), "Thing.x[]: a `const`"),
        (tiny(thing={"x": {"$ref": REF + "Mixed"}}, Mixed={"enum": [1, "a"]}), "Mixed"),
        (tiny(thing={"x": {"$ref": REF + "Both"}}, Both={"allOf": [{"$ref": REF + "Thing"}, {"$ref": REF + "Other"}]},
              Other={"type": "object", "properties": {"x": {"type": "string"}}}), "components.schemas.Both"),
        (tiny(thing={"x": {"$ref": REF + "Loop"}}, Loop={"allOf": [{"$ref": REF + "Loop"}, {"type": "object"}]}), "Loop"),
        (tiny(thing={"x": {"type": "object", "properties": {"y": {"type": "string"}}}}), "Thing.x"),
        (tiny(thing={"x": {"oneOf": [{"type": "string"}, {"type": "integer"}]}}), "Thing.x: a union"),
        (tiny(thing={"toDict": {"type": "string"}}), "Thing.toDict"),
        (tiny(thing={"class": {"type": "string"}}), "Thing.class"),
        (tiny(thing={"x": {"$ref": REF + "Closed"}}, Closed={"type": "object", "additionalProperties": False,
              "properties": {"y": {"type": "string"}}}), "Closed"),
        (tiny(thing={"x": {"type": "integer", "enum": [1, 2]}}), "Thing.x"),
        (change(f"{OPERATION} operationId", "changeThing"), "POST /things/{thingId}: operationId"),
        (change(f"{OPERATION} parameters", []), "POST /things/{thingId}"),
        (parameter(schema={"type": "object", "additionalProperties": True}), "POST /things/{thingId} q: an object must be a"),
        (parameter(schema={"type": ["string", "null"]}), "POST /things/{thingId} q: a parameter in 'query' is"),
        (parameter(schema={"type": "array", "items": {"type": "array", "items": {}}}), "POST /things/{thingId} q: a parameter"),
        (parameter(schema={"type": "string"}, style="deepObject"), "POST /things/{thingId} q: a parameter with `style: deepObject`"),
        (parameter(schema={"type": "string"}, allowReserved=True), "POST /things/{thingId} q: `allowReserved`"),
        (parameter(content={"application/json": {"schema": {}}}), "POST /things/{thingId} q: a parameter needs a `schema`"),
        (parameter(name="session", **{"in": "cookie"}), "POST /things/{thingId} session: a parameter in a cookie"),
        (parameter(name="Host", **{"in": "header"}, schema={"type": "string"}), "POST /things/{thingId} Host: this header"),
        (parameter(name="X-A", **{"in": "header"}, schema={"type": "array", "items": {"type": "string"}}), "X-A: a parameter in"),
        (parameter(name="q'", schema={"type": "string"}), "POST /things/{thingId} q'"),
        (parameter(name="to_dict", schema={"type": "string"}), "POST /things/{thingId} to_dict"),
        (change(f"{OPERATION} requestBody content", {"application/x-www-form-urlencoded": {"schema": {"$ref": REF + "Body"}}}),
         "POST /things/{thingId} requestBody: a body of ['application/x-www-form-urlencoded'], and not of application/json"),
        (form({"file": FILE | {"minLength": 1}}), "Body.file: keyword 'minLength' of a file"),
        (form({"file": {"oneOf": [FILE, {"type": "null"}]}}), "Body.file: a part of a form that may be null"),
        (form({"file": {"type": "array", "items": {"type": "array", "items": FILE}}}), "Body.file: a part of a form that"),
        (form({"file": {"$ref": REF + "Files"}}, Files={"type": "object", "additionalProperties": FILE}), "Body.file: `format"),
        (form({"file": FILE}, {"file": {"headers": {}}}), "requestBody encoding file: what is more than the `contentType`"),
        (form({"file": FILE}, {"file": {"contentType": "a picture"}}), "requestBody encoding file: 'a picture' is no media"),
        (form({"file": FILE}, {"other": {}}), "requestBody encoding: it is no object whose keys are"),
        (form({"file": FILE}, Thing={"type": "object", "properties": {"form": {"$ref": REF + "Body"}}}), "Body.file: `format"),
        (change(f"{OPERATION} requestBody content application/json schema", {"type": "array", "items": {"$ref": REF + "Body"}}),
         "POST /things/{thingId} requestBody: a body must be an object"),
        (change(f"{OPERATION} responses 200 content", {"image/png": {}, "application/json": {}}),
         "POST /things/{thingId} 200: an answer of ['image/png', 'application/json']: application/json and something else"),
        (change(f"{OPERATION} responses 200 content", {"application/octet-stream": {"schema": {"$ref": REF + "Thing"}}}),
         "POST /things/{thingId} 200: an answer of application/octet-stream is `type: string, format: binary`"),
        (change(f"{OPERATION} responses 200 content", {"application/hal+json": {}}), "200: 'application/hal+json': JSON of another"),
        (change(f"{OPERATION} responses 202", {"description": "Later."}), "POST /things/{thingId}: the 2xx answers must all hold the same"),
    ],
)  # fmt: skip
def test_generation_stops_and_names_the_place(document: Any, place: str) -> None:
    with pytest.raises(NotCovered) as stopped:
        write.package(document)
    assert place in str(stopped.value)


def test_every_file_carries_the_marker() -> None:
    for path, text in write.package(tiny()).items():
        assert write.MARKER in text.partition("\n")[0], path


def test_generating_twice_gives_the_same_bytes() -> None:
    assert write.package(tiny()) == write.package(tiny())


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (lambda folder: (folder / "models.py").unlink(), "missing: models.py"),
        (lambda folder: (folder / "api" / "things.py").unlink(), "missing: api/things.py"),
        (lambda folder: (folder / "more.py").write_text("x = 1\n"), "extra: more.py"),
        (lambda folder: (folder / "api" / "old.py").write_text(f"# {write.MARKER}\n"), "extra: api/old.py"),
        (lambda folder: (folder / "types.py").write_text("x = 1\n"), "different: types.py"),
        (lambda folder: (folder / "py.typed").write_text(""), "different: py.typed"),
        (lambda folder: (folder / "openapi.json").write_text("{}"), "different: openapi.json"),
    ],
)
def test_drift_is_found_in_every_direction(harm: Any, found: str, tmp_path: Path) -> None:
    folder = tmp_path / write.PACKAGE
    write.apply(write.changes(write.package(tiny()), folder))
    write.check(tiny(), folder)
    harm(folder)
    with pytest.raises(write.Drift, match=found):
        write.check(tiny(), folder)


def test_a_stale_file_goes_and_a_foreign_one_stops_us(tmp_path: Path) -> None:
    folder = tmp_path / write.PACKAGE
    write.apply(write.changes(write.package(tiny()), folder))
    (folder / "api" / "old.py").write_text(f"# {write.MARKER}\n")
    write.apply(write.changes(write.package(tiny()), folder))
    assert not (folder / "api" / "old.py").exists()
    (folder / "mine.py").write_text("x = 1\n")
    with pytest.raises(write.Drift, match=r"mine\.py was not generated"):
        write.apply(write.changes(write.package(tiny()), folder))
    assert (folder / "mine.py").exists()


@pytest.mark.parametrize(
    ("ecma", "python"),
    [("^a$", r"^a\Z"), (r"^[$]\$$", r"^[$]\$\Z"), (r"^(?!\.{1,2}$)[^\]$]+$", r"^(?!\.{1,2}\Z)[^\]$]+\Z")],
)
def test_the_end_of_a_pattern_is_the_end_of_the_text(ecma: str, python: str) -> None:
    assert python_pattern(ecma) == python


SCHEMA = ("requestBody", "content", "application/json", "schema")


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda parts: parts.pop(), "its body is `allOf"),
        (lambda parts: parts[1]["properties"].pop("data"), "its body is `allOf"),
        (lambda parts: parts[1]["properties"].update(eventName={"const": "other"}), "one to `const: grant.created`"),
        (lambda parts: parts[1]["properties"].update(data={"type": "object"}), "one to an object"),
        (lambda parts: parts[0].update({"$ref": "#/components/schemas/Grant"}), "Grant has no 'eventName'"),
    ],
)
def test_a_webhook_that_is_no_narrowed_envelope_is_not_covered(harm: Any, why: str) -> None:
    document = write.load(write.DOCUMENT)
    node = document["webhooks"]["grant.created"]["post"]
    for step in SCHEMA:
        node = node[step]
    harm(node["allOf"])
    with pytest.raises(NotCovered, match="webhook grant.created: ") as stopped:
        write.render(document)
    assert why in str(stopped.value)
