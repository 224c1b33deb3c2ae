"""How is one method body blocking on a sync resource and awaitable on an async one?

A method says which `Call` to make. When a resource class is made, each of its methods gets a plain function of the
right flavour; type checkers see a descriptor, and with it the exact signature.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

from kraty_server._flow import flow
from kraty_server._options import Options
from kraty_server._transport import Connections
from kraty_server_generated.types import Call

if TYPE_CHECKING:
    from kraty_server._async_transport import AsyncConnections

P = ParamSpec("P")
T = TypeVar("T")


class endpoint(Generic[P, T]):
    """Marks the method that builds a call."""

    build: Callable[Concatenate[Any, P], Call[T]]
    signature: inspect.Signature

    def __init__(self, build: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self.build = build
        self.__doc__ = build.__doc__
        signature = inspect.signature(build)
        result = str(signature.return_annotation).removeprefix("Call[").removesuffix("]")
        self.signature = signature.replace(return_annotation=result)

    @overload
    def __get__(self, resource: None, owner: type, /) -> endpoint[P, T]: ...
    @overload
    def __get__(self, resource: SyncResource, owner: type, /) -> Callable[P, T]: ...
    @overload
    def __get__(self, resource: AsyncResource, owner: type, /) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, resource: object, owner: type, /) -> Any:
        return self


def _dressed(function: Callable[..., Any], method: endpoint[..., Any], owner: type) -> Callable[..., Any]:
    build, signature = method.build, method.signature
    dressed = cast(Any, function)
    dressed.__name__, dressed.__doc__, dressed.__module__ = build.__name__, build.__doc__, build.__module__
    dressed.__qualname__ = f"{owner.__qualname__}.{build.__name__}"
    dressed.__annotations__ = build.__annotations__ | {"return": signature.return_annotation}
    dressed.__signature__ = signature
    return function


def _methods(owner: type) -> dict[str, endpoint[..., Any]]:
    return {n: m for c in reversed(owner.__mro__) for n, m in vars(c).items() if isinstance(m, endpoint)}


class SyncResource:
    """A resource whose methods block."""

    __slots__ = ("_connections", "_options")

    _connections: Connections
    _options: Options

    def __init__(self, connections: Connections, options: Options) -> None:
        self._connections = connections
        self._options = options

    def __init_subclass__(cls) -> None:
        for name, method in _methods(cls).items():
            setattr(cls, name, _dressed(cls._blocking(method.build), method, cls))

    @staticmethod
    def _blocking(build: Callable[..., Call[T]]) -> Callable[..., T]:
        def method(self: SyncResource, *args: Any, **kwargs: Any) -> T:
            return self._connections.run(flow(build(self, *args, **kwargs), self._options), self._options)

        return method


class AsyncResource:
    """A resource whose methods are awaited."""

    __slots__ = ("_connections", "_options")

    _connections: AsyncConnections
    _options: Options

    def __init__(self, connections: AsyncConnections, options: Options) -> None:
        self._connections = connections
        self._options = options

    def __init_subclass__(cls) -> None:
        for name, method in _methods(cls).items():
            setattr(cls, name, _dressed(cls._awaited(method.build), method, cls))

    @staticmethod
    def _awaited(build: Callable[..., Call[T]]) -> Callable[..., Coroutine[Any, Any, T]]:
        async def method(self: AsyncResource, *args: Any, **kwargs: Any) -> T:
            steps = flow(build(self, *args, **kwargs), self._options)
            return await self._connections.run(steps, self._options)

        return method
