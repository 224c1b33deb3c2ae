"""Where does a change show? Pairs of schemas, each compared once, and the ways that lead to them.

A pair that holds changes may be reached from many operations, in many ways. It is compared once, and its changes are
laid at each place where a walk reaches it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from codegen.diff.change import Change, Level
from codegen.diff.shapes import Unjudgeable
from codegen.literals import printable
from codegen.references import Unresolved

MOST_PAIRS = 200_000
"""Documents with more pairs of schemas are not judged."""
MOST_PLACES = 8
"""In so many places of one body, at most, a change is shown."""
MOST_STEPS = 48
"""So deep in it, a change is shown in one place."""


@dataclass(frozen=True)
class Root:
    """Where a walk begins: what to call the place, in which component, and what of the SDK it is."""

    place: str
    anchor: str
    methods: tuple[str, ...]
    names: tuple[str, ...]

    def down(self, step: str, anchor: str | None = None) -> Root:
        return Root(self.place + step, self.anchor + step if anchor is None else anchor, self.methods, self.names)


@dataclass
class Pair:
    """Two things to compare, and what came of it."""

    request: bool
    compare: Callable[[Pair], None] | None
    """Compare them: note changes, and the pairs within."""
    names: tuple[str, ...] = ()
    """The components that they are."""
    changes: list[tuple[Level, str, str, str]] = field(default_factory=list[tuple[Level, str, str, str]])
    within: list[tuple[str, Hashable]] = field(default_factory=list[tuple[str, Hashable]])

    def say(self, level: Level, kind: str, text: str, step: str = "") -> None:
        self.changes.append((level, kind, step, text))


@dataclass(frozen=True, eq=False, repr=False)
class Arrival:
    """A pair as a walk has reached it."""

    key: Hashable
    step: str
    depth: int
    before: Arrival | None

    def way(self) -> list[Arrival]:
        """From the root to here."""
        made: list[Arrival] = [self]
        while (at := made[-1].before) is not None:
            made.append(at)
        return made[::-1]


class Graph:
    """All pairs, and all changes."""

    def __init__(self) -> None:
        self.pairs: dict[Hashable, Pair] = {}
        self.roots: list[tuple[Root, Hashable]] = []
        self.todo: deque[Pair] = deque()
        self.found: dict[tuple[str, str, bool, str], tuple[Level, list[Root]]] = {}

    def say(self, level: Level, kind: str, at: Root, text: str, *, request: bool = True) -> None:
        """Note a change; one of a component that shows in many places is one change."""
        level_now, places = self.found.setdefault((kind, at.anchor, request, text), (level, []))
        places.append(at)
        if level > level_now:
            self.found[kind, at.anchor, request, text] = (level, places)

    def pair(self, key: Hashable, pair: Pair) -> None:
        """Note a pair that is to be compared, unless it is known."""
        if key not in self.pairs:
            if len(self.pairs) >= MOST_PAIRS:
                raise Unjudgeable(f"more than {MOST_PAIRS} pairs of schemas")
            self.pairs[key] = pair
            self.todo.append(pair)

    def changes(self) -> list[Change]:
        """Compare all pairs; every change, the worst first."""
        while self.todo:
            pair = self.todo.popleft()
            if pair.compare is not None:
                try:
                    pair.compare(pair)
                except (Unjudgeable, Unresolved) as error:
                    pair.say(Level.UNJUDGED, "not judged", str(error))
                except RecursionError:
                    pair.say(Level.UNJUDGED, "not judged", "a value is nested too deeply")
        telling = self._telling()
        for root, key in self.roots:
            if key in telling:
                self._walk(root, key, telling)
        made = [
            Change(
                level,
                kind,
                printable(text),
                tuple(dict.fromkeys(printable(at.place) for at in places)),
                tuple(dict.fromkeys(printable(method) for at in places for method in at.methods)),
                tuple(dict.fromkeys(printable(name) for at in places for name in at.names)),
            )
            for (kind, _, _, text), (level, places) in self.found.items()
        ]
        return sorted(made, key=lambda change: -change.level)

    def _telling(self) -> set[Hashable]:
        """The pairs that a change is in, or below."""
        above: dict[Hashable, list[Hashable]] = {}
        for key, pair in self.pairs.items():
            for _, inner in pair.within:
                above.setdefault(inner, []).append(key)
        todo = [key for key, pair in self.pairs.items() if pair.changes]
        telling = set(todo)
        while todo:
            fresh = [key for key in above.get(todo.pop(), ()) if key not in telling]
            telling.update(fresh)
            todo += fresh
        return telling

    def _walk(self, root: Root, start: Hashable, telling: set[Hashable]) -> None:
        """Lay the changes below a root at the places where it holds them, the nearest first."""
        arrivals: dict[Hashable, int] = {start: 1}
        todo = deque([Arrival(start, "", 0, None)])
        while todo:
            at = todo.popleft()
            pair = self.pairs[at.key]
            if pair.changes:
                self._lay(root, at, pair)
            for step, key in pair.within:
                number = arrivals.get(key, 0)
                again = number < MOST_PLACES and at.depth < MOST_STEPS and all(key != up.key for up in at.way())
                if key in telling and (number == 0 or again):
                    arrivals[key] = number + 1
                    todo.append(Arrival(key, step, at.depth + 1, at))

    def _lay(self, root: Root, at: Arrival, pair: Pair) -> None:
        place, anchor, names = root.place, root.anchor, root.names
        for arrival in at.way():
            place, anchor = place + arrival.step, anchor + arrival.step
            if here := self.pairs[arrival.key].names:
                anchor = here[-1]
                names = tuple(dict.fromkeys((*(name for name in root.names if "." in name), *here)))
        for level, kind, step, text in pair.changes:
            where = Root(place + step, anchor + step, root.methods, names)
            self.say(level, kind, where, text, request=pair.request)
