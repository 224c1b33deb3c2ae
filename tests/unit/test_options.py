"""A client that cannot work is refused where it is made; options do what they say."""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from kraty_server import AsyncKratyServer, KratyServer, KratyServerError, RequestInfo, RetryConfig, __version__
from kraty_server.testing import Emulator
from tests.flavours import FLAVOURS, Flavour, both, given_transport
from tests.servers.raw import RawServer, Reply

KEY = "prefix.secret"
MAKERS = [KratyServer, AsyncKratyServer]
makers = pytest.mark.parametrize("make", MAKERS)
PONG = Reply(
    body=b'{"ok":true,"apiKey":{"id":"k","prefix":"p","permissionSet":"s","environment":"test","studioId":"s","gameId":null}}'
)


def ping(kraty: Any) -> Any:
    return kraty.health.ping()


@makers
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("kraty.example", "https://"), ("//kraty.example", "https://"), ("ftp://kraty.example", "https://"),
        ("https://", "https://"), ("https://u@kraty.example", "credentials"), ("https://:p@kraty.example", "credentials"),
        ("https://kraty.example?a=1", "query"), ("https://kraty.example?", "query"), ("https://kraty.example#x", "fragment"),
        ("https://kraty.example/a/../b", "path"), ("https://kraty.example:port", "base_url"), ("https://[::1", "base_url"),
        ("", "empty"), (" https://kraty.example", "white space"), ("https://kräty.example", "non-ASCII"),
        ("https://kraty.example\n", "white space"), ("http://kraty.example", "http would show the key"),
        ("http://127.0.0.1.kraty.example", "http would show"), ("http://10.0.0.1", "http would show"),
    ],
)  # fmt: skip
def test_a_base_url_that_cannot_be_is_refused(make: Any, url: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^base_url: .*{why}" if why != "base_url" else "^base_url: "):
        make(api_key=KEY, base_url=url)


@makers
@pytest.mark.parametrize(
    "url",
    ["https://kraty.example", "https://kraty.example:8443/proxy/", "HTTPS://kraty.example///", "http://127.0.0.1:1",
     "http://127.9.9.9", "http://[::1]:1", "http://localhost:1", "http://kraty.localhost"],
)  # fmt: skip
def test_a_base_url_that_can_be_is_taken(make: Any, url: str) -> None:
    assert not make(api_key=KEY, base_url=url)._options.base_url.endswith("/")


REFUSED = "base_url: http would show the key"


@makers
@pytest.mark.parametrize(
    ("variable", "given", "refusal"),
    [
        (None, None, REFUSED), ("", None, REFUSED), ("0", None, REFUSED), ("false", None, REFUSED),
        ("1", None, None), ("true", None, None), ("True", None, None),
        ("1", False, REFUSED), ("0", True, None), (None, True, None), (None, False, REFUSED), ("maybe", True, None),
        ("yes", None, "KRATY_ALLOW_HTTP: 1 or 0"), (" 1", None, "KRATY_ALLOW_HTTP: 1 or 0"),
        (None, "false", "allow_http: true or false"), (None, 1, "allow_http: true or false"),
    ],
)  # fmt: skip
def test_http_needs_a_word_unless_it_is_loopback(
    make: Any, variable: str | None, given: Any, refusal: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is None:
        monkeypatch.delenv("KRATY_ALLOW_HTTP", raising=False)
    else:
        monkeypatch.setenv("KRATY_ALLOW_HTTP", variable)
    if refusal is None:
        assert make(api_key=KEY, base_url="http://emulator:8480", allow_http=given)
    else:
        with pytest.raises((ValueError, TypeError), match=f"^{refusal}"):
            make(api_key=KEY, base_url="http://emulator:8480", allow_http=given)
    if refusal in (REFUSED, None):
        assert make(api_key=KEY, base_url="http://127.0.0.1:8480", allow_http=given)


@makers
def test_key_and_base_url_come_from_the_environment(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KRATY_SERVER_KEY", raising=False)
    with pytest.raises(ValueError, match="KRATY_SERVER_KEY"):
        make()
    monkeypatch.setenv("KRATY_SERVER_KEY", "from.environment")
    monkeypatch.setenv("KRATY_BASE_URL", "https://kraty.example/")
    made = make()
    assert (made._options.key.reveal(), made._options.base_url) == ("from.environment", "https://kraty.example")
    assert make(api_key=KEY, base_url="https://other.example")._options.base_url == "https://other.example"
    monkeypatch.delenv("KRATY_BASE_URL")
    assert make()._options.base_url == "https://api.kraty.io"


@makers
@pytest.mark.parametrize(
    "wrong",
    [{"timeout": 0}, {"timeout": -1}, {"timeout": math.nan}, {"timeout": math.inf}, {"timeout": "1"}, {"timeout": True},
     {"deadline": 0}, {"deadline": None}, {"retry": 3}, {"on_request": "x"}, {"generate_idempotency_key": "x"},
     {"http_client": "x"}],
    ids=str,
)  # fmt: skip
def test_an_option_that_cannot_be_is_refused_by_name(make: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{next(iter(wrong))}: "):
        make(api_key=KEY, **wrong)
    if next(iter(wrong)) in ("timeout", "deadline", "retry", "on_request"):
        with pytest.raises((ValueError, TypeError), match=f"^{next(iter(wrong))}: "):
            make(api_key=KEY).with_options(**wrong)


def test_an_http_client_of_the_other_flavour_is_refused() -> None:
    with pytest.raises(TypeError, match=r"httpx\.Client is needed"):
        KratyServer(api_key=KEY, http_client=httpx.AsyncClient())  # type: ignore[arg-type]  # that is the point
    with httpx.Client() as client, pytest.raises(TypeError, match=r"httpx\.AsyncClient is needed"):
        AsyncKratyServer(api_key=KEY, http_client=client)  # type: ignore[arg-type]  # that is the point


@makers
@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "x"}, {"x-kraty-sdk": "x"}, {"HOST": "x"}, {"a b": "x"}, {"": "x"}, {"a": "x\r\ny: z"}, {"a": "é"},
     {"a": ""}, {"a": 1}],
    ids=str,
)  # fmt: skip
def test_headers_that_cannot_be_or_are_ours_are_refused(make: Any, headers: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError), match="^headers: "):
        make(api_key=KEY).with_options(headers=headers)


