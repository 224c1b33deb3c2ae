"""Does a value have the shape that a TypedDict describes? If not: where, and what was meant."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from kraty_server.testing.emulator.json_body import decode_json, encode_json, is_list, is_object
from kraty_server.testing.emulator.names import nearest


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `least` to `most`, both included."""

    least: float
    most: float

    def check(self, value: Any, path: str) -> None:
        """Refuse what lies outside.

        Raises:
            ValueError: it does.
        """
        if not self.least <= value <= self.most:
            raise ValueError(f"{path}: from {self.least:,g} to {self.most:,g}, got {value!r}")


@dataclass(frozen=True, slots=True)
class Text:
    """Texts that are not empty."""

    def check(self, value: Any, path: str) -> None:
        """Refuse the empty text.

        Raises:
            ValueError: it is.
        """
        if not value:
            raise ValueError(f"{path}: must not be empty")


_NAMES = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


@cache
def _fields(shape: type) -> dict[str, tuple[bool, Any]]:
    fields: dict[str, tuple[bool, Any]] = {}
    for name, hint in get_type_hints(shape, include_extras=True).items():
        origin = get_origin(hint)
        marked = origin is Required or origin is NotRequired
        fields[name] = (
            origin is Required or (not marked and vars(shape)["__total__"]),  # each TypedDict has it
            get_args(hint)[0] if marked else hint,
        )
    return fields


def check_shape(value: Any, shape: Any, path: str = "") -> None:  # noqa: C901  (a branch for each kind of type)
    """Hold a decoded JSON value against a type.

    Args:
        value: the value.
        shape: a TypedDict, or what its fields may be: str, bool, int, float, Any, Literal, Sequence, Mapping, one of
            these or None, and Annotated with something that has `check(value, path)`.
        path: where the value is, for the message.

    Raises:
        ValueError: it does not fit; the message says where, and which known name an unknown one looks like.
    """
    where = path or "seed"
    origin, arguments = get_origin(shape), get_args(shape)
    if shape is Any:
        _check_plain(value, where)
    elif origin is Annotated:
        check_shape(value, arguments[0], path)
        for each in arguments[1:]:
            each.check(value, where)
    elif origin in (Union, types.UnionType):  # of one shape and None
        if value is not None:
            check_shape(value, next(each for each in arguments if each is not type(None)), path)
    elif origin is Literal:
        if not any(value == each and type(value) is type(each) for each in arguments):
            raise ValueError(f"{where}: {value!r}: {nearest(value, map(str, arguments))}")
    elif is_typeddict(shape):
        _check_fields(value, shape, path)
    elif origin is tuple:
        if not is_list(value) or len(value) != len(arguments):
            raise ValueError(f"{where}: {len(arguments)} values in a list are needed, got {value!r}")
        for index, (each, kind) in enumerate(zip(value, arguments, strict=True)):
            check_shape(each, kind, f"{path}[{index}]")
    elif origin is Sequence:
        if not is_list(value):
            raise ValueError(f"{where}: a list is needed, got {value!r}")
        for index, each in enumerate(value):
            check_shape(each, arguments[0], f"{path}[{index}]")
    elif origin is Mapping:
        if not is_object(value):
            raise ValueError(f"{where}: an object is needed, got {value!r}")
        for key, each in value.items():
            check_shape(key, arguments[0], f"{path} key")
            check_shape(each, arguments[1], f"{path}.{key}")
    else:
        _check_scalar(value, shape, where)


def _check_scalar(value: Any, shape: Any, where: str) -> None:
    if shape is float:
        good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    else:
        good = type(value) is shape or (shape is str and isinstance(value, str))
    if not good:
        raise ValueError(f"{where}: {_NAMES[shape]} is needed, got {value!r}")
    if shape is str:
        _check_plain(value, where)


def _check_plain(value: Any, where: str) -> None:
    """Whether JSON can hold it."""
    try:
        decode_json(encode_json(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{where}: {error}") from None


def _check_fields(value: Any, shape: Any, path: str) -> None:
    if not is_object(value):
        raise ValueError(f"{path or 'seed'}: an object is needed, got {value!r}")
    fields = _fields(shape)
    prefix = f"{path}." if path else ""
    for name in value:
        if name not in fields:
            raise ValueError(f"{prefix}{name}: {nearest(name, fields)}")
    for name, (required, kind) in fields.items():
        if name in value:
            check_shape(value[name], kind, f"{prefix}{name}")
        elif required:
            raise ValueError(f"{prefix}{name}: is missing")
