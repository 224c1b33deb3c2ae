"""JSON, byte for byte as JavaScript's `JSON.stringify` writes it."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterable
from itertools import chain
from json.encoder import encode_basestring
from typing import Any, Final, cast

from kraty_server_generated.types import MAX_INTEGER

loads = json.loads
READERS: Final = ("json", "msgspec")
_encode: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode
_LEAVES: Final = {str, int, bool, type(None)}
_INSIDE: Final[dict[type, Callable[[Any], Iterable[object]]]] = {dict: dict[str, object].values, list: iter}
_SURROGATES: Final = "kraty_server.surrogates"


def reader(name: str) -> Callable[[bytes], Any]:
    """Give a function that reads JSON as `loads` does, byte for byte and value for value, by one of `READERS`.

    msgspec takes half the time. orjson is none of them: it reads integers beyond 64 bits as floats.
    """
    if name == "json":
        return loads
    import msgspec

    decode, refused = msgspec.json.Decoder().decode, (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

    def read(content: bytes) -> Any:
        try:
            return decode(content)
        except refused:  # half a surrogate pair, a byte order mark, a number beyond floats: whatever `loads` says
            return loads(content)

    return read


def _escape_surrogates(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(f"\\u{ord(c):04x}" for c in error.object[error.start : error.end]), error.end


codecs.register_error(_SURROGATES, _escape_surrogates)


def number(value: float) -> str:
    """Write a finite number as ECMAScript's Number::toString does."""
    if value == int(value) and abs(value) <= MAX_INTEGER:
        return str(int(value))
    sign, text = ("-", repr(value)[1:]) if value < 0 else ("", repr(value))
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = fraction.rstrip("0")
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if count > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1:+d}"


def _plain(value: object) -> bool:
    """Whether Python's encoder writes this as JavaScript does: everything but floats, which large integers are too."""
    level: list[object] = [value]
    while not (kinds := set(map(type, level))) <= _LEAVES:
        if not kinds <= _LEAVES | _INSIDE.keys():
            return False
        inside: Iterable[Iterable[object]]
        if len(kinds) == 1:  # as rows are
            inside = map(_INSIDE[kinds.pop()], level)
        else:
            inside = (_INSIDE[kind](one) for one in level if (kind := type(one)) in _INSIDE)
        level = list(chain.from_iterable(inside))
    return True


def _write(value: object) -> str:
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return "{" + ",".join(f"{encode_basestring(key)}:{_write(item)}" for key, item in items) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_write, cast("list[object]", value))) + "]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(float(value))
    return _encode(value)


def dumps(value: Any) -> bytes:
    """Encode what the generated checks let through."""
    text = _encode(value)
    # Python writes each float with one of these; they stand in texts too, so that is no proof.
    if ("." in text or "+" in text or "-" in text) and not _plain(value):
        text = _write(value)
    return text.encode("utf-8", _SURROGATES)
