"""Arrows go down only: the contracts of pyproject.toml hold, and each of them can fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINTER = shutil.which("lint-imports", path=sysconfig.get_path("scripts")) or "lint-imports"
PARTS = ("kraty_server", "generated", "pyproject.toml")


def broken(tree: Path) -> str:
    """What import-linter says about a tree; empty where all contracts are kept."""
    done = subprocess.run(
        [LINTER, "--no-cache", "--no-logo"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": f"{tree}{os.pathsep}{tree / 'generated'}", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_every_contract_is_kept() -> None:
    assert broken(ROOT) == ""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for part in PARTS:
        source, target = ROOT / part, tmp_path / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return tmp_path


@pytest.mark.parametrize(
    ("where", "code", "found"),
    [
        ("kraty_server/_flow.py", "from kraty_server import client", "kraty_server._flow -> kraty_server.client"),
        ("kraty_server/_flow.py", "def late():\n    import kraty_server.client", "-> kraty_server.client"),
        ("kraty_server/_flow.py", "import kraty_server", "kraty_server._flow -> kraty_server"),
        ("kraty_server/_flow.py", "from ._http.connections import Connections", "-> kraty_server._http.connections"),
        ("kraty_server/_flow.py", "from kraty_server._http import pool", "-> kraty_server._http.pool"),
        ("kraty_server/_endpoint.py", "import httpx", "kraty_server._endpoint -> httpx"),
        ("kraty_server/resources/wallet.py", "from .. import client", "-> kraty_server.client"),
        ("kraty_server/retry.py", "if TYPE_CHECKING:\n    from . import errors", "kraty_server.retry -> kraty_server.errors"),
        ("kraty_server/retry.py", "def late():\n    import httpx", "kraty_server.retry -> httpx"),
        ("kraty_server/_http/pool.py", "import httpx", "kraty_server._http.pool -> httpx"),
        ("kraty_server/_http/headers.py", "from kraty_server import _flow", "-> kraty_server._flow"),
        ("kraty_server/_http/httpx_pool.py", "from . import given_client", "-> kraty_server._http.given_client"),
        ("kraty_server/webhooks/signature.py", "def late():\n    import httpx", "-> httpx"),
        ("kraty_server/webhooks/signature.py", "from kraty_server import errors", "-> kraty_server.errors"),
        ("kraty_server/client.py", "from kraty_server import testing", "-> kraty_server.testing"),
        ("kraty_server/client.py", "from .webhooks import verify_webhook", "-> kraty_server.webhooks"),
        ("kraty_server/cli/ping.py", "def late():\n    from kraty_server import testing", "kraty_server.cli.ping -> kraty_server.testing"),
        ("kraty_server/client.py", "from kraty_server.cli import terminal", "-> kraty_server.cli"),
        ("generated/kraty_server_generated/api/wallet.py", "from kraty_server import errors", "-> kraty_server.errors"),
        ("generated/kraty_server_generated/api/wallet.py", "import httpx", "-> httpx"),
        ("kraty_server/unplaced.py", "", "unplaced"),
        ("kraty_server/_http/unplaced.py", "", "unplaced"),
    ],
)  # fmt: skip
def test_every_form_of_a_wrong_import_and_every_module_without_a_place_is_found(
    tree: Path, where: str, code: str, found: str
) -> None:
    with (tree / where).open("a", encoding="utf-8") as file:
        file.write(f"\n{code}\n")
    assert found in broken(tree)
