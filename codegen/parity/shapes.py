"""How is a surface told, so that two languages can be compared? Places, what is there, and of which type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self, TypeAlias


@dataclass(frozen=True)
class Shape:
    """What a value may be, in words of both languages, and whether it may be left out."""

    alternatives: frozenset[str]
    optional: bool = False

    @classmethod
    def of(cls, *alternatives: str, optional: bool = False) -> Self:
        """Make one."""
        return cls(frozenset(alternatives), optional)

    def __str__(self) -> str:
        return ("optional " if self.optional else "") + " | ".join(sorted(self.alternatives))


Members: TypeAlias = dict[str, Shape]
"""What is there: `option amount`, `result balance`, ..."""
Surface: TypeAlias = dict[str, Members]
"""Where: `wallet.credit`, `client`, `retry`, ..."""


def merged(found: Iterable[tuple[str, Shape]]) -> Members:
    """Members by name; one that is in several members of a union may be what it is in any of them."""
    members: Members = {}
    for name, shape in found:
        other = members.get(name, shape)
        members[name] = Shape(shape.alternatives | other.alternatives, shape.optional or other.optional)
    return members


def without_unit(name: str) -> str:
    """A name without the unit of its values, which the two languages have each their own of."""
    return name.removesuffix("Ms")
