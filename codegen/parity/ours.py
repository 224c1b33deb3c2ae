"""What does this SDK do in a case? The same record that `record.mjs` makes of the Node SDK."""

from __future__ import annotations

import asyncio
import atexit
import base64
import hashlib
import hmac
import json
import os
import platform
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict
from functools import cache
from importlib.util import find_spec
from typing import Any, Final, TypeAlias, cast
from unittest.mock import patch

import certifi
import httpx

from codegen.names import snake
from kraty_server import (
    AsyncKratyServer,
    KratyNetworkError,
    KratyServer,
    KratyServerError,
    RequestInfo,
    RetryConfig,
    verify_webhook,
)
from kraty_server.errors import IsCode
from kraty_server.models import Model
from tests.servers.raw import Arrived, RawServer, Reply

Case: TypeAlias = Mapping[str, Any]
Record: TypeAlias = dict[str, Any]
NAME: Final = "kraty-server"
HEADERS: Final = ("authorization", "accept", "content-type")
TELEMETRY: Final = ("method", "url", "attempt", "idempotencyKey", "status", "ok")
FLAVOURS: Final = (
    "sync",
    "async",
    *(("aiohttp",) if find_spec("aiohttp") else ()),
    *(("fast", "fast async") if find_spec("httptools") and find_spec("aiohappyeyeballs") else ()),
)
TRANSPORTS: Final = {"aiohttp": "aiohttp", "fast": "fast", "fast async": "fast"}
IN_PROCESS: Final = ("sync", "async")
"""The flavours of a case that needs no socket: its pauses and time limits can be seen."""
RANDOM: Final = "kraty_server._flow.random.random"


def camel(name: str) -> str:
    """snake_case to camelCase."""
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[object]", value)]
    return value.to_dict() if isinstance(value, Model) else value


def flavours(case: Case) -> tuple[str, ...]:
    """In which flavours a case is played."""
    return IN_PROCESS if case.get("in_process") else FLAVOURS


def play(case: Case, flavour: str) -> Record:
    """Make the call of a case, and tell all that can be seen of it.

    It goes to a loopback server, or to a transport within the process, whose clock does not wait but takes notes.
    """
    told: list[RequestInfo] = []
    used = 0

    def generate() -> str:
        nonlocal used
        used += 1
        return f"generated-{used}"

    def on_request(info: RequestInfo) -> None:
        told.append(info)
        if case.get("hook") == "raises":
            raise RuntimeError("the hook broke")

    options: dict[str, Any] = {"api_key": "pfx_test.secret_test", "on_request": on_request}
    options |= _retry(case)
    if "timeout_ms" in case:
        options["timeout"] = case["timeout_ms"] / 1000
    if case.get("generator", "ours"):
        options["generate_idempotency_key"] = generate
    seen = _InProcess(case) if case.get("in_process") else None
    server = RawServer([Reply.of(response) for response in case["responses"]]) if seen is None else None
    origin = server.url if server else "http://127.0.0.1:9"
    if case.get("base_url", "given"):
        options["base_url"] = origin + case.get("base_suffix", "")
    if seen:
        options["transport"] = seen
    random = patch(RANDOM, return_value=case["random"]) if "random" in case else nullcontext()
    outcome: Record
    error: Exception | None = None
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KRATY_")}
    # Most of a client's making is reading all certificates there are; here one will do.
    environment["SSL_CERT_FILE"] = _one_certificate()
    with patch.dict(os.environ, environment, clear=True), server or nullcontext(), random:
        try:
            outcome = {"returned": _plain(_call(case, flavour, options))}
        except KratyServerError as raised:
            error = raised
            outcome = {"error": {"type": "KratyServerError", "status": raised.status, "code": raised.code,
                                 "details": raised.details, "text": _without(str(raised), origin)}}  # fmt: skip
        except KratyNetworkError as raised:
            error, outcome = raised, {"error": {"type": "KratyNetworkError"}}
        except Exception as raised:
            outcome = {"error": {"type": type(raised).__name__, "text": _without(str(raised), origin)}}
    arrived = seen.arrived if seen else server.arrived if server else []
    telemetry = [{camel(name): value for name, value in asdict(info).items()} for info in told]
    return {
        "requests": [
            {
                "method": request.method,
                "target": request.target,
                "headers": {name: request.headers[name] for name in HEADERS if name in request.headers},
                "body": request.body.decode("utf-8") if "content-length" in request.headers else None,
            }
            for request in arrived
        ],
        "outcome": json.loads(json.dumps(outcome)),
        "telemetry": [
            {name: info[name] for name in TELEMETRY} | {"url": str(info["url"]).removeprefix(origin)}
            for info in telemetry
        ],
        "generated_keys": used,
        "further": {
            "headers": [
                {name: _form(value, origin) for name, value in request.headers.items() if name not in HEADERS}
                for request in arrived
            ],
            "telemetry": [
                {name: _type(value) for name, value in info.items() if name not in TELEMETRY} for info in telemetry
            ],
        }
        | ({"error": _besides(error, origin)} if error else {})
        | ({"sleeps": seen.sleeps, "timeouts": seen.timeouts} if seen else {}),
    }


