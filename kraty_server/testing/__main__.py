"""`python -m kraty_server.testing`: an emulator for services in any language."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from ipaddress import ip_address


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a number from 0 to 65535 is needed, got {text!r}")
    return int(text)


def _rate_limit(text: str) -> tuple[float, int | None]:
    per_second, colon, burst = text.partition(":")
    try:
        return float(per_second), int(burst) if colon else None
    except ValueError:
        raise argparse.ArgumentTypeError(f"a number, or two as in 20:40, got {text!r}") from None


def _opens_to_others(host: str) -> bool:
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of an emulator."""
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: %(default)s)")
    parser.add_argument(
        "--allow-host", metavar="NAME", action="append", default=[],
        help="a name that the page and the control routes may be called by, such as a service's in Docker Compose",
    )  # fmt: skip
    parser.add_argument("--port", type=_port, default=8480, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--seed", metavar="FILE", help="a JSON file with players, events, ...")
    parser.add_argument("--db", metavar="FILE", help="keep the state in this file")
    parser.add_argument("--webhook-url", metavar="URL", help="deliver all webhooks of the test key here")
    parser.add_argument("--webhook-secret", metavar="SECRET", default="whsec_emulator", help="default: %(default)s")
    parser.add_argument(
        "--rate-limit", metavar="N[:BURST]", type=_rate_limit,
        help="requests per second of each key, and how many at once (default: no limit)",
    )  # fmt: skip
    parser.add_argument(
        "--row-keys-kept", metavar="SECONDS", type=float,
        help="how long the keys of migrated rows are remembered (default: for ever)",
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Serve an emulator until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser("python -m kraty_server.testing", description="Kraty on your machine, for tests.")
    add_arguments(parser)
    code = serve(parser.parse_args(arguments), show_ready)
    if code == 0:
        print("stopped", flush=True)
    return code


def show_ready(url: str, key: str) -> None:
    """Say where it listens, and with which key it is called."""
    print(f"ready: {url} KRATY_SERVER_KEY={key}", flush=True)


def serve(given: argparse.Namespace, ready: Callable[[str, str], None]) -> int:
    """Serve an emulator until SIGTERM or Ctrl-C.

    Args:
        given: the options.
        ready: called with its URL and its key when it listens.
    """
    stop = threading.Event()

    def stopping(_number: int, _frame: object) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stopping)
    try:
        from kraty_server._clock import SLICE
        from kraty_server.testing import Emulator, RateLimit

        emulator = Emulator(
            seed=given.seed,
            db=given.db,
            webhook_url=given.webhook_url,
            webhook_secret=given.webhook_secret,
            port=given.port,
            host=given.host,
            allow_hosts=given.allow_host,
            rate_limit=given.rate_limit and RateLimit(*given.rate_limit),
            row_keys_kept=given.row_keys_kept,
        )
    except (ModuleNotFoundError, OSError, ValueError) as error:
        print(f"the emulator cannot start: {error}", file=sys.stderr)
        return 1
    try:
        url = emulator.url
    except (OSError, RuntimeError, UnicodeError) as error:
        print(f"the emulator cannot listen on {given.host}, port {given.port}: {error}", file=sys.stderr)
        emulator.close()
        return 1
    print("This is an emulator for development and tests. It is NO production server.", file=sys.stderr)
    if _opens_to_others(given.host):
        print(f"It listens on {given.host}: whoever reaches it can do everything.", file=sys.stderr)
    ready(url, emulator.api_key)
    while not stop.wait(SLICE):
        pass
    emulator.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
