"""What changed between two documents, whom does it break, and which version does it ask for?

A change is judged from the side that it touches. What we send must still be taken, so a request that narrows breaks.
What we are sent must still be readable, so an answer that loses something breaks; one that widens is additive, because
the models keep unknown fields, enum values and union members. Webhooks arrive, so they are answers here.
Names of components and of path parameters are not on the wire: renaming or moving one is no change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from itertools import count
from typing import Any, Final, TypeAlias

from codegen.read import METHODS, Document, class_name

Node: TypeAlias = Mapping[str, Any]


class Level(IntEnum):
    """How bad it is. The command's exit code is 2 for breaking and 1 for additive changes, else 0."""

    DOCUMENTATION = 0
    ADDITIVE = 1
    BREAKING = 2


@dataclass(frozen=True)
class Change:
    """One change, wherever it shows."""

    level: Level
    kind: str
    text: str
    places: tuple[str, ...]
    methods: tuple[str, ...]
    """The calls of the SDK that it touches."""
    names: tuple[str, ...]
    """The generated functions and models that it touches."""


LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
EXACT: Final = ("pattern", "multipleOf", "uniqueItems")
PROSE: Final = ("description", "summary", "title", "example", "examples", "deprecated", "externalDocs", "$comment")
TYPED_FORMATS: Final = ("date-time", "date", "uuid", "binary", "byte")
"""Formats whose values have a Python type of their own."""
JUDGED: Final = {
    *("$ref", "type", "nullable", "enum", "const", "oneOf", "anyOf", "allOf", "discriminator", "format", "items"),
    *("properties", "required", "additionalProperties", "x-at-least-one-of", *LOWER, *UPPER, *EXACT, *PROSE),
}
OPERATION: Final = {
    *("operationId", "tags", "parameters", "requestBody", "responses", "x-error-codes", "security", *PROSE),
}
ANY: Final = frozenset({"string", "integer", "number", "boolean", "object", "array"})
OF_VALUE: Final = {str: "string", bool: "boolean", int: "integer", float: "number"}


@dataclass
class Shape:
    """A schema, however it was written: references followed, `allOf` merged, null taken out of types and unions."""

    node: dict[str, Any] = field(default_factory=dict[str, Any])
    names: tuple[str, ...] = ()
    types: frozenset[str] = ANY
    nullable: bool = False
    values: frozenset[Any] | None = None
    members: dict[str, Node] = field(default_factory=dict[str, Node])

    @property
    def required(self) -> set[str]:
        return set(self.node.get("required", ()))

    @property
    def properties(self) -> dict[str, Node]:
        found: dict[str, Node] = self.node.get("properties", {})
        return found


