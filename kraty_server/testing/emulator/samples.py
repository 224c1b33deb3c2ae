"""What is answered to an operation that nobody emulates yet? A sample that fits the document.

Nothing is remembered. What the request says under the same name is in the answer; all else is as small as can be.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, Final

from kraty_server.testing.emulator.contract import Contract, contract, problems
from kraty_server.testing.emulator.operation import Handler, OperationRequest, OperationResult

log: Final = logging.getLogger("kraty_server.testing")
SAME: Final = {"externalId": "externalPlayerId"}
"""How answers call what the path calls otherwise."""
TEXTS: Final = ("a", "A", "1", "a1", "AAA", "a.b", "a-1", "a@b.co", "00000000-0000-4000-8000-000000000000")
"""One of these fits most patterns."""
DEEP: Final = 8
"""Below that, lists are empty."""


def answer(request: OperationRequest) -> OperationResult:
    """Answer with the first success that the document lists.

    Raises:
        ValueError: no sample is known for a value; the message says where it is.
    """
    known: dict[str, Any] = {SAME.get(name, name): value for name, value in request.path.items()}
    known |= request.body
    log.warning("the emulator has no handler for %s: the answer is a sample", request.context.operation)
    found = contract()
    status, schema = found.operations[request.context.operation].success
    if status in found.operations[request.context.operation].media_types:
        return status, b"sample"
    if schema is None:
        return status, None
    value = Samples(found, known, request.context.at).value(schema, "answer")
    return status, value["data"] if found.operations[request.context.operation].enveloped else value


HANDLER: Final = Handler(answer)


class Samples:
    """JSON that fits the document, with known values where they fit.

    Args:
        known: values by their names on the wire.
        at: the time, as the API writes it.
    """

    def __init__(self, found: Contract, known: Mapping[str, Any], at: str) -> None:
        self._contract = found
        self._known = known
        self._at = at

    def value(self, schema: Any, place: str, depth: int = 0) -> Any:
        """A value of a schema."""
        node = self._contract.merged(schema)
        for keyword in ("oneOf", "anyOf"):
            if keyword in node:
                parts = [part for part in node[keyword] if part.get("type") != "null"]
                return self.value(parts[0], place, depth) if len(parts) == len(node[keyword]) else None
        if "const" in node:
            return node["const"]
        if "enum" in node:
            return node["enum"][0]
        kind = node.get("type", "object" if "properties" in node else None)
        match kind:
            case "object":
                return self._object(node, place, depth + 1)
            case "array":
                least = node.get("minItems", 0)
                return [self.value(node["items"], f"{place}[]", depth + 1)] * least if depth < DEEP else []
            case "string":
                return self._text(schema, node, place)
            case "boolean":
                return True
            case "integer" | "number":
                return max(math.ceil(node.get("minimum", 0)), 0) if node.get("maximum", 0) >= 0 else node["maximum"]
            case _:  # null, or a list of types with it
                return {} if kind is None else None

    def _object(self, node: Mapping[str, Any], place: str, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, schema in node.get("properties", {}).items():
            if name in self._known and not problems(self._contract.validator(schema), self._known[name]):
                made[name] = self._known[name]
            elif name in node.get("required", ()):
                made[name] = self.value(schema, f"{place}.{name}", depth)
        return made

    def _text(self, schema: Any, node: Mapping[str, Any], place: str) -> str:
        if node.get("format") in ("date-time", "date"):
            return self._at if node["format"] == "date-time" else self._at[:10]
        fits = self._contract.validator(schema)
        least = node.get("minLength", 0)
        texts: list[str] = [text + text[-1] * (least - len(text)) for text in TEXTS]
        if (found := next((text for text in texts if fits.is_valid(text)), None)) is None:
            raise ValueError(f"{place}: no sample of such a text is known; the operation needs a handler")
        return found
