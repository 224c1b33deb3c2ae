"""What does a schema allow, however it was written? Its normal form: references, `allOf`, unions and null resolved.

A schema is a list of cases, each of one JSON type: `type: [string, integer]` and `anyOf: [string, integer]` are the
same two. What has schemas within (properties, items) holds them raw, so that a schema may lead back to itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final, TypeAlias

from codegen.keywords import JUDGED, PROSE
from codegen.references import References, Unresolved, is_list, is_object, name_of

Schemas: TypeAlias = tuple[Any, ...]
"""Raw schemas that a value must fit all of; none where anything fits."""

TYPES: Final[dict[str, frozenset[str]]] = {
    "null": frozenset({"null"}),
    "boolean": frozenset({"boolean"}),
    "integer": frozenset({"integer"}),
    "number": frozenset({"integer", "fraction"}),
    "string": frozenset({"string"}),
    "array": frozenset({"array"}),
    "object": frozenset({"object"}),
}
ANY: Final = frozenset[str]().union(*TYPES.values())
GROUPS: Final = ("null", "boolean", "number", "string", "array", "object")
LOWER: Final = ("minimum", "minLength", "minItems", "minProperties")
OF_GROUP: Final = {"number": ("minimum", "maximum"), "string": ("minLength", "maxLength"),
                   "array": ("minItems", "maxItems"), "object": ("minProperties", "maxProperties")}  # fmt: skip
ANNOTATED_FORMATS: Final = ("int64", "float", "double")
"""Formats of numbers that every number we send or read fits."""
MOST_ALTERNATIVES: Final = 1024
"""A schema whose unions multiply to more is not judged."""


class Unjudgeable(Exception):
    """What is here cannot be judged: it is malformed, or too much."""


@dataclass(frozen=True)
class Bound:
    """A limit, as it counts and as it was written."""

    value: Fraction
    exclusive: bool
    keyword: str
    written: Any


@dataclass(frozen=True)
class Choice:
    """Some sets of properties, of which one must be there: any, or exactly one where it is exclusive."""

    sets: frozenset[frozenset[str]]
    exclusive: bool = False


@dataclass(eq=False)
class Case:
    """What a schema allows of one JSON type."""

    group: str
    types: frozenset[str]
    names: tuple[str, ...] = ()
    """The components that led here, below the schema itself."""
    key: tuple[int, ...] = ()
    """Which raw schemas it was made of."""
    node: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    """Prose, and keywords without a rule."""
    values: dict[str, Any] | None = None
    bounds: dict[str, Bound] = field(default_factory=dict[str, Bound])
    multiple: Fraction | None = None
    patterns: frozenset[str] = frozenset()
    formats: frozenset[str] = frozenset()
    unique: bool = False
    properties: dict[str, Schemas] = field(default_factory=dict[str, Schemas])
    required: frozenset[str] = frozenset()
    additional: Schemas = ()
    choices: frozenset[Choice] = frozenset()
    prefix: tuple[Schemas, ...] = ()
    items: Schemas = ()

    @property
    def free(self) -> bool:
        """Whether every value of its type fits, as far as is known without looking within."""
        return not (
            self.node.keys() - {*PROSE} or self.values is not None or self.bounds or self.multiple or self.patterns
            or self.formats or self.unique or self.properties or self.required or self.additional or self.choices
            or self.prefix or self.items
        )  # fmt: skip

    @property
    def closed(self) -> bool:
        return any(schema is False for schema in self.additional)


@dataclass(eq=False)
class Shape:
    """What a schema allows."""

    names: tuple[str, ...]
    node: dict[str, list[Any]]
    """Prose, keywords without a rule, and those that count where the schema stands, such as `default`."""
    cases: dict[str, list[Case]]
    discriminator: str | None
    mapping: dict[str, str]
    """The tag of each component, where the document lists them."""
    alone: list[Case]
    """Of a `oneOf`, the cases as they were written: a value may fit one of them only."""

    @property
    def types(self) -> frozenset[str]:
        return frozenset[str]().union(*(case.types for cases in self.cases.values() for case in cases))

    @property
    def values(self) -> dict[str, Any] | None:
        """All values that fit, where they are listed."""
        cases = [case for cases in self.cases.values() for case in cases]
        if any(case.values is None for case in cases):
            return None
        return {key: value for case in cases for key, value in (case.values or {}).items()}


def canonical(value: Any) -> str:
    """A JSON value as a text that is the same for equal values."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=True)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    if is_object(value):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if is_list(value) else value


