"""The comparison with the Node SDK finds each kind of difference, and only wanted ones pass."""

from __future__ import annotations

import copy
import functools
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

pytest.importorskip("tree_sitter", reason="there is no tree-sitter for this Python: pyproject.toml")

from codegen.__main__ import main
from codegen.parity import cases, compare, node, ours, report, run, verdicts
from codegen.parity.compare import Difference
from codegen.parity.declarations import Declarations
from codegen.parity.ours import Case
from codegen.parity.reviewed import Known, Reviewed
from tests.codegen import deviations
from tests.codegen.deviations import STALE, STAND_IN, Deviation
from tests.codegen.stand_in import completed

CALLS = cases.recorded()
ALL = {case["id"]: case for case in [*CALLS, *cases.probes(CALLS)]}
DELIVERIES = cases.deliveries()
RECORDED = ("requests", "outcome", "telemetry", "generated_keys")
ESCAPES = [name for name in ALL if name.startswith("escape/")]
needs_node = pytest.mark.skipif(
    shutil.which("node") is None and "node" not in os.environ.get("KRATY_NEEDS", ""), reason="needs Node 20 or later"
)


@functools.cache
def played(id: str) -> ours.Record:
    return ours.play(ALL[id], "sync")


# By recorded requests


def test_the_vectors_are_met(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parity"]) == 0
    assert "0 others, 0 stale" in capsys.readouterr().out


def test_the_differing_bytes_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = copy.deepcopy([dict(case) for case in CALLS])
    (case,) = (case for case in calls if case["id"] == "text/00")
    case["requests"][0]["body"] = case["requests"][0]["body"].replace("é", "e")
    (tmp_path / "vectors.json").write_text(json.dumps(calls))
    assert main(["parity", "--vectors", str(tmp_path / "vectors.json"), "--report", str(tmp_path / "report.md")]) == 1
    told = capsys.readouterr().out
    assert "DIFFER  text/00 sync" in told
    assert 'request 1 body: ours {"reason":"café"' in told
    assert told in (tmp_path / "report.md").read_text()


def test_of_long_values_the_place_is_shown_where_they_part() -> None:
    mine, other = compare.parted("a" * 300 + "é" + "b" * 300, "a" * 300 + "e" + "b" * 300)
    assert mine.startswith("at byte 300 of 602 b'aaaaaaaaaaaa\\xc3\\xa9bb")
    assert other.startswith("of 601 b'aaaaaaaaaaaaebb")


# What is known and wanted


def known(**changes: str) -> Known:
    given = {"scope": "node", "where": "x", "what": "returned", "ours": "1", "theirs": "2", "reason": "it is wanted"}
    return Known(**given | changes)


def test_a_known_difference_is_known_to_the_letter() -> None:
    assert known().covers(Difference("x", "returned", "1", "2"))
    assert known(where="*").covers(Difference("y", "returned", "1", "2"))
    for other in (("y", "returned", "1", "2"), ("x", "sleeps", "1", "2"), ("x", "returned", "0", "2"), ("x", "returned", "1", "3")):  # fmt: skip
        assert not known().covers(Difference(*other))


def test_a_listed_difference_that_no_longer_occurs_is_an_error() -> None:
    reviewed = Reviewed([known()])
    results = report.judged("x sync", [Difference("x", "returned", "1", "2")], reviewed)
    assert not report.wrong(results, reviewed.stale("node"))
    unmet = Reviewed([known()])
    assert unmet.stale("surface") == []
    assert report.wrong([], unmet.stale("node"))
    assert "STALE   x returned" in report.table([], unmet.stale("node"))


def test_what_is_known_everywhere_stands_once() -> None:
    reviewed = Reviewed([known(where="*")])
    results = [
        one for n in range(9) for one in report.judged(f"{n}", [Difference(f"{n}", "returned", "1", "2")], reviewed)
    ]
    told = report.table(results, [])
    assert told.count("returned") == 1
    assert "everywhere (9 times)" in told
    assert "9 the same, 1 known and wanted differences, 0 others" in told


@pytest.mark.parametrize("wrong", [{"reason": ""}, {"scope": "calls"}])
def test_a_listed_difference_needs_a_reason_and_a_scope(wrong: dict[str, str], tmp_path: Path) -> None:
    entry = {"scope": "node", "where": ["x"], "differs": [["returned", "1", "2"]], "reason": "it is wanted"}
    (tmp_path / "known.json").write_text(json.dumps([entry]))
    assert Reviewed.load(tmp_path / "known.json").known == [known()]
    (tmp_path / "known.json").write_text(json.dumps([entry | wrong]))
    with pytest.raises(ValueError, match="needs a reason"):
        Reviewed.load(tmp_path / "known.json")


# By a Node SDK: the stand-in as it is, and with one change each


@needs_node
def test_the_stand_in_differs_only_where_it_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    completed(tmp_path / "node_modules" / "@kraty" / "server-sdk")
    assert main(["parity", "--node", str(tmp_path)]) == 0
    assert "0 others, 0 stale" in capsys.readouterr().out


@needs_node
def test_the_recorder_writes_the_vectors_and_verdicts_that_we_have() -> None:
    (told,) = node.recorded(node.Run(STAND_IN, CALLS, DELIVERIES))
    assert {name: {part: r[part] for part in RECORDED} for name, r in told.records.items()} == {
        case["id"]: {part: case[part] for part in RECORDED} for case in CALLS
    }
    assert {case["id"]: case["node"] for case in DELIVERIES if "node" in case}.items() <= told.verdicts.items()


@needs_node
def test_a_package_that_does_not_load_is_no_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = deviated(tmp_path, Deviation("", "", "const KEYED", "const const"))
    assert main(["parity", "--node", str(broken)]) == 3
    assert "SyntaxError" in capsys.readouterr().err


def deviated(folder: Path, *changes: Deviation) -> Path:
    shutil.copytree(STAND_IN, folder, dirs_exist_ok=True)
    for one in changes:
        path = folder / "dist" / one.file
        text = path.read_text("utf-8")
        assert one.old in text, one
        path.write_text(text.replace(one.old, one.new, 1), "utf-8")
    return folder


def cases_of(one: Deviation) -> Sequence[Case]:
    if one.file != "index.js":
        return []
    ids = ESCAPES if one.where == "escape" else [one.where] if one.where in ALL else []
    return [ALL[name] for name in ids]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[Deviation, tuple[Path, node.Told]]:
    """What each deviation does: all of them in one run of Node."""
    packages = [deviated(tmp_path_factory.mktemp("sdk"), one) for one in deviations.ALL]
    runs = [
        node.Run(package, cases_of(one), DELIVERIES if one.where.startswith("webhook/") else ())
        for one, package in zip(deviations.ALL, packages, strict=True)
    ]
    return dict(zip(deviations.ALL, zip(packages, node.recorded(*runs), strict=True), strict=True))


def found_of(one: Deviation, package: Path, does: node.Told) -> Iterator[Difference]:
    for case in cases_of(one):
        yield from compare.differences(case["id"], played(case["id"]), does.records[case["id"]])
    for _, found in verdicts.differences(DELIVERIES, does.verdicts) if does.verdicts else ():
        yield from found
    if not does.verdicts and not does.records:
        yield from run.offered(does, Declarations(package))


@needs_node
@pytest.mark.parametrize("one", deviations.ALL, ids=str)
def test_each_deviation_of_a_node_sdk_is_found(one: Deviation, told: dict[Deviation, tuple[Path, node.Told]]) -> None:
    reviewed = Reviewed([*Reviewed.load().known, *verdicts.known(DELIVERIES)])
    found = [difference for difference in found_of(one, *told[one]) if reviewed.why(difference) is None]
    if one.what == STALE:  # what was wanted is gone
        assert [known for known in reviewed.known if known.where == one.where and known not in reviewed.met]
    else:
        assert one.what in {difference.what for difference in found if difference.where.startswith(one.where)}


# The declarations


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("types", "export interface AdjustWalletResult {", "export interface AdjustWalletResult extends Empty {"),
        ("resources", "Promise<Friend[]>", "Promise<ReadonlyArray<Friend>>"),
        ("resources", "Promise<Friend[]>", "Promise<readonly (Friend & {})[]>"),
        ("resources", "Promise<PlayerExport>", 'Promise<Omit<PlayerExport & { x: 1; y: 2 }, "x" | "y">>'),
        ("resources", "export declare class WalletClient {", "export interface WalletClient {"),
        ("client", "retry?: Partial<RetryConfig>", "retry?: Partial<RetryConfig> | undefined"),
        ("client", "onRequest?: (info: RequestInfo) => void;", "onRequest?(info: RequestInfo): void;"),
        ("client", "export interface RetryConfig {", "interface RetryConfig {"),
        ("client", "timeoutMs?: number", "timeoutMs?: number | undefined"),
        ("index", "  readonly wallet: WalletClient;", "  get wallet(): WalletClient;"),
        ("types", '"reward" | "crate"', "'reward' | 'crate'"),
        ("types", "  quantity: number;", "  readonly quantity: (number);"),
        ("types", "  fillBots?: boolean;", "  fillBots?: true | false;"),
        ("types", "GrantedRewardEntry = CurrencyEntry | ItemEntry", "GrantedRewardEntry = | CurrencyEntry | ItemEntry"),
    ],
)
def test_another_way_to_declare_the_same_is_no_difference(file: str, old: str, new: str, tmp_path: Path) -> None:
    changed = deviated(tmp_path, Deviation("", "", old, new, f"{file}.d.ts"))
    assert Declarations(changed).surface() == Declarations(STAND_IN).surface()


def test_a_package_without_declarations_is_told(tmp_path: Path) -> None:
    (tmp_path / "index.d.ts").write_text("export {};")
    with pytest.raises(ValueError, match=r"no \.d\.ts file declares the class KratyServer"):
        Declarations(tmp_path)
