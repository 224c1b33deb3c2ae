"""A document with all that ours has no use for: kinds of values, parameters, pages, answers and bodies."""

from __future__ import annotations

import copy
from typing import Any

from codegen import write

REF = "#/components/schemas/"
PLAIN: dict[str, Any] = {"type": "string"}


def of(name: str) -> dict[str, str]:
    return {"$ref": REF + name}


def obj(*required: str, **properties: Any) -> dict[str, Any]:
    described = {name: {**schema, "description": f"The {name}."} for name, schema in properties.items()}
    return {"type": "object", "description": "A thing.", "required": [*required], "properties": described}


SCHEMAS: dict[str, Any] = {
    "Level": {"type": "integer", "enum": [1, 2, 10], "description": "A level."},
    "Colour": {"type": "string", "enum": ["red", "dark-blue"], "description": "A colour."},
    "Bag": {"type": "object", "additionalProperties": True, "description": "Anything."},
    "Base": obj("id", "day", id=PLAIN, day={"type": "string", "format": "date"}),
    "Thing": {
        "description": "A thing with all kinds.",
        "allOf": [
            of("Base"),
            obj(
                level=of("Level"),
                serial={"type": "string", "format": "uuid"},
                parts=of("Parts"),
                levels={"type": "array", "items": {"oneOf": [of("Level"), {"type": "null"}]}},
                days={"type": "array", "items": {"type": ["string", "null"], "format": "date"}},
                date={"type": "string", "format": "date"},
                until={"oneOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            ),
        ],
    },
    "Part": obj("size", size={"type": "integer"}, colour={"allOf": [of("Colour")]}),
    "Parts": {"type": "object", "additionalProperties": of("Part"), "minProperties": 1, "description": "Parts by name."},
    "ThingPage": obj(
        "things",
        "nextCursor",
        things={"type": "array", "items": of("Thing")},
        nextCursor={"type": ["string", "null"]},
        total={"type": "integer"},
    ),
    "ThingPageResponse": obj("data", data=of("ThingPage")),
    "ThingResponse": obj("data", data=of("Thing")),
    "ThingListResponse": obj("data", data={"type": "array", "items": of("Thing")}),
    "LevelListResponse": obj("data", data={"type": "array", "items": of("Level")}),
    "PartMap": {"type": "object", "additionalProperties": of("Part"), "description": "Parts by name."},
    "PartMapResponse": obj("data", data=of("PartMap")),
    "MakeThingBody": obj(
        "name",
        "day",
        name={"type": "string", "minLength": 1, "maxLength": 5},
        day={"type": "string", "format": "date"},
        serial={"type": "string", "format": "uuid"},
        level=of("Level"),
        step={"type": "integer", "exclusiveMinimum": 0, "multipleOf": 5},
        share={"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.25},
        tags={"type": "array", "items": PLAIN, "uniqueItems": True, "maxItems": 3},
        notes={"type": "array", "items": {"type": ["string", "null"]}},
        parts=of("Parts"),
        idempotencyKey={"type": "string", "minLength": 1},
    ),
}  # fmt: skip


def parameter(name: str, schema: Any, where: str = "query", **more: Any) -> dict[str, Any]:
    return {"name": name, "in": where, "schema": schema, "description": f"The {name}.", **more}


def inside(name: str, schema: Any) -> dict[str, Any]:
    return parameter(name, schema, "path", required=True)


def operation(name: str, result: str | None, *parameters: Any, status: str = "200", body: str | None = None) -> Any:
    made: dict[str, Any] = {
        "operationId": f"things.{name}",
        "tags": ["things"],
        "summary": name.replace("_", " ").capitalize(),
        "description": "As it says.",
        "parameters": [*parameters],
        "responses": {status: {"description": "Good.", **({"content": json_of(result)} if result else {})}},
        "x-error-codes": {},
    }
    if body:
        made["requestBody"] = {"required": True, "content": json_of(body)}
    return made


def json_of(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": of(name)}}


def file(*, limit: int | None = None) -> dict[str, Any]:
    return {"type": "string", "format": "binary"} | ({} if limit is None else {"maxLength": limit})


SCHEMAS |= {
    "PictureForm": obj(
        "picture",
        "title",
        picture=file(limit=200_000),
        title={"type": "string", "minLength": 1},
        day={"type": "string", "format": "date"},
        level=of("Level"),
        share={"type": "number"},
        tags={"type": "array", "items": PLAIN},
        part=of("Part"),
        live={"type": "boolean"},
        papers={"type": "array", "items": file(), "maxItems": 2},
        idempotencyKey={"type": "string", "minLength": 1},
    ),
    "Picture": obj("title", "size", title=PLAIN, size={"anyOf": [{"type": "integer"}, {"type": "null"}]},
                   kind={"type": "string", "default": "png"}),
    "PictureResponse": obj("data", data=of("Picture")),
}  # fmt: skip


def upload() -> Any:
    made = operation("add_picture", "PictureResponse", inside("name", PLAIN), body="Bag")
    media = {"schema": of("PictureForm"), "encoding": {"picture": {"contentType": "image/png, image/jpeg"}}}
    made["requestBody"] = {"required": True, "content": {"multipart/form-data": media}}
    made["x-error-codes"] = {"409": ["idempotency_conflict"]}
    made["responses"]["409"] = {"$ref": "#/components/responses/Conflict"}
    return made


def download(name: str, media: str, schema: Any) -> Any:
    made = operation(name, None, inside("name", PLAIN))
    made["responses"]["200"]["content"] = {media: {"schema": schema}}
    return made


PATHS: dict[str, Any] = {
    "/things/pictures/{name}": {
        "post": upload(),
        "get": download("read_picture", "image/png", file(limit=300_000)),
    },
    "/things/tables/{name}": {"get": download("read_table", "text/csv", {"type": "string"})},

    "/things": {
        "get": operation(
            "search",
            "ThingPageResponse",
            parameter("cursor", PLAIN),
            parameter("limit", {"type": "integer", "minimum": 1, "maximum": 100}),
            parameter("colour", {"type": "array", "items": of("Colour")}),
            parameter("ids", {"type": "array", "items": PLAIN}, explode=False),
            parameter("since", {"type": "string", "format": "date"}),
            parameter("filter[share]", {"type": "number"}),
            parameter("live", {"type": "boolean"}),
            parameter("X-Trace-Id", {"type": "string", "minLength": 1}, "header"),
        ),
        "post": operation("make", "ThingResponse", status="202", body="MakeThingBody"),
    },
    "/things/of/{level}/{day}": {"get": operation("read", "ThingResponse", inside("level", of("Level")),
                                                  inside("day", {"type": "string", "format": "date"}))},
    "/things/number/{number}": {
        "parameters": [inside("number", {"type": "integer", "minimum": 1})],
        "delete": operation("drop", None, status="204"),
    },
    "/things/all": {"get": operation("everything", "ThingListResponse")},
    "/things/levels": {"get": operation("levels", "LevelListResponse")},
    "/things/parts": {"get": operation("part_map", "PartMapResponse")},
    "/things/bag/{name}": {
        "put": operation("set_bag", "ThingResponse", inside("name", PLAIN), body="Bag"),
        "patch": operation("merge_bag", "ThingResponse", inside("name", PLAIN), body="Bag"),
    },
}  # fmt: skip


THING: Any = {
    "id": "t",
    "day": "2026-01-31",
    "level": 10,
    "serial": "00000000-0000-4000-8000-00000000000a",
    "parts": {"left": {"size": 1, "colour": "red"}},
    "levels": [1, None, 99],
    "days": ["2026-02-01", None],
    "date": "2026-03-01",
    "until": None,
    "new": True,
}


def further() -> Any:
    """Our document, with all this added."""
    document = write.load(write.DOCUMENT)
    document["tags"].append({"name": "things", "description": "Things."})
    document["paths"] |= copy.deepcopy(PATHS)
    document["components"]["schemas"] |= copy.deepcopy(SCHEMAS)
    return document
