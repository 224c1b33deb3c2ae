"""Does a change of a schema break, and whom? Types, values, limits, unions, objects and arrays, in both directions."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable
from typing import Any

from codegen.diff.change import Level
from codegen.diff.graph import Graph, Pair
from codegen.diff.shapes import ANY, LOWER, Bound, Case, Choice, Normal, Schemas, Shape, covers, tighter
from codegen.keywords import PROSE
from codegen.references import References, is_list, is_object

TYPED_FORMATS = frozenset({"date-time", "date", "uuid", "binary", "byte"})
"""Formats whose values have a Python type of their own."""
B, A, D, U = Level.BREAKING, Level.ADDITIVE, Level.DOCUMENTATION, Level.UNJUDGED


class Comparison:
    """The schemas of two documents, compared pair by pair."""

    def __init__(self, graph: Graph, old: References, new: References) -> None:
        self.graph = graph
        self.references = old, new
        self.old, self.new = Normal(old), Normal(new)

    def schemas(self, old: Schemas, new: Schemas, request: bool) -> Hashable:
        """Have two schemas compared; the key of the pair."""
        key = ("raw", tuple(map(id, old)), tuple(map(id, new)), request)
        self.graph.pair(key, Pair(request, lambda pair: self._resolve(old, new, pair)))
        return key

    def _resolve(self, old: Schemas, new: Schemas, pair: Pair) -> None:
        """What was written in two places and is one thing is one pair."""
        before, after = self.old.shape(old), self.new.shape(new)
        names = tuple(dict.fromkeys((*before.names[-1:], *after.names[-1:])))
        key = ("shape", id(before), id(after), pair.request)
        self.graph.pair(key, Pair(pair.request, lambda inner: self._shapes(before, after, inner), names))
        pair.within.append(("", key))

    def node(self, old: dict[str, list[Any]], new: dict[str, list[Any]], pair: Pair, step: str = "") -> None:
        for keyword in dict.fromkeys([*old, *new]):
            before, after = old.get(keyword, []), new.get(keyword, [])
            if keyword in PROSE:
                if before[:1] != after[:1]:
                    pair.say(D, keyword, f"{keyword} {verb(before, after)}", step)
            elif keyword == "default":
                if not same(before[:1], after[:1], *self.references):
                    level = D if not pair.request else A if not before else B
                    pair.say(level, keyword, f"default {told(before)} → {told(after)}", step)
            elif keyword == "format":
                if before != after:
                    pair.say(D, keyword, f"format {told(before)} → {told(after)}", step)
            elif keyword in ("readOnly", "writeOnly"):  # fields() judges them; elsewhere they say nothing
                if before[:1] != after[:1]:
                    pair.say(D, keyword, f"{keyword} {told(before)} → {told(after)}", step)
            elif not same(before, after, *self.references):
                level = D if keyword.startswith("x-") else U
                pair.say(level, "keyword", f"{keyword} {told(before)} → {told(after)}", step)

    def _shapes(self, old: Shape, new: Shape, pair: Pair) -> None:
        self.node(old.node, new.node, pair)
        self._types(old, new, pair)
        if old.discriminator and new.discriminator and old.discriminator != new.discriminator:
            pair.say(B, "discriminator", f"discriminator {old.discriminator} → {new.discriminator}")
        if pair.request and not old.alone and self._overlap(new):
            pair.say(B, "union", "a value that fits two of its members is no longer taken")
        for group in old.cases.keys() & new.cases.keys() - {"null"}:
            self._group(group, old, new, pair)

    def _overlap(self, shape: Shape) -> bool:
        """Whether a value may fit two alternatives of a `oneOf`, which refuses it then."""
        cases = shape.alone if len(shape.alone) <= 64 else []  # a longer union has tags
        return any(
            one.group == other.group and not self.new.disjoint(one, other)
            for index, one in enumerate(cases)
            for other in cases[index + 1 :]
        )

    def _types(self, old: Shape, new: Shape, pair: Pair) -> None:
        before, after = old.types, new.types
        free = {before, after} & {ANY, frozenset[str]()}
        if not free:
            if ("null" in before) != ("null" in after):
                breaks = ("null" in before) == pair.request
                text = "may be null" if "null" in after else "may no longer be null"
                pair.say(B if breaks else A, "null", text)
            before, after = before - {"null"}, after - {"null"}
        if before != after:
            fits = before <= after if pair.request else after <= before
            pair.say(A if fits else B, "type", f"type {types_told(before)} → {types_told(after)}")

    def _group(self, group: str, old: Shape, new: Shape, pair: Pair) -> None:
        """Pair the cases of two unions, by tag and then by likeness, and judge those that have no partner."""
        before, after = old.cases[group], new.cases[group]
        if len(before) == len(after) == 1:
            self._within(before[0], after[0], "", pair)
            return
        labels = self._labels(old, group, self.old), self._labels(new, group, self.new)
        tags = [{label[0]: case for case, label in side.items() if label[1]} for side in labels]
        pairs = [(tags[0][tag], tags[1][tag]) for tag in tags[0] if tag in tags[1]]
        left = [c for c in before if not any(c is one for one, _ in pairs)]
        right = [c for c in after if not any(c is other for _, other in pairs)]
        scored = [
            (score, i, j)
            for i, one in enumerate(left)
            for j, other in enumerate(right)
            if not (labels[0][one][1] and labels[1][other][1]) and (score := self._likeness(one, other)) > 0
        ]
        for _, i, j in sorted(scored, key=lambda entry: (-entry[0], entry[1], entry[2])):
            if not any(left[i] is one or right[j] is other for one, other in pairs):
                pairs.append((left[i], right[j]))
        for one, other in pairs:
            tag = labels[1][other] if labels[1][other][1] or not labels[0][one][1] else labels[0][one]
            self._within(one, other, f"<{tag[0]}>", pair)
        for case in left:
            if not any(case is one for one, _ in pairs) and not any(covers(other, case) for other in after):
                pair.say(A if pairs and not pair.request else B, "union", "removed", f"<{labels[0][case][0]}>")
        for case in right:
            if not any(case is other for _, other in pairs) and not any(covers(one, case) for one in before):
                known = len(before) > 1 and (labels[1][case][1] or not any(tag for _, tag in labels[0].values()))
                opened = pair.request or known
                text = "added" if opened else "added, where there was one kind"
                pair.say(A if opened else B, "union", text, f"<{labels[1][case][0]}>")

    def _labels(self, shape: Shape, group: str, normal: Normal) -> dict[Case, tuple[str, bool]]:
        """A name for each case of a union, and whether it is on the wire: then it survives reordering and renaming."""
        made: dict[Case, tuple[str, bool]] = {}
        taken: set[str] = set()
        for case in shape.cases[group]:
            tag = self._tag(case, shape, normal) if group == "object" else None
            label = group if tag is None else tag
            number = 1
            while (unique := label if number == 1 else f"{label} {number}") in taken:
                number += 1
            taken.add(unique)
            made[case] = (unique, tag is not None)
        return made

    def _tag(self, case: Case, shape: Shape, normal: Normal) -> str | None:
        for name in case.names:
            if name in shape.mapping:
                return shape.mapping[name]
        first = [shape.discriminator] if shape.discriminator in case.properties else []
        for wire in [*first, *case.properties]:
            values = normal.values(case.properties[wire])
            if values is not None and len(values) == 1:
                (value,) = values.values()
                return value if isinstance(value, str) else json.dumps(value)
        return case.names[-1] if shape.discriminator and case.names else None

    def _likeness(self, old: Case, new: Case) -> float:
        """How much one case of a union looks like another; 0 where it is another thing."""
        score = float(bool({*old.names} & {*new.names})) * 2
        if old.group == "object":
            both, all_ = old.properties.keys() & new.properties.keys(), old.properties.keys() | new.properties.keys()
            return score + (3 * len(both) / len(all_) if all_ else 3)
        if old.group == "array":
            before, after = self.old.shape(old.items).types, self.new.shape(new.items).types
            return score + (2 if before == after else float(bool(before & after)))
        alike = (
            old.patterns == new.patterns and old.formats == new.formats and (old.values is None) == (new.values is None)
        )
        return score + covers(new, old) + covers(old, new) + alike

    def _within(self, old: Case, new: Case, step: str, pair: Pair) -> None:
        key = ("case", id(old), id(new), pair.request)
        names = tuple(dict.fromkeys((*old.names[-1:], *new.names[-1:])))
        self.graph.pair(key, Pair(pair.request, lambda inner: self._cases(old, new, inner), names))
        pair.within.append((step, key))

    def _cases(self, old: Case, new: Case, pair: Pair) -> None:
        self.node(old.node, new.node, pair)
        safe = covers(new, old)
        self._values(old, new, safe, pair)
        self._limits(old, new, safe, pair)
        if old.group == "array":
            self._items(old, new, pair)
        elif old.group == "object":
            self._fields(old, new, pair)

    @staticmethod
    def _narrowed(tighter: bool, kind: str, text: str, pair: Pair) -> None:
        """A limit moved: that breaks where we send and it got tighter."""
        pair.say(B if tighter and pair.request else A, kind, text)

    def _values(self, old: Case, new: Case, safe: bool, pair: Pair) -> None:
        before, after = old.values, new.values
        if before is None or after is None:
            if before is not None or after is not None:
                text = "any value may be given" if after is None else f"only {listed(after.values())}"
                self._narrowed(after is not None and not safe, "enum", text, pair)
            return
        for key in sorted(before.keys() ^ after.keys()):
            gone = key in before
            value = (before if gone else after)[key]
            self._narrowed(gone, "enum", f"value {quoted(value)} {'removed' if gone else 'added'}", pair)

    def _limits(self, old: Case, new: Case, safe: bool, pair: Pair) -> None:
        for keyword in dict.fromkeys([*old.bounds, *new.bounds]):
            before, after = old.bounds.get(keyword), new.bounds.get(keyword)
            if (before and (before.value, before.exclusive)) != (after and (after.value, after.exclusive)):
                tight = after is not None and (before is None or tighter(before, after, keyword in LOWER))
                self._narrowed(tight and not safe, "bound", bounds_told(keyword, before, after), pair)
        if old.multiple != new.multiple:
            fits = new.multiple is None or (old.multiple is not None and old.multiple % new.multiple == 0)
            text = f"multipleOf {old.multiple or 'none'} → {new.multiple or 'none'}"
            self._narrowed(not fits and not safe, "multipleOf", text, pair)
        if old.patterns != new.patterns:
            text = f"pattern {listed(old.patterns)} → {listed(new.patterns)}"
            self._narrowed(not new.patterns <= old.patterns and not safe, "pattern", text, pair)
        if old.unique != new.unique:
            text = "no item may come twice" if new.unique else "items may come twice"
            self._narrowed(new.unique, "uniqueItems", text, pair)
        if old.formats != new.formats:
            text = f"format {listed(old.formats)} → {listed(new.formats)}"
            changed = old.formats ^ new.formats
            if "binary" in changed or (not pair.request and changed & TYPED_FORMATS):
                pair.say(B, "format", f"{text}: another type in Python")
            else:
                self._narrowed(not new.formats <= old.formats and not safe, "format", text, pair)

    def _items(self, old: Case, new: Case, pair: Pair) -> None:
        for index in range(max(len(old.prefix), len(new.prefix))):
            before, after = (c.prefix[index] if index < len(c.prefix) else c.items for c in (old, new))
            pair.within.append((f"[{index}]", self.schemas(before, after, pair.request)))
        if old.items or new.items:
            pair.within.append(("[]", self.schemas(old.items, new.items, pair.request)))

    def _fields(self, old: Case, new: Case, pair: Pair) -> None:
        hidden = "readOnly" if pair.request else "writeOnly"
        before, after = (self._shown(case, hidden, normal) for case, normal in ((old, self.old), (new, self.new)))
        for name in dict.fromkeys([*before, *after]):
            step, was, must = f".{name}", name in old.required, name in new.required
            if name not in after:
                pair.say(B, "property", "removed", step)
            elif name not in before:
                pair.say(B if pair.request and must and not was else A, "property",
                         "added, and required" if pair.request and must and not was else "added", step)  # fmt: skip
                if old.additional and not old.closed:  # a map may have held it
                    pair.within.append((step, self.schemas(old.additional, after[name], pair.request)))
            else:
                required(was, must, step, pair)
                pair.within.append((step, self.schemas(before[name], after[name], pair.request)))
        for name in sorted((old.required ^ new.required) - before.keys() - after.keys()):
            if name not in old.properties and name not in new.properties:
                required(name in old.required, name in new.required, f".{name}", pair)
        if pair.request:
            both = [[name for name in fields if name in before and name in after] for fields in (before, after)]
            if both[0] != both[1]:
                pair.say(A, "order", f"order on the wire is now {', '.join(after)}")
        self._choices(old, new, pair)
        self._additional(old, new, pair)

    @staticmethod
    def _shown(case: Case, hidden: str, normal: Normal) -> dict[str, Schemas]:
        """The properties that go this way."""
        return {
            name: schemas
            for name, schemas in case.properties.items()
            if False not in schemas and not normal.marked(schemas, hidden)
        }

    def _choices(self, old: Case, new: Case, pair: Pair) -> None:
        def kept(asked: Choice) -> bool:
            if asked in old.choices:
                return True
            if asked.exclusive:
                return False
            return any(names <= old.required for names in asked.sets) or any(
                all(any(names <= given | old.required for names in asked.sets) for given in choice.sets)
                for choice in old.choices
            )

        if old.choices != new.choices:
            text = f"at least one of {choices_told(old.choices)} → {choices_told(new.choices)}"
            self._narrowed(not all(map(kept, new.choices)), "at least one of", text, pair)

    def _additional(self, old: Case, new: Case, pair: Pair) -> None:
        if old.closed != new.closed:
            text = "no further properties" if new.closed else "further properties are taken"
            self._narrowed(new.closed, "additional properties", text, pair)
        elif not old.closed and (old.additional or new.additional):
            pair.within.append(("{}", self.schemas(old.additional, new.additional, pair.request)))


def required(before: bool, after: bool, step: str, pair: Pair) -> None:
    """Something is asked for, or always there, where it was not, or the other way round."""
    if before != after:
        breaks = after if pair.request else before
        text = "now required" if after else "no longer required" if pair.request else "no longer always there"
        pair.say(B if breaks else A, "required", text if pair.request or before else "now always there", step)


def same(old: Any, new: Any, before: References, after: References) -> bool:
    """Whether two values mean the same, behind all references and without what only readers see."""
    todo, seen = [(old, new)], set[tuple[int, int]]()
    while todo:
        one, other = todo.pop()
        if (is_object(one) or is_list(one)) and (is_object(other) or is_list(other)):
            if (id(one), id(other)) in seen:
                continue
            seen.add((id(one), id(other)))
            one, other = before.merged(one), after.merged(other)
        if is_object(one) and is_object(other):
            plain = [{k: v for k, v in node.items() if k not in PROSE} for node in (one, other)]
            if plain[0].keys() != plain[1].keys():
                return False
            todo += ((plain[0][key], plain[1][key]) for key in plain[0])
        elif is_list(one) and is_list(other):
            if len(one) != len(other):
                return False
            todo += zip(one, other, strict=True)
        elif one != other or isinstance(one, bool) != isinstance(other, bool):
            return False
    return True


def shown(value: Any) -> str:
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def told(values: list[Any]) -> str:
    return shown(values[0]) if values else "none"


def quoted(value: Any) -> str:
    return repr(value) if isinstance(value, str | int | float) else shown(value)


def listed(values: Iterable[Any]) -> str:
    return ", ".join(sorted(map(shown, values))) or "none"


def types_told(types: frozenset[str]) -> str:
    if types == ANY:
        return "any"
    names = types - {"fraction", "integer"} | {"number"} if "fraction" in types else types
    return " or ".join(sorted(names)) or "none"


def bounds_told(keyword: str, before: Bound | None, after: Bound | None) -> str:
    one, other = (bound.keyword if bound else keyword for bound in (before, after))
    last = other if before is None else one
    values = shown(before.written if before else None), shown(after.written if after else None)
    return f"{last} {values[0]} → {other + ' ' if last != other and after else ''}{values[1]}"


def choices_told(choices: Iterable[Choice]) -> str:
    sets = sorted(" and ".join(sorted(names)) or "nothing" for choice in choices for names in choice.sets)
    return ", ".join(sets) or "none"


def verb(before: list[Any], after: list[Any]) -> str:
    return "added" if not before else "removed" if not after else "changed"
