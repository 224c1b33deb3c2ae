"""No document runs code, whatever stands in it: what is generated works, or generation stops and names the place."""

from __future__ import annotations

import builtins
import copy
import importlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codegen import trial, use, write
from codegen.api import NotCovered
from codegen.bump import entry
from codegen.diff import diff
from codegen.expressions import Writer
from codegen.literals import docstring, python
from codegen.overlay import method
from codegen.read import parse, read
from codegen.trial import Samples, demand_use
from tests.templates.tiny import in_place, tiny

REF = "#/components/schemas/"
TEXT = {"type": "string"}
ISSUE = '"+str(__import__("builtins").canary.append(1))+"'


class Canary(list[int]):
    """Where code of a document would leave its mark: a builtin, so that it needs no import and no quotes."""

    APPEND = list.append


@pytest.fixture(autouse=True)
def canary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Canary]:
    birds = Canary()
    for name in ("canary", "CANARY", "Canary"):
        monkeypatch.setattr(builtins, name, birds, raising=False)
    yield birds
    assert not birds


def base() -> Any:
    """A document with something of each kind."""
    document = tiny(
        thing={
            "id!": TEXT,
            "kind!": {"type": "string", "const": "plain"},
            "mode": {"$ref": REF + "Mode", "description": "A mode."},
            "size": {"type": "integer", "minimum": 0, "maximum": 9},
            "names": {"type": "array", "minItems": 1, "items": TEXT},
            "either": {"$ref": REF + "Either"},
            "at": {"type": ["string", "null"], "format": "date-time"},
            "more": {"$ref": REF + "Bag"},
        },
        body={
            "mode!": {"$ref": REF + "Mode"},
            "row": {"$ref": REF + "Row"},
            "code": {"type": "string", "pattern": "^[a-z]+$"},
            "idempotencyKey": TEXT,
        },
        Mode={"type": "string", "description": "Modes.", "enum": ["set", "add"]},
        Bag={"type": "object", "additionalProperties": True},
        Row={"type": "object", "properties": {"one": TEXT, "two": TEXT}, "x-at-least-one-of": ["one", "two"]},
        Left={"type": "object", "required": ["type"], "properties": {"type": {"type": "string", "const": "left"}}},
        Right={"type": "object", "required": ["type"], "properties": {"type": {"type": "string", "const": "right"}}},
        Either={
            "description": "One of two.",
            "oneOf": [{"$ref": REF + "Left"}, {"$ref": REF + "Right"}],
            "discriminator": {"propertyName": "type"},
        },
        Envelope={"type": "object", "required": ["event", "data"], "properties": {"event": TEXT, "data": {}}},
    )
    narrowed = {"properties": {"event": {"const": "thing.made"}, "data": {"$ref": REF + "Thing"}}}
    schema = {"allOf": [{"$ref": REF + "Envelope"}, narrowed]}
    content = {"content": {"application/json": {"schema": schema}}}
    document["webhooks"] = {
        "thing.made": {
            "post": {"summary": "A thing was made", "requestBody": content, "responses": {"200": {"description": "x"}}}
        }
    }
    operation(document)["x-error-codes"] = {"409": ["taken"]}
    operation(document)["description"] = "It changes."
    return json.loads(json.dumps(document))  # else what one test writes into TEXT is in the documents of all


def operation(document: Any) -> Any:
    return document["paths"]["/things/{thingId}"]["post"]


def schema(document: Any, name: str, *more: str) -> Any:
    node = document["components"]["schemas"][name]
    for step in more:
        node = node[step]
    return node


def put(*steps: str | int) -> Callable[[Any, str], None]:
    """Put a text in a place."""

    def harm(document: Any, text: str) -> None:
        *way, last = steps
        for step in way:
            document = document[step]
        document[last] = text

    return harm


def rename(*steps: str) -> Callable[[Any, str], None]:
    """Put a text in the place of a key, which keeps its position."""

    def harm(document: Any, text: str) -> None:
        *way, last = steps
        for step in way:
            document = document[step]
        for key in list(document):
            document[text if key == last else key] = document.pop(key)

    return harm


def component(name: str) -> Callable[[Any, str], None]:
    def harm(document: Any, text: str) -> None:
        rename("components", "schemas", name)(document, text)
        target = REF + text.replace("~", "~0").replace("/", "~1")
        changed = json.loads(json.dumps(document).replace(json.dumps(REF + name), json.dumps(target)))
        document.clear()
        document.update(changed)

    return harm


def parameter(document: Any, text: str) -> None:
    operation(document)["parameters"][0]["name"] = text
    rename("paths", "/things/{thingId}")(document, f"/things/{{{text}}}")


