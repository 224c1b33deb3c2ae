"""The page: what it says without a browser, and what a person sees of it in one, wide and narrow."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraty_server.testing import Emulator, Request
from kraty_server.testing.server.page import html
from kraty_server.testing.server.page import routes as page_routes
from kraty_server.testing.server.page.views.requests import as_curl
from tests.emulator.browser import HOSTILE, MISSING, SEED, WIDTHS, driven, play, resize
from tests.emulator.screenshots import pages

TABS = ("/", "/requests", "/webhooks", "/ledger", "/grants", "/lobbies", "/events", "/faults")
MANY = 200_000


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    with Emulator(seed=SEED) as emulator:
        play(emulator)
        yield emulator


@pytest.fixture(scope="module")
def http(served: Emulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        yield client


class Reader(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


# What no text can do


@settings(deadline=None)
@given(st.text(), st.text())
def test_no_text_becomes_markup(text: str, value: str) -> None:
    read = Reader(html.tag("p", text, title=value))
    assert [name for name, _ in read.tags] == ["p"]
    assert (read.text, read.tags[0][1]["title"]) == (Reader(escape(text)).text, value)


@settings(deadline=None)
@given(st.binary(max_size=200) | st.from_type(dict[str, int]).map(lambda value: json.dumps(value).encode()))
def test_no_body_becomes_markup(raw: bytes) -> None:
    allowed = {"pre", "code", "span", "p"}
    assert {name for name, _ in Reader(html.json_block(raw, "Body", "body")).tags} <= allowed


def test_pages_have_no_inline_script_or_style_and_say_so(served: Emulator, http: httpx.Client) -> None:
    for path in (*pages(served).values(), "/player?id=nobody", "/grants/none"):
        answer = http.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        for name, attributes in Reader(answer.text).tags:
            assert name not in ("style", "img", "iframe", "base")
            assert name != "script" or attributes["src"]
            assert not [key for key in attributes if key == "style" or key.startswith("on")]


def test_every_row_has_an_id_of_its_own(served: Emulator, http: httpx.Client) -> None:
    for path in pages(served).values():
        ids = [attributes["id"] for _, attributes in Reader(http.get(path).text).tags if "id" in attributes]
        assert len(ids) == len(set(ids)), path


# What is on it


def test_a_player_has_a_page_whatever_their_id(http: httpx.Client) -> None:
    answer = http.get("/player", params={"world": "game_1/test", "id": HOSTILE})
    assert answer.status_code == 200
    assert HOSTILE in Reader(answer.text).text
    hrefs = [a.get("href") or "" for n, a in Reader(http.get("/").text).tags if n == "a"]
    (link,) = [href for href in hrefs if href.startswith("/player") and "img" in href]
    assert http.get(link).text.count("<h1><bdi>") == 1


def test_all_balances_can_be_reached(http: httpx.Client) -> None:
    path, found = "/player?world=game_1/test&id=collector", set[str]()
    for _ in range(2):
        page = http.get(path).text
        found |= set(re.findall(r"<bdi>(currency_\d+)", page))
        assert ">130<" in page
        path = next(
            (a["href"] or "" for n, a in Reader(page).tags if n == "a" and "currency_after" in (a["href"] or "")), ""
        )
    assert len(found) == 130


def test_what_became_of_a_player_who_is_gone_is_said() -> None:
    with Emulator(seed={"players": [{"externalPlayerId": "ada"}]}) as emulator, emulator.client() as kraty:
        kraty.players.delete("ada")
        answer = httpx.get(f"{emulator.url}/player?id=ada", trust_env=False)
        assert (answer.status_code, "was deleted at" in answer.text) == (404, True)
        assert "there is no player" in httpx.get(f"{emulator.url}/player?id=bo", trust_env=False).text.lower()


@pytest.mark.parametrize(
    "path", ["/requests/9999", "/webhooks/evt_nothing", "/lobbies/nothing", "/boards/nothing", "/grants/nothing"]
)
def test_what_is_not_there_is_a_404_that_says_so(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert answer.status_code == 404
    assert re.search("there is no|the log has no", Reader(answer.text).text, re.IGNORECASE)


def test_who_was_merged_is_found_under_the_other_id() -> None:
    players = [{"externalPlayerId": "ada"}, {"externalPlayerId": "bo"}]
    with Emulator(seed={"players": players}) as emulator, emulator.client() as kraty:
        kraty.players.merge("ada", "bo")
        answer = httpx.get(f"{emulator.url}/player?id=ada", trust_env=False)
        assert (answer.status_code, "was merged into" in answer.text) == (404, True)


def test_a_lobby_has_a_page_with_its_members(served: Emulator, http: httpx.Client) -> None:
    (lobby,) = served.dump()["lobbies"]
    shown = Reader(http.get(f"/lobbies/{lobby['id']}").text).text
    for part in ("match_1", "player_42", "player_77", "2 of 4", "forming"):
        assert part in shown, part


def test_an_emulator_without_events_says_how_to_have_some() -> None:
    with Emulator() as emulator:
        assert "seed some" in httpx.get(f"{emulator.url}/events", trust_env=False).text


def test_each_part_of_a_fault_is_shown_and_each_has_a_button_of_its_own() -> None:
    with Emulator() as emulator:
        emulator.fault("wallet.credit", status=422, code="conflict")
        fault = emulator.fault("wallet.debit", retry_after=7, latency=3, probability=0.5)
        emulator.advance(5)
        page = Reader(httpx.get(f"{emulator.url}/faults", trust_env=False).text)
        for part in ("status 422", "code conflict", "Retry-After 7 s", "3 s late", "a probability of 0.5"):
            assert part in page.text, part
        assert "5 s" in page.text  # so far is the clock ahead
        bodies = [a["data-body"] for n, a in page.tags if n == "form" and (a.get("data-post") or "").endswith("/clear")]
        assert json.dumps({"number": fault.number}) in bodies


def test_lists_by_player_are_empty_where_there_is_none(http: httpx.Client) -> None:
    for path in ("/ledger", "/grants"):
        assert "<tbody" in http.get(path, params={"player": "player_42", "world": "game_1/test"}).text
        assert "<tbody" not in http.get(path, params={"player": "nobody"}).text


def test_the_first_call_that_an_empty_page_shows_works() -> None:
    with Emulator() as emulator:
        page = Reader(httpx.get(emulator.url, trust_env=False).text)
        (example,) = [a["data-copy"] for _, a in page.tags if "KratyServer" in (a.get("data-copy") or "")]
        assert example
        exec(compile(example, "example", "exec"), {})
        assert emulator.ledger("player_42")[0]["delta"] == 500
        page = Reader(httpx.get(f"{emulator.url}/requests?q=nothing", trust_env=False).text)
        assert "No requests fit." in page.text


@pytest.mark.parametrize("path", TABS)
def test_filters_stay_in_the_address(http: httpx.Client, path: str) -> None:
    page = Reader(
        http.get(path, params={"q": 'a"b', "world": "game_1/live", "status": "pending", "answer": "4xx"}).text
    )
    for name, attributes in page.tags:
        if name == "input" and attributes.get("name") == "q":
            assert attributes["value"] == 'a"b'
        if name == "option" and attributes.get("value") in ("game_1/live", "pending", "4xx"):
            assert "selected" in attributes


def test_filters_find_what_they_should(http: httpx.Client) -> None:
    def rows(path: str, **query: str) -> int:
        return len(re.findall(r'<tr id="row-', http.get(path, params=query).text))

    assert rows("/", state="banned") == 1
    assert rows("/", q="PLAYER_4") == 1
    assert rows("/", q="player%") == 0
    assert rows("/", world="game_1/live") == 0
    assert rows("/requests", answer="4xx") == 3
    assert rows("/requests", answer="fault") == 2
    assert rows("/requests", q="too_much") == 1
    assert rows("/requests", operation="grants.create", player="player_77") == 2
    assert rows("/ledger", q="shop_1") == 1
    assert rows("/ledger", player="player_42", kind="item") == 1 + 1
    assert rows("/ledger", player="nobody") == 0
    assert rows("/webhooks", event="lobby.created") == 1
    assert rows("/grants", q="receipt_9") == 1
    assert rows("/lobbies", q="cup") == 1


@pytest.mark.parametrize(("path", "total"), [("/requests", 85), ("/ledger", None), ("/webhooks", None)])
@pytest.mark.parametrize("query", [{}, {"q": "w"}])
def test_pages_show_each_row_once(
    served: Emulator, http: httpx.Client, path: str, total: int | None, query: dict[str, str]
) -> None:
    seen: list[str] = []
    following: str | None = str(httpx.URL(path, params=query))
    while following:
        page = http.get(following).text
        seen += re.findall(r'<tr id="(row-[^"]*)"', page)
        links = [a["href"] or "" for n, a in Reader(page).tags if n == "a"]
        following = next((link for link in links if "before=" in link), None)
    assert len(seen) == len(set(seen))
    expected = {"/requests": len(served.requests), "/ledger": len(served.ledger()), "/webhooks": len(served.deliveries)}
    assert len(seen) == expected[path] if not query else 0 < len(seen) <= expected[path]


def test_200_000_deliveries_cost_no_more_than_a_page_of_them() -> None:
    with (
        Emulator(seed={"webhooks": [{"secret": "s"}]}) as emulator,
        httpx.Client(base_url=emulator.url, trust_env=False) as http,
    ):
        state = emulator.engine.state
        with emulator.engine.lock, state.effect():
            state.connection.executemany(
                """INSERT INTO deliveries (id, endpoint, event, occurred_at, data, status, attempt, next_at)
                   VALUES (?, 1, 'wallet.changed', '2026-01-01T00:00:00.000Z', '{}', 'delivered', 1, 0)""",
                ((f"evt_{n}",) for n in range(MANY)),
            )
            state.run(
                """INSERT INTO delivery_attempts
                   SELECT number, number, 1, occurred_at, 0, 200, NULL, 0, NULL FROM deliveries"""
            )
        steps = [0]

        def step() -> None:
            steps[0] += 1

        state.connection.set_progress_handler(step, 1000)
        for path, most in (
            ("/webhooks", 50),
            ("/webhooks?q=nowhere", 2000),
            ("/webhooks?status=failed", 2000),
            ("/", 50),
        ):
            steps[0] = 0
            page = http.get(path)
            assert page.status_code == 200
            assert "200,000" in page.text
            # In thousands of SQLite's instructions: one look at all rows would be some 200 times 5.
            assert steps[0] <= most // 5, (path, steps[0])
        state.connection.set_progress_handler(None, 0)


ODD_BODIES = [
    b"",
    b"\xff\xfe",
    b'"\\ud800"',
    b"[" * 5000,
    b'{"idempotencyKey": "\\udfff"}',
    b"NaN",
    b"\0",
    b"</script>",
    b'{"idempotencyKey": 5}',
]


def test_no_body_breaks_the_page() -> None:
    with Emulator() as emulator, httpx.Client(base_url=emulator.url, trust_env=False) as http:
        headers = {"authorization": f"Bearer {emulator.api_key}", "content-type": "application/json"}
        path = "/server/v1/players/p%00%ff%22/wallet/gold/credit"
        for body in ODD_BODIES:
            http.post(path, content=body, headers=headers)
        http.get("/server/v1/nothing/<b>", headers={"authorization": "x"})
        for request in emulator.requests:
            assert http.get(f"/requests/{request.number}").status_code == 200
        assert http.get("/requests?q=%ff&player=%00").status_code == 200
        assert len(re.findall('<tr id="row-', http.get("/requests").text)) == len(ODD_BODIES) + 1


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_curl_command_sends_the_same_body(body: str) -> None:
    raw = body.encode()
    request = Request(
        at="",
        operation=None,
        method="POST",
        target="/x/%20'?a=[b]",
        raw_body=raw,
        status=200,
        code=None,
        fault=None,
        sdk=None,
    )
    command = as_curl(request, "http://127.0.0.1:1", "k.s")
    assert command
    words = shlex.split(command)
    assert words[words.index("--data-raw") + 1].encode() == raw
    assert words[-1] == "http://127.0.0.1:1/x/%20'?a=[b]"


def test_a_request_is_sent_again_as_it_was(served: Emulator, http: httpx.Client) -> None:
    first = next(request for request in served.requests if request.idempotency_key == "quest_7")
    rows = len(served.ledger())
    again = http.post("/_emulator/requests/resend", json={"number": first.number}).json()
    assert (again["body"], again["status"]) == (first.body, 200)
    assert len(served.ledger()) == rows  # the key was used before
    assert json.loads(served.requests[-1].answer)["data"]["applied"] is False
    assert http.post("/_emulator/requests/resend", json={"number": 2**40}).status_code == 400


def test_changes_are_told_as_they_happen(served: Emulator) -> None:
    with httpx.stream("GET", f"{served.url}/_emulator/page/changes", trust_env=False, timeout=20) as stream:
        lines = (line for line in stream.iter_lines() if line.startswith("data: "))
        first = next(lines)
        served.fault("wallet.debit", status=500)
        assert next(lines) not in (first, "data: .")  # which only says that it is still there


def test_while_nothing_changes_it_says_that_it_is_still_there(
    served: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_routes, "HEARTBEAT", 1)
    with httpx.stream("GET", f"{served.url}/_emulator/page/changes", trust_env=False, timeout=60) as stream:
        assert "event: beat" in stream.iter_lines()


def test_the_files_of_the_page_are_small_and_served(http: httpx.Client) -> None:
    for name, media_type in (("page.css", "text/css"), ("page.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
        answer = http.get(f"/_emulator/page/{name}")
        assert answer.headers["content-type"].startswith(media_type)
        assert answer.content == files("kraty_server.testing.server.page").joinpath(name).read_bytes()
        assert len(answer.content) < 16_000


# In a browser

needs_browser = pytest.mark.skipif(
    MISSING, reason="needs chromium and chromedriver (Debian: chromium, chromium-driver)"
)
in_browser = [needs_browser, pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with driven(WIDTHS[0]) as driver:
        yield driver


def until(browser: Any, script: str, *arguments: Any, seconds: float = 20) -> None:
    """Wait until a script of the page says true."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, seconds, poll_frequency=0.1).until(
        lambda _: browser.execute_script(f"return {script}", *arguments)
    )


