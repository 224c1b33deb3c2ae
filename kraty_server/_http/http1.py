"""What goes over a connection of HTTP/1.1? Requests, answers, TLS and a proxy's CONNECT: bytes in and out, without I/O.

Answers are parsed by llhttp, the parser of Node, which refuses what could be read in two ways.
"""

from __future__ import annotations

import math
import re
import ssl
from base64 import b64encode
from collections.abc import Generator, Mapping
from typing import Final, cast
from urllib.parse import urlsplit

import httpx
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from kraty_server._http.answers import BODILESS, announces_body
from kraty_server._http.body import Body
from kraty_server._http.headers import is_encoded, request_headers
from kraty_server._http.httpx_pool import Route
from kraty_server._http.messages import Answer, Send
from kraty_server._http.proxies import PORTS
from kraty_server._options import Options

MAX_SILENCE: Final = 100 * 1024
"""Bytes without content that an answer may hold, one after another: as many as h11 takes, which httpx parses with."""
REFUSED: Final = (HttpParserError, HttpParserUpgrade)
FRAMING: Final = {b"content-length", b"transfer-encoding"}
_blank_line: Final = re.compile(rb"\n\r?\n").search


class CutOff(httpx.WriteError):
    """The system did not take the last byte of a request, so no server can have all of it, and none carries it out.

    A message whose head has no end, or whose body is shorter than its Content-Length, is incomplete (RFC 9112, section
    8); a record of TLS is read whole or not at all (RFC 8446, section 5.2); and who reads a part of a JSON object has
    no JSON.
    """


class CutOffInTime(CutOff, httpx.WriteTimeout):
    """As above, since the time had passed."""


def cut_off(error: Exception) -> CutOff:
    """What a failure is that came before the whole request had been sent."""
    kind = CutOffInTime if isinstance(error, httpx.TimeoutException) else CutOff
    return kind(f"the request was not sent whole: {error}")


class _Tls:
    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self.incoming, self.outgoing, server_hostname=host)


def is_streamed(send: Send) -> bool:
    """Tell whether a request is read while it is sent, or its answer while it arrives."""
    return send.leaves_unread is not None or not isinstance(send.content, bytes | None)


class Wire:
    """What is around HTTP on one connection: nothing, or TLS; with a proxy behind TLS, one in the other."""

    def __init__(self) -> None:
        self.layers: list[_Tls] = []
        self.ended = False
        """Whether TLS said that nothing more comes."""

    def secure(self, context: ssl.SSLContext, host: str) -> Generator[bytes, bytes, None]:
        """Begin TLS: gives what is to be sent, and is given what came."""
        context.set_alpn_protocols(["http/1.1"])
        layer = _Tls(context, host)
        while True:
            try:
                layer.session.do_handshake()
                break
            except ssl.SSLWantReadError:
                if not (data := (yield self.seal(layer.outgoing.read()))):
                    layer.incoming.write_eof()
                layer.incoming.write(self.open(data))
        self.layers.append(layer)  # what TLS has left to say goes along with what is sent next

    def seal(self, data: bytes) -> bytes:
        """What to send for it."""
        for layer in reversed(self.layers):
            rest = memoryview(data)
            try:
                while rest:
                    rest = rest[layer.session.write(rest) :]
            except ssl.SSLError as error:
                raise cut_off(error) from error
            data = layer.outgoing.read()
        return data

    def open(self, data: bytes) -> bytes:
        """What stands in that which came; nothing, where it was TLS's own."""
        for layer in self.layers:
            layer.incoming.write(data)
            pieces: list[bytes] = []
            try:
                while piece := layer.session.read(MAX_SILENCE):
                    pieces.append(piece)
                self.ended = True
            except ssl.SSLWantReadError:
                pass
            data = b"".join(pieces)
        return data


