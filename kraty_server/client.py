"""How is a client made, and what can it do? Options in, resources out, close.

`KratyServer` blocks, `AsyncKratyServer` is awaited; what they share is in `BaseClient`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, ClassVar, Final, Generic, Literal, NoReturn, Self, TypeVar, cast, overload

import httpx

from kraty_server import _options
from kraty_server._endpoint import AsyncResource, SyncResource
from kraty_server._flow import flow
from kraty_server._http.connections import Connections
from kraty_server._options import AsyncHttpClient, HttpClient
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
from kraty_server.telemetry import AsyncOnRequest, OnRequest
from kraty_server_generated.contract import IDEMPOTENCY_KEY
from kraty_server_generated.types import UNSET, Call, Unset, check_idempotency_key, check_json, check_text

S = TypeVar("S", bound=SyncResource)
A = TypeVar("A", bound=AsyncResource)
HookT = TypeVar("HookT")

KEYED_METHODS = frozenset({"POST", "PUT", "PATCH"})
METHODS = KEYED_METHODS | {"GET", "DELETE"}


def _custom_call(method: str, path: str, body: object, idempotency_key: str | None | Unset) -> Call[Any]:
    """A call to a route that the contract does not have."""
    if not isinstance(method, str) or method.upper() not in METHODS:
        raise ValueError(f"method: one of {', '.join(sorted(METHODS))} is needed, got {method!r}")
    method = method.upper()
    plain = check_text(path, "path", 1).partition("?")[0]
    if not plain.startswith("/") or plain.startswith("//") or {".", ".."} & set(plain.split("/")):
        raise ValueError(f"path: must begin with one slash and hold no `.` or `..`, got {path!r}")
    if not path.isascii() or not path.isprintable() or " " in path or "#" in path:
        raise ValueError("path: must be percent-encoded already, without white space or a fragment")
    sent: Any = None if body is None else check_json(body, "body")
    keyed = method in KEYED_METHODS and idempotency_key is not None and (sent is None or isinstance(sent, dict))
    if keyed and sent is None:
        sent = {}
    call: Call[Any] = Call(
        f"request {method}",
        method,
        plain,
        path,
        body=cast(Any, sent),
        idempotency_field=IDEMPOTENCY_KEY if keyed else None,
    )
    if keyed and not isinstance(idempotency_key, Unset):
        call = call.with_key(check_idempotency_key(idempotency_key))
    return call


def without_key(client: Any, text: str) -> str:
    """Take the API key of a client, of either flavour, out of a text that somebody else wrote."""
    redacted: str = client._options.key.redact(text)
    return redacted


class Resource(Generic[S, A]):
    """A noun of the API, on both clients: made when it is first asked for, and kept on the client.

    What it makes holds the connections and the options, never the client: without a cycle, a client that is dropped
    is freed at once.
    """

    def __init__(self, blocking: type[S], awaited: type[A]) -> None:
        self._blocking = blocking
        self._awaited = awaited

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, client: None, owner: type[KratyServer], /) -> type[S]: ...
    @overload
    def __get__(self, client: None, owner: type[AsyncKratyServer], /) -> type[A]: ...
    @overload
    def __get__(self, client: KratyServer, owner: type[KratyServer], /) -> S: ...
    @overload
    def __get__(self, client: AsyncKratyServer, owner: type[AsyncKratyServer], /) -> A: ...
    def __get__(self, client: Any, owner: type[Any], /) -> Any:
        kind = self._awaited if issubclass(owner, AsyncKratyServer) else self._blocking
        if client is None:
            return kind  # what mocks, `help` and editors look at
        # Found in the client's own attributes from now on, so that a call pays nothing for this.
        return client.__dict__.setdefault(self._name, kind(client._connections, client._options))


class BaseClient(Generic[HookT]):
    """What both flavours share."""

    # `Final` declares the type that is inferred, which would have to be written twice otherwise.
    grants: Final = Resource(Grants, AsyncGrants)
    inventory: Final = Resource(Inventory, AsyncInventory)
    wallet: Final = Resource(Wallet, AsyncWallet)
    lobbies: Final = Resource(Lobbies, AsyncLobbies)
    leaderboards: Final = Resource(Leaderboards, AsyncLeaderboards)
    events: Final = Resource(Events, AsyncEvents)
    players: Final = Resource(Players, AsyncPlayers)
    migrate: Final = Resource(Migrate, AsyncMigrate)
    health: Final = Resource(Health, AsyncHealth)

    _may_await: ClassVar[bool] = False
    _options: _options.Options

    def with_options(
        self,
        *,
        timeout: float | Unset = UNSET,
        deadline: float | Unset = UNSET,
        retry: RetryConfig | Unset = UNSET,
        on_request: HookT | None | Unset = UNSET,
        headers: Mapping[str, str] | Unset = UNSET,
    ) -> Self:
        """Make a client with other options that shares the connections: cheap, so for a single call if you like.

        Args:
            headers: sent along with each request, added to those given before.
        """
        changed = self.__copy__()
        changed._options = _options.changed_options(
            self._options,
            timeout=timeout,
            deadline=deadline,
            retry=retry,
            on_request=cast("AsyncOnRequest | None | Unset", on_request),
            headers=headers,
            may_await=self._may_await,
        )
        return changed

    def __repr__(self) -> str:
        options = getattr(self, "_options", None)  # None while it is being made, in a traceback that shows locals
        return f"{type(self).__name__}({'…' if options is None else f'base_url={options.base_url!r}'})"

    def __copy__(self) -> Self:
        copied = type(self).__new__(type(self))
        vars(copied).update(vars(self))
        for name in RESOURCES & vars(copied).keys():  # those have the options of this one
            del vars(copied)[name]
        return copied

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} holds a key and connections and is not pickled; "
            "make one in the process that uses it"
        )


RESOURCES = frozenset(name for name, value in vars(BaseClient).items() if isinstance(value, Resource))


class KratyServer(BaseClient[OnRequest]):
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
        on_request: called with a `RequestInfo` after each attempt; a plain function.
        strict_responses: raise where a 2xx lacks a required field, instead of a warning in the log.
        allow_http: send the key over plain http to a host that is not loopback; else `KRATY_ALLOW_HTTP`, 1 or 0.
        json: what reads answers; else `KRATY_JSON`. `"msgspec"` reads the same values in half the time, with the extra
            `kraty-server[msgspec]`; requests are written as ever.

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
        transport: httpx.BaseTransport | Literal["httpx"] | None = None,
        http2: bool = False,
        generate_idempotency_key: Callable[[], str] | None = None,
        on_request: OnRequest | None = None,
        strict_responses: bool = False,
        allow_http: bool | None = None,
        json: Literal["json", "msgspec"] | None = None,
    ) -> None:
        key = _options.wrapped_key(api_key)
        del api_key
        _options.checked_http_client(http_client, "Client")
        _options.checked_transport(transport, http_client, "handle_request")
        _options.transport_for(transport, http_client, http2=http2, may_be_aiohttp=False)
        self._options = _options.checked_options(
            key,
            base_url,
            timeout,
            deadline,
            retry,
            generate_idempotency_key,
            on_request,
            strict_responses=strict_responses,
            allow_http=allow_http,
            json=json,
            may_await=self._may_await,
            transport=transport,
        )
        given = None if isinstance(transport, str) else transport
        self._connections = Connections(self._options.base_url, http_client, given, http2=http2)

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


class AsyncKratyServer(BaseClient[AsyncOnRequest]):
    """The Kraty server API, for asyncio. One client serves a whole process, in any number of event loops.

    The options are those of `KratyServer`; `http_client` is an `AsyncClient` of httpx or httpx2, and is bound to one
    loop, and so is `transport`. `transport="aiohttp"`, or the environment variable `KRATY_TRANSPORT`, sends with
    aiohttp, which is faster and needs the extra `kraty-server[aiohttp]`.
    `on_request` may be `async def`, and is awaited then.
    """

    _may_await: ClassVar[bool] = True

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
        on_request: AsyncOnRequest | None = None,
        strict_responses: bool = False,
        allow_http: bool | None = None,
        json: Literal["json", "msgspec"] | None = None,
    ) -> None:
        key = _options.wrapped_key(api_key)
        del api_key
        _options.checked_http_client(http_client, "AsyncClient")
        _options.checked_transport(transport, http_client, "handle_async_request")
        name = _options.transport_for(transport, http_client, http2=http2, may_be_aiohttp=True)
        self._options = _options.checked_options(
            key,
            base_url,
            timeout,
            deadline,
            retry,
            generate_idempotency_key,
            on_request,
            strict_responses=strict_responses,
            allow_http=allow_http,
            json=json,
            may_await=self._may_await,
            transport=transport,
        )
        # Imported here, since it needs asyncio, which a blocking worker does not.
        from kraty_server._http.async_connections import AsyncConnections

        given = None if isinstance(transport, str) else transport
        self._connections = AsyncConnections(
            self._options.base_url, http_client, given, aiohttp=name == "aiohttp", http2=http2
        )

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
