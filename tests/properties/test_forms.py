"""A form that the SDK writes is read by the emulator as what was given, whatever its texts, names and bytes are."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from kraty_server._form import Form
from kraty_server.testing.emulator.form_body import UploadedFile, decode_form
from tests.unit.media import Part

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1)
NAMES = NAMES.filter(
    lambda name: name == name.strip() and not {*name} & {"%", "\\"}
)  # browsers leave these as they are
CONTENT = st.one_of(st.binary(), st.sampled_from([b"\r\n", b"\r\n--", b"--", b"\r\n\r\n", b"\n", b"\0" * 70_000]))
NUMBERS = st.one_of(st.integers(-(2**53) + 1, 2**53 - 1), st.booleans())


@given(file=CONTENT, name=NAMES, text=TEXT, numbers=st.lists(NUMBERS), files=st.lists(CONTENT, max_size=3))
def test_what_is_written_is_what_is_read(
    file: bytes, name: str, text: str, numbers: list[int], files: list[bytes]
) -> None:
    body: dict[str, Any] = {
        "file": Part(io.BytesIO(file), name),
        "text": text,
        "numbers": numbers,
        "more": {"text": text, "numbers": numbers},
        "files": [Part(one, "a.png") for one in files],
    }
    form = Form(body)
    raw = b"".join(form.chunks())
    assert len(raw) == form.length
    assert raw == b"".join(form.chunks())
    types: dict[str, frozenset[str]] = {"numbers": frozenset({"integer", "boolean"})}
    operation = cast(Any, SimpleNamespace(form=types, lists=frozenset({"numbers", "files"})))
    read = decode_form(operation, raw, form.content_type)
    wanted = {key: value for key, value in body.items() if value != []}
    wanted["file"] = UploadedFile(name, "image/png", file)
    if files:
        wanted["files"] = [UploadedFile("a.png", "image/png", one) for one in files]
    assert read == wanted
