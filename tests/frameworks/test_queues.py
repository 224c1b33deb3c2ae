"""The page about workers: with each queue, a task outlives lost answers and a revoked key, pays once, and ends where it is refused."""

from __future__ import annotations

import asyncio
import sys
import types
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from kraty_server import CurrencyEntry, KratyError, KratyServer
from kraty_server.testing import Emulator
from tests.frameworks.page import block
from tests.frameworks.workers import REDIS, supervised, until

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
    emulator: Emulator, enqueue: Callable[[str], Any], printed: Callable[[], str]
) -> None:
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
    with worker(command, emulator, tmp_path) as printed:
        try:
            assert_each_task_ends_as_it_should(
                emulator, lambda receipt: app.send_task("fulfil", (PLAYER, receipt), queue=queue), printed
            )
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

    def enqueue(receipt: str) -> None:
        sender.enqueue(
            dramatiq.Message(
                queue_name="default", actor_name="fulfil_actor", args=(PLAYER, receipt), kwargs={}, options={}
            )
        )

    with worker(["dramatiq", "shop", "-p1", "-t1"], emulator, tmp_path) as printed:
        try:
            assert_each_task_ends_as_it_should(emulator, enqueue, printed)
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

    def enqueue(receipt: str) -> None:
        jobs.append(queue.enqueue("shop.fulfil_job", PLAYER, receipt, failure_ttl=60, result_ttl=60))

    command = ["rq.cli", "worker", "--with-scheduler", "--url", REDIS, name]
    with worker(command, emulator, tmp_path) as printed:
        try:
            assert_each_task_ends_as_it_should(emulator, enqueue, printed)
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


@pytest.mark.usefixtures("inside")
def test_temporal(emulator: Emulator) -> None:
    """As Temporal's own environment for activities runs it; what its server makes of the error is Temporal's."""
    testing = pytest.importorskip("temporalio.testing")
    from temporalio.exceptions import ApplicationError

    shop = module(source("def fulfil_activity"))
    environment = testing.ActivityEnvironment()

    def run(receipt: str) -> Any:
        return environment.run(shop["fulfil_activity"], PLAYER, receipt)

    with shop["kraty"] as kraty:
        kraty.grants.create(PLAYER, entries=[CurrencyEntry("gold", 1)], idempotency_key="used")
        emulator.fault("grants.create", status=503, retry_after=90, times=1)
        with pytest.raises(ApplicationError) as asked:
            run("receipt")
        assert (asked.value.non_retryable, asked.value.next_retry_delay) == (False, timedelta(seconds=90))
        emulator.fault("grants.create", status=401, code="session_invalid", times=1)
        with pytest.raises(ApplicationError) as revoked:
            run("receipt")
        assert (revoked.value.non_retryable, revoked.value.type) == (False, "SessionInvalidError")
        with pytest.raises(ApplicationError) as refused:
            run("used")
        assert (refused.value.non_retryable, refused.value.next_retry_delay) == (True, None)
        assert run("receipt") == run("receipt")
        assert gold(kraty) == 500


@pytest.mark.usefixtures("inside")
def test_the_mapping_to_airflow(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against classes with the signatures of Airflow 3.3's, which is too heavy to install here."""

    class RetryDecision:
        default = staticmethod(lambda: ("default",))
        fail = staticmethod(lambda reason=None: ("fail", reason))
        retry = staticmethod(lambda delay=None, reason=None: ("retry", delay, reason))

    sdk: Any = types.ModuleType("airflow.sdk")
    sdk.RetryPolicy, sdk.RetryDecision = object, RetryDecision
    monkeypatch.setitem(sys.modules, "airflow", types.ModuleType("airflow"))
    monkeypatch.setitem(sys.modules, "airflow.sdk", sdk)
    shop = module(source("airflow.sdk"))
    policy = shop["KratyRetryPolicy"]()

    def decided(receipt: str) -> Any:
        try:
            shop["fulfil"](PLAYER, receipt)
        except Exception as error:
            return policy.evaluate(exception=error, try_number=1, max_tries=100, context=None)
        return None

    with shop["kraty"] as kraty:
        kraty.grants.create(PLAYER, entries=[CurrencyEntry("gold", 1)], idempotency_key="used")
        emulator.fault("grants.create", status=503, retry_after=90, times=1)
        assert decided("receipt")[:2] == ("retry", timedelta(seconds=90))
        emulator.fault("grants.create", status=401, code="session_invalid", times=1)
        assert decided("receipt")[:2] == ("retry", timedelta(seconds=0.2))
        assert decided("used")[0] == "fail"
        assert decided("receipt") is None
        assert policy.evaluate(ValueError("a bug"), 1, 100) == ("default",)


@pytest.mark.usefixtures("inside")
def test_an_async_worker(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    shop = module(source("async def work("))

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
