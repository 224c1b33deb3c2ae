"""A headless browser, and an emulator with a day's data for it to look at."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from kraty_server import KratyError, RetryConfig
from kraty_server.testing import Emulator

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
MISSING = not (CHROMIUM and DRIVER) and "browser" not in os.environ.get("KRATY_NEEDS", "")
WIDTHS = (1400, 390)
HOSTILE = "<img src=x onerror=\"document.title='broken'\">&amp;'\"/%2F?#\N{RIGHT-TO-LEFT OVERRIDE}abc"
GOLD: list[dict[str, Any]] = [{"type": "currency", "currencyKey": "gold", "amount": 250}]
SEED: dict[str, Any] = {
    "webhooks": [{"secret": "whsec_page"}, {"url": "http://127.0.0.1:9/webhooks", "secret": "whsec_page", "events": ["grant.created"]}],
    "players": [
        {"externalPlayerId": "player_42", "name": "Ada", "country": "PT", "online": True, "contextSnapshot": {"level": 31, "arena": "cobalt"},
         "wallet": {"gold": 12_500, "gems": 340, "energy": 7}, "inventory": {"sword_of_dawn": 1, "potion": 14}},
        {"externalPlayerId": "player_77", "name": "Bo", "wallet": {"gold": 90}},
        {"externalPlayerId": "cheater_1", "banned": "aimbot", "wallet": {"gold": 999_999_999}},
        {"externalPlayerId": "guest_9c1f2a0b", "registered": False},
        {"externalPlayerId": "collector", "wallet": {f"currency_{n:03}": n + 1 for n in range(130)}},
    ],
    "events": [
        {"key": "hunt", "metrics": ["kills"], "target": 10, "milestones": [{"key": "first", "threshold": 5, "entries": GOLD}], "completion": GOLD},
        {"key": "cup", "id": "e_cup", "capacity": 4, "fillSeconds": 60, "seconds": 900},
        {"key": "old", "enabled": False},
    ],
    "leaderboards": [{"key": "weekly", "id": "lb_weekly"}, {"key": "laps", "ascending": True}],
    "attempts": [{"id": "attempt_1", "externalPlayerId": "player_42", "event": "hunt"}],
}  # fmt: skip


def play(emulator: Emulator) -> None:
    """Do what a game's backend does in a day."""
    with emulator.client(retry=RetryConfig(attempts=1)) as kraty:
        for n in range(70):
            kraty.wallet.credit("player_42", "gold", amount=10 + n, reason="quest", idempotency_key=f"quest_{n}")
        kraty.wallet.debit("player_42", "gems", amount=40, reason="shop", idempotency_key="shop_1")
        kraty.wallet.credit(HOSTILE, "gold", amount=5, reason="<b>iap</b>", idempotency_key="</td><script>")
        for n, player in enumerate(("player_42", "player_77", "player_77")):
            kraty.grants.create(player, entries=[*GOLD, {"type": "item", "itemKey": "sword", "quantity": 1}],
                                idempotency_key=f"receipt_{n}")  # fmt: skip
        for n, player in enumerate(("player_42", "player_77", "collector")):
            kraty.leaderboards.submit_score(player, "weekly", 12_500 - n * 40)
        kraty.events.report_progress("player_42", "hunt", "attempt_1", mode="increment", metric_value=3)
        kraty.lobbies.push("game_1", "cup", key="match_1", external_player_ids=["player_42", "player_77"])
        emulator.fault("wallet.credit", status=503)
        emulator.fault("grants.create", drop_after_commit=1)
        emulator.fault("*", latency=0.01, probability=0.0, times=None)
        for call in (
            lambda: kraty.wallet.credit("player_42", "gold", amount=1, idempotency_key="faulty"),
            lambda: kraty.grants.create("player_42", entries=GOLD, idempotency_key="receipt_9"),
            lambda: kraty.wallet.debit("player_77", "gold", amount=1_000_000, idempotency_key="too_much"),
            lambda: kraty.leaderboards.submit_score("nobody", "weekly", 3),
            lambda: kraty.wallet.credit("player_42", "gold", amount=999, idempotency_key="quest_0"),
        ):
            with suppress(KratyError):
                call()


@contextmanager
def driven(width: int, *, dark: bool = False) -> Iterator[Any]:
    """A browser whose window is as wide as that, also where that is less than a desktop window can be."""
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    assert CHROMIUM, "KRATY_NEEDS has a browser, and there is no chromium"
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for switch in ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-dev-shm-usage",
                       "hide-scrollbars", "disable-background-networking", "disable-component-update", "disable-sync"):  # fmt: skip
            options.add_argument(f"--{switch}")
        options.add_argument(f"--user-data-dir={profile}")
        driver = Chrome(options, ChromeService(DRIVER))
        try:
            resize(driver, width)
            scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
            yield driver
        finally:
            driver.quit()


def resize(driver: Any, width: int, height: int = 900) -> None:
    """Make the page as wide as that."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
