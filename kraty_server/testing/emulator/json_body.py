"""How is JSON read and written here? Numbers as JavaScript reads them; what no JSON can hold is refused."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeGuard

_EXACT: Final = 2**53
MAX_DEPTH: Final = 100
"""Levels of arrays and objects in a body (assumed)."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def js_number(value: float) -> int | float:
    """A whole number without its fraction, as JavaScript writes it."""
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def _read_float(text: str) -> int | float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large for a number")
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value


def _read_int(text: str) -> int | float:
    return int(text) if len(text) < 17 or abs(int(text)) <= 2**63 - 1 else _read_float(text)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_DECODER: Final = json.JSONDecoder(parse_float=_read_float, parse_int=_read_int, parse_constant=_refuse_constant)


_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def decode_json(raw: bytes) -> Any:
    """The value of a body. `5.0` is `5`, and whole numbers beyond 64 bits are floats.

    Raises:
        ValueError: it is no JSON, a number is too large, or a text has half a surrogate pair.
    """
    try:
        value = _DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"the body is no UTF-8: {error}") from None
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None
    # Looked at only where the bytes could hold it: most bodies are small and plain.
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise ValueError(f"the body is nested deeper than {MAX_DEPTH} levels")
    if rb"\u" in raw and _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        raise ValueError("a text has half a surrogate pair, which no encoding can hold")
    return value


def encode_json(value: Any) -> bytes:
    """A value as JSON, strict and short.

    Raises:
        ValueError: JSON cannot hold it.
    """
    return _ENCODER.encode(value).encode("utf-8", "backslashreplace")


def is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a decoded value is an object."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[Sequence[Any]]:
    """Whether a decoded value is a list; in Python a tuple is one, too."""
    return isinstance(value, list | tuple)


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [item for item in level if is_object(item) or is_list(item)]:
        depth += 1
        level = [child for item in level for child in (item.values() if is_object(item) else item)]
    return depth
