"""How does a webhook get to a service? One POST, bytes unchanged, by no proxy, no redirect followed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import httpx

from kraty_server.cli.exits import CommandError, Exit

TIMEOUT: Final = 30.0
"""Seconds that a service may take."""
HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "content-length", "expect"}
)
"""Headers that speak of one connection, and not of the delivery."""


class PostError(Exception):
    """There was no answer."""


def checked_url(text: str) -> str:
    """Take a URL to post to.

    Raises:
        CommandError: it is none.
    """
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise CommandError(f"{text!r} is no URL: {error}", Exit.USAGE) from None
    if url.scheme not in ("http", "https") or not url.host:
        raise CommandError(f"a URL such as http://127.0.0.1:8000/kraty is needed, got {text!r}", Exit.USAGE)
    return text


class Poster:
    """Posts deliveries to one URL; safe for threads."""

    def __init__(self, url: str) -> None:
        self.url: str = checked_url(url)
        self._client = httpx.Client(trust_env=False, timeout=TIMEOUT, follow_redirects=False)

    def post(self, body: bytes, headers: Iterable[tuple[str, str]]) -> int:
        """Post a body, and tell the status of the answer.

        Raises:
            PostError: there was none.
        """
        sent = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in headers
            if name.lower() not in HOP_BY_HOP
        ]
        try:
            # Not `client.post`, which adds headers of its own.
            return self._client.send(httpx.Request("POST", self.url, headers=sent, content=body)).status_code
        except httpx.HTTPError as error:
            raise PostError(f"{type(error).__name__}: {error}") from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
