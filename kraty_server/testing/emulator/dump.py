"""How is all of the state written as JSON, and read back? Every table, checked row by row."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from kraty_server.testing.emulator.json_body import is_list, is_object
from kraty_server.testing.emulator.names import nearest
from kraty_server.testing.emulator.state import TABLES, Row, State

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "TEXT": (str,),
    "JSON TEXT": (str,),
    "INTEGER": (int,),
    "REAL": (int, float),
    "BLOB": (bytes,),
}


def dump_state(state: State) -> dict[str, list[Row]]:
    """Every table as JSON holds it: bytes are `{"hex": ...}`."""
    state.keep_next_due()
    return {name: [_write_row(row) for row in _rows(state, name)] for name in TABLES}


def _rows(state: State, table: str) -> list[Row]:
    return state.rows(f"SELECT {', '.join(_columns(state, table))} FROM {table}")  # noqa: S608  # from TABLES


def _write_row(row: Row) -> Row:
    return {name: {"hex": value.hex()} if isinstance(value, bytes) else value for name, value in row.items()}


def _columns(state: State, table: str) -> dict[str, str]:
    """The columns that are stored, and their types."""
    return {row["name"]: row["type"] for row in state.rows(f"PRAGMA table_info({table})")}


def load_state(state: State, dumped: object) -> None:
    """Replace everything with what was dumped.

    Raises:
        ValueError: that is no dump; nothing is replaced.
    """
    if not is_object(dumped):
        raise ValueError("state: an object with a list of rows for each table is needed")
    if unknown := [name for name in dumped if name not in TABLES]:
        raise ValueError(f"{unknown[0]}: {nearest(unknown[0], TABLES)}")
    with state.effect():
        for name in TABLES:
            state.run(f"DELETE FROM {name}")  # noqa: S608  # a name from TABLES
            columns = _columns(state, name)
            rows = dumped.get(name, [])
            if not is_list(rows):
                raise ValueError(f"{name}: a list of rows is needed")
            for index, row in enumerate(rows):
                try:
                    state.insert(name, **_read_row(row, columns))
                except (sqlite3.Error, OverflowError, ValueError) as error:
                    raise ValueError(f"{name}[{index}]: {error}") from None
        if broken := state.one("PRAGMA foreign_key_check"):
            raise ValueError(f"{broken['table']}: a row names one of {broken['parent']} that is not there")
        if state.value("SELECT count(*) FROM clock") != 1:
            raise ValueError("clock: exactly one row is needed")
    state.setup.forget()


def _read_row(row: Any, columns: Mapping[str, str]) -> Row:
    if not is_object(row) or not row:
        raise ValueError("an object with columns is needed")
    return {name: _read_value(name, value, columns) for name, value in row.items()}


def _read_value(name: str, value: Any, columns: Mapping[str, str]) -> Any:
    if name not in columns:
        raise ValueError(f"{name}: {nearest(name, columns)}")
    if value is None:
        return None
    try:
        if is_object(value):
            value = bytes.fromhex(value["hex"])
        elif columns[name] == "JSON TEXT":
            json.loads(value)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ValueError(f"{name}: not as it was dumped") from None
    if isinstance(value, bool) or not isinstance(value, _TYPES[columns[name]]):
        raise ValueError(f"{name}: {columns[name]} is needed, got {value!r}")
    return value
