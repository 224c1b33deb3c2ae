# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""What do the generated models and calls stand on? It does no I/O and knows no operation.

Base classes of models and open enums, `Call`, and the checks of arguments: a ValueError or TypeError whose text begins
with the name of the argument. Plain Python: `make generate` copies it from
`templates/runtime.py`, and what the document decides stands in `contract.py`.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, date, datetime
from enum import Enum, StrEnum
from types import UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Generic,
    NamedTuple,
    Self,
    TypeGuard,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from attrs import define, field

from kraty_server_generated.contract import KEY_MIN_LENGTH, KEY_PATTERN, PLAIN_TEXT_MATCHES

T = TypeVar("T", covariant=True)
E = TypeVar("E", bound=Enum)
R = TypeVar("R")

_hump: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
MAX_INTEGER: Final = 2**53 - 1
"""The largest integer that JavaScript, and with it the server, holds exactly."""


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


class OpenValue:
    """What enums share that keep a value they do not know; `is_known` tells."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        kind: Any = cast(Any, cls)._member_type_
        if not isinstance(value, kind) or isinstance(value, bool):
            return None
        member = kind.__new__(cls, value)
        member._name_, member._value_ = str(value), value
        return member

    @property
    def is_known(self) -> bool:
        """False for a value that is newer than this SDK."""
        return cast(Any, self)._value_ in cast(Any, type(self))._value2member_map_

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return type(self), (cast(Any, self)._value_,)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Tell pydantic that any value of the type is one, as in an answer."""
        from pydantic_core import core_schema  # only pydantic asks, so it is there

        value = core_schema.str_schema() if issubclass(cls, str) else core_schema.int_schema(strict=True)
        written = core_schema.plain_serializer_function_ser_schema(to_json)
        return core_schema.no_info_after_validator_function(cls, value, serialization=written)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """Tell pydantic which values are known, and that there may be others."""
        known = {"enum": [member.value for member in cast("type[Enum]", cls)]}
        kind = "string" if issubclass(cls, str) else "integer"
        return {"title": cls.__name__, "type": kind, "anyOf": [known, {}]}


class OpenEnum(OpenValue, StrEnum):
    """A string enum that keeps a value it does not know; `is_known` tells."""


class EnumTable(dict[Any, E]):
    """`table[value]` is the member: one dict look-up for a known value."""

    enum: type[E]

    def __init__(self, enum: type[E]) -> None:
        super().__init__({member.value: member for member in enum})
        self.enum = enum

    def __missing__(self, value: Any) -> E:
        return self.enum(value)


