"""How are parameters written into a path, a query and headers?

Plain Python: `make generate` copies it from `templates/further/parameters.py` for a document that needs it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, cast
from urllib.parse import quote

from kraty_server_generated.types import MAX_INTEGER

_UNQUOTED: Final = "!*'()"
"""What encodeURIComponent leaves as it is, besides what Python leaves."""
_is_header: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?").fullmatch


def plain_text(value: object) -> str:
    """Write a value that was checked as text: a bool and a number as JavaScript does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value == int(value) and abs(value) <= MAX_INTEGER:
        return str(int(value))
    return str(value)


def query_string(*parameters: tuple[str, str, Any]) -> str:
    """Write the query of a URL: of each parameter its name there, its name in Python, and its value.

    None is not sent, nor an empty list; a list once for each item, a tuple with commas between its items.
    """
    pairs: list[str] = []
    for wire, name, value in parameters:
        if value is None:
            continue
        try:
            several = isinstance(value, list | tuple)
            items = [_quoted(item) for item in cast("Sequence[Any]", value if several else [value])]
        except UnicodeEncodeError as error:
            raise ValueError(f"{name}: holds half of a surrogate pair, which no URL can carry") from error
        if isinstance(value, tuple) and items:
            items = [",".join(items)]
        pairs += [f"{_quoted(wire)}={item}" for item in items]
    return "?" + "&".join(pairs) if pairs else ""


def _quoted(value: object) -> str:
    return quote(plain_text(value), safe=_UNQUOTED)


def header_values(*parameters: tuple[str, str, Any]) -> dict[str, str]:
    """Write headers: of each parameter its name there, its name in Python, and its value. None is not sent."""
    headers: dict[str, str] = {}
    for wire, name, value in parameters:
        if value is not None:
            headers[wire] = text = plain_text(value)
            if not _is_header(text):
                raise ValueError(f"{name}: a header holds printable ASCII only, and no space at its ends")
    return headers
