"""The site builds without a warning, shows every public name, leads nowhere that is not there, and asks no foreign host."""

from __future__ import annotations

import ast
import json
import shutil
import sys
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest

import kraty_server
from kraty_server import __version__
from tests.emulator.browser import MISSING, WIDTHS, driven
from website.build import build
from website.config import NAV, PROJECT, ROOT, navigation
from website.names import MODULES, public_names
from website.screenshots import served
from website.versions import write_versions

pytestmark = pytest.mark.slow
NOT_OFFERED = {"cli", "client", "resources"}
"""What is not imported by users: the command, and what is reached through `kraty_server` and its clients."""


class Page(HTMLParser):
    """What a page links to, what it loads, and where it can be entered."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if anchor := given.get("id"):
            self.anchors.add(anchor)
        if tag == "a" and (target := given.get("href")):
            self.links.add(target)
        elif tag == "link" and given.get("rel") in ("stylesheet", "icon", "preconnect", "preload", "dns-prefetch"):
            self.loads.add(str(given["href"]))
        elif source := given.get("src"):
            self.loads.add(source)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("site")).parent


def pages(site: Path) -> Iterator[tuple[str, Page]]:
    """Each page with its address below the site's."""
    for path in sorted(site.rglob("*.html")):
        if path.name != "404.html":  # its addresses begin at the host
            yield path.relative_to(site).as_posix().removesuffix("index.html"), Page(path)


def shown(site: Path) -> dict[str, str]:
    """Each name that the reference shows, with its page: the inventory that Sphinx reads."""
    packed = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    lines = zlib.decompress(packed).decode().splitlines()
    return {name: place.partition("#")[0] for name, _, _, place, _ in (line.split(" ", 4) for line in lines)}


def test_every_public_name_has_its_place_in_the_reference(site: Path) -> None:
    places = shown(site)
    missing = [
        f"{module}.{name}" for module in MODULES for name in public_names(module) if f"{module}.{name}" not in places
    ]
    assert not missing, "write them into a page in docs/reference"
    assert {page for name, page in places.items() if name.startswith("kraty_server.")} >= {
        f"reference/{page}/"
        for page in ("airflow", "bulk", "calls", "client", "django", "errors", "models", "testing", "webhooks")
    }


def test_every_call_has_its_place_in_the_reference_and_says_what_callers_get(site: Path) -> None:
    places = shown(site)
    for noun, kind in vars(kraty_server.client.BaseClient).items():
        if isinstance(kind, kraty_server.client.Resource):
            resource = getattr(kraty_server.KratyServer, noun)
            for method in (name for name in dir(resource) if not name.startswith("_")):
                assert f"kraty_server.resources.{noun}.{resource.__name__}.{method}" in places
    text = (site / "reference" / "calls" / "index.md").read_text("utf-8")
    assert "-> AdjustWalletResult" in text
    assert "Call[" not in text


def test_every_module_that_users_import_is_in_the_reference() -> None:
    homes = {home.split(".")[1] for home in kraty_server._HOMES if home.startswith("kraty_server.")}
    listed = {module.partition(".")[2] for module in MODULES} - {""}
    found = {
        path.stem
        for path in (ROOT / "kraty_server").iterdir()
        if path.name[0] not in "_." and path.suffix in ("", ".py")
    }
    assert found == listed | {home for home in homes if not home.startswith("_")} | NOT_OFFERED


def test_every_link_of_the_site_leads_to_a_place_that_is_there(site: Path) -> None:
    found = dict(pages(site))
    broken = []
    for address, page in found.items():
        for link in page.links | page.loads:
            target, anchor = urldefrag(urljoin(f"/{address}", link))
            if urlsplit(target).scheme or target.startswith("//"):
                continue
            path = unquote(target).removeprefix("/")
            if path in found and anchor:
                if unquote(anchor) not in found[path].anchors and anchor != "__skip":
                    broken.append((address, link))
            elif path not in found and not (site / path).is_file():
                broken.append((address, link))
    assert not broken


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    for address, page in pages(site):
        assert not [one for one in page.loads if urlsplit(one).netloc], address
    for sheet in site.rglob("*.css"):
        assert "url(http" not in sheet.read_text("utf-8"), sheet
        assert "@import" not in sheet.read_text("utf-8"), sheet


