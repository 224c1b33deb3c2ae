"""The comparison with the Node SDK finds each kind of difference, and only wanted ones pass."""

from __future__ import annotations

import copy
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from codegen.__main__ import VECTORS, main
from codegen.parity import compare, surface
from codegen.parity.compare import Difference, Known, Reviewed
from codegen.parity.ours import play

CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text("utf-8"))
STAND_IN = Path(__file__).with_name("node_stand_in")
RECORDED = ("requests", "outcome", "telemetry", "generated_keys")
node = pytest.mark.skipif(
    shutil.which("node") is None and "node" not in os.environ.get("KRATY_NEEDS", ""), reason="needs Node 20 or later"
)


def altered(folder: Path, file: str, *changes: tuple[str, str]) -> Path:
    """The stand-in with some texts replaced."""
    shutil.copytree(STAND_IN, folder)
    text = (folder / file).read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / file).write_text(text, "utf-8")
    return folder


# By recorded requests


def test_the_vectors_are_met(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parity"]) == 0
    assert "0 others, 0 stale" in capsys.readouterr().out


def test_the_first_differing_byte_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = copy.deepcopy(CASES)
    (case,) = (case for case in cases if case["id"] == "text/00")
    case["requests"][0]["body"] = case["requests"][0]["body"].replace("é", "e")
    (tmp_path / "vectors.json").write_text(json.dumps(cases))
    assert main(["parity", "--vectors", str(tmp_path / "vectors.json"), "--report", str(tmp_path / "report.md")]) == 1
    told = capsys.readouterr().out
    assert "DIFFER  text/00 sync" in told
    assert "request 1 body: ours at byte 14 b" in told
    assert r"caf\xc3\xa9" in told
    assert told in (tmp_path / "report.md").read_text()


def record(**changes: Any) -> dict[str, Any]:
    request = {"method": "POST", "target": "/a", "headers": {"accept": "x"}, "body": "{}"}
    base: dict[str, Any] = {
        "requests": [request],
        "outcome": {"returned": 1},
        "telemetry": [],
        "generated_keys": 0,
    }
    return copy.deepcopy(base) | changes


@pytest.mark.parametrize(
    ("theirs", "what"),
    [
        (record(requests=[]), "attempts"),
        (record(requests=[record()["requests"][0] | {"method": "PUT"}]), "request 1 method"),
        (record(requests=[record()["requests"][0] | {"target": "/b"}]), "request 1 target"),
        (record(requests=[record()["requests"][0] | {"body": None}]), "request 1 body"),
        (record(requests=[record()["requests"][0] | {"headers": {}}]), "request 1 header accept"),
        (record(outcome={"returned": 2}), "returned"),
        (record(outcome={"error": {"type": "KratyNetworkError"}}), "outcome"),
        (record(telemetry=[{"attempt": 1}]), "telemetry"),
        (record(generated_keys=1), "generated_keys"),
    ],
)
def test_each_part_of_a_record_is_compared(theirs: dict[str, Any], what: str) -> None:
    assert [difference.what for difference in compare.differences("x", record(), theirs)] == [what]
    assert list(compare.differences("x", record(), record())) == []


# What is known and wanted


def test_a_listed_difference_that_no_longer_occurs_is_an_error() -> None:
    known = Known("calls", "wallet.*", "returned", "it is wanted for a test")
    reviewed = Reviewed([known])
    results = compare.judged("wallet.credit", [Difference("wallet.credit", "returned", "a", "b")], reviewed)
    assert not compare.wrong(results, reviewed.stale("calls"))
    unmet = Reviewed([known])
    assert unmet.stale("surface") == []
    assert compare.wrong([], unmet.stale("calls"))
    assert "STALE   wallet.* returned" in compare.table([], unmet.stale("calls"))


def test_a_listed_difference_needs_a_reason(tmp_path: Path) -> None:
    (tmp_path / "known.json").write_text(json.dumps([{"scope": "calls", "where": "*", "what": "*", "reason": ""}]))
    with pytest.raises(ValueError, match="needs a reason"):
        Reviewed.load(tmp_path / "known.json")


# By the Node SDK itself


@node
def test_the_recorder_writes_the_vectors_that_we_have() -> None:
    records = compare.recorded(STAND_IN, CASES)
    assert {name: {k: r[k] for k in RECORDED} for name, r in records.items()} == {
        case["id"]: {k: case[k] for k in RECORDED} for case in CASES
    }


@node
def test_the_stand_in_differs_only_where_it_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(STAND_IN, tmp_path / "node_modules" / "@kraty" / "server-sdk")
    assert main(["parity", "--node", str(tmp_path)]) == 0
    assert "0 others, 0 stale" in capsys.readouterr().out


@node
@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ('api.data("PUT"', 'api.data("POST"', "players.setIdentity/name", "request 1 method"),
        ("/leaderboards/${id(key)}/score", "/boards/${id(key)}/score", "leaderboards.submitScore/all", "request 1 target"),
        ("${player(p)}/ban`, input", "${player(p)}/ban`, { ...input, by: 1 }", "players.ban", "request 1 body"),
        ('accept: "application/json"', 'accept: "*/*"', "players.get", "request 1 header accept"),
        ("const RETRIED = [408,", "const RETRIED = [", "retry/408-then-ok", "attempts"),
        (".blocked,", ".blocked.length,", "players.blocks", "returned"),
        ("without an error envelope", "that is odd", "error/no-envelope", "error"),
        ("idempotencyKey: key, status", "idempotencyKey: null, status", "wallet.credit", "telemetry"),
        ("!ok && RETRIED", "(key = this.generateIdempotencyKey()) && !ok && RETRIED", "wallet.credit", "generated_keys"),
        ("progress: reportProgress,", "", "events.progress/alias", "outcome"),
    ],
)  # fmt: skip
def test_each_deviation_of_a_node_sdk_is_found(old: str, new: str, where: str, what: str, tmp_path: Path) -> None:
    changed = altered(tmp_path / "sdk", "index.mjs", (old, new))
    cases = [case for case in CASES if case["id"] == where]
    records = compare.recorded(changed, cases)
    found = [
        difference for case in cases for difference in compare.differences(where, play(case, "sync"), records[where])
    ]
    assert what in {difference.what for difference in found}
    if where != "players.setIdentity/name":
        reviewed = Reviewed.load()
        unaltered = compare.differences(where, play(cases[0], "sync"), compare.recorded(STAND_IN, cases)[where])
        assert [difference for difference in unaltered if not reviewed.why(difference)] == []


