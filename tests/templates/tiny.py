"""Tiny documents: each test generates from one, imports the result and uses it."""

from __future__ import annotations

import copy
import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from codegen import write

BASE: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Tiny", "version": "1"},
    "servers": [{"url": "https://api.example/server/v1"}],
    "tags": [{"name": "things"}],
    "paths": {
        "/things/{thingId}": {
            "post": {
                "operationId": "things.change",
                "summary": "Change a thing",
                "tags": ["things"],
                "parameters": [
                    {
                        "name": "thingId",
                        "in": "path",
                        "required": True,
                        "schema": {"$ref": "#/components/schemas/Id"},
                    }
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Body"}}},
                },
                "responses": {
                    "200": {
                        "description": "The thing.",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Response"}}},
                    }
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Id": {"type": "string", "minLength": 1, "pattern": "^[^\\u0000-\\u001f]+$"},
            "Response": {
                "type": "object",
                "required": ["data"],
                "properties": {"data": {"$ref": "#/components/schemas/Thing"}},
            },
            "Thing": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
            "Body": {
                "type": "object",
                "required": [],
                "properties": {"idempotencyKey": {"type": "string", "minLength": 1}},
            },
        }
    },
}


def tiny(*, thing: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None, **schemas: Any) -> Any:
    """The base document with other properties; one whose name ends in `!` is required."""
    document = copy.deepcopy(BASE)
    components = document["components"]["schemas"]
    for name, properties in (("Thing", thing), ("Body", body)):
        if properties is not None:
            components[name]["required"] = [wire[:-1] for wire in properties if wire.endswith("!")]
            components[name]["properties"] = {wire.rstrip("!"): schema for wire, schema in properties.items()}
    components |= schemas
    return document


@contextmanager
def in_place(document: Any, folder: Path) -> Iterator[Mapping[str, str]]:
    """Generate, and have it imported in place of the real package; its files."""
    write.apply(write.changes(write.package(document), folder / write.PACKAGE))
    kept = {name: module for name, module in sys.modules.items() if name.split(".")[0] == write.PACKAGE}
    for name in kept:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield write.found(folder / write.PACKAGE)
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] == write.PACKAGE]:
            del sys.modules[name]
        sys.modules.update(kept)


@contextmanager
def generated(document: Any, folder: Path) -> Iterator[SimpleNamespace]:
    """The same, with its modules."""
    with in_place(document, folder) as files:
        yield SimpleNamespace(
            files=files,
            models=importlib.import_module(f"{write.PACKAGE}.models"),
            types=importlib.import_module(f"{write.PACKAGE}.types"),
            contract=importlib.import_module(f"{write.PACKAGE}.contract"),
            things=importlib.import_module(f"{write.PACKAGE}.api.things"),
        )
