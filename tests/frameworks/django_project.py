"""A studio's Django project: the settings and urls of the page, with handlers that do what a delivery asks for."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.frameworks.deliveries import SECRET
from tests.frameworks.deployment import counted
from tests.frameworks.page import block
from tests.frameworks.workers import ROOT
from tests.services import POSTGRES, absent

SETTINGS = """
import os
SECRET_KEY = "of the tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIDDLEWARE = ["django.middleware.csrf.CsrfViewMiddleware", "django.middleware.common.CommonMiddleware"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
DATABASES = {"default": %s}
INSTALLED_APPS += ["django.contrib.contenttypes", "django.contrib.auth", "shop"]
"""
MODELS = """
from django.db import models


class Change(models.Model):
    event = models.CharField(max_length=255)
"""
ONCE = """

def once(event, handle):
    note(event, "came")
    first = marked_once(event, handle)
    if first:
        die_if(event, "after")
    return first


kraty = Webhooks(once=once)
"""
ON_THE_PAGE = {
    "import once, view\n": "import once as marked_once, view\nfrom tests.frameworks.wishes import act, die_if, note\n",
    "\nkraty = Webhooks(once=once)\n": ONCE,
    "    Change.objects.create(event=event.id)\n": "    act(event, lambda: Change.objects.create(event=event.id))\n",
    '@kraty.on("wallet.changed")\n': "@kraty.on(WebhookEvent)\n",
}
"""What the page has, and what stands there in the tests."""


@dataclass
class Project:
    folder: Path
    effects: Callable[[str], int]

    @property
    def environment(self) -> dict[str, str]:
        return {"DJANGO_SETTINGS_MODULE": "shop.settings", "SHOP_MARKS": str(self.folder)}

    def manage(self, *command: str) -> str:
        paths = os.pathsep.join([str(self.folder), str(ROOT), str(ROOT / "generated")])
        environ = os.environ | {"PYTHONPATH": paths, "KRATY_WEBHOOK_SECRET": SECRET} | self.environment
        ended = subprocess.run(
            [sys.executable, "-m", "django", *command],
            cwd=self.folder, env=environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


def make_project(folder: Path, database: dict[str, Any], effects: Callable[[str], int]) -> Project:
    pytest.importorskip("django")
    shop = folder / "shop"
    shop.mkdir()
    urls = block("frameworks.md", "urlpatterns")
    for theirs, ours in ON_THE_PAGE.items():
        assert theirs in urls
        urls = urls.replace(theirs, ours)
    (shop / "__init__.py").write_text("")
    (shop / "urls.py").write_text(urls)
    (shop / "models.py").write_text(MODELS)
    (shop / "settings.py").write_text(block("frameworks.md", "# settings.py") + SETTINGS % database)
    (shop / "wsgi.py").write_text("from django.core.wsgi import get_wsgi_application\napp = get_wsgi_application()\n")
    (shop / "asgi.py").write_text("from django.core.asgi import get_asgi_application\napp = get_asgi_application()\n")
    project = Project(folder, effects)
    project.manage("migrate", "--run-syncdb", "--verbosity", "0")
    return project


def on_sqlite(folder: Path) -> Project:
    path = folder / "shop.db"
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": {"timeout": 60},
                "ATOMIC_REQUESTS": True}  # fmt: skip
    return make_project(folder, database, counted(path, "shop_change", "event"))


@contextmanager
def on_postgres(folder: Path) -> Iterator[Project]:
    psycopg = pytest.importorskip("psycopg")
    name = f"kraty_{uuid.uuid4().hex}"
    try:
        admin = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        absent("postgres", error)
    with admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            url = httpx.URL(POSTGRES)
            database = {"ENGINE": "django.db.backends.postgresql", "NAME": name, "USER": url.username, "HOST": url.host,
                        "PASSWORD": url.password, "PORT": url.port or 5432, "ATOMIC_REQUESTS": True}  # fmt: skip

            def effects(number: str) -> int:
                with psycopg.connect(str(url.copy_with(path=f"/{name}"))) as db:
                    return int(db.execute("SELECT count(*) FROM shop_change WHERE event = %s", (number,)).fetchone()[0])

            yield make_project(folder, database, effects)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
