"""How much work is a call? Counted in instructions of Python in our own code, so that the clock has no say.

`python -m benchmarks.work` prints the counts and fails where one has grown by more than a tenth over `work.json`;
`--write` takes them over.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

import kraty_server
import kraty_server_generated
from benchmarks.client import CREDIT, AtOnce, delivery
from kraty_server import AsyncKratyServer, KratyServer
from kraty_server.webhooks import Webhooks
from tests.servers.fast import LARGE, running

BASELINE = Path(__file__).with_name("work.json")
OURS = tuple(str(Path(str(package.__file__)).parent) for package in (kraty_server, kraty_server_generated))
GROWTH = 0.10
OPTIONS: dict[str, Any] = {"api_key": "bench.key", "base_url": "http://127.0.0.1:1"}


def instructions(call: Callable[[], object]) -> int:
    """Count the instructions that a call executes in our code."""
    counted = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal counted
        if event == "call":
            if not frame.f_code.co_filename.startswith(OURS):
                return None
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        counted += event == "opcode"
        return trace

    for _ in range(3):  # caches fill, and what is imported on first use is imported
        call()
    before = sys.gettrace()
    sys._getframe().f_trace_opcodes = True  # from 3.12 on, `settrace` leaves opcodes out until a frame has asked
    sys.settrace(trace)
    try:
        call()  # from 3.13 on, code shows its opcodes once it has been traced
        counted = 0
        call()
    finally:
        sys.settrace(before)
    return counted


def counts() -> dict[str, int]:
    """The counts of some calls: without I/O, and over each of our transports."""
    large = AtOnce()
    large.content = LARGE.partition(b"\r\n\r\n")[2]
    with ExitStack() as stack:
        url = stack.enter_context(running())
        loop = stack.enter_context(asyncio.Runner())

        def blocking(**options: Any) -> KratyServer:
            return stack.enter_context(KratyServer(**OPTIONS | options))

        def awaited(transport: Any) -> Callable[[], object]:
            async def made() -> AsyncKratyServer:
                return AsyncKratyServer(**OPTIONS | {"transport": transport, "base_url": url})

            kraty = loop.run(made())
            stack.callback(lambda: loop.run(kraty.aclose()))

            async def call() -> None:  # without a result, which asyncio would make a text of
                await kraty.wallet.credit("p", "gold", **CREDIT)

            return lambda: loop.run(call())

        plain, reader, socket = blocking(transport=AtOnce()), blocking(transport=large), blocking(base_url=url)
        fast = blocking(base_url=url, transport="fast")
        webhooks, (raw, headers) = Webhooks("s"), delivery()
        return {
            "webhook read": instructions(lambda: webhooks.read(raw, headers)),
            "sync wallet.credit": instructions(lambda: plain.wallet.credit("p", "gold", **CREDIT)),
            "sync players.get": instructions(lambda: reader.players.get("p")),
            "async wallet.credit": instructions(awaited(AtOnce())),
            "with_options": instructions(lambda: plain.with_options(timeout=5.0)),
            "sync wallet.credit, sent": instructions(lambda: socket.wallet.credit("p", "gold", **CREDIT)),
            "sync wallet.credit, sent by fast": instructions(lambda: fast.wallet.credit("p", "gold", **CREDIT)),
            "async wallet.credit, sent by fast": instructions(awaited("fast")),
            "async wallet.credit, sent by httpx": instructions(awaited("httpx")),
            "async wallet.credit, sent by aiohttp": instructions(awaited("aiohttp")),
        }


def grown(now: dict[str, int], before: dict[str, int]) -> list[str]:
    """What has grown by more than a tenth, or was not counted before."""
    return [f"{name}: {before.get(name, 'nothing')} → {count}" for name, count in now.items()
            if count > before.get(name, 0) * (1 + GROWTH)]  # fmt: skip


def main() -> int:
    """Print, and compare or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="take the counts over")
    given = parser.parse_args()
    version = "{}.{}".format(*sys.version_info)
    baseline = json.loads(BASELINE.read_text("utf-8")) if BASELINE.exists() else {}
    now = counts()
    for name, count in now.items():
        print(f"{name:<38}{count:>8} instructions, {baseline.get(version, {}).get(name, 'nothing')} before")
    if given.write:
        BASELINE.write_text(json.dumps(baseline | {version: now}, indent=2, sort_keys=True) + "\n", "utf-8")
        return 0
    if more := grown(now, baseline.get(version, {})):
        print(
            f"more than a tenth more work on Python {version}, unless it is wanted and you --write it:",
            *more,
            sep="\n  ",
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
