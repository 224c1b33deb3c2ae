"""The clients: options in, resources out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self, cast

import httpx

from kraty_server import _options
from kraty_server._flow import flow
from kraty_server._options import AsyncHttpClient, HttpClient, Options
from kraty_server._transport import Connections
from kraty_server.resources.events import AsyncEvents, Events
from kraty_server.resources.grants import AsyncGrants, Grants
from kraty_server.resources.health import AsyncHealth, Health
from kraty_server.resources.inventory import AsyncInventory, Inventory
from kraty_server.resources.leaderboards import AsyncLeaderboards, Leaderboards
from kraty_server.resources.lobbies import AsyncLobbies, Lobbies
from kraty_server.resources.migrate import AsyncMigrate, Migrate
from kraty_server.resources.players import AsyncPlayers, Players
from kraty_server.resources.wallet import AsyncWallet, Wallet
from kraty_server.retry import RetryConfig
from kraty_server_generated import types as t
from kraty_server_generated.types import UNSET, Call, Unset

if TYPE_CHECKING:
    from kraty_server._async_transport import AsyncConnections
    from kraty_server.telemetry import OnRequest

STAMPED = frozenset({"POST", "PUT", "PATCH"})
METHODS = STAMPED | {"GET", "DELETE"}


class _Client:
    """What both flavours share."""

    _options: Options

    def _changed(
        self,
        timeout: float | Unset,
        deadline: float | Unset,
        retry: RetryConfig | Unset,
        on_request: OnRequest | None | Unset,
        headers: Mapping[str, str] | Unset,
    ) -> Options:
        changes: dict[str, Any] = {}
        if timeout is not UNSET:
            changes["timeout"] = _options.checked_seconds("timeout", timeout)
        if deadline is not UNSET:
            changes["deadline"] = _options.checked_seconds("deadline", deadline)
        if retry is not UNSET:
            changes["retry"] = _options.checked_retry(retry)
        if on_request is not UNSET:
            _options.checked_hook("on_request", on_request)
            changes["on_request"] = on_request
        if headers is not UNSET:
            changes["headers"] = {**self._options.headers, **_options.checked_headers(headers)}
        return replace(self._options, **changes)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._options.base_url!r})"

    def __copy__(self) -> Self:
        made = type(self).__new__(type(self))
        made.__dict__ |= self.__dict__
        return made

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} holds a key and connections and is not pickled; "
            "make one in the process that uses it"
        )


def _checked(
    api_key: str | None,
    base_url: str | None,
    timeout: float,
    deadline: float,
    retry: RetryConfig | None,
    generate_idempotency_key: Callable[[], str] | None,
    on_request: OnRequest | None,
    strict_responses: bool,
    allow_http: bool,
    transport: object,
) -> Options:
    _options.checked_hook("on_request", on_request)
    _options.checked_hook("generate_idempotency_key", generate_idempotency_key)
    import_module("kraty_server_generated.models")  # now, and not within the first purchase
    return Options(
        key=_options.checked_key(api_key),
        base_url=_options.checked_base_url(base_url, allow_http=allow_http),
        timeout=_options.checked_seconds("timeout", timeout),
        deadline=_options.checked_seconds("deadline", deadline),
        retry=RetryConfig() if retry is None else _options.checked_retry(retry),
        on_request=on_request,
        generate_idempotency_key=generate_idempotency_key or _options.new_key,
        strict_responses=strict_responses,
        clock=_options.clock_of(transport),
    )


def _as_it_came(data: Any) -> Any:
    return data


def _custom_call(method: str, path: str, body: object, idempotency_key: str | None | Unset) -> Call[Any]:
    """A call to a route that the contract does not have."""
    if not isinstance(method, str) or method.upper() not in METHODS:
        raise ValueError(f"method: one of {', '.join(sorted(METHODS))} is needed, got {method!r}")
    method = method.upper()
    plain = t.text(path, "path", 1).partition("?")[0]
    if not plain.startswith("/") or plain.startswith("//") or {".", ".."} & set(plain.split("/")):
        raise ValueError(f"path: must begin with one slash and hold no `.` or `..`, got {path!r}")
    if not path.isascii() or not path.isprintable() or " " in path or "#" in path:
        raise ValueError("path: must be percent-encoded already, without white space or a fragment")
    sent: Any = None if body is None else t.json(body, "body")
    stamped = method in STAMPED and idempotency_key is not None and (sent is None or isinstance(sent, dict))
    if stamped and sent is None:
        sent = {}
    call: Call[Any] = Call(
        f"request {method}",
        method,
        plain,
        path,
        _as_it_came,
        body=cast(Any, sent),
        stamp=t.IDEMPOTENCY_KEY if stamped else None,
    )
    if stamped and not isinstance(idempotency_key, Unset):
        call.idempotency_key = t.idempotency_key(idempotency_key)
    return call


class KratyServer(_Client):
    """The Kraty server API, blocking. One client serves a whole process: it is safe for threads, and over forks.

    Args:
        api_key: a `server_integration` key; else the environment variable `KRATY_SERVER_KEY`.
        base_url: else `KRATY_BASE_URL`, else the one of the contract. https, unless it is loopback.
        timeout: seconds for one attempt, from connecting to the last byte.
        deadline: seconds for a whole call, attempts and waits together.
        retry: how often and how patiently a call is tried.
        http_client: a client of httpx or httpx2 of yours, for proxies, certificates or tests. It stays yours to close.
        transport: an `httpx.BaseTransport` of yours, without a client around it. It stays yours to close.
        http2: speak HTTP/2 where the server does, one call at a time on a connection; needs the extra
            `kraty-server[http2]`.
        generate_idempotency_key: makes a key where a call has none; random UUIDs otherwise.
        on_request: called with a `RequestInfo` after each attempt.
        strict_responses: raise where a 2xx lacks a required field, instead of a warning in the log.
        allow_http: send the key over plain http to a host that is not loopback.

    Raises:
        ValueError, TypeError: an option cannot be; the message names it.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = 15.0,
        deadline: float = 60.0,
        retry: RetryConfig | None = None,
        http_client: HttpClient | None = None,
        transport: httpx.BaseTransport | None = None,
        http2: bool = False,
        generate_idempotency_key: Callable[[], str] | None = None,
        on_request: OnRequest | None = None,
        strict_responses: bool = False,
        allow_http: bool = False,
    ) -> None:
        _options.checked_http_client(http_client, "Client")
        _options.checked_transport(http_client, transport, "handle_request")
        options = _checked(
            api_key,
            base_url,
            timeout,
            deadline,
            retry,
            generate_idempotency_key,
            on_request,
            strict_responses,
            allow_http,
            transport,
        )
        self._bind(Connections(options.base_url, http_client, transport, http2=http2), options)

    grants: Grants
    inventory: Inventory
    wallet: Wallet
    lobbies: Lobbies
    leaderboards: Leaderboards
    events: Events
    players: Players
    migrate: Migrate
    health: Health

    def _bind(self, connections: Connections, options: Options) -> None:
        self._connections = connections
        self._options = options
        self.grants = Grants(connections, options)
        self.inventory = Inventory(connections, options)
        self.wallet = Wallet(connections, options)
        self.lobbies = Lobbies(connections, options)
        self.leaderboards = Leaderboards(connections, options)
        self.events = Events(connections, options)
        self.players = Players(connections, options)
        self.migrate = Migrate(connections, options)
        self.health = Health(connections, options)

    def with_options(
        self,
        *,
        timeout: float | Unset = UNSET,
        deadline: float | Unset = UNSET,
        retry: RetryConfig | Unset = UNSET,
        on_request: OnRequest | None | Unset = UNSET,
        headers: Mapping[str, str] | Unset = UNSET,
    ) -> Self:
        """Make a client with other options that shares the connections: cheap, so for a single call if you like.

        Args:
            headers: sent along with each request, added to those given before.
        """
        changed = copy.copy(self)
        changed._bind(self._connections, self._changed(timeout, deadline, retry, on_request, headers))
        return changed

    def request(
        self, method: str, path: str, body: object = None, *, idempotency_key: str | None | Unset = UNSET
    ) -> Any:
        """Call a route that is newer than this SDK, with the same key, retries and errors.

        Args:
            path: with `/server/v1` and percent-encoded, as in `/server/v1/players/p1/spend`.
            body: what JSON holds.
            idempotency_key: yours; left out, POST, PUT and PATCH get one made. None sends none, for bodies where a
                further property would do harm; what is lost then may have been applied, and is tried again.

        Returns:
            The decoded JSON as it came, with its envelope.
        """
        call = _custom_call(method, path, body, idempotency_key)
        return self._connections.run(flow(call, self._options), self._options)

    def close(self) -> None:
        """Close the connections, for this client and those made from it. Calls under way end with an error."""
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncKratyServer(_Client):
    """The Kraty server API, for asyncio. One client serves a whole process, in any number of event loops.

    The options are those of `KratyServer`; `http_client` is an `AsyncClient` of httpx or httpx2, and is bound to one
    loop, and so is `transport`. Without either, aiohttp is used where the extra `kraty-server[aiohttp]` is installed,
    since it is the faster one, and httpx otherwise; `transport="aiohttp"` and `transport="httpx"` decide it.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = 15.0,
        deadline: float = 60.0,
        retry: RetryConfig | None = None,
        http_client: AsyncHttpClient | None = None,
        transport: httpx.AsyncBaseTransport | Literal["aiohttp", "httpx"] | None = None,
        http2: bool = False,
        generate_idempotency_key: Callable[[], str] | None = None,
        on_request: OnRequest | None = None,
        strict_responses: bool = False,
        allow_http: bool = False,
    ) -> None:
        _options.checked_http_client(http_client, "AsyncClient")
        named, transport = (transport, None) if isinstance(transport, str) else (None, transport)
        _options.checked_transport(http_client, transport, "handle_async_request")
        aiohttp = _options.checked_aiohttp(named, http2=http2)
        options = _checked(
            api_key,
            base_url,
            timeout,
            deadline,
            retry,
            generate_idempotency_key,
            on_request,
            strict_responses,
            allow_http,
            transport,
        )
        from kraty_server._async_transport import AsyncConnections  # it needs asyncio, which a blocking worker does not

        connections = AsyncConnections(options.base_url, http_client, transport, aiohttp=aiohttp, http2=http2)
        self._bind(connections, options)

    grants: AsyncGrants
    inventory: AsyncInventory
    wallet: AsyncWallet
    lobbies: AsyncLobbies
    leaderboards: AsyncLeaderboards
    events: AsyncEvents
    players: AsyncPlayers
    migrate: AsyncMigrate
    health: AsyncHealth

    def _bind(self, connections: AsyncConnections, options: Options) -> None:
        self._connections = connections
        self._options = options
        self.grants = AsyncGrants(connections, options)
        self.inventory = AsyncInventory(connections, options)
        self.wallet = AsyncWallet(connections, options)
        self.lobbies = AsyncLobbies(connections, options)
        self.leaderboards = AsyncLeaderboards(connections, options)
        self.events = AsyncEvents(connections, options)
        self.players = AsyncPlayers(connections, options)
        self.migrate = AsyncMigrate(connections, options)
        self.health = AsyncHealth(connections, options)

    def with_options(
        self,
        *,
        timeout: float | Unset = UNSET,
        deadline: float | Unset = UNSET,
        retry: RetryConfig | Unset = UNSET,
        on_request: OnRequest | None | Unset = UNSET,
        headers: Mapping[str, str] | Unset = UNSET,
    ) -> Self:
        """Make a client with other options that shares the connections: see `KratyServer.with_options`."""
        changed = copy.copy(self)
        changed._bind(self._connections, self._changed(timeout, deadline, retry, on_request, headers))
        return changed

    async def request(
        self, method: str, path: str, body: object = None, *, idempotency_key: str | None | Unset = UNSET
    ) -> Any:
        """Call a route that is newer than this SDK: see `KratyServer.request`."""
        call = _custom_call(method, path, body, idempotency_key)
        return await self._connections.run(flow(call, self._options), self._options)

    async def aclose(self) -> None:
        """Close the connections of this event loop; calls under way end with an error, further ones are refused."""
        await self._connections.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
