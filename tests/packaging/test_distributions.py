"""What is built: the same bytes wherever it is built, an sdist whose tests run, a container that serves the emulator."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pytest
import yaml

from kraty_server import KratyServer
from kraty_server.testing import Emulator
from kraty_server.testing.__main__ import add_arguments

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(900)  # packages are fetched, and a machine may be busy
TESTS = (
    "tests/contract",
    "tests/parity",
    "tests/unit/test_construction.py",
    "tests/unit/test_flow.py",
    "tests/unit/test_readme.py",
)
"""Some of `make quick`: they read the document, the recordings, the modules and the pages."""


def tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("no clone: git says what belongs to it")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def copied(place: Path, mask: int) -> Path:
    """A clone at another place, of somebody with other rights, with something that git does not know."""
    for name in tracked():
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
        target.chmod(0o777 & ~mask if os.access(ROOT / name, os.X_OK) else 0o666 & ~mask)
        os.utime(target, (mask, mask))
    (place / "key.txt").write_text("not for others", "utf-8")
    return place


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two folders with an sdist and a wheel each, built from copies."""
    environment = os.environ | {"SOURCE_DATE_EPOCH": "1700000000"}
    found: list[Path] = []
    for name, mask in (("one", 0o022), ("another place", 0o077)):
        clone = copied(tmp_path_factory.mktemp("build") / name, mask)
        command = [sys.executable, "-m", "build", "--quiet", "--outdir", str(clone / "dist"), str(clone)]
        subprocess.run(command, env=environment, check=True)
        found.append(clone / "dist")
    return found


@pytest.fixture(scope="module")
def sdist(builds: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, unpacked."""
    place = tmp_path_factory.mktemp("sdist")
    with tarfile.open(next(builds[0].glob("*.tar.gz"))) as archive:
        archive.extractall(place, filter="data")
    (unpacked,) = place.iterdir()
    return unpacked


@pytest.mark.index
def test_two_builds_have_one_hash(builds: list[Path]) -> None:
    one, another = ({p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in dist.iterdir()} for dist in builds)
    assert len(one) == 2
    assert one == another


@pytest.mark.index
def test_the_sdist_has_what_git_has_and_nothing_else(sdist: Path) -> None:
    there = {path.relative_to(sdist).as_posix() for path in sdist.rglob("*") if path.is_file()}
    assert there - {"PKG-INFO"} == set(tracked())


@pytest.mark.index
def test_the_tests_of_the_sdist_run(sdist: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST", "KRATY"))}
    ended = subprocess.run(command, cwd=sdist, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-3000:]
    assert re.search(r"^\d{3,} passed", ended.stdout.splitlines()[-1]), ended.stdout[-300:]


def containerfile() -> dict[str, list[str]]:
    """Its instructions, each with its lines."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "Containerfile").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            instruction, _, rest = line.partition(" ")
            found.setdefault(instruction, []).append(rest)
    return found


@pytest.mark.index
@pytest.mark.skipif(os.name == "nt", reason="what the container runs are commands of Linux")
def test_what_the_container_runs_serves_an_emulator(tmp_path: Path) -> None:
    said = containerfile()
    assert set(said) == {"FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "ENTRYPOINT"}
    inside = tmp_path / "inside"
    inside.mkdir()
    for line in said["COPY"]:
        *sources, target = line.split()
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, inside / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, inside / target)
    venv.EnvBuilder(symlinks=True, with_pip=True).create(tmp_path / "venv")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTHON", "KRATY"))}
    environment["PATH"] = f"{tmp_path / 'venv' / 'bin'}{os.pathsep}{environment['PATH']}"
    for line in said["RUN"]:
        subprocess.run(shlex.split(line), cwd=inside, env=environment, check=True, capture_output=True)
    (entrypoint,) = said["ENTRYPOINT"]
    words = re.findall(r'"([^"]+)"', entrypoint)
    with subprocess.Popen(
        [*words, "--port", "0"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as served:
        assert served.stdout is not None
        _, url, key = served.stdout.readline().split()
        local = url.replace("0.0.0.0", "127.0.0.1")
        with KratyServer(api_key=key.removeprefix("KRATY_SERVER_KEY="), base_url=local) as kraty:
            assert kraty.wallet.credit("p", "gold", amount=5).balance == 5
        served.send_signal(signal.SIGTERM)
        assert served.wait() == 0


def test_the_services_of_the_compose_file_in_the_docs_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs/emulator.md").read_text("utf-8")
    (block,) = re.findall(r"^```yaml\n(services:\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
    services = yaml.safe_load(block)["services"]
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options = parser.parse_args(services["kraty"]["command"])
    for name, value in services["backend"]["environment"].items():
        monkeypatch.setenv(name, value)
    with Emulator() as emulator, KratyServer() as kraty:
        assert emulator.api_key == os.environ["KRATY_SERVER_KEY"]
        assert options.webhook_secret == os.environ["KRATY_WEBHOOK_SECRET"]
        assert f"http://{options.allow_host[0]}:{options.port}" in repr(kraty)
    assert (ROOT / services["kraty"]["build"]["dockerfile"]).exists()


def test_the_container_listens_where_its_port_says() -> None:

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert containerfile()["EXPOSE"] == [str(parser.get_default("port"))]