@cache
def _one_certificate() -> str:
    file, path = tempfile.mkstemp(".pem")
    end = "-----END CERTIFICATE-----\n"
    with open(file, "w", encoding="utf-8") as pem:
        pem.write(certifi.contents().partition(end)[0] + end)
    atexit.register(os.unlink, path)
    return path


def _retry(case: Case) -> dict[str, Any]:
    given = case.get("retry", {})
    if given is None:  # the defaults
        return {}
    values: dict[str, Any] = {"attempts": 3, "initial_delay": 0.001, "jitter": 0.0}
    for name, value in given.items():  # JavaScript counts in milliseconds
        values[snake(name.removesuffix("Ms"))] = value / 1000 if name.endswith("Ms") else value
    return {"retry": RetryConfig(**values)}


class _InProcess(httpx.MockTransport):
    """Answers without a socket, and a clock that does not wait: it notes each pause, and each request's time limit."""

    def __init__(self, case: Case) -> None:
        super().__init__(self.answer)
        self.kraty_clock = self
        self.replies = [Reply.of(response) for response in case["responses"]]
        self.arrived: list[Arrived] = []
        self.sleeps: list[float] = []
        self.timeouts: list[float] = []
        self.now = time.time()

    def answer(self, request: httpx.Request) -> httpx.Response:
        reply = self.replies[min(len(self.arrived), len(self.replies) - 1)]
        target = request.url.raw_path.decode("ascii")
        self.arrived.append(Arrived(request.method, target, dict(request.headers), request.content))
        self.timeouts.append(round(request.extensions["timeout"]["read"] * 1000, 3))
        if reply.drop:
            raise httpx.ReadError("the connection broke")
        head = {"content-type": "application/json", **reply.headers}
        return httpx.Response(reply.status, headers=head, content=reply.body)

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float, _closing: object) -> None:
        self.sleeps.append(round(seconds * 1000, 3))
        self.now += seconds

    async def async_sleep(self, seconds: float, _closing: object) -> None:
        self.sleep(seconds, _closing)


def _call(case: Case, flavour: str, options: Mapping[str, Any]) -> Any:
    given: dict[str, Any] = case.get("input") or {}
    keywords = {snake(name): value for name, value in given.items()}

    def method(kraty: Any) -> Callable[..., Any]:
        # What Node keeps on `client`, a client here has itself.
        owner = kraty if case["resource"] == "client" else getattr(kraty, case["resource"])
        found: Callable[..., Any] = getattr(owner, snake(case["method"]))
        return found

    options = {"transport": TRANSPORTS.get(flavour, "httpx"), **options}

    async def awaited() -> Any:
        async with AsyncKratyServer(**options) as kraty:
            return await method(kraty)(*case["args"], **keywords)

    if flavour not in ("sync", "fast"):
        return asyncio.run(awaited())
    with KratyServer(**options) as kraty:
        return method(kraty)(*case["args"], **keywords)


def _form(value: str, origin: str) -> str:
    """The form of a header: without what is this run's."""
    value = value.replace(origin.partition("//")[2], "HOST").replace(NAME, "NAME").replace(platform.system(), "SYSTEM")
    return re.sub(r"\d+(\.\d+)+", "VERSION", value)


def _type(value: object) -> str:
    """What JavaScript calls the type of a value."""
    if value is None:
        return "null"
    names: dict[type, str] = {bool: "boolean", int: "number", float: "number", str: "string"}
    return names.get(type(value), "object")


def _besides(error: Exception, origin: str) -> dict[str, Any]:
    """What an error says besides its status, code and text."""
    if isinstance(error, KratyServerError):
        codes = [name for name, member in vars(KratyServerError).items() if isinstance(member, IsCode)]
        getters = sorted(camel(name) for name in codes if getattr(error, name))
        return {"getters": getters, "is": error.is_code(error.code)}
    text = re.sub(r"(?<=attempt)(s?\b).*", r"\1 …", _without(str(error), origin))  # how it broke is the transport's
    return {"text": text, "cause": getattr(error, "original_cause", None) is not None}


def _without(text: str, origin: str) -> str:
    return text.replace(origin, "ORIGIN")


def verdict(case: Case) -> bool | str:
    """What `verify_webhook` says of a delivery; `live` signs it so many seconds from now."""
    body = base64.b64decode(case["body_base64"])
    header = case.get("header")
    if "live" in case:
        t = int(time.time()) + case["live"]
        mac = hmac.new(case["secret"].encode(), b"%d." % t + body, hashlib.sha256).hexdigest()
        header = f"t={t},v1={mac}"
    given = {name: case[name] for name in ("now", "tolerance_seconds") if name in case}
    try:
        return verify_webhook(raw_body=body, signature_header=header, secret=case["secret"], **given)
    except (TypeError, ValueError) as error:
        return type(error).__name__
