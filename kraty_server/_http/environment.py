"""How does one get to the server? The proxy, the certificates and HTTP/2, read once, when a client is made."""

from __future__ import annotations

import os
from importlib.util import find_spec

import httpx

from kraty_server._http.certificates import Certificates
from kraty_server._http.httpx_pool import Route
from kraty_server._http.private import silence_header_logs
from kraty_server._http.proxies import check_host, find_proxy


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


def read_route(base_url: str, *, http2: bool, name: str = "httpx") -> Route:
    """Read what the environment says about the way to a server.

    Raises:
        ValueError: it cannot work; the text names the option or the variable.
    """
    proxy = _proxy(base_url)
    if proxy is not None and proxy.startswith("socks"):
        if name != "httpx":
            raise ValueError(f"transport: {name} speaks to no SOCKS proxy, and the environment names one; use httpx")
        if find_spec("socksio") is None:
            raise ValueError("the environment names a SOCKS proxy, which needs a package: pip install 'httpx[socks]'")
    if http2:
        if find_spec("h2") is None:
            raise ValueError("http2: h2 is not installed; install kraty-server[http2]")
        silence_header_logs()
    certificates = Certificates(needed=any(url.startswith("https:") for url in (base_url.lower(), proxy or "")))
    return Route(base_url, certificates, proxy, http2)


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