def type_of(value: Any) -> str:
    """The type of a JSON value, as one of `ANY`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if value == value // 1 else "fraction"
    return "string" if isinstance(value, str) else "array" if is_list(value) else "object"


def group_of(kind: str) -> str:
    return "number" if kind in ("integer", "fraction") else kind


def exactly(schema: Mapping[str, Any], keyword: str, kind: type[Any], none: Any) -> Any:
    """A keyword's value of this kind; `none` where it is not there.

    Raises:
        Unjudgeable: it is of another kind.
    """
    value = schema.get(keyword, none)
    if not isinstance(value, kind):
        raise Unjudgeable(f"`{keyword}` is {type(value).__name__}")
    return value


def texts(schema: Mapping[str, Any], keyword: str) -> list[str]:
    """A keyword's list of texts."""
    found: list[Any] = exactly(schema, keyword, list, [])
    if not all(isinstance(text, str) for text in found):
        raise Unjudgeable(f"`{keyword}` has something that is no text")
    return found


def exact(keyword: str, value: Any) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unjudgeable(f"`{keyword}` is {value!r}, and no number")
    return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)


@dataclass
class Parts:
    """A schema taken apart: what a value must fit, and the unions that are still to choose from."""

    atoms: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list[tuple[int, Mapping[str, Any]]])
    """Schemas with what they say themselves, in the order of the text; how deep each one was."""
    unions: list[tuple[str, list[Any]]] = field(default_factory=list[tuple[str, list[Any]]])
    choices: frozenset[Choice] = frozenset()
    names: tuple[str, ...] = ()
    impossible: bool = False
    exclusive: bool = False
    """Whether one of them was a `oneOf`."""

    @property
    def key(self) -> tuple[Any, ...]:
        return (
            tuple(sorted({id(atom) for _, atom in self.atoms})),
            tuple(sorted({id(union) for _, union in self.unions})),
            self.choices,
            self.impossible,
        )


def structure(schema: Mapping[str, Any]) -> bool:
    """Whether a schema says something besides how it is put together."""
    return bool(schema.keys() - {"$ref", "allOf", "oneOf", "anyOf", "$defs", "definitions"})


def choice(keyword: str, members: list[Any]) -> Choice | None:
    """A union that only asks for properties, as the choice that it is."""
    sets: list[frozenset[str]] = []
    for member in members:
        if not is_object(member) or "required" not in member or member.keys() - {"required", *PROSE}:
            return None
        sets.append(frozenset(texts(member, "required")))
    return Choice(frozenset(sets), exclusive=keyword == "oneOf")


