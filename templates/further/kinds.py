"""What do values need that are more than texts, numbers and date-times? Dates, integer enums, maps, further bounds.

Plain Python: `make generate` copies it from `templates/further/kinds.py` for a document that needs it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any, Final, TypeAlias, TypeGuard, TypeVar
from uuid import UUID

from kraty_server_generated.types import OpenValue, check_integer, check_items, check_number, check_text

R = TypeVar("R")
Date: TypeAlias = date
"""Under a name that no property and no argument has."""

_is_date: Final = re.compile(r"\d{4}-\d{2}-\d{2}").fullmatch
_is_uuid: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}").fullmatch


class OpenIntEnum(OpenValue, IntEnum):
    """An enum of integers that keeps a value it does not know; `is_known` tells."""


def parse_date(text: str) -> date:
    """Read a date as RFC 3339 has it, `2026-01-31`."""
    if not _is_date(text):
        raise ValueError(f"{text!r} is no date")
    return date.fromisoformat(text)


def check_date(value: Any, name: str) -> str:
    """Check a date, or text that is sent as it is; a datetime is none, since its day depends on a zone."""
    if isinstance(value, datetime):
        raise TypeError(f"{name}: a date is needed, got a datetime; give its .date() in the zone that you mean")
    return value.isoformat() if isinstance(value, date) else check_text(value, name, 1)


def check_uuid(value: Any, name: str) -> str:
    """Check a UUID, or the text of one."""
    text = str(value) if isinstance(value, UUID) else check_text(value, name)
    if not _is_uuid(text):
        raise ValueError(f"{name}: {text!r} is no UUID")
    return text


def check_text_within(
    value: Any, name: str, min_length: int, max_length: int, pattern: re.Pattern[str] | None = None
) -> str:
    """Check text that has a greatest length too."""
    if len(text := check_text(value, name, min_length, pattern)) > max_length:
        raise ValueError(f"{name}: at most {max_length} characters are taken, got {len(text)}")
    return text


def check_number_within(
    value: Any, name: str, minimum: float | None, maximum: float | None, multiple_of: float | None
) -> int | float:
    """Check a number that has bounds."""
    number = check_number(value, name)
    if minimum is not None and number < minimum:
        raise ValueError(f"{name}: must be at least {minimum}, got {number}")
    if maximum is not None and number > maximum:
        raise ValueError(f"{name}: must be at most {maximum}, got {number}")
    if multiple_of is not None and Decimal(repr(number)) % Decimal(repr(multiple_of)):
        raise ValueError(f"{name}: must be a multiple of {multiple_of}, got {number}")
    return number


def check_integer_within(
    value: Any, name: str, minimum: float | None, maximum: float | None, multiple_of: float | None
) -> int:
    """Check an integer that has bounds of any kind."""
    check_number_within(check_integer(value, name), name, minimum, maximum, multiple_of)
    return int(value)


def check_unique(
    value: Any, name: str, check: Callable[[Any], R], min_items: int = 0, max_items: int | None = None
) -> list[R]:
    """Check a list in which nothing is there twice."""
    checked = check_items(value, name, check, min_items, max_items)
    seen: set[str] = set()
    for index, item in enumerate(checked):
        if (text := json.dumps(item, sort_keys=True)) in seen:
            raise ValueError(f"{name}[{index}]: {item!r} is there twice")
        seen.add(text)
    return checked


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def check_map(
    value: Any, name: str, check: Callable[[Any], R], min_items: int = 0, max_items: int | None = None
) -> dict[str, R]:
    """Check a JSON object and each of its values."""
    if not _is_mapping(value):
        raise TypeError(f"{name}: a dict is needed, got {type(value).__name__}")
    checked: dict[str, R] = {}
    for key, item in value.items():
        check_text(key, f"{name} (a key)")
        try:
            checked[key] = check(item)
        except (TypeError, ValueError) as error:
            message = str(error)
            below = message if message.startswith((":", "[", ".")) else f".{message}"
            raise type(error)(f"{name}.{key}{below}") from None
    if len(checked) < min_items:
        raise ValueError(f"{name}: at least {min_items} keys are needed, got {len(checked)}")
    if max_items is not None and len(checked) > max_items:
        raise ValueError(f"{name}: at most {max_items} keys are taken, got {len(checked)}")
    return checked
