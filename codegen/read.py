"""What does the document say? It is parsed by openapi-python-client and told in the few words the templates need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.openapi import Endpoint, GeneratorData
from openapi_python_client.parser.properties.any import AnyProperty
from openapi_python_client.parser.properties.boolean import BooleanProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.datetime import DateTimeProperty
from openapi_python_client.parser.properties.enum_property import EnumProperty
from openapi_python_client.parser.properties.float import FloatProperty
from openapi_python_client.parser.properties.int import IntProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.model_property import ModelProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.properties.union import UnionProperty

from codegen import rules
from codegen.keywords import COVERED
from codegen.literals import printable, python_pattern
from codegen.references import References, Unresolved, is_list, is_object, name_of

Document: TypeAlias = Mapping[str, Any]

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
IDEMPOTENCY_KEY = "idempotencyKey"


class NotCovered(Exception):
    """The document holds something that the templates cannot write."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__("\n".join(printable(line) for line in f"{place}: {what}".split("\n")))


def demand(place: str, why_not: str | None) -> None:
    """Stop at a place that a rule objects to."""
    if why_not is not None:
        raise NotCovered(place, why_not)


@dataclass(frozen=True)
class Scalar:
    """text, integer, number, boolean, time or any."""

    name: str
    minimum: int | None = None
    maximum: int | None = None
    min_length: int = 0
    pattern: str | None = None


@dataclass(frozen=True)
class EnumOf:
    name: str


@dataclass(frozen=True)
class ModelOf:
    name: str


@dataclass(frozen=True)
class UnionOf:
    name: str


@dataclass(frozen=True)
class MapOf:
    value: Scalar


@dataclass(frozen=True)
class ListOf:
    item: Kind
    min_items: int = 0
    max_items: int | None = None


@dataclass(frozen=True)
class Const:
    value: str | int


Kind: TypeAlias = Scalar | EnumOf | ModelOf | UnionOf | MapOf | ListOf | Const


@dataclass(frozen=True)
class Field:
    """One property of an object, or one parameter of a path."""

    wire: str
    name: str
    kind: Kind
    required: bool
    nullable: bool
    description: str


@dataclass(frozen=True)
class Model:
    name: str
    description: str
    fields: tuple[Field, ...]
    at_least_one_of: tuple[str, ...] = ()

    @property
    def variables(self) -> list[Field]:
        """Everything but constants, required first: the order of the constructor."""
        return sorted((f for f in self.fields if not isinstance(f.kind, Const)), key=lambda f: not f.required)


@dataclass(frozen=True)
class Enum:
    name: str
    description: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Union:
    name: str
    description: str
    tag: str
    members: Mapping[str, str]


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    route: str
    parameters: tuple[Field, ...]
    body: Model | None
    result: str
    envelope: str | None
    summary: str
    description: str
    error_codes: Mapping[str, list[str]]

    @property
    def tag(self) -> str:
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        return self.id.partition(".")[2]


@dataclass(frozen=True)
class Envelope:
    """What all webhooks come in: its model, and its properties that hold the event's name and its data."""

    model: str
    event: str
    data: str


@dataclass(frozen=True)
class Event:
    """A webhook: its name on the wire, and the model of its data."""

    wire: str
    envelope: Envelope
    data: str
    summary: str
    description: str

    @property
    def name(self) -> str:
        return class_name(self.wire)


@dataclass
class Api:
    """The whole document."""

    origin: str
    base_path: str
    operations: list[Operation] = field(default_factory=list[Operation])
    models: dict[str, Model] = field(default_factory=dict[str, Model])
    enums: dict[str, Enum] = field(default_factory=dict[str, Enum])
    unions: dict[str, Union] = field(default_factory=dict[str, Union])
    events: list[Event] = field(default_factory=list[Event])

    def tags(self) -> dict[str, list[Operation]]:
        """Operations by tag, in the order of the document."""
        by_tag: dict[str, list[Operation]] = {}
        for operation in self.operations:
            by_tag.setdefault(operation.tag, []).append(operation)
        return by_tag

    def reachable(self, roots: Iterable[Kind]) -> set[str]:
        """Names of the models, enums and unions that these kinds lead to."""
        seen: set[str] = set()
        todo = list(roots)
        while todo:
            kind = todo.pop()
            if isinstance(kind, ListOf):
                todo.append(kind.item)
            elif isinstance(kind, ModelOf | EnumOf | UnionOf) and kind.name not in seen:
                seen.add(kind.name)
                if isinstance(kind, ModelOf):
                    todo += [f.kind for f in self.models[kind.name].fields]
                elif isinstance(kind, UnionOf):
                    todo += [ModelOf(name) for name in self.unions[kind.name].members.values()]
        return seen

    def given(self) -> set[str]:
        """What can be part of a request."""
        return self.reachable(f.kind for o in self.operations if o.body for f in o.body.fields)


