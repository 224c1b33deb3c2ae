"""Run a command as a person does: in a pseudo-terminal that has a width, and with answers to its questions."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

TIMEOUT = 60.0
PROMPT = re.compile(r"(\[y/N\]|to go on:) $")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]")


class Shown(NamedTuple):
    """What stood in the terminal, and how the command ended."""

    text: str
    code: int

    @property
    def plain(self) -> str:
        """The text without its colours."""
        return CONTROL.sub("", self.text)


class Terminal:
    """A process in a pseudo-terminal."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        columns: int = 80,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.fd, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.process = subprocess.Popen(
            command, stdin=inside, stdout=inside, stderr=inside, env=env, cwd=cwd, start_new_session=True
        )
        os.close(inside)
        self.raw = b""

    @property
    def text(self) -> str:
        """What stands there so far."""
        return self.raw.decode("utf-8", "replace").replace("\r\n", "\n")

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self.fd, text.encode())

    def read(self) -> bool:
        """Read on; tell whether there may be more."""
        if not select.select([self.fd], [], [], 0.05)[0]:
            return True
        try:
            part = os.read(self.fd, 1 << 16)
        except OSError:  # all that had it open have ended
            return False
        self.raw += part
        return bool(part)

    def wait_for(self, pattern: str) -> None:
        """Read until something stands there."""
        ends_at = time.monotonic() + TIMEOUT
        while not re.search(pattern, CONTROL.sub("", self.text)):
            assert self.read(), f"ended without {pattern!r}: {self.text}"
            assert time.monotonic() < ends_at, f"no {pattern!r}: {self.text}"

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        os.close(self.fd)


def run_in_terminal(
    command: Sequence[str | Path],
    *,
    answers: Sequence[str] = (),
    columns: int = 80,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Shown:
    """Run a command to its end, and answer each of its questions."""
    terminal = Terminal(command, columns=columns, env=env, cwd=cwd)
    left = list(answers)
    ends_at = time.monotonic() + TIMEOUT
    try:
        answered = 0
        while terminal.read():
            assert time.monotonic() < ends_at, f"it does not end: {terminal.text}"
            if left and len(terminal.raw) > answered and PROMPT.search(terminal.text):
                answered = len(terminal.raw)
                terminal.type(f"{left.pop(0)}\n")
        return Shown(terminal.text, terminal.process.wait(TIMEOUT))
    finally:
        terminal.close()
