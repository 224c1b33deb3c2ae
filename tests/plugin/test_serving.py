"""An emulator is served when its address is asked for, and ends whatever hangs on it."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from kraty_server.testing import Emulator
from kraty_server.testing.server import serving
from tests.servers.fault_proxy import free_port


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("kraty-emulator")]


def ping(url: str) -> int:
    return httpx.get(f"{url}/_emulator/clock", trust_env=False).status_code


def test_it_is_served_once_its_address_is_asked_for() -> None:
    before = threads()
    with Emulator() as emulator:
        assert threads() == before
        with ThreadPoolExecutor(8) as pool:
            (url,) = {*pool.map(lambda _: emulator.url, range(8))}
        assert ping(url) == 200
        assert threads() == [*before, "kraty-emulator"]
    assert threads() == before
    with pytest.raises(RuntimeError, match="is closed"):
        _ = emulator.url
    emulator.close()  # once more does no harm


def test_a_server_that_does_not_start_is_an_error_and_gives_its_port_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "START", 0.01)
    monkeypatch.setattr(serving.Server, "_serve", lambda self: None)
    emulator = Emulator(port=(port := free_port()))
    with pytest.raises(RuntimeError, match="did not start to listen"):
        _ = emulator.url
    socket.create_server(("127.0.0.1", port)).close()
    emulator.close()


def test_on_a_port_that_was_given_it_is_served_at_once() -> None:
    port = free_port()
    with Emulator(port=port):
        assert ping(f"http://127.0.0.1:{port}") == 200
        second = Emulator(port=port)
        with pytest.raises(OSError, match="(?i)address already in use|only one usage"), second:
            pass
        with pytest.raises(RuntimeError, match="is closed"):
            _ = second.url


def test_a_request_that_hangs_does_not_hold_up_the_end() -> None:
    emulator = Emulator()
    emulator.fault(latency=1000)
    with ThreadPoolExecutor(1) as pool:
        headers = {"authorization": f"Bearer {emulator.api_key}"}
        url = f"{emulator.url}/server/v1/ping"
        pool.submit(httpx.get, url, headers=headers, trust_env=False, timeout=60)
        while not emulator.requests:
            time.sleep(0.01)
        begun = time.monotonic()
        emulator.close()
        assert time.monotonic() - begun < 30
