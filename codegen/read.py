"""What does the document say? It is checked by openapi-python-client, and told in the words of `codegen/api.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.openapi import GeneratorData
from openapi_python_client.parser.properties.enum_property import EnumProperty

from codegen import rules
from codegen.all_of import flattened
from codegen.api import (
    Api,
    Document,
    EnumOf,
    Envelope,
    Event,
    Field,
    FileOf,
    Kind,
    ListOf,
    MapOf,
    Model,
    ModelOf,
    NotCovered,
    Nullable,
    Operation,
    Paging,
    Parameter,
    Scalar,
    UnionOf,
    demand,
    leaf,
)
from codegen.kinds import Kinds, Node
from codegen.names import FORM, JSON, METHODS, class_name, path_names, snake
from codegen.references import References, is_list, is_object, name_of

UNDESCRIBED: Final = frozenset({"accept", "content-type", "authorization"})
"""Headers that a document cannot describe as parameters: OpenAPI says that such parameters mean nothing."""
OURS: Final = frozenset(
    {"accept-encoding", "connection", "content-length", "cookie", "host", "te", "transfer-encoding", "user-agent"}
)
"""Headers that are the business of whoever sends."""


def parse(document: Document) -> GeneratorData:
    """Check the components with openapi-python-client; whatever it would leave out with a warning stops us."""
    config = Config.from_sources(
        ConfigFile(),
        MetaType.NONE,
        document_source=Path(),
        file_encoding="utf-8",
        overwrite=True,
        output_path=None,
    )
    schemas = {key: value for key, value in document.items() if key not in ("webhooks", "paths")}
    data = GeneratorData.from_dict({**schemas, "paths": {}}, config=config)
    if isinstance(data, GeneratorError):
        raise NotCovered("document", _without_addresses(f"{data.header} {data.detail}"))
    for error in data.errors:
        raise NotCovered("components", _without_addresses(f"{error.header} {error.detail}"))
    return data


def _without_addresses(text: str) -> str:
    """A text in which objects of openapi-python-client may stand for what the document says."""
    return re.sub(r"<[\w.]+ object at 0x[0-9a-f]+>", "…", text)


class Reader:
    """Reads operations and webhooks, and with them the schemas that they need."""

    def __init__(self, document: Document) -> None:
        for place in rules.lone_surrogates(document):
            raise NotCovered(place, "half of a surrogate pair, which no file and no request can carry")
        self.document = flattened(document)
        parsed = parse(self.document)
        references = References(self.document)
        schemas: Node = self.document.get("components", {}).get("schemas", {})
        classes: dict[str, str] = {}
        for name in schemas:
            if (other := classes.setdefault(class_name(name), name)) != name:
                raise NotCovered(f"components.schemas.{name}", f"it and {other!r} have one name in Python")
        self.named = [str(model.class_info.name) for model in parsed.models]
        enums = {str(enum.class_info.name): enum for enum in parsed.enums if isinstance(enum, EnumProperty)}
        self.kinds = Kinds(self.document, references, {name: enum for name, enum in enums.items() if name in schemas})
        servers = document.get("servers") or [{"url": ""}]
        if (url := rules.SERVER.fullmatch(servers[0]["url"])) is None:
            raise NotCovered("servers[0].url", f"{servers[0]['url']!r} is no `https://host/path` of plain letters")
        self.prefix = url["path"].rstrip("/")
        self.api = self.kinds.api
        self.api.origin, self.api.base_path = url["origin"] or "", self.prefix

    def read(self) -> Api:
        for name in self.named:
            if name not in self.kinds.schemas:
                raise NotCovered(name, "an object must be a named component with a name in PascalCase")
            self.kinds.object(name, self.kinds.resolve(self.kinds.schemas[name], name)[1], name)
        for path, item in self.document["paths"].items():
            demand(f"path {path}", rules.no_route(path))
            for method in METHODS:
                if method in item:
                    self.api.operations.append(self.operation(method, path, item))
        if absent := sorted(self.api.models.keys() - {*self.named}):
            place = f"components.schemas.{absent[0]}"
            raise NotCovered(place, "an object must have a name in PascalCase, and none of Python's own")
        self.demand_no_file()
        self.api.events = [self.event(name, item) for name, item in self.document.get("webhooks", {}).items()]
        if len({event.envelope for event in self.api.events}) > 1:
            raise NotCovered("webhooks", "they come in different envelopes")
        return self.api

    def demand_no_file(self) -> None:
        """Files are in forms, and forms are nothing else."""
        forms = {operation.body.name for operation in self.api.operations if operation.body and operation.is_form}
        inside = [f.kind for model in self.api.models.values() for f in model.fields]
        bodies = [ModelOf(o.body.name) for o in self.api.operations if o.body and not o.is_form]
        members = [ModelOf(name) for union in self.api.unions.values() for name in union.members.values()]
        in_json = {one.name for one in map(leaf, [*inside, *bodies, *members, *self.api.results()])
                   if isinstance(one, ModelOf)}  # fmt: skip
        for name, model in self.api.models.items():
            for f in model.fields:
                if isinstance(leaf(f.kind), FileOf) and (name not in forms or name in in_json):
                    raise NotCovered(f"{name}.{f.wire}", "`format: binary`: a file is no part of JSON")
        for operation in self.api.operations:
            if isinstance(leaf(operation.bag.kind) if operation.bag else None, FileOf):
                raise NotCovered(operation.id, "`format: binary`: a file is no part of JSON")

    def event(self, name: str, item: Node) -> Event:
        """A webhook, which openapi-python-client leaves out: its envelope, narrowed to one name and one model."""
        place, raw = f"webhook {name}", item.get("post", {})
        demand(place, rules.no_name(class_name(name)))
        parts = raw.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema", {}).get("allOf")
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
    def summary(raw: Node, place: str) -> str:
        if not isinstance(raw.get("summary"), str):
            raise NotCovered(place, "it has no summary")
        return str(raw["summary"])

    @staticmethod
    def error_codes(raw: Node, place: str) -> Mapping[str, list[str]]:
        codes = raw.get("x-error-codes", {})
        if not is_object(codes) or not all(is_list(c) and all(isinstance(v, str) for v in c) for c in codes.values()):
            raise NotCovered(f"{place} x-error-codes", f"{codes!r} is not `{{status: [code]}}`")
        return codes

    def operation(self, method: str, path: str, item: Node) -> Operation:
        place = f"{method.upper()} {path}"
        raw = item[method]
        demand(place, rules.no_call(raw.get("operationId")))
        if any(operation.id == raw["operationId"] for operation in self.api.operations):
            raise NotCovered(place, f"the operationId {raw['operationId']} is there twice")
        parameters, others = self.parameters([*item.get("parameters", ()), *raw.get("parameters", ())], path, place)
        body, is_form, bag = self.body(raw, place)
        result, envelope = self.result(raw, place)
        return Operation(
            id=raw["operationId"],
            method=method.upper(),
            route=self.prefix + path,
            parameters=parameters,
            others=others,
            body=body,
            is_form=is_form,
            bag=bag,
            result=result,
            envelope=envelope,
            paging=self.paging(others, result) if method == "get" else None,
            summary=self.summary(raw, place),
            description=raw.get("description", ""),
            error_codes=self.error_codes(raw, place),
            deprecated=raw.get("deprecated") is True,
        )

    def parameters(self, raw: list[Node], path: str, place: str) -> tuple[tuple[Field, ...], tuple[Parameter, ...]]:
        """The parameters of the path, and the others; those of an operation win over those of its path."""
        found: dict[tuple[str, str], Field] = {}
        for one in raw:
            _, node = self.kinds.follow(one, place)
            name, where = node.get("name"), node.get("in")
            if not isinstance(name, str) or where not in ("path", "query", "header", "cookie"):
                raise NotCovered(place, f"a parameter named {name!r} in {where!r}")
            if where == "cookie":
                raise NotCovered(f"{place} {name}", "a parameter in a cookie")
            if where != "header" or name.lower() not in UNDESCRIBED:
                found[where, name] = self.parameter(name, where, node, f"{place} {name}")
        names, inside = path_names(path), [name for where, name in found if where == "path"]
        if sorted(names) != sorted(inside):
            raise NotCovered(place, f"path has {names}, parameters are {sorted(inside)}")
        others = tuple(field for field in found.values() if isinstance(field, Parameter))
        return tuple(found["path", name] for name in names), others

    def parameter(self, name: str, where: Literal["path", "query", "header"], node: Node, at: str) -> Field:
        """One parameter: of a path a scalar, of a header too, of a query also a list of them."""
        demand(at, rules.no_parameter(name))
        if not is_object(node.get("schema")):
            raise NotCovered(at, "a parameter needs a `schema`")
        style, explode = node.get("style", "form" if where == "query" else "simple"), node.get("explode", True)
        if style != ("form" if where == "query" else "simple") or node.get("allowReserved") is True:
            raise NotCovered(at, f"a parameter with `style: {style}`" if "style" in node else "`allowReserved`")
        if where == "header" and name.lower() in OURS:
            raise NotCovered(at, "this header is not for a document to say")
        kind, nullable = self.kinds.kind(node["schema"], at)
        item = kind.item if isinstance(kind, ListOf) and where == "query" else kind
        if nullable or not isinstance(item, Scalar | EnumOf) or (isinstance(item, Scalar) and item.name == "any"):
            allowed = "a text, a number, a bool, a time or an enum" + ", or a list of them" * (where == "query")
            raise NotCovered(at, f"a parameter in {where!r} is {allowed}, and not null")
        argument = node.get("x-argument") or snake(re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_"))
        demand(at, rules.no_attribute(argument))
        told = node.get("description", "")
        if where == "path":
            return Field(name, argument, kind, True, False, told)
        return Parameter(name, argument, kind, node.get("required") is True, False, told, where, explode is True)

    def paging(self, others: tuple[Parameter, ...], result: Kind | None) -> Paging | None:
        """How a list goes on: `cursor` takes what the last page had at `nextCursor`, beside its only list."""
        if not isinstance(result, ModelOf):
            return None
        fields = self.api.models[result.name].fields
        lists = [field for field in fields if isinstance(field.kind, ListOf) and field.required and not field.nullable]
        for parameter in others:
            cursors = [f for f in fields if f.name == f"next_{parameter.name}" and is_text(f.kind)]
            may_be_left_out = parameter.where == "query" and not parameter.required and is_text(parameter.kind)
            if len(lists) == len(cursors) == 1 and may_be_left_out:
                return Paging(parameter, lists[0], cursors[0])
        return None

    def body(self, raw: Node, place: str) -> tuple[Model | None, bool, Field | None]:
        """The body: an object of known properties, and whether it is a form; or an object of any properties."""
        if "requestBody" not in raw:
            return None, False, None
        at = f"{place} requestBody"
        _, node = self.kinds.follow(raw["requestBody"], place)
        content = node.get("content", {})
        if list(content) not in ([JSON], [FORM]):
            raise NotCovered(at, f"a body of {list(content)}, and not of {JSON} or {FORM}")
        ((media, inside),) = content.items()
        schema = inside.get("schema")
        kind, nullable = self.kinds.kind(schema if is_object(schema) else {}, at)
        if isinstance(kind, ModelOf) and not nullable:
            model = self.api.models[kind.name]
            return (
                (self.form(model, inside.get("encoding", {}), at), True, None)
                if media == FORM
                else (model, False, None)
            )
        if not isinstance(kind, MapOf) or nullable or media == FORM:
            raise NotCovered(at, "a body must be an object that is a named component")
        name = node.get("x-argument", "body")
        demand(at, rules.no_attribute(name))
        return None, False, Field("", name, kind, True, False, node.get("description", ""))

    @staticmethod
    def form(model: Model, encoding: Any, place: str) -> Model:
        """A form: its files with the media types that they may have, beside fields that are text or JSON."""
        if not is_object(encoding) or not encoding.keys() <= {f.wire for f in model.fields}:
            raise NotCovered(f"{place} encoding", "it is no object whose keys are properties of the form")
        fields: list[Field] = []
        for f in model.fields:
            at, kind = f"{model.name}.{f.wire}", f.kind
            file = kind.item if isinstance(kind, ListOf) else kind
            said = encoding.get(f.wire, {})
            if (
                f.nullable
                or isinstance(leaf(kind), Nullable)
                or (isinstance(kind, ListOf) and isinstance(file, ListOf))
            ):
                raise NotCovered(at, "a part of a form that may be null, or is a list of lists")
            if isinstance(leaf(kind), FileOf) != isinstance(file, FileOf):
                raise NotCovered(at, "`format: binary` inside of something that is no list")
            if said and (not is_object(said) or said.keys() != {"contentType"} or not isinstance(file, FileOf)):
                raise NotCovered(f"{place} encoding {f.wire}", "what is more than the `contentType` of a file")
            if isinstance(file, FileOf) and said:
                types = tuple(one.strip() for one in str(said["contentType"]).split(","))
                for one in types:
                    demand(f"{place} encoding {f.wire}", rules.no_media_type(one))
                file = replace(file, media_types=types)
                kind = replace(kind, item=file) if isinstance(kind, ListOf) else file
            fields.append(replace(f, kind=kind))
        return replace(model, fields=tuple(fields))

    def result(self, raw: Node, place: str) -> tuple[Kind | None, str | None]:
        """What the 2xx answers hold, and the property that they are wrapped in."""
        kinds: list[Kind | None] = []
        for status, response in raw["responses"].items():
            at = f"{place} {status}"
            _, node = self.kinds.follow(response, at)
            if not status.startswith("2"):
                continue
            content = node.get("content", {})
            if content and JSON not in content:
                kinds.append(self.bytes_of(content, at))
                continue
            if content and list(content) != [JSON]:
                raise NotCovered(at, f"an answer of {list(content)}: {JSON} and something else")
            schema = content[JSON].get("schema") if content else None
            kind, nullable = self.kinds.kind(schema, at) if is_object(schema) else (None, content != {})
            if nullable:
                raise NotCovered(at, "an answer that may be null, or has no schema")
            kinds.append(kind)
        if not kinds or any(kind != kinds[0] for kind in kinds):
            raise NotCovered(place, "the 2xx answers must all hold the same")
        kind = kinds[0]
        if isinstance(kind, ModelOf) and [f.wire for f in self.api.models[kind.name].fields] == ["data"]:
            data = self.api.models[kind.name].fields[0]
            if data.nullable or not data.required:
                raise NotCovered(place, "`data` must be there, and not null")
            return self.answered(data.kind, f"{place} data"), "data"
        if kind is None or isinstance(kind, FileOf):
            return kind, None
        return self.answered(kind, place), None

    def bytes_of(self, content: Node, place: str) -> FileOf:
        """An answer that is no JSON: bytes, in one of some media types."""
        limits: set[int | None] = set()
        for media, node in content.items():
            demand(place, rules.no_media_type(media))
            schema = node.get("schema", {}) if is_object(node) else None
            kind, nullable = self.kinds.kind(schema, place) if is_object(schema) else (None, True)
            if nullable or (kind != Scalar("any") and not isinstance(kind, FileOf) and not is_text(kind)):
                raise NotCovered(place, f"an answer of {media} is `type: string, format: binary`")
            limits.add(kind.max_bytes if isinstance(kind, FileOf) else None)
        if len(limits) > 1:
            raise NotCovered(place, "each media type has another `maxLength`")
        return FileOf(limits.pop(), tuple(content))

    @staticmethod
    def answered(kind: Kind, place: str) -> Kind:
        if not isinstance(kind, ModelOf | UnionOf | ListOf | MapOf):
            raise NotCovered(place, "an answer must be an object or a list")
        return kind


def is_text(kind: Kind | None) -> bool:
    return isinstance(kind, Scalar) and kind.name == "text"


def read(document: Document) -> Api:
    """Read a document.

    Raises:
        NotCovered: it holds something that the templates cannot write; the message names the place.
    """
    return Reader(document).read()
