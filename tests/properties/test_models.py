"""Every model, for any answer that the contract allows: lossless there and back."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import attrs
import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from kraty_server import models
from kraty_server_generated import event_models
from kraty_server_generated import models as generated
from kraty_server_generated.types import absent_fields

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "openapi.server.json").read_text("utf-8"))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
ANY = st.none() | st.booleans() | st.integers() | TEXT
TIMES = st.one_of(
    st.datetimes().map(lambda d: d.isoformat(timespec="milliseconds") + "Z"),
    st.datetimes().map(lambda d: d.isoformat() + "+02:00"),
    st.dates().map(lambda d: d.isoformat()),
)
MODELS = sorted(
    name for name in (*generated.__all__, *event_models.__all__) if isinstance(kind := getattr(models, name), type) and issubclass(kind, models.Model)
    and name in SCHEMAS
)  # fmt: skip

ADAPTERS: dict[str, TypeAdapter[Any]] = {}


def values(schema: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that the contract allows, and some that a newer one would."""
    if "$ref" in schema:
        return values(SCHEMAS[schema["$ref"].rpartition("/")[2]], depth)
    if "oneOf" in schema:
        return st.one_of(*(values(member, depth) for member in schema["oneOf"]))
    if "const" in schema:
        return st.just(schema["const"])
    kind = schema.get("type")
    if isinstance(kind, list):
        return st.none() | values(schema | {"type": kind[0]}, depth)
    if "enum" in schema:
        return st.sampled_from(schema["enum"]) | st.just("brand_new")
    if kind == "array":
        return st.lists(values(schema["items"], depth + 1), max_size=2 if depth < 3 else 0)
    if kind == "object":
        wires = schema.get("properties", {})
        if not wires:
            return st.dictionaries(
                TEXT, ANY if schema["additionalProperties"] is True else st.floats(-1e9, 1e9), max_size=2
            )
        required = {w: values(s, depth + 1) for w, s in wires.items() if w in schema["required"]}
        optional = {w: values(s, depth + 1) for w, s in wires.items() if w not in schema["required"]}
        return st.builds(
            lambda known, new: {**new, **known},
            st.fixed_dictionaries(required, optional=optional),
            st.dictionaries(TEXT.map(lambda w: f"new {w}"), ANY, max_size=1),
        )
    if kind == "null":
        return st.none()
    if kind is None:
        return ANY
    if schema.get("format") == "date-time":
        return TIMES
    return {
        "string": TEXT,
        "integer": st.integers(),
        "number": st.floats(-1e9, 1e9),
        "boolean": st.booleans(),
    }[kind]


def test_no_model_is_forgotten() -> None:
    assert len(MODELS) > 40


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_there_and_back_is_the_same(name: str, data: Any) -> None:
    wire = data.draw(values(SCHEMAS[name]))
    model = getattr(models, name).from_dict(wire)
    assert model.to_dict() == wire
    assert copy.deepcopy(model) == model == pickle.loads(pickle.dumps(model))
    assert json.dumps(model.to_dict())
    assert repr(model).startswith(name)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_attrs_copies_and_shows_a_model_with_what_this_sdk_does_not_know_of_it(name: str, data: Any) -> None:
    wire = data.draw(values(SCHEMAS[name])) | {"brandNew": 1}
    kind = getattr(models, name)
    model = kind.from_dict(wire)
    same = attrs.evolve(model)
    assert type(same) is kind
    assert same == model == copy.copy(model)
    assert same.to_dict() == wire
    assert attrs.asdict(model).keys() == {field.name for field in attrs.fields(kind)}
    assert attrs.asdict(model)["additional_properties"]["brandNew"] == 1


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_an_answer_that_lacks_a_field_is_read_all_the_same_and_the_field_is_named(name: str, data: Any) -> None:
    wire = data.draw(values(SCHEMAS[name]))
    required = SCHEMAS[name].get("required", [])
    gone = data.draw(st.sampled_from(required)) if required else None
    wire.pop(gone, None)
    absent: list[str] = []
    token = absent_fields.set(absent)
    try:
        model = getattr(models, name).from_dict(wire)
    finally:
        absent_fields.reset(token)
    assert len(absent) == len(required[:1])
    assert all(one.startswith(f"{name}.") for one in absent)
    assert model.to_dict() == wire


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_pydantic_reads_writes_and_describes_what_the_contract_allows(name: str, data: Any) -> None:
    wire = data.draw(values(SCHEMAS[name]))
    adapter = ADAPTERS.get(name) or ADAPTERS.setdefault(name, TypeAdapter(getattr(models, name)))
    model = adapter.validate_python(wire)
    assert model == getattr(models, name).from_dict(wire)
    assert adapter.validate_json(json.dumps(wire)) == model
    assert adapter.dump_python(model) == wire
    assert json.loads(adapter.dump_json(model)) == wire
    for mode in ("validation", "serialization"):
        jsonschema.Draft202012Validator(adapter.json_schema(mode=mode)).validate(wire)
