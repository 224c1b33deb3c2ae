"""Pictures of the page: `make screenshots`."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

from kraty_server.testing import Emulator
from tests.emulator.browser import SEED, WIDTHS, driven, play, resize


def pages(emulator: Emulator) -> dict[str, str]:
    """What is looked at, by name."""
    refused = next(request for request in emulator.requests if request.code == "conflict")
    grant = emulator.dump()["grants"][0]["id"]
    return {
        "players": "/",
        "player": "/player?world=game_1/test&id=player_42",
        "requests": "/requests",
        "request": f"/requests/{refused.number}",
        "webhooks": "/webhooks",
        "delivery": f"/webhooks/{emulator.deliveries[-1].id}",
        "ledger": "/ledger",
        "grants": "/grants",
        "grant": f"/grants/{grant}",
        "lobbies": "/lobbies",
        "events": "/events",
        "board": "/boards/lb_weekly",
        "faults": "/faults",
    }


def main(folder: Path) -> None:
    """Write a picture of each page at each width, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    with Emulator(seed=SEED) as emulator, Emulator() as empty:
        play(emulator)
        looks = {name: emulator.url + path for name, path in pages(emulator).items()} | {"empty": empty.url}
        for dark in (False, True):
            with driven(WIDTHS[0], dark=dark) as browser:
                for width in WIDTHS:
                    resize(browser, width)
                    for name, address in looks.items():
                        browser.get(address)
                        if name == "players" and dark:
                            browser.execute_script("document.getElementById('control').open = true")
                        shot = browser.execute_cdp_cmd(
                            "Page.captureScreenshot", {"captureBeyondViewport": name != "ledger"}
                        )
                        path = folder / f"{name}-{width}{'-dark' if dark else ''}.png"
                        path.write_bytes(base64.b64decode(shot["data"]))
                        print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
