"""The modules that a page of the documentation has its readers write, as files that real servers and workers load."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(?:python|py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SQL = re.compile(r"^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def block(page: str, containing: str, kind: re.Pattern[str] = BLOCK) -> str:
    """The one block of a page that has this text in it."""
    (found,) = (source for source in kind.findall((DOCS / page).read_text("utf-8")) if containing in source)
    return str(found)