@node
def test_a_package_that_does_not_load_is_no_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = altered(tmp_path / "sdk", "index.mjs", ("const STAMPED", "const const"))
    assert main(["parity", "--node", str(broken)]) == 3
    assert "SyntaxError" in capsys.readouterr().err


# The surface


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "ours"),
    [
        ("  ban(", "  suspend(", "players.ban", "method", "has it"),
        ("  ban(", "  suspend(externalId: string): Promise<void>;\n  ban(", "players.suspend", "method", "has it not"),
        ("  timeoutMs?: number;", "", "client", "option timeout", "has it"),
        ("  timeoutMs?: number;", "  timeoutMs?: number;\n  proxy?: string;", "client", "option proxy", "has it not"),
        ("  jitter: number;", "", "retry", "option jitter", "has it"),
        ("  durationMs?: number;", "", "telemetry", "duration", "has it"),
        ("  get isForbidden(): boolean;", "", "error", "isForbidden", "has it"),
        ("  get isForbidden(", "  get isTeapot(): boolean;\n  get isForbidden(", "error", "isTeapot", "has it not"),
        ("ack(externalPlayerId: string, grantId: string,", "ack(grantId: string,", "grants.ack", "argument 2", "has it"),
        ("readonly health: HealthResource", "readonly wellness: HealthResource", "health.ping", "method", "has it"),
        ("export interface CurrencyEntry {", "export interface CurrencyEntry {\n  note?: string;", "grants.create", "option entries.note", "has it not"),
        ("  segment?: string;", "", "leaderboards.submitScore", "option segment", "has it"),
        ("export interface InventoryItem {", "export interface InventoryItem {\n  rarity: string;", "players.get", "result inventory.rarity", "has it not"),
        ("export interface MigrateWalletRow {", "export interface MigrateWalletRow {\n  when?: string;", "migrate.wallet", "argument 1.when", "has it not"),
    ],
)  # fmt: skip
def test_what_only_one_of_them_knows_is_found(
    old: str, new: str, where: str, what: str, ours: str, tmp_path: Path
) -> None:
    known = set(surface.differences(surface.ours(), surface.theirs(STAND_IN)))
    changed = altered(tmp_path / "sdk", "index.d.ts", (old, new))
    found = set(surface.differences(surface.ours(), surface.theirs(changed))) - known
    assert Difference(where, what, ours, "has it not" if ours == "has it" else "has it") in found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("export interface AdjustWalletResult {", "export interface AdjustWalletResult extends Empty {"),
        ("Promise<Friend[]>", "Promise<ReadonlyArray<Friend>>"),
        ("Promise<Friend[]>", "Promise<readonly (Friend & {})[]>"),
        ("Promise<PlayerExport>", 'Promise<Omit<PlayerExport & { x: 1; y: 2 }, "x" | "y">>'),
        ("export declare class WalletResource {", "export interface WalletResource {"),
        ("retry?: Partial<RetryConfig>", "retry?: RetryConfig | undefined"),
        ("onRequest?: (info: RequestInfo) => void;", "onRequest?(info: RequestInfo): void;"),
        ("onRequest?: (info: RequestInfo) => void;", "onRequest?: ((info: RequestInfo) => void) | null;"),
        ("  readonly wallet: WalletResource;", "  get wallet(): WalletResource;"),
        ("export interface RetryConfig {", "interface RetryConfig {"),
    ],
)
def test_another_way_to_declare_the_same_is_no_difference(old: str, new: str, tmp_path: Path) -> None:
    changed = altered(tmp_path / "sdk", "index.d.ts", (old, new))
    assert surface.theirs(changed) == surface.theirs(STAND_IN)


def test_a_package_without_declarations_is_told(tmp_path: Path) -> None:
    (tmp_path / "index.d.ts").write_text("export {};")
    with pytest.raises(ValueError, match=r"no \.d\.ts file declares the class KratyServer"):
        surface.theirs(tmp_path)
