# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""What the generated models and calls stand on. It does no I/O and knows no operation."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import Enum, StrEnum
from importlib import import_module
from typing import Any, ClassVar, Final, Generic, NamedTuple, Self, TypeGuard, TypeVar
from urllib.parse import quote

T = TypeVar("T")
E = TypeVar("E", bound="OpenEnum")
R = TypeVar("R")

ORIGIN: Final = "https://api.kraty.io"
"""Scheme and host of the first server in the document."""

IDEMPOTENCY_KEY: Final = "idempotencyKey"
"""The property of a body that takes the idempotency key."""

MAX_INTEGER: Final = 2**53 - 1
"""The largest integer that JavaScript, and with it the server, holds exactly."""


class Later:
    """A module that is imported when something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        found = getattr(import_module(self._name), name)
        setattr(self, name, found)
        return found


class Unset(Enum):
    """The type of `UNSET`: not given, which is not the same as `None` (JSON null)."""

    UNSET = "UNSET"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET

absent_fields: ContextVar[list[str] | None] = ContextVar("absent_fields", default=None)
"""While a list is set here, decoding adds each required field that the server left out (`Grant.id`)."""


class OpenEnum(StrEnum):
    """A string enum that keeps a value it does not know; `is_known` tells."""

    @classmethod
    def _missing_(cls, value: object) -> OpenEnum | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        """False for a value that is newer than this SDK."""
        return self._value_ in type(self)._value2member_map_

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return type(self), (self._value_,)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


class EnumTable(dict[Any, E]):
    """`table[value]` is the member: one dict look-up for a known value."""

    enum: type[E]

    def __init__(self, enum: type[E]) -> None:
        super().__init__({member.value: member for member in enum})
        self.enum = enum

    def __missing__(self, value: Any) -> E:
        return self.enum(value)


class Field(NamedTuple):
    """How one property of a model is called and decoded."""

    wire: str
    name: str
    required: bool
    decode: Callable[[Any], Any] | None


class Model:
    """Base of all models: lossless to and from dicts; equality, repr, copy and pickle by value."""

    __slots__ = ("additional_properties",)

    additional_properties: dict[str, Any]
    """Properties that this SDK does not know, by their JSON names. They are kept, and written back."""

    fields__: ClassVar[tuple[Field, ...]] = ()
    known__: ClassVar[frozenset[str]] = frozenset()
    is_known: ClassVar[bool] = True
    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # a mutable value has no hash

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a decoded JSON object. A required field that is missing is no error until it is asked for."""
        if not isinstance(data, Mapping):
            raise TypeError(f"{cls.__name__}: expected an object, got {type(data).__name__}")
        self = cls.__new__(cls)
        for field in cls.fields__:
            if field.wire in data:
                value = data[field.wire]
                try:
                    value = value if value is None or field.decode is None else field.decode(value)
                except Exception as error:
                    raise ValueError(f"{cls.__name__}.{field.wire}: {error}") from error
                setattr(self, field.name, value)
            elif not field.required:
                setattr(self, field.name, UNSET)
            elif (absent := absent_fields.get()) is not None:
                absent.append(f"{cls.__name__}.{field.wire}")
        return self.keep_unknown(data)

    def keep_unknown(self, data: Mapping[str, Any]) -> Self:
        """Keep the properties that this SDK does not know."""
        if unknown := {key: value for key, value in data.items() if key not in self.known__}:
            self.additional_properties = unknown
        return self

    def to_dict(self) -> dict[str, Any]:
        """Write the JSON object, in the order of the contract."""
        data: dict[str, Any] = {}
        for field in self.fields__:
            value = getattr(self, field.name, UNSET)
            if value is not UNSET:
                data[field.wire] = to_json(value)
        return data | self.additional_properties

    def __getattr__(self, name: str) -> Any:  # only asked for what is not there
        if name == "additional_properties":
            self.additional_properties = {}
            return self.additional_properties
        for field in self.fields__:
            if field.name == name:
                what = f"the server did not send {field.wire!r} of {type(self).__name__}"
                raise AttributeError(what, name=name, obj=self)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __eq__(self, other: object) -> bool:
        return self.__getstate__() == other.__getstate__() if type(other) is type(self) else NotImplemented

    def __repr__(self) -> str:
        shown = [
            f"{n}={v!r}"
            for n, v in self.__getstate__().items()
            if v is not UNSET and (v or n in self.__slots__)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __getstate__(self) -> dict[str, Any]:
        names = [*(field.name for field in self.fields__), "additional_properties"]
        return {name: value for name in names if (value := getattr(self, name, _ABSENT)) is not _ABSENT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)


_ABSENT: Final = object()


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return type(value) is dict or isinstance(value, Mapping)


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, list | tuple)


