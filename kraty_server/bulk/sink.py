"""Where do answers go that are what the job is for? Files of results, each complete or not there at all.

JSON Lines or Parquet. A part is written, synced and renamed before the journal says that its rows are answered; on the
next run, parts that the journal does not know are removed, and their rows read again.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeAlias

from kraty_server.bulk._pyarrow import pyarrow, write_parquet
from kraty_server.bulk.errors import JobError

Format: TypeAlias = Literal["jsonl", "parquet"]
PART_ROWS: Final = 5000
"""Rows after which a part is written."""
PART_SECONDS: Final = 30.0
"""Seconds after which it is written with fewer."""


class Sink:
    """A folder of parts.

    Args:
        folder: made where it is missing.
        form: of the parts. Parquet needs `kraty-server[arrow]`.
        complete: the names of the parts that the journal knows.

    Raises:
        JobError: it cannot be written there, or pyarrow is missing.
    """

    def __init__(self, folder: Path, form: Format, complete: Collection[str]) -> None:
        self._folder = folder
        self._form = form
        self._rows: list[dict[str, Any]] = []
        self._since = 0.0
        self._write: Callable[[list[dict[str, Any]], BinaryIO], None] = _write_json_lines
        if form == "parquet":
            pyarrow("a result in Parquet")  # before anything is read
            self._write = write_parquet
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.glob("part-*"):
                if path.name not in complete:
                    path.unlink()
        except OSError as error:
            raise JobError(f"{folder}: results cannot be written there: {error.strerror}") from None

    def add(self, row: dict[str, Any]) -> None:
        """Take a row."""
        if not self._rows:
            self._since = time.monotonic()
        self._rows.append(row)

    @property
    def is_due(self) -> bool:
        """Whether a part should be written: there is much, or it has waited long."""
        waited = time.monotonic() - self._since
        return len(self._rows) >= PART_ROWS or (bool(self._rows) and waited > PART_SECONDS)

    def write(self, number: int) -> str | None:
        """Write what there is as one part, to the disk, and give its name; None where there is nothing.

        Raises:
            JobError: it cannot be written; nothing of it counts.
        """
        if not self._rows:
            return None
        name = f"part-{number:010}.{self._form}"
        unfinished = self._folder / f"{name}.tmp"
        try:
            with unfinished.open("wb") as file:
                self._write(self._rows, file)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self._folder / name)
            _sync_folder(self._folder)
        except OSError as error:
            raise JobError(
                f"{self._folder / name}: {error.strerror}. Fix it and run the job again: these rows are read again"
            ) from None
        self._rows.clear()
        return name


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write_json_lines(rows: list[dict[str, Any]], file: BinaryIO) -> None:
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n")
