"""What does a delivery look like in a file? One line of JSON each: what `listen` writes and `webhook replay` reads."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kraty_server.cli.exits import CommandError, Exit

REDACTED_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie"})
"""Headers that are passed on and never written down."""
REFUSED: Final = "refused"
CONTENT_TYPE: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A delivery that was written down."""

    id: str | None
    event: str | None
    body: bytes
    refused: bool = False
    """Whether it was not genuine."""


def encode_body(body: bytes) -> dict[str, str]:
    """A body in JSON: as text where it is UTF-8, so that people can read it, else in base64."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def encode_headers(headers: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Headers in JSON, in their order, without what opens something else."""
    return [[name, "…" if name.lower() in REDACTED_HEADERS else value] for name, value in headers]


def _decode(row: Mapping[str, Any]) -> Recorded:
    encoded = row.get("body_base64")
    body = row["body"].encode() if encoded is None else base64.b64decode(encoded, validate=True)
    return Recorded(row.get("id"), row.get("event"), body, refused=row["result"] == REFUSED)


def read_recorded(content: bytes, where: str) -> list[Recorded]:
    """Read what `listen` wrote.

    Raises:
        CommandError: a line is none of that.
    """
    found: list[Recorded] = []
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            try:
                found.append(_decode(json.loads(line)))
            except (AttributeError, LookupError, TypeError, ValueError) as error:
                what = f"{where}, line {number}: no delivery that `kraty listen` wrote: {error!r}"
                raise CommandError(what, Exit.USAGE) from None
    return found