def event(document: Any, text: str) -> None:
    rename("webhooks", "thing.made")(document, text)
    content = document["webhooks"][text]["post"]["requestBody"]["content"]["application/json"]
    content["schema"]["allOf"][1]["properties"]["event"]["const"] = text


def header(document: Any, text: str) -> None:
    operation(document)["responses"]["200"]["headers"] = {text: {"description": text, "schema": TEXT}}


def form(document: Any, encoding: Any) -> None:
    schema(document, "Body", "properties")["file"] = {"type": "string", "format": "binary"}
    media = {"schema": {"$ref": REF + "Body"}, "encoding": encoding}
    operation(document)["requestBody"]["content"] = {"multipart/form-data": media}


def examples(document: Any, text: str) -> None:
    schema(document, "Thing", "properties", "id")["examples"] = [text]
    schema(document, "Thing")["example"] = {text: text}


POST = ("paths", "/things/{thingId}", "post")
SCHEMAS = ("components", "schemas")
FREE: dict[str, Callable[[Any, str], None]] = {
    "title of the document": put("info", "title"),
    "description of the document": put("info", "description"),
    "description of a tag": lambda d, t: d["tags"][0].update(description=t),
    "summary": put(*POST, "summary"),
    "description of a call": put(*POST, "description"),
    "description of an answer": put(*POST, "responses", "200", "description"),
    "description of a parameter": lambda d, t: operation(d)["parameters"][0].update(description=t),
    "description of a model": put(*SCHEMAS, "Thing", "description"),
    "description of a property": put(*SCHEMAS, "Thing", "properties", "id", "description"),
    "description of an enum": put(*SCHEMAS, "Mode", "description"),
    "description of a union": put(*SCHEMAS, "Either", "description"),
    "summary of a webhook": put("webhooks", "thing.made", "post", "summary"),
    "description of a webhook": put("webhooks", "thing.made", "post", "description"),
    "a const": put(*SCHEMAS, "Thing", "properties", "kind", "const"),
    "a tag of a union": put(*SCHEMAS, "Left", "properties", "type", "const"),
    "an error code": lambda d, t: operation(d)["x-error-codes"].update({"409": [t]}),
    "examples": examples,
    "a header": header,
    "a default": put(*SCHEMAS, "Thing", "properties", "id", "default"),
    "a default in an object": lambda d, t: schema(d, "Thing", "properties", "more").update(default={t: [t]}),
}
"""Places where any text may stand, half surrogates aside."""
BOUND: dict[str, Callable[[Any, str], None]] = {
    "a type of a file": lambda d, t: form(d, {"file": {"contentType": t}}),
    "a file": lambda d, t: form(d, {t: {"contentType": "image/png"}}),
    "a media type": lambda d, t: operation(d)["responses"]["200"].update(content={t: {}}),
    "a server": put("servers", 0, "url"),
    "the path of a server": lambda d, t: d["servers"][0].update(url=f"https://api.example/{t}"),
    "the host of a server": lambda d, t: d["servers"][0].update(url=f"https://{t}/v1"),
    "a path": lambda d, t: rename("paths", "/things/{thingId}")(d, "/things/{thingId}" + t),
    "a parameter": parameter,
    "an argument": lambda d, t: operation(d)["parameters"][0].update({"x-argument": t}),
    "an operationId": put(*POST, "operationId"),
    "a method": lambda d, t: operation(d).update(operationId=f"things.{t}"),
    "a module": lambda d, t: operation(d).update(operationId=f"{t}.change", tags=[t]),
    "a tag": lambda d, t: operation(d).update(tags=[t]),
    "a webhook": event,
    "a property of an answer": rename(*SCHEMAS, "Thing", "properties", "size"),
    "a property of a body": rename(*SCHEMAS, "Body", "properties", "code"),
    "a property of what is sent": rename(*SCHEMAS, "Row", "properties", "two"),
    "what is required": lambda d, t: schema(d, "Thing")["required"].append(t),
    "at least one of": lambda d, t: schema(d, "Row").update({"x-at-least-one-of": ["one", t]}),
    "the key of a union": put(*SCHEMAS, "Either", "discriminator", "propertyName"),
    "an enum value": lambda d, t: schema(d, "Mode").update(enum=[t, "add"]),
    "a pattern": put(*SCHEMAS, "Body", "properties", "code", "pattern"),
    "a pattern of a path": put(*SCHEMAS, "Id", "pattern"),
    "a format": put(*SCHEMAS, "Thing", "properties", "id", "format"),
    "a bound": put(*SCHEMAS, "Thing", "properties", "size", "minimum"),
    "a length": put(*SCHEMAS, "Id", "minLength"),
    "a number of items": put(*SCHEMAS, "Thing", "properties", "names", "minItems"),
    "a status": rename(*POST, "responses", "200"),
    "a model": component("Thing"),
    "an enum": component("Mode"),
    "a union": component("Either"),
    "an envelope": component("Envelope"),
}
"""Places with a rule: what breaks it stops generation."""
TAKEN = {"a tag", "what is required", "an enum value", "a pattern", "a pattern of a path", "a format"}
"""Those of them with a rule that the payload of the issue fulfils: it is a pattern, though a strange one."""
PLACES = FREE | BOUND


