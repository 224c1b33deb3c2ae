"""The page about workers: with each queue, a task outlives lost answers and a revoked key, pays once, and ends where it is refused."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from kraty_server import CurrencyEntry, KratyError, KratyServer
from kraty_server.testing import Emulator
from tests.frameworks.page import block
from tests.frameworks.workers import supervised, until
from tests.services import REDIS

PAGE = "workers.md"
PLAYER = "player_42"
TRIES = 4
"""How often the SDK tries before the queue is told."""


def source(*containing: str, **names: str) -> str:
    """The page's module with these blocks, with pauses that suit a test."""
    text = "\n".join(block(PAGE, one) for one in ("def pause(", *containing))
    for old, new in {"600.0\n": "0.2\n", "5.0 * 2": "0.02 * 2", "redis://localhost:6379/0": REDIS}.items():
        text = text.replace(old, new)
    for old, new in names.items():
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def worker(command: list[str], emulator: Emulator, folder: Path) -> AbstractContextManager[Callable[[], str]]:
    return supervised(command, folder, KRATY_SERVER_KEY=emulator.api_key, KRATY_BASE_URL=emulator.url)


def gold(kraty: KratyServer) -> int:
    try:
        return sum(int(entry.balance) for entry in kraty.players.get(PLAYER).wallet)
    except KratyError:
        return 0


def assert_each_task_ends_as_it_should(
    emulator: Emulator,
    enqueue: Callable[[str], Any],
    printed: Callable[[], str],
    due: Callable[[Any], float],
) -> None:
    """`due`: when the queue says that a task is to run again, in seconds since 1970; 0 where it does not say yet."""
    with KratyServer(api_key=emulator.api_key, base_url=emulator.url) as kraty:
        kraty.grants.create(PLAYER, entries=[CurrencyEntry("gold", 1)], idempotency_key="used")

        emulator.fault("grants.create", drop_after_commit=TRIES)  # done, and all answers lost
        enqueue("lost")
        until(lambda: gold(kraty) == 500, printed)

        emulator.fault("grants.create", status=401, code="session_invalid", times=2)
        enqueue("revoked")
        until(lambda: gold(kraty) == 1000, printed)
        assert "Kraty cannot be used as it is set up" in printed()

        enqueue("used")  # with another body
        until(lambda: "with key used is refused" in printed(), printed)
        enqueue("last")
        until(lambda: gold(kraty) == 1500, printed)
        assert printed().count("with key used is refused") == 1

        emulator.fault("grants.create", status=503, retry_after=900, times=1)
        earliest = time.time() + 890
        asked = enqueue("asked")
        until(lambda: due(asked) > earliest, lambda: (due(asked), printed()))
        assert gold(kraty) == 1500
        assert emulator.unused_faults == []