@both
def test_with_options_shares_the_connections_and_changes_nothing_else(flavour: Flavour) -> None:
    told: list[RequestInfo] = []
    with RawServer([PONG]) as server:

        def use(kraty: Any) -> Any:
            other = kraty.with_options(headers={"X-Trace": "1"}, on_request=told.append).with_options(
                headers={"X-More": "2"}
            )
            assert other._connections is kraty._connections
            if flavour.name == "sync":
                return [ping(kraty), ping(other), ping(kraty)]

            async def three() -> Any:
                return [await ping(kraty), await ping(other), await ping(kraty)]

            return three()

        flavour(use, api_key=KEY, base_url=server.url)
    assert [(r.headers.get("x-trace"), r.headers.get("x-more")) for r in server.arrived] == [
        (None, None), ("1", "2"), (None, None)]  # fmt: skip
    assert len(server.connections) == 1
    assert len(told) == 1


@both
def test_every_request_says_who_it_is_from(flavour: Flavour) -> None:
    with RawServer([PONG]) as server:
        flavour(ping, api_key=KEY, base_url=server.url)
    headers = server.arrived[0].headers
    assert (headers["authorization"], headers["accept"]) == (f"Bearer {KEY}", "application/json")
    assert headers["x-kraty-sdk"] == f"kraty-server/{__version__}"
    assert headers["user-agent"].startswith(f"kraty-server/{__version__} Python/3.")


def http_client(flavour: Flavour, **options: Any) -> Any:
    return httpx.Client(**options) if flavour.name == "sync" else httpx.AsyncClient(**options)