def main_has(browser: Any, text: str) -> bool:
    return bool(browser.execute_script("return document.querySelector('main').innerText.includes(arguments[0])", text))


def signature_of(emulator: Emulator, delivery_id: str) -> str:
    (delivery,) = (one for one in emulator.deliveries if one.id == delivery_id)
    return delivery.signature or "it was not tried yet"


def problems(browser: Any) -> list[str]:
    """What the browser complained about, other than an answer that a test asked for."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.mark.parametrize("width", WIDTHS)
class TestInABrowser:
    pytestmark = in_browser

    @pytest.fixture(autouse=True)
    def _size(self, browser: Any, width: int) -> None:
        resize(browser, width)

    def test_everything_fits_and_axe_finds_nothing_serious(self, served: Emulator, browser: Any, width: int) -> None:
        axe = files("axe_core_python").joinpath("axe.min.js").read_text()
        problems(browser)
        for dark in (False, True):
            scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
            for name, path in pages(served).items():
                browser.get(served.url + path)
                for panel in ("connect", "control", None):
                    if panel is not None and (name != "players"):
                        continue
                    if panel is not None:
                        browser.execute_script("document.getElementById(arguments[0]).open = true", panel)
                    wide, high = browser.execute_script(
                        "return [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
                    )
                    assert wide <= width, name
                    assert high < 9000, name
                    browser.execute_script(axe)
                    found = browser.execute_async_script("axe.run().then(arguments[0])")["violations"]
                    serious = [
                        f"{v['id']}: {v['nodes'][0]['html']}" for v in found if v["impact"] in ("serious", "critical")
                    ]
                    assert serious == [], (name, panel, dark)
        assert problems(browser) == []
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    def test_changes_come_by_themselves_and_leave_the_rest_alone(self, browser: Any, width: int) -> None:
        with Emulator(seed=SEED) as emulator, emulator.client() as kraty:
            browser.get(emulator.url)
            until(browser, "document.getElementById('sync').textContent === 'synced'")
            row = "document.querySelector('tr#row-player-2')"
            browser.execute_script(f"{row}.kept = true; document.getElementById('control').open = true")
            kraty.wallet.credit(HOSTILE, "gold", amount=5)
            until(browser, "document.querySelector('main table').innerText.includes(arguments[0])", HOSTILE)
            assert browser.execute_script(f"return {row}.kept && document.getElementById('control').open")
            assert browser.title == "Players \N{MIDDLE DOT} Kraty emulator"
            assert "gold" in browser.execute_script(f"return {row}.innerText")

    def test_it_waits_while_something_is_selected(self, browser: Any, width: int) -> None:
        from selenium.common.exceptions import TimeoutException

        with Emulator(seed=SEED) as emulator, emulator.client() as kraty:
            browser.get(f"{emulator.url}/ledger")
            browser.execute_script("getSelection().selectAllChildren(document.querySelector('tbody td.main'))")
            until(browser, "document.getElementById('sync').textContent === 'paused'")
            before = browser.execute_script("return document.querySelectorAll('tbody tr').length")
            kraty.wallet.credit("player_42", "gold", amount=5, reason="while_selected")
            with pytest.raises(TimeoutException):
                until(browser, "document.body.innerText.includes('while_selected')", seconds=2)
            assert browser.execute_script("return getSelection().toString().trim() !== ''")
            browser.execute_script("getSelection().empty()")
            until(browser, "document.body.innerText.includes('while_selected')")
            assert browser.execute_script("return document.querySelectorAll('tbody tr').length") >= before

    def test_a_lost_connection_is_seen_and_found_again(self, browser: Any, width: int) -> None:
        with Emulator(seed=SEED) as emulator:
            browser.get(emulator.url)
            until(browser, "document.getElementById('sync').textContent === 'synced'")
            assert not browser.execute_script("return document.getElementById('connection').checkVisibility()")
            port = int(emulator.url.rpartition(":")[2])
        until(browser, "document.getElementById('connection').checkVisibility()")
        assert "Connection lost" in browser.execute_script("return document.getElementById('connection').innerText")
        with Emulator(seed={"players": [{"externalPlayerId": "after_the_restart"}]}, port=port):
            until(browser, "document.querySelector('main').innerText.includes('after_the_restart')")
            until(browser, "!document.getElementById('connection').checkVisibility()")

    def test_search_and_filters_go_into_the_address(self, served: Emulator, browser: Any, width: int) -> None:
        from selenium.webdriver.common.by import By
        from selenium.webdriver.common.keys import Keys
        from selenium.webdriver.support.ui import Select

        browser.get(f"{served.url}/requests")
        browser.find_element(By.TAG_NAME, "body").send_keys("/")  # the key that goes to the search
        browser.switch_to.active_element.send_keys("too_much")
        until(browser, "document.querySelectorAll('tbody tr').length === 1")
        Select(browser.find_element(By.NAME, "answer")).select_by_value("4xx")
        until(browser, "location.search === '?q=too_much&answer=4xx'")
        browser.refresh()
        until(browser, "document.querySelectorAll('tbody tr').length === 1")
        assert browser.find_element(By.NAME, "q").get_attribute("value") == "too_much"
        browser.find_element(By.NAME, "q").send_keys(Keys.TAB)
        assert browser.execute_script("return document.activeElement.localName") == "select"

    def test_its_buttons_do_what_they_say(self, browser: Any, width: int) -> None:
        from selenium.webdriver.common.by import By
        from selenium.webdriver.support.ui import WebDriverWait

        def click(selector: str) -> None:
            until(browser, "document.querySelector(arguments[0])?.checkVisibility()", selector)
            browser.execute_script("document.querySelector(arguments[0]).click()", selector)

        def write(selector: str, text: str) -> None:
            field = browser.find_element(By.CSS_SELECTOR, selector)
            field.clear()
            field.send_keys(text)

        def said(text: str) -> None:
            until(browser, "document.getElementById('says').textContent.includes(arguments[0])", text)
            browser.execute_script("document.getElementById('says').textContent = ''")

        with Emulator(seed=SEED) as emulator:
            play(emulator)
            browser.get(emulator.url)
            click("#control summary")
            day = emulator.now().date()
            click("form[data-body*='86400'] button")
            said("Done")
            assert emulator.now().date() > day
            write("#control form[data-post$='snapshot'] input", "before")
            click("#control form[data-post$='snapshot'] button")
            said("Done")
            write("#control textarea", '{"playres": []}')
            click("#control form[data-post$='seed'] button")
            said("playres: unknown; players?")
            write("#control textarea", '{"players": [{"externalPlayerId": "seeded_here"}]}')
            click("#control form[data-post$='seed'] button")
            until(browser, "document.querySelector('main').innerText.includes('seeded_here')")
            click("#control form[data-post$='restore'] button")
            browser.switch_to.alert.accept()
            until(browser, "!document.querySelector('main').innerText.includes('seeded_here')")

            browser.get(f"{emulator.url}/faults")
            click("main form.form button.primary")
            until(browser, "document.querySelector('tbody tr')?.innerText.includes('503')")
            (fault,) = emulator.faults
            assert (fault.operation, fault.status, fault.times) == ("*", 503, 1)
            other = emulator.fault("wallet.credit", drop_before=1)
            until(browser, "document.querySelectorAll('tbody tr').length === 2")
            click(f"#row-fault-{fault.number} form button")
            until(browser, "document.querySelectorAll('tbody tr').length === 1")
            assert emulator.faults == [other]
            click(".title form button")
            until(browser, "!document.querySelector('tbody tr')")
            assert emulator.faults == []

            emulator.reset()
            play(emulator)
            number = emulator.requests[0].number
            browser.get(f"{emulator.url}/requests/{number}")
            browser.execute_cdp_cmd(
                "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
            )
            click("main [data-copy]")
            said("Copied")
            copied = browser.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
            assert copied.startswith("curl ")
            assert copied.endswith(emulator.requests[0].target)
            click("form[data-post$='resend'] button")
            until(
                browser,
                "location.pathname !== arguments[0] && document.querySelector('main h1')",
                f"/requests/{number}",
            )
            assert emulator.requests[-1].raw_body == emulator.requests[0].raw_body

            first = emulator.list_deliveries(limit=1)[0]
            browser.get(f"{emulator.url}/webhooks/{first.id}")

            shown = WebDriverWait(browser, 20)
            shown.until(lambda _: main_has(browser, signature_of(emulator, first.id)))  # another one with each attempt
            attempts = len(browser.find_elements(By.CSS_SELECTOR, "tbody tr"))
            click("form[data-post$='replay'] button")
            until(browser, "document.querySelectorAll('tbody tr').length > arguments[0]", attempts)

            browser.get(emulator.url)
            click("#control summary")
            click("#control form[data-post$='reset'] button")
            browser.switch_to.alert.accept()
            until(browser, "document.querySelector('a[href=\"/requests\"] .badge').textContent === '0'")
            assert emulator.requests == []