class Normal:
    """The normal forms of one document's schemas, each made once."""

    def __init__(self, references: References) -> None:
        self.references = references
        self._shapes: dict[tuple[Any, ...], Shape | Unjudgeable] = {}
        self._raw: dict[tuple[int, ...], tuple[Any, ...]] = {}

    def shape(self, schemas: Schemas) -> Shape:
        """The normal form of schemas that a value must fit all of.

        Raises:
            Unjudgeable: they have none.
        """
        raw = tuple(map(id, schemas))
        key = self._raw.get(raw)
        if key is None:
            try:
                parts = self._settle(schemas, Parts())
                key = (*parts.key, parts.names[-1:])
                if key not in self._shapes:
                    self._shapes[key] = self._normal(parts)
            except (Unjudgeable, Unresolved) as error:
                key = ("unjudgeable", raw)
                self._shapes[key] = Unjudgeable(str(error))
            self._raw[raw] = key
        found = self._shapes[key]
        if isinstance(found, Unjudgeable):
            raise found
        return found

    def values(self, schemas: Schemas) -> dict[str, Any] | None:
        """All values that fit, where they are listed and can be judged."""
        try:
            return self.shape(schemas).values
        except (Unjudgeable, Unresolved):
            return None

    def marked(self, schemas: Schemas, keyword: str) -> bool:
        """Whether a schema says `readOnly` or `writeOnly` of itself."""
        try:
            return True in self.shape(schemas).node.get(keyword, ())
        except (Unjudgeable, Unresolved):
            return False

    def disjoint(self, one: Case, other: Case) -> bool:
        """Whether no value fits both, as far as that shows."""
        if not one.types & other.types:
            return True
        if one.values is not None and other.values is not None:
            return not one.values.keys() & other.values.keys()
        for listed, limited in ((one, other), (other, one)):
            if listed.values is not None and limited.group in ("number", "string"):
                return not any(within(limited, value) for value in listed.values.values())
        for low, high in (OF_GROUP[one.group],) if one.group in OF_GROUP else ():
            for below, above in (
                (one.bounds.get(high), other.bounds.get(low)),
                (other.bounds.get(high), one.bounds.get(low)),
            ):
                if below and above and below.value < above.value:
                    return True
        for name in one.properties.keys() & other.properties.keys() & one.required & other.required:
            tags = self.values(one.properties[name]), self.values(other.properties[name])
            if tags[0] is not None and tags[1] is not None and not tags[0].keys() & tags[1].keys():
                return True
        return False

    def _settle(self, schemas: Iterable[Any], base: Parts) -> Parts:  # noqa: C901  (one loop with its own stack, a branch a step)
        """Take schemas apart, beside what is known already."""
        made = Parts(list(base.atoms), list(base.unions), base.choices, base.names, base.impossible, base.exclusive)
        seen = {id(atom) for _, atom in made.atoms}
        unions = {id(union) for _, union in made.unions}
        open_, visited = set[int](), set[int]()
        todo: list[tuple[str, Any, int]] = [("visit", schema, 0) for schema in reversed([*schemas])]
        while todo:
            step, schema, depth = todo.pop()
            if step == "leave":
                open_.discard(id(schema))
            elif step == "emit":
                made.atoms.append((depth, schema))
            elif schema is False:
                made.impossible = True
            elif schema is not True:
                if not is_object(schema):
                    raise Unjudgeable(f"a schema is {type(schema).__name__}")
                if id(schema) in open_:
                    raise Unjudgeable("the schema refers to itself, and to nothing else")
                if id(schema) in visited:
                    continue
                visited.add(id(schema))
                open_.add(id(schema))
                steps: list[tuple[str, Any, int]] = []
                fresh = id(schema) not in seen and structure(schema)
                seen.add(id(schema))
                for keyword in schema:
                    if keyword == "$ref":
                        made.names += (name_of(str(schema["$ref"])),)
                        steps.append(("visit", self.references.target(schema["$ref"]), depth + 1))
                    elif keyword == "allOf":
                        steps += [("visit", part, depth + 1) for part in exactly(schema, keyword, list, [])]
                    elif keyword in ("anyOf", "oneOf"):
                        members: list[Any] = exactly(schema, keyword, list, [])
                        if not members:
                            raise Unjudgeable(f"`{keyword}` is empty")
                        if (asked := choice(keyword, members)) is not None:
                            made.choices |= {asked}
                        elif id(members) not in unions:
                            unions.add(id(members))
                            made.unions.append((keyword, members))
                    elif keyword == "properties" and fresh:
                        fresh = False
                        steps.append(("emit", schema, depth))
                if fresh:
                    steps.insert(0, ("emit", schema, depth))
                todo += reversed([*steps, ("leave", schema, depth)])
        return made

    def _alternatives(self, start: Parts) -> list[Parts]:
        """The ways to choose from all unions."""
        made: list[Parts] = []
        todo, seen = [start], {start.key}
        for parts in todo:
            if len(todo) > MOST_ALTERNATIVES:
                raise Unjudgeable(f"its unions multiply to more than {MOST_ALTERNATIVES} alternatives")
            if parts.impossible:
                continue
            if not parts.unions:
                made.append(parts)
                continue
            (keyword, members), *others = parts.unions
            exclusive = parts.exclusive or keyword == "oneOf"
            rest = Parts(parts.atoms, others, parts.choices, parts.names, exclusive=exclusive)
            for member in members:
                found = self._settle((member,), rest)
                if found.key not in seen:
                    seen.add(found.key)
                    todo.append(found)
        return made

    def _normal(self, start: Parts) -> Shape:
        alternatives = self._alternatives(start)
        made: list[tuple[Parts, list[Case]]] = [(parts, self._cases(parts)) for parts in alternatives]
        real = [parts for parts, cases in made if any(case.group != "null" for case in cases)] or [start]
        first, *others = ({id(atom) for _, atom in parts.atoms} for parts in real)
        everywhere = first.intersection(*others)
        base = [(depth, atom) for depth, atom in real[0].atoms if id(atom) in everywhere]
        names = tuple(
            name for name, *others in zip(*(parts.names for parts in real), strict=False) if {*others} <= {name}
        )
        groups: dict[str, list[Case]] = {}
        for parts, cases in made:
            own = said([(depth, atom) for depth, atom in parts.atoms if id(atom) not in everywhere])
            own.pop("discriminator", None)
            for case in cases:
                case.names = parts.names[len(names) :]
                case.node = own
                groups.setdefault(case.group, []).append(case)
        node = said(base)
        tag, mapping = discriminator(node.pop("discriminator", []))
        for _, atom in base:
            for keyword in ("default", "readOnly", "writeOnly"):
                if keyword in atom:
                    node.setdefault(keyword, []).append(atom[keyword])
        return Shape(
            names,
            node,
            {group: simplified(groups[group]) for group in GROUPS if group in groups},
            tag,
            mapping,
            [case for group in groups.values() for case in group] if any(parts.exclusive for parts in real[1:]) else [],
        )

    def _cases(self, parts: Parts) -> list[Case]:  # noqa: C901  (one pass, a branch a keyword)
        """What fits all of these, a case for each type."""
        types, nullable = ANY, False
        values: dict[str, Any] | None = None
        for _, atom in parts.atoms:
            own, listed = stated_types(atom), stated_values(atom)
            if atom.get("nullable") is True:
                nullable = nullable or "type" not in atom
                own |= {"null"}
                if listed is not None:
                    listed[canonical(None)] = None
            types &= own
            if listed is not None:
                values = listed if values is None else {k: v for k, v in values.items() if k in listed}
        if nullable:
            types |= {"null"}
        if values is not None:
            values = {k: v for k, v in values.items() if type_of(v) in types}
            types &= {type_of(v) for v in values.values()} | ({"null"} if nullable else set())
        key = tuple(sorted(id(atom) for _, atom in parts.atoms))
        made: list[Case] = []
        for group in GROUPS:
            if of_group := frozenset(kind for kind in types if group_of(kind) == group):
                case = Case(group, of_group, key=key)
                if group != "null" and values is not None:
                    case.values = {k: v for k, v in values.items() if type_of(v) in of_group}
                for _, atom in parts.atoms:
                    constrain(case, atom)
                if group == "object":
                    objects(case, [atom for _, atom in parts.atoms], parts.choices)
                if settled(case):
                    made.append(case)
        return made


