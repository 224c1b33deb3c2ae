"""The Django app beside its view: what it prunes, its migration, and what the page warns of."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.frameworks.deliveries import delivery, post
from tests.frameworks.deployment import served
from tests.frameworks.django_project import Project, on_sqlite
from tests.servers.fault_proxy import free_port

django = pytest.importorskip("django")


def test_both_versions_of_django_that_the_page_promises_are_tested() -> None:
    """Each Python gets the newest that it can run: 5.2 is seen on 3.11, and 6 from 3.12 on."""
    assert django.VERSION >= (6, 0) if sys.version_info >= (3, 12) else django.VERSION[:2] == (5, 2)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return on_sqlite(tmp_path)


@contextmanager
def running(project: Project) -> Iterator[str]:
    port = free_port()
    command = f"gunicorn --threads 2 --log-level warning --bind 127.0.0.1:{port} shop.wsgi:app".split()
    with served(command, project.folder, port, **project.environment):
        yield f"http://127.0.0.1:{port}/kraty"


def test_old_deliveries_are_pruned_and_the_migration_is_that_of_the_model(project: Project) -> None:
    project.manage("makemigrations", "kraty", "--check", "--dry-run")
    with closing(sqlite3.connect(project.folder / "shop.db")) as db, db:
        for number, days in {"old": 31, "young": 29}.items():
            db.execute("INSERT INTO kraty_delivery VALUES (?, 'wallet.changed', datetime('now', ?))", (number, f"-{days} days"))  # fmt: skip
    assert "1 deleted" in project.manage("kraty_prune")
    assert "1 deleted" in project.manage("kraty_prune", "--days", "1")


def test_an_async_receiver_is_refused() -> None:
    from kraty_server.django import view
    from kraty_server.webhooks import AsyncWebhooks

    receiver: Any = AsyncWebhooks("secret")
    with pytest.raises(TypeError, match="Webhooks are needed"):
        view(receiver)


@pytest.mark.parametrize(("line", "status"), [("request.body", 204), ("request.read()", 500)])
def test_a_middleware_that_reads_the_body(line: str, status: int, project: Project) -> None:
    """What the page warns of is so: `request.body` keeps it, `request.read()` takes it away."""
    source = f"def reads(get_response):\n    def ask(request):\n        {line}\n        return get_response(request)\n    return ask\n"
    (project.folder / "shop" / "middleware.py").write_text(source)
    with (project.folder / "shop" / "settings.py").open("a") as settings:
        settings.write('MIDDLEWARE.append("shop.middleware.reads")\n')
    with running(project) as url:
        one = delivery()
        assert post(url, one) == status
        assert project.effects(one.id) == (status == 204)
