"""What a person sees of a run: one line that rewrites itself on a terminal, a plain line each 30 seconds elsewhere."""

from __future__ import annotations

import io

import pytest

from kraty_server import KratyServer, bulk
from kraty_server.bulk.progress import duration, line
from kraty_server.bulk.report import Progress, Report
from kraty_server.testing import Emulator
from tests.bulk.books import currency_rows

REPORT = Report("job", applied=6000, failed=2, invalid=1, known=10_000, changed=3, unknown=4, rows=16_010)
PROGRESS = Progress(REPORT, 8, 5, 1234.4, 0.25, 3725.0, 12.3)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_line_has_what_matters_and_nothing_that_is_zero() -> None:
    assert line(PROGRESS) == (
        "16,010 rows (25%) · 1,234/s · 2 failed · 1 invalid · 3 changed · 4 unknown · window 8 · paused for 12 s · "
        "1 h 02 min left"
    )
    assert line(Progress(Report("job"), 2, 0, 0.0, None, None, 0.0)) == "0 rows · 0/s · window 2"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"), (7261, "2 h 01 min")]
)
def test_durations_are_written_as_people_read_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_on_a_terminal_one_line_is_written_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()
    with bulk.ProgressLine(terminal) as shown:
        shown(PROGRESS)
        shown(PROGRESS)
    assert terminal.getvalue() == 2 * f"\r\x1b[K{line(PROGRESS)[:79]}" + "\n"


def test_elsewhere_a_plain_line_comes_each_30_seconds() -> None:
    file, now = io.StringIO(), 0.0
    with bulk.ProgressLine(file, lambda: now) as shown:
        for now in (0.0, 29.0, 30.0, 31.0, 59.0, 61.0):  # noqa: B007  (the clock reads it)
            shown(PROGRESS)
    assert file.getvalue() == 2 * (line(PROGRESS) + "\n")


def test_a_program_is_told_too_and_the_last_word_is_the_whole(
    emulator: Emulator, kraty: KratyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, float | None]] = []
    job = bulk.Job("job", bulk.credit(), currency_rows(100))
    monkeypatch.setattr("kraty_server.bulk.run.HEARTBEAT", 0.0)
    job.run(client=kraty, on_progress=lambda progress: told.append((progress.report.settled, progress.fraction)))
    assert told[-1] == (100, 1.0)
    assert told == sorted(told, key=lambda one: one[0])
    # The source ends before its last rows are answered: what is done counts, not what was read.
    assert {(settled, fraction) for settled, fraction in told if fraction is not None} <= {
        (settled, settled / 100) for settled in range(101)
    }
    assert any(fraction is not None and fraction < 1 for _, fraction in told)
