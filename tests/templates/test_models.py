"""Models generated from a few lines: lossless, tolerant, and plain to use."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.templates.tiny import generated, tiny

KIND = {"type": "string", "enum": ["reward", "crate"]}
REF = "#/components/schemas/"
TIME = {"type": "string", "format": "date-time"}


def test_unknown_fields_are_kept_both_ways(tmp_path: Path) -> None:
    with generated(tiny(), tmp_path) as made:
        data = {"id": "t", "later": {"deep": [1, None]}}
        thing = made.models.Thing.from_dict(data)
        assert thing.additional_properties == {"later": {"deep": [1, None]}}
        assert thing.to_dict() == data


def test_an_unknown_enum_value_survives_and_tells(tmp_path: Path) -> None:
    with generated(tiny(thing={"kind!": {"$ref": REF + "Kind"}}, Kind=KIND), tmp_path) as made:
        known, unknown = (made.models.Thing.from_dict({"kind": kind}) for kind in ("crate", "bundle"))
        assert known.kind is made.models.Kind.CRATE
        assert known.kind.is_known
        assert unknown.kind == "bundle"
        assert not unknown.kind.is_known
        assert unknown.to_dict() == {"kind": "bundle"}
        assert copy.deepcopy(unknown).kind == unknown.kind
        again = pickle.loads(pickle.dumps(unknown))
        assert again == unknown
        assert not again.kind.is_known


def test_an_unknown_tag_survives_and_tells(tmp_path: Path) -> None:
    tag = {"type": "string"}
    document = tiny(
        thing={"parts": {"type": "array", "items": {"$ref": REF + "Part"}}},
        Wheel={"type": "object", "required": ["type", "size"],
               "properties": {"type": tag | {"const": "wheel"}, "size": {"type": "integer"}}},
        Bell={"type": "object", "required": ["type"], "properties": {"type": tag | {"const": "bell"}}},
        Part={"oneOf": [{"$ref": REF + "Wheel"}, {"$ref": REF + "Bell"}], "discriminator": {"propertyName": "type"}},
    )  # fmt: skip
    with generated(document, tmp_path) as made:
        data: dict[str, Any] = {"parts": [{"type": "wheel", "size": 3}, {"type": "bell"}, {"type": "lamp", "watts": 5}]}
        thing = made.models.Thing.from_dict(data)
        assert [type(part).__name__ for part in thing.parts] == ["Wheel", "Bell", "UnknownVariant"]
        assert [part.is_known for part in thing.parts] == [True, True, False]
        assert thing.to_dict() == data
        assert made.models.Wheel(4).to_dict() == {"type": "wheel", "size": 4}
        assert pickle.loads(pickle.dumps(thing)) == thing


def test_a_missing_required_field_says_that_the_server_did_not_send_it(tmp_path: Path) -> None:
    with generated(tiny(thing={"id!": {"type": "string"}, "size!": {"type": "integer"}}), tmp_path) as made:
        absent: list[str] = []
        token = made.types.absent_fields.set(absent)
        thing = made.models.Thing.from_dict({"id": "t"})
        made.types.absent_fields.reset(token)
        assert absent == ["Thing.size"]
        assert thing.id == "t"
        with pytest.raises(AttributeError, match="the server did not send 'size' of Thing"):
            _ = thing.size
        with pytest.raises(AttributeError, match="no attribute 'colour'"):
            _ = thing.colour
        assert thing.to_dict() == {"id": "t"}
        assert copy.copy(thing) == thing
        assert pickle.loads(pickle.dumps(thing)) == thing
        assert "size" not in repr(thing)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-08T12:00:00.000Z", datetime(2026, 6, 8, 12, tzinfo=UTC)),
        ("2026-06-08T12:00:00Z", datetime(2026, 6, 8, 12, tzinfo=UTC)),
        (
            "2026-06-08T12:00:00.123456+02:00",
            datetime(2026, 6, 8, 12, 0, 0, 123456, timezone(timedelta(hours=2))),
        ),
        ("2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-W23-1T12:00:00.000Z", datetime(2026, 6, 1, 12, tzinfo=UTC)),
        ("2026-06-08T12:00:00,5Z", datetime(2026, 6, 8, 12, 0, 0, 500000, UTC)),
    ],
)
def test_a_date_time_is_aware_and_written_back_as_it_came(text: str, expected: datetime, tmp_path: Path) -> None:
    with generated(tiny(thing={"at!": TIME}), tmp_path) as made:
        thing = made.models.Thing.from_dict({"at": text})
        assert thing.at == expected
        assert thing.at.utcoffset() is not None
        for same in (thing, copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
            assert same.to_dict() == {"at": text}
        assert made.types.format_time(thing.at + timedelta(seconds=1)).endswith("Z")


def test_a_null_where_none_is_promised_is_no_crash(tmp_path: Path) -> None:
    document = tiny(
        thing={"at!": TIME, "kind!": {"$ref": REF + "Kind"}, "maybe": {"type": ["string", "null"]}}, Kind=KIND
    )
    with generated(document, tmp_path) as made:
        data = {"at": None, "kind": None, "maybe": None}
        assert made.models.Thing.from_dict(data).to_dict() == data


def test_a_value_of_another_shape_names_the_field(tmp_path: Path) -> None:
    with generated(tiny(thing={"at!": TIME}), tmp_path) as made:
        with pytest.raises(ValueError, match=r"Thing\.at"):
            made.models.Thing.from_dict({"at": "soon"})
        with pytest.raises(TypeError, match="Thing: expected an object, got list"):
            made.models.Thing.from_dict([])


def test_equality_and_repr_are_by_value(tmp_path: Path) -> None:
    with generated(tiny(thing={"id!": {"type": "string"}, "size": {"type": "integer"}}), tmp_path) as made:
        Thing = made.models.Thing  # noqa: N806  (a class)
        assert Thing("t") == Thing("t")
        assert Thing("t") != Thing("u")
        assert Thing("t") != Thing("t", 1)
        assert Thing.from_dict({"id": "t", "more": 1}) != Thing("t")
        assert repr(Thing("t")) == "Thing(id='t')"
        assert repr(Thing("t", 2)) == "Thing(id='t', size=2)"
        with pytest.raises(AttributeError):
            Thing("t").colour = 1


def test_unset_is_one_and_false(tmp_path: Path) -> None:
    with generated(tiny(), tmp_path) as made:
        unset = made.types.UNSET
        assert not unset
        assert repr(unset) == "UNSET"
        assert copy.deepcopy(unset) is unset
        assert pickle.loads(pickle.dumps(unset)) is unset


def test_every_annotation_can_be_resolved_also_of_models_that_lead_back_to_themselves(tmp_path: Path) -> None:
    thing, part = {"$ref": REF + "Thing"}, {"$ref": REF + "Part"}
    document = tiny(
        thing={"inside": {"type": "array", "items": thing}, "first": part, "box": {"$ref": REF + "Abox"}},
        Abox={"type": "object", "properties": {"of": thing}},
        Wheel={"type": "object", "required": ["type"], "properties": {"type": {"type": "string", "const": "wheel"}}},
        Bell={"type": "object", "required": ["type"], "properties": {"type": {"type": "string", "const": "bell"}}},
        Part={"oneOf": [{"$ref": REF + "Wheel"}, {"$ref": REF + "Bell"}], "discriminator": {"propertyName": "type"}},
    )  # fmt: skip
    with generated(document, tmp_path) as made:
        Thing, Wheel = made.models.Thing, made.models.Wheel  # noqa: N806  (classes)
        for kind in (Thing, Wheel, made.models.Abox):
            assert get_type_hints(kind)
        assert get_type_hints(Thing)["inside"].__args__[0].__args__ == (Thing,)
        assert get_type_hints(made.things.change)["return"].__args__ == (Thing,)
        data = {"inside": [{"first": {"type": "wheel", "size": 5}}], "box": {"of": {}}}
        assert Thing.from_dict(data).to_dict() == data
        assert isinstance(Thing.from_dict(data).inside[0].first, Wheel)
        adapter = TypeAdapter(Thing)
        assert adapter.validate_python(data) == Thing.from_dict(data)
        assert adapter.dump_python(Thing.from_dict(data)) == data
        assert {"Thing", "Abox"} <= adapter.json_schema()["$defs"].keys()
        with pytest.raises(ValidationError) as wrong:
            adapter.validate_python({"inside": [{"box": {"of": 3}}]})
        assert wrong.value.errors()[0]["loc"] == ("inside", 0, "box", "of")


def test_pydantic_takes_dates_times_and_enums_of_both_kinds_wherever_they_stand(tmp_path: Path) -> None:
    day, level = {"type": "string", "format": "date"}, {"$ref": REF + "Level"}
    document = tiny(
        thing={
            "day!": day,
            "until": {"type": ["string", "null"], "format": "date"},
            "days": {"type": "array", "items": day},
            "times": {"$ref": REF + "Times"},
            "level!": level,
            "levels": {"type": "array", "items": {"oneOf": [level, {"type": "null"}]}},
            "kind": {"$ref": REF + "Kind"},
        },
        Level={"type": "integer", "enum": [1, 2]},
        Times={"type": "object", "additionalProperties": TIME},
        Kind=KIND,
    )
    with generated(document, tmp_path) as made:
        adapter = TypeAdapter(made.models.Thing)
        data = {"day": "2026-01-31", "until": None, "days": ["2026-02-01"], "times": {"a": "2026-01-01T00:00:00.000Z"},
                "level": 2, "levels": [1, None, 99], "kind": "new"}  # fmt: skip
        thing = adapter.validate_python(data)
        assert thing == made.models.Thing.from_dict(data)
        assert adapter.dump_python(thing) == data
        assert adapter.validate_json(adapter.dump_json(thing)) == thing
        assert [one and one.is_known for one in thing.levels] == [True, None, False]
        properties = adapter.json_schema()["properties"]
        assert properties["day"]["format"] == properties["days"]["items"]["format"] == "date"
        assert properties["level"] == {"title": "Level", "type": "integer", "anyOf": [{"enum": [1, 2]}, {}]}
        for wrong in ({"day": "31.1.2026"}, {"day": "2026-02-31"}, {"day": "20260131"}, {"level": "2"}, {"level": True},
                      {"levels": [1.5]}, {"days": [5]}, {"times": {"a": "soon"}}):  # fmt: skip
            with pytest.raises(ValidationError):
                adapter.validate_python({**data, **wrong})


def test_an_unknown_integer_survives_and_tells(tmp_path: Path) -> None:
    level = {"type": "integer", "enum": [1, 2]}
    with generated(tiny(thing={"level": {"$ref": REF + "Level"}}, Level=level), tmp_path) as made:
        known, unknown = (made.models.Thing.from_dict({"level": number}).level for number in (2, 7))
        assert (known.is_known, unknown.is_known, unknown, repr(known)) == (True, False, 7, "<Level.VALUE_2: 2>")
        assert copy.deepcopy(unknown) is unknown
        assert pickle.loads(pickle.dumps(unknown)) == 7
        assert not pickle.loads(pickle.dumps(unknown)).is_known
        with pytest.raises(ValueError, match="'2' is not a valid"):
            made.models.Level("2")


def test_a_default_is_said_and_neither_sent_nor_filled_in(tmp_path: Path) -> None:
    kind = {"$ref": REF + "Kind"}
    thing = {"size": {"type": "integer", "default": 3, "description": "How large."}, "kind": {**kind, "default": "crate"},
             "other": {"allOf": [kind], "default": "reward"}}  # fmt: skip
    body = {"size": {"type": "integer", "default": 3}}
    with generated(tiny(thing=thing, body=body, Kind=KIND), tmp_path) as made:
        assert '"""How large. 3 where it is left out."""' in made.files["models.py"]
        assert made.models.Thing.from_dict({}).size is made.types.UNSET
        assert made.models.Thing().to_dict() == {}
        assert made.things.change("t").body == {}


def test_what_can_change_has_no_hash(tmp_path: Path) -> None:
    with generated(tiny(), tmp_path) as made, pytest.raises(TypeError, match="unhashable"):
        hash(made.models.Thing("t"))
