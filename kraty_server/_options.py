"""What was the client told? Validated once, frozen, and never shows the key."""

from __future__ import annotations

import ipaddress
import math
import os
import platform
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from kraty_server._clock import SYSTEM_CLOCK, Clock
from kraty_server.retry import RetryConfig
from kraty_server_generated.types import ORIGIN

if TYPE_CHECKING:
    from kraty_server.telemetry import OnRequest

DISTRIBUTION: Final = "kraty-server"
KEY_VARIABLE: Final = "KRATY_SERVER_KEY"
BASE_URL_VARIABLE: Final = "KRATY_BASE_URL"
OUR_HEADERS: Final = frozenset({"authorization", "accept", "content-type", "content-length", "host", "x-kraty-sdk"})
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

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text, for the one header that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled; read it from the environment where it is needed")


@cache
def sdk_version() -> str:
    """The version, from the package metadata."""
    from importlib.metadata import version  # half of what importing this package would take

    return version(DISTRIBUTION)


def new_key() -> str:
    """Make an idempotency key: a random UUID."""
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of a client, checked by `checked_options`."""

    key: Secret
    base_url: str
    timeout: float
    deadline: float
    retry: RetryConfig
    on_request: OnRequest | None
    generate_idempotency_key: Callable[[], str]
    strict_responses: bool
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    clock: Clock = SYSTEM_CLOCK


def checked_key(key: str | None) -> Secret:
    """Take the key, or the one in the environment."""
    if key is None:
        key = os.environ.get(KEY_VARIABLE)
        if not key:
            raise ValueError(f"api_key: give a server_integration key, or set {KEY_VARIABLE}")
    if not isinstance(key, str):
        raise TypeError(f"api_key: text is needed, got {type(key).__name__}")
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise ValueError(
            "api_key: it is empty, or holds white space, control or non-ASCII characters "
            "(a line break read along with a file, perhaps)"
        )
    return Secret(key)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def checked_base_url(url: str | None, *, allow_http: bool = False) -> str:
    """Take the base URL, or the one in the environment, or the one of the contract; no slash at its end."""
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
    if parts.scheme == "http" and not (allow_http or _is_loopback(host)):
        raise ValueError("base_url: http would show the key to the network; use https, or give allow_http=True")
    return url.rstrip("/")


def checked_seconds(name: str, value: float) -> float:
    """Take a number of seconds: more than 0, finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: seconds are needed, got {type(value).__name__}")
    if not 0 < value < math.inf:
        raise ValueError(f"{name}: must be more than 0 seconds and finite, got {value}")
    return float(value)


def checked_hook(name: str, hook: object) -> None:
    """Refuse what cannot be called."""
    if hook is not None and not callable(hook):
        raise TypeError(f"{name}: a callable is needed, got {type(hook).__name__}")


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


def checked_transport(client: object, transport: object, method: str) -> None:
    """Refuse what is no transport, or one that stands beside a client."""
    if transport is None:
        return
    if client is not None:
        raise ValueError("transport: give it to your http_client, or leave http_client out")
    if not callable(getattr(transport, method, None)):
        raise TypeError(f"transport: an object with {method} is needed, got {type(transport).__name__}")


def checked_aiohttp(named: str | None, *, http2: bool) -> bool:
    """Whether aiohttp sends the requests: what was asked for, else whether it is there."""
    if named not in (None, "aiohttp", "httpx"):
        raise ValueError(f"transport: 'aiohttp', 'httpx' or a transport is needed, got {named!r}")
    from importlib.util import find_spec  # only an async client asks

    there = find_spec("aiohttp") is not None
    if named == "aiohttp" and not there:
        raise ValueError("transport: aiohttp is not installed; install kraty-server[aiohttp]")
    if named == "aiohttp" and http2:
        raise ValueError("http2: aiohttp speaks HTTP/1.1 only; leave transport out")
    return there and named != "httpx" and not http2


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
        if name.lower() in OUR_HEADERS:
            raise ValueError(f"headers: {name!r} is set by the SDK")
    return dict(headers)


def request_headers(options: Options, *, has_body: bool) -> list[tuple[bytes, bytes]]:
    """The headers of every request."""
    headers = [
        (b"Authorization", f"Bearer {options.key.reveal()}".encode("ascii")),
        (b"Accept", b"application/json"),
        *_about_us(),
    ]
    if has_body:
        headers.append((b"Content-Type", b"application/json"))
    headers += [(name.encode("ascii"), value.encode("ascii")) for name, value in options.headers.items()]
    return headers


@cache
def _about_us() -> tuple[tuple[bytes, bytes], ...]:
    sdk = f"{DISTRIBUTION}/{sdk_version()}"
    agent = f"{sdk} Python/{platform.python_version()} {platform.system()}"
    return (b"X-Kraty-SDK", sdk.encode("ascii")), (b"User-Agent", agent.encode("ascii", "replace"))