@both
def test_a_client_of_yours_sends_our_key_and_headers_and_keeps_its_own(flavour: Flavour) -> None:
    with RawServer([PONG]) as server:
        given = http_client(flavour, headers={"X-Mine": "1", "Connection": "close"}, auth=("user", "password"))
        flavour(ping, api_key=KEY, base_url=server.url, http_client=given)
        headers = server.arrived[0].headers
    assert (headers["authorization"], headers["x-mine"]) == (f"Bearer {KEY}", "1")
    assert headers["x-kraty-sdk"] == f"kraty-server/{__version__}"
    assert not given.is_closed


@both
def test_a_client_of_yours_obeys_our_timeout_and_follows_no_redirect(flavour: Flavour) -> None:
    answers = [Reply(307, b"", {"location": "/elsewhere"})]
    once = {"api_key": KEY, "retry": RetryConfig(attempts=1)}

    def moved_ping(kraty: Any) -> Any:
        if flavour.name == "sync":
            with given:
                return ping(kraty)

        async def closing() -> Any:
            async with given:
                return await ping(kraty)

        return closing()

    given = http_client(flavour, follow_redirects=True)
    with RawServer(answers) as server, pytest.raises(KratyServerError) as moved:
        flavour(moved_ping, base_url=server.url, http_client=given, **once)
    assert (moved.value.status, len(server.arrived)) == (307, 1)
    emulator = Emulator()
    emulator.fault(latency=5.0, times=None)
    make: Callable[..., Any] = emulator.client if flavour.name == "sync" else emulator.async_client
    client: Any = httpx.Client if flavour.name == "sync" else httpx.AsyncClient
    given = client(transport=given_transport(make()))
    with pytest.raises(Exception, match=r"no answer in time after 1 attempt \(timeout 0.05 s"):
        flavour(
            ping,
            api_key=KEY,
            base_url="http://127.0.0.1:1",
            http_client=given,
            timeout=0.05,
            retry=RetryConfig(attempts=1),
        )
    emulator.close()


@both
def test_routes_newer_than_this_sdk_can_be_called(flavour: Flavour) -> None:
    with RawServer([Reply(body=b'{"data":{"spent":5}}')]) as server:

        def use(kraty: Any) -> Any:
            return kraty.request("POST", "/server/v1/players/a%2Fb/spend", {"amount": 5})

        assert flavour(use, api_key=KEY, base_url=server.url, generate_idempotency_key=lambda: "k") == {
            "data": {"spent": 5}
        }
        flavour(lambda kraty: kraty.request("get", "/server/v1/x?y=1"), api_key=KEY, base_url=server.url)
        bag = {"a": 1}
        flavour(
            lambda kraty: kraty.request("PUT", "/server/v1/m", bag, idempotency_key=None),
            api_key=KEY,
            base_url=server.url,
        )
        flavour(
            lambda kraty: kraty.request("POST", "/server/v1/m", idempotency_key="own"), api_key=KEY, base_url=server.url
        )
    first, second, third, fourth = server.arrived
    assert (first.method, first.target) == ("POST", "/server/v1/players/a%2Fb/spend")
    assert json.loads(first.body) == {"amount": 5, "idempotencyKey": "k"}
    assert (second.method, second.target, second.body) == ("GET", "/server/v1/x?y=1", b"")
    assert json.loads(third.body) == {"a": 1}
    assert json.loads(fourth.body) == {"idempotencyKey": "own"}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (("TRACE", "/x"), "method"), (("GET", "x"), "path"), (("GET", "//evil.example/x"), "path"), (("GET", ""), "path"),
        (("GET", "/a/../b"), "path"), (("GET", "/a b"), "path"), (("GET", "/é"), "path"), (("GET", "/a#b"), "path"),
        (("GET", "https://evil.example/"), "path"), (("POST", "/x", {"a": math.nan}), "body"), ((1, "/x"), "method"),
        (("POST", "/x", {1, 2}), "body"),
    ],
    ids=str,
)  # fmt: skip
@both
def test_a_route_that_cannot_be_is_refused(flavour: Flavour, given: tuple[Any, ...], why: str) -> None:
    with RawServer([PONG]) as server, pytest.raises((ValueError, TypeError), match=f"^{why}"):
        flavour(lambda kraty: kraty.request(*given), api_key=KEY, base_url=server.url)
    assert server.arrived == []


