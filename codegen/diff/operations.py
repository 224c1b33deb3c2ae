"""Does a change of an operation break, and whom? Paths, parameters, bodies, answers, error codes; and webhooks.

Webhooks arrive: their bodies and headers are judged as answers, and what we answer to them as a request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from codegen.diff.change import Change
from codegen.diff.graph import Graph, Root
from codegen.diff.schemas import A, B, Comparison, D, U, same, shown, verb
from codegen.diff.servers import addresses, base_path, lets_in, security
from codegen.diff.shapes import Unjudgeable, exactly
from codegen.keywords import PROSE
from codegen.names import METHODS, class_name, path_names, path_shape, snake
from codegen.references import References, Unresolved, is_list, is_object, name_of

Node = Mapping[str, Any]

DOCUMENT: Final = {"openapi", "info", "servers", "security", "tags", "paths", "webhooks", "components", *PROSE}
OPERATION: Final = {
    *("operationId", "tags", "parameters", "requestBody", "responses", "x-error-codes", "security", "servers", *PROSE),
}
PARAMETER: Final = {
    *("name", "in", "required", "schema", "content", "style", "explode", "allowReserved", "allowEmptyValue"),
    *("x-argument", *PROSE),
}
BODY: Final = {"content", "required", *PROSE}
RESPONSE: Final = {"content", "headers", *PROSE}
MEDIA: Final = {"schema", "encoding", *PROSE}
ENCODING: Final = {"contentType", *PROSE}
STYLES: Final = {"query": "form", "cookie": "form"}


@dataclass(frozen=True)
class Operation:
    """An operation, with what its path and its document say of it."""

    method: str
    path: str
    node: Node
    parameters: tuple[Any, ...]
    addresses: tuple[str, ...]
    own_addresses: bool

    @property
    def routes(self) -> list[tuple[str, str]]:
        """Where it answers: its method, and the shape of its path behind each server."""
        return [(self.method, base_path(address) + path_shape(self.path)) for address in self.addresses]

    @property
    def route(self) -> tuple[str, str]:
        return self.method, path_shape(self.path)

    @property
    def urls(self) -> list[str]:
        return [address + path_shape(self.path) for address in self.addresses]


class Differ:
    def __init__(self, old: Any, new: Any) -> None:
        self.documents = old, new
        self.references = References(old), References(new)
        self.graph = Graph()
        self.comparison = Comparison(self.graph, *self.references)

    def run(self) -> list[Change]:
        top = Root("document", "document", (), ())
        for document in self.documents:
            if not is_object(document):
                self.graph.say(U, "not judged", top, "it is no object")
                return self.graph.changes()
        self.trying(self.document, top)
        self.trying(self.operations, top)
        self.trying(self.webhooks, top)
        return self.graph.changes()

    def trying(self, compare: Callable[..., None], *rest: Any) -> None:
        """Compare; what cannot be judged is said of the place, which is the last argument."""
        try:
            compare(*rest)
        except (Unjudgeable, Unresolved) as error:
            self.graph.say(U, "not judged", rest[-1], str(error))

    def followed(self, before: Any, after: Any) -> tuple[Node, Node]:
        """Both, behind their references.

        Raises:
            Unjudgeable, Unresolved: one is no object.
        """
        found = tuple(
            references.merged(node) for references, node in zip(self.references, (before, after), strict=True)
        )
        return as_object(found[0]), as_object(found[1])

    def prose(self, before: Node, after: Node, at: Root) -> None:
        for keyword in PROSE:
            if before.get(keyword) != after.get(keyword):
                one, other = ([] if node.get(keyword) is None else [0] for node in (before, after))
                self.graph.say(D, keyword, at, f"{keyword} {verb(one, other)}")

    def unknown(self, before: Node, after: Node, judged: Iterable[str], at: Root) -> None:
        """What no rule is about: better to stop than to let one pass."""
        for keyword in sorted({*before, *after} - {*judged}):
            one, other = before.get(keyword), after.get(keyword)
            if not same(one, other, *self.references):
                level = D if keyword.startswith("x-") or keyword == "links" else U
                self.graph.say(level, "keyword", at, f"{keyword} {shown(one)} → {shown(other)}")

    def schemas(self, before: Node, after: Node, at: Root, request: bool) -> None:
        old, new = ((node["schema"],) if "schema" in node else () for node in (before, after))
        self.graph.roots.append((at, self.comparison.schemas(old, new, request)))

    def required(self, before: bool, after: bool, at: Root, request: bool) -> None:
        if before != after:
            breaks = after if request else before
            text = "now required" if after else "no longer required" if request else "no longer always there"
            self.graph.say(B if breaks else A, "required", at, text if request or before else "now always there")

    def document(self, at: Root) -> None:
        old, new = self.documents
        self.prose(old, new, at)
        self.unknown(old, new, DOCUMENT, at)
        for document in self.documents:
            exactly(document, "components", dict, {})
        for keyword in ("openapi", "info", "tags"):
            if old.get(keyword) != new.get(keyword):
                self.graph.say(D, keyword, at, f"{keyword} {shown(old.get(keyword))} → {shown(new.get(keyword))}")

    def operations(self, top: Root) -> None:
        old, new = (self.listed(index, top) for index in (0, 1))
        routes = {route: operation for operation in reversed(new) for route in operation.routes}
        relative = {operation.route: operation for operation in reversed(new)}
        pairs: list[tuple[Operation | None, Operation | None]] = []
        met: set[int] = set()
        for operation in old:
            match = routes.get(operation.routes[0]) or relative.get(operation.route)
            if match is not None and id(match) in met:
                match = None
            met.add(id(match))
            pairs.append((operation, match))
        pairs += [(None, operation) for operation in new if id(operation) not in met]
        for before, after in pairs:
            shown_as = after or before
            assert shown_as is not None
            place = f"{shown_as.method} {shown_as.path}"
            name = str(shown_as.node.get("operationId", place))
            at = Root(place, place, (name,), (f"api.{name}",))
            if before is None or after is None:
                gone = after is None
                self.graph.say(B if gone else A, "operation", at, "removed" if gone else "added")
            else:
                self.trying(self.operation, before, after, at)

    def listed(self, index: int, top: Root) -> list[Operation]:
        """The operations of a document."""
        document, references = self.documents[index], self.references[index]
        found: list[Operation] = []
        for path, item in exactly(document, "paths", dict, {}).items():
            try:
                shared = as_object(references.merged(item))
                holders = [holder for holder in (shared, document) if "servers" in holder]
                for method in METHODS:
                    if method in shared:
                        node = as_object(references.merged(shared[method]))
                        servers = [node, *holders] if "servers" in node else holders
                        urls = addresses(servers[0]) if servers else [""]
                        parameters = [*exactly(shared, "parameters", list, []), *exactly(node, "parameters", list, [])]
                        operation = Operation(method.upper(), path, node, tuple(parameters), tuple(urls),
                                              bool(servers) and servers[0] is not document)  # fmt: skip
                        _ = operation.routes
                        found.append(operation)
            except (Unjudgeable, Unresolved) as error:
                self.graph.say(U, "not judged", top.down(f" {path}"), str(error))
        return found

    def operation(self, before: Operation, after: Operation, at: Root) -> None:
        old, new = before.node, after.node
        if (one := old.get("operationId")) != (other := new.get("operationId")):
            self.graph.say(B, "name", at, f"the call {shown(one)} → {shown(other)}")
        self.prose(old, new, at)
        self.unknown(old, new, OPERATION, at)
        self.servers(before, after, at)
        self.trying(self.security, old, new, at)
        self.trying(self.parameters, before, after, at)
        if "requestBody" in old or "requestBody" in new:
            self.trying(self.body, old, new, at.down(" body"))
        self.trying(self.answers, old, new, at)
        self.trying(self.codes, old, new, at)

    def servers(self, before: Operation, after: Operation, at: Root) -> None:
        old, new = before.urls, after.urls
        if {*old} != {*new}:
            if not before.own_addresses and not after.own_addresses:
                at = Root("document", "document", at.methods, at.names)
            level = A if {*old} <= {*new} else B
            one, other = (", ".join(operation.addresses) or "none" for operation in (before, after))
            self.graph.say(level, "servers", at, f"servers {shown(one)} → {shown(other)}")

    def security(self, old: Node, new: Node, at: Root) -> None:
        holders = [node if "security" in node else document
                   for node, document in zip((old, new), self.documents, strict=True)]  # fmt: skip
        before, after = (security(*rest) for rest in zip(holders, self.documents, self.references, strict=True))
        if before != after:
            if "security" not in old and "security" not in new:
                at = Root("document", "document", at.methods, at.names)
            breaks = not all(lets_in(after, way) for way in before)
            text = "another way to prove who asks is needed" if breaks else "there are more ways in"
            self.graph.say(B if breaks else A, "security", at, text)

    def parameters(self, before: Operation, after: Operation, at: Root) -> None:
        old, new = (
            self.by_wire(operation.parameters, path_names(operation.path), references)
            for operation, references in zip((before, after), self.references, strict=True)
        )
        orders = [path_names(operation.path) for operation in (before, after)]
        if sorted(orders[0]) == sorted(orders[1]) and orders[0] != orders[1]:
            self.graph.say(B, "parameter", at, f"{', '.join(orders[0])} are now {', '.join(orders[1])}")
        for key in dict.fromkeys([*old, *new]):
            one, other = old.get(key), new.get(key)
            node = other or one or {}
            where = at.down(f" {node['in']} {node['name']}")
            if other is None:
                self.graph.say(B, "parameter", where, "removed")
            elif one is None:
                must = other.get("required") is True
                self.graph.say(B if must else A, "parameter", where, "added, and required" if must else "added")
            else:
                self.trying(self.parameter, one, other, where)

    @staticmethod
    def by_wire(parameters: Iterable[Any], order: list[str], references: References) -> dict[tuple[str, str], Node]:
        """Parameters by what is on the wire: those of the path by their position, all others by name."""
        found: dict[tuple[str, str], Node] = {}
        for raw in parameters:
            node = as_object(references.merged(raw))
            name, where = node.get("name"), node.get("in")
            if not isinstance(name, str) or where not in ("path", "query", "header", "cookie"):
                raise Unjudgeable(f"a parameter has the name {name!r} and is in {where!r}")
            if where == "header":
                if name.lower() in ("accept", "content-type", "authorization"):
                    continue  # they are not described by parameters
                key = name.lower()
            else:
                key = str(order.index(name)) if where == "path" and name in order else name
            found[where, key] = node
        return found

    def parameter(self, old: Node, new: Node, at: Root, request: bool = True) -> None:
        self.required(old.get("required") is True, new.get("required") is True, at, request)
        self.prose(old, new, at)
        self.unknown(old, new, PARAMETER, at)
        if "x-argument" in old or "x-argument" in new:
            names = [str(node.get("x-argument") or snake(str(node.get("name")))) for node in (old, new)]
            if names[0] != names[1]:
                self.graph.say(B, "name", at, f"the argument {names[0]} → {names[1]}")
        for keyword, before, after in zip(
            ("style", "explode", "allowReserved"), spelling(old), spelling(new), strict=True
        ):
            if before != after and (keyword != "explode" or self.listed_values(old, new)):
                self.graph.say(B, "parameter", at, f"{keyword} {shown(before)} → {shown(after)}")
        if (one := old.get("allowEmptyValue") is True) != (other := new.get("allowEmptyValue") is True):
            self.graph.say(B if one else A, "parameter", at, f"allowEmptyValue {shown(one)} → {shown(other)}")
        if "content" in old or "content" in new:
            self.contents(old, new, at, request)
        else:
            self.schemas(old, new, at, request)

    def listed_values(self, old: Node, new: Node) -> bool:
        """Whether a parameter may hold more than one value."""
        normals = self.comparison.old, self.comparison.new
        return any(
            "schema" in node and normal.shape((node["schema"],)).types & {"array", "object"}
            for normal, node in zip(normals, (old, new), strict=True)
        )

    def body(self, old: Node, new: Node, at: Root) -> None:
        if "requestBody" not in old or "requestBody" not in new:
            node = self.followed(old.get("requestBody", {}), new.get("requestBody", {}))
            gone = "requestBody" not in new
            must = gone or node[1].get("required") is True
            text = "removed" if gone else "added, and required" if must else "added"
            self.graph.say(B if must else A, "body", at, text)
            return
        before, after = self.followed(old["requestBody"], new["requestBody"])
        self.required(before.get("required") is True, after.get("required") is True, at, True)
        self.prose(before, after, at)
        self.unknown(before, after, BODY, at)
        self.contents(before, after, at, True)

    def contents(self, before: Node, after: Node, at: Root, request: bool) -> None:
        """What is in a body, in an answer, in a webhook or in a parameter, in each media type."""
        old, new = (
            {media_type(name): node for name, node in exactly(holder, "content", dict, {}).items()}
            for holder in (before, after)
        )
        if "schema" in before and "content" not in before:
            self.graph.say(B, "media type", at, f"it is {', '.join(new)} now")
            return
        for media in dict.fromkeys([*old, *new]):
            if media not in new:
                self.graph.say(B, "media type", at, f"{media} removed")
            elif media not in old:
                self.graph.say(A, "media type", at, f"{media} added")
            else:
                one, other = self.followed(old[media], new[media])
                self.unknown(one, other, MEDIA, at)
                if request:  # elsewhere it means nothing
                    self.encodings(exactly(one, "encoding", dict, {}), exactly(other, "encoding", dict, {}), at)
                self.schemas(one, other, at, request)

    def encodings(self, before: Node, after: Node, at: Root) -> None:
        """The media types that the files of a form may have."""
        for name in dict.fromkeys([*before, *after]):
            one, other = as_object(before.get(name, {})), as_object(after.get(name, {}))
            self.unknown(one, other, ENCODING, at.down(f".{name}"))
            old, new = (
                [part.strip().lower() for part in exactly(node, "contentType", str, "*/*").split(",")]
                for node in (one, other)
            )
            lost, won = not_among(old, new), not_among(new, old)
            if lost or won:
                text = f"contentType {', '.join(old)} → {', '.join(new)}"
                self.graph.say(B if lost else A, "media type", at.down(f".{name}"), text)

    def answers(self, old: Node, new: Node, at: Root) -> None:
        before, after = exactly(old, "responses", dict, {}), exactly(new, "responses", dict, {})
        good = [[status for status in responses if status.startswith("2")] or ["default"] * ("default" in responses)
                for responses in (before, after)]  # fmt: skip
        for status in dict.fromkeys([*before, *after]):
            where = at.down(f" {status}")
            if status not in before:
                self.graph.say(A, "status", where, "added")
                if status in good[1] and good[0]:  # it may come where another came
                    self.trying(self.answer, before[good[0][0]], after[status], where)
            elif status not in after:
                lost = status in good[0] and not {*good[0]} & {*good[1]}
                self.graph.say(B if lost else A, "status", where, "removed")
            else:
                self.trying(self.answer, before[status], after[status], where)

    def answer(self, before: Any, after: Any, at: Root) -> None:
        old, new = self.followed(before, after)
        names = [name_of(str(node["$ref"])) for node in (before, after) if "$ref" in node]
        self.prose(old, new, at.down("", f"responses.{names[1]}") if len(names) == 2 else at)
        self.unknown(old, new, RESPONSE, at)
        self.headers(exactly(old, "headers", dict, {}), exactly(new, "headers", dict, {}), at)
        self.contents(old, new, at, False)

    def headers(self, before: Node, after: Node, at: Root) -> None:
        """Headers of an answer or a webhook, which arrive."""
        old, new = ({name.lower(): (name, node) for name, node in side.items() if name.lower() != "content-type"}
                    for side in (before, after))  # fmt: skip
        for key in dict.fromkeys([*old, *new]):
            where = at.down(f" header {(new.get(key) or old[key])[0]}")
            if key not in new:
                self.graph.say(B, "headers", where, "removed")
            elif key not in old:
                self.graph.say(A, "headers", where, "added")
            else:
                self.trying(self.header, old[key][1], new[key][1], where)

    def header(self, before: Any, after: Any, at: Root) -> None:
        self.parameter(*self.followed(before, after), at, False)

    def codes(self, old: Node, new: Node, at: Root) -> None:
        """Error codes: callers branch on them, so one that no longer comes breaks."""
        before, after = (
            {(status, str(code)) for status, codes in exactly(node, "x-error-codes", dict, {}).items()
             for code in as_list(codes)}
            for node in (old, new)
        )  # fmt: skip
        for status, code in sorted(before ^ after):
            gone = (status, code) in before
            text = f"{code} {'removed' if gone else 'added'}"
            self.graph.say(B if gone else A, "error code", at.down(f" {status}"), text)

    def webhooks(self, top: Root) -> None:
        old, new = (self.hooks(index, top) for index in (0, 1))
        for event, method in dict.fromkeys([*old, *new]):
            place = f"webhook {event}" if method == "post" else f"webhook {event} {method.upper()}"
            at = Root(place, place, (), (f"events.{class_name(event)}",))
            if (event, method) not in new:
                self.graph.say(B, "webhook", at, "removed", request=False)
            elif (event, method) not in old:
                self.graph.say(A, "webhook", at, "added", request=False)
            else:
                self.trying(self.webhook, old[event, method], new[event, method], at)

    def hooks(self, index: int, top: Root) -> dict[tuple[str, str], Node]:
        """The webhooks of a document, by name and method."""
        found: dict[tuple[str, str], Node] = {}
        for event, raw in exactly(self.documents[index], "webhooks", dict, {}).items():
            try:
                item = as_object(self.references[index].merged(raw))
                for method in METHODS:
                    if method in item:
                        node = as_object(self.references[index].merged(item[method]))
                        shared, own = exactly(item, "parameters", list, []), exactly(node, "parameters", list, [])
                        found[event, method] = {**node, "parameters": [*shared, *own]}
            except (Unjudgeable, Unresolved) as error:
                self.graph.say(U, "not judged", top.down(f" webhook {event}"), str(error))
        return found

    def webhook(self, old: Node, new: Node, at: Root) -> None:
        self.prose(old, new, at)
        self.unknown(old, new, OPERATION - {"security"}, at)
        headers = [
            {node["name"]: node for (where, _), node in
             self.by_wire(hook["parameters"], [], references).items() if where == "header"}
            for hook, references in zip((old, new), self.references, strict=True)
        ]  # fmt: skip
        self.trying(self.headers, *headers, at)
        before, after = self.followed(old.get("requestBody", {}), new.get("requestBody", {}))
        self.required(before.get("required") is True, after.get("required") is True, at, False)
        self.prose(before, after, at.down(" body"))
        self.unknown(before, after, BODY, at)
        self.contents(before, after, at, False)
        mine = [exactly(node, "responses", dict, {}) for node in (old, new)]
        for status in dict.fromkeys([*mine[0], *mine[1]]):
            if status not in mine[0] or status not in mine[1]:
                gone = status not in mine[1]
                self.graph.say(B if gone else A, "answer", at, f"{status} {'removed' if gone else 'added'}")


def spelling(node: Node) -> tuple[str, bool, bool]:
    """How the value of a parameter is written, what is not said included."""
    style = exactly(node, "style", str, STYLES.get(str(node.get("in")), "simple"))
    explode = exactly(node, "explode", bool, style == "form")
    return style, explode, exactly(node, "allowReserved", bool, False)


def not_among(some: list[str], others: list[str]) -> list[str]:
    """The media types that no other takes; `image/*` takes `image/png`."""
    return [one for one in some if not any(fnmatchcase(one, other) for other in others)]


def media_type(name: str) -> str:
    return name.partition(";")[0].strip().lower()


def as_object(node: Any) -> Node:
    if not is_object(node):
        raise Unjudgeable(f"it is {type(node).__name__}, and no object")
    return node


def as_list(node: Any) -> list[Any]:
    if not is_list(node):
        raise Unjudgeable(f"it is {type(node).__name__}, and no list")
    return node
