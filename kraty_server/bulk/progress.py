"""What does a person see of a run? One line that rewrites itself on a terminal, else a plain line each 30 seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from shutil import get_terminal_size
from typing import Final, Self, TextIO

from kraty_server.bulk.report import Progress

PLAIN_SECONDS: Final = 30.0
CLEAR: Final = "\r\x1b[K"


def line(progress: Progress) -> str:
    """Say in one line where a run is."""
    report = progress.report
    parts = [f"{report.counted:,} rows"]
    if progress.fraction is not None:
        parts[0] += f" ({progress.fraction:.0%})"
    parts.append(f"{progress.rows_per_second:,.0f}/s")
    for count, what in (
        (report.failed, "failed"),
        (report.invalid, "invalid"),
        (report.changed, "changed"),
        (report.unknown, "unknown"),
        (report.lost, "lost answers"),
    ):
        if count:
            parts.append(f"{count:,} {what}")
    parts.append(f"window {progress.window}")
    if progress.paused_for >= 1:
        parts.append(f"paused for {progress.paused_for:.0f} s")
    if progress.seconds_left is not None:
        parts.append(f"{duration(progress.seconds_left)} left")
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """Write seconds as people read them."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


class ProgressLine:
    """Shows the progress of a run: give it to `run` as `on_progress`, in a `with`.

    Args:
        stream: standard error, say.
        clock: seconds that never go back.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._rewrites = stream.isatty()
        self._shown_at: float = clock()
        self._is_open = False

    def __enter__(self) -> Self:
        return self

    def __call__(self, progress: Progress) -> None:
        """Show it, where it is time to."""
        if self._rewrites:
            # A line that is wrapped would not be rewritten, but be there again and again.
            self._stream.write(CLEAR + line(progress)[: get_terminal_size().columns - 1])
            self._stream.flush()
            self._is_open = True
        elif self._clock() - self._shown_at >= PLAIN_SECONDS:
            self._shown_at = self._clock()
            self._stream.write(line(progress) + "\n")
            self._stream.flush()

    def __exit__(self, *_: object) -> None:
        if self._is_open:
            self._stream.write("\n")
            self._stream.flush()
            self._is_open = False
