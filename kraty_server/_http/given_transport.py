"""How is a request sent by a caller's `transport`, without a client around it?"""

from __future__ import annotations

import httpx

from kraty_server._http.answers import areceive, receive
from kraty_server._http.deadline import Deadline
from kraty_server._http.headers import RequestBuilder
from kraty_server._http.messages import Answer, Send
from kraty_server._http.private import install_deadline, uninstall_deadline
from kraty_server._http.streams import anothing, aopened, is_left_unread, nothing, opened
from kraty_server._options import Options


class GivenTransport:
    """A caller's `httpx.BaseTransport`."""

    def __init__(self, transport: httpx.BaseTransport, base_url: str, max_body: int) -> None:
        self.transport = transport
        self.builder = RequestBuilder(base_url)
        self.max_body = max_body
        install_deadline(transport)

    def send(self, send: Send, options: Options, deadline: Deadline) -> Answer:
        """Send a request and read the whole answer."""
        response = self.transport.handle_request(self.builder.build(send, options))
        if is_left_unread(response, send):
            return opened(response, send, nothing)
        return receive(response, send, self.max_body, deadline.expires_at)[0]

    def close(self) -> None:
        """Leave the transport as it was given."""
        uninstall_deadline(self.transport)


class AsyncGivenTransport:
    """A caller's `httpx.AsyncBaseTransport`."""

    def __init__(self, transport: httpx.AsyncBaseTransport, base_url: str, max_body: int) -> None:
        self.transport = transport
        self.builder = RequestBuilder(base_url)
        self.max_body = max_body

    async def send(self, send: Send, options: Options) -> Answer:
        """Send a request and read the whole answer."""
        response = await self.transport.handle_async_request(self.builder.build(send, options))
        if is_left_unread(response, send):
            return aopened(response, send, anothing)
        return (await areceive(response, send, self.max_body))[0]

    async def aclose(self) -> None:
        """Leave the transport open: it is the caller's."""
