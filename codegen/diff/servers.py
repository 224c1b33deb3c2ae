"""Where does a request go, and with which key? Servers and security, as they hold for one operation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from codegen.diff.shapes import Unjudgeable, canonical, exactly
from codegen.keywords import PROSE
from codegen.references import References, is_list, is_object

Scheme = tuple[str, frozenset[str]]
"""A way to prove who asks, and the scopes that it needs."""


def addresses(holder: Mapping[str, Any]) -> list[str]:
    """The addresses of the servers that a document, a path or an operation names, without a slash at the end."""
    found: list[str] = []
    for server in exactly(holder, "servers", list, []):
        if not is_object(server):
            raise Unjudgeable("a server is no object")
        url, variables = exactly(server, "url", str, ""), exactly(server, "variables", dict, {})

        def default(match: re.Match[str], variables: Mapping[str, Any] = variables) -> str:
            variable = variables.get(match[1])
            return str(variable.get("default", match[0])) if is_object(variable) else match[0]

        found.append(re.sub(r"\{([^{}]*)\}", default, url).rstrip("/"))
    return list(dict.fromkeys(found)) or [""]


def base_path(address: str) -> str:
    """The path of an address."""
    try:
        return urlsplit(address).path.rstrip("/")
    except ValueError as error:
        raise Unjudgeable(f"the server {address!r}: {error}") from error


def security(holder: Mapping[str, Any], document: Mapping[str, Any], references: References) -> set[frozenset[Scheme]]:
    """The ways to be let in, each with the schemes that it takes; an empty one is open to all."""
    ways: set[frozenset[Scheme]] = set()
    components = exactly(document, "components", dict, {})
    schemes = exactly(components, "securitySchemes", dict, {})
    for way in exactly(holder, "security", list, []):
        if not is_object(way):
            raise Unjudgeable("a way of `security` is no object")
        made: set[Scheme] = set()
        for name, scopes in way.items():
            scheme = references.merged(schemes.get(name))
            if not is_object(scheme) or not is_list(scopes):
                raise Unjudgeable(f"the security scheme {name!r} is not described")
            made.add((plain_scheme(scheme), frozenset(map(str, scopes))))
        ways.add(frozenset(made))
    return ways or {frozenset()}


def plain_scheme(scheme: Mapping[str, Any]) -> str:
    """What of a scheme is on the wire."""
    kept = {k: v for k, v in scheme.items() if k not in (*PROSE, "bearerFormat") and not k.startswith("x-")}
    if isinstance(kept.get("scheme"), str):
        kept["scheme"] = kept["scheme"].lower()
    if kept.get("in") == "header":
        kept["name"] = str(kept.get("name")).lower()
    return canonical(kept)


def lets_in(ways: set[frozenset[Scheme]], way: frozenset[Scheme]) -> bool:
    """Whether who could prove this much still may pass."""

    def enough(asked: frozenset[Scheme]) -> bool:
        return all(any(kind == ours and scopes <= given for ours, given in way) for kind, scopes in asked)

    return any(map(enough, ways))
