"""The recipes of docs/webhooks.md make one effect of an event, whatever comes twice, fails or is killed: real databases."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kraty_server.webhooks import WalletChanged, read_event
from tests.frameworks.workers import until
from tests.services import REDIS, postgres_schema, redis_connection
from tests.webhooks.test_receiver import SECRET, body_of, headers_of

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"
TABLES = """CREATE TABLE kraty_deliveries (id text PRIMARY KEY, handled_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP);
            CREATE TABLE effects (id text)"""
BODY = body_of()


def recipe(name: str) -> str:
    (found,) = re.findall(rf"^```python {name}\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def postgres() -> Iterator[str]:
    """The address of a schema of its own."""
    with postgres_schema() as url:
        yield url


@dataclass
class Shop:
    """A studio's endpoint, with a recipe on a database."""

    kraty: Any
    handle: Callable[[int], list[Any]]
    """Deliver one event so many times at once: the statuses, or what was raised."""
    effects: Callable[[], int]
    fail: list[BaseException]


def effect_of(fail: list[BaseException], run: Any, sql: str) -> Callable[..., None]:
    def handler(event: WalletChanged, connection: Any) -> None:
        run(connection, sql, event.id)
        if fail:
            raise fail.pop()

    return handler


def threads(kraty: Any, times: int, failure: type[Exception] = RuntimeError) -> list[Any]:
    def one(_: int) -> Any:
        try:
            return kraty.handle(BODY, headers_of())
        except failure as error:
            return error

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def execute(connection: Any, sql: str, *values: Any) -> None:
    connection.execute(sql, values)


def made(name: str, names: dict[str, Any], *, source: Callable[[str], str] = str) -> Any:
    names |= {"secret": SECRET}
    exec(compile(source(recipe(name)), f"{PAGE}:{name}", "exec"), names)
    return names["kraty"]


def sqlite_shop(path: Path, name: str) -> Shop:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=60)

    with closing(connect()) as connection:
        connection.executescript(TABLES)
    fail: list[BaseException] = []
    if name == "sqlalchemy":
        sqlalchemy = pytest.importorskip("sqlalchemy")
        return alchemy_shop(
            sqlalchemy.create_engine(f"sqlite:///{path}", connect_args={"timeout": 60}, poolclass=sqlalchemy.NullPool),
            fail,
        )
    kraty = made(name, {"connect": connect})
    kraty.on(WalletChanged)(effect_of(fail, execute, "INSERT INTO effects VALUES (?)"))
    return Shop(kraty, lambda times: threads(kraty, times), lambda: count(connect()), fail)


def alchemy_shop(engine: Any, fail: list[BaseException]) -> Shop:
    from sqlalchemy import text

    def run(session: Any, sql: str, id: str) -> None:
        session.execute(text(sql), {"id": id})

    def effects() -> int:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM effects")).scalar_one())

    kraty = made("sqlalchemy", {"engine": engine})
    kraty.on(WalletChanged)(effect_of(fail, run, "INSERT INTO effects VALUES (:id)"))
    return Shop(kraty, lambda times: threads(kraty, times), effects, fail)


def count(connection: Any) -> int:
    try:
        return int(connection.execute("SELECT count(*) FROM effects").fetchone()[0])
    finally:
        connection.close()


def postgres_shop(url: str, name: str) -> Shop:
    import psycopg

    def connect() -> Any:
        return psycopg.connect(url)

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES)
    fail: list[BaseException] = []
    if name == "sqlalchemy":
        sqlalchemy = pytest.importorskip("sqlalchemy")
        engine = sqlalchemy.create_engine(
            url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sqlalchemy.NullPool
        )
        return alchemy_shop(engine, fail)
    if name == "asyncpg":
        return asyncpg_shop(url, fail, lambda: count(connect()))
    kraty = made(name, {"connect": connect}, source=lambda text: text.replace("(?)", "(%s)"))
    kraty.on(WalletChanged)(effect_of(fail, execute, "INSERT INTO effects VALUES (%s)"))
    return Shop(kraty, lambda times: threads(kraty, times), lambda: count(connect()), fail)


def asyncpg_shop(url: str, fail: list[BaseException], effects: Callable[[], int]) -> Shop:
    asyncpg = pytest.importorskip("asyncpg")
    names: dict[str, Any] = {}
    kraty = made("asyncpg", names)

    @kraty.on(WalletChanged)  # type: ignore[untyped-decorator]
    async def effect(event: WalletChanged, connection: Any) -> None:
        await connection.execute("INSERT INTO effects VALUES ($1)", event.id)
        if fail:
            raise fail.pop()

    async def handle(times: int) -> list[Any]:
        plain, _, schema = url.partition("?options=-csearch_path%3D")
        async with asyncpg.create_pool(plain, min_size=1, max_size=5, server_settings={"search_path": schema}) as pool:
            names["pool"] = pool
            calls = [kraty.handle(BODY, headers_of()) for _ in range(times)]
            return await asyncio.gather(*calls, return_exceptions=True)

    return Shop(kraty, lambda times: asyncio.run(handle(times)), effects, fail)


@pytest.fixture(
    params=[
        "sqlite3",
        "sqlite sqlalchemy",
        "postgres sqlite3",
        "postgres psycopg",
        "postgres sqlalchemy",
        "postgres asyncpg",
    ]
)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    database, _, name = request.param.rpartition(" ")
    if database == "postgres":
        return postgres_shop(request.getfixturevalue("postgres"), name)
    return sqlite_shop(tmp_path / "shop.db", name)


