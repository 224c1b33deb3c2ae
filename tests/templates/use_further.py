"""A process of its own, with the package that `further.py` becomes: calls of each flavour to a server on loopback.

It prints what the server got and what the calls gave, as JSON; `test_further.py` starts it and looks.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_type_hints
from uuid import UUID

import httpx

from kraty_server import AsyncKratyServer, KratyServer
from kraty_server._endpoint import AsyncResource, SyncResource, downloads, endpoint, pages
from kraty_server_generated.api import things  # type: ignore[attr-defined]  # only where `further.py` was generated
from kraty_server_generated.models import Thing  # type: ignore[attr-defined]  # as above
from kraty_server_generated.paging import Slice  # type: ignore[import-not-found]  # as above
from kraty_server_generated.types import Call
from tests.templates.further import THING

PAGES: dict[str | None, Any] = {
    None: {"things": [THING, {**THING, "id": "u"}], "nextCursor": "a b&c=", "total": 3},
    "a b&c=": {"things": [], "nextCursor": "c2"},
    "c2": {"things": [{**THING, "id": "v"}], "nextCursor": None},
    "stuck": {"things": [], "nextCursor": "stuck"},
}
requests: list[Any] = []
PICTURE = bytes(range(256)) * 900
FORM: dict[str, Any] = {
    "picture": ("é.png", b"png"), "title": "t", "day": date(2026, 1, 2), "level": 2, "share": 0.5, "tags": ["a", "b"],
    "part": {"size": 1}, "live": True, "papers": [Path(__file__).with_name("__init__.py")], "idempotency_key": "k",
}  # fmt: skip


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length).decode() if length else None
        kind, _, boundary = self.headers.get("content-type", "").partition("; boundary=")
        if body and boundary:
            body = body.replace(boundary, kind)
        requests.append([self.command, self.path, body, self.headers.get("x-trace-id")])
        path = httpx.URL(self.path).path.removeprefix("/server/v1/things")
        status, data = 200, THING
        if self.command == "DELETE":
            status = 204
        elif path == "" and self.command == "GET":
            data = PAGES[httpx.URL(self.path).params.get("cursor")]
        elif path == "":
            status = 202
        elif path in ("/all", "/levels", "/parts"):
            data = {"/all": [THING], "/levels": [1, 99], "/parts": THING["parts"]}[path]
        elif path.startswith("/pictures") and self.command == "POST":
            data = {"title": "t", "size": None}
        content = b"" if status == 204 else json.dumps({"data": data}).encode()
        self.send_response(status)
        if self.command == "GET" and path.startswith(("/pictures", "/tables")):
            content = PICTURE
            self.send_header("content-type", "image/png" if path.startswith("/pictures") else "text/csv")
        if status != 204:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815  # names of http.server

    def log_message(self, format: str, *args: Any) -> None:
        pass


class ThingsCalls:
    @pages
    def search(self, /, **given: Any) -> Call[Slice[Thing]]:
        found: Call[Slice[Thing]] = things.search(**given)
        return found

    @downloads
    def bytes(self, called: str, name: str) -> Call[bytes]:
        made: Call[bytes] = getattr(things, called)(name)
        return made

    @endpoint
    def any(self, called: str, args: tuple[Any, ...], given: dict[str, Any]) -> Call[Any]:
        made: Call[Any] = getattr(things, called)(*args, **given)
        return made


class Things(ThingsCalls, SyncResource):
    pass


class AsyncThings(ThingsCalls, AsyncResource):
    pass


SEARCH: dict[str, Any] = {
    "limit": 2,
    "colour": ["red", "a&b"],
    "ids": ["1,2", "é"],
    "since": date(2026, 1, 1),
    "filter_share": 0.5,
    "live": True,
    "x_trace_id": "trace 1",
}
CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("make", (), {
        "name": "n", "day": date(2026, 1, 2), "serial": UUID(int=10), "level": 2, "step": 10, "share": 0.75,
        "tags": ["a", "b"], "notes": ["x", None], "parts": {"p": {"size": 1}}, "idempotency_key": "k",
    }),
    ("read", (10, "2026-01-02"), {}),
    ("drop", (7,), {}),
    ("everything", (), {}),
    ("levels", (), {}),
    ("part_map", (), {}),
    ("set_bag", ("a b", {"idempotencyKey": "mine", "n": [1]}), {}),
    ("merge_bag", ("b", {}), {}),
    ("add_picture", ("n",), FORM),
]  # fmt: skip


REFUSED = ("GET ?limit=0", "GET ?limit=x", "GET ?live=yes", "GET ?ids=1&since=soon", "GET /of/3/2026-01-01",
           "DELETE /number/0", "POST ", "POST /pictures/n")  # fmt: skip


def told(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: told(item) for key, item in value.items()}
    if isinstance(value, list):
        return [told(item) for item in value]
    return value.to_dict() if hasattr(value, "to_dict") else value


def looked_at(page: Any) -> dict[str, Any]:
    return {"ids": [one.id for one in page.items], "total": page.answer.total, "has_next": page.has_next}


def failed(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def blocking(kraty: KratyServer) -> dict[str, Any]:
    made = Things(kraty._connections, kraty._options)
    page: Any = made.search(**SEARCH)
    found = {"page": looked_at(page), "next": [one.id for one in page.next_page().items], "all": [o.id for o in page]}
    found["results"] = [told(made.any(name, args, given)) for name, args, given in CALLS]
    found["bytes"] = [made.bytes(name, "n").read() == PICTURE for name in ("read_picture", "read_table")]
    try:
        list(made.search(cursor="stuck"))
    except Exception as error:
        found["stuck"] = failed(error)
    return found


async def awaited(kraty: AsyncKratyServer) -> dict[str, Any]:
    async with kraty:
        made = AsyncThings(kraty._connections, kraty._options)
        page: Any = await made.search(**SEARCH)
        found = {"page": looked_at(page), "next": [one.id for one in (await page.next_page()).items]}
        found["all"] = [one.id async for one in page]
        found["results"] = [told(await made.any(name, args, given)) for name, args, given in CALLS]
        found["bytes"] = [await (await made.bytes(n, "n")).read() == PICTURE for n in ("read_picture", "read_table")]
        try:
            await made.search(cursor="stuck")
        except Exception as error:
            found["stuck"] = failed(error)
        return found


def flavours(url: str) -> Iterator[tuple[str, dict[str, Any]]]:
    given: Any = {"api_key": "prefix.secret", "base_url": url}
    with KratyServer(**given) as kraty:
        yield "sync", blocking(kraty)
    with httpx.Client() as client:
        yield "http_client", blocking(KratyServer(**given, http_client=client))
    yield "async", asyncio.run(awaited(AsyncKratyServer(**given)))
    with KratyServer(**given, transport="fast") as kraty:
        yield "fast", blocking(kraty)
    yield "fast-async", asyncio.run(awaited(AsyncKratyServer(**given, transport="fast")))
    yield "aiohttp", asyncio.run(awaited(AsyncKratyServer(**given, transport="aiohttp")))


def emulated() -> dict[str, Any]:
    """What the emulator makes of the same calls, and of requests that the document does not allow."""
    from kraty_server.testing import Emulator
    from kraty_server.testing.emulator.operation import Handler, OperationRequest, OperationResult
    from kraty_server.testing.operations import HANDLERS

    others: list[Any] = []

    def search(request: OperationRequest) -> OperationResult:
        others.append(dict(request.others))
        return 200, {"things": [{**THING, "levels": [1, None]}], "nextCursor": None}

    def add_picture(request: OperationRequest) -> OperationResult:
        picture, papers = request.body["picture"], request.body.get("papers", [])
        forms.append(
            {
                **request.body,
                "picture": [picture.filename, picture.content_type, picture.content],
                "papers": [len(paper.content) for paper in papers],
            }
        )
        return 200, {"title": request.body["title"], "size": len(picture.content)}

    def read_picture(request: OperationRequest) -> OperationResult:
        return 200, PICTURE

    forms: list[Any] = []
    HANDLERS["things.search"] = Handler(search)
    HANDLERS["things.add_picture"] = Handler(add_picture)
    HANDLERS["things.read_picture"] = Handler(read_picture)
    found: dict[str, Any] = {}
    with Emulator() as emulator, emulator.client() as kraty:
        made = Things(kraty._connections, kraty._options)
        found["page"] = [one.id for one in made.search(**SEARCH | {"colour": ["red", "dark-blue"]}, cursor="c")]
        found["others"] = others
        found["results"] = [told(made.any(name, args, given)) for name, args, given in CALLS]
        made.any("add_picture", ("n",), FORM)
        try:
            made.any("add_picture", ("n",), {**FORM, "picture": ("é.png", b"another")})
        except Exception as error:
            found["conflict"] = failed(error)
        found["form"] = json.loads(json.dumps(forms, default=bytes.decode))
        found["bytes"] = [made.bytes(n, "n").read() for n in ("read_picture", "read_table")] == [PICTURE, b"sample"]
        headers = {"authorization": f"Bearer {emulator.api_key}"}
        part = b'--b\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\n%b\r\n--b--\r\n'
        form = headers | {"content-type": "multipart/form-data; boundary=b"}
        refused = emulator.engine.respond("POST", "/server/v1/things/pictures/n", form, part % bytes(200_001))
        found["form refused"] = [refused.status, json.loads(refused.body)["error"]["message"]]
        for target in REFUSED:
            method, _, path = target.partition(" ")
            answer = emulator.engine.respond(method, f"/server/v1/things{path}", headers | {"x-trace-id": ""}, b"{}")
            found[target] = [answer.status, json.loads(answer.body)["error"]["message"]]
    return found


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found: dict[str, Any] = {}
    for name, gave in flavours(f"http://127.0.0.1:{server.server_port}"):
        found[name] = {**gave, "requests": requests.copy()}
        requests.clear()
    for kind in (Things, AsyncThings):
        found[kind.__name__] = str(get_type_hints(kind.search)["return"])
    found["emulator"] = emulated()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
