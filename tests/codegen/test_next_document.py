"""From a plausible next document to green tests, in both flavours and the emulator, takes a bump and at most five edits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codegen import write

CHANGES = Path(__file__).with_name("next_document.json")
"""What the next document has otherwise than ours, as a merge patch (RFC 7396)."""
EDITS = [
    # What a new event is about is nowhere in the document, so a person has to say it.
    ("codegen/dialect.json", '"events": {}', '"events": {"purchase.recorded": "Purchase"}'),
]
"""All that is written by hand: a file, and one text in it for another."""
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "mutants")
MINUTES = 5
PROMISES = {
    "contract": "contract parity webhooks/test_events.py",
    "values": "properties/test_bytes.py properties/test_models.py unit/test_generated_types.py unit/test_type_hints.py",
    "surface": "unit/test_surface.py unit/test_errors.py unit/test_decisions.py unit/test_layers.py unit/test_readme.py typing",
    "emulator": "emulator/test_requests.py emulator/test_conformance.py emulator/test_idempotency.py",
    "node": "codegen/test_parity.py::test_the_stand_in_differs_only_where_it_is_wanted",
    "docs": "docs/test_code_blocks.py::test_the_code_of_a_page_runs",
}
"""What is held of the copy by its own tests."""
NEW_CALLS = """
import asyncio
from kraty_server import WalletFrozenError
from kraty_server.models import Purchase, PlayerMetadata, PlayerSpend
from kraty_server.testing import Emulator
from kraty_server.webhooks import PurchaseRecorded, read_event

bought = {"product_id": "gems", "amount_minor": 499, "currency": "EUR", "store": "apple", "idempotency_key": "k"}
with Emulator() as emulator:
    emulator.fault("wallet.debit", status=409, code="wallet_frozen", times=2)
    with emulator.client() as kraty:
        purchase = kraty.purchases.record("p", **bought)
        assert isinstance(purchase, Purchase) and purchase.currency == "EUR" and purchase.store.is_known
        assert isinstance(kraty.players.set_metadata("p", {"level": 7}), PlayerMetadata)
        assert kraty.players.merge_metadata("p", {"level": None}).external_player_id == "p"
        assert isinstance(kraty.players.spend("p"), PlayerSpend)
        page = kraty.grants.list("p", limit=10)
        assert list(page) == [] and page.next_page() is None
        try:
            kraty.wallet.debit("p", "gold", amount=1)
        except WalletFrozenError as error:
            assert error.is_wallet_frozen

    async def awaited():
        async with emulator.async_client() as kraty:
            assert (await kraty.purchases.record("p", **bought)).product_id == "gems"
            assert (await kraty.players.set_metadata("p", {"level": 7})).external_player_id == "p"
            assert (await kraty.players.merge_metadata("p", {})).external_player_id == "p"
            assert isinstance(await kraty.players.spend("p"), PlayerSpend)
            assert [grant async for grant in await kraty.grants.list("p")] == []
            try:
                await kraty.wallet.debit("p", "gold", amount=1)
            except WalletFrozenError as error:
                assert error.is_wallet_frozen
    asyncio.run(awaited())
    sent = {r.operation: r for r in emulator.requests}
    assert sent["grants.list"].target.endswith("/players/p/grants")
    assert sent["players.merge_metadata"].raw_body == b"{}"
event = read_event({"eventName": "purchase.recorded", "id": "e", "studioId": "s", "gameId": "g", "deliveryAttempt": 1,
                    "occurredAt": "2026-11-26T09:00:00.000Z", "data": purchase.to_dict()})
assert isinstance(event, PurchaseRecorded) and event.data == purchase
print("all of it")
"""


def merged(document: Any, changes: Any) -> Any:
    """A document with a merge patch."""
    if not isinstance(changes, dict):
        return changes
    made = dict(document) if isinstance(document, dict) else {}
    for name, value in changes.items():
        if value is None:
            made.pop(name, None)
        else:
            made[name] = merged(made.get(name), value)
    return made


def run(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (project, project / "generated")))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV_", "COVERAGE"))}
    return subprocess.run(
        [sys.executable, *words],
        cwd=project,
        capture_output=True,
        text=True,
        env=clean | {"PYTHONPATH": path},
        timeout=MINUTES * 60,
    )


@pytest.fixture(scope="module")
def taken_over(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A copy of the project that has taken the next document over, and what bump has said."""
    project = tmp_path_factory.mktemp("next") / "project"
    shutil.copytree(write.ROOT, project, ignore=NOT_COPIED)
    for name, old, new in EDITS:
        text = (project / name).read_text("utf-8")
        assert text.count(old) == 1, name
        (project / name).write_text(text.replace(old, new), "utf-8")
    document = merged(write.load(write.DOCUMENT), json.loads(CHANGES.read_text("utf-8")))
    (project.parent / "next.json").write_text(json.dumps(document), "utf-8")
    done = run(project, "-m", "codegen", "bump", str(project.parent / "next.json"))
    assert done.returncode == 0, done.stderr
    yield project, done.stdout
    shutil.rmtree(project)


def test_no_more_than_five_edits_are_made_by_hand() -> None:
    assert len(EDITS) <= 5


def test_what_is_left_to_do_is_told(taken_over: tuple[Path, str]) -> None:
    _, told = taken_over
    left = told.partition("## Left to do by hand")[2].partition("## To run")[0]
    new = ("grants.list", "players.spend", "purchases.record", "players.set_metadata", "players.merge_metadata")
    assert [name for name in new if f"The emulator answers `{name}` with a sample" in left] == list(new)
    assert "The emulator does not send `purchase.recorded` of itself." in left
    assert "`wallet_frozen` is a `WalletFrozenError`" in left
    assert "grant.created" not in left


def test_the_new_calls_work_in_both_flavours_against_the_emulator(taken_over: tuple[Path, str]) -> None:
    done = run(taken_over[0], "-c", NEW_CALLS)
    assert done.stdout == "all of it\n", done.stderr


def test_what_is_written_is_typed_and_formatted(taken_over: tuple[Path, str]) -> None:
    for words in (
        ("mypy", "kraty_server", "generated/kraty_server_generated"),
        ("ruff", "format", "--check", "kraty_server"),
        ("ruff", "check", "kraty_server"),
        ("codegen", "check"),
    ):
        done = run(taken_over[0], "-m", *words)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(MINUTES * 60)
@pytest.mark.parametrize("files", PROMISES.values(), ids=PROMISES)
def test_the_promises_hold(files: str, taken_over: tuple[Path, str]) -> None:
    run(taken_over[0], "-m", "tests.decisions")  # as the report says under "To run"
    done = run(
        taken_over[0],
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        *(f"tests/{name}" for name in files.split()),
    )
    assert done.returncode == 0, done.stdout[-4000:]
