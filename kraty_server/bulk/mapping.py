"""How does a row become what is sent? Columns to arguments, the key, the checks; made once for a job, for speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kraty_server.bulk.actions import Action, wire_name
from kraty_server.bulk.errors import SourceError
from kraty_server.bulk.keys import record, row_key
from kraty_server.bulk.source import Rows


class Prepared(NamedTuple):
    """A row that can be sent."""

    row: Any
    """As it was read."""
    key: str
    record: bytes
    """What the journal remembers of it."""
    arguments: dict[str, Any]


class RowMapping:
    """Reads the cells of a row as the arguments of the call.

    Args:
        action: what is done with a row.
        job: the name that keys begin with.
        rows: what is being read.
        columns: for a field of the contract, or an argument of the call, the column that holds it.
        key: the columns that the natural key is made of; those of the action where it is None.

    Raises:
        SourceError: a column is missing.
        ValueError: `columns` names something that the action does not take.
    """

    def __init__(
        self, action: Action, job: str, rows: Rows, columns: Mapping[str, str], key: Sequence[str] | None
    ) -> None:
        self._action = action
        self._rows = rows
        self._prefix = f"{job}/"
        self._width = None if rows.columns is None else len(rows.columns)
        named = {wire_name(name): name for name in action.columns}
        chosen: dict[str, str] = {}
        for field, column in columns.items():
            argument = named.get(wire_name(field))
            if argument is None:
                known = ", ".join(named) or "none"
                raise ValueError(f"columns: {action.operation} takes no {field!r} from a column; it takes {known}")
            chosen[argument] = column
        self._fields = [
            (argument, wire_name(argument), chosen.get(argument, wire_name(argument)), convert)
            for argument, convert in action.columns.items()
            if argument in chosen or argument not in action.optional or rows.has(wire_name(argument))
        ]
        for _, wire, column, _ in self._fields:
            if not rows.has(column):
                has = ", ".join(map(repr, rows.columns or ()))
                raise SourceError(f"no column {column!r}; there are {has}. Name yours: columns={{{wire!r}: ...}}")
        for column in key or ():
            if not rows.has(column):
                raise SourceError(f"no column {column!r} for the key")
        self._pick = rows.picker([column for _, _, column, _ in self._fields])
        self._pick_key = rows.picker(list(key)) if key else None
        self._key = list(key or ())

    def prepare(self, row: Any) -> Prepared:
        """Read a row.

        Raises:
            ValueError: a cell is missing or cannot be read; the message begins with the name of the field.
        """
        action = self._action
        if self._width is not None and len(row) != self._width:
            raise ValueError(f"{len(row)} cells, but {self._width} columns")
        values: dict[str, Any] = dict(action.constants)
        for (argument, wire, _, convert), cell in zip(self._fields, self._pick(row), strict=True):
            if cell is None or cell == "":
                if argument not in action.optional:
                    raise ValueError(f"{wire}: is missing")
                continue
            try:
                values[argument] = convert(cell)
            except (ValueError, ArithmeticError) as error:
                raise ValueError(f"{wire}: {error}") from None
        if action.computed:
            whole = self._rows.as_mapping(row)
            for argument, make in action.computed.items():
                values[argument] = make(whole)
        if self._pick_key is None:
            natural = [values[argument] for argument in action.natural]
        else:
            natural = list[str]()
            for column, cell in zip(self._key, self._pick_key(row), strict=True):
                if cell is None or cell == "":
                    raise ValueError(f"{column}: is missing, and the key is made of it")
                natural.append(str(cell))
        key = row_key(self._prefix, natural)
        digests = record(key, values)
        return Prepared(row, key, digests, action.arguments(values, key))

    def check(self, prepared: Prepared) -> None:
        """Refuse what the client would not send.

        Raises:
            ValueError, TypeError: the message says why.
        """
        self._action.build([prepared.arguments])
