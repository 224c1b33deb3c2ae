"""What does this SDK do in a case? The same record that `record.mjs` makes of the Node SDK."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any, Final, TypeAlias

from codegen.read import snake
from kraty_server import (
    AsyncKratyServer,
    KratyNetworkError,
    KratyServer,
    KratyServerError,
    RequestInfo,
    RetryConfig,
)
from kraty_server.models import Model
from tests.servers.raw import RawServer, Reply

Case: TypeAlias = Mapping[str, Any]
Record: TypeAlias = dict[str, Any]
HEADERS: Final = ("authorization", "accept", "content-type")
TELEMETRY: Final = ("method", "url", "attempt", "idempotencyKey", "status", "ok")
FLAVOURS: Final = ("sync", "async", *(("aiohttp",) if find_spec("aiohttp") else ()))


def camel(name: str) -> str:
    """snake_case to camelCase."""
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]  # what JSON holds
    return value.to_dict() if isinstance(value, Model) else value


def play(case: Case, flavour: str) -> Record:
    """Make the call of a case against a loopback server, and tell all that can be seen of it."""
    told: list[RequestInfo] = []
    used = 0

    def generate() -> str:
        nonlocal used
        used += 1
        return f"generated-{used}"

    retry: dict[str, Any] = {"attempts": 3, "initial_delay": 0.001, "jitter": 0.0}
    for name, value in case.get("retry", {}).items():  # JavaScript counts in milliseconds
        retry[snake(name.removesuffix("Ms"))] = value / 1000 if name.endswith("Ms") else value
    patience = {"timeout": case["timeout_ms"] / 1000} if "timeout_ms" in case else {}
    with RawServer([Reply.of(response) for response in case["responses"]]) as server:
        options: dict[str, Any] = {
            "api_key": "pfx_test.secret_test",
            "base_url": server.url + case.get("base_suffix", ""),
            "retry": RetryConfig(**retry),
            "generate_idempotency_key": generate,
            "on_request": told.append,
            **patience,
        }
        outcome: Record
        try:
            outcome = {"returned": _plain(_call(case, flavour, options))}
        except KratyNetworkError:
            outcome = {"error": {"type": "KratyNetworkError"}}
        except KratyServerError as error:
            outcome = {"error": {"type": "KratyServerError", "status": error.status, "code": error.code,
                                 "details": error.details, "text": str(error)}}  # fmt: skip
        except Exception as error:
            outcome = {"error": {"type": type(error).__name__, "text": str(error)}}
    telemetry = [{camel(name): value for name, value in asdict(info).items()} for info in told]
    return {
        "requests": [
            {
                "method": request.method,
                "target": request.target,
                "headers": {name: request.headers[name] for name in HEADERS if name in request.headers},
                "body": request.body.decode("utf-8") if "content-length" in request.headers else None,
            }
            for request in server.arrived
        ],
        "outcome": json.loads(json.dumps(outcome)),
        "telemetry": [
            {name: info[name] for name in TELEMETRY} | {"url": str(info["url"]).removeprefix(server.url)}
            for info in telemetry
        ],
        "generated_keys": used,
    }


def _call(case: Case, flavour: str, options: Mapping[str, Any]) -> Any:
    given: dict[str, Any] = case.get("input") or {}
    keywords = {snake(name): value for name, value in given.items()}

    def method(kraty: Any) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(getattr(kraty, case["resource"]), snake(case["method"]))
        return found

    async def awaited() -> Any:
        transport: Any = {"async": "httpx"}.get(flavour, flavour)
        async with AsyncKratyServer(**options, transport=transport) as kraty:
            return await method(kraty)(*case["args"], **keywords)

    if flavour != "sync":
        return asyncio.run(awaited())
    with KratyServer(**options) as kraty:
        return method(kraty)(*case["args"], **keywords)