class Line:
    """The way to a server: where to connect, what is said there first, and how requests are written."""

    def __init__(self, route: Route) -> None:
        self.route = route
        url = httpx.URL(route.base_url)
        parts = urlsplit(route.base_url)  # httpx leaves a usual port out, and an empty one
        self.origin_length = len(f"{parts.scheme}://{parts.netloc}")
        self.netloc, self.prefix = url.netloc, ""
        self.tls_host = url.host if url.scheme == "https" else None
        self.tunnel: bytes | None = None
        self.proxy_tls_host: str | None = None
        self.proxy_headers: list[tuple[bytes, bytes]] = []
        if route.proxy is not None:
            proxy = httpx.Proxy(route.proxy)
            if proxy.raw_auth:
                self.proxy_headers.append((b"Proxy-Authorization", b"Basic " + b64encode(b":".join(proxy.raw_auth))))
            if url.scheme == "https":
                self.tunnel = b"%s:%d" % (url.netloc.rpartition(b":")[0] if url.port else url.netloc, url.port or 443)
            else:
                self.prefix = f"http://{url.netloc.decode('ascii')}"
            self.proxy_tls_host = proxy.url.host if proxy.url.scheme == "https" else None
            url = proxy.url
        self.host, self.port = url.host, url.port or PORTS[url.scheme]
        self.written: tuple[Options | None, int | None, bytes] = None, None, b""

    def request(self, send: Send, options: Options) -> bytes:
        """The bytes of a request."""
        content, target = cast("bytes | None", send.content), send.url[self.origin_length :]
        if not is_encoded(target):
            target = httpx.URL(send.url).raw_path.decode("ascii")
        length = None if content is None else len(content)
        written = self.written
        if written[0] is not options or written[1] != length:  # those of the last request, where they are the same
            headers = [(b"Host", self.netloc), *request_headers(options, has_body=content is not None)]
            if length is not None:
                headers.append((b"Content-Length", b"%d" % length))
            self.written = written = (options, length, _lines([*headers, *(self.proxy_headers if self.prefix else ())]))
        return f"{send.method} {self.prefix}{target} HTTP/1.1\r\n".encode("ascii") + written[2] + (content or b"")

    def open(self, wire: Wire) -> Opening:
        """Get through a proxy and into TLS."""
        return Opening(self._steps(wire))

    def _steps(self, wire: Wire) -> Generator[bytes, bytes, None]:
        if self.proxy_tls_host is not None:
            yield from wire.secure(self.route.certificates.context(), self.proxy_tls_host)
        if self.tunnel is not None:
            headers = _lines([(b"Host", self.tunnel), (b"Accept", b"*/*"), *self.proxy_headers])
            sent, came = wire.seal(b"CONNECT %s HTTP/1.1\r\n%s" % (self.tunnel, headers)), b""
            while (blank := _blank_line(came)) is None:
                if not (data := (yield sent)) or len(came) > MAX_SILENCE:
                    raise httpx.ProxyError("the proxy did not answer CONNECT")
                sent, came = b"", came + wire.open(data)
            try:
                status = _parse(came[: blank.end()])[1]
            except httpx.RemoteProtocolError as error:
                raise httpx.ProxyError(str(error)) from None
            if status // 100 != 2 or blank.end() != len(came):  # the server has not been spoken to, and said nothing
                raise httpx.ProxyError(f"the proxy answered CONNECT with {status} and {len(came)} bytes")
        if self.tls_host is not None:
            yield from wire.secure(self.route.certificates.context(), self.tls_host)


class Opening:
    """What is said on a connection before HTTP."""

    def __init__(self, steps: Generator[bytes, bytes, None]) -> None:
        self.steps = steps
        self.said = next(steps, None)
        """What is to be sent next; nothing more where it is None."""

    def take(self, data: bytes) -> bool:
        """Take what came, nothing for the end of the connection."""
        try:
            self.said = self.steps.send(data)
        except StopIteration:
            self.said = None
        return True


