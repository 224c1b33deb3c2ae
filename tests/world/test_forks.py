"""Children forked amid a first call do not hang, since whatever a call needs is imported when the client is made.

os.fork beside a thread that makes its first call, gunicorn's preload, imports seen by an audit hook, and a process that
gets the id of a dead relative. Everything runs in processes of its own, and each ends by itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.servers.fault_proxy import free_port
from tests.servers.peer import BALANCE, Peer, Request, answer, failure, fitting

ROOT = Path(__file__).parents[2]
TRANSPORTS = ["blocking", "httpx", *(["aiohttp"] if find_spec("aiohttp") else [])]
TRANSPORTS += ["blocking-fast", "fast"] if find_spec("httptools") else []
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
each_flavour = pytest.mark.parametrize("flavour", TRANSPORTS)


def run(program: str, *arguments: str, timeout: float = 60.0) -> str:
    """Run a program in a fresh interpreter; what it printed."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "generated")])
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(program), *arguments],
        capture_output=True,
        timeout=timeout,
        text=True,
        # Not traced for coverage: a fork would take the tracer's locks along.
        env={k: v for k, v in os.environ.items() if not k.startswith("COVERAGE")}
        | {"PYTHONPATH": paths, "KRATY_SERVER_KEY": "prefix.secret"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# What both programs begin with: `call(kraty)` makes a call of either flavour.
CLIENT = """
    import asyncio, os, sys, time, signal, threading, faulthandler
    from kraty_server import AsyncKratyServer, KratyServer, KratyError, RetryConfig
    from datetime import datetime
    flavour, url = sys.argv[1:3]
    blocking = flavour.startswith("blocking")

    def make(url=url, **options):
        options = {"base_url": url, "timeout": 10.0, "retry": RetryConfig(attempts=2, initial_delay=0.001)} | options
        if blocking:
            return KratyServer(transport="fast" if "fast" in flavour else "httpx", **options)
        return AsyncKratyServer(transport=flavour, **options)

    def call(kraty, use=lambda kraty: kraty.health.ping()):
        if blocking:
            return use(kraty)
        async def main():
            try:
                return await use(kraty)
            finally:
                await asyncio.sleep(0)
        return asyncio.run(main())
"""

AMID_A_FIRST_CALL = (
    CLIENT
    + """
    ROUNDS = 60
    kraty = make()  # made, and never used here: every round below makes the first call of its process

    def round_(number):
        def first():
            try: call(kraty)
            except KratyError: pass
        thread = threading.Thread(target=first)
        thread.start()
        time.sleep(number * 0.0007)
        child = os.fork()
        if child == 0:
            faulthandler.dump_traceback_later(8, exit=True, file=sys.stderr)
            try: call(kraty)
            except BaseException as error: print(repr(error), file=sys.stderr); os._exit(1)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        thread.join(8)
        os._exit(2 if thread.is_alive() else code != 0)

    running, bad = [], 0
    for number in range(ROUNDS):
        if (pid := os.fork()) == 0:
            round_(number % 30)
        running.append(pid)
        if len(running) == 4:
            bad += os.waitpid(running.pop(0), 0)[1] != 0
        if bad > 2:
            break
    for pid in running:
        bad += os.waitpid(pid, 0)[1] != 0
    print(bad)
"""
)


@each_flavour
def test_no_child_that_was_forked_amid_a_first_call_hangs(flavour: str) -> None:
    with Peer() as peer:
        assert run(AMID_A_FIRST_CALL, flavour, peer.url, timeout=100).strip() == "0"


IMPORTS = (
    CLIENT
    + """
    gone = sys.argv[3]
    told = []
    import logging, contextlib, traceback, linecache, tokenize  # of this program, which prints tracebacks of nothing

    async def warmed_up(): pass
    if not blocking: asyncio.run(warmed_up())

    def hook(info): told.append(info.status)

    class Sink(logging.Handler):
        def emit(self, record): record.getMessage()
    logging.getLogger("kraty_server").addHandler(Sink(logging.DEBUG))
    logging.getLogger("kraty_server").setLevel(logging.DEBUG)
    clients = [make(on_request=hook), make(gone, on_request=hook), make(timeout=0.2, on_request=hook)]
    kraty, nobody, hasty = clients

    watching, seen = False, []
    def audit(event, args):
        if watching and event == "import":
            seen.append(f"{watching}: {args[0]}")
    sys.addaudithook(audit)

    when = datetime(2026, 1, 2)
    entry = {"type": "currency", "currencyKey": "gems", "amount": 1}
    cases = {
        "success": (kraty, lambda k: k.health.ping()),
        "write": (kraty, lambda k: k.wallet.credit("p", "gold", amount=5)),
        "grant": (kraty, lambda k: k.grants.create("p", entries=[entry], idempotency_key="k")),
        "progress": (kraty, lambda k: k.events.report_progress("p", "e", "a", mode="set", metric_value=1)),
        "by a route of one's own": (kraty, lambda k: k.request("POST", "/server/v1/new", {"a": 1.5})),
        "odd dates": (kraty, lambda k: k.players.friends("p")),
        "gzip": (kraty, lambda k: k.wallet.credit("gzip", "gold", amount=5)),
        "envelope 404": (kraty, lambda k: k.wallet.credit("404", "gold", amount=5)),
        "envelope 409": (kraty, lambda k: k.wallet.credit("409", "gold", amount=5)),
        "429 with a date": (kraty, lambda k: k.wallet.credit("429", "gold", amount=5)),
        "retried": (kraty, lambda k: k.wallet.credit("503", "gold", amount=5)),
        "page": (kraty, lambda k: k.wallet.credit("page", "gold", amount=5)),
        "no JSON": (kraty, lambda k: k.wallet.credit("text", "gold", amount=5)),
        "lacks a field": (kraty, lambda k: k.wallet.credit("lacking", "gold", amount=5)),
        "cut": (hasty, lambda k: k.wallet.credit("cut", "gold", amount=5)),
        "garbage": (kraty, lambda k: k.wallet.credit("garbage", "gold", amount=5)),
        "refused": (nobody, lambda k: k.wallet.credit("p", "gold", amount=5)),
        "late": (hasty, lambda k: k.wallet.credit("silent", "gold", amount=5)),
        "with options": (kraty, lambda k: k.with_options(headers={"X-Trace": "1"}).health.ping()),
    }
    def case(name, kraty, use):
        global watching
        watching = name
        try:
            return use(kraty)
        except KratyError as error:
            str(error)
        finally:
            watching = False

    async def awaited_case(name, kraty, use):
        global watching
        watching = name
        try:
            return await use(kraty)
        except KratyError as error:
            str(error)
        finally:
            watching = False

    if blocking:
        for name, (kraty, use) in cases.items(): case(name, kraty, use)
    else:
        async def main():
            for name, (kraty, use) in cases.items(): await awaited_case(name, kraty, use)
            for kraty in clients: await kraty.aclose()
        asyncio.run(main())
    assert len(told) >= len(cases), told
    print("\\n".join(seen))
"""
)


def odd(request: Request) -> bytes | None:
    """What the players of these names get."""
    special: dict[str, Any] = {
        "gzip": lambda: answer(BALANCE, packed=True),
        "404": lambda: failure(404, "not_found"),
        "409": lambda: failure(409, "idempotency_conflict"),
        "429": lambda: failure(429, "rate_limited", headers={"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}),
        "503": lambda: failure(503, "internal_error", headers={"X-Request-Id": "r"}),
        "page": lambda: answer(b"<html>", 200, {"Content-Type": "text/html"}),
        "text": lambda: answer(b"OK", 200),
        "lacking": lambda: answer({"data": {"economyKey": "gold", "balance": 5}}),
        "cut": lambda: answer(BALANCE)[:-5],
        "garbage": lambda: b"\x00\xff no HTTP\r\n\r\n",
        "silent": lambda: None,
    }
    if "/players/p/friends" in request.line:
        friend = {"externalPlayerId": "q", "displayName": "Q", "since": "2026-W03-1T10:00:00,5+01"}
        return answer({"data": [friend], "friends": [friend], "items": [friend]})
    for name, said in special.items():
        if f"/players/{name}/" in request.line:
            made: bytes | None = said()
            return made
    if request.line.startswith("POST") and "/grants" in request.line:
        return failure(400, "validation_failed")
    return fitting(request)


@each_flavour
def test_no_call_imports_anything_that_making_the_client_did_not(flavour: str) -> None:
    with Peer(odd) as peer:
        seen = run(IMPORTS, flavour, peer.url, f"http://127.0.0.1:{free_port()}")
    assert seen.split("\n") == ["", ""], "imported within a call:\n" + seen


PID_OF_THE_DEAD = (
    CLIENT
    + """
    kraty = make()
    loop = asyncio.new_event_loop() if not blocking else None

    def again():  # in the loop that is inherited, as far as that can be: a new one otherwise
        return kraty.health.ping() if loop is None else loop.run_until_complete(kraty.health.ping())

    again()
    sys.stdout.flush()
    if (relative := os.fork()) == 0:
        again()
        mine = os.getpid()
        if (child := os.fork()) == 0:
            os.getpid = lambda: mine  # the system gives the ids of dead processes to new ones
            again()
            os._exit(0)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(os.waitstatus_to_exitcode(os.waitpid(relative, 0)[1]))
"""
)


@each_flavour
def test_a_child_with_the_id_of_a_dead_relative_does_not_take_over_its_connections(flavour: str) -> None:
    with Peer() as peer:
        assert run(PID_OF_THE_DEAD, flavour, peer.url).strip() == "0"
        assert [request.connection for request in peer.requests] == [1, 2, 3]


PRELOADED = (
    CLIENT
    + """
    kraty = make()
    threading.Thread(target=lambda: [call(kraty) for _ in range(20)], daemon=True).start()  # a check at start, say

    def app(environ, start_response):
        told = call(kraty, lambda kraty: kraty.wallet.credit("p", "gold", amount=5)).applied
        start_response("200 OK", [("Content-Length", "4")])
        return [b"True" if told else b"Fals"]
"""
)


@each_flavour
def test_a_client_made_before_gunicorn_forks_serves_every_worker(flavour: str, tmp_path: Path) -> None:
    pytest.importorskip("gunicorn")
    import httpx

    program = textwrap.dedent(PRELOADED).replace("sys.argv[1:3]", 'os.environ["CALL"].split()')
    (tmp_path / "shop.py").write_text(program)
    port = free_port()
    paths = os.pathsep.join([str(ROOT), str(ROOT / "generated"), str(tmp_path)])
    with Peer() as peer:
        environ = os.environ | {
            "PYTHONPATH": paths,
            "KRATY_SERVER_KEY": "prefix.secret",
            "CALL": f"{flavour} {peer.url}",
        }
        command = ["gunicorn", "--preload", "-w3", "--timeout", "20", "-b", f"127.0.0.1:{port}", "shop:app"]
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=environ,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            transport = httpx.HTTPTransport(retries=8)
            with httpx.Client(transport=transport, timeout=20, trust_env=False) as client:
                told = [client.get(f"http://127.0.0.1:{port}").text for _ in range(30)]
            assert told == ["True"] * 30
        finally:
            process.terminate()
            output, _ = process.communicate(timeout=30)
            assert b"Traceback" not in output, output.decode()
        assert len({r.key for r in peer.requests if r.line.startswith("POST")}) == 30
