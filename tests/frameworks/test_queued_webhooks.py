"""The page about workers: an event that goes through a queue has one effect, also where its worker is killed at any place."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from kraty_server.testing import Emulator
from tests.frameworks.deliveries import SECRET, delivery
from tests.frameworks.page import block
from tests.frameworks.test_recipes import free_port, served
from tests.frameworks.workers import REDIS, supervised, until

PAGE = "workers.md"
ACT = '    connection.execute("INSERT INTO changes (event) VALUES (%s)", (event.id,))\n'
PLACES = ("before", "in", "after")
CLOSED = "127.0.0.1:9"
"""Where nobody listens."""


def replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


class Shop:
    """A studio: its modules, its web process and its workers, and what became of the events of an emulator."""

    def __init__(self, folder: Path, postgres: str) -> None:
        self.folder = folder
        self.marks = folder / "marks"
        self.marks.mkdir()
        self.environment = {"DATABASE_URL": postgres, "KRATY_WEBHOOK_SECRET": SECRET, "SHOP_MARKS": str(self.marks)}
        self.postgres = postgres
        self.printed: Callable[[], str] = str
        self.emulator: Emulator
        self.url: str

    def write(self, tasks: str, *, web: str = "from kraty_server.webhooks import WebhookApp, WebhookEvent, Webhooks") -> None:  # fmt: skip
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
        assert (one.status, one.response) == ("delivered", 204), one
        return one.id

    def again(self, number: str, *, times: int) -> list[int]:
        """Post what Kraty delivered, as it was, so many times at once."""
        (one,) = (one for one in self.emulator.deliveries if one.id == number)
        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(lambda _: self.post(one.raw_body, one.signature), range(times)))

    def post(self, body: bytes, signature: str) -> int:
        return httpx.post(self.url, content=body, headers={"X-Signature": signature}, timeout=60).status_code

    def results(self, number: str) -> list[str]:
        path = self.marks / f"{number}.results"
        return path.read_text().splitlines() if path.exists() else []

    def runs(self, number: str) -> int:
        path = self.marks / f"{number}.runs"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def effects(self, number: str) -> int:
        import psycopg

        with psycopg.connect(self.postgres) as db:
            row = db.execute("SELECT count(*) FROM changes WHERE event = %s", (number,)).fetchone()
        assert row is not None
        return int(row[0])

    def assert_one_effect(self, number: str, runs: int) -> list[str]:
        """Wait until so many runs have ended with a result; an event has one effect, however many there were."""
        until(lambda: len(self.results(number)) >= runs, lambda: (self.results(number), self.printed()))
        assert self.effects(number) == 1
        return self.results(number)


def assert_every_event_has_one_effect(shop: Shop, *kills: str) -> None:
    altered = delivery()
    assert shop.post(altered.body.replace(b"player_42", b"player_43"), altered.headers["X-Signature"]) == 401

    twice = shop.happens(times=2)
    assert sorted(shop.assert_one_effect(twice, 2)) == ["duplicate", "handled"]
    assert shop.again(twice, times=50) == [204] * 50
    many = shop.assert_one_effect(twice, 52)
    assert many.count("handled") == 1

    fails = shop.happens("fails:in")
    assert shop.assert_one_effect(fails, 1) == ["handled"]
    assert shop.runs(fails) == 2

    for whom, place in product(kills, PLACES):
        killed = shop.happens(f"{whom}:{place}")
        results = shop.assert_one_effect(killed, 1)
        assert results[0] == ("duplicate" if place == "after" else "handled"), (whom, place)
        assert shop.runs(killed) >= 2, f"nothing was killed {place} the effect"
    assert shop.runs(altered.id) == 0


@pytest.fixture
def shop(tmp_path: Path, postgres: str) -> Shop:
    return Shop(tmp_path, postgres)


CELERY = ["celery", "-A", "tasks", "worker", "--without-gossip", "--without-mingle", "-l", "WARNING"]


@pytest.fixture
def celery_tasks(request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """The page's module for a broker, with a queue of its own and pauses that suit a test."""
    queue = f"kraty-test-{uuid.uuid4()}"
    line = 'app.conf.broker_transport_options = {"visibility_timeout": 3600}  # RabbitMQ: {"confirm_publish": True}'

    def tasks(broker: str) -> str:
        options = f'{{"visibility_timeout": 2, "unacked_restore_interval": 1, "unacked_restore_throttle": 1, "global_keyprefix": "{queue}:"}}'
        if broker.startswith("amqp"):
            options = '{"confirm_publish": True}'
        settings = f"app.conf.update(broker_transport_options={options}, task_default_queue={queue!r})"
        changes = {"redis://localhost:6379/0": broker, line: settings, "retry_backoff=5": "retry_backoff=1"}
        return replaced(block(PAGE, "# tasks.py\nfrom typing import Any\n\nfrom celery"), changes)

    yield tasks
    if "redis" in request.fixturenames:
        connection = request.getfixturevalue("redis")
        for key in connection.scan_iter(f"{queue}:*"):
            connection.delete(key)
    if "rabbitmq" in request.fixturenames:
        import kombu

        with kombu.Connection(request.getfixturevalue("rabbitmq")) as connection:
            connection.default_channel.queue_delete(queue)


def test_celery_on_redis(shop: Shop, redis: Any, celery_tasks: Callable[[str], str]) -> None:
    shop.write(celery_tasks(REDIS))
    with shop.open([*CELERY, "--pool=prefork", "-c4"]):
        assert_every_event_has_one_effect(shop, "process", "worker")


def test_celery_on_rabbitmq(shop: Shop, rabbitmq: str, celery_tasks: Callable[[str], str]) -> None:
    shop.write(celery_tasks(rabbitmq))
    with shop.open([*CELERY, "--pool=prefork", "-c4"]):
        assert_every_event_has_one_effect(shop, "process", "worker")