DECODE_ERRORS: Final = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What a strange answer makes decoding raise. Anything else is not ours: a time limit, say, which goes through."""


class Field(NamedTuple):
    """How one property of a model is called and decoded."""

    wire: str
    name: str
    required: bool
    decode: Callable[[Any], Any] | None


@define(eq=False, repr=False, getstate_setstate=False)
class Model:
    """Base of all models: lossless to and from dicts; equality, repr, copy and pickle by value."""

    additional_properties: dict[str, Any] = field(factory=dict[str, Any], kw_only=True)
    """Properties that this SDK does not know, by their JSON names. They are kept, and written back."""

    fields__: ClassVar[tuple[Field, ...]] = ()
    known__: ClassVar[frozenset[str]] = frozenset()
    required__: ClassVar[frozenset[str] | None] = None
    is_known: ClassVar[bool] = True

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a decoded JSON object. A required field that is missing is no error until it is asked for."""
        try:
            return cls.decode__(data)
        except DECODE_ERRORS:  # something is missing or null: once more, field by field
            return cls.decode_each__(data)

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        """Read what has everything: quicker than by the constructor, and generated for each model."""
        return cls.decode_each__(data)

    @classmethod
    def decode_each__(cls, data: Mapping[str, Any]) -> Self:
        """Read field by field."""
        if not isinstance(data, Mapping):
            raise TypeError(f"{cls.__name__}: expected an object, got {type(data).__name__}")
        self = cls.__new__(cls)
        for wire, name, required, decode in cls.fields__:
            if wire in data:
                value = data[wire]
                if decode is not None and value is not None:
                    try:
                        value = decode(value)
                    except DECODE_ERRORS as error:
                        raise ValueError(f"{cls.__name__}.{wire}: {error}") from error
                setattr(self, name, value)
            elif not required:
                setattr(self, name, UNSET)
            elif (absent := absent_fields.get()) is not None:
                absent.append(f"{cls.__name__}.{wire}")
        return self.keep_unknown(data)

    def keep_unknown(self, data: Mapping[str, Any]) -> Self:
        """Keep the properties that this SDK does not know."""
        if unknown := {key: value for key, value in data.items() if key not in self.known__}:
            self.additional_properties = unknown
        return self

    def to_dict(self) -> dict[str, Any]:
        """Write the JSON object, in the order of the contract."""
        data: dict[str, Any] = {}
        for wire, name, _, _ in self.fields__:
            value = getattr(self, name, UNSET)
            if value is not UNSET:
                data[wire] = to_json(value)
        return data | self.additional_properties

    def __getattr__(self, name: str) -> Any:  # only asked for what is not there
        if name == "additional_properties":
            self.additional_properties = {}
            return self.additional_properties
        for wire, known, _, _ in self.fields__:
            if known == name:
                what = f"the server did not send {wire!r} of {type(self).__name__}"
                raise AttributeError(what, name=name, obj=self)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __eq__(self, other: object) -> bool:
        return self.__getstate__() == other.__getstate__() if type(other) is type(self) else NotImplemented

    def __repr__(self) -> str:
        shown = [f"{n}={v!r}" for n, v in self.__getstate__().items() if v is not UNSET and (v or n in self.__slots__)]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __getstate__(self) -> dict[str, Any]:
        names = [*(field.name for field in self.fields__), "additional_properties"]
        return {name: value for name in names if (value := getattr(self, name, _ABSENT)) is not _ABSENT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Tell pydantic to take a model as it is, to read a JSON object after checking it, and to write one."""
        from pydantic_core import core_schema  # only pydantic asks, so it is there

        name = f"{cls.__module__}.{cls.__qualname__}:{id(cls)}"
        if name in (above := _described.get()):  # a model that leads back to itself
            return core_schema.definition_reference_schema(name)

        def read(value: Any, check: Callable[[Any], Any]) -> Any:
            if isinstance(value, cls):
                return value
            check(value)
            return cls.from_dict(value)  # and not what was checked: a date-time keeps the way it was written

        read.__name__ = cls.__name__  # what errors of a union show
        token = _described.set(above | {name})
        try:
            hints = get_type_hints(cls)
            fields = {
                field.wire: core_schema.typed_dict_field(
                    handler.generate_schema(_wire_hint(hints[field.name])), required=field.required
                )
                for field in cls.fields__
            }
        finally:
            _described.reset(token)
        shape = core_schema.typed_dict_schema(fields, extra_behavior="allow", config={"strict": True})
        written = core_schema.plain_serializer_function_ser_schema(to_json)
        return core_schema.no_info_wrap_validator_function(read, shape, ref=name, serialization=written)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """Tell pydantic the name of the model, and what it is."""
        described: dict[str, Any] = handler(schema)
        handler.resolve_ref_schema(described).update(
            title=cls.__name__, description=inspect.cleandoc(cls.__doc__ or "")
        )
        return described


_described: Final = ContextVar("_described", default=frozenset[str]())
"""The models whose schema for pydantic is being made."""


def _wire_hint(hint: Any) -> Any:
    """The type of a property in JSON, for pydantic: what may be left out is told elsewhere, and times are texts."""
    from pydantic import AfterValidator, StringConstraints, WithJsonSchema

    if hint is datetime:
        return Annotated[str, AfterValidator(parse_time), WithJsonSchema({"type": "string", "format": "date-time"})]
    if hint is date:
        written = StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")
        day = WithJsonSchema({"type": "string", "format": "date"})
        return Annotated[str, written, AfterValidator(date.fromisoformat), day]
    inside = tuple(_wire_hint(kind) for kind in get_args(hint) if kind is not Unset)
    if get_origin(hint) in (Union, UnionType):
        return Union[inside]  # noqa: UP007
    return get_origin(hint)[inside] if get_origin(hint) in (list, dict) else hint


_ABSENT: Final = object()


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return type(value) is dict or isinstance(value, Mapping)


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, list | tuple)


def _is_iterable(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def register_fields(model: type[Model], wires: str, /, **decoders: Callable[[Any], Any]) -> None:
    """Tell a model its properties by their JSON names, in the order of the contract; `?` marks an optional one."""
    fields: list[Field] = []
    for wire in wires.split():
        wire, optional, _ = wire.partition("?")
        fields.append(Field(wire, _hump.sub("_", wire).lower(), not optional, decoders.get(wire)))
    model.fields__ = tuple(fields)
    model.known__ = frozenset(field.wire for field in fields)
    model.required__ = frozenset(field.wire for field in fields if field.required) or None


class UnknownVariant(Model):
    """A member of a union whose tag this SDK does not know, as it came."""

    __slots__ = ()
    is_known: ClassVar[bool] = False
    tags__: ClassVar[list[tuple[str, Collection[Any]]]] = []
    """Of each union, the property that tells its members apart, and its known values."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Tell pydantic that what has a known tag is of another class, so that what is wrong with it is said."""
        from pydantic_core import core_schema

        def unknown(value: Any, check: Callable[[Any], Any]) -> Any:
            if _is_mapping(value) and any(value.get(tag) in known for tag, known in cls.tags__):
                raise ValueError("not what its tag says")
            return check(value)

        schema = super().__get_pydantic_core_schema__(source, handler)
        return core_schema.no_info_wrap_validator_function(unknown, schema, serialization=schema["serialization"])


def to_json(value: Any) -> Any:
    """Write a value of a model as JSON has it."""
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, date):
        return format_time(value) if isinstance(value, datetime) else value.isoformat()
    if _is_list(value):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in cast("dict[str, Any]", value).items()}
    return value.value if isinstance(value, Enum) else value


