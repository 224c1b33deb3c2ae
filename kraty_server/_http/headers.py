"""What stands in the head of every request? The headers, and the requests that go straight to a transport of httpx."""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from typing import Final
from urllib.parse import urlsplit

import httpx
from httpx import ByteStream, Request

from kraty_server._http.body import ACCEPT_ENCODING
from kraty_server._http.messages import Send, Upload
from kraty_server._http.private import url_with_path
from kraty_server._http.uploads import UploadStream
from kraty_server._options import DISTRIBUTION, Options
from kraty_server._version import __version__


def request_headers(options: Options, *, has_body: bool) -> list[tuple[bytes, bytes]]:
    """The headers of a request, but those that every HTTP client adds."""
    headers = [
        (b"Accept-Encoding", ACCEPT_ENCODING.encode()),
        (b"Authorization", f"Bearer {options.key.reveal()}".encode("ascii")),
        (b"Accept", b"application/json"),
        *_sdk_headers(),
    ]
    if has_body:
        headers.append((b"Content-Type", b"application/json"))
    added = [(name.encode("ascii"), value.encode("ascii")) for name, value in options.headers.items()]
    replaced = {name.lower() for name, _ in added}  # a User-Agent of the caller's, say
    return [*(header for header in headers if header[0].lower() not in replaced), *added]


@cache
def _sdk_headers() -> tuple[tuple[bytes, bytes], ...]:
    sdk = f"{DISTRIBUTION}/{__version__}"
    system = os.uname().sysname if hasattr(os, "uname") else "Windows"
    agent = f"{sdk} Python/{sys.version.partition(' ')[0]} {system}"
    return (b"X-Kraty-SDK", sdk.encode("ascii")), (b"User-Agent", agent.encode("ascii", "replace"))


is_encoded: Final = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*").fullmatch


class RequestBuilder:
    """Makes the requests of one client as they go to a transport."""

    base: httpx.URL
    origin_length: int
    host_header: tuple[bytes, bytes]
    header_cache: tuple[Options | None, int | None, httpx.Headers]

    def __init__(self, base_url: str) -> None:
        self.base = httpx.URL(base_url)
        parts = urlsplit(base_url)  # httpx leaves a usual port out, and an empty one
        self.origin_length = len(f"{parts.scheme}://{parts.netloc}")
        self.host_header = (b"Host", self.base.netloc)
        self.header_cache = None, None, httpx.Headers()

    def build(self, send: Send, options: Options) -> Request:
        """Make a request. Nothing is parsed where the path is percent-encoded already."""
        target = send.url[self.origin_length :]
        url = url_with_path(self.base, target) if is_encoded(target) else httpx.URL(send.url)
        content, seconds = send.content, send.timeout
        if isinstance(content, bytes | None):
            stream: ByteStream | UploadStream = ByteStream(content or b"")
            headers = self._headers(options, None if content is None else len(content))
        else:
            stream, headers = UploadStream(content), self._upload_headers(options, content)
        return Request(
            send.method,
            url,
            headers=headers,
            stream=stream,
            extensions={"timeout": {"connect": seconds, "read": seconds, "write": seconds, "pool": seconds}},
        )

    def _upload_headers(self, options: Options, upload: Upload) -> httpx.Headers:
        """The headers of a body that is read while it is sent; its type and its length are among those of the call."""
        chunked = [(b"Transfer-Encoding", b"chunked")] if upload.length is None else []
        return httpx.Headers([self.host_header, *request_headers(options, has_body=False), *chunked])

    def _headers(self, options: Options, length: int | None) -> httpx.Headers:
        """The headers, those of the last request where they are the same."""
        cached = self.header_cache
        if cached[0] is not options or cached[1] != length:
            headers = [self.host_header, *request_headers(options, has_body=length is not None)]
            if length is not None:
                headers.append((b"Content-Length", b"%d" % length))
            self.header_cache = cached = (options, length, httpx.Headers(headers))
        return cached[2]