HALF = Reply(body=b'{"data":{"economyKey":"gold","applied":true}}')
WHOLE = Reply(body=b'{"data":{"economyKey":"gold","balance":5,"applied":true}}')


@both
def test_a_field_that_the_server_left_out_is_missed_only_where_it_is_used(
    flavour: Flavour, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kraty_server._flow._warned", set())
    with RawServer([HALF]) as server:
        for _ in range(2):
            result = flavour(lambda k: k.wallet.credit("p", "gold", amount=1), api_key=KEY, base_url=server.url)
    assert result.applied is True
    with pytest.raises(AttributeError, match="the server did not send"):
        _ = result.balance
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "wallet.credit: the server did not send" in warnings[0]
    assert "balance" in warnings[0]


@both
def test_strict_responses_raise_instead(flavour: Flavour) -> None:
    with RawServer([HALF]) as server, pytest.raises(KratyServerError, match="balance") as lacking:
        flavour(
            lambda k: k.wallet.credit("p", "gold", amount=1), api_key=KEY, base_url=server.url, strict_responses=True
        )
    assert (lacking.value.outcome, len(server.arrived)) == ("applied", 1)


@both
def test_msgspec_reads_answers_where_it_was_asked_for(flavour: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    msgspec = pytest.importorskip("msgspec", reason="msgspec is not installed: there is no wheel of it for this Python")
    read: list[bytes] = []

    class Decoder:
        def decode(self, content: bytes) -> Any:
            read.append(content)
            raise msgspec.DecodeError("as of half a surrogate pair")

    monkeypatch.setattr(msgspec.json, "Decoder", Decoder)
    with RawServer([WHOLE]) as server:
        options: dict[str, Any] = {"api_key": KEY, "base_url": server.url}
        for asked, number in (({"json": "msgspec"}, 1), ({}, 1), ({"json": "json"}, 1)):
            result = flavour(lambda k: k.wallet.credit("p", "gold", amount=1), **options, **asked)
            assert (result.balance, len(read)) == (5, number)
        monkeypatch.setenv("KRATY_JSON", "msgspec")
        flavour(lambda k: k.with_options(timeout=5).wallet.credit("p", "gold", amount=1), **options)
    assert read == [WHOLE.body, WHOLE.body]


@makers
def test_a_reader_that_is_unknown_or_not_there_is_refused(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="^json: 'json' or 'msgspec' is needed, got 'orjson'"):
        make(api_key=KEY, json="orjson")
    monkeypatch.setitem(sys.modules, "msgspec", None)
    with pytest.raises(ValueError, match=r"^json: msgspec is not installed; install kraty-server\[msgspec\]"):
        make(api_key=KEY, json="msgspec")
    monkeypatch.setenv("KRATY_JSON", "msgspec")
    with pytest.raises(ValueError, match="^KRATY_JSON: msgspec is not installed"):
        make(api_key=KEY)
    assert make(api_key=KEY, json="json")


@both
@pytest.mark.parametrize("made", ["", " ", "a\n", None, 5])
def test_a_generator_of_bad_keys_is_refused_before_anything_is_sent(flavour: Flavour, made: Any) -> None:
    with RawServer([HALF]) as server, pytest.raises((ValueError, TypeError), match="^generate_idempotency_key"):
        flavour(
            lambda k: k.wallet.credit("p", "gold", amount=1),
            api_key=KEY, base_url=server.url, generate_idempotency_key=lambda: made,
        )  # fmt: skip
    assert server.arrived == []


def test_both_flavours_are_tested() -> None:
    assert [flavour.name for flavour in FLAVOURS] == ["sync", "async", "aiohttp"]
