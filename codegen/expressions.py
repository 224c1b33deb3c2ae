"""How is a value of the document typed, decoded and checked in Python?"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from itertools import takewhile
from typing import Final

from codegen.api import (
    Api,
    Const,
    EnumOf,
    Field,
    FileOf,
    Kind,
    ListOf,
    MapOf,
    Model,
    ModelOf,
    Named,
    NotCovered,
    Nullable,
    Operation,
    Parameter,
    Scalar,
    Union,
    UnionOf,
    leaf,
)
from codegen.literals import python
from codegen.names import IDEMPOTENCY_KEY, snake

SCALARS = {
    "text": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "time": "datetime",
    "date": "Date",
    "uuid": "str",
    "any": "Any",
}
GIVEN = {"time": "datetime | str", "date": "Date | str", "uuid": "UUID | str", "any": "object"}
"""What an argument may be beside what comes back."""
MAX_INTEGER = 2**53 - 1

LINE = 102
"""Characters of a line of generated code, without its indentation."""
PLAIN_TEXT = frozenset(
    {
        r"^(?!\.{1,2}$)[^\u0000-\u001f\u007f-\u009f]+$",
        r"^(?=.*\S)[^\u0000-\u001f\u007f-\u009f]+$",
    }
)
"""Patterns that match all text which is printable and more than spaces and dots; tests/properties holds them to it."""


class Writer:
    """Expressions for one document."""

    CHECKS = (
        "check_boolean",
        "check_integer",
        "check_items",
        "check_json",
        "check_json_object",
        "check_number",
        "check_number_map",
        "check_object",
        "check_text",
        "check_time",
    )
    FURTHER: Final = {
        "kinds": (
            "Date",
            "OpenIntEnum",
            "check_date",
            "check_integer_within",
            "check_map",
            "check_number_within",
            "check_text_within",
            "check_unique",
            "check_uuid",
            "parse_date",
        ),
        "parameters": ("header_values", "plain_text", "query_string"),
        "answers": ("answer_of",),
        "files": ("FileInput", "check_file"),
        "paging": ("Slice", "paged"),
    }
    """What a document needs that has more than most have: a module each, which is there where something needs it."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.given = api.given()
        self.results = api.reachable(api.results())
        self.events = api.reachable(ModelOf(name) for e in api.events for name in (e.envelope.model, e.data))
        self.of_events = self.events - self.results - self.given
        """What only webhooks need, in a module that is loaded with them."""
        given = [f for name, model in api.models.items() if name in self.given for f in model.fields]
        kinds = [leaf(f.kind) for f in (*given, *(f for o in api.operations for f in o.arguments))]
        self.patterns = sorted({k.pattern for k in kinds if isinstance(k, Scalar) and k.pattern})
        self.admits_plain_text = PLAIN_TEXT.issuperset(self.patterns)
        self.order = [one.name for one in self.defined()]

    # --- what comes back

    def type(self, kind: Kind, prefix: str = "") -> str:
        """The type of a decoded value."""
        match kind:
            case Scalar(name):
                return SCALARS[name]
            case FileOf():
                return "bytes"
            case EnumOf(name) | ModelOf(name) | UnionOf(name):
                return f"{prefix}{name}"
            case ListOf(item):
                return f"list[{self.type(item, prefix)}]"
            case MapOf(value):
                return f"dict[str, {self.type(value, prefix)}]"
            case Nullable(inner):
                return f"{self.type(inner, prefix)} | None"
            case Const(value):
                return f"Literal[{python(value)}]"

    def annotation(self, field: Field, owner: Model) -> str:
        """The type of an attribute; as text where it names what is defined later: a model that leads back to itself."""
        text = self.type(field.kind) + " | None" * field.nullable + " | Unset" * (not field.required)
        early = any(self.order.index(name) >= self.order.index(owner.name) for name in self._named([field.kind]))
        return python(text) if early else text

    def _named(self, kinds: Iterable[Kind]) -> list[str]:
        """The models and unions that types name."""
        return [one.name for one in map(leaf, kinds) if isinstance(one, ModelOf | UnionOf)]

    def defined(self) -> list[Model | Union]:
        """Models that are shown and unions, each after what it names."""
        found: dict[str, Model | Union] = {}

        def define(one: Model | Union) -> None:
            if one.name in started:
                return
            started.add(one.name)
            kinds = [f.kind for f in one.fields] if isinstance(one, Model) else map(ModelOf, one.members.values())
            for name in self._named(kinds):
                define(self.api.unions[name] if name in self.api.unions else self.api.models[name])
            found[one.name] = one

        started: set[str] = set()
        for union in sorted(self.api.unions.values(), key=lambda union: union.name):
            define(union)
        for model in self.shown():
            define(model)
        return list(found.values())

    def decoded(self, kind: Kind, value: str, prefix: str = "") -> str:
        """The expression that decodes the non-null JSON value `value`; `value` itself where nothing is to do."""
        match kind:
            case Scalar("time" | "date"):
                return f"parse_{kind.name}({value})"
            case EnumOf(name):
                return f"{prefix}{name}({value})" if prefix else f"{table(name)}[{value}]"
            case ModelOf(name):
                return f"{prefix}{name}.decode__({value})"
            case UnionOf(name):
                return f"{prefix}read_{snake(name)}({value})"
            case ListOf(item):
                inner = self.decoded(item, "i", prefix)
                return value if inner == "i" else f"[{inner} for i in {value}]"
            case MapOf(item):
                inner = self.decoded(item, "i", prefix)
                return value if inner == "i" else f"{{k: {inner} for k, i in {value}.items()}}"
            case Nullable(item):
                inner = self.decoded(item, value, prefix)
                return value if inner == value else f"None if {value} is None else {inner}"
            case _:
                return value

    def decoder(self, kind: Kind, prefix: str = "") -> str | None:
        """The same as a function."""
        match kind:
            case Scalar("time" | "date"):
                return f"parse_{kind.name}"
            case EnumOf(name):
                return f"{table(name)}.__getitem__"
            case ModelOf(name):
                return f"{prefix}{name}.from_dict"
            case UnionOf(name):
                return f"{prefix}read_{snake(name)}"
            case _:
                expression = self.decoded(kind, "v", prefix).replace(".decode__(", ".from_dict(")
                return None if expression == "v" else f"lambda v: {expression}"

    def leading(self, body: Model) -> list[Field]:
        """The required properties that a body begins with."""
        return list(takewhile(lambda f: f.required, body.fields))

    def wires(self, model: Model) -> str:
        """The JSON names of a model's properties; `?` marks an optional one."""
        text = " ".join(f.wire + "?" * (not f.required) for f in model.fields)
        lines = textwrap.wrap(text, 100, break_long_words=False)
        return " ".join(python(line + " " * (line is not lines[-1])) for line in lines)

    def assignments(self, model: Model) -> list[str]:
        """What sets a model's attributes from `data`; up to three that stand together in one line."""
        lines: list[str] = []
        targets: list[str] = []
        sources: list[str] = []

        def flush() -> None:
            if targets:
                lines.append(f"{', '.join(targets)} = {', '.join(sources)}")
                targets.clear()
                sources.clear()

        for f in model.fields:
            target, source = f"self.{f.name}", self.argument(f)
            if " if " in source:
                flush()
                lines.append(f"{target} = {source}")
                continue
            if len(f"{', '.join([*targets, target])} = {', '.join([*sources, source])}") > LINE or len(targets) == 3:
                flush()
            targets.append(target)
            sources.append(source)
        flush()
        return lines

    def wrapped(self, names: Iterable[str]) -> list[str]:
        """Names, which are plain words, as texts of a list, as many in a line as there is room for."""
        return textwrap.wrap("".join(f'"{name}", ' for name in names), LINE)

    def argument(self, field: Field) -> str:
        """The argument of the constructor, from `data`."""
        key = python(field.wire)
        source = f"data[{key}]" if field.required else f"data.get({key}, UNSET)"
        if (expression := self.decoded(field.kind, "v")) == "v":
            return source
        if field.required and not field.nullable:
            return self.decoded(field.kind, source)
        tests = ["v is UNSET"] * (not field.required) + ["v is None"] * field.nullable
        tests[0] = tests[0].replace("v", f"(v := {source})")
        return f"v if {' or '.join(tests)} else {expression}" if len(tests) > 1 else (
            f"{'UNSET' if not field.required else 'None'} if {tests[0]} else {expression}"
        )  # fmt: skip

    # --- what goes out

    def given_type(self, kind: Kind) -> str:
        """The type of an argument."""
        match kind:
            case Scalar(name) if name in GIVEN:
                return GIVEN[name]
            case FileOf():
                return "FileInput"
            case Named(name):
                return f"m.{name}Input"
            case ListOf(item):
                return f"Iterable[{self.given_type(item)}]"
            case MapOf(value):
                return f"Mapping[str, {self.given_type(value)}]"
            case Nullable(inner):
                return f"{self.given_type(inner)} | None"
            case _:
                return self.type(kind)

    def parameter(self, field: Field) -> str:
        """A keyword argument of an operation."""
        if field.required:
            return f"{field.name}: {self.given_type(field.kind)}" + " | None" * field.nullable
        if field.nullable:
            return f"{field.name}: {self.given_type(field.kind)} | None | Unset = UNSET"
        return f"{field.name}: {self.given_type(field.kind)} | None = None"

    def checker(self, kind: Kind, place: str, prefix: str = "") -> tuple[str, str]:  # noqa: C901  # a case for each kind
        """The function that checks a value, and its further arguments."""
        match kind:
            case Scalar("text", max_length=None, min_length=low, pattern=pattern):
                where = f", {self.pattern(kind)}" if pattern else ""
                return "check_text", f", {low}{where}" if low or where else ""
            case Scalar("text", max_length=high, min_length=low):
                return "check_text_within", f", {low}, {high}, {self.pattern(kind)}"
            case Scalar("integer", minimum, maximum, multiple_of=None):
                bounds = "" if minimum is None and maximum is None else f", {minimum}"
                return "check_integer", bounds + (f", {maximum}" if maximum not in (None, MAX_INTEGER) else "")
            case Scalar("number", None, None, multiple_of=None) | Scalar("boolean" | "time" | "date" | "uuid"):
                return f"check_{kind.name}", ""
            case Scalar("number" | "integer", minimum, maximum, multiple_of=multiple):
                return f"check_{kind.name}_within", f", {minimum}, {maximum}, {multiple}"
            case Scalar("any"):
                return "check_json", ""
            case FileOf(most, types):
                return "check_file", f", {most}, {python(types)}" if types else f", {most}" if most is not None else ""
            case EnumOf(name) if self.api.enums[name].of_integers:
                return "check_integer", ""
            case EnumOf(name):
                return "check_text", "" if "" in self.api.enums[name].values.values() else ", 1"
            case MapOf(Scalar("any"), 0, None):
                return "check_json_object", ""
            case MapOf(Scalar("number", None, None, multiple_of=None), 0, None):
                return "check_number_map", ""
            case MapOf(value, low, high):
                return "check_map", f", {self.check_one(value, place, prefix)}" + limits(low, high)
            case ListOf(item, low, high):
                function = "check_unique" if kind.unique else "check_items"
                return function, f", {self.check_one(item, place, prefix)}" + limits(low, high)
            case _:
                raise NotCovered(place, f"no check is known for {kind}")

    def pattern(self, kind: Scalar) -> str:
        """The expression of its pattern."""
        return f"PATTERNS[{self.patterns.index(kind.pattern)}]" if kind.pattern else "None"

    def check_one(self, kind: Kind, place: str, prefix: str) -> str:
        """The function that checks one item of a list."""
        if isinstance(kind, Nullable):
            return f"lambda i: None if i is None else ({self.check_one(kind.kind, place, prefix)})(i)"
        if isinstance(kind, ModelOf | UnionOf):
            return f"{prefix}take_{snake(kind.name)}"
        function, more = self.checker(kind, place, prefix)
        return f'lambda i: {function}(i, ""{more})'

    def checked(self, field: Field, value: str, name: str, place: str, prefix: str = "") -> str:
        """The expression that checks `value` and gives what goes on the wire."""
        if isinstance(field.kind, ModelOf | UnionOf):
            expression = f"{prefix}take_{snake(field.kind.name)}({value})"
        else:
            function, more = self.checker(field.kind, place, prefix)
            expression = f"{function}({value}, {python(name)}{more})"
        return f"None if {value} is None else {expression}" if field.nullable else expression

    def rewrites(self, kind: Kind) -> bool:
        """Whether a check gives another value than it was given."""
        return not isinstance(kind, Scalar) or kind.name in GIVEN

    def path(self, operation: Operation) -> str:
        """The f-string of the path."""
        path = operation.route
        for p in operation.parameters:
            path = path.replace(f"{{{p.wire}}}", f"{{{self.segment(p, operation.id)}}}")
        written = f'f"{path}"' if operation.parameters else python(path)
        query = self.pairs(operation, "query")
        return f"{written} + query_string({query})" if query else written

    def segment(self, p: Field, place: str) -> str:
        """What writes a parameter into the path."""
        function, more = self.checker(p.kind, place)
        if function == "check_text":
            return f"quote_segment({p.name}, '{p.name}'{more})"
        return f"quote_segment(plain_text({function}({p.name}, '{p.name}'{more})), '{p.name}')"

    def pairs(self, operation: Operation, where: str) -> str:
        """The parameters that are outside of the path: how each is called on the wire and in Python, and its value."""
        return ", ".join(
            f"({python(p.wire)}, {python(p.name)}, {self.other(p, operation.id)})"
            for p in operation.others
            if p.where == where
        )

    def other(self, p: Parameter, place: str) -> str:
        """The value of such a parameter, checked; a tuple where commas hold a list together."""
        checked = self.checked(p, p.name, p.name, place, "m.")
        whole = f"(*{checked},)" if isinstance(p.kind, ListOf) and not p.explode else checked
        return whole if p.required else f"None if {p.name} is None else {whole}"

    def signature(self, operation: Operation) -> str:
        names = [f.name for f in operation.arguments]
        if len(set(names)) != len(names):
            raise NotCovered(operation.id, f"two arguments of one name in {names}")
        parameters = [f"{f.name}: {self.given_type(f.kind)}" for f in operation.positional]
        if operation.keywords:
            parameters += ["*", *(self.parameter(f) for f in operation.keywords)]
        return ", ".join(parameters)

    def passed_on(self, operation: Operation) -> str:
        """The arguments of a call that hands on its own, which have the same names."""
        return ", ".join([*(f.name for f in operation.positional), *(f"{f.name}={f.name}" for f in operation.keywords)])

    def result(self, operation: Operation, prefix: str = "") -> str:
        """The type of what a call gives."""
        if operation.paging:
            assert isinstance(operation.paging.items.kind, ListOf)
            return f"Slice[{self.type(operation.paging.items.kind.item, prefix)}]"
        return "None" if operation.result is None else self.type(operation.result, prefix)

    def reader(self, operation: Operation) -> str:
        """What reads the answers to a call."""
        match operation.result:
            case None:
                return "type(None)"
            case FileOf():
                return "None"
            case ModelOf(name):
                return f"m.{name}"
            case kind:
                decode = self.decoder(kind, "m.")
                return f"answer_of({'list' if isinstance(kind, ListOf) else 'dict'}{f', {decode}' * bool(decode)})"

    def key(self) -> Scalar:
        """The kind of an idempotency key."""
        kinds = [f.kind for o in self.api.operations if o.body for f in o.body.fields if f.wire == IDEMPOTENCY_KEY]
        return kinds[0] if kinds and isinstance(kinds[0], Scalar) else Scalar("text", min_length=1)

    def idempotency_field(self, operation: Operation) -> str | None:
        """The property of the body that takes the idempotency key."""
        wires = [f.wire for f in operation.body.fields] if operation.body else []
        return IDEMPOTENCY_KEY if IDEMPOTENCY_KEY in wires else None

    def echoes(self, operation: Operation) -> list[Field]:
        """The parameters of the path that the answer repeats: as text that is always there, under the same name."""
        fields = self.api.models[operation.result.name].fields if isinstance(operation.result, ModelOf) else ()
        texts = {f.wire for f in fields if isinstance(f.kind, Scalar) and f.kind.name == "text" and f.required}
        return [p for p in operation.parameters if p.wire in texts]

    def shown(self) -> list[Model]:
        """The models that a person meets: not the bodies, which are arguments, nor the envelopes, which are opened."""
        taken = {o.body.name for o in self.api.operations if o.body}
        used = self.results | self.events | (self.given - taken)
        wrapped = {name for name, model in self.api.models.items() if [f.wire for f in model.fields] == ["data"]}
        return [
            model
            for name, model in sorted(self.api.models.items())
            if name in used or name not in taken | wrapped
        ]  # fmt: skip


def limits(low: int, high: int | None) -> str:
    """The further arguments of a check, how many items there may be."""
    return f", {low}, {high}" if high is not None else f", {low}" if low else ""


def table(enum: str) -> str:
    return f"_{snake(enum)}"