def said(atoms: list[tuple[int, Mapping[str, Any]]]) -> dict[str, list[Any]]:
    """The prose and the keywords without a rule, the outer first."""
    node: dict[str, list[Any]] = {}
    for _, atom in sorted(atoms, key=lambda pair: pair[0]):
        for keyword, value in atom.items():
            if keyword in PROSE or keyword not in JUDGED or keyword == "discriminator":
                node.setdefault(keyword, []).append(value)
            elif keyword == "format" and value in ANNOTATED_FORMATS:
                node.setdefault("format", []).append(value)
    return node


def discriminator(stated: list[Any]) -> tuple[str | None, dict[str, str]]:
    """The property that tells the members of a union apart, and the tag of each component."""
    for value in stated:
        if not is_object(value) or not isinstance(tag := value.get("propertyName"), str):
            raise Unjudgeable("`discriminator` has no `propertyName`")
        mapping: Mapping[str, Any] = exactly(value, "mapping", dict, {})
        if not all(isinstance(reference, str) for reference in mapping.values()):
            raise Unjudgeable("`discriminator.mapping` leads to something that is no text")
        return tag, {name_of(reference): key for key, reference in mapping.items()}
    return None, {}


def stated_types(atom: Mapping[str, Any]) -> frozenset[str]:
    stated = atom.get("type", [*TYPES])
    listed = stated if is_list(stated) else [stated]
    if not listed or not all(isinstance(name, str) and name in TYPES for name in listed):
        raise Unjudgeable(f"`type` is {stated!r}")
    return frozenset[str]().union(*(TYPES[name] for name in listed))


