"""Each recipe of the page about frameworks, under its real server: whatever is delivered and however, an event has one effect."""

from __future__ import annotations

import base64
import os
import runpy
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.frameworks.deliveries import SECRET, Delivery, Endpoint, assert_every_delivery_has_one_effect, delivery
from tests.frameworks.page import BLOCK, DOCS, block

ROOT = Path(__file__).parents[2]
PAGE = "frameworks.md"
HOOKS = Path(__file__).with_name("hooks.py")


def database(folder: Path) -> Path:
    path = folder / "shop.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE seen (id TEXT PRIMARY KEY)")
        db.execute("CREATE TABLE effects (id TEXT)")
        db.execute("CREATE TABLE changes (id TEXT)")
    return path


def counted(path: Path, table: str = "effects") -> Callable[[str], int]:
    def effects(number: str) -> int:
        with closing(sqlite3.connect(path)) as db:
            return int(db.execute(f"SELECT count(*) FROM {table} WHERE id = ?", (number,)).fetchone()[0])

    return effects


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def served(command: list[str], folder: Path, port: int, **environment: str) -> Iterator[None]:
    """Run a server in a folder until it listens, and end it after."""
    paths = os.pathsep.join([str(folder), str(ROOT), str(ROOT / "generated"), os.environ.get("PYTHONPATH", "")])
    environ = os.environ | {"KRATY_WEBHOOK_SECRET": SECRET, "PYTHONPATH": paths} | environment
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=folder, env=environ, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            ends_at = time.monotonic() + 40
            while True:
                with socket.socket() as one:
                    if one.connect_ex(("127.0.0.1", port)) == 0:
                        break
                said = (folder / "server.log").read_text("utf-8", "replace")
                assert process.poll() is None, said
                assert time.monotonic() < ends_at, said
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


UVICORN = ["uvicorn", "--log-level", "warning", "--port"]
GUNICORN = ["gunicorn", "--threads", "25", "--workers", "2", "--log-level", "warning", "--bind"]


MIB = 1 << 20
RECIPES = {
    "app = FastAPI()": ("fastapi", "uvicorn", MIB),
    "app = Starlette(": ("starlette", "uvicorn", MIB),
    "app = Litestar(": ("litestar", "uvicorn", MIB),
    "app = Flask(": ("flask", "gunicorn", MIB),
    "app = falcon.App(": ("falcon", "gunicorn", None),
    "app = Quart(": ("quart", "uvicorn", MIB),
    "app = web.Application(": ("aiohttp", "aiohttp", MIB),
}
"""What a recipe has in it: its framework, its server, and the limit of a body."""


@pytest.mark.parametrize("contains", RECIPES, ids=lambda one: RECIPES[one][0])
def test_a_recipe(contains: str, tmp_path: Path) -> None:
    framework, server, limit = RECIPES[contains]
    if find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    path, port = database(tmp_path), free_port()
    shutil.copy(HOOKS, tmp_path)
    (tmp_path / "shop.py").write_text(block(PAGE, contains))
    commands = {
        "uvicorn": [*UVICORN, str(port), "shop:app"],
        "gunicorn": [*GUNICORN, f"127.0.0.1:{port}", "shop:app"],
        "aiohttp": ["aiohttp.web", "-H", "127.0.0.1", "-P", str(port), "serve:app"],
    }
    (tmp_path / "serve.py").write_text("import shop\n\n\ndef app(arguments):\n    return shop.app\n")
    with served(commands[server], tmp_path, port, SHOP_DATABASE=str(path)):
        cut_off = 401 if framework == "flask" else 413
        assert_every_delivery_has_one_effect(Endpoint(f"http://127.0.0.1:{port}/kraty", counted(path), limit, cut_off))


