"""The environment is read once, in the constructor, and means the same for every sender; what cannot work is refused there.

Proxies (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SOCKS), certificates (SSL_CERT_FILE, SSL_CERT_DIR), HTTP/2 without
h2. The table goes through real calls to a peer that tells a proxied request from a direct one.
"""

from __future__ import annotations

import asyncio
import importlib
import socket
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock
from urllib import request as urllib_request

import httpx
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from kraty_server import AsyncKratyServer, KratyError, KratyServer, RetryConfig
from tests.servers.peer import Peer
from tests.world.senders import ASYNC, AWAITED_OURS, KEY, OURS, OWN, Sender, own_senders, senders

OPTIONS: dict[str, Any] = {"timeout": 0.5, "retry": RetryConfig(attempts=1), "allow_http": True}


@dataclass(frozen=True)
class Case:
    """What stands in the environment, where a call goes, and whether it goes through the proxy."""

    name: str
    environ: Mapping[str, str]
    proxied: bool
    base_url: str = "http://kraty.test:{port}"

    def filled(self, port: int) -> tuple[dict[str, str], str]:
        values = {"proxy": f"127.0.0.1:{port}", "port": port}
        return {name: value.format(**values) for name, value in self.environ.items()}, self.base_url.format(**values)


HTTPS = "https://kraty.test:{port}"
PROXY = "http://{proxy}"
NOBODY = "http://127.0.0.1:9"


def bypass(name: str, no_proxy: str, proxied: bool, base_url: str = "http://kraty.test:{port}") -> Case:
    return Case(name, {"http_proxy": PROXY, "https_proxy": PROXY, "no_proxy": no_proxy}, proxied, base_url)


