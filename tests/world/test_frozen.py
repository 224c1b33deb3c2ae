"""No packaging metadata is needed at run time: a frozen binary, a --target folder without dist-info, a zip application.

PyInstaller, pip install --target, zipapp; each makes real calls to a server on loopback, in both flavours.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import textwrap
import zipapp
from importlib.util import find_spec
from pathlib import Path

import pytest

import kraty_server
import kraty_server_generated
from tests.servers.peer import Peer

PROGRAM = """
import asyncio, sys
import kraty_server
from kraty_server import AsyncKratyServer, IdempotencyConflictError, KratyServer

def main():
    url, transports = sys.argv[1], sys.argv[2:]
    with KratyServer(api_key="prefix.secret", base_url=url) as kraty:
        assert kraty.health.ping().ok
        assert kraty.wallet.credit("p", "gold", amount=5).applied

    async def awaited(transport):
        async with AsyncKratyServer(api_key="prefix.secret", base_url=url, transport=transport) as kraty:
            assert (await kraty.wallet.credit("p", "gold", amount=5)).applied

    for transport in transports:
        asyncio.run(awaited(transport))
    print("version", kraty_server.__version__)

if __name__ == "__main__":
    main()
"""
PURE = [
    "httpx",
    "httpcore",
    "h11",
    "anyio",
    "idna",
    "certifi",
    "attr",
    "attrs",
    "dateutil",
    "six",
    "sniffio",
    "typing_extensions",
]
"""What the package needs at run time, without any compiled code: enough for a zip application."""


def assert_it_works(command: list[str], transports: list[str], cwd: Path) -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with Peer() as peer:
        done = subprocess.run(
            [*command, peer.url, *transports], capture_output=True, text=True, timeout=60, cwd=cwd, env=plain
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(peer.requests) == 2 + len(transports)
        version = importlib.metadata.version("kraty-server")
        assert done.stdout.split() == ["version", version]
        assert {request.headers["x-kraty-sdk"] for request in peer.requests} == {f"kraty-server/{version}"}


def copy_packages(target: Path, *, only_pure: bool) -> None:
    """Put the package and what it needs in a folder, without any dist-info."""
    quiet = shutil.ignore_patterns("__pycache__", "testing")
    for package in (kraty_server, kraty_server_generated):
        source = Path(str(package.__file__)).parent
        shutil.copytree(source, target / source.name, ignore=quiet)
    names = PURE if only_pure else [*PURE, *COMPILED]
    for name in names:
        if (spec := find_spec(name)) is None or spec.origin is None:
            continue
        origin = Path(spec.origin)
        if spec.submodule_search_locations:
            shutil.copytree(origin.parent, target / name, ignore=quiet)
        else:
            shutil.copy(origin, target)


NOT_NEEDED = [
    "IPython", "_pytest", "brotli", "click", "cryptography", "gevent", "h2", "hypothesis", "jinja2",
    "kraty_server.testing", "matplotlib", "numpy", "pygments", "pytest", "rich", "sentry_sdk", "setuptools", "starlette",
    "tkinter", "trio", "uvloop",
]  # fmt: skip
"""What else is installed here, and PyInstaller would look through for nothing."""
FASTER = {"aiohttp": "aiohttp", "fast": "httptools"}
COMPILED = ["httptools", "aiohttp", "aiohappyeyeballs", "aiosignal", "frozenlist", "multidict", "propcache", "yarl"]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pip install --target` leaves in a folder of which the dist-info was slimmed away."""
    folder = tmp_path_factory.mktemp("target")
    copy_packages(folder, only_pure=False)
    assert list(folder.glob("*.dist-info")) == []
    return folder


def transports() -> list[str]:
    return ["httpx", *(name for name, package in FASTER.items() if find_spec(package))]


def test_a_folder_without_dist_info_is_enough(target: Path, tmp_path: Path) -> None:
    program = f"import sys; sys.path.insert(0, {str(target)!r})\n{PROGRAM}"
    (tmp_path / "main.py").write_text(program)
    assert_it_works([sys.executable, "-S", "-P", str(tmp_path / "main.py")], transports(), tmp_path)


def test_a_zip_application_works(tmp_path: Path) -> None:
    source = tmp_path / "app"
    source.mkdir()
    copy_packages(source, only_pure=True)
    (source / "shop.py").write_text(PROGRAM)
    zipapp.create_archive(source, tmp_path / "shop.pyz", main="shop:main")
    assert_it_works([sys.executable, "-S", str(tmp_path / "shop.pyz")], ["httpx"], tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_binary_of_pyinstaller_works(tmp_path: Path) -> None:
    pytest.importorskip("PyInstaller", reason="PyInstaller is not installed")
    (tmp_path / "shop.py").write_text(PROGRAM)
    options = ["--onedir", "--noconfirm", "--log-level=ERROR", "--distpath=dist", "--workpath=work", "--specpath=."]
    for root in {Path(str(package.__file__)).parents[1] for package in (kraty_server, kraty_server_generated)}:
        options += ["--paths", str(root)]
    for name in NOT_NEEDED:
        options += ["--exclude-module", name]
    made = subprocess.run(
        [sys.executable, "-m", "PyInstaller", *options, "shop.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=350,
    )
    if made.returncode != 0 and "shared library" in made.stderr:
        pytest.skip(f"PyInstaller cannot freeze this Python: {made.stderr[-300:]}")
    assert made.returncode == 0, textwrap.shorten(made.stderr, 3000)
    assert_it_works([str(tmp_path / "dist" / "shop" / "shop")], transports(), tmp_path)