def stated_values(atom: Mapping[str, Any]) -> dict[str, Any] | None:
    values: list[Any] | None = exactly(atom, "enum", list, []) if "enum" in atom else None
    listed = None if values is None else {canonical(value): value for value in values}
    if "const" in atom:
        const = canonical(atom["const"])
        listed = {const: atom["const"]} if listed is None or const in listed else {}
    return listed


def constrain(case: Case, atom: Mapping[str, Any]) -> None:
    """Tighten a case of numbers, texts or arrays by what one more schema says, and any case by its limits."""
    for keyword in OF_GROUP.get(case.group, ()):
        lower = keyword in LOWER
        exclusive = f"exclusive{keyword[0].upper()}{keyword[1:]}"
        stated = [Bound(exact(keyword, atom[keyword]), atom.get(exclusive) is True, keyword, atom[keyword])
                  ] if keyword in atom else []  # fmt: skip
        if case.group == "number" and exclusive in atom and not isinstance(atom[exclusive], bool):
            stated.append(Bound(exact(exclusive, atom[exclusive]), True, exclusive, atom[exclusive]))
        for new in stated:
            if (old := case.bounds.get(keyword)) is None or tighter(old, new, lower):
                case.bounds[keyword] = new
    if case.group == "number" and "multipleOf" in atom:
        if (step := exact("multipleOf", atom["multipleOf"])) <= 0:
            raise Unjudgeable(f"`multipleOf` is {atom['multipleOf']!r}")
        case.multiple = least_multiple(case.multiple, step)
    if case.group == "string" and "pattern" in atom:
        case.patterns |= {exactly(atom, "pattern", str, "")}
    if case.group in ("string", "number") and "format" in atom:
        case.formats |= {exactly(atom, "format", str, "")} - {*ANNOTATED_FORMATS}
    if case.group == "array":
        case.unique |= exactly(atom, "uniqueItems", bool, False)
        prefix: list[Any] = exactly(atom, "prefixItems", list, [])
        items = atom.get("items", True)
        if not isinstance(items, bool) and not is_object(items):
            raise Unjudgeable(f"`items` is {type(items).__name__}")
        rest: Schemas = () if items is True else (items,)
        longest = max(len(prefix), len(case.prefix))
        before: list[Schemas] = [*case.prefix, *[case.items] * (longest - len(case.prefix))]
        stated_here: list[Schemas] = [*((schema,) for schema in prefix), *[rest] * (longest - len(prefix))]
        case.prefix = tuple((*one, *other) for one, other in zip(before, stated_here, strict=True))
        case.items = (*case.items, *rest)


def objects(case: Case, atoms: list[Mapping[str, Any]], choices: frozenset[Choice]) -> None:
    """What the object may hold. A schema has a word on what it does not name, too: what it says of all further ones."""
    holders = [a for a in atoms if a.keys() & {"properties", "additionalProperties"}]
    stated: list[tuple[Mapping[str, Any], Any]] = []
    for atom in holders:
        properties: Mapping[str, Any] = exactly(atom, "properties", dict, {})
        further = atom.get("additionalProperties", True)
        if not isinstance(further, bool) and not is_object(further):
            raise Unjudgeable(f"`additionalProperties` is {type(further).__name__}")
        stated.append((properties, further))
    for name in dict.fromkeys(name for properties, _ in stated for name in properties):
        found = (properties.get(name, further) for properties, further in stated)
        case.properties[name] = tuple(schema for schema in found if schema is not True)
    case.additional = tuple(further for _, further in stated if further is not True and further != {})
    case.required = frozenset(name for atom in atoms for name in texts(atom, "required"))
    asked = [frozenset(frozenset({name}) for name in texts(atom, "x-at-least-one-of")) for atom in atoms]
    choices |= {Choice(names) for names in asked if names}
    for one in choices:
        if len(one.sets) == 1:
            case.required |= next(iter(one.sets))
    case.choices = frozenset(
        one for one in choices
        if len(one.sets) > 1 and (one.exclusive or not any(names <= case.required for names in one.sets))
    )  # fmt: skip


