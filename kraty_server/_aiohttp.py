"""How is a request sent with aiohttp? Used by the async client where the extra `aiohttp` is installed."""

from __future__ import annotations

import asyncio
import ssl
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from yarl import URL

from kraty_server._flow import MAX_BODY, Answer, Send


class Session:
    """The connections of one event loop."""

    def __init__(self, base_url: str, context: ssl.SSLContext, limits: httpx.Limits) -> None:
        base = URL(base_url)
        proxies = getproxies()
        # Not aiohttp's own trust_env, which would take credentials for our host out of a .netrc file.
        bypassed = base.host is not None and proxy_bypass(base.host)
        self._proxy = None if bypassed else proxies.get(base.scheme) or proxies.get("all")
        self._connector = aiohttp.TCPConnector(
            limit=limits.max_connections or 0, keepalive_timeout=limits.keepalive_expiry, ssl=context
        )
        self._session = aiohttp.ClientSession(connector=self._connector, cookie_jar=aiohttp.DummyCookieJar())
        # It would send GET, PUT and DELETE once more by itself, unseen; there is no public way to turn that off.
        setattr(self._session, "_retry_connection", False)  # noqa: B010  (a private name, on purpose)

    async def send(self, step: Send, headers: list[tuple[bytes, bytes]]) -> Answer:
        """Send one request and read the whole answer."""
        patience = aiohttp.ClientTimeout(
            total=None, connect=step.timeout, sock_connect=step.timeout, sock_read=step.timeout
        )
        try:
            async with self._session.request(
                step.method,
                URL(step.url, encoded=True),
                data=step.content,
                headers=[(name.decode("ascii"), value.decode("ascii")) for name, value in headers],
                allow_redirects=False,
                proxy=self._proxy,
                timeout=patience,
            ) as response:
                fields = {name.lower(): value for name, value in response.headers.items()}
                content = bytearray()
                async for chunk in response.content.iter_any():
                    content += chunk
                    if len(content) > MAX_BODY:
                        return Answer(response.status, fields, bytes(content[:MAX_BODY]), False)
                return Answer(response.status, fields, bytes(content))
        except aiohttp.ClientResponseError as error:
            kind = httpx.ProxyError if isinstance(error, aiohttp.ClientHttpProxyError) else httpx.RemoteProtocolError
            told = kind(f"{error.status} {error.message}")
        # Raised out here, since aiohttp's error holds the headers of the request, and with them the key.
        raise told

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()
        await asyncio.sleep(0)  # the loop closes sockets on its next turn

    def abandon(self) -> None:
        """Let go of the connections of a loop that is closed, without the complaint that nobody closed them."""
        self._session.detach()
        self._connector.close().__await__()  # it has nothing to wait for