def parse(document: Document) -> GeneratorData:
    """Parse with openapi-python-client; whatever it would leave out with a warning stops us."""
    config = Config.from_sources(
        ConfigFile(),
        MetaType.NONE,
        document_source=Path(),
        file_encoding="utf-8",
        overwrite=True,
        output_path=None,
    )
    data = GeneratorData.from_dict(dict(document), config=config)
    if isinstance(data, GeneratorError):
        raise NotCovered("document", f"{data.header} {data.detail}")
    for tag, collection in data.endpoint_collections_by_tag.items():
        for error in collection.parse_errors:
            raise NotCovered(f"tag {tag}", re.sub(r" ?<\S+ object at 0x\w+>", "", f"{error.header} {error.detail}"))
    for error in data.errors:
        raise NotCovered("components", f"{error.header} {error.detail}")
    return data


def path_names(path: str) -> list[str]:
    """The names of a path's parameters, in their order."""
    return re.findall(r"\{(.*?)\}", path)


def path_shape(path: str) -> str:
    """A path without the names of its parameters, which are not on the wire."""
    return re.sub(r"\{.*?\}", "{}", path)


def snake(name: str) -> str:
    """CamelCase to snake_case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def class_name(event: str) -> str:
    """The name of an event to that of its class."""
    return "".join(part.capitalize() for part in re.split(r"[._-]", event))


class Reader:
    """Walks the parsed document beside the raw one, which alone has the bounds and the names of the references."""

    def __init__(self, document: Document) -> None:
        for place in rules.lone_surrogates(document):
            raise NotCovered(place, "half of a surrogate pair, which no file and no request can carry")
        self.document = document
        self.references = References(document)
        self.parsed = parse(document)
        self.parsed_models = {str(model.class_info.name): model for model in self.parsed.models}
        self.schemas: Mapping[str, Any] = document.get("components", {}).get("schemas", {})
        servers = document.get("servers") or [{"url": ""}]
        if (url := rules.SERVER.fullmatch(servers[0]["url"])) is None:
            raise NotCovered("servers[0].url", f"{servers[0]['url']!r} is no `https://host/path` of plain letters")
        self.prefix = url["path"].rstrip("/")
        self.api = Api(origin=url["origin"] or "", base_path=self.prefix)

    def follow(self, node: Mapping[str, Any], place: str) -> tuple[str | None, Mapping[str, Any]]:
        """Follow a reference; the name is that of the component."""
        try:
            return self.references.follow(node)
        except Unresolved as error:
            raise NotCovered(place, str(error)) from error

    def resolve(self, node: Mapping[str, Any], place: str) -> tuple[str | None, Mapping[str, Any]]:
        """Follow a reference to a schema, and look whether the templates cover it."""
        name, node = self.follow(node, place)
        if unknown := sorted(node.keys() - COVERED):
            raise NotCovered(place, f"keyword {unknown[0]!r}")
        return name, node

    def kind(self, prop: PropertyProtocol, raw: Mapping[str, Any], place: str) -> tuple[Kind, bool]:
        """The kind of a value, and whether it may be null."""
        name, node = self.resolve(raw, place)
        match prop:
            case UnionProperty():
                return self.union(prop, raw, place)
            case ConstProperty():
                if not isinstance(prop.value.raw_value, str | int):
                    raise NotCovered(place, f"const {prop.value.raw_value!r}")
                return Const(prop.value.raw_value), False
            case EnumProperty():
                if name is None or name not in self.api.enums or prop.value_type is not str:
                    raise NotCovered(place, "an enum must be a named component of strings")
                return EnumOf(name), False
            case ModelProperty():
                if name is None:
                    raise NotCovered(place, "an object must be a named component")
                return self.object(name, node, place), False
            case ListProperty():
                item, nullable = self.kind(prop.inner_property, node["items"], f"{place}[]")
                if nullable:
                    raise NotCovered(f"{place}[]", "items that may be null")
                self.bounds(node, place)
                return ListOf(item, node.get("minItems", 0), node.get("maxItems")), False
            case _:
                return self.scalar(prop, node, place), False

    def scalar(self, prop: PropertyProtocol, node: Mapping[str, Any], place: str) -> Scalar:
        kinds: dict[type, str] = {
            StringProperty: "text",
            IntProperty: "integer",
            FloatProperty: "number",
            BooleanProperty: "boolean",
            DateTimeProperty: "time",
            AnyProperty: "any",
        }
        if type(prop) not in kinds:
            raise NotCovered(place, f"{type(prop).__name__} (format {node.get('format')!r})")
        if getattr(prop, "default", None) is not None:
            raise NotCovered(place, "`default` (it would be sent; say it in the description)")
        bounds = {"minimum": "minimum", "maximum": "maximum", "minLength": "min_length", "pattern": "pattern"}
        self.bounds(node, place)
        return Scalar(kinds[type(prop)], **{mine: node[theirs] for theirs, mine in bounds.items() if theirs in node})

    @staticmethod
    def bounds(node: Mapping[str, Any], place: str) -> None:
        """Look whether the bounds of a schema are numbers, and its pattern is one for Python."""
        for keyword in ("minimum", "maximum", "minLength", "minItems", "maxItems"):
            if keyword in node:
                demand(f"{place} {keyword}", rules.no_bound(node[keyword], whole=not keyword.endswith("imum")))
        if "pattern" in node:
            demand(place, rules.no_pattern(python_pattern(node["pattern"])))

    def union(self, prop: UnionProperty, raw: Mapping[str, Any], place: str) -> tuple[Kind, bool]:
        inner = [p for p in prop.inner_properties if not isinstance(p, NoneProperty)]
        nullable = len(inner) < len(prop.inner_properties)
        name, node = self.resolve(raw, place)
        alternatives = [m for m in node.get("oneOf", []) if m.get("type") != "null"]
        if len(inner) == 1:
            return self.kind(inner[0], alternatives[0] if alternatives else node, place)[0], nullable
        if name is None and len(alternatives) == 1:  # oneOf: [a reference to a union, null]
            name, node = self.resolve(alternatives[0], place)
            alternatives = list(node["oneOf"])
        tag = node.get("discriminator", {}).get("propertyName")
        if name is None or tag is None:
            raise NotCovered(place, "a union must be a named component with a discriminator")
        if name not in self.api.unions:
            demand(f"components.schemas.{name}", rules.no_name(name))
            members: dict[str, str] = {}
            for member, alternative in zip(inner, alternatives, strict=True):
                kind, _ = self.kind(member, alternative, place)
                if not isinstance(kind, ModelOf):
                    raise NotCovered(place, "a union's members must be objects")
                consts = [f.kind.value for f in self.api.models[kind.name].fields
                          if f.wire == tag and f.required and isinstance(f.kind, Const)]  # fmt: skip
                if not consts:
                    raise NotCovered(f"{place}<{kind.name}>", f"no required `const` at {tag!r}")
                if str(consts[0]) in members:
                    raise NotCovered(place, f"two members with {tag!r} {consts[0]!r}")
                members[str(consts[0])] = kind.name
            self.api.unions[name] = Union(name, node.get("description", ""), tag, members)
        return UnionOf(name), nullable

    def object(self, name: str, node: Mapping[str, Any], place: str) -> Kind:
        if not node.get("properties"):
            extra = self.parsed_models[name].additional_properties if name in self.parsed_models else None
            if extra is None:
                raise NotCovered(place, f"{name} has neither properties nor additionalProperties")
            raw: Any = node.get("additionalProperties")
            value, nullable = self.kind(extra, {} if raw is True else raw, f"{place}{{}}")
            if not isinstance(value, Scalar) or value.name == "time" or nullable:
                raise NotCovered(place, f"{name} maps to something other than plain JSON")
            return MapOf(value)
        if node.get("additionalProperties") is False:
            raise NotCovered(name, "`additionalProperties: false` (unknown fields are kept, always)")
        if name not in self.parsed_models:
            raise NotCovered(
                f"components.schemas.{name}", "an object must have a name in PascalCase, and none of Python's own"
            )
        if name not in self.api.models:
            demand(f"components.schemas.{name}", rules.no_name(name))
            self.api.models[name] = Model(name, "", ())  # a model may lead back to itself
            fields = self.fields(self.parsed_models[name], node, name)
            needed = node.get("x-at-least-one-of", [])
            if not is_list(needed) or not {f.wire for f in fields}.issuperset(map(str, needed)):
                raise NotCovered(f"{name} x-at-least-one-of", f"{needed!r} are no properties of it")
            self.api.models[name] = Model(name, node.get("description", ""), fields, tuple(needed))
        return ModelOf(name)

    def fields(self, prop: ModelProperty, node: Mapping[str, Any], place: str) -> tuple[Field, ...]:
        parsed = {
            p.name.get_untrusted_value(): p
            for p in [*(prop.required_properties or ()), *(prop.optional_properties or ())]
        }
        if parsed.keys() != node["properties"].keys():
            raise NotCovered(place, f"properties {sorted(parsed.keys() ^ node['properties'].keys())} were not parsed")
        fields: list[Field] = []
        names: dict[str, str] = {}
        for wire, raw in node["properties"].items():
            at = f"{place}.{wire}"
            demand(at, rules.no_name(wire))
            demand(at, rules.no_attribute(python := snake(wire)))
            if (other := names.setdefault(python, wire)) != wire:
                raise NotCovered(at, f"it and {other!r} are both {python!r} in Python")
            kind, nullable = self.kind(parsed[wire], raw, at)
            if isinstance(kind, Const) and not parsed[wire].required:
                raise NotCovered(at, "an optional `const`")
            description = raw.get("description") or self.resolve(raw, at)[1].get("description", "")
            fields.append(Field(wire, python, kind, parsed[wire].required, nullable, description))
        return tuple(fields)

    def read(self) -> Api:
        classes: dict[str, str] = {}
        for name in self.schemas:
            if (other := classes.setdefault(class_name(name), name)) != name:
                raise NotCovered(f"components.schemas.{name}", f"it and {other!r} have one name in Python")
        for enum in self.parsed.enums:
            name = str(enum.class_info.name)
            if name in self.schemas and isinstance(enum, EnumProperty) and enum.value_type is str:
                place = f"components.schemas.{name}"
                demand(place, rules.no_name(name))
                values = [value for value in self.schemas[name]["enum"] if value is not None]
                if len(values) != len(enum.values):
                    raise NotCovered(place, f"two of {values} have one name in Python")
                for key in enum.values:
                    demand(f"{place} enum", rules.no_name(key))
                self.api.enums[name] = Enum(
                    name, self.schemas[name].get("description", ""), dict(zip(enum.values, values, strict=True))
                )
        for model in self.parsed.models:
            name = str(model.class_info.name)
            if name not in self.schemas:
                raise NotCovered(name, "an object must be a named component with a name in PascalCase")
            self.object(name, self.schemas[name], name)
        endpoints = {
            str(endpoint.name): endpoint
            for collection in self.parsed.endpoint_collections_by_tag.values()
            for endpoint in collection.endpoints
        }
        for path, item in self.document["paths"].items():
            demand(f"path {path}", rules.no_route(path))
            for method in METHODS:
                if method in item:
                    self.api.operations.append(self.operation(method, path, item, endpoints))
        self.api.events = [self.event(name, item) for name, item in self.document.get("webhooks", {}).items()]
        if len({event.envelope for event in self.api.events}) > 1:
            raise NotCovered("webhooks", "they come in different envelopes")
        return self.api

    def event(self, name: str, item: Mapping[str, Any]) -> Event:
        """A webhook, which openapi-python-client leaves out: its envelope, narrowed to one name and one model."""
        place, raw = f"webhook {name}", item.get("post", {})
        demand(place, rules.no_name(class_name(name)))
        parts = raw.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {}).get("allOf")
        if not parts or len(parts) != 2 or "$ref" not in parts[0] or len(parts[1].get("properties", ())) != 2:
            raise NotCovered(place, "its body is `allOf: [a reference to the envelope, {properties: two of them}]`")
        narrowed: Mapping[str, Mapping[str, str]] = parts[1]["properties"]
        events = [wire for wire, schema in narrowed.items() if schema == {"const": name}]
        models = {wire: name_of(s["$ref"]) for wire, s in narrowed.items() if s.keys() == {"$ref"}}
        if not events or not models or not self.api.models.keys() >= {*models.values()}:
            raise NotCovered(place, f"two properties are narrowed: one to `const: {name}`, one to an object")
        ((data, model),) = models.items()
        envelope = Envelope(name_of(parts[0]["$ref"]), events[0], data)
        if envelope.model not in self.api.models:
            raise NotCovered(place, f"its envelope {envelope.model} is no object")
        kinds = {f.wire: f.kind for f in self.api.models[envelope.model].fields}
        if envelope.event not in kinds or kinds.get(data) != Scalar("any"):
            raise NotCovered(place, f"{envelope.model} has no {envelope.event!r}, or no {data!r} of any type")
        return Event(name, envelope, model, self.summary(raw, place), raw.get("description", ""))

    @staticmethod
    def summary(raw: Mapping[str, Any], place: str) -> str:
        if not isinstance(raw.get("summary"), str):
            raise NotCovered(place, "it has no summary")
        return str(raw["summary"])

    @staticmethod
    def error_codes(raw: Mapping[str, Any], place: str) -> Mapping[str, list[str]]:
        codes = raw.get("x-error-codes", {})
        if not is_object(codes) or not all(is_list(c) and all(isinstance(v, str) for v in c) for c in codes.values()):
            raise NotCovered(f"{place} x-error-codes", f"{codes!r} is not `{{status: [code]}}`")
        return codes

    def operation(
        self, method: str, path: str, item: Mapping[str, Any], endpoints: MutableMapping[str, Endpoint]
    ) -> Operation:
        place = f"{method.upper()} {path}"
        raw = item[method]
        demand(place, rules.no_call(raw.get("operationId")))
        endpoint = endpoints.pop(raw["operationId"].replace(".", "_"), None)
        if endpoint is None:
            raise NotCovered(place, "the parser left this operation out (is the operationId there twice?)")
        if endpoint.query_parameters or endpoint.header_parameters or endpoint.cookie_parameters:
            raise NotCovered(place, "parameters outside the path")
        result, envelope = self.result(raw, place)
        return Operation(
            id=raw["operationId"],
            method=method.upper(),
            route=self.prefix + path,
            parameters=self.parameters([*item.get("parameters", ()), *raw.get("parameters", ())], path, place),
            body=self.body(raw, place),
            result=result,
            envelope=envelope,
            summary=self.summary(raw, place),
            description=raw.get("description", ""),
            error_codes=self.error_codes(raw, place),
        )

    def parameters(self, raw: list[Mapping[str, Any]], path: str, place: str) -> tuple[Field, ...]:
        found: dict[str, Field] = {}
        for node in raw:
            _, node = self.follow(node, place)
            if node["in"] != "path":
                raise NotCovered(place, f"a parameter in {node['in']!r}")
            _, schema = self.resolve(node["schema"], place)
            if schema.get("type") != "string":
                raise NotCovered(place, f"parameter {node['name']!r} is no string")
            self.bounds(schema, f"{place} {node['name']}")
            kind = Scalar("text", min_length=schema.get("minLength", 0), pattern=schema.get("pattern"))
            name = node.get("x-argument") or snake(node["name"])
            demand(f"{place} {node['name']}", rules.no_attribute(name))
            found[node["name"]] = Field(node["name"], name, kind, True, False, node.get("description", ""))
        names = path_names(path)
        if sorted(names) != sorted(found):
            raise NotCovered(place, f"path has {names}, parameters are {sorted(found)}")
        return tuple(found[name] for name in names)

    def body(self, raw: Mapping[str, Any], place: str) -> Model | None:
        if "requestBody" not in raw:
            return None
        _, node = self.follow(raw["requestBody"], place)
        if list(node["content"]) != ["application/json"]:
            raise NotCovered(place, f"a body of {list(node['content'])}")
        name, _ = self.resolve(node["content"]["application/json"]["schema"], place)
        if name not in self.api.models:
            raise NotCovered(place, "a body must be an object that is a named component")
        return self.api.models[name]

    def result(self, raw: Mapping[str, Any], place: str) -> tuple[str, str | None]:
        """The model of the 2xx answers, and the property it is wrapped in."""
        names: set[str | None] = set()
        for status, response in raw["responses"].items():
            _, response = self.follow(response, f"{place} {status}")
            if status.startswith("2"):
                if list(response.get("content", {})) != ["application/json"]:
                    raise NotCovered(f"{place} {status}", f"an answer of {list(response.get('content', {}))}")
                names.add(self.resolve(response["content"]["application/json"]["schema"], f"{place} {status}")[0])
        if len(names) != 1 or not (name := names.pop()) or name not in self.api.models:
            raise NotCovered(place, "the 2xx answers must all be one object that is a named component")
        fields = self.api.models[name].fields
        if [f.wire for f in fields] != ["data"]:
            return name, None
        if not isinstance(fields[0].kind, ModelOf):
            raise NotCovered(place, "`data` must be an object")
        return fields[0].kind.name, "data"


def read(document: Document) -> Api:
    """Read a document.

    Raises:
        NotCovered: it holds something that the templates cannot write; the message names the place.
    """
    return Reader(document).read()
