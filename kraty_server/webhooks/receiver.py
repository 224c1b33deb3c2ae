"""What is done with a delivery? Webhooks are verified, read, handled once, and answered."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable, iscoroutinefunction, unwrap
from typing import Any, Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar, TypeVarTuple, cast, overload

from kraty_server.errors import Decision, KratyError, Outcome
from kraty_server.webhooks.signature import Reason, Secrets, refusal, signing_keys
from kraty_server_generated.events import EVENTS, WebhookEvent, read_event

E = TypeVar("E", bound=WebhookEvent)
R = TypeVar("R")
Ts = TypeVarTuple("Ts")
Body: TypeAlias = bytes | bytearray | memoryview | str
Headers: TypeAlias = Mapping[str, Any] | Iterable[tuple[str | bytes, str | bytes]]
"""As any framework has them: a mapping of names in any case, or pairs. A value may be a list of values."""
Result: TypeAlias = Literal["handled", "duplicate", "unhandled"]
Once: TypeAlias = Callable[[WebhookEvent, Callable[[*Ts], object]], bool]
"""Opens a transaction, inserts the event's id, calls back with what handlers get, and says whether it was first."""
AsyncOnce: TypeAlias = Callable[[WebhookEvent, Callable[[*Ts], Awaitable[object]]], Awaitable[bool]]

SECRET_VARIABLE: Final = "KRATY_WEBHOOK_SECRET"  # noqa: S105  (a name)
SIGNATURE_HEADER: Final = "x-signature"


class Refusal(NamedTuple):
    """What a reason to refuse a delivery means."""

    cause: str
    """What usually causes it."""
    decision: Decision = "fix"
    """What a worker does that finds it; `fix` where the set-up here may be at fault."""
    status: int = 401
    """What to answer."""


REFUSALS: Final[Mapping[Reason, Refusal]] = {
    "signature_missing": Refusal("no header X-Signature: somebody else called, or a proxy dropped it"),
    "signature_malformed": Refusal(
        "X-Signature is not one `t=…,v1=…`: somebody else signed, or a proxy sent the header twice"
    ),
    "signature_mismatch": Refusal(
        "the secret is that of another endpoint or environment, or a middleware or proxy changed the "
        "body: give the bytes as they came, not JSON that was read and written again"
    ),
    "too_old": Refusal("it is genuine and late: a replay, or a clock that is ahead, here", "refuse"),
    "in_the_future": Refusal("it is genuine and early: a clock that is behind, here"),
    "body_empty": Refusal("there is no body: a middleware read it before, or the server does not take chunked bodies"),
    "body_not_bytes": Refusal(
        "the body is neither bytes nor text: a stream that was not read, or a coroutine not awaited"
    ),
    "body_unreadable": Refusal("it is genuine and no event: not a JSON object with the envelope of one", "refuse", 400),
}
"""All that is decided by the reason."""
CATCH_ALL: Final = ""
_NAMES: Final[Mapping[type[WebhookEvent], str]] = {WebhookEvent: CATCH_ALL} | {kind: n for n, kind in EVENTS.items()}
_JSON: Final = json.JSONDecoder()
_log: Final = logging.getLogger("kraty_server")


