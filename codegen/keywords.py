"""Which keyword of a schema do the templates cover, and how does the diff judge it? One table for both."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class Judged(Enum):
    """How the diff judges a keyword. One that is not in the table must be the same in both documents."""

    PROSE = auto()
    """For readers: a change of it is documentation."""
    RULE = auto()
    """It decides what is on the wire, and has a rule of its own in `codegen/diff/`."""
    NOTHING = auto()
    """It says nothing by itself, as a store of schemas."""


_PROSE: Final = "title summary externalDocs xml $comment"
_RULES: Final = "$ref allOf nullable readOnly writeOnly prefixItems"
_COVERED_PROSE: Final = "description example examples deprecated"
_COVERED_RULES: Final = (
    "type enum const format properties required items additionalProperties oneOf anyOf discriminator default minimum"
    " maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems uniqueItems minLength maxLength pattern"
    " minProperties maxProperties x-at-least-one-of"
)

KEYWORDS: Final[dict[str, tuple[bool, Judged]]] = {
    **dict.fromkeys(_PROSE.split(), (False, Judged.PROSE)),
    **dict.fromkeys(_RULES.split(), (False, Judged.RULE)),
    **dict.fromkeys(("$defs", "definitions"), (False, Judged.NOTHING)),
    **dict.fromkeys(_COVERED_PROSE.split(), (True, Judged.PROSE)),
    **dict.fromkeys(_COVERED_RULES.split(), (True, Judged.RULE)),
}
"""Each keyword that is known: whether the templates cover it, and how the diff judges it."""

COVERED: Final = frozenset(name for name, (covered, _) in KEYWORDS.items() if covered)
"""What the templates can write; anything else stops generation."""
PROSE: Final = tuple(name for name, (_, judged) in KEYWORDS.items() if judged is Judged.PROSE)
"""What only readers see."""
JUDGED: Final = frozenset(KEYWORDS)
"""What the diff has a rule for."""
