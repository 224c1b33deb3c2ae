"""Functions generated from a few lines: they check what they are given and say what to send."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.templates.tiny import generated, tiny

REF = "#/components/schemas/"


def body(**properties: Any) -> Any:
    return tiny(
        body={name.replace("_req", "!"): schema for name, schema in properties.items()},
        Row={"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "minimum": 1},
             "more": {"$ref": REF + "Bag"}}},
        Bag={"type": "object", "additionalProperties": True},
        Numbers={"type": "object", "additionalProperties": {"type": "number"}},
        Mode={"type": "string", "enum": ["set", "increment"]},
    )  # fmt: skip


def test_a_call_says_what_to_send_and_how_to_read_the_answer(tmp_path: Path) -> None:
    with generated(tiny(), tmp_path) as made:
        call = made.things.change("a b", idempotency_key="k")
        assert (call.operation, call.method) == ("things.change", "POST")
        assert (call.route, call.path) == ("/server/v1/things/{thingId}", "/server/v1/things/a%20b")
        assert call.body == {"idempotencyKey": "k"}
        assert call.idempotency_key == "k"
        assert call.parse({"data": {"id": "t"}}) == made.models.Thing("t")
        assert call.then(lambda thing: thing.id).parse({"data": {"id": "t"}}) == "t"


@pytest.mark.parametrize("bad", ["", ".", "..", "a\nb", "a\n", "\x00", "\ud800"])
def test_a_segment_that_would_call_something_else_is_refused(bad: str, tmp_path: Path) -> None:
    with generated(tiny(), tmp_path) as made, pytest.raises(ValueError, match=r"^thing_id: "):
        made.things.change(bad)


def test_a_segment_that_is_too_short_is_refused(tmp_path: Path) -> None:
    document = tiny(Id={"type": "string", "minLength": 3})
    with generated(document, tmp_path) as made:
        assert made.things.change("abc").path == "/server/v1/things/abc"
        with pytest.raises(ValueError, match=r"^thing_id: at least 3 characters are needed"):
            made.things.change("ab")


@pytest.mark.parametrize("bad", [None, 5, b"x", ["x"]])
def test_a_segment_that_is_no_text_is_refused(bad: Any, tmp_path: Path) -> None:
    with generated(tiny(), tmp_path) as made, pytest.raises(TypeError, match=r"^thing_id: text is needed"):
        made.things.change(bad)


INTEGER = {"type": "integer", "minimum": 1, "maximum": 2**53 - 1}
ROWS = {"type": "array", "minItems": 1, "maxItems": 2, "items": {"$ref": REF + "Row"}}
BAG = {"$ref": REF + "Bag"}


@pytest.mark.parametrize(
    ("schema", "value", "error", "text"),
    [
        (INTEGER, True, TypeError, "x: an integer is needed, got bool"),
        (INTEGER, 1.0, TypeError, "x: an integer is needed, got float"),
        (INTEGER, 0, ValueError, "x: must be at least 1 and at most 9007199254740991, got 0"),
        (INTEGER, 2**53, ValueError, "x: must be at least 1"),
        (INTEGER, None, TypeError, "x: an integer is needed, got None"),
        ({"type": "number"}, math.nan, ValueError, "x: nan cannot be sent"),
        ({"type": "number"}, math.inf, ValueError, "x: inf cannot be sent"),
        ({"type": "number"}, 2**53 + 1, ValueError, "x: 9007199254740993 is too large"),
        ({"type": "number"}, 10**400, ValueError, "is too large"),
        ({"type": "number"}, "1", TypeError, "x: a number is needed, got str"),
        ({"type": "number"}, True, TypeError, "x: a number is needed, got bool"),
        ({"type": "boolean"}, 1, TypeError, "x: a bool is needed, got int"),
        ({"type": "string", "minLength": 1}, "", ValueError, "x: must not be empty"),
        ({"type": "string"}, 1, TypeError, "x: text is needed, got int"),
        ({"$ref": REF + "Mode"}, 1, TypeError, "x: text is needed, got int"),
        ({"type": "string", "format": "date-time"}, datetime(2026, 1, 1), ValueError, "x: a naive datetime"),
        ({"type": "string", "format": "date-time"}, 5, TypeError, "x: text is needed, got int"),
        (ROWS, [], ValueError, "x: must not be empty"),
        (ROWS, [{"n": 1}] * 3, ValueError, "x: at most 2 are taken at once, got 3"),
        (ROWS, [{"n": 1}, {"n": 0}], ValueError, r"x\[1\]\.n: must be at least 1"),
        (ROWS, [{}], ValueError, r"x\[0\]\.n: is required"),
        (ROWS, ["n"], TypeError, r"x\[0\]: an object of the SDK or a dict is needed, got str"),
        (ROWS, "n", TypeError, "x: a list is needed, got str"),
        (ROWS, {"n": 1}, TypeError, "x: a list is needed, got dict"),
        (ROWS, 5, TypeError, "x: a list is needed, got int"),
        (ROWS, [{"n": 1, "new": {"a": {1}}}], TypeError, r"x\[0\]\.new\.a: set cannot be sent"),
        (ROWS, [{"n": 1, "more": {"a": Decimal(1)}}], TypeError, r"x\[0\]\.more\.a: Decimal cannot be sent"),
        (BAG, {"items": [0, 1, 2, {"price": Decimal(1)}]}, TypeError, r"x\.items\[3\]\.price: Decimal"),
        (BAG, {"a": math.nan}, ValueError, r"x\.a: nan cannot be sent"),
        (BAG, {"a": {1: 2}}, TypeError, r"x\.a: int 1 is no key of a JSON object"),
        (BAG, [1], TypeError, "x: a dict is needed, got list"),
        ({"$ref": REF + "Numbers"}, {"a": "1"}, TypeError, r"x\.a: a number is needed"),
        ({"$ref": REF + "Numbers"}, {1: 1}, TypeError, r"x \(a key\): text is needed"),
        (
            {"type": "array", "items": {"type": "string", "minLength": 1}},
            ["a", ""],
            ValueError,
            r"x\[1\]: must not be empty",
        ),
    ],
)
def test_bad_input_is_refused_and_named(
    schema: Any, value: Any, error: type[Exception], text: str, tmp_path: Path
) -> None:
    with (
        generated(body(x_req=schema), tmp_path) as made,
        pytest.raises(error, match=f"^{text}" if text[0] == "x" else text),
    ):
        made.things.change("t", x=value)


def test_a_value_that_holds_itself_is_refused(tmp_path: Path) -> None:
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    with (
        generated(body(x_req=BAG), tmp_path) as made,
        pytest.raises(ValueError, match=r"^x: nested too deeply"),
    ):
        made.things.change("t", x=loop)


@pytest.mark.parametrize(
    ("schema", "value", "sent"),
    [
        (INTEGER, 2**53 - 1, 2**53 - 1),
        ({"type": "number"}, 10**20, 10**20),
        ({"type": "number"}, 0.5, 0.5),
        (
            {"type": "string", "format": "date-time"},
            datetime(2026, 1, 1, tzinfo=UTC),
            "2026-01-01T00:00:00.000Z",
        ),
        ({"type": "string", "format": "date-time"}, "2026-01-01", "2026-01-01"),
        ({"$ref": REF + "Mode"}, "brand_new", "brand_new"),
        (ROWS, ({"new": 1, "n": 2} for _ in range(2)), [{"new": 1, "n": 2}] * 2),
        (BAG, {"t": (1, 2)}, {"t": [1, 2]}),
    ],
)
def test_what_fits_is_sent_as_it_is(schema: Any, value: Any, sent: Any, tmp_path: Path) -> None:
    with generated(body(x_req=schema), tmp_path) as made:
        assert made.things.change("t", x=value).body == {"x": sent}


def test_what_is_not_given_is_not_sent_and_null_is_not_unset(tmp_path: Path) -> None:
    schema = body(name={"type": "string"}, avatar={"type": ["string", "null"]})
    with generated(schema, tmp_path) as made:
        assert made.things.change("t").body == {}
        assert made.things.change("t", name="n", avatar=None).body == {"name": "n", "avatar": None}


def test_at_least_one_of_is_asked_for(tmp_path: Path) -> None:
    document = body(one={"type": "number"}, two={"type": "number"})
    document["components"]["schemas"]["Body"]["x-at-least-one-of"] = ["one", "two"]
    with generated(document, tmp_path) as made:
        with pytest.raises(ValueError, match=r"^one or two: one of them is needed"):
            made.things.change("t")
        assert made.things.change("t", two=0).body == {"two": 0}


def test_a_call_is_never_changed_and_takes_its_key_last(tmp_path: Path) -> None:
    with generated(body(name={"type": "string"}, idempotencyKey={"type": "string"}), tmp_path) as made:
        call = made.things.change("t", name="n")
        keyed = call.with_key("k")
        assert (call.idempotency_key, keyed.idempotency_key) == (None, "k")
        assert (call.body, list(keyed.body)) == ({"name": "n"}, ["name", "idempotencyKey"])
        assert keyed.with_key("other").body == {"name": "n", "idempotencyKey": "other"}
        assert keyed.body["idempotencyKey"] == "k"
        with pytest.raises(AttributeError):
            call.path = "/elsewhere"


def test_a_call_without_a_place_for_a_key_takes_none(tmp_path: Path) -> None:
    with (
        generated(body(name={"type": "string"}), tmp_path) as made,
        pytest.raises(ValueError, match=r"^things\.change takes no idempotency key"),
    ):
        made.things.change("t").with_key("k")


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (None, "an object with data was expected, got null"),
        ([], "an object with data was expected, got an array"),
        ("data", "an object with data was expected, got text"),
        (5, "an object with data was expected, got a number or bool"),
        ({}, "an object with data was expected, got an object without"),
        ({"error": {"code": "x"}}, "an object with data was expected, got an object without"),
        ({"data": None}, "an object with size, thingId was expected, got null"),
        ({"data": ["thingId"]}, "an object with size, thingId was expected, got an array"),
        ({"data": "thingId"}, "an object with size, thingId was expected, got text"),
        ({"data": {}}, "an object with size, thingId was expected, got an object without"),
        ({"data": {"id": "g", "kind": "reward"}}, "an object with size, thingId was expected, got an object without"),
        ({"data": {"thingId": "u", "size": 1}}, "thingId 't' was asked for, the answer is about something else"),
        ({"data": {"thingId": 5, "size": 1}}, "thingId 't' was asked for, the answer is about something else"),
        ({"data": {"thingId": None, "size": 1}}, "thingId 't' was asked for, the answer is about something else"),
        ({"data": {"size": 1}}, "thingId 't' was asked for, the answer is about something else"),
    ],
)
def test_what_answers_something_else_is_no_answer(payload: Any, told: str, tmp_path: Path) -> None:
    document = tiny(thing={"thingId!": {"type": "string"}, "size!": {"type": "integer"}})
    with generated(document, tmp_path) as made:
        for call in (made.things.change("t"), made.things.change("t").then(lambda thing: thing.size)):
            with pytest.raises(made.types.AnswerMismatch) as refused:
                call.parse(payload)
            assert str(refused.value) == told


@pytest.mark.parametrize(
    "data",
    [
        {"thingId": "t", "size": 1},
        {"thingId": "t"},
    ],
    ids=str,
)
def test_an_answer_that_lacks_something_is_one_all_the_same(data: Any, tmp_path: Path) -> None:
    document = tiny(thing={"thingId!": {"type": "string"}, "size!": {"type": "integer"}})
    with generated(document, tmp_path) as made:
        call = made.things.change("t")
        assert call.parse({"data": data}).to_dict() == data
        assert call.then(lambda thing: [thing]).parse({"data": data}) == [made.models.Thing.from_dict(data)]


def test_an_answer_of_which_nothing_is_required_may_be_empty(tmp_path: Path) -> None:
    with generated(tiny(thing={"size": {"type": "integer"}}), tmp_path) as made:
        assert made.things.change("t").parse({"data": {}}) == made.models.Thing()


ENTRY = {"oneOf": [{"$ref": REF + "Coin"}, {"$ref": REF + "Gem"}], "discriminator": {"propertyName": "type"}}
GEM = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string", "const": "gem"}}}
COIN = {"type": "object", "required": ["type", "currencyKey"],
        "properties": {"type": {"type": "string", "const": "coin"}, "currencyKey": {"type": "string"}, "currencyName": {"type": "string"}}}  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"type": "coin", "currency_key": "gold"}, "x[1]: unknown 'currency_key', did you mean 'currencyKey'?"),
        ({"type": "coin", "currencykey": "gold"}, "x[1]: unknown 'currencykey', did you mean 'currencyKey'?"),
        ({"type": "coin", "amount": 5, 7: 7}, "x[1].currencyKey: is required"),
        ({"type": "coin"}, "x[1].currencyKey: is required"),
        ({"type": "coin", "currencyName": "Gold"}, "x[1].currencyKey: is required"),
        ({"Type": "coin", "currencyKey": "gold"}, "x[1]: unknown 'Type', did you mean 'type'?"),
        ({"currencyKey": "gold"}, "x[1].type: is required"),
    ],
    ids=str,
)
def test_a_misspelled_key_is_named_with_the_one_that_was_meant(entry: Any, told: str, tmp_path: Path) -> None:
    document = body(x_req={"type": "array", "items": {"$ref": REF + "Entry"}})
    document["components"]["schemas"] |= {"Coin": COIN, "Gem": GEM, "Entry": ENTRY}
    with generated(document, tmp_path) as made, pytest.raises(ValueError, match=r"^x\[1\]") as refused:
        made.things.change("t", x=[{"type": "coin", "currencyKey": "gold"}, entry])
    assert str(refused.value) == told
