"""What did somebody mean who wrote a name that is none?"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: object, known: Iterable[str]) -> str:
    """Say that a name is unknown, and which known one it looks like."""
    names = list(known)
    close = get_close_matches(str(name), names, n=1)
    return f"unknown; {close[0]}?" if close else f"unknown; {', '.join(names)} would be known"
