"""Private names of httpx, httpcore and aiohttp: each is where we look for it, and without it there is a way on.

Run at both ends of the ranges by `make test-bounds`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpcore
import httpx
import pytest

from kraty_server import AsyncKratyServer, KratyServer, RetryConfig
from kraty_server._http import private
from kraty_server._http.deadline import DeadlineBackend
from tests.servers.raw import PONG, RawServer, Reply

OPTIONS: dict[str, Any] = {"api_key": "prefix.secret", "retry": RetryConfig(attempts=1)}


@pytest.fixture(autouse=True)
def complaints(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """What was said about names that are gone, once each."""
    private._missing.cache_clear()
    caplog.set_level(logging.WARNING, "kraty_server")
    yield lambda: caplog.messages
    private._missing.cache_clear()


def ping_twice(url: str) -> None:
    with KratyServer(base_url=url, **OPTIONS) as kraty:
        assert kraty.health.ping().ok
        assert kraty.health.ping().ok


def test_each_name_is_where_we_look_for_it(complaints: Callable[[], list[str]]) -> None:
    pytest.importorskip("aiohttp")
    with RawServer([Reply(body=PONG)]) as server:
        ping_twice(server.url)
        assert len(server.connections) == 1

        async def main() -> None:
            for transport in ("httpx", "aiohttp"):
                async with AsyncKratyServer(base_url=server.url, transport=transport, **OPTIONS) as kraty:
                    assert (await kraty.health.ping()).ok

        asyncio.run(main())
    assert complaints() == []


def test_a_url_gets_its_path_without_parsing_and_else_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    base = httpx.URL("https://api.kraty.io/base")
    for path in ("/server/v1/ping", "/a%2Fb/!'()*~"):
        made = private.url_with_path(base, path)
        assert made == httpx.URL(f"https://api.kraty.io{path}")
        assert made.raw_path == path.encode()

    monkeypatch.setattr(private, "_new_url", lambda _: object())  # which takes no such attribute
    assert private.url_with_path(base, "/a%2Fb").raw_path == b"/a%2Fb"


def test_the_deadline_is_installed_and_taken_out_again_as_often_as_it_was_installed() -> None:
    with httpx.Client() as client:
        transport: Any = client._transport
        before = transport._pool._network_backend
        first, second = private.install_deadline(client), private.install_deadline(client)
        assert first == second
        assert isinstance(transport._pool._network_backend, DeadlineBackend)
        private.uninstall_deadline(client)
        assert transport._pool._network_backend is first[0]
        private.uninstall_deadline(client)
        assert transport._pool._network_backend is before


def test_where_httpx_hides_its_pools_calls_go_on_and_the_log_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, complaints: Callable[[], list[str]]
) -> None:
    monkeypatch.setattr(private, "_pools", lambda given: iter(()))
    with RawServer([Reply(body=PONG)]) as server:
        ping_twice(server.url)
    assert complaints() == [
        "this release of httpx hides what kraty-server needs: a server that drips is not cut off at the deadline"
    ]


def test_where_httpcore_hides_what_is_left_each_connection_has_one_call(
    monkeypatch: pytest.MonkeyPatch, complaints: Callable[[], list[str]]
) -> None:
    monkeypatch.setattr(private, "_http1_state", lambda response: None)
    with RawServer([Reply(body=PONG)]) as server:
        ping_twice(server.url)
        assert len(server.connections) == 2
    assert len(complaints()) == 1
    assert "each connection is closed after one call" in complaints()[0]


def test_a_state_is_found_behind_the_streams_of_a_client_and_none_in_a_mock() -> None:
    def state_of(response: httpx.Response) -> Any:
        try:
            return private._http1_state(response)
        finally:
            response.close()

    with RawServer([Reply(body=PONG)]) as server, httpx.Client() as client:
        request = client.build_request("GET", server.url)
        assert state_of(client.send(request, stream=True)) is not None
        with httpx.HTTPTransport() as transport:
            assert state_of(transport.handle_request(request)) is not None
    assert private.has_unread(httpx.Response(200, content=b"{}")) is False
    assert private.forbid_reuse(httpx.Response(200, content=b"{}")) is False


def test_the_backend_of_httpcore_is_one_of_its_public_ones() -> None:
    with httpx.HTTPTransport() as transport:
        pool: Any = transport._pool
        assert isinstance(pool._network_backend, httpcore.NetworkBackend)
