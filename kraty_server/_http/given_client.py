"""How is a request sent by a caller's `http_client`? Its proxies, certificates, hooks and limits are the caller's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx

from kraty_server._http.answers import areceive, receive
from kraty_server._http.deadline import Deadline
from kraty_server._http.headers import request_headers
from kraty_server._http.messages import Answer, Send, Upload
from kraty_server._http.private import install_deadline, uninstall_deadline
from kraty_server._http.streams import anothing, aopened, is_left_unread, nothing, opened
from kraty_server._http.uploads import chunks_of
from kraty_server._options import AsyncHttpClient, HttpClient, Options
from kraty_server.errors import KratyClosedError

SEND_OPTIONS: dict[str, Any] = {"auth": None, "follow_redirects": False, "stream": True}
"""Our key is the authorization, and a redirect would carry it elsewhere."""


def _request(
    client: HttpClient | AsyncHttpClient, send: Send, options: Options, read: Callable[[Upload], object]
) -> Any:
    if getattr(client, "is_closed", False):
        raise KratyClosedError("http_client was closed by its owner; make both anew")
    return client.build_request(
        send.method,
        send.url,
        content=read(send.content) if not isinstance(send.content, bytes | None) else send.content,
        headers=request_headers(options, has_body=isinstance(send.content, bytes)),
        timeout=send.timeout,
    )


def _chunks(upload: Upload) -> Iterator[bytes]:
    return upload.chunks()


class GivenClient:
    """A caller's `httpx.Client`."""

    def __init__(self, client: HttpClient, max_body: int) -> None:
        self.client = client
        self.max_body = max_body
        install_deadline(client)

    def send(self, send: Send, options: Options, deadline: Deadline) -> Answer:
        """Send a request and read the whole answer."""
        response: httpx.Response = self.client.send(_request(self.client, send, options, _chunks), **SEND_OPTIONS)
        if is_left_unread(response, send):
            return opened(response, send, nothing)
        return receive(response, send, self.max_body, deadline.expires_at)[0]

    def close(self) -> None:
        """Leave the client as it was given."""
        uninstall_deadline(self.client)


class AsyncGivenClient:
    """A caller's `httpx.AsyncClient`."""

    def __init__(self, client: AsyncHttpClient, max_body: int) -> None:
        self.client = client
        self.max_body = max_body

    async def send(self, send: Send, options: Options) -> Answer:
        """Send a request and read the whole answer."""
        response: httpx.Response = await self.client.send(
            _request(self.client, send, options, chunks_of), **SEND_OPTIONS
        )
        if is_left_unread(response, send):
            return aopened(response, send, anothing)
        return (await areceive(response, send, self.max_body))[0]

    async def aclose(self) -> None:
        """Leave the client open: it is the caller's."""
