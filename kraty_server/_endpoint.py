"""How is one method body blocking on a sync resource and awaitable on an async one?

A decorator and a descriptor instead of twin sync and async classes. A method says which `Call` to make. When a
resource class is made, each of its methods gets a plain function of the right flavour; type checkers see the
descriptor, and with it the exact signature.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from types import FunctionType, MethodType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeAlias, TypeVar, cast, overload

from kraty_server._flow import flow
from kraty_server._http.messages import Flow
from kraty_server._options import Options
from kraty_server.downloads import AsyncDownload, Download
from kraty_server.pages import AsyncPage, Listed, Page
from kraty_server_generated.types import Call

P = ParamSpec("P")
T = TypeVar("T")


class Driver(Protocol):
    """What runs a flow, blocking."""

    def run(self, steps: Flow[T], options: Options, /) -> T:
        """Send and sleep as the flow asks, and give its result."""
        ...


class AsyncDriver(Protocol):
    """What runs a flow on an event loop."""

    async def run(self, steps: Flow[T], options: Options, /) -> T:
        """Send and sleep as the flow asks, and give its result."""
        ...


class endpoint(Generic[P, T]):
    """Marks the method that builds a call."""

    build: Callable[Concatenate[Any, P], Call[T]]

    def __init__(self, build: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self.build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, resource: None, owner: type, /) -> endpoint[P, T]: ...
    @overload
    def __get__(self, resource: SyncResource, owner: type, /) -> Callable[P, T]: ...
    @overload
    def __get__(self, resource: AsyncResource, owner: type, /) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, resource: object, owner: type, /) -> Any:
        return self


class pages(Generic[P, T]):
    """Marks the method that builds a call for the first page of a list."""

    build: Callable[Concatenate[Any, P], Call[Listed[T]]]

    def __init__(self, build: Callable[Concatenate[Any, P], Call[Listed[T]]]) -> None:
        self.build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, resource: None, owner: type, /) -> pages[P, T]: ...
    @overload
    def __get__(self, resource: SyncResource, owner: type, /) -> Callable[P, Page[T]]: ...
    @overload
    def __get__(self, resource: AsyncResource, owner: type, /) -> Callable[P, Coroutine[Any, Any, AsyncPage[T]]]: ...
    def __get__(self, resource: object, owner: type, /) -> Any:
        return self


class downloads(Generic[P]):
    """Marks the method that builds a call whose answer is bytes."""

    build: Callable[Concatenate[Any, P], Call[bytes]]

    def __init__(self, build: Callable[Concatenate[Any, P], Call[bytes]]) -> None:
        self.build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, resource: None, owner: type, /) -> downloads[P]: ...
    @overload
    def __get__(self, resource: SyncResource, owner: type, /) -> Callable[P, Download]: ...
    @overload
    def __get__(self, resource: AsyncResource, owner: type, /) -> Callable[P, Coroutine[Any, Any, AsyncDownload]]: ...
    def __get__(self, resource: object, owner: type, /) -> Any:
        return self


class SyncResource:
    """A resource whose methods block."""

    def __init__(self, connections: Driver, options: Options) -> None:
        self._connections = connections
        self._options = options

    def __init_subclass__(cls) -> None:
        _make_methods(
            cls, {endpoint: (_blocking, None), pages: (_blocking_page, Page), downloads: (_blocking_download, Download)}
        )


class AsyncResource:
    """A resource whose methods are awaited."""

    def __init__(self, connections: AsyncDriver, options: Options) -> None:
        self._connections = connections
        self._options = options

    def __init_subclass__(cls) -> None:
        _make_methods(
            cls,
            {
                endpoint: (_awaited, None),
                pages: (_awaited_page, AsyncPage),
                downloads: (_awaited_download, AsyncDownload),
            },
        )


# What these functions need they get as a closure: `_renamed` gives them the globals of the resource's own module, where
# their annotations can be resolved.


def _blocking(build: Callable[..., Call[T]]) -> Callable[..., T]:
    make_flow, explain = flow, _explain

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return self._connections.run(make_flow(build(*args, **kwargs), self._options), self._options)
        except TypeError as error:
            explain(error, build, args, kwargs)
            raise

    return method


def _awaited(build: Callable[..., Call[T]]) -> Callable[..., Coroutine[Any, Any, T]]:
    make_flow, explain = flow, _explain

    async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            steps = make_flow(build(*args, **kwargs), self._options)
            return await self._connections.run(steps, self._options)
        except TypeError as error:
            explain(error, build, args, kwargs)
            raise

    return method


def _blocking_page(build: Callable[..., Call[Any]]) -> Callable[..., Any]:
    make_flow, make_page, first = flow, Page[Any], _blocking(build)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        def run(call: Call[Any]) -> Any:
            return self._connections.run(make_flow(call, self._options), self._options)

        return make_page(first(self, *args, **kwargs), run)

    return method


def _awaited_page(build: Callable[..., Call[Any]]) -> Callable[..., Any]:
    make_flow, make_page, first = flow, AsyncPage[Any], _awaited(build)

    async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        async def run(call: Call[Any]) -> Any:
            return await self._connections.run(make_flow(call, self._options), self._options)

        return make_page(await first(self, *args, **kwargs), run)

    return method


def _blocking_download(build: Callable[..., Call[Any]]) -> Callable[..., Any]:
    make_download, open_one = Download, _blocking(build)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        def run(steps: Flow[bytes]) -> bytes:
            read: bytes = self._connections.run(steps, self._options)
            return read

        return make_download(open_one(self, *args, **kwargs), self._options, run)

    return method


def _awaited_download(build: Callable[..., Call[Any]]) -> Callable[..., Any]:
    make_download, open_one = AsyncDownload, _awaited(build)

    async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        async def run(steps: Flow[bytes]) -> bytes:
            read: bytes = await self._connections.run(steps, self._options)
            return read

        return make_download(await open_one(self, *args, **kwargs), self._options, run)

    return method


Flavours: TypeAlias = Mapping[type[Any], tuple[Callable[[Callable[..., Call[Any]]], Callable[..., Any]], Any]]
"""What makes a method of each mark, and what it gives; None where that is what the call says."""


def _make_methods(cls: type[Any], flavours: Flavours) -> None:
    inherited: dict[str, object] = {name: value for base in reversed(cls.__mro__) for name, value in vars(base).items()}
    for name, value in inherited.items():
        if not isinstance(value, endpoint | pages | downloads):
            continue
        method = cast("endpoint[..., Any] | pages[..., Any] | downloads[...]", value)
        build = _renamed(method.build, method.build, cls)
        result: Any = str(method.build.__annotations__["return"]).removeprefix("Call[").removesuffix("]")
        make, kind = flavours[type(method)]
        if isinstance(method, pages):
            result = kind[result.partition("[")[2].removesuffix("]")]  # the name of the item, resolved when it is read
        elif kind is not None:
            result = kind
        build.__annotations__ = method.build.__annotations__ | {"return": result}
        bound = MethodType(build, cls)  # it builds the same call for each resource, so `self` need not be passed on
        made = functools.wraps(build)(_renamed(make(bound), build, cls))
        made.__annotations__ = build.__annotations__  # from 3.14 on, `wraps` copies what would compute them instead
        setattr(cls, name, made)


def _renamed(function: Callable[..., Any], build: Callable[..., Any], owner: type) -> FunctionType:
    """A copy that errors, tracebacks and profiles call `Wallet.credit`, as if it had been written in that class."""
    source, home = cast(FunctionType, function), cast(FunctionType, build)
    code = source.__code__.replace(co_name=home.__name__, co_qualname=f"{owner.__qualname__}.{home.__name__}")
    copy = FunctionType(code, home.__globals__, home.__name__, source.__defaults__, source.__closure__)
    copy.__kwdefaults__ = source.__kwdefaults__
    return copy


def _explain(error: TypeError, build: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, object]) -> None:
    """Say what to write instead, where the arguments do not fit the signature; other errors stay as they are."""
    from difflib import get_close_matches  # only who has made a mistake needs it

    named = inspect.signature(build).parameters.values()
    surplus = len(args) - sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in named)
    absent = [p.name for p in named if p.kind is p.KEYWORD_ONLY and p.name not in kwargs]
    hints = [f"use {name}=" for name in absent[: max(surplus, 0)]]
    names = [p.name for p in named]
    for unknown in kwargs:
        if unknown not in names:
            close = get_close_matches(unknown, names, 1)
            hints += [f"use {name}= instead of {unknown}=" for name in close]
    if hints:
        text = str(error).partition(". Did you mean")[0]  # newer versions of Python guess, too
        error.args = (f"{text}; {', '.join(hints)}",)