CASES = [
    Case("nothing", {}, False),
    Case("http_proxy", {"http_proxy": PROXY}, True),
    Case("HTTP_PROXY", {"HTTP_PROXY": PROXY}, True),
    Case("the lower case first", {"http_proxy": PROXY, "HTTP_PROXY": NOBODY}, True),
    Case("an empty lower case takes the upper case back", {"http_proxy": "", "HTTP_PROXY": PROXY}, False),
    Case("an empty one is none", {"HTTP_PROXY": ""}, False),
    Case("HTTP_PROXY of a CGI script is a header of a stranger", {"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, False),
    Case("http_proxy of a CGI script is not", {"http_proxy": PROXY, "REQUEST_METHOD": "GET"}, True),
    Case("https_proxy is not for http", {"https_proxy": PROXY}, False),
    Case("https_proxy", {"https_proxy": PROXY}, True, HTTPS),
    Case("HTTPS_PROXY", {"HTTPS_PROXY": PROXY}, True, HTTPS),
    Case("http_proxy is not for https", {"http_proxy": PROXY}, False, HTTPS),
    Case("all_proxy for http", {"all_proxy": PROXY}, True),
    Case("ALL_PROXY for http", {"ALL_PROXY": PROXY}, True),
    Case("all_proxy for https", {"all_proxy": PROXY}, True, HTTPS),
    Case("the scheme's own first", {"http_proxy": PROXY, "all_proxy": NOBODY}, True),
    Case("without a scheme", {"http_proxy": "{proxy}"}, True),
    Case("without a scheme for https", {"HTTPS_PROXY": "{proxy}"}, True, HTTPS),
    Case("all_proxy without a scheme", {"ALL_PROXY": "{proxy}"}, True),
    Case("with a slash at its end", {"http_proxy": PROXY + "/"}, True),
    Case("NO_PROXY in upper case", {"HTTP_PROXY": PROXY, "NO_PROXY": "kraty.test"}, False),
    Case("NO_PROXY holds for all_proxy, too", {"ALL_PROXY": PROXY, "NO_PROXY": "kraty.test"}, False),
    Case("no_proxy alone", {"no_proxy": "other.test"}, False),
    bypass("everything", "*", False),
    bypass("everything for https", "*", False, HTTPS),
    bypass("the name", "kraty.test", False),
    bypass("the name for https", "kraty.test", False, HTTPS),
    bypass("the name in other letters", "KRATY.Test", False),
    bypass("one of several, with spaces", "a.test , kraty.test ,b.test", False),
    bypass("another name", "other.test", True),
    bypass("empty entries", ",, ,", True),
    bypass("a suffix without a dot", "test", False),
    bypass("a suffix with a dot", ".test", False),
    bypass("a domain of a sub-domain", "kraty.test", False, "http://eu.kraty.test:{port}"),
    bypass("a domain with a dot of a sub-domain", ".kraty.test", False, "http://eu.kraty.test:{port}"),
    bypass("a sub-domain of the name", "eu.kraty.test", True),
    bypass("the end of a word is no suffix", "aty.test", True),
    bypass("the end of a word with a dot is no suffix", ".aty.test", True),
    bypass("with the port", "kraty.test:{port}", False),
    bypass("with the port for https", "kraty.test:{port}", False, HTTPS),
    bypass("with another port", "kraty.test:9", True),
    bypass("a suffix with the port", ".test:{port}", False),
    bypass("a suffix with another port", ".test:9", True),
    bypass("an address", "192.0.2.7", False, "http://192.0.2.7:{port}"),
    bypass("another address", "192.0.2.8", True, "http://192.0.2.7:{port}"),
    bypass("an address with the port", "192.0.2.7:{port}", False, "http://192.0.2.7:{port}"),
    bypass("an address with another port", "192.0.2.7:9", True, "http://192.0.2.7:{port}"),
    bypass("a network", "192.0.2.0/24", False, "http://192.0.2.7:{port}"),
    bypass("another network", "198.51.100.0/24", True, "http://192.0.2.7:{port}"),
    bypass("a network that names do not belong to", "10.0.0.0/8", True),
    bypass("a network of IPv6 that names do not belong to", "fe80::/10", True),
    bypass("a network of IPv6", "2001:db8::/32", False, "http://[2001:db8::7]:{port}"),
    bypass("another network of IPv6", "fe80::/10", True, "http://[2001:db8::7]:{port}"),
    bypass("an address of IPv6", "2001:db8::7", False, "http://[2001:db8::7]:{port}"),
    bypass("an address of IPv6, written otherwise", "2001:DB8:0::7", False, "http://[2001:db8::7]:{port}"),
    bypass("an address of IPv6 in brackets", "[2001:db8::7]", False, "http://[2001:db8::7]:{port}"),
    bypass("an address of IPv6 with the port", "[2001:db8::7]:{port}", False, "http://[2001:db8::7]:{port}"),
    bypass("an address of IPv6 with another port", "[2001:db8::7]:9", True, "http://[2001:db8::7]:{port}"),
    bypass("what is no network", "192.0.2.0/99,fe80::/999,[,[::", True, "http://192.0.2.7:{port}"),
]
LOOPBACK = [
    Case(f"{host} by {name}", {name: PROXY}, False, f"http://{host}:{{port}}")
    for host in ("127.0.0.1", "localhost", "kraty.localhost", "127.8.9.10", "[::1]")
    for name in ("HTTP_PROXY", "all_proxy")
]
SOCKS = [
    Case("socks5", {"all_proxy": "socks5://{proxy}"}, True),
    Case("socks5h", {"ALL_PROXY": "socks5h://{proxy}"}, True),
    Case("socks5 for https", {"https_proxy": "socks5://{proxy}"}, True, HTTPS),
    Case("socks5 as http_proxy", {"http_proxy": "socks5://{proxy}"}, True),
]
REFUSED = {
    "HTTP_PROXY": [
        "http://[::1",
        "http://proxy.test:99999",
        "http://proxy.test:port",
        "http://",
        "ftp://proxy.test:21",
    ],
    "all_proxy": ["socks4://proxy.test:1080", "quic://proxy.test", "http://proxy test:1", "://"],
    "HTTPS_PROXY": ["http://[::1", "http://proxy\\test:1", "http://proxy.test:99999", "gopher://proxy.test"],
}


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every name that ends with .test or .localhost be 127.0.0.1, and so each address of the documentation."""
    real = socket.getaddrinfo

    def here(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        away = name.endswith((".test", ".localhost")) or name.startswith(("192.0.2.", "2001:db8:"))
        if not away:
            return real(host, port, *args, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port or 0)))]

    monkeypatch.setattr(socket, "getaddrinfo", here)


@pytest.fixture
def find_proxy() -> Callable[[str, Mapping[str, str]], str | None]:
    found: Any = importlib.import_module("kraty_server._http.proxies").find_proxy
    return found  # type: ignore[no-any-return]  # a module that is imported by name


def ping(kraty: Any) -> Any:
    return kraty.health.ping()


def call(sender: Sender, base_url: str, **options: Any) -> str | None:
    """Make a call; what went wrong with it, if it was an error of ours."""
    with sender.running(base_url=base_url, **OPTIONS | options) as use:
        try:
            use(ping)
        except KratyError as error:
            return str(error)
    return None


def refusal(sender: Sender, base_url: str) -> ValueError | None:
    """What a constructor refused, which is a ValueError and no error of a library; None where a call could be made."""
    try:
        call(sender, base_url, timeout=0.1)
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        return error
    return None


def make(sender: Sender, **options: Any) -> None:
    """Make a client, and no call."""
    with sender.running(**{"base_url": "https://kraty.test"} | options):
        pass


@own_senders
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_environment_decides_on_the_proxy_and_every_sender_obeys(
    case: Case, sender: Sender, resolved: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Peer() as peer:
        environ, base_url = case.filled(peer.port)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        error = call(sender, base_url)
        assert [request.line for request in peer.requests if request.proxied != case.proxied] == [], error
        if case.proxied or (
            "[" not in base_url and "192.0.2" not in base_url
        ):  # addresses of the documentation lead nowhere
            assert len(peer.requests) == 1, error
            assert (error is None) == base_url.startswith("http:"), error
        if case.proxied and base_url.startswith("https:"):
            assert peer.requests[0].line == f"CONNECT {base_url.removeprefix('https://')} HTTP/1.1"
            assert "secret" not in str(peer.requests[0].headers)


@pytest.mark.parametrize("case", [*CASES, *LOOPBACK, *SOCKS], ids=lambda case: case.name)
def test_the_table_holds_for_the_function_that_decides(
    case: Case, find_proxy: Callable[[str, Mapping[str, str]], str | None]
) -> None:
    environ, base_url = case.filled(3128)
    found = find_proxy(base_url, environ)
    assert (found is not None) == case.proxied, found
    if found is not None:
        assert "127.0.0.1:3128" in found
        assert "://" in found


@own_senders
@pytest.mark.parametrize("case", LOOPBACK[:4], ids=lambda case: case.name)
def test_a_plain_http_loopback_address_never_goes_through_a_proxy(
    case: Case, sender: Sender, resolved: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Peer() as peer:
        environ, base_url = case.filled(peer.port)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        assert call(sender, base_url, allow_http=False) is None
        assert [request.proxied for request in peer.requests] == [False]


@own_senders
def test_a_proxy_that_is_not_used_need_not_be_one(
    sender: Sender, resolved: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://[::1")
    monkeypatch.setenv("ALL_PROXY", "socks4://proxy.test")
    monkeypatch.setenv("NO_PROXY", "kraty.test")
    with Peer() as peer:
        assert call(sender, f"http://kraty.test:{peer.port}") is None
        assert [request.proxied for request in peer.requests] == [False]


@own_senders
def test_the_environment_is_read_in_the_constructor_and_never_again(
    sender: Sender, resolved: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Peer() as peer:
        base_url = f"http://kraty.test:{peer.port}"
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{peer.port}")
        with sender.running(base_url=base_url, **OPTIONS) as use:
            monkeypatch.delenv("HTTP_PROXY")
            use(ping)
        with sender.running(base_url=base_url, **OPTIONS) as use:
            monkeypatch.setenv("HTTP_PROXY", NOBODY)
            monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
            monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
            monkeypatch.setenv("KRATY_SERVER_KEY", "another.key")
            monkeypatch.setenv("KRATY_BASE_URL", "https://another.test")
            monkeypatch.setenv("KRATY_TRANSPORT", "pigeons")
            use(ping)
            use(lambda kraty: kraty.with_options(timeout=1.0).health.ping())
        assert [request.proxied for request in peer.requests] == [True, False, False]
        assert {request.headers["authorization"] for request in peer.requests} == {f"Bearer {KEY}"}


@senders(AWAITED_OURS)
def test_a_loop_that_comes_later_in_another_thread_uses_what_the_constructor_read(
    sender: Sender, resolved: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Peer() as peer:
        kraty = AsyncKratyServer(api_key=KEY, base_url=f"http://kraty.test:{peer.port}", **sender.given(), **OPTIONS)
        monkeypatch.setenv("HTTP_PROXY", NOBODY)

        async def once() -> None:
            await kraty.health.ping()
            await kraty.aclose()

        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, once()).result(30)
        assert [request.proxied for request in peer.requests] == [False]


@senders([OWN, ASYNC])
@pytest.mark.parametrize("case", SOCKS, ids=lambda case: case.name)
def test_a_socks_proxy_is_used_where_its_package_is_there(
    case: Case, sender: Sender, resolved: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("socksio")
    with Peer() as peer:
        environ, base_url = case.filled(peer.port)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        error = call(sender, base_url)
        assert [request.via.split(" ")[0] for request in peer.requests] == ["SOCKS5"], error
        assert (error is None) == base_url.startswith("http:"), error


@senders([OWN, ASYNC])
@pytest.mark.parametrize("name", ["ALL_PROXY", "https_proxy"])
def test_a_socks_proxy_without_its_package_is_refused_with_what_to_install(
    name: str, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "socks5://user:hidden@127.0.0.1:1080")
    monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(ValueError, match=r"(?s)(?=.*SOCKS)(?=.*install.*socks)") as refused:
        make(sender)
    assert "hidden" not in str(refused.value)


@senders([one for one in OURS if one not in (OWN, ASYNC)])
@pytest.mark.parametrize("there", [True, False])
def test_a_socks_proxy_is_refused_for_those_that_know_none(
    there: bool, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    if not there:
        monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(ValueError, match=r"(?s)(?=.*SOCKS)(?=.*aiohttp|.*fast)"):
        make(sender)


@own_senders
@pytest.mark.parametrize(("name", "value"), [(name, value) for name in REFUSED for value in REFUSED[name]])
def test_a_proxy_that_cannot_be_is_refused_by_its_variable(
    name: str, value: str, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    base_url = "http://kraty.test" if name == "HTTP_PROXY" else "https://kraty.test"
    with pytest.raises(ValueError, match=name):
        make(sender, base_url=base_url, allow_http=True)


@own_senders
def test_what_a_refused_proxy_holds_is_not_shown(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hidden@proxy.test:99999")
    with pytest.raises(ValueError, match="HTTPS_PROXY") as refused:
        make(sender)
    error: BaseException | None = refused.value
    while error is not None:
        assert "hidden" not in f"{error!r} {error}"
        error = error.__context__


@own_senders
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_not_there_are_refused_by_variable_and_path(
    variable: str, sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=rf"{variable}.*nowhere"):
        make(sender)


@own_senders
@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n", b"\xff\x00"])
def test_certificates_that_are_none_are_refused_by_variable_and_path(
    content: bytes, sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "broken.pem"
    path.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ValueError, match=r"SSL_CERT_FILE.*broken\.pem"):
        make(sender)


@own_senders
@pytest.mark.parametrize("base_url", ["https://kraty.test", "http://127.0.0.1:1"])
def test_certificates_that_httpx_brings_along_are_refused_by_path_where_they_are_needed_and_not_there(
    base_url: str, sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a program that was packed into one file without them."""
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("certifi.where", lambda: str(tmp_path / "cacert.pem"))
    if base_url.startswith("https"):
        with pytest.raises(ValueError, match=r"certificates of certifi.*cacert\.pem"):
            make(sender, base_url=base_url)
    else:
        make(sender, base_url=base_url)


@own_senders
def test_a_certificate_file_that_is_a_directory_is_refused(
    sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path))
    with pytest.raises(ValueError, match="SSL_CERT_FILE"):
        make(sender)


@own_senders
def test_empty_variables_are_none(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "KRATY_TRANSPORT", "KRATY_BASE_URL", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.setenv(name, "")
    make(sender)


@senders([OWN, ASYNC])
def test_http2_without_its_package_is_refused_with_what_to_install(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h2", None)
    with pytest.raises(ValueError, match=r"http2.*kraty-server\[http2\]"):
        make(sender, http2=True)


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
@pytest.mark.parametrize(
    "url",
    [
        "https://xn--.example",
        "https://xn--a.example",
        "https://kra\\ty.example",
        "https://" + "a" * 64 + ".example",
        "https://.example",
        "https://a..example",
        "https://[::1",
        "https://[kraty]",
        "https://kraty.example:0x1",
        "https://kraty.example:99999",
    ],
)
def test_a_host_that_cannot_be_is_refused_by_name(kind: Any, url: str) -> None:
    with pytest.raises(ValueError, match="^base_url: "):
        kind(api_key=KEY, base_url=url)


printable = st.characters(min_codepoint=0x21, max_codepoint=0x7E)


@own_senders
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(tail=st.text(printable, max_size=12) | st.from_regex(r"(xn--)?[a-z\[\]:.%-]{1,9}(:\d{1,6})?", fullmatch=True))
def test_whatever_a_base_url_is_it_is_taken_or_refused_in_words(sender: Sender, tail: str) -> None:
    with mock.patch("socket.getaddrinfo", side_effect=socket.gaierror("no name leads anywhere")):
        refused = refusal(sender, "https://" + tail)
    assert refused is None or str(refused).startswith("base_url: ")


@own_senders
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    value=st.text(printable, min_size=1, max_size=12)
    | st.from_regex(r"(http|socks5)://[a-z\[\]:.@%-]{1,9}", fullmatch=True)
)
def test_whatever_a_proxy_is_it_is_taken_or_refused_in_words(sender: Sender, value: str) -> None:
    nowhere = mock.patch("socket.getaddrinfo", side_effect=socket.gaierror("no name leads anywhere"))
    with mock.patch.dict("os.environ", {"https_proxy": value}), nowhere:
        refused = refusal(sender, "https://kraty.test")
    assert refused is None or "proxy" in str(refused).lower()


labels = st.sampled_from(["kraty", "eu", "test", "example", "a"])
names = st.lists(labels, min_size=1, max_size=3).map(".".join)
entries = names | st.tuples(names, st.sampled_from(["80", "443", "8080"])).map(":".join) | names.map(lambda n: "." + n)


@settings(max_examples=100, deadline=None)
@given(
    host=names,
    port=st.sampled_from([":80", ":8080"]),  # without one, neither of them knows that kraty:443 means https://kraty
    scheme=st.sampled_from(["http", "https"]),
    variables=st.dictionaries(
        st.sampled_from(["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
        st.sampled_from(["http://a:1", "http://b:2", "c:3", ""]),
    ),
    no_proxy=st.lists(entries | st.just("*"), max_size=3).map(",".join),
)
def test_where_urllib_and_httpx_agree_we_do_as_they_do(
    host: str, port: str, scheme: str, variables: dict[str, str], no_proxy: str
) -> None:
    find_proxy: Any = importlib.import_module("kraty_server._http.proxies").find_proxy
    assume(port or ":" not in no_proxy)  # they do not know the port of an address that names none
    environ = variables | ({"no_proxy": no_proxy} if no_proxy else {})
    base_url = f"{scheme}://{host}{port}"
    with mock.patch.dict("os.environ", environ, clear=True):
        urllib: Any = urllib_request  # its functions for the environment alone are in no stub
        proxies = urllib.getproxies_environment()
        theirs = (
            None if urllib.proxy_bypass_environment(host + port, proxies) else proxies.get(scheme) or proxies.get("all")
        )
        with httpx.Client(verify=False) as client:
            theirs_for: Any = client._transport_for_url(httpx.URL(base_url))
            proxy = getattr(theirs_for._pool, "_proxy_url", None)
    httpxs = None if proxy is None else f"{proxy.host.decode()}:{proxy.port}"
    assume((theirs and theirs.removeprefix("http://")) == httpxs)
    found = find_proxy(base_url, environ)
    ours = found and found.removeprefix("http://").rstrip("/")
    assert ours == httpxs, f"{base_url} {environ}"
