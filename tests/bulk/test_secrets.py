"""The API key is in no work, journal, result, report, log or error of a job, whatever the server answers and the rows hold."""

from __future__ import annotations

import json
import logging
import pickle
import tempfile
import traceback
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kraty_server import CurrencyEntry, KratyError, bulk
from kraty_server.bulk import send as send_module
from kraty_server.cli.main import main
from tests.servers.raw import PONG, RawServer, Reply

CANARY = "canaryNeverSeen9f3b"
KEY = f"sCanary1.{CANARY}"
ACTIONS = [
    bulk.import_players(), bulk.import_wallet("gold"), bulk.import_inventory("sword"), bulk.credit("gold"),
    bulk.grant([CurrencyEntry("gold", 5)], ack=True), bulk.ban(), bulk.erase(), bulk.export(), bulk.snapshot(),
]  # fmt: skip
QUOTES = st.sampled_from([KEY, f"Bearer {KEY}", json.dumps({"authorization": KEY}), "odd"])
"""What a server says that quotes the header it was sent."""
CODES = st.sampled_from(["validation_failed", "internal_error", "rate_limited", "session_invalid", "not_found", KEY])


@st.composite
def answers(draw: Any) -> Reply:
    """Refusals, failures, successes of any shape, and connections that end."""
    quote = draw(QUOTES)
    failed = {"rowIndex": 0, "error": {"code": draw(CODES), "message": quote}}
    body = draw(
        st.sampled_from(
            [
                {"error": {"code": draw(CODES), "message": quote, "details": {quote: [quote]}}},
                {"error": quote},
                {"data": {"applied": 0, "skipped": 0, "failed": 1, "failures": [failed]}},
                {"data": {"applied": 7, "skipped": 0, "failed": 1, "failures": [failed]}},
                {"data": {"economyKey": quote, "balance": 5, "applied": True}},
                {"data": {"id": quote, "note": quote}},
                {"data": [quote]},
                quote,
            ]
        )
    )
    status = draw(st.sampled_from([200, 201, 204, 302, 400, 401, 403, 404, 409, 422, 429, 500, 503]))
    headers = {"x-request-id": quote.replace("\n", " "), "retry-after": "0", "location": f"/{KEY}"}
    return Reply(status, json.dumps(body).encode(), headers, drop=draw(st.integers(0, 9)) == 0)


CELL = st.one_of(
    st.none(), st.integers(-2, 2**60), st.floats(), st.text(max_size=5),
    st.sampled_from(["ada", "bob", "", " x", "5.0", "{}", "[", "\ud800", "a/b", "x" * 300]),
)  # fmt: skip
ROWS = st.lists(
    st.dictionaries(st.sampled_from(["externalPlayerId", "amount", "quantity", "contextSnapshot", "reason"]), CELL),
    max_size=3,
).map(lambda rows: [{"externalPlayerId": "eve", "amount": 5, "quantity": 5}, *rows])


class Noting(ThreadPoolExecutor):
    """Keeps what goes to workers and what comes back, as a broker would."""

    def __init__(self) -> None:
        super().__init__(1)
        self.seen: list[bytes] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.seen.append(pickle.dumps((fn, args, kwargs)))

        def carry_out() -> Any:
            self.seen.append(answer := fn(*args, **kwargs))
            return answer

        return super().submit(carry_out)


def texts(folder: Path) -> list[bytes]:
    """Whatever lies on the disk, the names of files included."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [*(str(path).encode() for path in files), *(path.read_bytes() for path in files)]


def assert_clean(shown: Sequence[object]) -> None:
    for one in shown:
        assert CANARY not in str(one)
        assert CANARY not in repr(one)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kraty_server.bulk.run.SILENCE", 2)
    monkeypatch.setattr("kraty_server.bulk.run.GIVE_UP_AFTER", 2)


SETTINGS = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@SETTINGS
@given(action=st.sampled_from(ACTIONS), replies=st.lists(answers(), min_size=1, max_size=4), rows=ROWS)
def test_nothing_of_a_job_holds_the_key(
    action: bulk.Action, replies: list[Reply], rows: Any, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.clear()
    caplog.set_level(logging.DEBUG, logger="kraty_server")
    shown: list[object] = []
    with tempfile.TemporaryDirectory() as name, RawServer([Reply(body=PONG), Reply(body=PONG), *replies]) as server:
        folder = Path(name)
        monkeypatch.setenv("KRATY_SERVER_KEY", KEY)
        monkeypatch.setenv("KRATY_BASE_URL", server.url)
        monkeypatch.setattr(send_module, "_senders", {})
        results = folder / "results" if action.has_results else None
        job = bulk.Job("job", action, rows, journal=folder / "journal", results=results)
        with Noting() as pool:
            try:
                shown += [job.check(), job, job.run(executor=pool, on_progress=shown.append), *job.failures()]
                job.write_failures(folder / "failures.csv")
                shown += [job.status(), job.unknown()]
            except (KratyError, bulk.JobError) as error:
                shown += [error, "".join(traceback.format_exception(error))]
            shown += [one.decode("latin-1") for one in pool.seen]
        shown += [one.decode("latin-1") for one in texts(folder)]
    assert_clean([*shown, caplog.text, *(record.args for record in caplog.records)])


COMMANDS = [
    ("import", "wallet", "rows.csv", "--job", "j", "--set", "economyKey=gold", "--yes"),
    ("make-good", "rows.csv", "--job", "j", "--currency", "gold=5", "--yes"),
    ("take-back", "rows.csv", "--job", "j", "--set", "economyKey=gold", "--yes"),
    ("erase-list", "rows.csv", "--job", "j", "--yes"),
    ("snapshot", "rows.csv", "--job", "j", "--to", "results"),
]


@SETTINGS
@given(
    command=st.sampled_from(COMMANDS), replies=st.lists(answers(), min_size=1, max_size=4),
    cells=st.lists(st.text("ab,\"' \x00é5\n", max_size=6), max_size=3), as_json=st.booleans(),
)  # fmt: skip
def test_nothing_of_a_command_over_rows_holds_the_key(
    command: tuple[str, ...], replies: list[Reply], cells: list[str], as_json: bool,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    more = ["--json"] * as_json
    with (
        tempfile.TemporaryDirectory() as folder,
        RawServer([Reply(body=PONG), Reply(body=PONG), Reply(body=PONG), Reply(body=PONG), *replies]) as server,
        monkeypatch.context() as patched,
    ):
        patched.chdir(folder)
        patched.setenv("KRATY_SERVER_KEY", KEY)
        patched.setenv("KRATY_BASE_URL", server.url)
        # The same without what hides secrets in all output: they must not get that far.
        patched.setattr("kraty_server.cli.terminal.hide", lambda _: None)
        Path("rows.csv").write_text("\n".join(["externalPlayerId,amount", "eve,5", *cells]), "utf-8")
        main([*command, *more])
        for asked in ("status", "failures", "unknown"):
            main(["job", asked, "j", *more])
        shown = [*capsys.readouterr(), *(one.decode("latin-1") for one in texts(Path(folder)))]
    assert_clean(shown)
