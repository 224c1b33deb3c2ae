"""How is a request sent with aiohttp? For an async client with `transport="aiohttp"`, one session per event loop."""

from __future__ import annotations

import asyncio
import inspect
import io
import ssl
import weakref
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Final, cast

import aiohttp
import httpx
from multidict import CIMultiDict
from yarl import URL

from kraty_server._clock import SYSTEM_CLOCK
from kraty_server._http.answers import BODILESS, announces_body
from kraty_server._http.body import Body
from kraty_server._http.failures import chain
from kraty_server._http.headers import request_headers
from kraty_server._http.httpx_pool import Route
from kraty_server._http.messages import Answer, Send
from kraty_server._http.pool import Limits, Slot
from kraty_server._http.private import switch_off_aiohttp_retries
from kraty_server._http.readiness import wait_for
from kraty_server._http.streams import BUDGET, close_later, without_judge
from kraty_server._http.uploads import chunks_of
from kraty_server._options import Options

HEAD_LIMITS: Final = {"max_line_size": 64 * 1024, "max_field_size": 64 * 1024, "max_headers": 1000}
"""What an answer's head may hold; aiohttp's own limits refuse what proxies and load balancers add."""
LARGE: Final = 2**20
"""Bytes above which aiohttp complains of a body that is no file."""
_slot: ContextVar[_Slot | None] = ContextVar("kraty_server.aiohttp_slot", default=None)
"""The connection that the attempt under way was given."""


class _Slot(Slot):
    __slots__ = ("transport",)

    def __init__(self, now: float, transport: asyncio.Transport) -> None:
        super().__init__(now)
        self.transport = weakref.ref(transport)


class _Connector(aiohttp.TCPConnector):
    """Hands out no connection that is dead, too old, or has a byte on it that nobody asked for."""

    def __init__(self, limits: Limits, context: ssl.SSLContext) -> None:
        made = cast(Any, super())  # pyright does not know all of its types
        made.__init__(limit=limits.max_connections, keepalive_timeout=limits.idle_seconds, ssl=context)
        self._limits = limits
        self._slots: weakref.WeakKeyDictionary[Any, _Slot] = weakref.WeakKeyDictionary()
        self._retired_at = float("-inf")

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol: Any = connection.protocol
            now = SYSTEM_CLOCK.monotonic()
            slot = self._slots.get(protocol)
            if slot is None:
                slot = self._slots[protocol] = _Slot(now, protocol.transport)
            elif self._is_unfit(protocol, slot, now):
                connection.close()
                continue
            else:
                slot.reused, slot.used_at = True, now
            _slot.set(slot)
            return connection

    def _is_unfit(self, protocol: Any, slot: _Slot, now: float) -> bool:
        return (
            slot.used_at <= self._retired_at
            or now - slot.opened_at > self._limits.max_age
            or protocol.should_close
            or _is_readable(protocol.transport)
        )

    def retire(self) -> None:
        """Use no connection again that is idle now."""
        self._retired_at = SYSTEM_CLOCK.monotonic()


def _is_readable(transport: asyncio.Transport | None) -> bool:
    """Whether something came that the event loop has not seen yet: the connection's end, or what nobody asked for."""
    connection = None if transport is None else transport.get_extra_info("socket")
    return connection is None or connection.fileno() < 0 or bool(wait_for(connection, 0))


