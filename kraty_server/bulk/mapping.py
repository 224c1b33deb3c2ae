"""How does a row become what is sent? Columns to arguments, the key, the checks; made once for a job, for speed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, Final, NamedTuple, TypeAlias

from kraty_server.bulk.actions import AT_ONCE, Action, texts, wire_name
from kraty_server.bulk.errors import MissingColumnError, SourceError
from kraty_server.bulk.keys import LONGEST, record, records, row_key
from kraty_server.bulk.source import Rows
from kraty_server_generated.types import are_plain

Prepared: TypeAlias = tuple[Any, str, bytes, tuple[Any, ...]]
"""A row that can be sent, since the client would not refuse it: the row as it was read, its key, what the journal
remembers of it, and the values of the arguments. Plain tuples of text and numbers: they wait by the thousand, and the
garbage collector looks at them only once."""
NOTHING: Final = repr(None)


class Refused(NamedTuple):
    """A row that cannot be sent."""

    row: Any
    reason: str


def is_utf8(text: str) -> bool:
    """Whether this can be encoded: it holds no half of a surrogate pair, which JSON can write."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


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
                raise MissingColumnError(column, wire, rows.columns or ())
        for column in key or ():
            if not rows.has(column):
                raise SourceError(f"no column {column!r} for the key")
        # What the key says needs no second digest. From where a value comes makes no difference.
        self._content = [name for name in action.order if key or name not in action.natural]
        self._fixed = {name: repr(value) for name, value in action.constants.items()}
        read = [argument for argument, _, _, _ in self._fields]
        self._names = tuple(dict.fromkeys([*action.constants, *read, *action.computed, *action.key_arguments]))
        self._pick = rows.picker([column for _, _, column, _ in self._fields])
        self._pick_key = rows.picker(list(key)) if key else None
        self._key = list(key or ())

    def prepare(self, rows: list[Any]) -> list[Prepared | Refused]:
        """Read and check rows: column by column where all is as usual, which takes a third of the time, else singly."""
        action = self._action
        columns = self._read_columns(rows)
        keys = None if columns is None else self._join_keys(columns, rows)
        if columns is None or keys is None:
            return list(map(self._prepare_one, rows))
        named = columns | dict.fromkeys(action.key_arguments, keys)
        if not self._passes(named):
            return list(map(self._prepare_one, rows))
        values = zip(*map(named.__getitem__, self._names), strict=True)
        return list(zip(rows, keys, records(keys, self._contents(columns, len(rows))), values, strict=True))

    def arguments(self, prepared: Prepared) -> dict[str, Any]:
        """The arguments of the call, or the row of a batch."""
        _, _, _, values = prepared
        return {name: value for name, value in zip(self._names, values, strict=True) if value is not None}

    def _contents(self, columns: Mapping[str, Sequence[Any]], count: int) -> Iterable[str]:
        """What is sent under the keys, as texts: one for each row."""
        texts = [
            map(repr, columns[name]) if name in columns and name not in self._fixed
            else repeat(self._fixed.get(name, NOTHING), count)
            for name in self._content
        ]  # fmt: skip
        return map(",".join, zip(*texts, strict=True)) if texts else repeat("", count)

    def _passes(self, columns: Mapping[str, Sequence[Any]]) -> bool:
        """Whether the client would send all these rows, as far as a look at whole columns tells.

        Its checks see one argument of one row: the type, which `_read_columns` saw to; a pattern, which plain text
        matches; and a length or a range, which only the ends of a column can exceed.
        """
        least, most = dict[str, Any](), dict[str, Any]()
        for name, column in columns.items():
            sizes = column
            if isinstance(column[0], str):
                if not are_plain(column):
                    return False
                sizes = list(map(len, column))
            elif not isinstance(column[0], int):  # what is the same for each row
                sizes = [0]
            least[name], most[name] = column[sizes.index(min(sizes))], column[sizes.index(max(sizes))]
        try:
            self._action.build([least, most])
        except (ValueError, TypeError):
            return False
        return True

    def _read_columns(self, rows: list[Any]) -> dict[str, Sequence[Any]] | None:
        """Read the cells of each argument; None where one of them needs a closer look."""
        if self._action.computed or (self._width is not None and set(map(len, rows)) != {self._width}):
            return None
        columns: dict[str, Sequence[Any]] = {
            name: [value] * len(rows) for name, value in self._action.constants.items()
        }
        for (argument, _, _, convert), cells in zip(
            self._fields, zip(*map(self._pick, rows), strict=True), strict=True
        ):
            read = AT_ONCE.get(convert)
            column = None if read is None else read(cells)
            if column is None:
                return None
            columns[argument] = column
        return columns

    def _join_keys(self, columns: Mapping[str, Sequence[Any]], rows: list[Any]) -> list[str] | None:
        """Make the keys; None where parts of one must be escaped, or it is too long."""
        natural: list[Sequence[Any]] = [columns[name] for name in self._action.natural]
        if self._pick_key is not None:
            natural = list(zip(*map(self._pick_key, rows), strict=True))
            if any(texts(column) is None for column in natural):
                return None
        for column in natural:
            parts = "".join(column)
            if "/" in parts or "%" in parts:
                return None
        prefix = self._prefix
        keys = [prefix + joined for joined in map("/".join, zip(*natural, strict=True))]
        return keys if max(map(len, keys)) <= LONGEST else None

    def _prepare_one(self, row: Any) -> Prepared | Refused:
        action = self._action
        try:
            values = self._values(row)
            if self._pick_key is None:
                natural = [values[argument] for argument in action.natural]
            else:
                natural = list[str]()
                for column, cell in zip(self._key, self._pick_key(row), strict=True):
                    if cell is None or cell == "":
                        raise ValueError(f"{column}: is missing, and the key is made of it")
                    natural.append(str(cell))
        except ValueError as error:
            return Refused(row, str(error))
        key = row_key(self._prefix, natural)
        arguments = values | dict.fromkeys(action.key_arguments, key)
        try:
            action.build([arguments])
            if not is_utf8(key):
                raise ValueError(f"{key!r} holds half of a surrogate pair, which no key can")
        except (ValueError, TypeError) as error:
            return Refused(row, str(error))
        content = ",".join([repr(values.get(name)) for name in self._content])
        return row, key, record(key, content), tuple(map(arguments.get, self._names))

    def _values(self, row: Any) -> dict[str, Any]:
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
        return values
