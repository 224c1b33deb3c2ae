"""A studio's own tests: pytest sessions with the plugin, in a process of their own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [str(ROOT), str(ROOT / "generated")]
HANGS = 90.0
"""Seconds after which a session does not end any more."""
CONFIG = """
[pytest]
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""


class Studio:
    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*SOURCES, *filter(None, sys.path)]))
        pytester.makeini(CONFIG)

    def run(self, source: str, *options: str, conftest: str = "") -> pytest.RunResult:
        """Run a test file.

        Raises:
            pytester.TimeoutExpired: the session did not end.
        """
        self.pytester.makeconftest(dedent(conftest))
        self.pytester.makepyfile(source)
        return self.pytester.runpytest_subprocess("-p", "no:cacheprovider", *options, timeout=HANGS)
