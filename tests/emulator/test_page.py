"""The page is looked at in a real browser."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from kraty_server.testing import Emulator

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER) and "browser" not in os.environ.get("KRATY_NEEDS", ""),
    reason="needs chromium and chromedriver (Debian: chromium, chromium-driver)",
)


@pytest.fixture
def browser() -> Iterator[Any]:
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    assert CHROMIUM, "KRATY_NEEDS has a browser, and there is no chromium"
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for switch in ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-dev-shm-usage",
                       "disable-background-networking", "disable-component-update", "disable-sync"):  # fmt: skip
            options.add_argument(f"--{switch}")
        options.add_argument(f"--user-data-dir={profile}")
        driver = Chrome(options, ChromeService(DRIVER))
        yield driver
        driver.quit()


@needs_browser
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.timeout(120)
def test_the_page_shows_the_state_live_and_its_buttons_work(browser: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    with Emulator(seed={"webhooks": [{"secret": "s"}]}) as emulator, emulator.client() as kraty:
        kraty.wallet.credit("<b>ada</b>", "gold", amount=5, reason="iap", idempotency_key="r1")
        grant = kraty.grants.create(
            "<b>ada</b>", entries=[{"type": "item", "itemKey": "sword", "quantity": 2}], idempotency_key="r1"
        )

        def text(name: str) -> str:
            # In one step: the script replaces the tables each second.
            script = "return document.getElementById(arguments[0]).innerText"
            return str(browser.execute_script(script, name))

        def until(condition: Any) -> None:
            WebDriverWait(browser, 20, poll_frequency=0.1).until(lambda _: condition())

        browser.get(emulator.url)
        assert browser.title == "Kraty emulator"
        assert "no production server" in browser.find_element(By.CLASS_NAME, "notice").text
        assert "<b>ada</b>" in text("players")
        assert "gold\t5" in text("balances")
        assert "pending" in text("grants")
        assert "r1" in text("ledger")
        assert "wallet.credit" in text("requests")
        assert "grant.created" in text("webhook-deliveries")

        kraty.grants.ack("<b>ada</b>", grant.id)  # seen without a reload
        until(lambda: "sword\t2" in text("inventory"))
        assert "claimed" in text("grants")

        first = emulator.deliveries[-1]
        emulator.fault("wallet.credit", status=500)
        before = first.signature
        until(lambda: emulator.now().timestamp() > int(before[2:12]) + 1)  # so that the new signature differs
        browser.execute_script("document.querySelector('#webhook-deliveries button').click()")
        until(lambda: emulator.deliveries[-1].signature != before)

        day = emulator.now().date()
        browser.find_element(By.CSS_SELECTOR, "button[data-body*='86400']").click()
        until(lambda: emulator.now().date() > day)
        until(lambda: f"{emulator.now():%Y-%m-%d}" in text("clock"))
