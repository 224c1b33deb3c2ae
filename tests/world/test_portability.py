"""What works on Linux works on Windows and macOS: files are UTF-8, and Ctrl-C ends waits that no signal interrupts.

Names that another system lacks are found by `make types`, which runs mypy as on Windows and on macOS, too.
"""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kraty_server.cli import terminal

ROOT = Path(__file__).parents[2]
SHIPPED = [path for root in ("kraty_server", "generated") for path in sorted((ROOT / root).rglob("*.py"))]
ENCODING_AT = {"open": 3, "read_text": 0, "write_text": 1}
"""Which positional argument of a call is the encoding; of a method `open`, one less."""


def calls_without_encoding(source: str) -> list[str]:
    """Calls that read or write text in whatever encoding this machine has."""
    found = list[str]()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        method = isinstance(node.func, ast.Attribute)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        of_os = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "os"
        if name not in ENCODING_AT or of_os:
            continue
        if name == "open":
            modes = [argument for argument in node.args[0 if method else 1 :] if isinstance(argument, ast.Constant)]
            modes += [one.value for one in node.keywords if one.arg == "mode" and isinstance(one.value, ast.Constant)]
            opens_a_file = not method or bool(modes)
            if not opens_a_file or any("b" in str(mode.value) for mode in modes[:1]):
                continue
        place = ENCODING_AT[name] - (1 if name == "open" and method else 0)
        if len(node.args) <= place and not any(keyword.arg == "encoding" for keyword in node.keywords):
            found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("open(path)", 1), ("open(path, 'w')", 1), ("Path(path).open('a')", 1), ("path.read_text()", 1),
        ("path.write_text(text)", 1), ("open(path, mode='w')", 1), ("open(path, 'rb')", 0), ("path.open('wb')", 0),
        ("open(path, encoding='utf-8')", 0), ("path.read_text('utf-8')", 0), ("path.write_text(text, 'utf-8')", 0),
        ("os.open(path, os.O_RDONLY)", 0), ("engine.open()", 0), ("path.open('w', encoding='utf-8')", 0),
    ],
)  # fmt: skip
def test_the_scan_sees_text_in_the_encoding_of_the_machine(source: str, found: int) -> None:
    assert len(calls_without_encoding(source)) == found


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_read_or_written_in_the_encoding_of_the_machine(path: Path) -> None:
    assert calls_without_encoding(path.read_text("utf-8")) == []


# As on Windows, where a signal does not end the wait of the main thread: here another thread takes the signal.
UNINTERRUPTED = """
import signal, sys, threading, time
threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
"""
WAITS = {
    "the emulator": "from kraty_server.testing.__main__ import main\nsys.exit(main(['--port', '0']))",
    "a retry": "from kraty_server._clock import SYSTEM_CLOCK\n"
               "try:\n    print('ready', flush=True)\n    SYSTEM_CLOCK.sleep(100, threading.Event())\n"
               "except KeyboardInterrupt:\n    print('stopped')",
}  # fmt: skip


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="stands in for Windows where there is none")
@pytest.mark.parametrize("wait", WAITS)
def test_ctrl_c_ends_a_wait_that_no_signal_interrupts(wait: str) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", UNINTERRUPTED + WAITS[wait]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready")
        process.send_signal(signal.SIGINT)
        try:
            told, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, told) == (0, "stopped\n")


@pytest.mark.parametrize(("variables", "styled"), [({}, False), ({"WT_SESSION": "1"}, True)])
def test_a_console_of_windows_that_knows_no_colours_gets_none(
    variables: dict[str, str], styled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Console:
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "TERM", "WT_SESSION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        seen = terminal._has_style(Console())  # type: ignore[arg-type]  # all that is asked of it
    assert seen is styled
