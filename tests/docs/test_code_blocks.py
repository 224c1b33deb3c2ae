"""Every block of Python in README and docs runs, page by page from top to bottom, against the emulator."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from kraty_server.testing import Emulator

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def blocks(page: Path) -> list[tuple[int, str]]:
    text = page.read_text("utf-8")
    return [(text[: found.start(1)].count("\n"), found[1]) for found in BLOCK.finditer(text)]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_the_code_of_a_page_runs(page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = ModuleType("__page__")
    monkeypatch.setitem(sys.modules, "__page__", module)  # where frameworks look annotations up
    names: dict[str, object] = vars(module)
    with Emulator(seed={"players": [{"externalPlayerId": "player_42", "wallet": {"gold": 100}}]}) as emulator:
        monkeypatch.setenv("KRATY_SERVER_KEY", emulator.api_key)
        monkeypatch.setenv("KRATY_BASE_URL", emulator.url)
        monkeypatch.chdir(tmp_path)
        if any("def test_" in source for _, source in blocks(page)):  # a page about tests is run by pytest
            (tmp_path / "test_page.py").write_text("\n".join(source for _, source in blocks(page)))
            environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
            command = [sys.executable, "-m", "pytest", "-q", "test_page.py"]
            ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            assert ended.returncode == 0, ended.stdout
            return
        for line, source in blocks(page):
            exec(compile("\n" * line + source, str(page), "exec"), names)
        names.clear()
        gc.collect()  # what a page left open goes here, not in another test


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_the_page_about_fulfilment_is_one_of_them() -> None:
    assert len(blocks(ROOT / "docs" / "fulfilment.md")) == 4