def used(document: Any) -> None:
    """Generate, and use all of it in this process, where the canary is."""
    api = read(document)
    with tempfile.TemporaryDirectory(prefix="kraty-trial-") as folder, in_place(document, Path(folder)) as files:
        for _, step in use.uses(Samples(api).trial(files)):
            step()
        contract = importlib.import_module("kraty_server_generated.contract")
        assert document["servers"][0]["url"].rstrip("/") == contract.ORIGIN + contract.BASE_PATH
        models = vars(importlib.import_module("kraty_server_generated.models"))
        for name in api.enums:
            assert [member.value for member in models[name]] == schema(document, name)["enum"]
    for one in api.operations:
        compile(f"class Calls:\n{method(one, Writer(api))}", "method", "exec")


def test_the_document_of_these_tests_can_be_used() -> None:
    used(base())
    demand_use(write.package(base()), read(base()))


@pytest.mark.parametrize("text", [ISSUE, "'''\"\"\"\n{canary.append(1)}\\", "\\", 'a"', '"""'], ids=ascii)
def test_any_text_may_stand_where_people_read(text: str) -> None:
    document = base()
    for harm in FREE.values():
        harm(document, text)
    used(document)


@pytest.mark.parametrize("place", BOUND)
def test_what_the_issue_found_runs_nowhere(place: str) -> None:
    document = base()
    BOUND[place](document, ISSUE)
    if place in TAKEN:
        used(document)
    else:
        stops_with_the_place(document)


def stops_with_the_place(document: Any) -> None:
    with pytest.raises(NotCovered, match=r"^[^:]+.*: ") as stopped:
        used(document)
    assert "templates: " not in str(stopped.value)
    assert " object at 0x" not in str(stopped.value)
    assert all(line.isprintable() for line in str(stopped.value).split("\n"))


PARTS = ("\"", "'", '"""', "'''", "\\", "\n", "\r", "\x00", "\u2028", "\u202e", "\ud800", "\U0001f600", "é", "ﬁ", "{", "}", "{{",
         "#", "(", ")", ";", "+", " ", "/", "..", "]", ",", "%s", "`", ":", "a", "B", "_", "__", "1", "canary.append(1)",
         "{canary.append(1)}", "\ncanary.append(1)\n", ISSUE, "]\ncanary.append(1)\n#", "$", "@", "-", "*/")  # fmt: skip
NAMES = ("class", "None", "True", "self", "cls", "model", "body", "t", "m", "data", "value", "list", "dict", "str", "print", "object",
         "Exception", "ValueError", "Any", "Model", "Self", "UNSET", "new", "wires", "field", "property", "datetime", "import", "match",
         "__init__", "__class__", "__slots__", "fields__", "decode__", "id", "Id", "ID", "i_d", "thingId", "thing_id", "one", "oNe",
         "two", "Row", "row", "RowInput", "Thing", "thing", "ThingInput", "models", "types", "api", "change", "call", "events")  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.sampled_from(PARTS), max_size=6).map("".join),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from((*NAMES, *PARTS)), min_size=1, max_size=3).map("".join),
    st.text(max_size=8),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(sorted(PLACES)), TEXTS, min_size=1, max_size=3))
def test_nothing_runs_and_all_works_or_the_place_is_named(texts: dict[str, str]) -> None:
    document = base()
    for place, text in sorted(texts.items(), key=lambda one: one[0] in BOUND):  # what is renamed comes last
        try:
            PLACES[place](document, text)
        except KeyError:
            return  # two of them meet
    try:
        used(document)
    except NotCovered:
        stops_with_the_place(document)


@given(st.text())
def test_a_literal_and_a_docstring_are_that_and_nothing_else(text: str) -> None:
    assert eval(python(text), {}) == text
    read_back = eval(docstring(text, 4), {})
    assert "".join(read_back.split()) == ("".join(text.split()) or "AstheAPIsendsit.")


@pytest.mark.parametrize("name", ["Row", "Thing", "Body"])
def test_an_event_may_be_what_calls_send_or_get(name: str) -> None:
    document = base()
    BOUND["an envelope"](document, name)
    used(document)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("an enum", "either"),
        ("an envelope", "id"),
        ("a model", "mode"),
        ("an enum", "Envelope"),
        ("a union", "Envelope"),
    ],
)
def test_two_components_of_one_name_or_kind_are_named(place: str, name: str) -> None:
    document = base()
    BOUND[place](document, name)
    stops_with_the_place(document)


