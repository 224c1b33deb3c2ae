"""Rows are read as they were meant, from every kind of source, or refused with the line or the field."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraty_server import KratyServer, bulk
from kraty_server.bulk.mapping import RowMapping
from kraty_server.bulk.source import Source
from kraty_server.testing import Emulator
from tests.bulk.books import asked, booked, currency_rows

FIELDS = ("externalPlayerId", "economyKey", "amount")
ROW = dict(zip(FIELDS, ("ada", "gold", 5), strict=True))


def read(source: Any) -> list[dict[str, Any]]:
    with Source(source).open() as rows:
        return [rows.as_mapping(row) for row in rows.rows]


def sent(source: Any) -> set[tuple[str, int]]:
    """Players and amounts, as a job would send them."""
    with Emulator() as emulator, emulator.client() as kraty:
        bulk.Job("job", bulk.credit("gold"), source).run(client=kraty)
        return {(row["external_player_id"], row["delta"]) for row in emulator.ledger()}


@pytest.mark.parametrize(
    "content",
    [
        b"externalPlayerId,amount\nada,5\nbob,6\n",
        b"\xef\xbb\xbfexternalPlayerId,amount\r\nada,5\r\nbob,6\r\n",  # as spreadsheets write it
        b'"externalPlayerId","amount"\n"ada","5"\n\n"bob","6"',
        b'other,amount,externalPlayerId\n"a,""b""\n",5.0,ada\nx,0006,bob\n',
    ],
)
def test_csv_as_people_have_it(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(content)
    assert sent("rows.csv") == {("ada", 5), ("bob", 6)}


def test_odd_ids_stay_as_they_are(tmp_path: Path) -> None:
    ids = ["007", "a/b", "50%", "a b", "日本", "ada,bob", 'q"uote', "5.0", "-", "#1", "...", "😀", "NULL", "x" * 300]
    path = tmp_path / "rows.csv"
    import csv

    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["externalPlayerId", "amount"], *([one, 5] for one in ids)])
    assert sent(path) == {(one, 5) for one in ids}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"amount": 5}, "externalPlayerId: is missing"),
        (ROW | {"externalPlayerId": ""}, "externalPlayerId: is missing"),
        (ROW | {"amount": None}, "amount: is missing"),
        (ROW | {"externalPlayerId": " ada"}, "externalPlayerId: ' ada' has white space"),
        (ROW | {"externalPlayerId": 5.0}, "externalPlayerId: text is needed, got float 5.0"),
        (ROW | {"externalPlayerId": True}, "externalPlayerId: text is needed"),
        (ROW | {"externalPlayerId": ".."}, "external_player_id: "),
        (ROW | {"externalPlayerId": "a\x00b"}, "idempotency_key: 'job/a"),
        (ROW | {"externalPlayerId": "a\ud800"}, "external_player_id: holds half of a surrogate pair"),
        (ROW | {"amount": "5.5"}, "amount: a whole number is needed, got '5.5'"),
        (ROW | {"amount": "1,000"}, "amount: a whole number"),
        (ROW | {"amount": "1_000"}, "amount: a whole number"),
        (ROW | {"amount": "٥"}, "amount: a whole number"),
        (ROW | {"amount": 5.5}, "amount: a whole number"),
        (ROW | {"amount": float("nan")}, "amount: a whole number"),
        (ROW | {"amount": float("inf")}, "amount: a whole number"),
        (ROW | {"amount": Decimal("NaN")}, "amount: "),
        (ROW | {"amount": True}, "amount: a whole number"),
        (ROW | {"amount": "0"}, "amount: must be at least 1"),
        (ROW | {"amount": "-5"}, "amount: must be at least 1"),
        (ROW | {"amount": 2**53}, "amount: must be at least 1 and at most 9007199254740991"),
    ],
)
def test_a_row_that_cannot_be_sent_is_told_with_its_field(
    kraty: KratyServer, emulator: Emulator, row: Any, reason: str
) -> None:
    job = bulk.Job("job", bulk.credit(), [row, ROW | {"externalPlayerId": "bob"}])
    check = job.check()
    assert (check.rows, check.invalid, check.new, check.ok) == (2, 1, 1, False)
    assert check.problems[0].row == 1
    assert check.problems[0].reason.startswith(reason)
    report = job.run(client=kraty)
    assert (report.invalid, report.applied, report.ok) == (1, 1, False)
    assert [failure.code for failure in job.failures()] == ["invalid"]
    batch = bulk.Job("import", bulk.import_wallet(), [row, ROW | {"externalPlayerId": "bob"}])
    assert (batch.check().invalid, batch.run(client=kraty).invalid) == (1, 1)
    assert job.write_failures("failed.csv") == batch.write_failures("failed.csv") == 1


@pytest.mark.parametrize("amount", [5, "5", "5.0", "5.000", "05", 5.0, Decimal(5), Decimal("5.0")])
def test_a_whole_number_may_be_written_in_many_ways(amount: Any) -> None:
    assert sent([ROW | {"amount": amount}]) == {("ada", 5)}


def test_an_id_may_be_a_number_in_a_database() -> None:
    assert sent([ROW | {"externalPlayerId": 42}]) == {("42", 5)}


@pytest.mark.parametrize("context", ['{"b": 1', "[1]", 5, ["x"]])
def test_a_context_must_be_an_object(kraty: KratyServer, context: Any) -> None:
    rows = [{"externalPlayerId": "ada", "contextSnapshot": context}]
    assert (
        bulk.Job("job", bulk.import_players(), rows)
        .check()
        .problems[0]
        .reason.startswith("contextSnapshot: a JSON object")
    )


def test_an_object_is_the_same_whatever_the_order_of_its_properties(kraty: KratyServer) -> None:
    for context, known in (
        ('{"a": 1, "b": {"c": [{"x": 1, "y": 2}], "d": 2}}', 0),
        ({"b": {"d": 2, "c": [{"y": 2, "x": 1}]}, "a": 1}, 1),
    ):
        rows = [{"externalPlayerId": "ada", "contextSnapshot": context}]
        assert bulk.Job("job", bulk.import_players(), rows).run(client=kraty).known == known


def test_a_line_with_too_few_or_too_many_cells_is_one_invalid_row(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("externalPlayerId,amount\nada,5,6\nbob\ncyd,7\n")
    check = bulk.Job("job", bulk.credit("gold"), "rows.csv").check()
    assert [(p.row, p.reason) for p in check.problems] == [(1, "3 cells, but 2 columns"), (2, "1 cells, but 2 columns")]
    assert check.new == 1


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("rows.csv", b"", "it is empty"),
        ("rows.csv", b"externalPlayerId,amount\nada,\xff\n", "not UTF-8"),
        ("rows.csv", b'externalPlayerId,amount\nada,"5\n', "unexpected end of data"),
        ("rows.csv", b"externalPlayerId,a,a\nada,5,5\n", "columns with the same name: 'a'"),
        ("rows.csv", b"user,amount\nada,5\n", "no column 'externalPlayerId'; there are 'user', 'amount'"),
        ("rows.jsonl", b'{"a": 1}\n{"a": \n', "line 2: not JSON"),
        ("rows.jsonl", b"[1]\n", "line 1: an object is needed, got list"),
        ("rows.txt", b"", "a name that ends in .csv"),
        ("gone.csv", None, "No such file"),
        ("rows.parquet", b"PAR1", "rows.parquet: "),
    ],
)
def test_a_source_that_cannot_be_read_says_where(tmp_path: Path, name: str, content: bytes | None, text: str) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(bulk.SourceError, match=text):
        bulk.Job("job", bulk.credit("gold"), name).check()


def test_a_column_for_the_key_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("externalPlayerId,amount\nada,5\n")
    with pytest.raises(bulk.SourceError, match="no column 'order' for the key"):
        bulk.Job("job", bulk.credit("gold"), "rows.csv", key=["order"]).check()


def test_json_lines_and_iterables_of_mappings(tmp_path: Path) -> None:
    rows = currency_rows(30)
    (tmp_path / "rows.jsonl").write_text("\n\n".join(map(json.dumps, rows)))
    assert read("rows.jsonl") == read(Path("rows.jsonl")) == read(rows) == read(iter(rows)) == rows
    with pytest.raises(bulk.SourceError, match="rows must be mappings"):
        read([("ada", 5)])


def test_what_can_be_read_only_once_says_so_the_second_time(kraty: KratyServer) -> None:
    job = bulk.Job("job", bulk.credit(), iter(currency_rows(3)))
    assert job.check().new == 3
    with pytest.raises(bulk.SourceError, match="can be read only once"):
        job.run(client=kraty)


def test_frames_and_tables_and_parquet_files(tmp_path: Path, emulator: Emulator, kraty: KratyServer) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    pq = pytest.importorskip("pyarrow.parquet")
    rows = currency_rows(9000)
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, "rows.parquet")
    assert read(table) == read("rows.parquet") == read(table.to_reader()) == rows
    reader = bulk.Job("reader", bulk.credit(), table.to_reader())
    assert reader.check().new == 9000
    with pytest.raises(bulk.SourceError, match="read only once"):
        reader.check()
    assert bulk.Job("job", bulk.import_wallet(), "rows.parquet").run(client=kraty).applied == 9000
    assert booked(emulator) == asked(rows)


def test_a_frame_of_polars_is_a_source() -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    frame = polars.DataFrame(currency_rows(20))
    assert read(frame) == list(frame.iter_rows(named=True)) == currency_rows(20)


def test_a_frame_of_pandas_is_a_source(emulator: Emulator, kraty: KratyServer) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    rows = currency_rows(9000)
    frame = pandas.DataFrame(rows).set_index("economyKey", drop=False).sort_index()  # as frames are, with an index
    assert read(frame)[0]["externalPlayerId"] == "player_0"
    assert bulk.Job("job", bulk.import_wallet(), frame).run(client=kraty).applied == 9000
    assert booked(emulator) == asked(rows)
    with_gaps = pandas.DataFrame([ROW, {"externalPlayerId": "bob", "economyKey": "gold"}, ROW | {"amount": 2.0}])
    check = bulk.Job("gaps", bulk.credit(), with_gaps).check()  # a number that is missing makes floats of a column
    assert (check.rows, check.new, check.invalid, check.changed) == (3, 1, 1, 1)


def test_a_query_of_duckdb_is_a_source(emulator: Emulator, kraty: KratyServer) -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    rows = currency_rows(9000)
    with duckdb.connect() as database:
        query = database.sql(
            "SELECT 'player_' || n AS \"externalPlayerId\", 'gold' AS \"economyKey\", n % 97 + 1 AS amount, "
            "sum(1) OVER () AS total FROM range(9000) AS numbers(n)"
        )
        job = bulk.Job("job", bulk.import_wallet(), query)
        assert (job.check().new, job.run(client=kraty).applied) == (9000, 9000)  # a query can be read again
        assert booked(emulator) == asked(rows)
        amounts = database.sql("SELECT 'ada' AS \"externalPlayerId\", 5.00::DECIMAL(18, 2) AS amount")
        assert bulk.Job("decimal", bulk.credit("gold"), amounts).run(client=kraty).applied == 1
        assert booked(emulator)["ada", "gold", 5] == 1


@pytest.mark.parametrize("what", ["rows.parquet", "stream", "results"])
def test_without_pyarrow_it_says_what_to_install(
    what: str, monkeypatch: pytest.MonkeyPatch, kraty: KratyServer
) -> None:
    class Stream:
        def __arrow_c_stream__(self, requested_schema: object = None, /) -> object:
            return None

    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    snapshots = bulk.Job("job", bulk.snapshot(), [], results="out", results_format="parquet")
    with pytest.raises(bulk.JobError, match=r"kraty-server\[arrow\]"):
        snapshots.run(client=kraty) if what == "results" else read(Stream() if what == "stream" else what)


def test_standard_input_is_csv() -> None:
    program = "from tests.bulk.test_sources import read; print(read('-'))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        input="\ufeffexternalPlayerId,amount\r\nada,5\r\n".encode(),
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.decode().strip() == "[{'externalPlayerId': 'ada', 'amount': '5'}]"


def test_a_driver_that_breaks_off_is_told_and_logged(
    kraty: KratyServer, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    def cursor() -> Iterator[Mapping[str, Any]]:
        yield from currency_rows(25)
        raise OSError("connection reset")

    report = bulk.Job("job", bulk.credit(), cursor()).run(client=kraty)
    assert report.stopped == "OSError: connection reset"
    assert "the source breaks off" in caplog.text
    assert report.counted == report.rows <= 25


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)


@settings(deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=20))
def test_csv_that_python_wrote_is_read_as_it_was(
    rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    import csv

    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("a", "b"), *rows])
    assert read(path) == [{"a": a, "b": b} for a, b in rows]


@given(value=st.integers(-(10**20), 10**20))
def test_whole_numbers_are_read_whatever_they_are_written_as(value: int) -> None:
    from kraty_server.bulk.actions import integer

    assert integer(str(value)) == integer(f"{value}.0") == integer(value) == integer(Decimal(value)) == value
    assert integer(float(value)) == int(float(value))


ODD = st.sampled_from(["ada", "bob/1", "50%", "", None, 7, " x", "x" * 300, "é", 5.0, "5", "5.0", "05", 0])


@settings(deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries({"externalPlayerId": ODD, "economyKey": ODD, "amount": ODD}), min_size=1, max_size=6
    )
)
def test_rows_are_the_same_read_column_by_column_and_one_by_one(rows: list[dict[str, Any]]) -> None:
    for action in (bulk.credit(), bulk.import_wallet(), bulk.credit("gold", amount=3)):
        with Source(rows).open() as read_rows:
            for key in (None, ["economyKey", "amount"]):
                mapping = RowMapping(action, "job", read_rows, {}, key)
                assert mapping.prepare(rows) == [one for row in rows for one in mapping.prepare([row])]
                assert mapping.prepare(rows) == [mapping._prepare_one(row) for row in rows]