def _is_iterable(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def describe(model: type[Model], wires: str, **decoders: Callable[[Any], Any]) -> None:
    """Tell a model its properties by their JSON names, in the order of the contract; `?` marks an optional one."""
    fields: list[Field] = []
    for wire in wires.split():
        wire, optional, _ = wire.partition("?")
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", wire).lower()
        fields.append(Field(wire, name, not optional, decoders.get(wire)))
    model.fields__ = tuple(fields)
    model.known__ = frozenset(field.wire for field in fields)


class UnknownVariant(Model):
    """A member of a union whose tag this SDK does not know, as it came."""

    __slots__ = ()
    is_known: ClassVar[bool] = False


def to_json(value: Any) -> Any:
    """Write a value of a model as JSON has it."""
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, datetime):
        return time_text(value)
    if _is_list(value):
        return [to_json(item) for item in value]
    return value.value if isinstance(value, OpenEnum) else value


class WireTime(datetime):
    """A date-time that remembers how the server wrote it, where that is not JavaScript's way."""

    wire: str

    def __reduce_ex__(self, protocol: Any) -> str | tuple[Any, ...]:
        wire = getattr(self, "wire", None)
        return super().__reduce_ex__(protocol) if wire is None else (read_time, (wire,))


_from_iso: Final = datetime.fromisoformat


def read_time(text: str) -> datetime:
    """Read an RFC 3339 date-time; one without a zone is UTC."""
    try:
        time = _from_iso(text)
    except ValueError:
        from dateutil.parser import isoparse  # slow to import, and hardly ever needed

        time = isoparse(text)
    if len(text) == 24 and text[23] == "Z" and text[19] == "." and text[10] == "T" and text[7] == "-":
        return time
    exact = WireTime.combine(time.date(), time.timetz(), time.tzinfo or UTC)
    exact.wire = text
    return exact


def time_text(time: datetime) -> str:
    """Write a date-time as JavaScript does: UTC, milliseconds, `Z`."""
    wire: str | None = getattr(time, "wire", None)
    return wire or f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


PATTERNS: Final = (
    re.compile("^(?!\\.{1,2}\\Z)[^\\u0000-\\u001f\\u007f-\\u009f]+\\Z"),
    re.compile("^(?=.*\\S)[^\\u0000-\\u001f\\u007f-\\u009f]+\\Z"),
)
"""The patterns of the document, each once."""

_plain_segment: Final = re.compile(r"[A-Za-z0-9_\-]+").fullmatch


def segment(value: str, name: str, min_length: int = 0, pattern: re.Pattern[str] | None = None) -> str:
    """Quote a path segment as encodeURIComponent does, after checking it."""
    if text(value, name, min_length, pattern) in ("", ".", ".."):
        raise ValueError(f"{name}: {value!r} would call another endpoint")
    if _plain_segment(value):
        return value
    try:
        return quote(value, safe="!*'()")
    except UnicodeEncodeError as error:
        raise ValueError(f"{name}: holds half of a surrogate pair, which no URL can carry") from error


# --- checks of what goes out: ValueError or TypeError whose text begins with the name of the argument


def _refuse(value: object, name: str, wanted: str) -> Exception:
    if value is None or value is UNSET:
        return TypeError(f"{name}: {wanted} is needed, got {value!r}")
    return TypeError(f"{name}: {wanted} is needed, got {type(value).__name__}")


def text(value: Any, name: str, min_length: int = 0, pattern: re.Pattern[str] | None = None) -> str:
    """Check text."""
    if not isinstance(value, str):
        raise _refuse(value, name, "text")
    if len(value) < min_length:
        raise ValueError(f"{name}: must not be empty")
    if value.isprintable() and value.strip(" ."):
        return value  # such text matches every pattern of the document, and this is quicker to see
    if pattern is not None and not pattern.search(value):
        raise ValueError(f"{name}: {value!r} is not allowed; it must match {pattern.pattern}")
    return value


def idempotency_key(value: Any, name: str = "idempotency_key") -> str:
    """Check an idempotency key."""
    return text(value, name, 1, PATTERNS[1])


def integer(value: Any, name: str, minimum: int | None = None, maximum: int = MAX_INTEGER) -> int:
    """Check an integer; bool and float are none."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise _refuse(value, name, "an integer")
    if value > maximum or (minimum is not None and value < minimum):
        low = f"at least {minimum} and " if minimum is not None else ""
        raise ValueError(f"{name}: must be {low}at most {maximum}, got {value}")
    return value


def number(value: Any, name: str) -> int | float:
    """Check a number that JSON and JavaScript can hold: finite, and an integer only if it survives exactly."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refuse(value, name, "a number")
    if isinstance(value, float):
        if value - value != 0:
            raise ValueError(f"{name}: {value!r} cannot be sent as JSON")
    elif not -MAX_INTEGER <= value <= MAX_INTEGER:
        try:
            held = float(value)  # as JavaScript holds it, and writes it
        except OverflowError:
            held = math.inf
        if held != value:
            raise ValueError(f"{name}: {value} is too large to be held exactly")
        return held
    return value