@pytest.mark.parametrize("wrong", ["self", "m", "body"])
def test_what_a_name_hides_is_named(wrong: str) -> None:
    document = base()
    rename(*SCHEMAS, "Body", "properties", "code")(document, wrong)
    with pytest.raises(NotCovered, match=rf"(Body\.|things\.change\(){wrong}\)?: "):
        write.package(document)


# What is generated is used before it is written


@pytest.mark.parametrize("name", ["model", "wires", "t", "m", "body", "data", "x" * 130])
def test_a_property_may_be_called_as_the_generated_code_calls_something(name: str) -> None:
    document = tiny(thing={name: {"type": "string", "format": "date-time"}})
    demand_use(write.package(document), read(document))


@pytest.mark.parametrize("pattern", [r"^\p{L}+$", "(?<n>a)", "[[a]", "^("])
def test_a_pattern_that_python_does_not_know_is_named(pattern: str) -> None:
    with pytest.raises(NotCovered, match=r"^Body\.x: Python does not know the pattern"):
        read(tiny(body={"x": {"type": "string", "pattern": pattern}}))


@pytest.mark.parametrize("pattern", ["a\"b'c", '"""', "^[0-9]{31}$", r"^\\$"])
def test_any_other_pattern_can_be_used(pattern: str) -> None:
    document = tiny(body={"x!": {"type": "string", "pattern": pattern}})
    demand_use(write.package(document), read(document))


@pytest.mark.parametrize(
    ("harm", "place"),
    [
        (("models.py", "class Thing(", "class Thing(Nothing, "), "models: "),
        (("api/things.py", '"/server/v1/things', '"/server/v2/things'), "things.change: "),
        (("models.py", '"id kind', '"ID kind'), "Thing: "),
        (("events.py", 'Event(', 'Event.nothing('), "events: "),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_its_place(harm: tuple[str, str, str], place: str) -> None:
    document = base()
    files = write.package(document)
    path, old, new = harm
    assert old in files[path]
    with pytest.raises(NotCovered, match=f"^{place}what would be generated cannot be used: "):
        demand_use({**files, path: files[path].replace(old, new)}, read(document))


def test_what_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SECONDS", 1)
    files = {"__init__.py": "", "types.py": "while True:\n    pass\n"}
    with pytest.raises(NotCovered, match="was not imported and used within 1 s"):
        demand_use(files, read(tiny()))


def test_samples_fit_what_leads_back_to_itself_and_every_bound() -> None:
    node = {"$ref": REF + "Node"}
    document = tiny(
        body={
            "low!": {"type": "integer", "minimum": 5},
            "high!": {"type": "integer", "maximum": -5},
            "long!": {"type": "string", "minLength": 40},
            "longest!": {"type": "string", "minLength": 5000},
            "many!": {"type": "array", "minItems": 3, "items": TEXT},
            "none!": {"type": "array", "maxItems": 0, "items": TEXT},
            "sure!": {"type": "boolean"},
            "node!": node,
        },
        Node={
            "type": "object",
            "required": ["below"],
            "properties": {"below": {"type": "array", "items": node}, "next": node},
        },
    )
    demand_use(write.package(document), read(document))
    document["components"]["schemas"]["Node"]["required"] = ["next"]
    with pytest.raises(NotCovered, match=r"^Node\.next: each Node would hold another one"):
        demand_use(write.package(document), read(document))


# The CHANGELOG


def test_no_text_of_a_document_becomes_a_heading_of_the_changelog() -> None:
    document = copy.deepcopy(base())
    forged = "x\n\n## 9.9.9 – 2026-01-01\r\n\u2028## 8.8.8 – 2026-01-01\n- Forged."
    operation(document)["x-error-codes"]["409"].append(forged)
    schema(document, "Mode")["enum"].append(forged)
    schema(document, "Thing", "properties")[forged] = TEXT
    document["paths"]["/" + forged] = {"get": {"operationId": forged, "responses": {"200": {"description": "x"}}}}
    text, _ = entry("# Changelog\n\n## 0.1.0 – unreleased\n", diff(base(), document), "0.1.0")
    assert "9.9.9" in text
    assert [line for line in text.splitlines() if not line.startswith(("- ", "# Ch", "## 0.1.0")) and line] == []
    assert "- Forged." not in text.splitlines()


def test_what_the_parser_refuses_is_told_without_addresses() -> None:
    thing = {"type": "object", "properties": {"a b": {"type": "string"}, "a-b": {"type": "string"}}}
    document = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "components": {"schemas": {"Thing": thing}}}
    with pytest.raises(NotCovered, match=r"Thing: Properties … and … have the same python_name"):
        parse(document)