class Side:
    """One of the two documents."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def resolve(self, node: Node) -> Node:
        """Follow references; what stands beside one wins over what it leads to."""
        while "$ref" in node:
            at: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                at = at[part.replace("~1", "/").replace("~0", "~")]
            node = {**at, **{k: v for k, v in node.items() if k != "$ref"}}
        return node

    def shape(self, schema: Any) -> Shape:
        made = Shape()
        if schema is True:
            return made
        self._gather(schema, made)
        if made.node.get("const") is not None:
            made.values = frozenset({made.node["const"]})
        elif "enum" in made.node:
            made.values = frozenset(made.node["enum"]) - {None}
        stated = made.node.get("type")
        types = {stated} if isinstance(stated, str) else set(stated or ())
        if not types and made.values:
            types = {OF_VALUE[type(value)] for value in made.values}
        if not types and (made.properties or made.members):
            types = {"object"}
        made.nullable |= bool(made.node.get("nullable")) or "null" in types or None in made.node.get("enum", ())
        made.types = frozenset(types - {"null"}) or ANY
        return made

    def _gather(self, schema: Node, made: Shape) -> None:
        """Merge a schema into a shape, the outer before the inner."""
        while "$ref" in schema:
            made.names += (schema["$ref"].rpartition("/")[2],)
            beside = {k: v for k, v in schema.items() if k != "$ref"}
            schema = {**self.resolve({"$ref": schema["$ref"]}), **beside}
        for keyword, value in schema.items():
            if keyword == "properties":
                both = value.keys() & made.properties.keys()  # an envelope, and what narrows it
                parts = {name: {"allOf": [made.properties[name], value[name]]} for name in both}
                made.node[keyword] = {**value, **made.properties, **parts}
            elif keyword == "required":
                made.node[keyword] = sorted({*value, *made.required})
            elif keyword not in ("allOf", "oneOf", "anyOf"):
                made.node.setdefault(keyword, value)
        for part in schema.get("allOf", ()):
            self._gather(part, made)
        alternatives = [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
        real = [one for one in alternatives if self.resolve(one).get("type") != "null"]
        made.nullable |= len(real) < len(alternatives)
        if len(real) == 1:
            self._gather(real[0], made)
        else:
            made.members |= dict(zip(self._tags(real), real, strict=True))

    def _tags(self, members: list[Node]) -> list[str]:
        """A name for each member of a union that survives reordering and renaming."""
        tags: list[str] = []
        for member in members:
            shape = self.shape(member)
            consts = [value for value in map(self.shape, shape.properties.values()) if "const" in value.node]
            tag = str(consts[0].node["const"]) if consts else " or ".join(sorted(shape.types))
            tags.append(next(t for n in count(1) if (t := tag if n == 1 else f"{tag} {n}") not in tags))
        return tags

    def operations(self) -> Iterator[tuple[tuple[str, str], str, Node]]:
        """Every operation with its method and the shape of its path, as what to compare by, and its path."""
        for path, item in self.document.get("paths", {}).items():
            shared = self.resolve(item)
            for method in METHODS:
                if method in shared:
                    parameters = [*shared.get("parameters", ()), *shared[method].get("parameters", ())]
                    key = (method.upper(), re.sub(r"\{.*?\}", "{}", path))
                    yield key, path, {**shared[method], "parameters": parameters}

    def parameters(self, path: str, operation: Node) -> dict[tuple[str, str], Node]:
        """Parameters by what is on the wire: those of the path by their position, all others by name."""
        order = re.findall(r"\{(.*?)\}", path)
        found: dict[tuple[str, str], Node] = {}
        for node in map(self.resolve, operation["parameters"]):
            name = node["name"]
            key = str(order.index(name)) if node["in"] == "path" and name in order else name
            found[node["in"], key] = node
        return found


@dataclass(frozen=True)
class At:
    """Where we are: what to call the place, in which component, and which way its values go."""

    place: str
    anchor: str
    request: bool
    methods: tuple[str, ...]
    names: tuple[str, ...]

    def down(self, step: str) -> At:
        return At(self.place + step, self.anchor + step, self.request, self.methods, self.names)

    def within(self, *names: str) -> At:
        """The same place, in a component of these names."""
        if not names:
            return self
        modules = tuple(name for name in self.names if "." in name)
        return At(self.place, names[-1], self.request, self.methods, tuple(dict.fromkeys((*modules, *names))))


class Differ:
    def __init__(self, old: Document, new: Document) -> None:
        self.old, self.new = Side(old), Side(new)
        self.found: dict[tuple[Any, ...], tuple[Level, list[At]]] = {}
        self.open: set[tuple[int, int]] = set()

    def say(self, level: Level, kind: str, at: At, text: str) -> None:
        """Note a change; one of a component that shows in many places is one change."""
        self.found.setdefault((kind, at.anchor, at.request, text), (level, []))[1].append(at)

    def changes(self) -> list[Change]:
        made: list[Change] = []
        for (kind, _, _, text), (level, places) in self.found.items():
            made.append(
                Change(
                    level,
                    kind,
                    text,
                    tuple(dict.fromkeys(at.place for at in places)),
                    tuple(dict.fromkeys(method for at in places for method in at.methods)),
                    tuple(dict.fromkeys(name for at in places for name in at.names)),
                )
            )
        return sorted(made, key=lambda change: -change.level)

    # What is around the operations

    def run(self) -> list[Change]:
        top = At("document", "document", True, (), ())
        documents = [side.document for side in self.sides]
        for keyword in ("servers", "security"):
            before, after = (self.plain(document.get(keyword)) for document in documents)
            self.compare(Level.BREAKING, keyword, top, before, after)
        before, after = (self.plain(d.get("components", {}).get("securitySchemes")) for d in documents)
        self.compare(Level.BREAKING, "security", top, before, after)
        for keyword in ("info", "tags"):
            before, after = (document.get(keyword) for document in documents)
            self.compare(Level.DOCUMENTATION, keyword, top, before, after)
        old, new = ({key: (path, node) for key, path, node in side.operations()} for side in self.sides)
        for key in {**old, **new}:
            there, here = old.get(key), new.get(key)
            path, node = here or there or ("", {})
            name = str(node.get("operationId", f"{key[0]} {path}"))
            at = At(f"{key[0]} {path}", f"{key[0]} {path}", True, (name,), (f"api.{name}",))
            if here is None:
                self.say(Level.BREAKING, "operation", at, "removed")
            elif there is None:
                self.say(Level.ADDITIVE, "operation", at, "added")
            else:
                self.operation(there, here, at)
        self.webhooks()
        return self.changes()

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.old, self.new

    @staticmethod
    def plain(node: Any) -> Any:
        """A node without its prose."""
        if isinstance(node, Mapping):
            return {k: Differ.plain(v) for k, v in node.items() if k not in PROSE}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # JSON
        return [Differ.plain(v) for v in node] if isinstance(node, list) else node  # pyright: ignore[reportUnknownVariableType]  # JSON

    def compare(self, level: Level, kind: str, at: At, before: Any, after: Any, what: str = "") -> None:
        """Say what a value was and is, where that differs."""
        if before != after:
            self.say(level, kind, at, f"{what or kind} {shown(before)} → {shown(after)}")

    def webhooks(self) -> None:
        old, new = (side.document.get("webhooks", {}) for side in self.sides)
        for event in {**old, **new}:
            at = At(f"webhook {event}", f"webhook {event}", False, (), (f"events.{class_name(event)}",))
            if event not in new:
                self.say(Level.BREAKING, "webhook", at, "removed")
            elif event not in old:
                self.say(Level.ADDITIVE, "webhook", at, "added")
            else:
                before, after = (
                    side.resolve(side.resolve(hooks[event])["post"])
                    for side, hooks in zip(self.sides, (old, new), strict=True)
                )
                self.prose(before, after, at)
                self.contents(*self.each("requestBody", before, after), at)

    # Operations

    def each(self, keyword: str, before: Node, after: Node) -> tuple[Node | None, Node | None]:
        return (
            self.old.resolve(before[keyword]) if keyword in before else None,
            self.new.resolve(after[keyword]) if keyword in after else None,
        )

    def prose(self, before: Node, after: Node, at: At) -> None:
        for keyword in PROSE:
            if before.get(keyword) != after.get(keyword):
                self.say(Level.DOCUMENTATION, keyword, at, f"{keyword} {verb(before.get(keyword), after.get(keyword))}")

    def operation(self, before: tuple[str, Node], after: tuple[str, Node], at: At) -> None:
        (old_path, old), (new_path, new) = before, after
        self.compare(Level.BREAKING, "name", at, old.get("operationId"), new.get("operationId"), "the call")
        self.compare(Level.BREAKING, "security", at, self.plain(old.get("security")), self.plain(new.get("security")))
        self.prose(old, new, at)
        self.unknown(old, new, OPERATION, at)
        self.parameters(self.old.parameters(old_path, old), self.new.parameters(new_path, new), at)
        self.body(*self.each("requestBody", old, new), at)
        self.answers(old["responses"], new["responses"], at)
        self.codes(old.get("x-error-codes", {}), new.get("x-error-codes", {}), at)

    def parameters(self, old: dict[tuple[str, str], Node], new: dict[tuple[str, str], Node], at: At) -> None:
        for key in {**old, **new}:
            before, after = old.get(key), new.get(key)
            node = after or before or {}
            where = at.down(f" {node['in']} {node['name']}")
            if after is None:
                self.say(Level.BREAKING, "parameter", where, "removed")
            elif before is None:
                must = bool(node.get("required"))
                self.say(Level(1 + must), "parameter", where, "added, and required" if must else "added")
            else:
                self.required(bool(before.get("required")), bool(after.get("required")), where)
                self.prose(before, after, where)
                self.schema(before.get("schema", {}), after.get("schema", {}), where)

    def body(self, before: Node | None, after: Node | None, at: At) -> None:
        where = at.down(" body")
        if before is None and after is not None:
            must = bool(after.get("required"))
            self.say(Level(1 + must), "body", where, "added, and required" if must else "added")
        elif before is not None and after is None:
            self.say(Level.BREAKING, "body", where, "removed")
        elif before is not None and after is not None:
            self.required(bool(before.get("required")), bool(after.get("required")), where)
            self.contents(before, after, where)

    def contents(self, before: Node | None, after: Node | None, at: At) -> None:
        """What is in the body of a request, an answer or a webhook."""
        old, new = ((node or {}).get("content", {}) for node in (before, after))
        for media in {**old, **new}:
            if media not in new:
                self.say(Level.BREAKING, "media type", at, f"{media} removed")
            elif media not in old:
                self.say(Level.ADDITIVE, "media type", at, f"{media} added")
            else:
                self.schema(old[media].get("schema", {}), new[media].get("schema", {}), at)

    def answers(self, before: Node, after: Node, at: At) -> None:
        at = At(at.place, at.anchor, False, at.methods, at.names)
        good = [status for status in after if status.startswith("2")]
        for status in {**before, **after}:
            where = at.down(f" {status}")
            if status not in before:
                self.say(Level.ADDITIVE, "status", where, "added")
            elif status not in after:
                lost = status.startswith("2") and not good
                self.say(Level.BREAKING if lost else Level.ADDITIVE, "status", where, "removed")
            else:
                old, new = self.old.resolve(before[status]), self.new.resolve(after[status])
                names = tuple(node[status].get("$ref", "").rpartition("/")[2] for node in (before, after))
                named = where.within(*(f"responses.{name}" for name in names)) if all(names) else where
                self.prose(old, new, At(where.place, named.anchor, False, at.methods, at.names))
                self.compare(Level.ADDITIVE, "headers", where, old.get("headers"), new.get("headers"))
                self.contents(old, new, where)

    def codes(self, before: Node, after: Node, at: At) -> None:
        """Error codes: callers branch on them, so one that no longer comes breaks."""
        old, new = ({(status, code) for status, codes in node.items() for code in codes} for node in (before, after))
        for status, code in sorted(old ^ new):
            gone = (status, code) in old
            self.say(Level.BREAKING if gone else Level.ADDITIVE, "error code", at.down(f" {status}"),
                     f"{code} {'removed' if gone else 'added'}")  # fmt: skip

    # Schemas

    def required(self, before: bool, after: bool, at: At) -> None:
        if before != after:
            breaks = after if at.request else before
            text = "now required" if after else "no longer required" if at.request else "no longer always there"
            self.say(Level(1 + breaks), "required", at, text if at.request or before else "now always there")

    def narrowed(self, tighter: bool, kind: str, at: At, text: str) -> None:
        """A limit moved: that breaks where we send and it got tighter."""
        self.say(Level.BREAKING if tighter and at.request else Level.ADDITIVE, kind, at, text)

    def unknown(self, before: Node, after: Node, judged: Iterable[str], at: At) -> None:
        """Keywords that nothing here judges: better to stop than to let one pass."""
        for keyword in sorted({*before, *after} - {*judged}):
            self.compare(Level.BREAKING, "keyword", at, before.get(keyword), after.get(keyword), keyword)

    def schema(self, old: Any, new: Any, at: At) -> None:
        key = (id(old), id(new))
        if key in self.open:  # it leads back to itself
            return
        self.open.add(key)
        before, after = self.old.shape(old), self.new.shape(new)
        at = at.within(*dict.fromkeys((*before.names[-1:], *after.names[-1:])))
        self.prose(before.node, after.node, at)
        self.unknown(before.node, after.node, JUDGED, at)
        if self.types(before, after, at):
            self.values(before, after, at)
            self.bounds(before, after, at)
            self.members(before, after, at)
            self.fields(before, after, at)
            if "items" in before.node or "items" in after.node:
                self.schema(before.node.get("items", {}), after.node.get("items", {}), at.down("[]"))
        self.open.discard(key)

    def types(self, old: Shape, new: Shape, at: At) -> bool:
        """Compare types and null; whether it makes sense to go on."""
        if old.nullable != new.nullable:
            breaks = old.nullable if at.request else new.nullable
            self.say(Level(1 + breaks), "null", at, "may be null" if new.nullable else "may no longer be null")
        if old.types == new.types:
            return True
        wide: set[str] = {"integer"} if "number" in (new.types if at.request else old.types) else set()
        fits = old.types <= new.types | wide if at.request else new.types <= old.types | wide
        self.say(Level.ADDITIVE if fits else Level.BREAKING, "type", at,
                 f"type {shown_types(old.types)} → {shown_types(new.types)}")  # fmt: skip
        return bool(old.types & new.types)

    def values(self, old: Shape, new: Shape, at: At) -> None:
        if old.values == new.values:
            return
        if old.values is None or new.values is None:
            text = "any value may be given" if new.values is None else f"only {listed(new.values)}"
            self.narrowed(new.values is not None, "enum", at, text)
            return
        for value in sorted(old.values ^ new.values, key=str):
            gone = value in old.values
            self.narrowed(gone, "enum", at, f"value {value!r} {'removed' if gone else 'added'}")

    def bounds(self, old: Shape, new: Shape, at: At) -> None:
        for keyword, sign in (*((k, 1) for k in LOWER), *((k, -1) for k in UPPER)):
            before, after = (bound(shape.node, keyword) for shape in (old, new))
            if before != after:
                tighter = after is not None and (before is None or (after - before) * sign > 0)
                self.narrowed(tighter, "bound", at, f"{keyword} {shown(before)} → {shown(after)}")
        for keyword in EXACT:
            before, after = old.node.get(keyword) or None, new.node.get(keyword) or None
            if before != after:
                self.narrowed(after is not None, keyword, at, f"{keyword} {shown(before)} → {shown(after)}")
        before, after = old.node.get("format"), new.node.get("format")
        if before != after:
            text = f"format {shown(before)} → {shown(after)}"
            if not at.request and {before, after} & set(TYPED_FORMATS):
                self.say(Level.BREAKING, "format", at, f"{text}: another type in Python")
            else:
                self.narrowed(after is not None, "format", at, text)

    def members(self, old: Shape, new: Shape, at: At) -> None:
        tags = [shape.node.get("discriminator", {}).get("propertyName") for shape in (old, new)]
        if all(tags):
            self.compare(Level.BREAKING, "discriminator", at, *tags)
        if not old.members and not new.members:
            return
        for tag in {**old.members, **new.members}:
            if tag not in new.members:
                self.narrowed(True, "union", at.down(f"<{tag}>"), "removed")
            elif tag not in old.members:
                self.narrowed(False, "union", at.down(f"<{tag}>"), "added")
            else:
                self.schema(old.members[tag], new.members[tag], at.down(f"<{tag}>"))

    def fields(self, old: Shape, new: Shape, at: At) -> None:
        for name in {**old.properties, **new.properties}:
            where = at.down(f".{name}")
            if name not in new.properties:
                self.say(Level.BREAKING, "property", where, "removed")
            elif name not in old.properties:
                must = at.request and name in new.required
                self.say(Level(1 + must), "property", where, "added, and required" if must else "added")
            else:
                self.required(name in old.required, name in new.required, where)
                self.schema(old.properties[name], new.properties[name], where)
        if at.request:
            both = [
                [n for n in shape.properties if n in old.properties and n in new.properties] for shape in (old, new)
            ]
            if both[0] != both[1]:
                self.say(Level.ADDITIVE, "order", at, f"order on the wire is now {', '.join(new.properties)}")
            self.at_least_one_of(old, new, at)
        self.additional(old, new, at)

    def at_least_one_of(self, old: Shape, new: Shape, at: At) -> None:
        before, after = (set(shape.node.get("x-at-least-one-of", ())) for shape in (old, new))
        if before != after:
            tighter = bool(after) and (not before or not before <= after)
            self.narrowed(tighter, "at least one of", at, f"at least one of {listed(before)} → {listed(after)}")

    def additional(self, old: Shape, new: Shape, at: At) -> None:
        if "object" not in old.types & new.types:
            return
        before, after = (shape.node.get("additionalProperties", True) for shape in (old, new))
        closed = [value is False for value in (before, after)]
        if closed[0] != closed[1]:
            text = "no further properties" if closed[1] else "further properties are taken"
            self.narrowed(closed[1], "additional properties", at, text)
        elif not closed[0]:
            self.schema(before, after, at.down("{}"))


def bound(node: Node, keyword: str) -> float | None:
    """A bound; none where it says nothing."""
    value: float | None = node.get(keyword)
    return None if value == 0 and keyword in ("minLength", "minItems", "minProperties") else value


def shown(value: Any) -> str:
    """A value in a sentence."""
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def shown_types(types: frozenset[str]) -> str:
    return "any" if types == ANY else " or ".join(sorted(types))


def listed(values: Iterable[Any]) -> str:
    return ", ".join(sorted(map(str, values))) or "none"


def verb(before: Any, after: Any) -> str:
    return "added" if before is None else "removed" if after is None else "changed"


def diff(old: Document, new: Document) -> list[Change]:
    """Every change from one document to the other, the worst first."""
    return Differ(old, new).run()


def verdict(changes: list[Change]) -> Level | None:
    """The worst of them; None where there are none."""
    return max((change.level for change in changes), default=None)


def next_version(version: str, worst: Level | None) -> str:
    """The version that a change demands. Before 1.0 each part stands one place lower."""
    if worst is None:
        return version
    parts = [int(part) for part in version.split(".")]
    place = {Level.BREAKING: 0, Level.ADDITIVE: 1, Level.DOCUMENTATION: 2}[worst]
    place = min(2, place + (parts[0] == 0))
    return ".".join(map(str, [*parts[:place], parts[place] + 1, *[0] * (2 - place)]))


# How it is told


def summary(changes: list[Change], version: str) -> str:
    counted = ", ".join(f"{n} {level.name.lower()}" for level in reversed(Level)
                        if (n := sum(change.level is level for change in changes)))  # fmt: skip
    if not counted:
        return "no change"
    return f"{counted}: {version} → {next_version(version, verdict(changes))}"


def table(changes: list[Change], version: str) -> str:
    """For people."""
    lines: list[str] = []
    for change in changes:
        more = f" and {len(change.places) - 1} more" * (len(change.places) > 1)
        lines += [
            f"{change.level.name.lower():<14}{change.places[0]}{more}",
            f"{'':<14}{change.kind}: {change.text}",
        ]
        if touched := [*change.methods, *(name for name in change.names if not name.startswith("api."))]:
            lines.append(f"{'':<14}touches {', '.join(touched)}")
    return "\n".join([*lines, summary(changes, version)])


def markdown(changes: list[Change], version: str) -> str:
    """For a pull request."""
    if not changes:
        return "No change.\n"
    rows = [
        f"| {change.level.name.lower()} | {code(change.places)} | {escaped(f'{change.kind}: {change.text}')} "
        f"| {code(change.methods)} | {code(change.names)} |"
        for change in changes
    ]
    head = ["| | where | what | calls | generated |", "|---|---|---|---|---|"]
    return "\n".join([f"**{summary(changes, version)}**", "", *head, *rows, ""])


def code(words: tuple[str, ...]) -> str:
    shown = [f"`{escaped(word)}`" for word in words[:4]] + [f"and {len(words) - 4} more"] * (len(words) > 4)
    return "<br>".join(shown)


def escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def as_json(changes: list[Change], version: str) -> str:
    """For machines."""
    worst = verdict(changes)
    return json.dumps(
        {
            "verdict": "none" if worst is None else worst.name.lower(),
            "version": {"from": version, "to": next_version(version, worst)},
            "changes": [asdict(change) | {"level": change.level.name.lower()} for change in changes],
        },
        ensure_ascii=False,
        indent=1,
    )
