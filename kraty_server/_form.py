"""How is a form with files written? As `multipart/form-data`: RFC 7578, with names escaped as browsers do it."""

from __future__ import annotations

import io
import os
import stat
import threading
from collections.abc import Iterator, Mapping
from typing import IO, Any, Final, Protocol, TypeGuard, cast

from kraty_server import _json

CHUNK: Final = 64 * 1024
"""Bytes that are read at once."""


class FilePart(Protocol):
    """A file as the generated code hands it on."""

    @property
    def name(self) -> str:
        """What errors call it: the argument's name."""
        ...

    @property
    def content(self) -> bytes | os.PathLike[str] | IO[bytes]:
        """Bytes, the path of a file, or a file that is open for reading bytes."""
        ...

    @property
    def filename(self) -> str:
        """What the server is told."""
        ...

    @property
    def content_type(self) -> str:
        """What the server is told."""
        ...

    @property
    def max_bytes(self) -> int | None:
        """The most that the API takes."""
        ...


class Form:
    """A form that is read while it is sent: the same bytes with each attempt.

    Raises:
        OSError: a file is not there, or cannot be looked at.
        ValueError: a file is longer than the API takes.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        boundary = os.urandom(16).hex()
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.failure: BaseException | None = None
        self._pieces: list[bytes | _File] = []
        for name, value in body.items():
            for one in value if _is_list(value) else [value]:
                head, content = _part(name, one)
                self._pieces += [f"--{boundary}\r\n{head}\r\n\r\n".encode(), content, b"\r\n"]
        self._pieces.append(f"--{boundary}--\r\n".encode())

    @property
    def _files(self) -> Iterator[_File]:
        return (piece for piece in self._pieces if isinstance(piece, _File))

    @property
    def length(self) -> int | None:
        """Bytes of the whole; None where a file does not tell its own."""
        lengths = [len(piece) if isinstance(piece, bytes) else piece.length for piece in self._pieces]
        return None if None in lengths else sum(cast("list[int]", lengths))

    @property
    def blocks(self) -> bool:
        """Whether anything of it is in a file."""
        return any(True for _ in self._files)

    @property
    def is_repeatable(self) -> bool:
        """Whether it can be sent (again): nothing was read yet that cannot be read twice."""
        return not any(file.was_read and not file.is_repeatable for file in self._files)

    def chunks(self) -> Iterator[bytes]:
        """Read it, from its start."""
        self.failure = None
        try:
            for piece in self._pieces:
                if isinstance(piece, bytes):
                    yield from (piece[at : at + CHUNK] for at in range(0, len(piece), CHUNK))
                else:
                    yield from piece.chunks()
        except Exception as error:
            self.failure = error
            raise


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _part(name: str, value: Any) -> tuple[str, bytes | _File]:
    """The headers and the content of one part."""
    head = f'Content-Disposition: form-data; name="{_escaped(name)}"'
    if isinstance(value, str):
        try:
            return head, value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{name}: holds half of a surrogate pair, which no form can carry") from error
    if isinstance(value, bool | int | float):
        return head, _json.dumps(value)
    if isinstance(value, dict):
        return f"{head}\r\nContent-Type: application/json", _json.dumps(value)
    part: FilePart = value
    head += f'; filename="{_escaped(part.filename)}"\r\nContent-Type: {part.content_type}'
    if isinstance(part.content, bytes):
        _demand_size(part, len(part.content))
        return head, part.content
    return head, _File(part)


def _escaped(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _demand_size(part: FilePart, size: int) -> None:
    if part.max_bytes is not None and size > part.max_bytes:
        raise ValueError(f"{part.name}: at most {part.max_bytes} bytes are taken, got {size}")


class _File:
    """A file that is read while it is sent: from where it stands, if it was given open."""

    def __init__(self, part: FilePart) -> None:
        self.part = part
        self.was_read = False
        self.length: int | None = None
        self.start = 0
        self.lock = threading.Lock()
        content = part.content
        if isinstance(content, os.PathLike):
            self.path: str | None = os.fspath(content)
            found = os.stat(self.path)
            if stat.S_ISDIR(found.st_mode):
                raise IsADirectoryError(f"{part.name}: {self.path!r} is a folder, and no file")
            if stat.S_ISREG(found.st_mode):
                self.length = found.st_size
        else:
            self.path, self.file = None, cast("IO[bytes]", content)
            if getattr(content, "seekable", bool)():
                self.start = self.file.tell()
                self.length = self.file.seek(0, io.SEEK_END) - self.start
        if self.length is not None:
            _demand_size(part, self.length)

    @property
    def is_repeatable(self) -> bool:
        return self.length is not None

    def chunks(self) -> Iterator[bytes]:
        if self.path is None:
            yield from self._read(self.file)
        else:
            with open(self.path, "rb") as file:
                yield from self._read(file)

    def _read(self, file: IO[bytes]) -> Iterator[bytes]:
        name, size = self.part.name, 0
        while chunk := self._piece(file, size):
            if not isinstance(chunk, bytes):
                raise TypeError(f"{name}: the file gives {type(chunk).__name__} and no bytes; open it with 'rb'")
            size += len(chunk)
            if self.length is None:
                _demand_size(self.part, size)
            yield chunk
        if self.length is not None and size < self.length:
            raise ValueError(f"{name}: the file ended after {size} bytes; it had {self.length} when the call was made")

    def _piece(self, file: IO[bytes], at: int) -> bytes:
        """What follows `at`: an attempt that was given up may still be reading the same file, in its thread."""
        with self.lock:
            self.was_read = True
            if self.length is None:
                return file.read(CHUNK)
            file.seek(self.start + at)
            return file.read(min(CHUNK, self.length - at))
