"""What may stand in a document that Python is made of? Names, addresses and numbers; each rule says why not."""

from __future__ import annotations

import keyword
import math
import re
import warnings
from collections.abc import Iterator
from typing import Any, Final

from codegen.references import is_list, is_object

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
CALL: Final = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")
"""An operationId: the name of a module, and of a function in it."""
_SEGMENT: Final = r"/(?!\.{1,2}(?:/|$))"
_LETTER: Final = r"[A-Za-z0-9._~:@-]"
ROUTE: Final = re.compile(rf"(?=/)(?:{_SEGMENT}(?:{_LETTER}|\{{[A-Za-z0-9._-]+\}})+)*/?")
PARAMETER: Final = re.compile(r"[A-Za-z0-9._~$\[\]-]+")
MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9.+-]*/(?:\*|[a-z0-9][a-z0-9.+-]*)|\*/\*")
SERVER: Final = re.compile(
    rf"(?P<origin>https?://(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]{{1,5}})?)?"
    rf"(?P<path>(?:{_SEGMENT}{_LETTER}+)*/?)"
)
# What a model has of its own; a property of that name would hide it.
RESERVED: Final = frozenset(
    {"additional_properties", "from_dict", "to_dict", "is_known", "keep_unknown", "field", "self"}
)


def no_name(name: object) -> str | None:
    """Why something cannot be a name in Python; None if it can.

    ASCII only, since Python takes some other letters for the same. Names that begin with an underscore, or end in two,
    mean something to Python or to generated code.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name) or name.endswith("__"):
        return (
            f"{name!r} cannot be a name in Python: ASCII letters, digits and `_`, with a letter first and no `__` last"
        )
    return f"{name!r} is a word of Python, and no name" if keyword.iskeyword(name) else None


def no_attribute(name: str) -> str | None:
    """Why something cannot be the name of an attribute or an argument; None if it can."""
    return f"{name!r} cannot be the name of an attribute or argument" if name in RESERVED else no_name(name)


def no_call(name: object) -> str | None:
    """Why something cannot be an operationId; None if it can."""
    if not isinstance(name, str) or not CALL.fullmatch(name):
        return "operationId is `tag.method`"
    return next(filter(None, map(no_name, name.split("."))), None)


def no_route(path: str) -> str | None:
    """Why something cannot be a path; None if it can."""
    if ROUTE.fullmatch(path):
        return None
    return "a path is `/segment/{parameter}`: letters, digits and any of `._~:@-`; no segment is empty, `.` or `..`"


def no_parameter(name: str) -> str | None:
    """Why something cannot be the name of a parameter in a query or a header; None if it can."""
    return (
        None if PARAMETER.fullmatch(name) else f"{name!r} cannot be the name of a parameter: letters, digits, `._~$[]-`"
    )


def no_media_type(name: str) -> str | None:
    """Why something cannot be a media type of bytes; None if it can."""
    if not MEDIA_TYPE.fullmatch(name):
        return f"{name!r} is no media type: `image/png`, or `image/*`, in small letters"
    return f"{name!r}: JSON of another name" if name.endswith(("/json", "+json")) else None


def no_bound(value: Any, *, whole: bool) -> str | None:
    """Why something cannot be a bound; None if it can."""
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not math.isfinite(value):
        return f"{value!r} is no bound"
    return None


def no_pattern(pattern: str) -> str | None:
    """Why Python cannot use a pattern; None if it can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        return f"Python does not know the pattern {pattern!r}: {error}"
    return None


def lone_surrogates(node: Any, place: str = "") -> Iterator[str]:
    """Where a text holds a lone surrogate, half of a pair, which no file and no request can carry."""
    if isinstance(node, str):
        if not node.isascii() and any("\ud800" <= c <= "\udfff" for c in node):
            yield place or "document"
    elif is_object(node):
        for key, value in node.items():
            yield from lone_surrogates(key, f"{place}.{key!a} (a key)")
            yield from lone_surrogates(value, f"{place}.{key}" if place else key)
    elif is_list(node):
        for index, value in enumerate(node):
            yield from lone_surrogates(value, f"{place}[{index}]")
