"""Which settings does a client have? Options are validated once, frozen, and never show the key."""

from __future__ import annotations

import inspect
import ipaddress
import math
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

from kraty_server import _json
from kraty_server._clock import SYSTEM_CLOCK, Clock
from kraty_server.retry import RetryConfig
from kraty_server.telemetry import AsyncOnRequest
from kraty_server_generated.contract import BASE_PATH, ORIGIN
from kraty_server_generated.types import UNSET, Unset

DISTRIBUTION: Final = "kraty-server"
KEY_VARIABLE: Final = "KRATY_SERVER_KEY"
BASE_URL_VARIABLE: Final = "KRATY_BASE_URL"
TRANSPORT_VARIABLE: Final = "KRATY_TRANSPORT"
ALLOW_HTTP_VARIABLE: Final = "KRATY_ALLOW_HTTP"
JSON_VARIABLE: Final = "KRATY_JSON"
TRANSPORTS: Final = ("httpx", "aiohttp")
RESERVED_HEADERS: Final = frozenset(
    {
        "authorization",
        "accept",
        "accept-encoding",
        "content-type",
        "content-length",
        "host",
        "transfer-encoding",
        "x-kraty-sdk",
    }
)
HEADER_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
HEADER_VALUE: Final = r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?"


class HttpClient(Protocol):
    """An `httpx.Client`, or one of httpx2."""

    @property
    def build_request(self) -> Callable[..., Any]:
        """Make a request."""
        ...

    @property
    def send(self) -> Callable[..., Any]:
        """Send it."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class AsyncHttpClient(Protocol):
    """An `httpx.AsyncClient`, or one of httpx2."""

    @property
    def build_request(self) -> Callable[..., Any]:
        """Make a request."""
        ...

    @property
    def send(self) -> Callable[..., Awaitable[Any]]:
        """Send it."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class Secret:
    """Text that no repr, log or traceback shows."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:  # checked later: what fails here would show it in its frame
        self._text = text

    def reveal(self) -> str:
        """Give the text, for the one header that needs it."""
        return self._text

    def redact(self, value: Any) -> Any:
        """Take it out of texts that somebody else wrote, in whatever JSON they stand."""
        if isinstance(value, str):
            return value.replace(self._text, "…")
        if isinstance(value, list):
            return [self.redact(item) for item in cast(Any, value)]
        if isinstance(value, dict):
            return {self.redact(key): self.redact(item) for key, item in cast("dict[str, Any]", value).items()}
        return value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled; read it from the environment where it is needed")


def new_key() -> str:
    """Make an idempotency key: a random UUID, of version 4 after RFC 9562."""
    # Without `uuid`, which takes longer to import than most of this package.
    octets = bytearray(os.urandom(16))
    octets[6], octets[8] = octets[6] & 0x0F | 0x40, octets[8] & 0x3F | 0x80
    text = octets.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of a client, made by `checked_options`."""

    key: Secret
    base_url: str
    timeout: float
    deadline: float
    retry: RetryConfig
    on_request: AsyncOnRequest | None
    generate_idempotency_key: Callable[[], str]
    strict_responses: bool
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    clock: Clock = SYSTEM_CLOCK
    loads: Callable[[bytes], Any] = _json.loads


def wrapped_key(key: str | None) -> Secret:
    """Wrap the key, or the one in the environment, unchecked, so that no frame of ours holds it when a check fails."""
    return Secret(os.environ.get(KEY_VARIABLE, "") if key is None else key)


def checked_options(
    key: Secret,
    base_url: str | None,
    timeout: float,
    deadline: float,
    retry: RetryConfig | None,
    generate_idempotency_key: Callable[[], str] | None,
    on_request: AsyncOnRequest | None,
    *,
    strict_responses: bool,
    allow_http: bool | None,
    json: str | None,
    may_await: bool,
    transport: object,
) -> Options:
    """Check what both flavours take."""
    checked_hook("on_request", on_request, may_await=may_await)
    checked_hook("generate_idempotency_key", generate_idempotency_key)
    return Options(
        key=checked_key(key),
        base_url=checked_base_url(base_url, allow_http=allow_http),
        timeout=checked_seconds("timeout", timeout),
        deadline=checked_seconds("deadline", deadline),
        retry=RetryConfig() if retry is None else checked_retry(retry),
        on_request=on_request,
        generate_idempotency_key=generate_idempotency_key or new_key,
        strict_responses=strict_responses,
        clock=clock_of(transport),
        loads=checked_reader(json),
    )


