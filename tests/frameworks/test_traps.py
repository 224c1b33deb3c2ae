"""What the page about frameworks warns of is so, and what it says instead works: bodies that are eaten, parsed or redirected."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

import httpx
import pytest

from kraty_server.webhooks import WebhookApp, WebhookEvent, Webhooks
from tests.frameworks.deliveries import SECRET, delivery

Reads = Callable[[Any], Any]


def reasons() -> tuple[Webhooks[()], list[str]]:
    """A receiver, and what becomes of its deliveries."""
    seen: list[str] = []
    kraty = Webhooks(SECRET, on_delivery=lambda info: seen.append(info.reason or info.result))
    kraty.on(WebhookEvent)(lambda event: None)
    return kraty, seen


def asked(app: Any) -> int:
    """The status that an ASGI app answers to a delivery."""

    async def ask() -> int:
        one = delivery()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test") as client:
            return (await client.post("/kraty", content=one.body, headers=one.headers)).status_code

    return asyncio.run(ask())


@pytest.mark.parametrize("framework", ["starlette", "fastapi"])
def test_a_mount_redirects_and_a_route_does_not(framework: str) -> None:
    module = pytest.importorskip(framework)
    from starlette.applications import Starlette
    from starlette.routing import Route

    kraty, seen = reasons()
    make = Starlette if framework == "starlette" else module.FastAPI
    mounted, routed = make(), make()
    mounted.mount("/kraty", WebhookApp(kraty))
    routed.router.routes.append(Route("/kraty", WebhookApp(kraty)))
    assert asked(mounted) == 307
    assert seen == []
    assert asked(routed) == 204
    assert seen == ["handled"]


async def streams(request: Any) -> None:
    async for _ in request.stream():
        pass


async def loads(request: Any) -> None:
    await request.json()


async def keeps(request: Any) -> None:
    await request.body()


@pytest.mark.parametrize(
    ("reads", "reason"),
    [(streams, "body_empty"), (loads, "handled"), (keeps, "handled")],
    ids=["stream", "json", "body"],
)
def test_a_middleware_of_starlette_that_streams_the_body_eats_it(
    reads: Callable[[Any], Awaitable[None]], reason: str
) -> None:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.requests import Request
    from starlette.routing import Route

    async def dispatch(request: Request, call_next: Any) -> Any:
        await reads(request)
        return await call_next(request)

    kraty, seen = reasons()
    routes = [Route("/kraty", WebhookApp(kraty))]
    app = Starlette(routes=routes, middleware=[Middleware(BaseHTTPMiddleware, dispatch=dispatch)])
    assert (asked(app), seen) == (204 if reason == "handled" else 401, [reason])


def test_parameters_of_fastapi_do_not_give_the_body_as_it_came() -> None:
    fastapi = pytest.importorskip("fastapi")
    kraty, seen = reasons()

    async def as_body(request: Any, body: Any) -> Any:
        return fastapi.Response(status_code=kraty.handle(body, request.headers))

    async def parsed(request: Any, event: Any) -> Any:
        return fastapi.Response(status_code=kraty.handle(json.dumps(event), request.headers))

    async def raw(request: Any) -> Any:
        return fastapi.Response(status_code=kraty.handle(await request.body(), request.headers))

    as_body.__defaults__ = (fastapi.Body(),)
    as_body.__annotations__ = {"request": fastapi.Request, "body": bytes}
    parsed.__annotations__ = {"request": fastapi.Request, "event": dict[str, Any]}
    raw.__annotations__ = {"request": fastapi.Request}
    outcomes: list[tuple[int, list[str]]] = []
    for view in (as_body, parsed, raw):
        app = fastapi.FastAPI()
        app.post("/kraty")(view)
        outcomes.append((asked(app), list(seen)))
        seen.clear()
    assert outcomes == [(422, []), (401, ["signature_mismatch"]), (204, ["handled"])]


@pytest.mark.parametrize(
    ("reads", "content_type", "reason"),
    [
        (lambda request: request.get_data(cache=False), "application/json", "body_empty"),
        (lambda request: request.form, "application/x-www-form-urlencoded", "body_empty"),
        (lambda request: request.get_data(), "application/json", "handled"),
        (lambda request: request.get_json(), "application/json", "handled"),
        (lambda request: request.form, "application/json", "handled"),
    ],
    ids=["get_data(cache=False)", "form", "get_data", "get_json", "form of JSON"],
)
def test_what_takes_the_body_away_in_flask(reads: Reads, content_type: str, reason: str) -> None:
    flask = pytest.importorskip("flask")
    kraty, seen = reasons()
    app = flask.Flask(__name__)

    @app.before_request  # type: ignore[untyped-decorator]  # of a module that may be missing
    def middleware() -> None:
        reads(flask.request)

    app.post("/kraty")(lambda: ("", kraty.handle(flask.request.get_data(), flask.request.headers)))
    one = delivery()
    answer = app.test_client().post("/kraty", data=one.body, headers=one.headers | {"Content-Type": content_type})
    assert (answer.status_code, seen) == (204 if reason == "handled" else 401, [reason])


@pytest.mark.parametrize(("eats", "reason"), [(True, "body_empty"), (False, "handled")])
def test_get_media_of_falcon_takes_the_body_away(eats: bool, reason: str) -> None:
    falcon = pytest.importorskip("falcon")
    client = pytest.importorskip("werkzeug.test")  # Falcon's own holds WSGI to its letter: read(size) only
    kraty, seen = reasons()

    class Reads:
        def process_resource(self, request: Any, *_: Any) -> None:
            if eats:
                request.get_media()

    class KratyWebhook:
        def on_post(self, request: Any, response: Any) -> None:
            response.status = kraty.handle(request.stream.read(), request.headers)

    app = falcon.App(middleware=[Reads()])
    app.add_route("/kraty", KratyWebhook())
    one = delivery()
    answer = client.Client(app).post("/kraty", data=one.body, headers=one.headers)
    assert (answer.status_code, seen) == (204 if reason == "handled" else 401, [reason])


LITESTAR = """
from __future__ import annotations
from typing import TYPE_CHECKING, Any
from litestar import Litestar, Response, post
if {condition}:
    from litestar import Request as Incoming

@post("/kraty")
async def kraty_webhook(request: Incoming[Any, Any, Any]) -> Response[None]:
    return Response(None, status_code=kraty.handle(await request.body(), request.headers))

app = Litestar([kraty_webhook])
"""


@pytest.mark.parametrize("condition", ["True", "TYPE_CHECKING"])
def test_litestar_reads_annotations_at_run_time(condition: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("litestar")
    kraty, seen = reasons()
    shop = ModuleType("shop")
    monkeypatch.setitem(sys.modules, "shop", shop)
    vars(shop)["kraty"] = kraty
    source = LITESTAR.format(condition=condition)
    if condition == "TYPE_CHECKING":
        with pytest.raises(NameError, match="'Incoming' is not defined"):
            exec(source, vars(shop))
    else:
        exec(source, vars(shop))
        assert (asked(vars(shop)["app"]), seen) == (204, ["handled"])