class WebhookError(KratyError):
    """A delivery is refused: it was not signed by Kraty just now, or it holds no event. Nothing was handled."""

    outcome: Outcome = "not_applied"
    reason: Reason
    """Why. For your logs, not for the answer."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.reason}: {self._refusal.cause}"

    @property
    def status(self) -> int:
        """What to answer: 400 where Kraty signed what cannot be read, else 401."""
        return self._refusal.status

    @property
    def decision(self) -> Decision:
        """Tell a worker that verifies deliveries itself what to do; docs/webhooks.md lists it for every reason.

        `fix`: the set-up may be broken here (the secret, a proxy, the clock), or a stranger sent it; keep it for some
        minutes and tell somebody once. `refuse`: it will never be taken.
        """
        return self._refusal.decision

    @property
    def _refusal(self) -> Refusal:
        return REFUSALS.get(self.reason) or Refusal("")  # one that a later version gave


@dataclass(frozen=True, slots=True)
class DeliveryInfo:
    """One delivery, given to the hook when it was handled or refused. Neither body nor secret is in it."""

    event: WebhookEvent | None
    """None where it was refused."""
    result: Literal["handled", "duplicate", "unhandled", "refused", "failed"]
    """A name for metrics. `failed`: a handler or `once` raised."""
    reason: Reason | None
    """Why it was refused."""
    error: BaseException | None
    """What was raised."""
    duration_ms: float


OnDelivery: TypeAlias = Callable[[DeliveryInfo], None]
"""A hook. What it raises is logged and changes nothing."""
AsyncOnDelivery: TypeAlias = Callable[[DeliveryInfo], Awaitable[None] | None]
"""A hook of `AsyncWebhooks`, plain or `async def`: what can be awaited is awaited before the answer."""


def _signature(headers: Headers) -> str:
    """The signature header, empty where there is none. Two of them are joined, as HTTP says, and that is malformed."""
    if headers is None or isinstance(headers, (str, bytes)):
        raise TypeError(f"headers: all of them are needed, as the framework has them, got {type(headers).__name__}")
    values: list[str] = []
    items = getattr(headers, "items", None)  # not all that have it are a Mapping
    pairs: Iterable[tuple[str | bytes, Any]] = items() if items else cast("Any", headers)
    for name, value in pairs:
        if len(name) == len(SIGNATURE_HEADER) and _text(name).lower() == SIGNATURE_HEADER and value is not None:
            if isinstance(value, list):
                values += map(_text, cast("list[str]", value))
            else:
                values.append(_text(value))
    return ",".join(values)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _decode(text: str) -> Any:
    """JSON as Kraty writes it, without white space around it, in one step; and any other."""
    try:
        found, end = _JSON.raw_decode(text)
    except ValueError:  # white space before it, or no JSON
        return _JSON.decode(text)
    return found if end == len(text) else _JSON.decode(text)


def _is_async(function: object) -> bool:
    call = getattr(type(function), "__call__", None)  # noqa: B004  (of an object that can be called, its method)
    return iscoroutinefunction(function) or iscoroutinefunction(call)


def _awaits(function: Any) -> bool:
    """Whether a function, or the one that a decorator wrapped, is `async def`."""
    return _is_async(function) or _is_async(unwrap(function))


def _given_keys(secret: Secrets | None) -> list[bytes] | Exception:
    if secret is None and not (secret := os.environ.get(SECRET_VARIABLE)):
        return ValueError(f"secret: give the endpoint's, or set {SECRET_VARIABLE}")
    return signing_keys(secret)


def decode_event(raw_body: Body) -> WebhookEvent:
    """Read the event in a body that was verified before.

    Raises:
        ValueError: there is none: it is not a JSON object with the envelope of an event.
    """
    try:
        event = read_event(_decode(raw_body if isinstance(raw_body, str) else str(raw_body, "utf-8")))
        name: object = event.event_name
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no event: {error}") from error
    if not isinstance(name, str):
        raise ValueError("no event: its name is no text")
    return event


class _Receiver:
    """What both flavours share."""

    _is_async = False

    def __init__(
        self,
        keys: list[bytes] | Exception,
        once: Callable[..., Any] | None,
        tolerance_seconds: float,
        on_delivery: Callable[[DeliveryInfo], object] | None,
    ) -> None:
        if isinstance(keys, Exception):
            raise keys
        if not tolerance_seconds >= 0:
            raise ValueError("tolerance_seconds must be 0 or more")
        if once is not None:
            self._check_function("once", once)
        if on_delivery is not None and not self._is_async:
            self._check_function("on_delivery", on_delivery)
        self._keys = keys
        self._once = once
        self._tolerance = tolerance_seconds
        self._on_delivery = on_delivery
        self._handlers: dict[str, Callable[..., Any]] = {}

    def _check_function(self, name: str, function: object) -> None:
        if not callable(function):
            raise TypeError(f"{name}: a function is needed, got {type(function).__name__}")
        if self._is_async and not _awaits(function):
            raise TypeError(f"{name}: {type(self).__name__} awaits it; use `async def`")
        if not self._is_async and _is_async(function):
            raise TypeError(f"{name}: an `async def` function would never run here; use `def`, or AsyncWebhooks")

    def _add(self, kind: type[WebhookEvent] | str, handler: Any) -> Any:
        name = kind if isinstance(kind, str) else _NAMES.get(kind)
        if not isinstance(name, str) or (name == CATCH_ALL and kind is not WebhookEvent):
            raise ValueError(f"on: an event's class or its name is needed, got {kind!r}")
        self._check_function("handler", handler)
        if name in self._handlers:
            raise ValueError(f"{name or 'every other event'}: it has a handler, {self._handlers[name]!r}")
        self._handlers[name] = handler
        return handler

    def _handler(self, event: WebhookEvent) -> Callable[..., Any] | None:
        name: object = getattr(event, "event_name", None)
        return self._handlers.get(str(name)) or self._handlers.get(CATCH_ALL)

    def read(self, raw_body: Body, headers: Headers) -> WebhookEvent:
        """Verify a delivery and read its event; it is not handled.

        Args:
            raw_body: the body as it came, before any parsing.
            headers: all headers, as the framework has them.

        Raises:
            WebhookError: it is refused. Answer its `status`; its `reason` was logged.
            TypeError: the body was parsed before, or the headers are no headers.
        """
        reason = refusal(raw_body, _signature(headers), self._keys, self._tolerance, time.time())
        if reason is not None:
            raise self._refused(reason)
        try:
            return decode_event(raw_body)
        except ValueError as error:
            raise self._refused("body_unreadable") from error

    def _refused(self, reason: Reason) -> WebhookError:
        error = WebhookError(reason)
        _log.warning("a webhook was refused with %d: %s", error.status, error)
        return error

    def _info(self, began: float, event: WebhookEvent | None, result: Result | BaseException) -> DeliveryInfo:
        duration_ms = (time.perf_counter() - began) * 1000
        if not isinstance(result, BaseException):
            return DeliveryInfo(event, result, None, None, duration_ms)
        if event is None and isinstance(result, WebhookError):
            return DeliveryInfo(None, "refused", result.reason, result, duration_ms)
        return DeliveryInfo(event, "failed", None, result, duration_ms)


def _result(first: object) -> Result:
    """What `once` said. Nothing is not taken for an answer: its effect was made, and would pass for a duplicate."""
    if not isinstance(first, bool):
        raise TypeError(f"once: it must return whether the event was first, True or False, got {type(first).__name__}")
    return "handled" if first else "duplicate"


class Webhooks(_Receiver, Generic[*Ts]):
    """Take the deliveries of one endpoint: verify, read, and hand each to its handler, once.

    It keeps no state but its handlers, and is safe for threads and processes.

    Args:
        secret: the endpoint's secret, as the portal showed it; several while one replaces the other; else
            KRATY_WEBHOOK_SECRET.
        once: makes a handler's effect and the mark of its event one transaction. It opens it, inserts the event's id,
            and calls the second argument with what handlers are to get beside the event, where the id was new; it
            returns whether it was. Without it, a delivery that comes twice is handled twice.
        tolerance_seconds: how old a signature may be, inclusive. It may be 60 s ahead.
        on_delivery: called with a `DeliveryInfo` when `handle` is done.

    Raises:
        ValueError: a secret is missing, empty or holds white space.
        TypeError: a function is `async def`, which nobody would await.
    """

    @overload
    def __init__(
        self: Webhooks[()],
        secret: Secrets | None = None,
        *,
        once: None = None,
        tolerance_seconds: float = 300,
        on_delivery: OnDelivery | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self,
        secret: Secrets | None = None,
        *,
        once: Once[*Ts],
        tolerance_seconds: float = 300,
        on_delivery: OnDelivery | None = None,
    ) -> None: ...
    def __init__(
        self,
        secret: Secrets | None = None,
        *,
        once: Callable[..., bool] | None = None,
        tolerance_seconds: float = 300,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        keys = _given_keys(secret)
        del secret  # no frame of ours holds it when a check fails
        super().__init__(keys, once, tolerance_seconds, on_delivery)

    @overload
    def on(self, kind: type[E]) -> Callable[[Callable[[E, *Ts], R]], Callable[[E, *Ts], R]]: ...
    @overload
    def on(self, kind: str) -> Callable[[Callable[[WebhookEvent, *Ts], R]], Callable[[WebhookEvent, *Ts], R]]: ...
    def on(self, kind: type[WebhookEvent] | str) -> Callable[[Any], Any]:
        """Handle the events of a class, or of a name. `WebhookEvent` takes all that have no handler of their own.

        Raises:
            ValueError: they have a handler.
            TypeError: the handler is `async def`.
        """
        return partial(self._add, kind)

    def dispatch(self, event: WebhookEvent) -> Result:
        """Hand an event that was verified to its handler, once: `handled`, `duplicate`, or `unhandled`.

        What the handler and `once` raise goes through.
        """
        handler = self._handler(event)
        if handler is None:
            return "unhandled"
        if self._once is None:
            _called(handler, event)
            return "handled"
        return _result(self._once(event, partial(_called, handler, event)))

    def handle(self, raw_body: Body, headers: Headers) -> int:
        """Verify, read and dispatch a delivery. Answer the status: 204, 401, or 400 where it holds no event.

        What the handler and `once` raise goes through: answer 500, and it is delivered again.
        """
        began, event = time.perf_counter(), None
        try:
            event = self.read(raw_body, headers)
            result = self.dispatch(event)
        except BaseException as error:
            self._report(began, event, error)
            if event is None and isinstance(error, WebhookError):
                return error.status
            raise
        self._report(began, event, result)
        return 204

    def _report(self, began: float, event: WebhookEvent | None, result: Result | BaseException) -> None:
        if self._on_delivery is not None:
            try:
                self._on_delivery(self._info(began, event, result))
            except Exception:
                _log.exception("on_delivery raised; the answer stays what it is")


def _called(handler: Callable[..., Any], event: WebhookEvent, *more: Any) -> None:
    """Call a handler. A coroutine that nobody awaits must not pass for an event that was handled."""
    returned = handler(event, *more)
    if returned is not None and isawaitable(returned):
        raise TypeError(f"{handler!r} returned {type(returned).__name__}, which nobody awaits; use AsyncWebhooks")


class AsyncWebhooks(_Receiver, Generic[*Ts]):
    """Take the deliveries of one endpoint, as `Webhooks` does; handlers and `once` are `async def`."""

    _is_async = True

    @overload
    def __init__(
        self: AsyncWebhooks[()],
        secret: Secrets | None = None,
        *,
        once: None = None,
        tolerance_seconds: float = 300,
        on_delivery: AsyncOnDelivery | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self,
        secret: Secrets | None = None,
        *,
        once: AsyncOnce[*Ts],
        tolerance_seconds: float = 300,
        on_delivery: AsyncOnDelivery | None = None,
    ) -> None: ...
    def __init__(
        self,
        secret: Secrets | None = None,
        *,
        once: Callable[..., Awaitable[bool]] | None = None,
        tolerance_seconds: float = 300,
        on_delivery: AsyncOnDelivery | None = None,
    ) -> None:
        keys = _given_keys(secret)
        del secret  # no frame of ours holds it when a check fails
        super().__init__(keys, once, tolerance_seconds, on_delivery)

    @overload
    def on(self, kind: type[E]) -> Callable[[Callable[[E, *Ts], Awaitable[R]]], Callable[[E, *Ts], Awaitable[R]]]: ...
    @overload
    def on(
        self, kind: str
    ) -> Callable[[Callable[[WebhookEvent, *Ts], Awaitable[R]]], Callable[[WebhookEvent, *Ts], Awaitable[R]]]: ...
    def on(self, kind: type[WebhookEvent] | str) -> Callable[[Any], Any]:
        """Handle the events of a class, or of a name. `WebhookEvent` takes all that have no handler of their own.

        Raises:
            ValueError: they have a handler.
            TypeError: the handler is no `async def`.
        """
        return partial(self._add, kind)

    async def dispatch(self, event: WebhookEvent) -> Result:
        """Hand an event that was verified to its handler, once: `handled`, `duplicate`, or `unhandled`.

        What the handler and `once` raise goes through.
        """
        handler = self._handler(event)
        if handler is None:
            return "unhandled"
        if self._once is None:
            await handler(event)
            return "handled"
        return _result(await self._once(event, partial(handler, event)))

    async def handle(self, raw_body: Body, headers: Headers) -> int:
        """Verify, read and dispatch a delivery. Answer the status: 204, 401, or 400 where it holds no event.

        What the handler and `once` raise goes through: answer 500, and it is delivered again.
        """
        began, event = time.perf_counter(), None
        try:
            event = self.read(raw_body, headers)
            result = await self.dispatch(event)
        except BaseException as error:
            await self._report(began, event, error)
            if event is None and isinstance(error, WebhookError):
                return error.status
            raise
        await self._report(began, event, result)
        return 204

    async def _report(self, began: float, event: WebhookEvent | None, result: Result | BaseException) -> None:
        if self._on_delivery is not None:
            try:
                told = self._on_delivery(self._info(began, event, result))
                if isawaitable(told):
                    await told
            except Exception:
                _log.exception("on_delivery raised; the answer stays what it is")