@pytest.mark.skipif(MISSING, reason="needs chromium and chromedriver: make browser")
def test_in_a_browser_it_asks_its_own_host_only_and_search_finds_a_page(site: Path) -> None:
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.support.ui import WebDriverWait

    def opened(browser: Any) -> bool:  # the button is there before what it does
        if browser.execute_script("return Boolean(document.activeElement?.shadowRoot)"):
            return True
        browser.find_element("css selector", ".md-search__button").click()
        return False

    with served(site.parent) as origin, driven(WIDTHS[0]) as browser:
        browser.get(f"{origin}/")
        wait = WebDriverWait(browser, 60, ignored_exceptions=[WebDriverException])
        wait.until(lambda _: browser.current_url == f"{origin}/latest/")
        wait.until(opened)
        browser.switch_to.active_element.send_keys("chargeback")
        found = "return document.activeElement.shadowRoot.querySelector('a[href]')?.textContent ?? ''"
        wait.until(lambda _: "Chargebacks" in browser.execute_script(found))
        asked = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
        assert len(asked) > 5
        assert [one for one in asked if not one.startswith(origin)] == []


@pytest.mark.skipif(MISSING, reason="needs chromium and chromedriver: make browser")
def test_in_a_browser_the_menu_of_versions_leads_to_the_same_page_of_another_version(
    site: Path, tmp_path: Path
) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    old = site.parent.parent / "two-versions"
    shutil.copytree(site, old / __version__)
    shutil.copytree(site, old / "0.0.1")
    write_versions(old)
    with served(old) as origin, driven(WIDTHS[0]) as browser:
        wait = WebDriverWait(browser, 60)
        browser.get(f"{origin}/latest/grants/")
        links = "return [...document.querySelectorAll('.md-version__link')].map(link => link.href)"
        wait.until(lambda _: browser.execute_script(links))
        assert browser.execute_script(links) == [f"{origin}/{__version__}/", f"{origin}/0.0.1/"]
        outdated = "return [...document.querySelectorAll('[data-md-component=outdated]')].some(one => !one.hidden)"
        assert not browser.execute_script(outdated)
        browser.find_element("css selector", ".md-version__current").click()
        browser.execute_script("document.querySelectorAll('.md-version__link')[1].click()")
        wait.until(lambda _: browser.current_url == f"{origin}/0.0.1/grants/")
        wait.until(lambda _: browser.execute_script(outdated))
        banner = "return document.querySelector('[data-md-component=outdated] a').href"
        assert browser.execute_script(banner) == f"{origin}/"


def test_every_page_is_found_by_search_and_by_programs(site: Path) -> None:
    searched = {
        item["location"].partition("#")[0] for item in json.loads((site / "search.json").read_text("utf-8"))["items"]
    }
    listed = (site / "llms.txt").read_text("utf-8")
    for address, _ in pages(site):
        assert address in searched
        assert f"({'<'}{PROJECT['urls']['Documentation']}{__version__}/{address}index.md>)" in listed
    assert "# Fulfil a purchase" in (site / "llms-full.txt").read_text("utf-8")


def test_every_page_of_the_docs_is_in_the_menu_new_ones_among_the_how_to_pages() -> None:
    menu = navigation({"brand-new.md", "fulfilment.md"})
    assert menu["How-to"][-1] == "brand-new.md"
    assert navigation({"fulfilment.md"}) == NAV


def test_the_newest_release_is_where_the_site_begins(tmp_path: Path) -> None:
    for version in ("0.9.0", "0.10.0", "0.2.0", "0.11.0rc1", "0.10.0rc2"):
        (tmp_path / version).mkdir()
        for name in ("404.html", "llms.txt"):
            (tmp_path / version / name).write_text(version, "utf-8")
    for _ in range(2):  # a second time changes nothing
        write_versions(tmp_path)
        versions = json.loads((tmp_path / "versions.json").read_text("utf-8"))
        assert [one["version"] for one in versions] == ["0.11.0rc1", "0.10.0", "0.10.0rc2", "0.9.0", "0.2.0"]
        assert [one["aliases"] for one in versions] == [[], ["latest"], [], [], []]
        assert "url=latest/" in (tmp_path / "index.html").read_text("utf-8")
        for name in ("404.html", "llms.txt", "latest/llms.txt"):
            assert (tmp_path / name).read_text("utf-8") == "0.10.0"


def test_what_runs_beside_the_token_that_publishes_needs_the_standard_library_only() -> None:
    tree = ast.parse((ROOT / "website/versions.py").read_text("utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {str(name).partition(".")[0] for name in imported} <= sys.stdlib_module_names