class AiohttpSession:
    """The connections of an event loop."""

    def __init__(self, route: Route, limits: Limits) -> None:
        self.limits = limits
        self.proxy = None if route.proxy is None else URL(route.proxy)
        self.connector = _Connector(limits, route.certificates.context())
        known = inspect.signature(aiohttp.ClientSession).parameters
        limits_of_head: dict[str, Any] = {name: limit for name, limit in HEAD_LIMITS.items() if name in known}
        self.session = aiohttp.ClientSession(
            connector=self.connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            **limits_of_head,
        )
        switch_off_aiohttp_retries(self.session)
        self.header_cache: tuple[Options, bool, CIMultiDict[str]] | None = None

    async def send(self, send: Send, options: Options) -> Answer:
        """Send a request and read the whole answer."""
        token = _slot.set(None)
        try:
            return await self._send(send, options)
        except (aiohttp.ClientError, OSError) as error:
            if (slot := _slot.get()) is not None and slot.reused:
                self.connector.retire()  # what was idle as long may be as dead
            failure = _as_httpx(error)
        except BaseException:
            if (slot := _slot.get()) is not None and (transport := slot.transport()) is not None:
                transport.abort()  # closed only, it would first send what a slow reader does not take
            raise
        finally:
            _slot.reset(token)
        # Raised out here, since aiohttp's errors hold the headers of the request or the password of a proxy.
        raise failure

    async def _send(self, send: Send, options: Options) -> Answer:
        seconds = send.timeout
        response = await self.session.request(
            send.method.lower(),  # sent in capitals: see switch_off_aiohttp_retries
            URL(send.url, encoded=True),
            data=_data(send),
            headers=self._headers(options, has_body=isinstance(send.content, bytes)),
            allow_redirects=False,
            proxy=self.proxy,
            timeout=aiohttp.ClientTimeout(total=None, connect=seconds, sock_connect=seconds, sock_read=seconds),
        )
        if send.leaves_unread is not None and send.leaves_unread(response.status, response.headers):
            return Answer(response.status, response.headers, b"", stream=_ResponseStream(response, send))
        async with response:
            headers = response.headers
            body = Body(headers.get("content-encoding"), self.limits.max_body)
            async for chunk in response.content.iter_any():
                if not body.add(chunk):
                    break
            answer = Answer(response.status, headers, *body.finish())
            trusted = send.judge(answer) and not (answer.status in BODILESS and announces_body(headers))
            if not trusted and (slot := _slot.get()) is not None:  # the response has given its connection back by now
                slot.used_at = float("-inf")
            return answer

    def _headers(self, options: Options, *, has_body: bool) -> CIMultiDict[str]:
        """The headers, those of the last request where they are the same."""
        cached = self.header_cache
        if cached is None or cached[0] is not options or cached[1] != has_body:
            headers = request_headers(options, has_body=has_body)
            texts = CIMultiDict([(name.decode("ascii"), value.decode("ascii")) for name, value in headers])
            self.header_cache = cached = (options, has_body, texts)
        return cached[2]

    async def aclose(self) -> None:
        """Close the connections; calls under way end with an error."""
        await self.session.close()
        await asyncio.sleep(0)  # the loop closes sockets on its next turn

    def abandon(self) -> None:
        """Let go of the connections of a loop that is closed, without the complaint that nobody closed them."""
        self.session.detach()
        steps = self.connector.close().__await__()
        with suppress(StopIteration):
            next(steps)  # on a closed loop there is nothing to wait for
        steps.close()


def _data(send: Send) -> Any:
    """The body as aiohttp takes it."""
    content = send.content
    if not isinstance(content, bytes | None):
        return chunks_of(content)
    return content if content is None or len(content) <= LARGE else io.BytesIO(content)


class _ResponseStream:
    """The body of a response, read while it arrives."""

    def __init__(self, response: aiohttp.ClientResponse, send: Send) -> None:
        self.response = response
        self.send = without_judge(send)
        self._loop = asyncio.get_running_loop()
        self._body = Body(response.headers.get("content-encoding"), BUDGET)

    async def read(self) -> bytes:
        """The next bytes; none at the end."""
        try:
            while chunk := await self.response.content.readany():
                if content := self._body.take(chunk):
                    return content
            self._body.finish()
            self.response.release()
            return b""
        except (aiohttp.ClientError, OSError) as error:
            self.response.close()
            failure = _as_httpx(error)
        except BaseException:
            self.response.close()
            raise
        raise failure  # out here, as above

    async def aclose(self) -> None:
        """Give the connection back; where the body did not end, close it."""
        self.response.close()

    def abandon(self) -> None:
        """Close it later, where nobody can wait for it any more."""
        if not self.response.closed:
            close_later(self._loop, self)

    def __del__(self) -> None:
        with suppress(Exception):  # it may be half made, and the interpreter half gone
            self.abandon()


def _as_httpx(error: aiohttp.ClientError | OSError) -> Exception:
    """The error of httpx that says the same, without what aiohttp's holds."""
    kind: type[httpx.TransportError]
    if isinstance(error, aiohttp.ClientHttpProxyError | aiohttp.ClientProxyConnectionError):
        kind = httpx.ProxyError
    elif isinstance(error, aiohttp.ClientConnectorError):
        kind = httpx.ConnectError
    elif isinstance(error, aiohttp.ConnectionTimeoutError):
        kind = httpx.ConnectTimeout
    elif isinstance(error, TimeoutError):
        kind = httpx.ReadTimeout
    elif isinstance(error, aiohttp.ClientResponseError):
        kind = httpx.RemoteProtocolError
    else:
        kind = httpx.ReadError
    text = f"{error.status} {error.message}" if isinstance(error, aiohttp.ClientResponseError) else str(error)
    failure = kind(text or type(error).__name__)
    failure.__cause__ = next((one for one in chain(error) if isinstance(one, ssl.SSLCertVerificationError)), None)
    return failure