def in_this_process(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("KRATY_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("SHOP_DATABASE", str(database(tmp_path)))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "hooks", raising=False)
    shutil.copy(HOOKS, tmp_path)
    (tmp_path / "shop.py").write_text(source)
    return runpy.run_path(str(tmp_path / "shop.py"))


def api_gateway_1(one: Delivery) -> dict[str, Any]:
    """REST API, payload format 1.0: both forms of the headers."""
    return {
        "httpMethod": "POST", "path": "/kraty", "body": one.body.decode(), "isBase64Encoded": False,
        "headers": one.headers, "multiValueHeaders": {name: [value] for name, value in one.headers.items()},
    }  # fmt: skip


def api_gateway_2(one: Delivery) -> dict[str, Any]:
    """HTTP API and function URL, payload format 2.0: names in lower case."""
    return {
        "version": "2.0", "rawPath": "/kraty", "body": one.body.decode(), "isBase64Encoded": False,
        "headers": {name.lower(): value for name, value in one.headers.items()},
    }  # fmt: skip


def load_balancer(one: Delivery) -> dict[str, Any]:
    """With multi-value headers switched on."""
    return {
        "requestContext": {"elb": {}}, "httpMethod": "POST", "path": "/kraty", "body": one.body.decode(),
        "isBase64Encoded": False,
        "multiValueHeaders": {name.lower(): [value] for name, value in one.headers.items()},
    }  # fmt: skip


def in_base64(make: Callable[[Delivery], dict[str, Any]]) -> Callable[[Delivery], dict[str, Any]]:
    return lambda one: make(one) | {"body": base64.b64encode(one.body).decode(), "isBase64Encoded": True}


FORMATS = [api_gateway_1, api_gateway_2, load_balancer]


@pytest.mark.parametrize(
    "event_of", [*FORMATS, *map(in_base64, FORMATS)], ids=["v1", "v2", "alb", "v1-base64", "v2-base64", "alb-base64"]
)
def test_lambda(
    event_of: Callable[[Delivery], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = in_this_process(block(PAGE, "isBase64Encoded"), tmp_path, monkeypatch)["handler"]
    effects = counted(tmp_path / "shop.db")
    right = delivery()
    for _ in range(2):
        assert handler(event_of(right), None)["statusCode"] == 204
        assert effects(right.id) == 1
    altered = delivery()
    altered.body = altered.body.replace(b"42", b"43")
    assert handler(event_of(altered), None)["statusCode"] == 401
    assert handler({"headers": {}, "body": None, "isBase64Encoded": False}, None)["statusCode"] == 401
    fails = delivery(fails=1)
    with pytest.raises(RuntimeError, match="a handler that fails"):
        handler(event_of(fails), None)
    assert effects(fails.id) == 0
    assert handler(event_of(fails), None)["statusCode"] == 204
    assert effects(fails.id) == 1


def test_a_load_balancer_that_passes_two_signatures_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = in_this_process(block(PAGE, "isBase64Encoded"), tmp_path, monkeypatch)["handler"]
    event = load_balancer(delivery())
    event["multiValueHeaders"]["x-signature"] *= 2
    assert handler(event, None)["statusCode"] == 401


def test_cloud_functions(tmp_path: Path) -> None:
    if find_spec("functions_framework") is None:
        pytest.skip("functions_framework is not installed")
    path, port = database(tmp_path), free_port()
    shutil.copy(HOOKS, tmp_path)
    (tmp_path / "main.py").write_text(block(PAGE, "functions_framework"))
    command = ["functions_framework", "--target", "kraty_webhook", "--host", "127.0.0.1", "--port", str(port)]
    with served(command, tmp_path, port, SHOP_DATABASE=str(path)):
        endpoint = Endpoint(f"http://127.0.0.1:{port}/", counted(path))
        right = delivery()
        assert [endpoint.post(right), endpoint.post(right)] == [204, 204]
        assert endpoint.effects(right.id) == 1
        assert endpoint.post(delivery(), body=right.body[:-1] + b" ") == 401


def test_the_module_that_the_recipes_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kraty = in_this_process(block(PAGE, "# hooks.py"), tmp_path, monkeypatch)["kraty"]
    one = delivery()
    assert [kraty.handle(one.body, one.headers) for _ in range(3)] == [204] * 3
    assert counted(tmp_path / "shop.db", "changes")(one.id) == 1


def test_every_recipe_of_the_page_is_run_here() -> None:
    """Those of Django by `test_django.py`."""
    django = ["# settings.py", "urlpatterns"]
    others = ["# hooks.py", "isBase64Encoded", "functions_framework"]
    assert len({block(PAGE, one) for one in [*RECIPES, *django, *others]}) == len(
        BLOCK.findall((DOCS / PAGE).read_text("utf-8"))
    )
