"""How is the emulator served over HTTP, and steered there?"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kraty_server._clock import SYSTEM_CLOCK
from kraty_server.testing.server import page

if TYPE_CHECKING:
    from kraty_server.testing._emulator import Emulator

START: Final = 10.0
"""Seconds that it may take until it listens."""


STOP: Final = 5.0
"""Seconds that it may take until it has stopped; the thread is a daemon, so no process waits longer for it."""


class _Loop(asyncio.SelectorEventLoop):
    """An event loop whose time passes, whatever a test does to `time`: freezegun would stop all its timers."""

    def time(self) -> float:
        return SYSTEM_CLOCK.monotonic()


class _Protocol(HttpToolsProtocol):
    """Remembers connections by the address of their client, so that a fault can drop them."""

    open: Final[dict[Any, asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        # asyncio does it only for sockets that were made with a protocol number.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.open[transport.get_extra_info("peername")] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.open.pop(self.transport.get_extra_info("peername"), None)
        super().connection_lost(exc)


async def _body(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def _gone(receive: Receive) -> None:
    """Until the connection is known to be closed."""
    while (await receive())["type"] != "http.disconnect":
        pass


def app(emulator: Emulator) -> ASGIApp:
    """The emulator as an ASGI application: the API, `/_emulator/…` to steer it, and a page at `/`."""
    engine = emulator.engine
    steering = Starlette(routes=_steering(emulator))
    base = engine.contract.base + "/"

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if not scope["path"].startswith(base):
            await steering(scope, receive, send)
            return
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        made = engine.respond(scope["method"], target, headers, await _body(receive))
        if made.delay:
            await asyncio.sleep(made.delay)
        if made.fate == "drop":
            _Protocol.open[tuple(scope["client"])].abort()
            await _gone(receive)
            return
        fields = {"content-type": "application/json", "content-length": str(len(made.body)), **made.headers}
        raw = [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]
        await send({"type": "http.response.start", "status": made.status, "headers": raw})
        if made.fate == "cut":
            await send({"type": "http.response.body", "body": made.body[: len(made.body) // 2], "more_body": True})
            _Protocol.open[tuple(scope["client"])].close()
            await _gone(receive)
            return
        await send({"type": "http.response.body", "body": made.body})

    return answer


# Steering


def _steering(emulator: Emulator) -> list[Route]:
    """The routes under `/_emulator`, and the page."""

    async def show(_: Request) -> Response:
        return HTMLResponse(page.whole(emulator))

    async def tables(_: Request) -> Response:
        return HTMLResponse(page.tables(emulator))

    async def state(_: Request) -> Response:
        return JSONResponse(emulator.dump())

    async def load(body: Any) -> Any:
        emulator.load(body)

    async def seed(body: Any) -> Any:
        silent = body.pop("silent", True)
        emulator.seed(body, silent=silent)

    async def reset(_: Any) -> Any:
        emulator.reset()

    snapshots: dict[str, bytes] = {}

    async def snapshot(body: Any) -> Any:
        name = str(body.get("name", len(snapshots) + 1))
        snapshots[name] = emulator.snapshot()
        return {"name": name}

    async def restore(body: Any) -> Any:
        emulator.restore(snapshots[str(body["name"])])

    async def show_clock(_: Request) -> Response:
        return JSONResponse({"now": emulator.now().isoformat()})

    async def move_clock(body: Any) -> Any:
        emulator.advance(float(body["advance"]))
        return {"now": emulator.now().isoformat()}

    async def show_faults(_: Request) -> Response:
        return JSONResponse([fault.shown() for fault in emulator.engine.faults])

    async def add_fault(body: Any) -> Any:
        emulator.fault(**body)

    async def clear_faults(_: Any) -> Any:
        emulator.clear_faults()

    async def requests(_: Request) -> Response:
        return JSONResponse([asdict(request) for request in emulator.requests])

    async def ledger(request: Request) -> Response:
        return JSONResponse(emulator.ledger(request.query_params.get("player")))

    async def deliveries(_: Request) -> Response:
        shown = [asdict(delivery) for delivery in emulator.deliveries]
        return JSONResponse([d | {"raw_body": d["raw_body"].decode()} for d in shown])

    async def replay(body: Any) -> Any:
        emulator.replay(body["id"])

    async def assert_called(body: Any) -> Any:
        operation = body.pop("operation")
        times = body.pop("times", None)
        return [asdict(request) for request in emulator.assert_called(operation, times=times, **body.pop("body", {}))]

    return [
        Route("/", show),
        Route("/_emulator/tables", tables),
        Route("/_emulator/state", state),
        Route("/_emulator/state", _steer(load), methods=["PUT"]),
        Route("/_emulator/seed", _steer(seed), methods=["POST"]),
        Route("/_emulator/reset", _steer(reset), methods=["POST"]),
        Route("/_emulator/snapshot", _steer(snapshot), methods=["POST"]),
        Route("/_emulator/restore", _steer(restore), methods=["POST"]),
        Route("/_emulator/clock", show_clock),
        Route("/_emulator/clock", _steer(move_clock), methods=["POST"]),
        Route("/_emulator/faults", show_faults),
        Route("/_emulator/faults", _steer(add_fault), methods=["POST"]),
        Route("/_emulator/faults/clear", _steer(clear_faults), methods=["POST"]),
        Route("/_emulator/requests", requests),
        Route("/_emulator/ledger", ledger),
        Route("/_emulator/deliveries", deliveries),
        Route("/_emulator/deliveries/replay", _steer(replay), methods=["POST"]),
        Route("/_emulator/assert-called", _steer(assert_called), methods=["POST"]),
    ]


def _steer(act: Callable[[Any], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that takes JSON. Nothing else is taken, so that no page in a browser can post here unasked."""

    async def endpoint(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return JSONResponse({"error": "content-type: application/json is needed"}, 415)
        try:
            raw = await request.body()
            return JSONResponse(await act(await request.json() if raw else {}))
        except AssertionError as error:
            return JSONResponse({"error": str(error)}, 409)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

    return endpoint


class Server:
    """Serves an emulator in a thread of its own."""

    def __init__(self, emulator: Emulator, host: str, port: int) -> None:
        self._socket = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app(emulator),
            http=_Protocol,
            ws="none",
            lifespan="off",
            access_log=False,
            log_level=logging.WARNING,
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="kraty-emulator", daemon=True)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=_Loop) as runner:
            runner.run(self._server.serve([self._socket]))

    def start(self) -> None:
        """Serve, and come back when it listens.

        Raises:
            RuntimeError: it could not start.
        """
        ready = threading.Event()
        started = self._server.startup

        async def startup(sockets: list[socket.socket] | None = None) -> None:
            await started(sockets)
            ready.set()

        self._server.startup = startup  # type: ignore[method-assign]  # uvicorn has no callback for it
        self._thread.start()
        if not ready.wait(START):
            raise RuntimeError("the emulator did not start to listen")

    def stop(self) -> None:
        """Stop serving; connections that are open end."""
        self._server.should_exit = True
        self._thread.join(STOP)
        self._socket.close()