class WireTime(datetime):
    """A date-time that remembers how the server wrote it, where that is not JavaScript's way."""

    wire: str

    def __reduce_ex__(self, protocol: Any) -> str | tuple[Any, ...]:
        wire = getattr(self, "wire", None)
        return super().__reduce_ex__(protocol) if wire is None else (parse_time, (wire,))


_from_iso: Final = datetime.fromisoformat


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 date-time; one without a zone is UTC."""
    try:
        if len(text) == 24 and text[23] == "Z" and text[19] == "." and text[10] == "T" and text[7] == "-":
            return _from_iso(text)  # as JavaScript writes it
        time = _from_iso(text)
    except ValueError:
        from dateutil.parser import isoparse  # slow to import, and hardly ever needed

        time = isoparse(text)
    exact = WireTime.combine(time.date(), time.timetz(), time.tzinfo or UTC)
    exact.wire = text
    return exact


def format_time(time: datetime) -> str:
    """Write a date-time as JavaScript does: UTC, milliseconds, `Z`."""
    wire: str | None = getattr(time, "wire", None)
    return wire or f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


_plain_segment: Final = re.compile(r"[A-Za-z0-9_\-]+" if PLAIN_TEXT_MATCHES else r"(?!)").fullmatch


def quote_segment(value: str, name: str, min_length: int = 0, pattern: re.Pattern[str] | None = None) -> str:
    """Quote a path segment as encodeURIComponent does, after checking it."""
    try:
        if min_length < 2 and _plain_segment(value):
            return value
    except TypeError:  # it is no text, which is said below
        pass
    if check_text(value, name, min_length, pattern) in ("", ".", ".."):
        raise ValueError(f"{name}: {value!r} would call another endpoint")
    from urllib.parse import quote  # who loads the models only does not need it, and a client has it anyway

    try:
        return quote(value, safe="!*'()")
    except UnicodeEncodeError as error:
        raise ValueError(f"{name}: holds half of a surrogate pair, which no URL can carry") from error


def _refuse(value: object, name: str, wanted: str) -> Exception:
    got = repr(value) if value is None or value is UNSET else type(value).__name__
    return TypeError(f"{name}: {wanted} is needed, got {got}")


def check_text(value: Any, name: str, min_length: int = 0, pattern: re.Pattern[str] | None = None) -> str:
    """Check text."""
    if value.__class__ is not str and not isinstance(value, str):
        raise _refuse(value, name, "text")
    if len(value) < min_length:
        least = "must not be empty" if min_length == 1 else f"at least {min_length} characters are needed"
        raise ValueError(f"{name}: {least}")
    if pattern is None or (PLAIN_TEXT_MATCHES and value.isprintable() and value.strip(" .")):
        return value  # such text matches every pattern of the document, and this is quicker to see
    if not pattern.search(value):
        raise ValueError(f"{name}: {value!r} is not allowed; it must match {pattern.pattern}")
    return value


def are_plain(texts: Collection[str]) -> bool:
    """Tell whether all of these match every pattern, by the rule that `check_text` has for one of them."""
    whole = "".join(texts)
    may_be_blank = "" in texts or " " in whole or "." in whole
    return PLAIN_TEXT_MATCHES and whole.isprintable() and (not may_be_blank or all(text.strip(" .") for text in texts))


def check_idempotency_key(value: Any, name: str = "idempotency_key") -> str:
    """Check an idempotency key."""
    return check_text(value, name, KEY_MIN_LENGTH, KEY_PATTERN)


def check_integer(value: Any, name: str, minimum: int | None = None, maximum: int = MAX_INTEGER) -> int:
    """Check an integer; bool and float are none."""
    if value.__class__ is not int and (not isinstance(value, int) or isinstance(value, bool)):
        raise _refuse(value, name, "an integer")
    if value > maximum or (minimum is not None and value < minimum):
        low = f"at least {minimum} and " if minimum is not None else ""
        raise ValueError(f"{name}: must be {low}at most {maximum}, got {value}")
    return value


def check_number(value: Any, name: str) -> int | float:
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


def check_boolean(value: Any, name: str) -> bool:
    """Check a bool."""
    if not isinstance(value, bool):
        raise _refuse(value, name, "a bool")
    return value


def check_time(value: Any, name: str) -> str:
    """Check a date-time: aware, or text that is sent as it is."""
    if isinstance(value, datetime):
        try:
            if value.utcoffset() is not None:
                return format_time(value)
        except OverflowError:
            local = value.replace(tzinfo=None)
            raise ValueError(f"{name}: {local} there is before year 1 or after year 9999 in UTC") from None
        raise ValueError(f"{name}: a naive datetime is ambiguous; give it a zone, as in datetime.now(UTC)")
    return check_text(value, name, 1)


def check_items(
    value: Any, name: str, check: Callable[[Any], R], min_items: int = 0, max_items: int | None = None
) -> list[R]:
    """Check a list and everything in it."""
    if not _is_iterable(value):
        raise _refuse(value, name, "a list")
    checked: list[R] = []
    for item in value:
        try:
            checked.append(check(item))
        except (TypeError, ValueError) as error:
            message = str(error)
            below = message if message.startswith((":", "[", ".")) else f".{message}"
            raise type(error)(f"{name}[{len(checked)}]{below}") from None
    if len(checked) < min_items:
        raise ValueError(f"{name}: must not be empty" if min_items == 1 else f"{name}: at least {min_items} are needed")
    if max_items is not None and len(checked) > max_items:
        raise ValueError(f"{name}: at most {max_items} are taken at once, got {len(checked)}")
    return checked


def check_object(value: Any, known: frozenset[str] | None = None) -> dict[str, Any]:
    """Take a model or a plain dict in the contract's own names."""
    if not _is_mapping(value):
        if isinstance(value, Model):
            return value.to_dict()
        raise _refuse(value, "", "an object of the SDK or a dict")
    data: dict[str, Any] = dict(value)
    if known is not None and not known.issuperset(data):
        for key in data.keys() - known:
            data[key] = check_json(data[key], key)
    return data


