"""Whatever reads an answer, it reads what `json.loads` reads: the same values, and the same refusals."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kraty_server import _json

pytest.importorskip("msgspec", reason="msgspec is not installed: there is no wheel of it for this Python")
FAST = [name for name in _json.READERS if name != "json"]
fast = pytest.mark.parametrize("name", FAST)

numbers = st.one_of(
    st.integers(), st.integers(min_value=-(2**70), max_value=2**70), st.floats(),
    st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True).map(json.loads),
)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(st.characters(exclude_categories=[])),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=4), inside, max_size=4),
)
TOKENS = [
    "{", "}", "[", "]", ",", ":", '"', '"a"', '"\\ud800"', '"\\ud83d\\ude00"', '"é"', "\\", "1", "-0", "-0.0", "1e999",
    "18446744073709551616", "-9223372036854775809", "0.1", "01", "+1", "NaN", "-Infinity", "true", "null", "nul", " ",
    "\n", "\x00", "\x0b", "\ufeff", "/*", "'a'",
]  # fmt: skip


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same to the last bit, types and order included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return math.copysign(1, one) == math.copysign(1, other) and (one == other or (one != one and other != other))
    return bool(one == other)


def outcome(read: Any, content: bytes) -> Any:
    try:
        return read(content)
    except (ValueError, RecursionError) as error:
        return type(error)


@fast
@given(value=values, escaped=st.booleans())
def test_every_value_is_read_as_the_standard_library_reads_it(name: str, value: Any, escaped: bool) -> None:
    content = json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    assert same(_json.reader(name)(content), json.loads(content))


@fast
@given(
    content=st.lists(st.sampled_from(TOKENS), max_size=12).map(lambda tokens: "".join(tokens).encode()) | st.binary()
)
@example(content=b'{"a":1,"b":2,"a":3}')
@example(content=b"\xef\xbb\xbf{}")
@example(content="{}".encode("utf-16"))
@example(content=b'"\xed\xa0\x80"')
@example(content=b'"\xff"')
@example(content=b"")
@example(content=b"[" * 200 + b"]" * 200)
@example(content=b"[" * 100_000)
@example(content=b"1" * 5000)
def test_what_is_no_json_to_one_is_none_to_the_other(name: str, content: bytes) -> None:
    here, there = outcome(_json.reader(name), content), outcome(json.loads, content)
    assert here is there if isinstance(there, type) else same(here, there)
