"""Each framework under its real server, with deliveries from the emulator: whatever comes and however, an event has one effect."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from kraty_server.testing.emulator import dispatcher
from tests.frameworks.deliveries import chunks, delivery, post
from tests.frameworks.deployment import (
    PATIENCE,
    Deployment,
    counted,
    database,
    deployed,
    served,
)
from tests.frameworks.django_project import on_postgres, on_sqlite
from tests.frameworks.page import block
from tests.frameworks.workers import ROOT, until
from tests.servers.fault_proxy import free_port

MIB = 1 << 20
UVICORN = "uvicorn --log-level warning --port {port} {app}"
HYPERCORN = "hypercorn --log-level warning --bind 127.0.0.1:{port} {app}"
GUNICORN = "gunicorn --threads 25 --workers 2 --log-level warning --bind 127.0.0.1:{port} {app}"
UVICORN_WORKER = (
    "gunicorn -k uvicorn_worker.UvicornWorker --workers 2 --log-level warning --bind 127.0.0.1:{port} {app}"
)


@dataclass(frozen=True)
class Stack:
    """A recipe of the page, and what serves it."""

    recipe: str
    """A text that only its block has in it."""
    server: str
    app: str = "shop:app"
    path: str = "/kraty"
    limit: int | None = MIB
    """Bytes that a body may have; None where it is the server's or proxy's to say."""
    too_long: tuple[int, ...] = (413,)
    """The answers to a longer body, the last one where it comes in chunks."""
    other_methods: int = 405


STACKS = {
    "aiohttp": Stack("app = web.Application(", "aiohttp.web -H 127.0.0.1 -P {port} {app}", "serve:app"),
    "django-asgi": Stack("urlpatterns", UVICORN, "shop.asgi:app"),
    "django-sqlite": Stack("urlpatterns", GUNICORN, "shop.wsgi:app"),
    "django-wsgi": Stack("urlpatterns", GUNICORN, "shop.wsgi:app"),
    "falcon": Stack("app = falcon.App(", GUNICORN, limit=None),
    "fastapi": Stack("app.router.routes.append(", UVICORN),
    "flask": Stack("app = Flask(", GUNICORN, too_long=(413, 401)),
    "functions_framework": Stack(
        "functions_framework", "functions_framework --target kraty_webhook --source shop.py --host 127.0.0.1 --port {port}",
        limit=None, other_methods=401,
    ),
    "lambda": Stack("isBase64Encoded", UVICORN, "lambda_gateway:app", limit=None),
    "litestar": Stack("app = Litestar([kraty_webhook])", UVICORN_WORKER),
    "quart": Stack("app = Quart(", HYPERCORN),
    "sanic": Stack("app = Sanic(", "sanic shop:app --single-process --host 127.0.0.1 --port {port}"),
    "starlette": Stack("app = Starlette(", HYPERCORN),
}  # fmt: skip


def sanic() -> str:
    """A Python with Sanic, which bounds multidict lower than aiohttp does: made once, from the index."""
    home = ROOT / ".venvs" / f"sanic-{sys.version_info.major}.{sys.version_info.minor}"
    made = subprocess.run(["make", "-s", "-C", ROOT, f"{home.relative_to(ROOT)}/sanic.stamp", f"PYTHON={sys.executable}"],
                          capture_output=True, text=True, check=False, timeout=100)  # fmt: skip
    if made.returncode:
        assert "sanic" not in os.environ.get("KRATY_NEEDS", ""), made.stderr
        pytest.skip(f"Sanic could not be installed: {made.stderr.strip().splitlines()[-1]}")
    return str(home / "bin" / "python")


@pytest.fixture(scope="module", params=[
    pytest.param(name, marks=pytest.mark.index) if name == "sanic" else name for name in STACKS
])  # fmt: skip
def deployment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    name: str = request.param
    stack, folder, port = STACKS[name], tmp_path_factory.mktemp(name), free_port()
    python = sys.executable
    with ExitStack() as context:
        if name.startswith("django"):
            project = on_sqlite(folder) if name == "django-sqlite" else context.enter_context(on_postgres(folder))
            effects, environment = project.effects, project.environment
        else:
            if name == "sanic":
                python = sanic()
            elif name != "lambda" and find_spec(name) is None:
                pytest.skip(f"{name} is not installed")
            path = database(folder)
            effects, environment = counted(path), {"SHOP_DATABASE": str(path), "SHOP_MARKS": str(folder)}
            for beside in ("hooks.py", "lambda_gateway.py"):
                shutil.copy(Path(__file__).with_name(beside), folder)
            (folder / "shop.py").write_text(block("frameworks.md", stack.recipe))
            (folder / "serve.py").write_text("import shop\n\n\ndef app(arguments):\n    return shop.app\n")
        command = stack.server.format(port=port, app=stack.app).split()
        service = context.enter_context(served(command, folder, port, python=python, **environment))
        yield context.enter_context(deployed(service, f"http://127.0.0.1:{port}{stack.path}", effects))


@pytest.fixture
def stack(request: pytest.FixtureRequest, deployment: Deployment) -> Stack:
    return STACKS[request.node.callspec.params["deployment"]]


def test_a_delivery_has_its_effect(deployment: Deployment) -> None:
    bought = deployment.credit()
    assert deployment.delivered(bought).response == 204
    assert deployment.effects(bought) == 1


def test_a_delivery_that_was_altered_by_a_byte_has_none_until_it_comes_as_it_was(deployment: Deployment) -> None:
    deployment.relay.statuses.clear()
    deployment.relay.alter_next = True
    bought = deployment.grant_item()
    deployment.delivered(bought)
    assert deployment.relay.statuses[:2] == [401, 204]
    assert deployment.effects(bought) == 1


def test_a_delivery_that_comes_twice_has_one_effect(deployment: Deployment) -> None:
    deployment.emulator.fault("webhooks", duplicate=1)
    bought = deployment.credit()
    deployment.delivered(bought)
    assert deployment.marks(bought, "came") >= 2
    assert deployment.effects(bought) == 1


def test_a_delivery_that_comes_fifty_times_at_once_has_one_effect(deployment: Deployment) -> None:
    deployment.relay.statuses.clear()
    deployment.relay.copies_of_next = 50
    bought = deployment.grant_item()
    deployment.delivered(bought)
    until(lambda: len(deployment.relay.statuses) >= 50, "the fifty were not answered")
    assert set(deployment.relay.statuses) == {204}
    assert deployment.marks(bought, "came") >= 50
    assert deployment.effects(bought) == 1


def test_a_delivery_that_the_sender_repeats_while_its_handler_works_has_one_effect(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as impatient:
        impatient.setattr(dispatcher, "TIMEOUT", 0.5)
        bought = deployment.credit(waits=True)
        until(lambda: deployment.delivery(bought).error is not None, "the sender did not give up")
    assert deployment.delivery(bought).response is None
    deployment.emulator.advance(60)
    until(lambda: deployment.marks(bought, "came") >= 2, "it was not delivered again")
    assert (deployment.marks(bought, "tried"), deployment.effects(bought)) == (1, 0)
    deployment.release(bought)
    deployment.delivered(bought)
    assert (deployment.marks(bought, "tried"), deployment.effects(bought)) == (1, 1)


def test_a_delivery_whose_handler_fails_three_times_has_its_effect_then(deployment: Deployment) -> None:
    bought = deployment.credit(fails=3)
    deployment.delivered(bought)
    assert (deployment.marks(bought, "tried"), deployment.effects(bought)) == (4, 1)


def test_a_replay_by_hand_carries_its_old_id_and_has_no_second_effect(deployment: Deployment) -> None:
    bought = deployment.credit()
    deployment.delivered(bought)
    deployment.emulator.replay(bought)
    deployment.delivered(bought)
    assert deployment.marks(bought, "came") >= 2
    assert deployment.effects(bought) == 1


@pytest.mark.parametrize(("place", "tries"), [("before", 2), ("in", 2), ("after", 1)])
def test_a_delivery_whose_worker_is_killed_has_one_effect(deployment: Deployment, place: str, tries: int) -> None:
    bought = deployment.credit(killed=place)
    deployment.delivered(bought)
    assert deployment.marks(bought, "came") >= 2
    assert (deployment.marks(bought, "tried"), deployment.effects(bought)) == (tries, 1)


def test_what_others_send_is_refused_and_has_no_effect(deployment: Deployment, stack: Stack) -> None:
    deployment.service.revive()
    one = delivery()
    signature = one.headers["X-Signature"]
    assert post(deployment.url, one, headers=[("X-Signature", signature), ("X-Signature", signature)]) == 401
    assert post(deployment.url, one, headers={"Content-Type": "application/json"}) == 401
    assert post(deployment.url, one, body=b"") == 401
    assert httpx.get(deployment.url, timeout=PATIENCE).status_code == stack.other_methods
    assert deployment.effects(one.id) == 0


def test_a_body_may_come_in_chunks_and_has_a_limit(deployment: Deployment, stack: Stack) -> None:
    deployment.service.revive()
    chunked = delivery()
    assert post(deployment.url, chunked, body=chunks(chunked.body)) == 204
    assert deployment.effects(chunked.id) == 1
    if stack.limit is None:
        return
    long = delivery(padding="x" * stack.limit)
    assert post(deployment.url, long) == stack.too_long[0]
    with suppress(httpx.WriteError):  # a server may end the connection, rather than take what it has refused
        assert post(deployment.url, long, body=chunks(long.body, 1 << 16)) == stack.too_long[-1]
    assert deployment.effects(long.id) == 0
