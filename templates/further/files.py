"""What is a file that is sent? Bytes, a path or an open file, with the name and the type that the server is told.

It is looked at here and read when it is sent. Plain Python: `make generate` copies it from `templates/further/files.py`
for a document that needs it.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from os import PathLike, fspath
from pathlib import PurePath
from typing import IO, Any, Final, NamedTuple, TypeAlias, cast

FileContent: TypeAlias = bytes | bytearray | PathLike[str] | IO[bytes]
FileInput: TypeAlias = FileContent | tuple[str, FileContent] | tuple[str, FileContent, str]
"""Bytes, a path (as a `pathlib.Path`) or a file that is open for reading bytes; or a tuple `(filename, content)` or
`(filename, content, content_type)`.

A file is read from where it stands, again for each attempt; one that cannot be rewound is sent once.
"""

_is_type: Final = re.compile(r"[\w.+-]+/[\w.+-]+(?:; ?[\w.+-]+=[\w.+-]+)*", re.ASCII).fullmatch


class FilePart(NamedTuple):
    """A file that is going to be sent."""

    name: str
    content: bytes | PathLike[str] | IO[bytes]
    filename: str
    content_type: str
    max_bytes: int | None


def check_file(value: Any, name: str, max_bytes: int | None = None, media_types: tuple[str, ...] = ()) -> FilePart:
    """Check a file: what it is, its length where it is known, and its type where the API takes some only.

    Without a filename that of the path is sent, or else the argument's name; without a type the one that goes with the
    filename, or the only one that is taken.
    """
    filename, content, content_type = "", value, None
    if isinstance(value, tuple):
        parts: list[Any] = [*value, None]
        if not 3 <= len(parts) <= 4:
            raise TypeError(f"{name}: a tuple is (filename, content) or (filename, content, content_type)")
        filename, content, content_type, *_ = parts
        if not isinstance(filename, str) or not filename:
            raise TypeError(f"{name}: the filename must be text that is not empty")
    if isinstance(content, bytearray):
        content = bytes(content)
    if isinstance(content, bytes):
        if max_bytes is not None and len(content) > max_bytes:
            raise ValueError(f"{name}: at most {max_bytes} bytes are taken, got {len(content)}")
    elif isinstance(content, str):
        raise TypeError(f"{name}: text may be a path or the content; give a pathlib.Path, or bytes")
    elif not isinstance(content, PathLike) and not callable(getattr(content, "read", None)):
        raise TypeError(f"{name}: bytes, a path or an open file is needed, got {type(content).__name__}")
    elif hasattr(cast("object", content), "encoding"):
        raise TypeError(f"{name}: the file is open for text; open it with 'rb'")
    told = filename or _name_of(content) or name
    return FilePart(name, content, told, _type_of(content_type, told, name, media_types), max_bytes)


def _name_of(content: Any) -> str:
    """The name of a file, without the folders that it is in; that of an open file may be a number."""
    is_path = isinstance(content, PathLike)
    path: object = fspath(cast("PathLike[str]", content)) if is_path else getattr(content, "name", None)
    return PurePath(path).name if isinstance(path, str) else ""


def _type_of(given: Any, filename: str, name: str, media_types: tuple[str, ...]) -> str:
    if given is None:
        from mimetypes import guess_type  # only who sends files needs it

        only = media_types[0] if len(media_types) == 1 and "*" not in media_types[0] else None
        given = only or guess_type(filename)[0] or "application/octet-stream"
    if not isinstance(given, str) or not _is_type(given):
        raise ValueError(f"{name}: {given!r} is no content type, as image/png")
    kind = given.partition(";")[0].lower()
    if media_types and not any(fnmatchcase(kind, one) for one in media_types):
        raise ValueError(f"{name}: {given} is not taken, but {', '.join(media_types)}; give its type if it is one")
    return given
