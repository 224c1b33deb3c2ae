"""Does a request go through a proxy? Decided once, from the environment, the same for all senders.

Read by the rules of curl and of Python's urllib: `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from kraty_server._options import is_loopback

SCHEMES: Final = ("http", "https", "socks5", "socks5h")
PORTS: Final = {"http": 80, "https": 443}


def find_proxy(base_url: str, environ: Mapping[str, str]) -> str | None:
    """Tell the proxy for a base URL, as a URL; None for none.

    Plain http to this machine never takes one: it would carry the key to another, in clear.

    Raises:
        ValueError: the variable that decides holds no URL of a proxy; the text names it, without its password.
    """
    target = urlsplit(base_url)
    host = target.hostname or ""
    if target.scheme == "http" and is_loopback(host):
        return None
    if _is_excepted(host, target.port or PORTS[target.scheme], _variable("no_proxy", environ)[1]):
        return None
    for name in (f"{target.scheme}_proxy", "all_proxy"):
        variable, value = _variable(name, environ)
        if value:
            return _proxy_url(variable, value)
    return None


def _variable(name: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """A variable in small letters, else in capitals; and which of both it was."""
    if name in environ:
        return name, environ[name].strip()
    upper = name.upper()
    if upper == "HTTP_PROXY" and "REQUEST_METHOD" in environ:  # in a CGI script anybody can set it, by a header Proxy
        return upper, ""
    return upper, environ.get(upper, "").strip()


def _proxy_url(variable: str, value: str) -> str:
    url = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(url)
        check_host(parts.hostname or "")
        scheme, usable = parts.scheme, bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        scheme, usable = "", False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"{variable}: it holds no URL of a proxy; http://proxy.example:3128 would be one")
    if scheme not in SCHEMES:
        raise ValueError(f"{variable}: a proxy of {', '.join(SCHEMES)} is needed, got {scheme}")
    return url


def check_host(host: str) -> None:
    """Refuse what no name of a host can be.

    Raises:
        ValueError: it is none.
    """
    host.encode("idna")  # which is how a name is looked up
    if "\\" in host:
        raise ValueError(f"{host!r} is no name of a host")


def _is_excepted(host: str, port: int, exceptions: str) -> bool:
    return any(_matches(entry.strip().lower(), host, port) for entry in exceptions.split(","))


def _matches(entry: str, host: str, port: int) -> bool:
    """Whether one entry of `no_proxy` is about a host: a name, its suffix, an address, a network, each with a port."""
    if entry in ("", "*"):
        return entry == "*"
    entry = entry.rpartition("://")[2]
    name, port_wanted = _split_port(entry)
    if port_wanted and port_wanted != str(port):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = name.removeprefix("*").strip(".")
        return bool(name) and (host == name or host.rstrip(".").endswith(f".{name}") or host.rstrip(".") == name)
    try:
        return address in ipaddress.ip_network(name.strip("[]"), strict=False)
    except ValueError:
        return False


def _split_port(entry: str) -> tuple[str, str]:
    """Split `host:port`; an IPv6 address has a port only behind brackets."""
    if entry.startswith("["):
        name, _, port = entry[1:].partition("]")
        return name, port.removeprefix(":")
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""