def settled(case: Case) -> bool:
    """Bring what it says into one form; whether any value can fit."""
    if case.group == "number":
        if case.multiple is not None and case.multiple.denominator == 1:
            case.types -= {"fraction"}
        if case.types == {"integer"}:
            step = least_multiple(case.multiple, Fraction(1))
            case.multiple = None if step == 1 else step
            for keyword, bound in case.bounds.items():
                if keyword == "minimum":
                    value = math.floor(bound.value) + 1 if bound.exclusive else math.ceil(bound.value)
                else:
                    value = math.ceil(bound.value) - 1 if bound.exclusive else math.floor(bound.value)
                case.bounds[keyword] = Bound(Fraction(value), False, keyword, value)
    if case.group == "array" and "maxItems" in case.bounds and case.bounds["maxItems"].value < 1:
        case.prefix, case.items = (), (False,)
    for keyword in ("minLength", "minItems", "minProperties"):
        if keyword in case.bounds and case.bounds[keyword].value <= 0:
            del case.bounds[keyword]
    if case.values is not None:
        case.values = {key: value for key, value in case.values.items() if within(case, value)}
        if case.group == "boolean" and len(case.values) == 2:
            case.values = None
        elif case.group in ("number", "string"):
            case.bounds, case.multiple = {}, None  # the values that are left keep them
    return case.values != {}


def tighter(old: Bound, new: Bound, lower: bool) -> bool:
    """Whether the new limit leaves less."""
    if old.value == new.value:
        return new.exclusive and not old.exclusive
    return (new.value > old.value) == lower


def least_multiple(one: Fraction | None, other: Fraction) -> Fraction:
    if one is None:
        return other
    return Fraction(math.lcm(one.numerator * other.denominator, other.numerator * one.denominator),
                    one.denominator * other.denominator)  # fmt: skip


def within(case: Case, value: Any) -> bool:
    """Whether a value keeps the limits of a case, as far as they are numbers."""
    if type_of(value) not in case.types:
        return False
    size = exact("enum", value) if case.group == "number" else Fraction(0 if isinstance(value, bool) else len(value))
    for keyword, bound in case.bounds.items():
        beyond = size < bound.value if keyword in LOWER else size > bound.value
        if beyond or (size == bound.value and bound.exclusive):
            return False
    return case.group != "number" or case.multiple is None or size % case.multiple == 0


def covers(wide: Case, narrow: Case) -> bool:
    """Whether all that fits one case surely fits the other, as far as that shows without looking within."""
    if wide.group != narrow.group or not narrow.types <= wide.types:
        return False
    if wide.free or (wide.key == narrow.key and wide.choices == narrow.choices):
        return True
    if wide.group in ("array", "object") or wide.node.keys() - {*PROSE}:
        return False
    if not (wide.patterns <= narrow.patterns and wide.formats <= narrow.formats):
        return False
    if narrow.values is not None:
        listed = wide.values is None or narrow.values.keys() <= wide.values.keys()
        return listed and all(within(wide, value) for value in narrow.values.values())
    return (
        wide.values is None
        and all(
            keyword in narrow.bounds and not tighter(narrow.bounds[keyword], bound, keyword in LOWER)
            for keyword, bound in wide.bounds.items()
        )
        and (wide.multiple is None or (narrow.multiple is not None and narrow.multiple % wide.multiple == 0))
    )


def simplified(cases: list[Case]) -> list[Case]:
    """The same with lists of values in one, and without what another case allows anyway."""
    listed = [case for case in cases if case.values is not None]
    first = listed[0] if listed else None
    if first is not None and len(listed) > 1 and first.group not in ("array", "object"):
        alike = [c for c in listed if c.patterns == first.patterns and c.formats == first.formats]
        merged = Case(
            first.group, frozenset[str]().union(*(c.types for c in alike)), first.names, first.key, first.node
        )
        merged.values = {key: value for c in alike for key, value in (c.values or {}).items()}
        merged.patterns, merged.formats = first.patterns, first.formats
        if merged.group == "boolean" and len(merged.values) == 2:
            merged.values = None
        cases = [merged if case is first else case for case in cases if case is first or case not in alike]
    kept: list[Case] = []
    for index, case in enumerate(cases):
        others = [*kept, *cases[index + 1 :]]
        if len(cases) > 64 and case.group in ("array", "object"):
            others = []  # a long union of objects: none of them covers another
        if not any(covers(other, case) for other in others):
            kept.append(case)
    return kept
