"""How is a value of the document typed, decoded and checked in Python?"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from itertools import takewhile

from codegen.literals import python
from codegen.read import (
    IDEMPOTENCY_KEY,
    Api,
    Const,
    EnumOf,
    Field,
    Kind,
    ListOf,
    MapOf,
    Model,
    ModelOf,
    NotCovered,
    Operation,
    Scalar,
    Union,
    UnionOf,
    snake,
)

SCALARS = {
    "text": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "time": "datetime",
    "any": "Any",
}


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

    def __init__(self, api: Api) -> None:
        self.api = api
        self.given = api.given()
        self.results = api.reachable(ModelOf(o.result) for o in api.operations)
        self.events = api.reachable(ModelOf(name) for e in api.events for name in (e.envelope.model, e.data))
        self.of_events = self.events - self.results - self.given
        """What only webhooks need, in a module that is loaded with them."""
        texts = [kind for fields in self._all_fields() for f in fields for kind in self._leaves(f.kind)]
        self.patterns = sorted({k.pattern for k in texts if isinstance(k, Scalar) and k.pattern})
        self.admits_plain_text = PLAIN_TEXT.issuperset(self.patterns)
        self.order = [one.name for one in self.defined()]

    def _all_fields(self) -> list[tuple[Field, ...]]:
        given = [model.fields for name, model in self.api.models.items() if name in self.given]
        return (
            given + [o.parameters for o in self.api.operations] + [o.body.fields for o in self.api.operations if o.body]
        )

    def _leaves(self, kind: Kind) -> list[Kind]:
        return self._leaves(kind.item) if isinstance(kind, ListOf) else [kind]

    # --- what comes back

    def type(self, kind: Kind) -> str:
        """The type of a decoded value."""
        match kind:
            case Scalar(name):
                return SCALARS[name]
            case EnumOf(name) | ModelOf(name) | UnionOf(name):
                return name
            case ListOf(item):
                return f"list[{self.type(item)}]"
            case MapOf(value):
                return f"dict[str, {self.type(value)}]"
            case Const(value):
                return f"Literal[{python(value)}]"

    def annotation(self, field: Field, owner: Model) -> str:
        """The type of an attribute; as text where it names what is defined later: a model that leads back to itself."""
        text = self.type(field.kind) + " | None" * field.nullable + " | Unset" * (not field.required)
        early = any(self.order.index(name) >= self.order.index(owner.name) for name in self._named([field.kind]))
        return python(text) if early else text

    def _named(self, kinds: Iterable[Kind]) -> list[str]:
        """The models and unions that types name."""
        leaves = [leaf for kind in kinds for leaf in self._leaves(kind)]
        return [leaf.name for leaf in leaves if isinstance(leaf, ModelOf | UnionOf)]

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

    def decoded(self, kind: Kind, value: str) -> str:
        """The expression that decodes the non-null JSON value `value`; `value` itself where nothing is to do."""
        match kind:
            case Scalar("time"):
                return f"parse_time({value})"
            case EnumOf(name):
                return f"{table(name)}[{value}]"
            case ModelOf(name):
                return f"{name}.decode__({value})"
            case UnionOf(name):
                return f"read_{snake(name)}({value})"
            case ListOf(item):
                inner = self.decoded(item, "i")
                return value if inner == "i" else f"[{inner} for i in {value}]"
            case _:
                return value

    def decoder(self, kind: Kind) -> str | None:
        """The same as a function."""
        match kind:
            case Scalar("time"):
                return "parse_time"
            case EnumOf(name):
                return f"{table(name)}.__getitem__"
            case ModelOf(name):
                return f"{name}.from_dict"
            case UnionOf(name):
                return f"read_{snake(name)}"
            case _:
                expression = self.decoded(kind, "v").replace(".decode__(", ".from_dict(")
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
            case Scalar("time"):
                return "datetime | str"
            case Scalar("any"):
                return "object"
            case EnumOf(name) | ModelOf(name) | UnionOf(name):
                return f"m.{name}Input"
            case ListOf(item):
                return f"Iterable[{self.given_type(item)}]"
            case MapOf(value):
                return f"Mapping[str, {self.given_type(value)}]"
            case _:
                return self.type(kind)

    def parameter(self, field: Field) -> str:
        """A keyword argument of an operation."""
        if field.required:
            return f"{field.name}: {self.given_type(field.kind)}" + " | None" * field.nullable
        if field.nullable:
            return f"{field.name}: {self.given_type(field.kind)} | None | Unset = UNSET"
        return f"{field.name}: {self.given_type(field.kind)} | None = None"

    def checker(self, kind: Kind, place: str, prefix: str = "") -> tuple[str, str]:
        """The function that checks a value, and its further arguments."""
        match kind:
            case Scalar("text", min_length=low, pattern=pattern):
                where = f", {self.pattern(kind)}" if pattern else ""
                return "check_text", f", {low}{where}" if low or where else ""
            case Scalar("integer", minimum, maximum):
                bounds = "" if minimum is None and maximum is None else f", {minimum}"
                return "check_integer", bounds + (f", {maximum}" if maximum not in (None, 2**53 - 1) else "")
            case Scalar("number", None, None) | Scalar("boolean") | Scalar("time"):
                return f"check_{kind.name}", ""
            case Scalar("any"):
                return "check_json", ""
            case EnumOf(name):
                return "check_text", "" if "" in self.api.enums[name].values.values() else ", 1"
            case MapOf(Scalar("any")):
                return "check_json_object", ""
            case MapOf(Scalar("number")):
                return "check_number_map", ""
            case ListOf(item, low, high):
                limits = f", {low}, {high}" if high is not None else f", {low}" if low else ""
                return "check_items", f", {self.check_one(item, place, prefix)}{limits}"
            case _:
                raise NotCovered(place, f"no check is known for {kind}")

    def pattern(self, kind: Scalar) -> str:
        """The expression of its pattern."""
        return f"PATTERNS[{self.patterns.index(kind.pattern)}]" if kind.pattern else "None"

    def check_one(self, kind: Kind, place: str, prefix: str) -> str:
        """The function that checks one item of a list."""
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
        return not isinstance(kind, Scalar) or kind.name in ("time", "any")

    def path(self, operation: Operation) -> str:
        """The f-string of the path."""
        path = operation.route
        for p in operation.parameters:
            assert isinstance(p.kind, Scalar)
            _, more = self.checker(p.kind, operation.id)
            path = path.replace(f"{{{p.wire}}}", f"{{quote_segment({p.name}, '{p.name}'{more})}}")
        return f'f"{path}"' if operation.parameters else python(path)

    def signature(self, operation: Operation) -> str:
        parameters = [f"{p.name}: str" for p in operation.parameters]
        fields = list(operation.body.fields) if operation.body else []
        names = [p.name for p in operation.parameters] + [f.name for f in fields]
        if len(set(names)) != len(names):
            raise NotCovered(operation.id, f"two arguments of one name in {names}")
        if fields:
            parameters += ["*", *(self.parameter(f) for f in fields)]
        return ", ".join(parameters)

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
        fields = self.api.models[operation.result].fields
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


def table(enum: str) -> str:
    return f"_{snake(enum)}"
