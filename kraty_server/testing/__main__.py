"""`python -m kraty_server.testing`: an emulator for services in any language."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from ipaddress import ip_address

from kraty_server.testing._emulator import Emulator


def main(arguments: list[str] | None = None) -> int:
    """Serve an emulator until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser("python -m kraty_server.testing", description="Kraty on your machine, for tests.")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8480, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--seed", metavar="FILE", help="a JSON file with players, events, ...")
    parser.add_argument("--db", metavar="FILE", help="keep the state in this file")
    parser.add_argument("--webhook-url", metavar="URL", help="deliver all webhooks of the test key here")
    parser.add_argument("--webhook-secret", metavar="SECRET", default="whsec_emulator", help="default: %(default)s")
    given = parser.parse_args(arguments)
    stop = threading.Event()

    def stopping(_number: int, _frame: object) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stopping)
    try:
        emulator = Emulator(
            seed=given.seed,
            db=given.db,
            webhook_url=given.webhook_url,
            webhook_secret=given.webhook_secret,
            port=given.port,
            host=given.host,
        )
        emulator.__enter__()
    except (OSError, ValueError) as error:
        print(f"the emulator cannot start: {error}", file=sys.stderr)
        return 1
    print("This is an emulator for development and tests. It is NO production server.", file=sys.stderr)
    if given.host != "localhost" and not ip_address(given.host).is_loopback:
        print(f"It listens on {given.host}: whoever reaches it can do everything.", file=sys.stderr)
    print(f"ready: {emulator.url} KRATY_SERVER_KEY={emulator.api_key}", flush=True)
    stop.wait()
    emulator.close()
    print("stopped", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
