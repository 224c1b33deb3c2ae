"""What does the document say, in the few words that the templates need?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from codegen.literals import printable
from codegen.names import class_name

Document: TypeAlias = Mapping[str, Any]


class NotCovered(Exception):
    """The document holds something that the templates cannot write."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__("\n".join(printable(line) for line in f"{place}: {what}".split("\n")))


def demand(place: str, why_not: str | None) -> None:
    """Stop at a place that a rule objects to."""
    if why_not is not None:
        raise NotCovered(place, why_not)


@dataclass(frozen=True)
class Scalar:
    """text, uuid, integer, number, boolean, time, date or any."""

    name: str
    minimum: float | None = None
    maximum: float | None = None
    min_length: int = 0
    pattern: str | None = None
    max_length: int | None = None
    multiple_of: float | None = None


@dataclass(frozen=True)
class FileOf:
    """Bytes that are no part of JSON: a part of a form, or a whole answer."""

    max_bytes: int | None = None
    media_types: tuple[str, ...] = ()
    """What they may be, as `image/png` or `image/*`; anything where there are none."""


@dataclass(frozen=True)
class Named:
    """What a component describes, by the name of it."""

    name: str


class EnumOf(Named):
    pass


class ModelOf(Named):
    pass


class UnionOf(Named):
    pass


@dataclass(frozen=True)
class MapOf:
    value: Kind
    min_items: int = 0
    max_items: int | None = None


@dataclass(frozen=True)
class ListOf:
    item: Kind
    min_items: int = 0
    max_items: int | None = None
    unique: bool = False


@dataclass(frozen=True)
class Nullable:
    """An item of a list, or a value of a map, that may be null."""

    kind: Kind


@dataclass(frozen=True)
class Const:
    value: str | int


Kind: TypeAlias = Scalar | FileOf | EnumOf | ModelOf | UnionOf | MapOf | ListOf | Nullable | Const


@dataclass(frozen=True)
class Field:
    """One property of an object, or one parameter of a path."""

    wire: str
    name: str
    kind: Kind
    required: bool
    nullable: bool
    description: str


@dataclass(frozen=True)
class Parameter(Field):
    """One parameter outside of the path; `explode` where each item of a list is written with the name again."""

    where: Literal["query", "header"]
    explode: bool


@dataclass(frozen=True)
class Component:
    """A schema that has a name."""

    name: str
    description: str


@dataclass(frozen=True)
class Model(Component):
    fields: tuple[Field, ...]
    at_least_one_of: tuple[str, ...] = ()

    @property
    def variables(self) -> list[Field]:
        """Everything but constants, required first: the order of the constructor."""
        return sorted((f for f in self.fields if not isinstance(f.kind, Const)), key=lambda f: not f.required)


@dataclass(frozen=True)
class Enum(Component):
    """An enum, of texts or of integers."""

    values: Mapping[str, str | int]

    @property
    def of_integers(self) -> bool:
        return not all(isinstance(value, str) for value in self.values.values())


@dataclass(frozen=True)
class Union(Component):
    tag: str
    members: Mapping[str, str]


@dataclass(frozen=True)
class Paging:
    """How a list goes on: what takes the cursor, and the properties that hold the items and the next cursor."""

    parameter: Parameter
    items: Field
    cursor: Field


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    route: str
    parameters: tuple[Field, ...]
    """Those of the path, in its order."""
    others: tuple[Parameter, ...]
    """Those of the query and the headers."""
    body: Model | None
    is_form: bool
    """Whether the body is sent as multipart/form-data, and not as JSON."""
    bag: Field | None
    """A body that is an object of any properties, so that none of them is the SDK's: no idempotency key either."""
    result: Kind | None
    """What the 2xx answers hold, taken out of their envelope; None where they hold nothing."""
    envelope: str | None
    paging: Paging | None
    summary: str
    description: str
    error_codes: Mapping[str, list[str]]
    deprecated: bool

    @property
    def tag(self) -> str:
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        return self.id.partition(".")[2]

    @property
    def positional(self) -> tuple[Field, ...]:
        """The arguments that identify, and the body that is a bag."""
        return (*self.parameters, *([self.bag] if self.bag else []))

    @property
    def keywords(self) -> tuple[Field, ...]:
        """The arguments that are given by name."""
        return (*(self.body.fields if self.body else ()), *self.others)

    @property
    def arguments(self) -> tuple[Field, ...]:
        """All arguments, in their order."""
        return (*self.positional, *self.keywords)


@dataclass(frozen=True)
class Envelope:
    """What all webhooks come in: its model, and its properties that hold the event's name and its data."""

    model: str
    event: str
    data: str


@dataclass(frozen=True)
class Event:
    """A webhook: its name on the wire, and the model of its data."""

    wire: str
    envelope: Envelope
    data: str
    summary: str
    description: str

    @property
    def name(self) -> str:
        return class_name(self.wire)


@dataclass
class Api:
    """The whole document."""

    origin: str
    base_path: str
    operations: list[Operation] = field(default_factory=list[Operation])
    models: dict[str, Model] = field(default_factory=dict[str, Model])
    enums: dict[str, Enum] = field(default_factory=dict[str, Enum])
    unions: dict[str, Union] = field(default_factory=dict[str, Union])
    events: list[Event] = field(default_factory=list[Event])

    def tags(self) -> dict[str, list[Operation]]:
        """Operations by tag, in the order of the document."""
        by_tag: dict[str, list[Operation]] = {}
        for operation in self.operations:
            by_tag.setdefault(operation.tag, []).append(operation)
        return by_tag

    def reachable(self, roots: Iterable[Kind]) -> set[str]:
        """Names of the models, enums and unions that these kinds lead to."""
        seen: set[str] = set()
        todo = list(roots)
        while todo:
            kind = leaf(todo.pop())
            if isinstance(kind, Named) and kind.name not in seen:
                seen.add(kind.name)
                if isinstance(kind, ModelOf):
                    todo += [f.kind for f in self.models[kind.name].fields]
                elif isinstance(kind, UnionOf):
                    todo += [ModelOf(name) for name in self.unions[kind.name].members.values()]
        return seen

    def given(self) -> set[str]:
        """What can be part of a request."""
        return self.reachable(f.kind for o in self.operations for f in o.arguments)

    def results(self) -> list[Kind]:
        """What comes back from calls."""
        return [o.result for o in self.operations if o.result is not None]


def leaf(kind: Kind) -> Kind:
    """What a list or a map is of, all the way down."""
    match kind:
        case ListOf(item):
            return leaf(item)
        case MapOf(value):
            return leaf(value)
        case Nullable(inner):
            return leaf(inner)
        case _:
            return kind
