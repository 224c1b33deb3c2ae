"""How does one get to the server? The proxy, the certificates and HTTP/2, read once, when a client is made."""

from __future__ import annotations

import os
import ssl
from importlib.util import find_spec
from typing import Final

import httpx

from kraty_server._http.httpx_pool import Route
from kraty_server._http.private import silence_header_logs
from kraty_server._http.proxies import check_host, find_proxy

CERTIFICATES: Final = (("SSL_CERT_FILE", os.path.isfile, "file"), ("SSL_CERT_DIR", os.path.isdir, "folder"))


def parse_base_url(base_url: str) -> httpx.URL:
    """Parse a base URL as httpx does, which knows more of host names.

    Raises:
        ValueError: it cannot be.
    """
    try:
        url = httpx.URL(base_url)
        check_host(url.host)
    except (httpx.InvalidURL, ValueError) as error:
        raise ValueError(f"base_url: {error}") from None
    return url


def read_route(base_url: str, *, http2: bool, aiohttp: bool = False) -> Route:
    """Read what the environment says about the way to a server.

    Raises:
        ValueError: it cannot work; the text names the option or the variable.
    """
    proxy = _proxy(base_url)
    if proxy is not None and proxy.startswith("socks"):
        if aiohttp:
            raise ValueError("transport: aiohttp speaks to no SOCKS proxy, and the environment names one; use httpx")
        if find_spec("socksio") is None:
            raise ValueError("the environment names a SOCKS proxy, which needs a package: pip install 'httpx[socks]'")
    if http2:
        if find_spec("h2") is None:
            raise ValueError("http2: h2 is not installed; install kraty-server[http2]")
        silence_header_logs()
    return Route(base_url, _certificates(), proxy, http2)


def _proxy(base_url: str) -> str | None:
    proxy = None
    try:
        proxy = find_proxy(base_url, os.environ)
        if proxy is not None:
            httpx.Proxy(proxy)
        return proxy
    except (httpx.InvalidURL, ValueError) as error:
        proxy, refused = None, f"the environment names a proxy that cannot be: {error}"
    # Raised out here, in a frame that holds neither the environment nor the password of a proxy.
    raise ValueError(refused)


def _certificates() -> ssl.SSLContext:
    """The certificates that are trusted: those of httpx, or those that the environment names."""
    for variable, is_there, what in CERTIFICATES:
        if (path := os.environ.get(variable)) and not is_there(path):
            raise ValueError(f"{variable}: there is no {what} {path!r}")
    # Made now, not with the first call: OpenSSL's own locks do not survive a fork amid other threads.
    try:
        return httpx.create_ssl_context()
    except (ssl.SSLError, OSError) as error:
        variable = next((name for name, _, _ in CERTIFICATES if os.environ.get(name)), "the certificates of certifi")
        raise ValueError(f"{variable}: no certificates in {os.environ.get(variable)!r}: {error}") from None