def changed_options(
    options: Options,
    *,
    timeout: float | Unset,
    deadline: float | Unset,
    retry: RetryConfig | Unset,
    on_request: AsyncOnRequest | None | Unset,
    headers: Mapping[str, str] | Unset,
    may_await: bool,
) -> Options:
    """Check what is given, and leave the rest as it is."""
    changes: dict[str, Any] = {}
    if timeout is not UNSET:
        changes["timeout"] = checked_seconds("timeout", timeout)
    if deadline is not UNSET:
        changes["deadline"] = checked_seconds("deadline", deadline)
    if retry is not UNSET:
        changes["retry"] = checked_retry(retry)
    if on_request is not UNSET:
        checked_hook("on_request", on_request, may_await=may_await)
        changes["on_request"] = on_request
    if headers is not UNSET:
        changes["headers"] = {**options.headers, **checked_headers(headers)}
    return replace(options, **changes)


def checked_key(key: Secret) -> Secret:
    """Refuse what is no key."""
    if not isinstance(key.reveal(), str):
        raise TypeError(f"api_key: text is needed, got {type(key.reveal()).__name__}")
    if not key.reveal():
        raise ValueError(f"api_key: give a server_integration key, or set {KEY_VARIABLE}")
    if re.match(r"bearer\s", key.reveal(), re.IGNORECASE):
        raise ValueError("api_key: leave `Bearer ` out, the SDK adds it; the key alone is needed")
    if not re.fullmatch(r"[\x21-\x7e]+", key.reveal()):
        raise ValueError(
            "api_key: it holds white space, control or non-ASCII characters "
            "(a line break read along with a file, perhaps)"
        )
    return key


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def read_switch(variable: str) -> bool:
    """Read a variable of the environment that is 1 or 0; off where it is not set."""
    said = os.environ.get(variable, "")
    if said.lower() not in ("", "0", "false", "1", "true"):
        raise ValueError(f"{variable}: 1 or 0 is needed, got {said!r}")
    return said.lower() in ("1", "true")


def checked_allow_http(allow_http: bool | None) -> bool:
    """Take what is given, or what the environment says, or no."""
    if allow_http is None:
        return read_switch(ALLOW_HTTP_VARIABLE)
    if not isinstance(allow_http, bool):
        raise TypeError(f"allow_http: true or false is needed, got {type(allow_http).__name__}")
    return allow_http


def checked_base_url(url: str | None, *, allow_http: bool | None = None) -> str:
    """Take the base URL, or the one in the environment, or the one of the contract; no slash at its end."""
    allowed = checked_allow_http(allow_http)
    if url is None:
        url = os.environ.get(BASE_URL_VARIABLE) or ORIGIN
    if not isinstance(url, str):
        raise TypeError(f"base_url: text is needed, got {type(url).__name__}")
    if not re.fullmatch(r"[\x21-\x7e]+", url):
        raise ValueError("base_url: it is empty, or holds white space, control or non-ASCII characters")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"base_url: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"base_url: it must begin with https:// and a host, as {ORIGIN} does")
    if parts.username is not None or parts.password is not None:
        raise ValueError("base_url: it must not hold credentials; the key is sent in a header")
    if "?" in url or "#" in url:
        raise ValueError("base_url: it must not hold a query or a fragment")
    if {".", ".."} & set(parts.path.split("/")):
        raise ValueError("base_url: its path must not hold `.` or `..`")
    if parts.scheme == "http" and not (allowed or is_loopback(host)):
        raise ValueError(
            "base_url: http would show the key to the network; use https, or give allow_http=True "
            f"({ALLOW_HTTP_VARIABLE}=1)"
        )
    url = url.rstrip("/")
    if BASE_PATH and url.endswith(BASE_PATH):
        raise ValueError(f"base_url: leave {BASE_PATH} out, the SDK adds it")
    return url


