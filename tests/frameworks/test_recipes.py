"""Recipes of the page about frameworks beside deliveries: AWS Lambda's events, the module that all import, a client's life."""

from __future__ import annotations

import base64
import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from kraty_server.testing import Emulator
from tests.frameworks.deliveries import SECRET, Delivery, delivery
from tests.frameworks.deployment import counted, database, served
from tests.frameworks.page import BLOCK, DOCS, block
from tests.frameworks.test_deliveries import STACKS
from tests.servers.fault_proxy import free_port

PAGE = "frameworks.md"


def in_this_process(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("KRATY_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("SHOP_DATABASE", str(database(tmp_path)))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "hooks", raising=False)
    monkeypatch.setenv("SHOP_MARKS", str(tmp_path))
    shutil.copy(Path(__file__).with_name("hooks.py"), tmp_path)
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
    fails = delivery(sourceRefId='{"fails": 1}')
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


def test_the_module_that_the_recipes_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kraty = in_this_process(block(PAGE, "# hooks.py"), tmp_path, monkeypatch)["kraty"]
    one = delivery()
    assert [kraty.handle(one.body, one.headers) for _ in range(3)] == [204] * 3
    assert counted(tmp_path / "shop.db", "changes")(one.id) == 1


def test_a_client_lives_as_long_as_the_application(tmp_path: Path) -> None:
    pytest.importorskip("fastapi")
    (tmp_path / "shop.py").write_text(block(PAGE, "lifespan="))
    port = free_port()
    with Emulator() as emulator:
        environment = {"KRATY_SERVER_KEY": emulator.api_key, "KRATY_BASE_URL": emulator.url}
        command = f"uvicorn --log-level warning --port {port} shop:app".split()
        with served(command, tmp_path, port, **environment) as service:
            bought = [httpx.post(f"http://127.0.0.1:{port}/buy/receipt_{number}").json() for number in (1, 2, 2)]
        assert bought == [500, 1000, 1000]
        assert service.said == ""


def test_every_recipe_of_the_page_is_run_here() -> None:
    """Those for models, which run in a process of the tests (`python`), by `test_models.py`."""
    run = {
        block(PAGE, one)
        for one in ["# hooks.py", "# settings.py", "lifespan=", *(stack.recipe for stack in STACKS.values())]
    }
    text = (DOCS / PAGE).read_text("utf-8").replace("```python\n", "```\n")
    assert run == set(BLOCK.findall(text))
