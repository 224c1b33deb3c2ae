"""How is the emulator steered over HTTP? The control routes under `/_emulator/`: JSON in, JSON out, all checked."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final, Required, TypedDict

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kraty_server.testing.emulator import faults
from kraty_server.testing.emulator.backend import Backend
from kraty_server.testing.emulator.clock import format_time
from kraty_server.testing.emulator.json_body import decode_json, encode_json, is_object
from kraty_server.testing.emulator.outbox import Delivery
from kraty_server.testing.emulator.rate_limit import RateLimit
from kraty_server.testing.emulator.shapes import Range, Text, check_shape

log: Final = logging.getLogger("kraty_server.testing")
LIMIT: Final = 1000
"""Rows of a list unless `limit` says otherwise."""
SNAPSHOTS: Final = 100
"""Snapshots that are kept; the oldest go."""


class SnapshotBody(TypedDict, total=False):
    """`POST snapshot`."""

    name: Annotated[str, Text()]


class RestoreBody(TypedDict):
    """`POST restore`."""

    name: str


class ClockBody(TypedDict):
    """`POST clock`."""

    advance: float


class FaultBody(faults.FaultOptions, total=False):
    """`POST faults`."""

    operation: str


class ClearBody(TypedDict, total=False):
    """`POST faults/clear`: one fault, or all."""

    number: Annotated[int, Range(1, 2**53)]


class ReplayBody(TypedDict):
    """`POST deliveries/replay`."""

    id: str


class ResendBody(TypedDict):
    """`POST requests/resend`."""

    number: Annotated[int, Range(1, 2**53)]


class AssertCalledBody(TypedDict, total=False):
    """`POST assert-called`."""

    operation: Required[str]
    times: Annotated[int, Range(0, 2**53)] | None
    body: Mapping[str, Any]


class RateLimitBody(TypedDict, total=False):
    """`POST rate-limit`; null for `per_second` lifts it."""

    per_second: Required[float | None]
    burst: int


class Nothing(TypedDict):
    """A body without fields."""


Act = Callable[[Any], Any]


def as_json(delivery: Delivery) -> dict[str, Any]:
    """A delivery as the control routes show it."""
    answer = None if delivery.answer is None else delivery.answer.decode("utf-8", "replace")
    return asdict(delivery) | {"raw_body": delivery.raw_body.decode(), "answer": answer}


def _answer(value: Any, status: int = 200) -> Response:
    return Response(encode_json(value), status, media_type="application/json")


def _limits(request: Request) -> dict[str, int]:
    """`limit` and `before` of a query.

    Raises:
        ValueError: they are no whole numbers from 1 on.
    """
    limits = {"limit": request.query_params.get("limit", str(LIMIT))}
    if (before := request.query_params.get("before")) is not None:
        limits["before"] = before
    for name, text in limits.items():
        if not text.isascii() or not text.isdigit() or not 0 < len(text) < 16 or int(text) == 0:
            raise ValueError(f"{name}: a whole number from 1 on, got {text!r}")
    return {name: int(text) for name, text in limits.items()}


def _guarded(act: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that answers 400 or 409 to what does not fit, and never 500."""

    async def endpoint(request: Request) -> Response:
        try:
            return _answer(await act(request))
        except AssertionError as error:
            return _answer({"error": str(error)}, 409)
        except KeyError as error:
            return _answer({"error": f"there is no {error.args[0]!r}"}, 400)
        except ValueError as error:
            return _answer({"error": str(error)}, 400)
        except Exception as error:
            log.exception("the control route %s failed", request.url.path)
            return _answer({"error": f"{type(error).__name__}: {error}"}, 400)

    return endpoint


