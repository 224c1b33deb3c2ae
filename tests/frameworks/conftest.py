"""The services that workers need; a test that needs one is skipped where it is not there."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.frameworks.deployment import free_port
from tests.frameworks.workers import RABBITMQ, REDIS, end, listens, until

POSTGRES = os.environ.get("KRATY_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(scope="session")
def redis() -> Iterator[Any]:
    module = pytest.importorskip("redis")
    try:
        with module.Redis.from_url(REDIS, socket_connect_timeout=1) as connection:
            connection.ping()
            yield connection
    except module.RedisError as error:
        pytest.skip(f"no Redis for the workers: {error}")


@pytest.fixture(scope="session")
def rabbitmq() -> str:
    """Its address."""
    where = urlsplit(RABBITMQ)
    try:
        socket.create_connection((where.hostname, where.port or 5672), timeout=1).close()
    except OSError as error:
        pytest.skip(f"no RabbitMQ for the workers: {error}")
    return RABBITMQ


@pytest.fixture
def postgres() -> Iterator[str]:
    """The address of a schema of its own, with the tables of a shop."""
    psycopg = pytest.importorskip("psycopg")
    try:
        connection = psycopg.connect(POSTGRES, connect_timeout=3, autocommit=True)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL for the workers: {error}")
    schema = f"kraty_{uuid.uuid4().hex}"
    with connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(f"CREATE TABLE {schema}.kraty_deliveries (id text PRIMARY KEY)")
        connection.execute(f"CREATE TABLE {schema}.changes (event text)")
        try:
            yield f"{POSTGRES}?options=-csearch_path%3D{schema}"
        finally:
            connection.execute(f"DROP SCHEMA {schema} CASCADE")


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
