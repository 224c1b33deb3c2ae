"""Where the package is installed, pytest loads its plugin into every suite. One that does not use it sees nothing of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.plugin import HANGS, ROOT, SOURCES

pytestmark = pytest.mark.index

# The oldest pytest that we promise; the versions between do not run on newer Pythons.
OLDEST = ["pytest==7.0.0", "pluggy==1.0.0"] if sys.version_info < (3, 12) else ["pytest==8.2.0", "pluggy==1.5.0"]
SUITE = '''
"""
>>> 1 + 1
2
"""
import sys, unittest, warnings
import pytest

def test_passes(tmp_path):
    assert not {"httpx", "attrs", "asyncio"} & set(sys.modules)
    ours = {name for name in sys.modules if name.startswith("kraty_server.")}
    assert ours <= {"kraty_server._clock", "kraty_server.testing", "kraty_server.testing.plugin"}, ours

def test_fails():
    left, right = [1, 2], [1, 3]
    assert left == right

def test_skips():
    pytest.skip("for a reason")

@pytest.mark.xfail
def test_is_known_to_fail():
    raise ValueError

@pytest.mark.parametrize("kraty", [1, 2])
def test_has_a_parameter_of_our_name(kraty):
    assert kraty

@pytest.fixture
def kraty_emulator():
    raise OSError("theirs")

def test_has_a_fixture_of_our_name(kraty_emulator):
    pass

class TestOld(unittest.TestCase):
    def test_passes(self):
        with self.subTest(i=1):
            pass
'''


@pytest.fixture(scope="module", params=["oldest", "newest"])
def pytest_home(request: pytest.FixtureRequest) -> Path:
    """A folder that has a pytest, and nothing else."""
    wanted: list[str] = OLDEST if request.param == "oldest" else ["pytest", "pluggy"]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    home = ROOT / ".venvs" / f"plugin-{python}-{request.param}"
    if not home.exists():
        shutil.rmtree(filling := home.with_suffix(".filling"), ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(filling), *wanted]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode and not os.environ.get("CI"):
            pytest.skip(f"pip could not install {wanted}: {done.stderr[-200:]}")
        assert done.returncode == 0, done.stderr
        filling.rename(home)
    return home


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the package is installed, without what it depends on."""
    home = tmp_path_factory.mktemp("installed")
    for source in (ROOT / "kraty_server", ROOT / "generated" / "kraty_server_generated"):
        shutil.copytree(source, home / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    about = home / "kraty_server-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1\n")
    points = "".join(f"{name} = {target}\n" for name, target in project["entry-points"]["pytest11"].items())
    (about / "entry_points.txt").write_text(f"[pytest11]\n{points}")
    # pytest reads the list of files to find what it shall rewrite.
    (about / "RECORD").write_text("".join(f"{file.relative_to(home)},,\n" for file in sorted(home.rglob("*.py"))))
    return home


def session(folder: Path, *path: str | Path, first: str = "", options: list[str]) -> tuple[int, str]:
    """Run pytest with this import path and the standard library, and nothing of ours around it."""
    code = f"""
import sys
sys.path[:0] = {[str(one) for one in path]}
{first}
import pytest
sys.exit(pytest.main({["-W", "error", "--strict-markers", "--strict-config", "-p", "no:cacheprovider", *options]}))
"""
    run = [sys.executable, "-S", "-I", "-c", code]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, timeout=HANGS, check=False)
    told = re.sub(r"in [0-9.]+s|^plugins: .*\n|^collect.*\n| at 0x[0-9a-f]+", "", done.stdout + done.stderr, flags=re.M)
    return done.returncode, told


@pytest.mark.parametrize("first", ["", "import kraty_server", "import kraty_server_generated, kraty_server.webhooks"])
def test_a_suite_that_does_not_use_it_sees_nothing_of_it(
    pytest_home: Path, installed: Path, tmp_path: Path, first: str
) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE)
    options = ["-ra", "--doctest-modules"]
    if first:
        options += ["--deselect", "test_suite.py::test_passes"]  # it looks at what is imported
    code, told = session(tmp_path, installed, pytest_home, first=first, options=options)
    without = session(tmp_path, installed, pytest_home, first=first, options=[*options, "-p", "no:kraty"])
    assert (code, told) == without
    assert code == 1, told
    assert re.search(r"1 failed, (4|5) passed, 1 skipped.*1 xfailed, 1 error", told), told


def test_without_the_extra_a_fixture_says_what_to_install(pytest_home: Path, installed: Path, tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text("def test_kraty(kraty): pass\n\ndef test_other(): pass\n")
    code, told = session(tmp_path, installed, pytest_home, options=[])
    assert code == 1
    assert "pip install 'kraty-server[emulator]'" in told
    assert "1 passed, 1 error" in told


def test_its_fixtures_work_in_that_pytest(pytest_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "test_suite.py").write_text("""
import pytest

@pytest.mark.kraty_fault("wallet.credit", retry_after=30)
@pytest.mark.kraty_seed(players=[{"externalPlayerId": "p", "wallet": {"gold": 7}}])
def test_kraty(kraty, kraty_webhooks, kraty_env):
    assert kraty.wallet.credit("p", "gold", amount=5).balance == 12
    assert kraty_webhooks.events == ["wallet.changed"]

@pytest.mark.kraty_fault("wallet.credit", retry_after=30)
def test_unused(kraty):
    pass

def test_fails(kraty):
    kraty.wallet.credit("p", "gold", amount=5)
    assert False
""")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    site = [path for path in sys.path if path.endswith("site-packages")]
    plugin = ["-p", "kraty_server.testing.plugin"]
    code, told = session(tmp_path, *SOURCES, pytest_home, *site, options=plugin)
    assert code == 1, told
    assert re.search(r"1 failed, 2 passed, 1 error", told), told
    assert "Kraty: the last requests" in told
    assert "UnusedFaultWarning: this fault never struck: wallet.credit status 429" in told
