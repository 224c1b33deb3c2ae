"""The page about workers: an event that goes through a queue has one effect, also where its worker is killed at any place."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

from kraty_server.testing import Emulator
from tests.frameworks.deliveries import SECRET, delivery
from tests.frameworks.deployment import served
from tests.frameworks.page import BLOCK, DOCS, SQL, block
from tests.frameworks.workers import supervised, until
from tests.servers.fault_proxy import free_port
from tests.services import REDIS

PAGE = "workers.md"
ACT = '    connection.execute("INSERT INTO changes (event) VALUES (%s)", (event.id,))\n'
PLACES = ("before", "in", "after")
CLOSED = "127.0.0.1:9"
"""Where nobody listens."""
TASKS = [one for one in BLOCK.findall((DOCS / PAGE).read_text("utf-8")) if one.startswith("# tasks.py\n")]
SYNC = "from kraty_server.webhooks import WebhookApp, WebhookEvent, Webhooks"
ASYNC = "from kraty_server.webhooks import AsyncWebhooks, WebhookApp, WebhookEvent"
"""The web process of a queue that is enqueued with `await`."""


def replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


class Shop:
    """A studio: its modules, its web process and its workers, and what became of the events of an emulator."""

    def __init__(self, folder: Path, postgres: str, patience: float = 60) -> None:
        self.folder = folder
        self.marks = folder / "marks"
        self.marks.mkdir()
        self.environment = {"DATABASE_URL": postgres, "KRATY_WEBHOOK_SECRET": SECRET, "SHOP_MARKS": str(self.marks)}
        self.postgres = postgres
        self.patience = patience
        self.printed: Callable[[], str] = str
        self.emulator: Emulator
        self.sender: httpx.Client
        self.url: str

    def write(self, tasks: str, *, web: str = SYNC) -> None:  # fmt: skip
        shutil.copy(Path(__file__).with_name("shop_effects.py"), self.folder)
        hooks = replaced(block(PAGE, "# hooks.py\nimport os\n"), {ACT: "    act(event, connection)\n"})
        (self.folder / "hooks.py").write_text(f"from shop_effects import act, noted\n{hooks}\nkraty.dispatch = noted(kraty.dispatch)\n")  # fmt: skip
        (self.folder / "web.py").write_text(block(PAGE, web))
        (self.folder / "tasks.py").write_text(tasks)

    @contextmanager
    def open(self, *workers: list[str]) -> Iterator[None]:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/kraty"
        web = ["uvicorn", "--log-level", "warning", "--port", str(port), "web:app"]
        with ExitStack() as stack:
            for number, command in enumerate(workers):
                self.printed = stack.enter_context(
                    supervised(command, self.folder, f"worker{number}.log", **self.environment)
                )
            stack.enter_context(served(web, self.folder, port, **self.environment))
            self.sender = stack.enter_context(httpx.Client(timeout=60, limits=httpx.Limits(max_connections=50)))
            self.emulator = stack.enter_context(Emulator(webhook_url=self.url, webhook_secret=SECRET))
            yield

    def happens(self, wish: str = "", *, times: int = 1) -> str:
        """Have Kraty deliver an event, and say its id."""
        if times > 1:
            self.emulator.fault("webhooks", duplicate=times - 1)
        with self.emulator.client() as kraty:
            kraty.wallet.credit("player_42", "gold", amount=1, source_ref_id=wish)
        self.emulator.drain()
        one = self.emulator.deliveries[-1]
        if (one.status, one.response) == ("pending", None):  # a busy machine did not answer in time, so it comes again
            assert self.again(one.id, times=1) == [204]
        else:
            assert (one.status, one.response) == ("delivered", 204), one
        return one.id

    def again(self, number: str, *, times: int) -> list[int]:
        """Post what Kraty delivered, as it was, so many times at once."""
        (one,) = (one for one in self.emulator.deliveries if one.id == number)
        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(lambda _: self.post(one.raw_body, one.signature), range(times)))

    def post(self, body: bytes, signature: str) -> int:
        return self.sender.post(self.url, content=body, headers={"X-Signature": signature}).status_code

    def results(self, number: str) -> list[str]:
        path = self.marks / f"{number}.results"
        return path.read_text().splitlines() if path.exists() else []

    def reached(self, number: str) -> bool:
        """Whether what the event asked for came about."""
        return (self.marks / f"{number}.reached").exists()

    def effects(self, number: str) -> int:
        import psycopg

        with psycopg.connect(self.postgres) as db:
            row = db.execute("SELECT count(*) FROM changes WHERE event = %s", (number,)).fetchone()
        assert row is not None
        return int(row[0])

    def assert_one_effect(self, number: str, runs: int, meanwhile: Callable[[], None] = lambda: None) -> list[str]:
        """Wait until so many runs have ended with a result; an event has one effect, however many there were."""

        def ended() -> bool:
            meanwhile()
            return len(self.results(number)) >= runs

        until(ended, lambda: (self.results(number), self.printed()), self.patience)
        assert self.effects(number) == 1
        return self.results(number)


def assert_every_event_has_one_effect(
    shop: Shop,
    *kills: str,
    each_runs: bool = True,
    fetches_safely: bool = True,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """However an event is delivered, and whoever is killed; `each_runs`: each delivery ends with a result.

    `fetches_safely`: what a worker is just taking off the queue when it is killed is not lost, so others may wait there.
    """
    altered = delivery()
    assert shop.post(altered.body.replace(b"player_42", b"player_43"), altered.headers["X-Signature"]) == 401

    twice = shop.happens(times=2)
    shop.assert_one_effect(twice, 2 if each_runs else 1)
    assert shop.again(twice, times=50) == [204] * 50
    shop.assert_one_effect(twice, 52 if each_runs else 1)
    until(lambda: "handled" in shop.results(twice), lambda: shop.results(twice))  # it may be the last to say so
    assert shop.results(twice).count("handled") == 1

    wishes = ["fails:in", *(f"{whom}:{place}" for whom in kills for place in PLACES)]
    for together in [wishes] if fetches_safely else [[wish] for wish in wishes]:
        asking = {wish: shop.happens(wish) for wish in together}
        for wish, number in asking.items():
            results = shop.assert_one_effect(number, 1, meanwhile)
            assert shop.reached(number), f"{wish} did not come about"
            if wish.endswith("after"):
                assert results[0] == "duplicate", wish


@pytest.fixture
def shop(tmp_path: Path, postgres: str) -> Shop:
    return Shop(tmp_path, postgres)


DRAMATIQ = "# tasks.py\nfrom typing import Any\n\nimport dramatiq"
OPTIONS = 'app.conf.broker_transport_options = {"confirm_publish": True}  # Redis: {"visibility_timeout": 3600}'
CELERY = ["celery", "-A", "tasks", "worker", "--without-gossip", "--without-mingle", "-l", "WARNING"]


@pytest.mark.parametrize(
    ("broker", "pool"), [("redis", "prefork"), ("rabbitmq", "prefork"), ("redis", "threads"), ("rabbitmq", "gevent")]
)
def test_celery(broker: str, pool: str, shop: Shop, request: pytest.FixtureRequest) -> None:
    connection: Any = request.getfixturevalue(broker)
    queue = f"kraty-test-{uuid.uuid4()}"
    url, options = REDIS, {"visibility_timeout": 2, "global_keyprefix": f"{queue}:"}
    options |= {"unacked_restore_interval": 1, "unacked_restore_throttle": 1}  # how often that time-out is looked for
    if broker == "rabbitmq":
        url, options = connection, {"confirm_publish": True}
    settings = f"app.conf.update(broker_transport_options={options}, task_default_queue={queue!r})"
    changes = {"amqp://localhost": url, OPTIONS: settings, "retry_backoff=5": "retry_backoff=1"}
    shop.write(replaced(block(PAGE, "# tasks.py\nfrom typing import Any\n\nfrom celery"), changes))
    try:
        with shop.open([*CELERY, f"--pool={pool}", "-c4"]):
            kills = ["worker", "process"] if pool == "prefork" else ["worker"]
            assert_every_event_has_one_effect(shop, *kills, fetches_safely=broker == "rabbitmq")
    finally:
        if broker == "rabbitmq":
            with import_module("kombu").Connection(url) as connection:
                connection.default_channel.queue_delete(queue)
        else:
            connection.delete(*connection.keys(f"{queue}:*"))


def test_dramatiq_on_redis(shop: Shop, redis: Any) -> None:
    """Its tasks come back when the heartbeat of their worker is missed, looked for with each command here."""
    pytest.importorskip("dramatiq")
    namespace = f"kraty-test-{uuid.uuid4()}"
    changes = {
        "redis://localhost:6379/0": REDIS,
        "heartbeat_timeout=60_000": f"heartbeat_timeout=2_000, maintenance_chance=1_000_000, namespace={namespace!r}",
        "min_backoff=5_000": "min_backoff=100",
    }
    shop.write(replaced(block(PAGE, DRAMATIQ), changes))
    with shop.open(["dramatiq", "tasks", "-p2", "-t4"]):
        try:
            assert_every_event_has_one_effect(shop, "process", "worker")
        finally:
            redis.delete(*redis.keys(f"{namespace}:*"))


def test_dramatiq_on_rabbitmq(shop: Shop, rabbitmq: str) -> None:
    pytest.importorskip("dramatiq")
    pika: Any = pytest.importorskip("pika")
    queue = f"kraty-test-{uuid.uuid4()}"
    (line,) = (one for one in block(PAGE, DRAMATIQ).splitlines() if one.startswith("broker ="))
    changes = {
        line: block(PAGE, "import RabbitmqBroker").replace("amqp://localhost", rabbitmq),
        "@dramatiq.actor(": f"@dramatiq.actor(queue_name={queue!r}, ",
        "min_backoff=5_000": "min_backoff=100",
    }
    shop.write(replaced(block(PAGE, DRAMATIQ), changes))
    try:
        with shop.open(["dramatiq", "tasks", "-p2", "-t4"]):
            assert_every_event_has_one_effect(shop, "process", "worker")
    finally:
        with pika.BlockingConnection(pika.URLParameters(rabbitmq)) as connection:
            channel = connection.channel()
            for name in (queue, f"{queue}.DQ", f"{queue}.XQ"):
                channel.queue_delete(name)


def test_rq(shop: Shop, redis: Any) -> None:
    """What a worker held that is gone is free after some minutes: here these are over at once."""
    import rq

    name = f"kraty-test-{uuid.uuid4()}"
    changes = {"redis://localhost:6379/0": REDIS, '"webhooks"': repr(name), "interval=60": "interval=1"}
    shop.write(
        replaced(block(PAGE, "# tasks.py\nfrom typing import Any\n\nfrom hooks import kraty\nfrom redis"), changes)
    )
    command = [
        "rq.cli",
        "worker",
        "--with-scheduler",
        "--url",
        REDIS,
        "--maintenance-interval",
        "1",
        "--worker-ttl",
        "17",
        "-c",
        "tasks",
    ]
    queue = rq.Queue(name, connection=redis)
    started = queue.started_job_registry.key

    def minutes_pass() -> None:
        for job in redis.zrange(started, 0, -1):
            redis.zadd(started, {job: 1}, xx=True)  # its heartbeat is long ago
        redis.delete(rq.scheduler.RQScheduler.get_locking_key(name))

    with shop.open(*[[*command, name]] * 3):
        try:
            assert_every_event_has_one_effect(shop, "process", "worker", meanwhile=minutes_pass)
        finally:
            queue.delete()
            redis.delete(*redis.keys(f"rq:*{name}*"))


def test_temporal(shop: Shop, temporal: str) -> None:
    changes = {"localhost:7233": temporal, "timedelta(seconds=60)": "timedelta(seconds=3)"}
    shop.write(replaced(block(PAGE, "# tasks.py\nimport asyncio\nfrom"), changes), web=ASYNC)
    with shop.open(["tasks"]):
        assert_every_event_has_one_effect(shop, "worker", each_runs=False)
        ended = shop.happens()
        until(
            lambda: shop.again(ended, times=1) == [204] and "duplicate" in shop.assert_one_effect(ended, 1),
            lambda: shop.results(ended),
        )


def test_a_table(shop: Shop) -> None:
    import psycopg

    pytest.importorskip("asyncpg")
    with psycopg.connect(shop.postgres) as db:
        db.execute(block(PAGE, "CREATE TABLE kraty_queue", SQL))
    url, _, schema = shop.postgres.partition("?options=-csearch_path%3D")
    shop.environment["DATABASE_URL"] = url
    act = '    await connection.execute("INSERT INTO changes (event) VALUES ($1)", event.id)\n'
    changes = {
        "min_size=": f'server_settings={{"search_path": "{schema}"}}, min_size=',
        "least(600, 5 *": "least(600, 0.1 *",
        act: "    await act_async(event, connection)\n",
        "\nasync def enqueue(": "\nkraty.dispatch = noted_async(kraty.dispatch)\n\n\nasync def enqueue(",
    }
    tasks = replaced(block(PAGE, "# tasks.py\nimport asyncio\nimport json"), changes)
    shop.write(f"from shop_effects import act_async, noted_async\n{tasks}", web=ASYNC)
    with shop.open(["tasks"], ["tasks"]):
        assert_every_event_has_one_effect(shop, "worker", each_runs=False)
    with psycopg.connect(shop.postgres) as db:
        assert db.execute("SELECT count(*) FROM kraty_queue").fetchone() == (0,)


AWAY = {
    "celery-redis": ("from celery", {"amqp://localhost": f"redis://{CLOSED}", OPTIONS: ""}, SYNC),
    "celery-rabbitmq": ("from celery", {"amqp://localhost": f"amqp://{CLOSED}"}, SYNC),
    "dramatiq": ("import dramatiq", {"localhost:6379": CLOSED}, SYNC),
    "rq": ("from hooks import kraty\nfrom redis", {"localhost:6379": CLOSED}, SYNC),
    "airflow": ("import httpx", {'os.environ["AIRFLOW_URL"]': f'"http://{CLOSED}"'}, SYNC),
    "temporal": ("from concurrent", {"localhost:7233": CLOSED}, ASYNC),
    "table": ("import json", {'os.environ["DATABASE_URL"]': f'"postgresql://{CLOSED}/shop"'}, ASYNC),
}


@pytest.mark.parametrize("queue", AWAY)
def test_a_queue_that_is_away_is_a_500_so_kraty_delivers_again(queue: str, shop: Shop) -> None:
    contains, changes, web = AWAY[queue]
    (tasks,) = (one for one in TASKS if f"\n{contains}" in one)
    shop.environment["AIRFLOW_TOKEN"] = "none"
    shop.write(replaced(tasks, changes), web=web)
    one = delivery()
    with shop.open():
        assert shop.post(one.body, one.headers["X-Signature"]) == 500


def test_every_recipe_for_webhooks_is_run_here() -> None:
    """That of Airflow by `test_airflow.py`; those without a name of a module are pieces, or run as the page from top to bottom."""
    modules = [one for one in BLOCK.findall((DOCS / PAGE).read_text("utf-8")) if one.startswith("# ")]
    kinds = [one.splitlines()[0] for one in modules]
    assert sorted(kinds) == ["# dags/webhooks.py", "# hooks.py", *["# tasks.py"] * 6, *["# web.py"] * 2]
