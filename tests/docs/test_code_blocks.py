"""Every block of Python in README and docs runs, page by page from top to bottom, against the emulator."""

from __future__ import annotations

import builtins
import gc
import os
import re
import subprocess
import symtable
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from kraty_server.testing import Emulator

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
ANCHOR = re.compile(r"\]\((?!https?://)([^)#]*)#([^)]+)\)")
BESIDE = [ROOT / f"{name}.md" for name in ("CONTRIBUTING", "SECURITY", "CHANGELOG")]
URLS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]
TREE = f"{URLS['Source']}/blob/main/"


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


@pytest.mark.parametrize("page", [*PAGES, *BESIDE], ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [*PAGES, *BESIDE], ids=lambda page: page.name)
def test_links_into_a_page_lead_to_a_heading(page: Path) -> None:
    for target, anchor in ANCHOR.findall(
        page.read_text("utf-8").replace(TREE, f"{os.path.relpath(ROOT, page.parent)}/")
    ):
        assert anchor in headings((page.parent / target) if target else page), (target, anchor)


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub and the site make them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", title.lower())) for title in titles}


def test_the_first_page_of_the_docs_leads_to_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / target).resolve() for target in LINK.findall(index.read_text("utf-8"))}
    assert linked >= {*(ROOT / "docs").rglob("*.md")} - {index}


def test_the_readme_can_be_read_anywhere_its_links_are_absolute_and_lead_to_files_that_are_here() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert LINK.findall(text) == []
    targets = re.findall(r"\]\((https://[^)]+)\)", text)
    assert len([target for target in targets if target.startswith(TREE)]) > 20
    for target in targets:
        assert target.startswith((TREE, URLS["Homepage"], URLS["Documentation"])), target
        if target.startswith(TREE):
            assert (ROOT / target.removeprefix(TREE)).is_file(), target
    assert URLS["Changelog"].removeprefix(TREE) == "CHANGELOG.md"
    assert URLS["Issues"].startswith(URLS["Source"])


def test_the_readme_is_short_and_begins_with_what_needs_no_account() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 130
    _, first = blocks(ROOT / "README.md")[0]
    assert "Emulator()" in first
    assert "KRATY" not in first


def undefined(source: str) -> set[str]:
    """Names that a block uses and does not make."""
    block = symtable.symtable(source, "block", "exec")
    made = {name.get_name() for name in block.get_symbols() if name.is_assigned() or name.is_imported()}
    used: set[str] = set()
    tables = [block]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        used |= {name.get_name() for name in table.get_symbols() if table is block or name.is_global()}
    return used - made - {*dir(builtins)}


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_blocks_stand_on_their_own_or_their_page_says_that_they_do_not(page: Path) -> None:
    missing = {line: names for line, source in blocks(page) if (names := undefined(source))}
    assert not missing or "build on each other" in page.read_text("utf-8")


def test_a_name_that_another_block_makes_is_seen() -> None:
    assert undefined("import os\ndef f(x: int) -> str:\n    y = x\n    return os.name + g(y)") == {"g"}


def test_the_page_about_fulfilment_is_one_of_them() -> None:
    assert len(blocks(ROOT / "docs" / "fulfilment.md")) == 3
