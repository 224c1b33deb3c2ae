"""A job keeps to what the server can take: 429s, failures, a refused key, rows that spoil a batch, and its own limits."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kraty_server import CurrencyEntry, KratyServer, bulk
from kraty_server.bulk.send import Answers, Work, sender
from kraty_server.errors import ForbiddenError, SessionInvalidError
from kraty_server.testing import Emulator
from tests.bulk.books import asked, booked, currency_rows
from tests.bulk.test_resume import second_key


@pytest.mark.parametrize("action", [bulk.credit(), bulk.import_wallet()], ids=lambda action: action.operation)
@pytest.mark.parametrize(
    "fault", [{"retry_after": 0.01}, {"status": 503, "retry_after": 0.01}, {"status": 500}, {"drop_after_commit": 3}, {"cut_body": 3}],
    ids=str,
)  # fmt: skip
def test_a_bad_minute_costs_time_and_nothing_else(
    emulator: Emulator, kraty: KratyServer, action: bulk.Action, fault: Any
) -> None:
    emulator.fault(action.operation, **({"times": 3} | fault if "status" in fault or "retry_after" in fault else fault))
    rows = currency_rows(300)
    report = bulk.Job("job", action, rows).run(client=kraty)
    assert report.ok
    assert (report.applied + report.replayed, report.failed) == (300, 0)
    assert booked(emulator) == asked(rows)
    assert report.limited == (3 if set(fault) == {"retry_after"} else 0)


def test_a_rate_limit_is_found_out_and_kept(emulator: Emulator) -> None:
    emulator.rate_limit = 400  # the clock within the process is the emulator's, which does not wait
    emulator.real_time = True
    rows = currency_rows(900)
    with emulator.client() as kraty:
        report = bulk.Job("job", bulk.credit(), rows).run(client=kraty)
    assert report.ok
    assert 0 < report.limited < 100
    assert booked(emulator) == asked(rows)


def test_shards_without_a_coordinator_share_one_limit_and_all_finish(emulator: Emulator) -> None:
    emulator.rate_limit = 300
    emulator.real_time = True
    rows = currency_rows(600)

    def one(number: int) -> bulk.Report:
        with emulator.client() as kraty:
            return bulk.Job("job", bulk.credit(), rows, shard=(number, 4)).run(client=kraty)

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(one, range(4)))
    assert all(report.ok for report in reports)
    assert sum(report.applied for report in reports) == 600
    assert booked(emulator) == asked(rows)


@pytest.mark.parametrize(
    ("action", "rate", "calls"),
    [(bulk.credit(), 40, 60), (bulk.credit(), 2000, 60), (bulk.grant([CurrencyEntry("gold", 5)], ack=True), 100, 120)],
)
def test_a_rate_is_not_exceeded(
    emulator: Emulator, kraty: KratyServer, action: bulk.Action, rate: float, calls: int
) -> None:
    begun = time.monotonic()
    report = bulk.Job("job", action, currency_rows(60)).run(client=kraty, rate=rate)
    assert report.ok
    assert report.calls == calls
    # A promise about a lower bound, however slow the machine.
    assert time.monotonic() - begun >= (calls - rate / 4) / rate - 0.01


def test_a_key_that_is_refused_stops_the_job_at_once(emulator: Emulator, kraty: KratyServer) -> None:
    job = bulk.Job("job", bulk.credit(), currency_rows(400))
    with pytest.raises(SessionInvalidError), emulator.client(api_key="wrong.key") as wrong:
        job.run(client=wrong)
    with pytest.raises(ForbiddenError), emulator.client(api_key=emulator.client_key) as client_key:
        job.run(client=client_key)
    assert not job.journal.exists()
    emulator.fault("wallet.credit", status=401, code="session_invalid", times=None)
    report = job.run(client=kraty)
    assert report.stopped is not None
    assert report.calls <= 2  # what was under way
    assert report.unsent + report.unknown == report.rows
    emulator.clear_faults()
    assert job.run(client=kraty).ok
    assert booked(emulator) == asked(currency_rows(400))


def test_too_many_failures_stop_the_job(emulator: Emulator, kraty: KratyServer) -> None:
    emulator.seed({"catalog": {"currencies": ["gems"]}})
    report = bulk.Job("job", bulk.credit(), currency_rows(1000)).run(client=kraty, max_failures=10)
    assert str(report.stopped).endswith("rows failed, more than the 10 that were allowed")
    assert report.failed < 1000
    assert report.counted == report.rows


def test_a_batch_that_is_refused_as_a_whole_is_halved_until_the_bad_row_is_alone(
    emulator: Emulator, kraty: KratyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = currency_rows(1000)
    bad = {"player_0", "player_17", "player_999"}
    real: Any = type(kraty.migrate).wallet

    def picky(self: Any, batch: Any, **more: Any) -> Any:
        if any(row["externalPlayerId"] in bad for row in batch):
            emulator.fault("migrate.wallet", status=400, code="validation_failed")
        return real(self, batch, **more)

    monkeypatch.setattr(type(kraty.migrate), "wallet", picky)
    job = bulk.Job("job", bulk.import_wallet(), rows)
    report = job.run(client=kraty)
    assert (report.applied, report.failed) == (997, 3)
    assert {failure.row["externalPlayerId"] for failure in job.failures()} == bad
    assert booked(emulator) == asked(row for row in rows if row["externalPlayerId"] not in bad)
    assert report.calls < 80


@pytest.mark.parametrize("action", [bulk.credit(), bulk.import_wallet()], ids=lambda action: action.operation)
def test_a_row_that_is_never_answered_holds_up_no_others(
    emulator: Emulator, kraty: KratyServer, action: bulk.Action, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = currency_rows(3000 if action.is_batch else 100)
    noun, verb = action.operation.split(".")
    resource = type(getattr(kraty, noun))
    real = getattr(resource, verb)

    def picky(self: Any, *args: Any, **more: Any) -> Any:
        if "player_30" in ([row["externalPlayerId"] for row in args[0]] if args else [more["external_player_id"]]):
            emulator.fault(action.operation, status=500)
        return real(self, *args, **more)

    monkeypatch.setattr(resource, verb, picky)
    job = bulk.Job("job", action, rows)
    report = job.run(client=kraty, in_flight=1)
    assert report.unknown >= 1
    assert report.applied + report.unknown == len(rows)
    assert "player_30" in {failure.row["externalPlayerId"] for failure in job.unknown()}
    assert report.applied >= len(rows) - 5


def test_when_nothing_is_answered_any_more_the_job_stops(emulator: Emulator, kraty: KratyServer) -> None:
    emulator.fault("wallet.credit", status=502, times=None)
    report = bulk.Job("job", bulk.credit(), currency_rows(300)).run(client=kraty)
    assert report.stopped == "nothing is answered any more: run the job again when the API is back"
    assert report.counted == report.rows < 300


def test_counts_that_do_not_add_up_are_not_believed(
    emulator: Emulator, kraty: KratyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Any = type(kraty.migrate).wallet

    def short(self: Any, batch: Any, **more: Any) -> Any:
        outcome = real(self, batch, **more)
        outcome.applied -= 1
        return outcome

    monkeypatch.setattr(type(kraty.migrate), "wallet", short)
    report = bulk.Job("job", bulk.import_wallet(), currency_rows(10)).run(client=kraty)
    assert "do not add up" in str(report.stopped)
    assert report.unknown == 10


def work(kraty: KratyServer, **changes: Any) -> Answers:
    row = {"external_player_id": "ada", "economy_key": "gold", "amount": 5, "idempotency_key": "k"}
    given: dict[str, Any] = {
        "operation": "wallet.credit", "rows": [row], "until": time.time() + 60,
        "api_key": kraty.health.ping().api_key.id, "attempt": 1,
    }  # fmt: skip
    return Answers.loads(sender(kraty)(Work(**given | changes).dumps()))


def test_a_chunk_that_is_handed_out_too_late_does_nothing(emulator: Emulator, kraty: KratyServer) -> None:
    batch = [{"externalPlayerId": "ada", "economyKey": "gold", "amount": 5, "idempotencyKey": "k"}]
    for late in (
        work(kraty, until=time.time() - 1),
        work(kraty, until=1.0, operation="migrate.wallet", rows=batch, is_batch=True),
    ):
        assert (late.states, late.calls) == ("?", 0)
        assert late.lost is not None
        assert late.lost[0] == "expired"
    assert emulator.ledger() == []
    assert work(kraty).states == "a"
    assert work(kraty).states == "s"


def test_a_worker_with_another_key_does_nothing(emulator: Emulator, kraty: KratyServer) -> None:
    key = kraty.health.ping().api_key.id
    with second_key(emulator) as other:
        answers = work(other, api_key=key)
    assert answers.states == "?"
    assert "another API key" in str(answers.stop)
    assert emulator.ledger() == []


def test_two_runs_of_a_job_do_not_go_at_once(emulator: Emulator, kraty: KratyServer) -> None:
    job = bulk.Job("job", bulk.credit(), currency_rows(100))
    refused: list[str] = []

    def meanwhile(progress: bulk.Progress) -> None:
        if not refused:
            with pytest.raises(bulk.JournalError, match="another run of this job is under way") as error:
                bulk.Job("job", bulk.credit(), currency_rows(100)).run(client=kraty)
            refused.append(str(error.value))

    thread = threading.Thread(target=job.run, kwargs={"client": kraty, "on_progress": meanwhile})
    thread.start()
    thread.join()
    assert refused
    assert booked(emulator) == asked(currency_rows(100))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"action": bulk.debit()}, "its action is wallet.credit, not wallet.debit"),
        ({"key": ["id"]}, "its key is"),
        ({"name": "other"}, "its job is job, not other"),
    ],
    ids=str,
)
def test_a_journal_of_something_else_is_refused(
    emulator: Emulator, kraty: KratyServer, change: dict[str, Any], text: str
) -> None:
    given: dict[str, Any] = {"name": "job", "action": bulk.credit(), "source": currency_rows(3), "journal": "journal"}
    bulk.Job(**given).run(client=kraty)
    with pytest.raises(bulk.JournalError, match=text):
        bulk.Job(**given | change).run(client=kraty)


def test_another_environment_and_another_game_are_refused(emulator: Emulator, kraty: KratyServer) -> None:
    job = bulk.Job("job", bulk.credit(), currency_rows(3))
    job.run(client=kraty)
    with (
        emulator.client(api_key=emulator.live_key) as live,
        pytest.raises(bulk.JournalError, match="its environment is test"),
    ):
        job.run(client=live)
    emulator.seed({"games": [{"id": "game_2"}], "keys": [{"prefix": "ks_2", "secret": "s", "game": "game_2"}]})
    with (
        emulator.client(api_key="ks_2.s") as elsewhere,
        pytest.raises(bulk.JournalError, match="its game is game_1, not game_2"),
    ):
        job.run(client=elsewhere)
    assert booked(emulator) == asked(currency_rows(3))
