"""What is in a form that was sent? Its fields and files, by the document: RFC 7578."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from typing import Any, Final

from kraty_server.testing.emulator.contract import FORM, Operation, read_text
from kraty_server.testing.emulator.json_body import decode_json, is_list, is_object

END: Final = b"\r\n"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file of a form, as a handler gets it."""

    filename: str
    content_type: str
    content: bytes


def decode_form(operation: Operation, raw: bytes, content_type: str) -> dict[str, Any]:
    """The fields of a form: values as the document has them, files, and lists of both.

    Raises:
        ValueError: it is no such form.
    """
    assert operation.form is not None
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_param("boundary")
    if header.get_content_type() != FORM or not isinstance(boundary, str) or not boundary:
        raise ValueError(f"the body is {content_type or 'of no type'}, and not {FORM} with a boundary")
    found: dict[str, Any] = {}
    for name, value in _parts(raw, boundary.encode("latin-1", "replace"), operation.form):
        if name in operation.lists:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise ValueError(f"the field {name!r} is there twice")
        else:
            found[name] = value
    return found


def _parts(raw: bytes, boundary: bytes, types: Mapping[str, frozenset[str]]) -> Iterator[tuple[str, Any]]:
    first, *parts = (END + raw).split(END + b"--" + boundary)
    if first or not parts or parts[-1].rstrip(END) != b"--":
        raise ValueError("the body is no form: its boundary is not where it should be")
    for part in parts[:-1]:
        head, _, content = part.removeprefix(END).partition(END + END)
        headers = HeaderParser().parsestr(head.decode("utf-8", "replace"))
        name = headers.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            raise ValueError("a part of the form has no name")
        filename = headers.get_param("filename", header="content-disposition")
        kind = str(headers.get("content-type", "text/plain"))
        name = _plain(name)
        if isinstance(filename, str):
            yield name, UploadedFile(_plain(filename), kind, content)
        elif kind.startswith("application/json"):
            yield name, decode_json(content)
        else:
            yield name, read_text(content.decode("utf-8"), types.get(name, frozenset()))


def _plain(name: str) -> str:
    """A name as it was before it was escaped."""
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def as_json(value: Any) -> Any:
    """A form as a validator of JSON can look at it: a file is text of as many characters as it has bytes."""
    if isinstance(value, UploadedFile):
        return value.content.decode("latin-1")
    if is_list(value):
        return [as_json(one) for one in value]
    return {name: as_json(one) for name, one in value.items()} if is_object(value) else value


def fingerprint_of(value: Any) -> Any:
    """What stands for a file where two bodies are compared."""
    if isinstance(value, UploadedFile):
        return [value.filename, value.content_type, hashlib.sha256(value.content).hexdigest()]
    raise TypeError(f"{type(value).__name__} is no part of a body")