def missing_property(wire: str, data: Mapping[str, Any], known: frozenset[str]) -> ValueError:
    """Say that a property is missing, and which other name was probably meant for it."""
    from difflib import get_close_matches  # only who has made a mistake needs it

    unknown = [key for key in data if isinstance(key, str) and key not in known]
    if meant := get_close_matches(wire, unknown, n=1):
        return ValueError(f": unknown {meant[0]!r}, did you mean {wire!r}?")
    return ValueError(f"{wire}: is required")


def check_json(value: Any, name: str) -> Any:
    """Check a free-form value: all the way down, only what JSON holds."""
    try:
        return _checked_json(value, name)
    except RecursionError:
        raise ValueError(f"{name}: nested too deeply, or holds itself") from None


def _checked_json(value: Any, at: str) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int | float):
        return check_number(value, at)
    if _is_mapping(value):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{at}: {type(key).__name__} {key!r} is no key of a JSON object; use text")
        return {key: _checked_json(item, f"{at}.{key}") for key, item in value.items()}
    if _is_list(value):
        return [_checked_json(item, f"{at}[{index}]") for index, item in enumerate(value)]
    raise TypeError(f"{at}: {type(value).__name__} cannot be sent as JSON")


def check_json_object(value: Any, name: str) -> dict[str, Any]:
    """Check a free-form JSON object."""
    if not _is_mapping(value):
        raise _refuse(value, name, "a dict")
    return cast("dict[str, Any]", check_json(value, name))


