"""The services that workers need; a test that needs one is skipped where it is not there."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.frameworks.workers import end, listens, until
from tests.servers.fault_proxy import free_port
from tests.services import RABBITMQ, absent, postgres_schema, redis_connection


@pytest.fixture(scope="session")
def redis() -> Iterator[Any]:
    with redis_connection() as connection:
        yield connection


@pytest.fixture(scope="session")
def rabbitmq() -> str:
    """Its address."""
    where = urlsplit(RABBITMQ)
    try:
        socket.create_connection((where.hostname, where.port or 5672), timeout=1).close()
    except OSError as error:
        absent("rabbitmq", error)
    return RABBITMQ


@pytest.fixture
def postgres() -> Iterator[str]:
    """The address of a schema of its own, with the tables of a shop."""
    with postgres_schema(
        "CREATE TABLE kraty_deliveries (id text PRIMARY KEY); CREATE TABLE changes (event text)"
    ) as url:
        yield url


@pytest.fixture
def temporal(tmp_path: Path) -> Iterator[str]:
    """The address of Temporal's test server, in real time."""
    pytest.importorskip("temporalio")
    program = shutil.which("temporal-test-server", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))  # fmt: skip
    if program is None:
        pytest.skip("no temporal-test-server")
    port = free_port()
    with (tmp_path / "temporal.log").open("wb") as log:
        process = subprocess.Popen([program, str(port)], stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        until(lambda: listens(port), lambda: (tmp_path / "temporal.log").read_text())
        yield f"127.0.0.1:{port}"
    finally:
        end(process)
