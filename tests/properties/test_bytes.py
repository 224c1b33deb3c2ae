"""JavaScript's bytes, for any value: held against Node where it is there, and against a table made with it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.expressions import PLAIN_TEXT
from codegen.literals import python_pattern
from kraty_server import _json
from kraty_server_generated.api import migrate
from kraty_server_generated.contract import PATTERNS, PLAIN_TEXT_MATCHES
from kraty_server_generated.types import are_plain, check_json, check_text, quote_segment

TABLE: list[dict[str, Any]] = json.loads(Path(__file__).with_name("javascript.json").read_text("utf-8"))
SCRIPT = """
const values = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const bytes = new DataView(new ArrayBuffer(8));
console.log(JSON.stringify(values.map(v => v.bits !== undefined
  ? (bytes.setBigUint64(0, BigInt(v.bits)), JSON.stringify(bytes.getFloat64(0)))
  : v.segment !== undefined ? encodeURIComponent(v.segment) : JSON.stringify(v.text))));
"""
node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def bits(value: float) -> str:
    import struct

    return str(struct.unpack(">Q", struct.pack(">d", value))[0])


def javascript(values: list[dict[str, Any]]) -> list[str]:
    done = subprocess.run(
        ["node", "-e", SCRIPT],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    result: list[str] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["javascript"][:30])
def test_numbers_strings_and_segments_are_as_node_wrote_them(row: dict[str, Any]) -> None:
    if "number" in row:
        assert _json.dumps(float(row["number"])).decode() == row["javascript"]
    elif "segment" in row:
        assert quote_segment(row["segment"], "x") == row["javascript"]
    else:
        assert _json.dumps(row["text"]).decode() == row["javascript"]


@node
@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=50, max_size=400))
def test_any_double_is_written_as_node_writes_it(values: list[float]) -> None:
    assert [_json.dumps(v).decode() for v in values] == javascript([{"bits": bits(v)} for v in values])


@node
@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-16"), max_size=20), min_size=20, max_size=100))
def test_any_text_is_written_as_node_writes_it(values: list[str]) -> None:
    assert [_json.dumps(v).decode() for v in values] == javascript([{"text": v} for v in values])


@node
@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), min_size=20, max_size=100))
def test_any_segment_is_quoted_as_node_quotes_it(values: list[str]) -> None:
    values = [v for v in values if v not in (".", "..")]
    assert [quote_segment(v, "x") for v in values] == javascript([{"segment": v} for v in values])


def test_a_lone_surrogate_is_escaped() -> None:
    assert _json.dumps("\ud800") == b'"\\ud800"'


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
def test_what_is_written_reads_back_the_same(value: Any) -> None:
    assert json.loads(_json.dumps(value), parse_int=float) == value  # as JavaScript reads it


@given(JSON)
def test_the_quick_way_to_write_gives_what_the_exact_one_gives(value: Any) -> None:
    assert _json.dumps(value) == _json._write(value).encode("utf-8", _json._SURROGATES)


ALLOWING = [re.compile(python_pattern(pattern)) for pattern in sorted(PLAIN_TEXT)]
PLAIN = [chr(point) for point in range(sys.maxunicode + 1) if chr(point).isprintable() and chr(point) not in " ."]


@pytest.mark.parametrize("pattern", ALLOWING, ids=lambda pattern: pattern.pattern)
def test_text_that_is_let_through_unmatched_would_have_matched(pattern: re.Pattern[str]) -> None:
    for start in range(0, len(PLAIN), 1000):
        assert pattern.search("".join(PLAIN[start : start + 1000]))
    for one in PLAIN:
        if not (pattern.search(one) and pattern.search(f". .{one}. .")):
            raise AssertionError(ascii(one))


ODD_TEXT = st.text(
    st.sampled_from([" ", ".", "\t", "\n", "\x85", "\xa0", "\u2028", "\u3000", "\ud800", "a"]), max_size=4
)


@given(st.lists(ODD_TEXT, max_size=3))
def test_texts_that_are_let_through_together_match_one_by_one(texts: list[str]) -> None:
    assert not are_plain(texts) or all(pattern.search(text) for pattern in PATTERNS for text in texts)
    assert are_plain(["a.b c", *(text for text in texts if set(text) == {"a"})]) == PLAIN_TEXT_MATCHES


@given(ODD_TEXT)
def test_text_is_checked_against_its_pattern_whatever_it_holds(value: str) -> None:
    for pattern in PATTERNS:
        try:
            assert check_text(value, "x", 1, pattern) == value
        except ValueError:
            assert not pattern.search(value)
        else:
            assert pattern.search(value)


@pytest.mark.parametrize("value", [2**70, MappingProxyType({"a": (1, 2.0)}), [MappingProxyType({})]], ids=repr)
def test_what_stands_under_a_name_that_is_not_known_is_written_as_anywhere_else(value: Any) -> None:
    row = {"externalPlayerId": "p", "itemKey": "sword", "quantity": 1, "idempotencyKey": "k", "new": value}
    body = migrate.inventory(rows=[row]).body
    assert body is not None
    assert _json.dumps(body["rows"][0]["new"]) == _json.dumps(check_json(value, "x"))