def test_an_event_that_comes_twice_has_one_effect(shop: Shop) -> None:
    assert [shop.handle(1), shop.handle(1), shop.handle(1)] == [[204]] * 3
    assert shop.effects() == 1


def test_duplicates_at_once_have_one_effect(shop: Shop) -> None:
    assert shop.handle(20) == [204] * 20
    assert shop.effects() == 1


def test_what_failed_leaves_no_mark_and_has_its_effect_later(shop: Shop) -> None:
    shop.fail += [RuntimeError("broken")] * 3
    for _ in range(3):
        (raised,) = shop.handle(1)
        assert isinstance(raised, RuntimeError)
        assert shop.effects() == 0
    assert shop.handle(1) == [204]
    assert shop.effects() == 1


def waited_for(psycopg: Any, url: str, holder: int) -> bool:
    """Whether somebody waits for what this connection holds."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
    with psycopg.connect(url, autocommit=True) as connection:
        return bool(connection.execute(waiting, (holder,)).fetchone()[0])


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_duplicates_at_once_under_each_isolation_level(level: str, postgres: str) -> None:
    """What the page says of each: who waited is told that it came before, or has to come again."""
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(TABLES)

    def connect() -> Any:
        connection = psycopg.connect(postgres)
        connection.isolation_level = psycopg.IsolationLevel[level.replace(" ", "_")]
        return connection

    kraty = made("psycopg", {"connect": connect})

    @kraty.on(WalletChanged)  # type: ignore[untyped-decorator]
    def effect(event: WalletChanged, connection: Any) -> None:
        assert connection.execute("SHOW transaction_isolation").fetchone() == (level.lower(),)
        connection.execute("INSERT INTO effects VALUES (%s)", (event.id,))
        until(lambda: waited_for(psycopg, postgres, connection.info.backend_pid), "no duplicate came")

    answers = threads(kraty, 20, psycopg.errors.SerializationFailure)
    failed = [answer for answer in answers if answer != 204]
    assert all(isinstance(one, psycopg.errors.SerializationFailure) for one in failed)
    assert bool(failed) == (level != "READ COMMITTED")
    assert threads(kraty, 1) == [204]
    assert count(connect()) == 1


def test_with_an_advisory_lock_duplicates_do_not_wait(postgres: str) -> None:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(TABLES)
    names: dict[str, Any] = {"connect": lambda: psycopg.connect(postgres)}
    kraty = made("psycopg lock", names)
    refused = threading.Semaphore(0)

    @kraty.on(WalletChanged)  # type: ignore[untyped-decorator]
    def effect(event: WalletChanged, connection: Any) -> None:
        connection.execute("INSERT INTO effects VALUES (%s)", (event.id,))
        for _ in range(19):  # all others go while this one works
            assert refused.acquire(timeout=60)

    def one(_: int) -> Any:
        try:
            return kraty.handle(BODY, headers_of())
        except names["AtWork"]:
            refused.release()
            return 500

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(one, range(20))) == [204, *[500] * 19]
    assert one(0) == 204
    assert count(psycopg.connect(postgres)) == 1


WORKER = """
import json, os, signal, sys
import psycopg
from kraty_server.webhooks import read_event
url, redis_url, store, place, source, body = sys.argv[1:]
import redis

def connect():
    return psycopg.connect(url)

def die(here):
    if here == place:
        os.kill(os.getpid(), signal.SIGKILL)

names = {"secret": "s", "connect": connect}
exec(source, names)
event = read_event(json.loads(body))
queue = redis.Redis.from_url(redis_url)

def act(event, connection):
    die("before the effect")
    connection.execute("INSERT INTO effects VALUES (%s)", (event.id,))
    die("the effect made, not committed")

def committed():
    with connect() as connection:
        act(event, connection)
    die("committed, not marked")

if store == "sql":
    names["kraty"].on("wallet.changed")(act)
    names["kraty"].dispatch(event)
elif store == "set nx":
    if queue.set(event.id, "1", nx=True, ex=60):
        committed()
elif store == "lease" and not queue.exists(event.id + ":done") and queue.set(event.id, "1", nx=True, px=1):
    committed()
    queue.set(event.id + ":done", "1", ex=60)
"""
PLACES = ("before the effect", "the effect made, not committed", "committed, not marked")
OUTCOMES = [("sql", place, 1) for place in PLACES] + [("set nx", place, 0) for place in PLACES[:2]]
OUTCOMES += [("lease", place, number) for place, number in zip(PLACES, (1, 1, 2), strict=True)]


@pytest.mark.parametrize(("store", "place", "effects"), OUTCOMES)
def test_the_table_of_what_a_kill_does(store: str, place: str, effects: int, postgres: str) -> None:
    with redis_connection():
        pass  # it is there
    import psycopg

    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(TABLES)
    body = body_of(id=f"evt_{uuid.uuid4().hex}").decode()
    assert read_event(json.loads(body)).event_name == "wallet.changed"
    root = PAGE.parents[1]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (root, root / "generated")))}
    for killed in (place, *[""] * 2):
        command = [sys.executable, "-c", WORKER, postgres, REDIS, store, killed, recipe("psycopg"), body]
        ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
        dies = bool(killed) and not (store == "sql" and killed == PLACES[2])  # there, committed is marked
        assert ended.returncode == (-signal.SIGKILL if dies else 0), ended.stderr
    assert count(psycopg.connect(postgres)) == effects