def boolean(value: Any, name: str) -> bool:
    """Check a bool."""
    if not isinstance(value, bool):
        raise _refuse(value, name, "a bool")
    return value


def time(value: Any, name: str) -> str:
    """Check a date-time: aware, or text that is sent as it is."""
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError(
                f"{name}: a naive datetime is ambiguous; give it a zone, as in datetime.now(UTC)"
            )
        return time_text(value)
    return text(value, name, 1)


def items(
    value: Any, name: str, check: Callable[[Any], R], min_items: int = 0, max_items: int | None = None
) -> list[R]:
    """Check a list and everything in it."""
    if not _is_iterable(value):
        raise _refuse(value, name, "a list")
    checked: list[R] = []
    for item in value:
        try:
            checked.append(check(item))
        except KeyError as error:
            raise ValueError(f"{name}[{len(checked)}].{error.args[0]}: is required") from None
        except (TypeError, ValueError) as error:
            message = str(error)
            below = message if message.startswith((":", "[")) else f".{message}"
            raise type(error)(f"{name}[{len(checked)}]{below}") from None
    if len(checked) < min_items:
        raise ValueError(
            f"{name}: must not be empty" if min_items == 1 else f"{name}: at least {min_items} are needed"
        )
    if max_items is not None and len(checked) > max_items:
        raise ValueError(f"{name}: at most {max_items} are taken at once, got {len(checked)}")
    return checked


def mapping(value: Any, known: frozenset[str] | None = None) -> dict[str, Any]:
    """Take a model or a plain dict in the contract's own names."""
    if not _is_mapping(value):
        if isinstance(value, Model):
            return value.to_dict()
        raise _refuse(value, "", "an object of the SDK or a dict")
    data: dict[str, Any] = dict(value)
    if known is not None and not known.issuperset(data):
        for key in data.keys() - known:
            data[key] = json(data[key], key)
    return data


def json(value: Any, name: str) -> Any:
    """Check a free-form value: all the way down, only what JSON holds."""
    try:
        return _json(value, name)
    except RecursionError:
        raise ValueError(f"{name}: nested too deeply, or holds itself") from None


def _json(value: Any, at: str) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int | float):
        return number(value, at)
    if _is_mapping(value):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{at}: {type(key).__name__} {key!r} is no key of a JSON object; use text")
        return {key: _json(item, f"{at}.{key}") for key, item in value.items()}
    if _is_list(value):
        return [_json(item, f"{at}[{index}]") for index, item in enumerate(value)]
    raise TypeError(f"{at}: {type(value).__name__} cannot be sent as JSON")


def json_object(value: Any, name: str) -> dict[str, Any]:
    """Check a free-form JSON object."""
    if not _is_mapping(value):
        raise _refuse(value, name, "a dict")
    checked: dict[str, Any] = json(value, name)
    return checked


def number_map(value: Any, name: str) -> dict[str, int | float]:
    """Check a JSON object of numbers."""
    if not _is_mapping(value):
        raise _refuse(value, name, "a dict")
    return {text(key, f"{name} (a key)"): number(item, f"{name}.{key}") for key, item in value.items()}


class Call(NamedTuple, Generic[T]):
    """One call: what to send, and how to read the answer. It was checked; nothing was sent."""

    operation: str
    method: str
    route: str
    path: str
    read: Callable[[Any], T]
    unwrap: str | None = None
    body: dict[str, Any] | None = None
    stamp: str | None = None

    @property
    def idempotency_key(self) -> str | None:
        """The key in the body, if there is one yet."""
        return None if self.stamp is None or self.body is None else self.body.get(self.stamp)

    @idempotency_key.setter
    def idempotency_key(self, key: str) -> None:
        if self.stamp is not None and self.body is not None:
            self.body[self.stamp] = key

    def parse(self, payload: Any) -> T:
        """Read the decoded JSON of a 2xx."""
        return self.read(payload if self.unwrap is None else payload[self.unwrap])

    def then(self, change: Callable[[T], R]) -> Call[R]:
        """Make the same call with another result."""
        read = self.read

        def changed(data: Any) -> R:
            return change(read(data))

        return Call(
            self.operation, self.method, self.route, self.path, changed, self.unwrap, self.body, self.stamp
        )
