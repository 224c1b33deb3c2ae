"""Where is pyarrow used? Parquet and Arrow streams, in and out; imported only when one is asked for.

It brings no types, so all of it is `Any`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, Final

from kraty_server.bulk.errors import JobError

HOLDINGS: Final = frozenset({"wallet", "inventory"})
"""Results that are maps of numbers."""
AT_ONCE: Final = 4096
"""Rows that are taken out of a record batch at once."""


def pyarrow(what: str) -> Any:
    """Import pyarrow.

    Raises:
        JobError: it is not installed.
    """
    try:
        return __import__("pyarrow.parquet")
    except ModuleNotFoundError:
        raise JobError(f"{what} needs pyarrow: install kraty-server[arrow]") from None


def cells(batches: Iterable[Any]) -> Iterator[Sequence[Any]]:
    """Give the rows of record batches."""
    for batch in batches:
        for start in range(0, batch.num_rows, AT_ONCE):
            part = batch.slice(start, AT_ONCE)
            yield from zip(*(column.to_pylist() for column in part.columns), strict=True)


def write_parquet(rows: Sequence[dict[str, Any]], file: BinaryIO) -> None:
    """Write results with the same types in each file: holdings as maps, whole answers as JSON."""
    pa = pyarrow("Parquet")
    columns: dict[str, Any] = {}
    for name, first in rows[0].items():
        values = [row[name] for row in rows]
        if isinstance(first, str):
            columns[name] = pa.array(values, pa.string())
        elif name in HOLDINGS:
            columns[name] = pa.array([list(value.items()) for value in values], pa.map_(pa.string(), pa.float64()))
        else:
            columns[name] = pa.array([json.dumps(value, separators=(",", ":")) for value in values], pa.string())
    pa.parquet.write_table(pa.table(columns), file)
