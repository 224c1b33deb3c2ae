"""Documents around a schema, for what is said of any schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codegen.diff import Level, diff, verdict


def around(schema: Any, way: str, components: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A document with one operation that takes, or gives back, this schema."""
    content = {"content": {"application/json": {"schema": schema}}}
    operation: dict[str, Any] = {"operationId": "x.y", "responses": {"200": {"description": "x"}}}
    if way == "request":
        operation["requestBody"] = {"required": True, **content}
    else:
        operation["responses"]["200"] |= content
    schemas = {"components": {"schemas": dict(components)}} if components else {}
    return {"openapi": "3.1.0", "info": {}, "paths": {"/x": {"post": operation}}, **schemas}


def judged(old: Any, new: Any, way: str, components: Mapping[str, Any] | None = None) -> Level | None:
    """The verdict on a change of a schema that goes this way."""
    return verdict(diff(around(old, way, components), around(new, way, components)))