def checked_seconds(name: str, value: float) -> float:
    """Take a number of seconds: more than 0, finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: seconds are needed, got {type(value).__name__}")
    if not 0 < value < math.inf:
        raise ValueError(f"{name}: must be more than 0 seconds and finite, got {value}")
    return float(value)


def checked_hook(name: str, hook: object, *, may_await: bool = False) -> None:
    """Refuse what cannot be called, and a coroutine function where nobody would await it."""
    if hook is None:
        return
    if not callable(hook):
        raise TypeError(f"{name}: a callable is needed, got {type(hook).__name__}")
    call = getattr(type(hook), "__call__", None)  # noqa: B004  (of an object that can be called, its method)
    if not may_await and (inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(call)):
        raise TypeError(f"{name}: an `async def` function is not awaited here and would never run; use a plain `def`")


def checked_retry(retry: RetryConfig) -> RetryConfig:
    """Refuse what is no RetryConfig."""
    if not isinstance(retry, RetryConfig):
        raise TypeError(f"retry: a RetryConfig is needed, got {type(retry).__name__}")
    return retry


def checked_http_client(client: object, kind: str) -> None:
    """Refuse what is no client of httpx or httpx2."""
    names = {(one.__module__.partition(".")[0], one.__name__) for one in type(client).__mro__}
    if client is not None and not names & {("httpx", kind), ("httpx2", kind)}:
        raise TypeError(f"http_client: an httpx.{kind} is needed, got {type(client).__name__}")


def checked_transport(transport: object, client: object, method: str) -> None:
    """Refuse what is no transport, or one that stands beside a client."""
    if transport is None:
        return
    if client is not None:
        raise ValueError("transport: give it to your http_client, or leave http_client out")
    if isinstance(transport, str):
        if transport not in TRANSPORTS:
            raise ValueError(
                f"transport: {', '.join(map(repr, TRANSPORTS))} or a transport is needed, got {transport!r}"
            )
    elif not callable(getattr(transport, method, None)):
        raise TypeError(f"transport: an object with {method} is needed, got {type(transport).__name__}")


def transport_for(transport: object, client: object, *, http2: bool, may_be_aiohttp: bool) -> str | None:
    """Tell which transport of ours sends: the one asked for, else that of the environment; None where one was given."""
    if client is not None or (transport is not None and not isinstance(transport, str)):
        return None
    asked, name = "transport", transport
    if name is None:
        asked, name = TRANSPORT_VARIABLE, os.environ.get(TRANSPORT_VARIABLE) or "httpx"
        if name not in TRANSPORTS:
            raise ValueError(f"{asked}: {' or '.join(map(repr, TRANSPORTS))} is needed, got {name!r}")
        if not may_be_aiohttp:  # a variable speaks to both flavours
            name = "httpx"
    if name == "aiohttp":
        if not may_be_aiohttp:
            raise ValueError(f"{asked}: aiohttp is for AsyncKratyServer; leave it out")
        if find_spec("aiohttp") is None:
            raise ValueError(f"{asked}: aiohttp is not installed; install kraty-server[aiohttp]")
        if http2:
            raise ValueError(f"http2: aiohttp speaks HTTP/1.1 only; leave {asked} out")
    return name


def checked_reader(name: str | None) -> Callable[[bytes], Any]:
    """Take the package that reads answers: the one asked for, else that of the environment, else the standard one."""
    asked = "json"
    if name is None:
        asked, name = JSON_VARIABLE, os.environ.get(JSON_VARIABLE) or "json"
    if name not in _json.READERS:
        raise ValueError(f"{asked}: {' or '.join(map(repr, _json.READERS))} is needed, got {name!r}")
    try:
        return _json.reader(name)
    except ImportError:
        raise ValueError(f"{asked}: {name} is not installed; install kraty-server[{name}]") from None


def clock_of(transport: object) -> Clock:
    """The clock that a transport brings along, as an emulator's does within the process; else the system's."""
    clock: Clock = getattr(transport, "kraty_clock", SYSTEM_CLOCK)
    return clock


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Take further headers; ours cannot be replaced."""
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError("headers: names and values must be text")
        if not re.fullmatch(HEADER_NAME, name) or not re.fullmatch(HEADER_VALUE, value):
            raise ValueError(f"headers: {name!r} is no header name, or its value is not printable ASCII")
        if name.lower() in RESERVED_HEADERS:
            raise ValueError(f"headers: {name!r} is set by the SDK")
    return dict(headers)
