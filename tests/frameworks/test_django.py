"""The Django app, on PostgreSQL and SQLite, under gunicorn and uvicorn: one effect, also where the worker is killed at any place."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.frameworks.deliveries import SECRET, Endpoint, assert_every_delivery_has_one_effect, delivery
from tests.frameworks.page import block
from tests.frameworks.test_recipes import ROOT, free_port, served

pytest.importorskip("django")

PAGE = "frameworks.md"
POSTGRES = os.environ.get("KRATY_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
SETTINGS = """
import os
SECRET_KEY = "of the tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIDDLEWARE = ["django.middleware.csrf.CsrfViewMiddleware", "django.middleware.common.CommonMiddleware"]
LIMIT = 1 << 20
DATA_UPLOAD_MAX_MEMORY_SIZE = LIMIT
DATABASES = {"default": %s}
INSTALLED_APPS += ["django.contrib.contenttypes", "django.contrib.auth", "shop"]
"""
MODELS = """
from django.db import models


class Change(models.Model):
    event = models.CharField(max_length=255)
"""


@dataclass
class Project:
    folder: Path
    effects: Callable[[str], int]

    def manage(self, *command: str) -> str:
        paths = os.pathsep.join([str(self.folder), str(ROOT), str(ROOT / "generated")])
        environ = os.environ | {"PYTHONPATH": paths, "DJANGO_SETTINGS_MODULE": "shop.settings", "SHOP_MARKS": "",
                                "KRATY_WEBHOOK_SECRET": SECRET}  # fmt: skip
        ended = subprocess.run(
            [sys.executable, "-m", "django", *command],
            cwd=self.folder, env=environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


def make_project(folder: Path, database: dict[str, Any], effects: Callable[[str], int]) -> Project:
    shop = folder / "shop"
    shop.mkdir()
    (folder / "marks").mkdir()
    shutil.copy(Path(__file__).with_name("shop_django.py"), shop)
    urls = block(PAGE, "urlpatterns")
    line = "    Change.objects.create(event=event.id)\n"
    assert line in urls
    acting = "    from .shop_django import act\n\n    act(event.id, event.to_dict()['data'], lambda: Change.objects.create(event=event.id))\n"
    (shop / "__init__.py").write_text("")
    (shop / "urls.py").write_text(urls.replace(line, acting))
    (shop / "models.py").write_text(MODELS)
    (shop / "settings.py").write_text(block(PAGE, "# settings.py") + SETTINGS % database)
    (shop / "wsgi.py").write_text("from django.core.wsgi import get_wsgi_application\napp = get_wsgi_application()\n")
    (shop / "asgi.py").write_text("from django.core.asgi import get_asgi_application\napp = get_asgi_application()\n")
    project = Project(folder, effects)
    project.manage("migrate", "--run-syncdb", "--verbosity", "0")
    return project


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Project:
    path = tmp_path / "shop.db"

    def effects(number: str) -> int:
        with closing(sqlite3.connect(path)) as db:
            return int(db.execute("SELECT count(*) FROM shop_change WHERE event = ?", (number,)).fetchone()[0])

    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": {"timeout": 60},
                "ATOMIC_REQUESTS": True}  # fmt: skip
    return make_project(tmp_path, database, effects)


@pytest.fixture
def on_postgres(tmp_path: Path) -> Iterator[Project]:
    psycopg = pytest.importorskip("psycopg")
    name = f"kraty_{uuid.uuid4().hex}"
    try:
        admin = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL: {error}")
    with admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            url = httpx.URL(POSTGRES)
            database = {"ENGINE": "django.db.backends.postgresql", "NAME": name, "USER": url.username, "HOST": url.host,
                        "PASSWORD": url.password, "PORT": url.port or 5432, "ATOMIC_REQUESTS": True}  # fmt: skip

            def effects(number: str) -> int:
                with psycopg.connect(str(url.copy_with(path=f"/{name}"))) as db:
                    return int(db.execute("SELECT count(*) FROM shop_change WHERE event = %s", (number,)).fetchone()[0])

            yield make_project(tmp_path, database, effects)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def environment(project: Project) -> dict[str, str]:
    return {"DJANGO_SETTINGS_MODULE": "shop.settings", "SHOP_MARKS": str(project.folder / "marks")}


def gunicorn(port: int, *, workers: int = 2, threads: int = 25) -> list[str]:
    options = ["--workers", str(workers), "--threads", str(threads), "--log-level", "warning"]
    return ["gunicorn", *options, "--bind", f"127.0.0.1:{port}", "shop.wsgi:app"]


@pytest.mark.parametrize("database", ["on_postgres", "on_sqlite"])
def test_wsgi(database: str, request: pytest.FixtureRequest) -> None:
    project: Project = request.getfixturevalue(database)
    port = free_port()
    with served(gunicorn(port), project.folder, port, **environment(project)):
        assert_every_delivery_has_one_effect(Endpoint(f"http://127.0.0.1:{port}/kraty", project.effects))


def test_asgi(on_postgres: Project) -> None:
    port = free_port()
    command = ["uvicorn", "--log-level", "warning", "--port", str(port), "shop.asgi:app"]
    with served(command, on_postgres.folder, port, **environment(on_postgres)):
        assert_every_delivery_has_one_effect(Endpoint(f"http://127.0.0.1:{port}/kraty", on_postgres.effects))


def test_a_worker_that_is_killed_leaves_one_effect(on_postgres: Project) -> None:
    port = free_port()
    with served(gunicorn(port, workers=1, threads=2), on_postgres.folder, port, **environment(on_postgres)):
        endpoint = Endpoint(f"http://127.0.0.1:{port}/kraty", on_postgres.effects)
        for place, kept in {"before": 0, "in": 0, "after": 1}.items():
            killed = delivery(kill=place)
            with pytest.raises(httpx.TransportError):
                endpoint.post(killed)
            assert on_postgres.effects(killed.id) == kept, place
            with httpx.Client(transport=httpx.HTTPTransport(retries=5)) as again:  # until there is a worker
                for _ in range(3):
                    answer = again.post(endpoint.url, content=killed.body, headers=killed.headers, timeout=30)
                    assert answer.status_code == 204, place
            assert on_postgres.effects(killed.id) == 1, place


def test_old_deliveries_are_pruned_and_the_migration_is_that_of_the_model(on_sqlite: Project) -> None:
    on_sqlite.manage("makemigrations", "kraty", "--check", "--dry-run")
    with closing(sqlite3.connect(on_sqlite.folder / "shop.db")) as db, db:
        for number, days in {"old": 31, "young": 29}.items():
            db.execute("INSERT INTO kraty_delivery VALUES (?, 'wallet.changed', datetime('now', ?))", (number, f"-{days} days"))  # fmt: skip
    assert "1 deleted" in on_sqlite.manage("kraty_prune")
    assert "1 deleted" in on_sqlite.manage("kraty_prune", "--days", "1")


def test_an_async_receiver_is_refused() -> None:
    from kraty_server.django import view
    from kraty_server.webhooks import AsyncWebhooks

    receiver: Any = AsyncWebhooks("secret")
    with pytest.raises(TypeError, match="Webhooks are needed"):
        view(receiver)


@pytest.mark.parametrize(("line", "status"), [("request.body", 204), ("request.read()", 500)])
def test_a_middleware_that_reads_the_body(line: str, status: int, on_sqlite: Project) -> None:
    """What the page warns of is so: `request.body` keeps it, `request.read()` takes it away."""
    source = f"def reads(get_response):\n    def ask(request):\n        {line}\n        return get_response(request)\n    return ask\n"
    (on_sqlite.folder / "shop" / "middleware.py").write_text(source)
    with (on_sqlite.folder / "shop" / "settings.py").open("a") as settings:
        settings.write('MIDDLEWARE.append("shop.middleware.reads")\n')
    port = free_port()
    with served(gunicorn(port, workers=1, threads=2), on_sqlite.folder, port, **environment(on_sqlite)):
        one = delivery()
        assert Endpoint(f"http://127.0.0.1:{port}/kraty", on_sqlite.effects).post(one) == status
        assert on_sqlite.effects(one.id) == (status == 204)
