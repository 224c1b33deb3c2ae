"""Where do rows come from? CSV, JSON Lines and Parquet files, standard input, iterables of mappings, Arrow streams."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, TextIO, TypeAlias, cast

from kraty_server import _json
from kraty_server.bulk._pyarrow import AT_ONCE, cells, pyarrow
from kraty_server.bulk.errors import SourceError

STDIN: Final = "-"
CSV_ENCODING: Final = "utf-8-sig"
"""UTF-8, with the mark at the beginning that spreadsheets write, or without."""
CELL_LIMIT: Final = 2**24
"""Characters of a cell. The csv module stops at 131,072 by itself, which a context or a parameter may exceed."""


class ArrowStream(Protocol):
    """A frame or table of polars, pandas, pyarrow, duckdb, ...: what can give its rows as an Arrow stream."""

    def __arrow_c_stream__(self, requested_schema: object = None, /) -> object:
        """Export the stream."""
        ...


SourceLike: TypeAlias = str | Path | Iterable[Mapping[str, Any]] | ArrowStream


class Rows:
    """Rows that are being read.

    Args:
        rows: the rows; sequences if there are `columns`, else mappings.
        columns: the names of all columns, where each row has the same.
        fraction: tells how much of the source was read, 0 to 1; None where nobody knows.
    """

    def __init__(
        self,
        rows: Iterator[Any],
        columns: Sequence[str] | None,
        fraction: Callable[[], float | None] = lambda: None,
    ) -> None:
        self.rows = rows
        self.columns = columns
        self.fraction = fraction
        if columns is not None and len(set(columns)) < len(columns):
            twice = sorted({name for name in columns if columns.count(name) > 1})
            raise SourceError(f"columns with the same name: {', '.join(map(repr, twice))}")

    def has(self, name: str) -> bool:
        """Tell whether there may be such a column."""
        return self.columns is None or name in self.columns

    def picker(self, names: Sequence[str]) -> Callable[[Any], Sequence[Any]]:
        """Make what takes these cells out of a row."""
        if self.columns is None:
            return lambda row: [row.get(name) for name in names]
        indices = list(map(self.columns.index, names))
        if len(indices) > 1:
            return itemgetter(*indices)
        return lambda row: [row[index] for index in indices]

    def as_mapping(self, row: Any) -> dict[str, Any]:
        """Give a row with the names of its columns."""
        return dict(row) if self.columns is None else dict(zip(self.columns, row, strict=False))


class Source:
    """What a job was given to read."""

    def __init__(self, given: SourceLike) -> None:
        self._given = given
        self._spent = False
        kind: type[Any] = type(given)
        has_stream = hasattr(kind, "__arrow_c_stream__")
        is_rows = issubclass(kind, str | Path | Iterable) and not issubclass(kind, Mapping | bytes)
        if not is_rows and not has_stream:
            raise TypeError(
                f"source: a path, `-`, an iterable of mappings or an Arrow stream is needed, got {kind.__name__}"
            )

    @contextmanager
    def open(self) -> Generator[Rows]:
        """Begin to read from the first row.

        Raises:
            SourceError: it cannot be read, or not once more.
        """
        given = self._given
        if not isinstance(given, str | Path):
            yield self._from_object(given)
        elif given == STDIN:
            self._once("standard input")
            with open(sys.stdin.fileno(), encoding=CSV_ENCODING, newline="", closefd=False) as stream:
                yield _from_csv(stream, "standard input", lambda: None)
        else:
            path = Path(given)
            suffix = path.suffix.lower()
            if suffix == ".parquet":
                with _parquet(path) as rows:
                    yield rows
            elif suffix == ".csv":
                with _opened(path) as file, TextIOWrapper(file, encoding=CSV_ENCODING, newline="") as text:
                    yield _from_csv(text, str(path), _fraction(file))
            elif suffix in (".jsonl", ".ndjson"):
                with _opened(path) as file:
                    yield _from_json_lines(file, str(path), _fraction(file))
            else:
                raise SourceError(f"{path}: a name that ends in .csv, .jsonl, .ndjson or .parquet is needed")

    def _once(self, what: str) -> None:
        if self._spent:
            raise SourceError(f"{what} can be read only once: give a path or a list, to check it first or to run again")
        self._spent = True

    def _from_object(self, given: Any) -> Rows:
        if hasattr(given, "__arrow_c_stream__"):
            pa = pyarrow("an Arrow stream")
            if isinstance(given, pa.RecordBatchReader):
                self._once("a stream of record batches")
            reader = pa.RecordBatchReader.from_stream(given)
            return Rows(cells(reader), reader.schema.names)
        if iter(given) is given:
            self._once("an iterator")
        return Rows(_mappings(given), None)


def _mappings(given: Iterable[object]) -> Iterator[Mapping[str, Any]]:
    for row in given:
        if not isinstance(row, Mapping):
            raise SourceError(f"rows must be mappings with the names of their columns, got {type(row).__name__}")
        yield cast("Mapping[str, Any]", row)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None


def _fraction(file: BinaryIO) -> Callable[[], float]:
    size = os.fstat(file.fileno()).st_size or 1
    return lambda: min(1.0, file.tell() / size)


def _from_csv(text: TextIO, name: str, fraction: Callable[[], float | None]) -> Rows:
    csv.field_size_limit(max(csv.field_size_limit(), CELL_LIMIT))
    reader = csv.reader(text, strict=True)
    rows = _readable(reader, name, lambda: reader.line_num)
    columns = next(rows, None)
    if columns is None:
        raise SourceError(f"{name}: it is empty; a first line with the names of the columns is needed")
    # A line without anything is no row. The garbage collector looks at tuples of text once, at lists again and again.
    cells: Iterator[list[str]] = rows
    return Rows(map(tuple, filter(None, cells)), columns, fraction)


def _readable(rows: Iterator[Any], name: str, line: Callable[[], int]) -> Iterator[Any]:
    try:
        yield from rows
    except csv.Error as error:
        raise SourceError(f"{name}, line {line()}: {error}") from None
    except UnicodeDecodeError as error:
        raise SourceError(f"{name}, after line {line()}: not UTF-8 ({error.reason}); save it as UTF-8") from None
    except OSError as error:
        raise SourceError(f"{name}, after line {line()}: {error.strerror}") from None


def _from_json_lines(file: BinaryIO, name: str, fraction: Callable[[], float | None]) -> Rows:
    def rows() -> Iterator[Mapping[str, Any]]:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row: object = _json.loads(line)
            except ValueError as error:
                raise SourceError(f"{name}, line {number}: not JSON ({error})") from None
            if not isinstance(row, dict):
                raise SourceError(f"{name}, line {number}: an object is needed, got {type(row).__name__}")
            yield cast("dict[str, Any]", row)

    return Rows(_readable(rows(), name, lambda: 0), None, fraction)


@contextmanager
def _parquet(path: Path) -> Generator[Rows]:
    pa = pyarrow("Parquet")
    try:
        file = pa.parquet.ParquetFile(path, pre_buffer=False)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{path}: {error}") from None
    with file:
        total = file.metadata.num_rows or 1
        done = 0

        def batches() -> Iterator[Any]:
            nonlocal done
            for batch in file.iter_batches(batch_size=AT_ONCE):
                yield batch
                done += batch.num_rows

        yield Rows(cells(batches()), file.schema_arrow.names, lambda: done / total)