@pytest.mark.parametrize(
    ("broker", "pool"), [("redis", "prefork"), ("redis", "solo"), ("rabbitmq", "threads"), ("rabbitmq", "gevent")]
)
def test_celery(broker: str, pool: str, emulator: Emulator, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    celery, kombu = import_module("celery"), import_module("kombu")
    connection: Any = request.getfixturevalue(broker)
    url = connection if broker == "rabbitmq" else REDIS
    import_module("kombu.pools").reset()  # of the whole process: another test may have closed them
    queue = f"kraty-test-{uuid.uuid4()}"
    (tmp_path / "shop.py").write_text(source("def fulfil_task").replace(f'broker="{REDIS}"', f'broker="{url}"'))
    command = [
        "celery",
        "-A",
        "shop",
        "worker",
        f"--pool={pool}",
        "-c4",
        "-Q",
        queue,
        "--without-gossip",
        "--without-mingle",
    ]
    app = celery.Celery("sender", broker=url)

    def enqueue(receipt: str) -> str:
        return str(app.send_task("fulfil", (PLAYER, receipt), queue=queue))

    def due(task: str) -> float:
        held = app.control.inspect(destination=[f"{queue}@here"], timeout=2).scheduled() or {}
        etas = [one["eta"] for tasks in held.values() for one in tasks if one["request"]["id"] == task]
        return datetime.fromisoformat(etas[0]).timestamp() if etas else 0

    with worker([*command, "-n", f"{queue}@here"], emulator, tmp_path) as printed:
        try:
            assert_each_task_ends_as_it_should(emulator, enqueue, printed, due)
        finally:
            app.pool.force_close_all()
            with kombu.Connection(url) as sender:
                sender.default_channel.queue_delete(queue)


def test_dramatiq(emulator: Emulator, redis: Any, tmp_path: Path) -> None:
    dramatiq = pytest.importorskip("dramatiq")
    brokers: Any = import_module("dramatiq.brokers.redis")
    namespace = f"kraty-test-{uuid.uuid4()}"
    url = f'url="{REDIS}"'
    (tmp_path / "shop.py").write_text(source("def fulfil_actor", **{url: f'{url}, namespace="{namespace}"'}))
    sender = brokers.RedisBroker(url=REDIS, namespace=namespace)

    def enqueue(receipt: str) -> str:
        message = dramatiq.Message(
            queue_name="default", actor_name="fulfil_actor", args=(PLAYER, receipt), kwargs={}, options={}
        )
        return str(sender.enqueue(message).message_id)

    def due(task: str) -> float:
        held = map(json.loads, redis.hvals(f"{namespace}:default.DQ.msgs"))
        return max((one["options"]["eta"] / 1000 for one in held if one["message_id"] == task), default=0)

    with worker(["dramatiq", "shop", "-p1", "-t1"], emulator, tmp_path) as printed:
        try:
            assert_each_task_ends_as_it_should(emulator, enqueue, printed, due)
            until(lambda: redis.zcard(f"{namespace}:default.XQ") == 1, printed)  # refused: a dead letter
        finally:
            sender.close()
            for key in redis.scan_iter(f"{namespace}:*"):
                redis.delete(key)


def test_rq(emulator: Emulator, redis: Any, tmp_path: Path) -> None:
    import rq

    name = f"kraty-test-{uuid.uuid4()}"
    (tmp_path / "shop.py").write_text(source("def fulfil_job"))
    queue = rq.Queue(name, connection=redis)
    jobs = []

    def enqueue(receipt: str) -> str:
        jobs.append(queue.enqueue("shop.fulfil_job", PLAYER, receipt, failure_ttl=60, result_ttl=60))
        return jobs[-1].id

    def due(job: str) -> float:
        held = job in queue.scheduled_job_registry
        return queue.scheduled_job_registry.get_scheduled_time(job).timestamp() if held else 0

    command = ["rq.cli", "worker", "--with-scheduler", "--url", REDIS, name]
    with worker(command, emulator, tmp_path) as printed:
        try:
            assert_each_task_ends_as_it_should(emulator, enqueue, printed, due)
            until(lambda: jobs[2].is_failed and jobs[3].is_finished, printed)
        finally:
            for job in jobs:
                job.delete()
            queue.delete()


@pytest.fixture
def inside(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a worker, in this process."""
    monkeypatch.setenv("KRATY_SERVER_KEY", emulator.api_key)
    monkeypatch.setenv("KRATY_BASE_URL", emulator.url)


def module(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "shop"}
    exec(compile(text, PAGE, "exec"), names)
    return names


RUN = """
import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker


@workflow.defn(name="fulfil")
class Fulfil:
    @workflow.run
    async def run(self, player: str, receipt: str) -> str:
        return await workflow.execute_activity(
            "fulfil", args=[player, receipt], start_to_close_timeout=timedelta(seconds=90)
        )


async def main() -> None:
    from shop import fulfil_activity

    client = await Client.connect(sys.argv[1])
    with ThreadPoolExecutor(4) as threads:
        await Worker(client, task_queue="fulfil", workflows=[Fulfil], activities=[fulfil_activity],
                     activity_executor=threads, workflow_runner=UnsandboxedWorkflowRunner()).run()


if __name__ == "__main__":
    asyncio.run(main())
"""


def test_temporal(emulator: Emulator, temporal: str, tmp_path: Path) -> None:
    from temporalio.client import Client, WorkflowExecutionStatus

    (tmp_path / "shop.py").write_text(source("def fulfil_activity"))
    (tmp_path / "run.py").write_text(RUN)

    async def start(receipt: str) -> None:
        client = await Client.connect(temporal)
        await client.start_workflow("fulfil", args=[PLAYER, receipt], id=receipt, task_queue="fulfil")

    async def describe(receipt: str) -> Any:
        return await (await Client.connect(temporal)).get_workflow_handle(receipt).describe()

    def enqueue(receipt: str) -> str:
        asyncio.run(start(receipt))
        return receipt

    def due(receipt: str) -> float:
        for one in asyncio.run(describe(receipt)).raw_description.pending_activities:
            delay = one.last_failure.application_failure_info.next_retry_delay.seconds
            return float(one.last_attempt_complete_time.seconds + delay)
        return 0

    with worker(["run", temporal], emulator, tmp_path) as printed:
        assert_each_task_ends_as_it_should(emulator, enqueue, printed, due)
        until(lambda: asyncio.run(describe("used")).status == WorkflowExecutionStatus.FAILED, printed)
        assert asyncio.run(describe("last")).status == WorkflowExecutionStatus.COMPLETED


@pytest.mark.usefixtures("inside")
def test_an_async_worker(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    shop = module(source("async def work(kraty"))

    async def main() -> None:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        for receipt in ["used", *(f"receipt-{number}" for number in range(50))]:
            queue.put_nowait((PLAYER, receipt, 0))
        running = asyncio.create_task(shop["run"](queue))
        while gold_now() < 25_000:
            assert not running.done(), running.exception()
            await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    with shop["kraty"] as kraty:

        def gold_now() -> int:
            return gold(kraty)

        kraty.grants.create(PLAYER, entries=[CurrencyEntry("gold", 1)], idempotency_key="used")
        emulator.fault("grants.create", status=401, code="session_invalid", times=20)
        emulator.fault("grants.create", drop_after_commit=20)
        asyncio.run(main())
        assert gold(kraty) == 25_000
    assert caplog.text.count("with key used is refused") == 1