def check_number_map(value: Any, name: str) -> dict[str, int | float]:
    """Check a JSON object of numbers."""
    if not _is_mapping(value):
        raise _refuse(value, name, "a dict")
    return {check_text(key, f"{name} (a key)"): check_number(item, f"{name}.{key}") for key, item in value.items()}


class AnswerMismatch(ValueError):
    """What came back with a 2xx is no answer to the call: of another shape, or about something else."""


class Call(NamedTuple, Generic[T]):
    """One call: what to send, and how to read the answer. It was checked, is never changed, and nothing was sent."""

    operation: str
    method: str
    route: str
    path: str
    model: type[Any] | None = None
    """What an answer is read as; None where anything is an answer, as it came, and NoneType where nothing is."""
    unwrap: str | None = None
    """The property of the answer that holds the rest."""
    body: Mapping[str, Any] | None = None
    idempotency_field: str | None = None
    """The property of the body that takes the idempotency key."""
    headers: Mapping[str, str] | None = None
    """Headers of this call only."""
    echoes: tuple[tuple[str, str], ...] = ()
    """Properties of the answer that repeat what was asked, with what was asked."""
    change: Callable[[Any], T] | None = None
    """What makes the result of what was read."""
    is_form: bool = False
    """Whether the body is sent as multipart/form-data, and not as JSON."""
    media_types: tuple[str, ...] = ()
    """What an answer is that is no JSON: bytes, of one of these media types, up to `max_bytes`."""
    max_bytes: int | None = None

    @property
    def idempotency_key(self) -> str | None:
        """The key in the body, if there is one yet."""
        return None if self.idempotency_field is None or self.body is None else self.body.get(self.idempotency_field)

    def with_key(self, key: str) -> Call[T]:
        """Make the same call with an idempotency key; one that was not there becomes the last property of the body."""
        if self.idempotency_field is None:
            raise ValueError(f"{self.operation} takes no idempotency key")
        return self._replace(body={**(self.body or {}), self.idempotency_field: key})

    def parse(self, payload: Any, absent: list[str] | None = None) -> T:
        """Read the decoded JSON of a 2xx; each required field that the server left out is added to `absent`.

        Raises:
            AnswerMismatch: it is no answer to this call.
            ValueError, TypeError: a value in it is not what the document says.
        """
        try:
            data: Any = payload if self.unwrap is None else payload[self.unwrap]
        except (LookupError, TypeError):
            raise AnswerMismatch(f"an object with {self.unwrap} was expected, got {_shape(payload)}") from None
        result, model = data, self.model
        if model is not None:
            try:
                for wire, asked in self.echoes:
                    if data.get(wire) != asked:
                        raise AnswerMismatch(f"{wire} {asked!r} was asked for, the answer is about something else")
                result = model.decode__(data)
            except DECODE_ERRORS as error:
                result = _parse_each(model, data, error, absent)
        return result if self.change is None else self.change(result)

    def then(self, change: Callable[[T], R]) -> Call[R]:
        """Make the same call with another result."""
        before: Any = self.change
        changed: Callable[[Any], R] = change if before is None else lambda result: change(before(result))
        return cast("Call[R]", cast(Any, self)._replace(change=changed))


def _parse_each(model: type[Any], data: Any, error: Exception, absent: list[str] | None) -> Any:
    """Read an answer that something is missing from, or that is none."""
    if model is type(None):
        if data is not None:
            raise AnswerMismatch(f"nothing was expected, got {_shape(data)}")
        return None
    required = model.required__
    if required is not None and (data.__class__ is not dict or required.isdisjoint(data)):
        raise AnswerMismatch(f"an object with {', '.join(sorted(required))} was expected, got {_shape(data)}")
    if isinstance(error, AnswerMismatch):
        raise error
    token = absent_fields.set(absent)
    try:
        return model.decode_each__(data)
    finally:
        absent_fields.reset(token)


def _shape(value: object) -> str:
    """What a decoded JSON value is. It quotes nothing: what comes from elsewhere may hold a secret."""
    shapes: dict[type[object], str] = {dict: "an object without", type(None): "null", list: "an array", str: "text"}
    return shapes.get(type(value), "a number or bool")
