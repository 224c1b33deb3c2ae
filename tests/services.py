"""Which services do tests use? Redis, RabbitMQ and PostgreSQL; a test that needs one is skipped where it is not there."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

REDIS = os.environ.get("KRATY_TEST_REDIS", "redis://127.0.0.1:6379/0")
RABBITMQ = os.environ.get("KRATY_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672/%2F")
POSTGRES = os.environ.get("KRATY_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")


def absent(service: str, error: Exception) -> NoReturn:
    assert service not in os.environ.get("KRATY_NEEDS", ""), f"KRATY_NEEDS has {service}, and it is not there: {error}"
    pytest.skip(f"no {service}: {error}")


@contextmanager
def redis_connection() -> Iterator[Any]:
    redis = pytest.importorskip("redis")
    with redis.Redis.from_url(REDIS, socket_connect_timeout=1) as connection:
        try:
            connection.ping()
        except redis.RedisError as error:
            absent("redis", error)
        yield connection


@contextmanager
def postgres_schema(tables: str = "") -> Iterator[str]:
    """The address of a schema of its own, with these tables; their statements end with semicolons."""
    psycopg = pytest.importorskip("psycopg")
    try:
        connection = psycopg.connect(POSTGRES, connect_timeout=3, autocommit=True)
    except psycopg.OperationalError as error:
        absent("postgres", error)
    schema = f"kraty_{uuid.uuid4().hex}"
    with connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        try:
            connection.execute(f"SET search_path TO {schema}; {tables}")
            yield f"{POSTGRES}?options=-csearch_path%3D{schema}"
        finally:
            connection.execute(f"DROP SCHEMA {schema} CASCADE")
