"""How does the page read tables of any size? The newest rows, some at a time: keyset paging, bounded search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kraty_server.testing.emulator.state import State

ROWS: Final = 50
"""Rows of a list on one page."""
SEARCHED: Final = 10_000
"""Rows that one page searches; the search goes on with the next page."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list, the newest first."""

    rows: Sequence[Any]
    older: int | None
    """Where the next page begins, `before` this; None at the end."""
    total: int
    """Rows without any filter."""
    filtered: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition and its values."""

    sql: str
    values: tuple[Any, ...]


def like(text: str, *columns: str) -> Filter:
    """That one of these columns has a text in it, in capitals or not."""
    pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return Filter("(" + " OR ".join(f"{c} LIKE ? ESCAPE '\\'" for c in columns) + ")", (pattern,) * len(columns))


def equal(column: str, value: Any) -> Filter:
    """That a column has this value."""
    return Filter(f"{column} = ?", (value,))


def list_rows(
    state: State,
    table: str,
    *,
    columns: str = "r.*",
    joins: str = "",
    indexed: Sequence[Filter] = (),
    filters: Sequence[Filter] = (),
    before: int | None = None,
    limit: int = ROWS,
) -> Listing:
    """The newest rows of a table that fit, and where the older ones begin.

    Args:
        state: what is read; its lock is held.
        table: a name of ours. Its rows are `r` in the SQL of the others.
        columns: what is read of each row, after its `position`.
        joins: of other tables.
        indexed: conditions on `table` alone that an index answers.
        filters: conditions that are tried on `SEARCHED` rows for each page.
        before: only rows that were added before this position.
        limit: rows of a page.
    """
    inner = " AND ".join(["rowid < ?", *(f.sql for f in indexed)])
    given: list[Any] = [2**62 if before is None else before, *(v for f in indexed for v in f.values)]
    outer = " AND ".join(["1", *(f.sql for f in filters)])
    tried = f"SELECT rowid AS position, * FROM {table} WHERE {inner} ORDER BY rowid DESC LIMIT ?"  # noqa: S608  # ours
    rows = state.rows(
        f"SELECT r.position, {columns} FROM ({tried}) r {joins} WHERE {outer} ORDER BY r.position DESC LIMIT ?",  # noqa: S608
        *(*given, SEARCHED if filters else limit + 1, *(v for f in filters for v in f.values), limit + 1),
    )
    older: int | None = None
    if len(rows) > limit:
        older = rows[limit - 1]["position"]
    elif filters:
        last = f"SELECT rowid FROM {table} WHERE {inner} ORDER BY rowid DESC LIMIT 1 OFFSET ?"  # noqa: S608  # ours
        older = state.value(last, *given, SEARCHED - 1)
    return Listing(rows[:limit], older, count(state, table), bool(indexed or filters))


def count(state: State, table: str) -> int:
    """Rows of a table. SQLite counts the smallest index that it has, without reading the rows."""
    return int(state.value(f"SELECT count(*) FROM {table}"))  # noqa: S608  # a name of ours