def _lines(headers: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%s: %s\r\n" % header for header in headers]) + b"\r\n"


class _Events:
    """What httptools tells of an answer, and not of a next one, which nobody asked for."""

    __slots__ = ("chunks", "ended", "headers", "messages")

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.chunks: list[bytes] = []
        self.messages, self.ended = 0, False

    def on_message_begin(self) -> None:
        self.messages += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.ended:
            self.headers.append((name, value))

    def on_body(self, data: bytes) -> None:
        if not self.ended:
            self.chunks.append(data)

    def on_message_complete(self) -> None:
        self.ended = True


def _parse(head: bytes) -> tuple[HttpResponseParser, int, _Events]:
    """Read one whole head: a parser that goes on with its body, the status, and what was told."""
    events = _Events()
    parser = HttpResponseParser(events)
    why: object = "it begins otherwise"
    try:
        parser.feed_data(head)
        status = parser.get_status_code()
        if head.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")) and status >= 100 and b"\0" not in head:
            return parser, status, events
    except REFUSED as error:  # so is a 101
        why = error
    raise httpx.RemoteProtocolError(f"the head of the answer is none of HTTP/1.1: {why}")


def _texts(headers: list[tuple[bytes, bytes]], encoding: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("ascii").lower(), raw_value.strip(b" \t").decode(encoding)
        texts[name] = f"{texts[name]}, {value}" if name in texts else value
    return texts


class Exchange:
    """One answer, as its bytes come."""

    __slots__ = ("body", "events", "headers", "held", "lasting", "left", "limit", "parser", "silence", "status",
                 "surplus", "tail", "wire")  # fmt: skip

    body: Body
    headers: Mapping[str, str]
    held: bytes
    """The beginning of a head."""
    lasting: bool
    """Whether the server leaves the connection open."""
    left: float
    """Bytes of the body that are still to come; infinite where they are in chunks, or end with the connection."""
    parser: HttpResponseParser | None
    """Of a body in chunks."""
    surplus: bool
    """Whether more came than the answer."""

    def __init__(self, wire: Wire, limit: int) -> None:
        self.wire, self.limit = wire, limit
        self.held, self.tail, self.silence, self.status = b"", b"", 0, 0
        self.surplus, self.parser = False, None

    def take(self, data: bytes) -> bool:
        """Take what came, nothing for the end of the connection; and tell whether the answer is whole.

        Raises:
            httpx.RemoteProtocolError: it is none, could be read in two ways, or ended too early.
        """
        opened = self.wire.open(data) if self.wire.layers else data
        if opened and self._read(opened):
            return True
        if data and not self.wire.ended:
            return False
        if self.status and self.parser is None and self.left == math.inf:
            return True
        where = "amid the body of its answer" if self.status else "amid its answer" if self.held else "without one"
        raise httpx.RemoteProtocolError(f"the server ended the connection {where}")

    def _read(self, data: bytes) -> bool:
        if not self.status:
            if (rest := self._read_heads(data)) is None:
                return False
            data = rest
        if self.parser is not None:
            data = self._read_chunks(self.parser, data)
        elif len(data) <= self.left:
            self.left -= len(data)
        else:
            data, self.left, self.surplus = data[: int(self.left)], 0, True
        return not self.body.add(data) or self.left == 0

    def _read_heads(self, data: bytes) -> bytes | None:
        """Read heads up to the one that is no 1xx, and tell what follows it; None where it is still to come."""
        start = max(0, len(self.held) - 3)
        data = self.held + data
        while (blank := _blank_line(data, start)) is not None:
            head, data, start = data[: blank.end()], data[blank.end() :], 0
            if self._read_head(head):
                return data
            self.silence += len(head)
        if self.silence + len(data) > MAX_SILENCE or not data.startswith(b"HTTP/"[: len(data)]):
            raise httpx.RemoteProtocolError("the answer begins with no head of HTTP/1.1, or with one that has no end")
        self.held = data
        return None

    def _read_head(self, head: bytes) -> bool:
        """Read a head; False for a 1xx, which an answer follows."""
        parser, status, events = _parse(head)
        if status < 200:
            return False
        try:
            headers = _texts(events.headers, "utf-8")
        except UnicodeDecodeError:
            headers = _texts(events.headers, "iso-8859-1")
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        self.status, self.headers = status, headers
        self.body = Body(headers.get("content-encoding"), self.limit)
        self.lasting = head.startswith(b"HTTP/1.1") and "close" not in headers.get("connection", "").lower()
        self.left = 0 if status in BODILESS else math.inf if length is None else int(length)
        if coding is not None:
            if coding.lower() != "chunked":
                raise httpx.RemoteProtocolError(f"the answer has the transfer encoding {coding!r}, not chunked")
            self.parser, self.events = parser if self.left else None, events
            events.headers.clear()  # what comes now are trailers
        return True

    def _read_chunks(self, parser: HttpResponseParser, data: bytes) -> bytes:
        """The content of chunks; nothing is left after the last one."""
        events = self.events
        try:
            parser.feed_data(data)
        except REFUSED as error:
            if not events.ended:
                raise httpx.RemoteProtocolError(f"the body of the answer is not in chunks: {error}") from None
            self.surplus = True
        self.silence = 0 if events.chunks else self.silence + len(data)
        if self.silence > MAX_SILENCE:
            raise httpx.RemoteProtocolError("the answer has chunks without content and without an end")
        self.tail = (self.tail + data)[-5:]
        if events.ended:
            if FRAMING & {name.lower() for name, _ in events.headers}:
                raise httpx.RemoteProtocolError("the trailers of the answer are about where it ends")
            self.left = 0
            # llhttp goes on with a next answer, but says nothing of empty lines before it.
            if events.messages > 1 or not self.tail.endswith(b"\r\n\r\n") or self.tail[:1] in (b"\r", b"\n"):
                self.surplus = True
        content = b"".join(events.chunks)
        events.chunks.clear()
        return content

    def answer(self, send: Send, *, unsent: bool) -> tuple[Answer, bool]:
        """The answer, and whether its connection may be used again.

        Args:
            unsent: whether some of the request was still to be sent when the answer was whole.

        Raises:
            CutOff: then none can say that it took effect.
        """
        if unsent and self.status < 300:
            raise CutOff(f"the server answered with {self.status} before it had the request")
        answer = Answer(self.status, self.headers, *self.body.finish())
        trusted = send.judge(answer) and not (self.status in BODILESS and announces_body(self.headers))
        return answer, trusted and answer.complete and self.lasting and not (self.left or self.surplus or unsent)
