"""What do the names of the document become in Python, and which of its words does the wire need?"""

from __future__ import annotations

import re

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
IDEMPOTENCY_KEY = "idempotencyKey"
JSON = "application/json"
FORM = "multipart/form-data"


def path_names(path: str) -> list[str]:
    """The names of a path's parameters, in their order."""
    return re.findall(r"\{(.*?)\}", path)


def path_shape(path: str) -> str:
    """A path without the names of its parameters, which are not on the wire."""
    return re.sub(r"\{.*?\}", "{}", path)


def snake(name: str) -> str:
    """CamelCase to snake_case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def class_name(event: str) -> str:
    """The name of an event to that of its class."""
    return "".join(part.capitalize() for part in re.split(r"[._-]", event))