def _show(show: Callable[[Request], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def act(request: Request) -> Any:
        return show(request)

    return _guarded(act)


def _steer(act: Act, shape: Any) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that takes JSON of a shape. Nothing else is taken, so that no form of a page can post here."""

    async def steer(request: Request) -> Any:
        body: Any = decode_json(raw) if (raw := await request.body()) else {}
        check_shape(body, shape, "body")
        return act(body)

    guarded = _guarded(steer)

    async def endpoint(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return _answer({"error": "content-type: application/json is needed"}, 415)
        return await guarded(request)

    return endpoint


def control_routes(backend: Backend, snapshots: dict[str, bytes]) -> Sequence[Route]:  # noqa: C901  (its routes count as one)
    """The routes under `/_emulator`.

    Args:
        backend: what they steer.
        snapshots: by their names; those that are taken are added.
    """

    def snapshot(body: Any) -> Any:
        name = body.get("name") or next(name for n in range(1, 2**31) if (name := str(n)) not in snapshots)
        snapshots[name] = backend.snapshot()
        while len(snapshots) > SNAPSHOTS:
            del snapshots[next(iter(snapshots))]
        return {"name": name}

    def clock(_: object) -> Any:
        return {"now": backend.now().isoformat(), "at": format_time(backend.now())}

    def move_clock(body: Any) -> Any:
        backend.advance(float(body["advance"]))
        return clock(body)

    def rate_limit(_: object) -> Any:
        return None if backend.rate_limit is None else asdict(backend.rate_limit)

    def set_rate_limit(body: Any) -> Any:
        backend.rate_limit = None if body["per_second"] is None else RateLimit(**body)
        return rate_limit(body)

    def clear_faults(body: Any) -> None:
        if "number" in body:
            backend.clear_fault(body["number"])
        else:
            backend.clear_faults()

    def seed(body: Any) -> None:
        silent = body.get("silent", True) if is_object(body) else True
        check_shape(silent, bool, "silent")
        backend.seed(
            {part: body[part] for part in body if part != "silent"} if is_object(body) else body, silent=silent
        )

    def assert_called(body: Any) -> Any:
        wanted = body.get("body", {})
        found = backend.assert_called(body["operation"], times=body.get("times"), **wanted)
        return [request.as_json() for request in found]

    def requests(request: Request) -> Any:
        limits = _limits(request)
        before = limits.get("before", 2**62)
        found = [each for each in backend.requests if each.number < before][-limits["limit"] :]
        return [each.as_json() for each in found]

    def ledger(request: Request) -> Any:
        query = request.query_params
        return backend.ledger(query.get("player"), environment=query.get("environment"), **_limits(request))

    def deliveries(request: Request) -> Any:
        return [as_json(delivery) for delivery in backend.list_deliveries(**_limits(request))]

    gets: dict[str, Callable[[Request], Any]] = {
        "state": lambda _: backend.dump(),
        "snapshots": lambda _: list(snapshots),
        "clock": clock,
        "rate-limit": rate_limit,
        "faults": lambda _: [fault.as_json() for fault in backend.faults],
        "requests": requests,
        "ledger": ledger,
        "deliveries": deliveries,
    }
    posts: dict[str, tuple[Act, Any]] = {
        "seed": (seed, Any),
        "reset": (lambda _: backend.reset(), Nothing),
        "snapshot": (snapshot, SnapshotBody),
        "restore": (lambda body: backend.restore(snapshots[body["name"]]), RestoreBody),
        "clock": (move_clock, ClockBody),
        "rate-limit": (set_rate_limit, RateLimitBody),
        "faults": (lambda body: backend.fault(**body).as_json(), FaultBody),
        "faults/clear": (clear_faults, ClearBody),
        "deliveries/replay": (lambda body: backend.replay(body["id"]), ReplayBody),
        "requests/resend": (lambda body: backend.resend(body["number"]).as_json(), ResendBody),
        "assert-called": (assert_called, AssertCalledBody),
    }
    return [
        *(Route(f"/_emulator/{name}", _show(show)) for name, show in gets.items()),
        *(Route(f"/_emulator/{name}", _steer(*post), methods=["POST"]) for name, post in posts.items()),
        Route("/_emulator/state", _steer(backend.load, Any), methods=["PUT"]),
    ]
