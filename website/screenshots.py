"""Pictures of the site, to be looked at: `make site-screenshots`."""

from __future__ import annotations

import base64
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from kraty_server import __version__
from tests.emulator.browser import WIDTHS, driven, resize

PAGES: Final = (
    "",
    "first-purchase/",
    "webhooks/",
    "grants/",
    "coming-from-the-vendors-sdk/",
    "performance/",
    "bulk/",
    "cli/",
    "reference/client/",
    "reference/calls/",
    "reference/errors/",
    "reference/models/",
)


class Quiet(SimpleHTTPRequestHandler):
    """Serve files, and say nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet."""


@contextmanager
def served(site: Path) -> Generator[str, None, None]:
    """Serve a folder on loopback while the block runs, and give its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def main(site: Path, folder: Path) -> None:
    """Write a picture of the top of each page at each width, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    for dark in (False, True):
        with served(site) as address, driven(WIDTHS[0], dark=dark) as browser:
            for width in WIDTHS:
                resize(browser, width, 1600)
                for page in PAGES:
                    browser.get(f"{address}/{__version__}/{page}")
                    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {})
                    name = page.strip("/").replace("/", "-") or "home"
                    path = folder / f"{name}-{width}{'-dark' if dark else ''}.png"
                    path.write_bytes(base64.b64decode(shot["data"]))
                    print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
