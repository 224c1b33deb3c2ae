"""How is a request sent, blocking? And what of it do both flavours share?"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import httpx

from kraty_server._flow import MAX_BODY, Answer, Flow, Lost, Reply, Send, Sleep
from kraty_server._options import HttpClient, Options, request_headers
from kraty_server._wall import wall
from kraty_server.errors import KratyClosedError

if TYPE_CHECKING:
    import ssl

    from kraty_server._backend import WalledBackend

T = TypeVar("T")

IDLE: Final = 30.0
"""Seconds after which idle connections are closed: before the 60 s after which usual load balancers drop them."""
LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=IDLE)
ONE: Final = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE)
"""httpx's pools look at each of their connections with each request, so each connection has a pool of its own."""
# By name, since what is given as http_client may be of another library of the family.
NEVER_REACHED: Final = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "ClientConnectorError", "ConnectionTimeoutError"}
)
NEVER_SENT: Final = frozenset({"UnsupportedProtocol", "LocalProtocolError", "InvalidURL"})


def _scrubbed(error: BaseException, step: Send) -> None:
    """Take the request's headers and the frames that held them out of an error we are going to hold on to."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        todo += [one.__cause__, one.__context__]
        one.__traceback__ = None
        if hasattr(type(one), "request"):  # an error of httpx, or of its family
            setattr(one, "request", httpx.Request(step.method, step.url))  # noqa: B010  (whatever type has it)


def lost(error: Exception, step: Send) -> Lost:
    _scrubbed(error, step)
    # aiohttp's errors say more than what they are turned into: a lost connection becomes a ConnectTimeout of httpx.
    cause = error.__cause__
    told = cause if cause is not None and type(cause).__module__.startswith("aiohttp.") else error
    names = {kind.__name__ for kind in type(told).__mro__}
    late = isinstance(told, TimeoutError) or "TimeoutException" in names
    return Lost(error, reached=not names & (NEVER_REACHED | NEVER_SENT), late=late, again=not names & NEVER_SENT)


def closed(what: str) -> Lost:
    return Lost(KratyClosedError(f"the client was closed {what}; make a new one"), reached=False, again=False)


def cut_off(error: Exception) -> Lost:
    """What becomes of a call that was under way when its client was closed."""
    waited = isinstance(error, httpx.PoolTimeout)
    return Lost(closed("while this call was under way").cause, reached=not waited, again=False)


class Address:
    """What all requests of a client have in common."""

    base: httpx.URL
    origin: int
    fixed: list[tuple[bytes, bytes]]
    last: tuple[Options, int | None, httpx.Headers] | None

    def __init__(self, base_url: str, accepted: str) -> None:
        self.base = httpx.URL(base_url)
        self.origin = len(f"{self.base.scheme}://{self.base.netloc.decode('ascii')}")
        self.fixed = [(b"Host", self.base.netloc), (b"Accept-Encoding", accepted.encode("ascii"))]
        self.last = None

    def request(self, step: Send, options: Options) -> httpx.Request:
        """Make a request as it goes to a transport. Nothing is parsed where the path is percent-encoded already."""
        target = step.url[self.origin :]
        url = _Url(self.base, target) if _encoded(target) else httpx.URL(step.url)
        content = step.content
        headers = self.headers(options, None if content is None else len(content))
        patience = {"connect": step.timeout, "read": step.timeout, "write": step.timeout, "pool": step.timeout}
        stream = httpx.ByteStream(content or b"")
        return httpx.Request(step.method, url, headers=headers, stream=stream, extensions={"timeout": patience})

    def headers(self, options: Options, length: int | None) -> httpx.Headers:
        """The headers, those of the last request where they are the same."""
        last = self.last
        if last is None or last[0] is not options or last[1] != length:
            made = [*self.fixed, *request_headers(options, has_body=length is not None)]
            if length is not None:
                made.append((b"Content-Length", b"%d" % length))
            self.last = last = (options, length, httpx.Headers(made))
        return last[2]


_encoded: Final = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*").fullmatch


class _Url(httpx.URL):
    """An address with another path, which needs no look at its text."""

    def __init__(self, base: httpx.URL | str, target: str | None = None) -> None:
        if target is None or not isinstance(base, httpx.URL):
            super().__init__(base)
        else:  # httpx has no public way to this; tests/parity shows that it works at both bounds of httpx
            self._uri_reference = base._uri_reference._replace(path=target)


def chosen(client: httpx.Client | httpx.AsyncClient, base_url: str) -> Any:
    """The transport that a client of httpx chooses for an address: its own, or that of a proxy in the environment."""
    return getattr(client, "_transport_for_url")(httpx.URL(base_url))  # noqa: B009  (a private name, on purpose)


def fields_of(response: httpx.Response) -> dict[str, str]:
    return {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in response.headers.raw}


def made_elsewhere(transport: object, where: str) -> KratyClosedError:
    what = "http_client" if transport is None else "transport"
    return KratyClosedError(
        f"{what} was {where}: its connections cannot be used here. Make both where they are used, or leave {what} out"
    )


class Connections:
    """The connections of a blocking client: a pool for each process that uses it."""

    client: HttpClient | None
    transport: httpx.BaseTransport | None
    base_url: str
    http2: bool
    home: int
    pools: dict[int, _Pool]
    closed: bool
    context: ssl.SSLContext | None

    def __init__(
        self,
        base_url: str,
        client: HttpClient | None = None,
        transport: httpx.BaseTransport | None = None,
        *,
        http2: bool = False,
    ) -> None:
        self.client = client
        self.transport = transport
        self.base_url = base_url
        self.http2 = http2
        self.home = os.getpid()
        self.pools = {}
        self.closed = False
        # Made here, not with the first call: OpenSSL's own locks do not survive a fork amid other threads.
        given = client is not None or transport is not None
        self.context = None if given else httpx.create_ssl_context()
        if given:
            self.pools[self.home] = _Pool(self)

    def pool(self) -> _Pool:
        """The pool of this process. No lock, so none can be held over a fork; a race makes one pool too many."""
        if (pool := self.pools.get(os.getpid())) is None:
            if self.context is None:
                raise made_elsewhere(self.transport, f"made in process {self.home}, and this is its fork {os.getpid()}")
            pool = self.pools.setdefault(os.getpid(), _Pool(self))
        return pool

    def run(self, steps: Flow[T], options: Options) -> T:
        """Drive a flow, blocking."""
        reply: Reply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration as done:
                result: T = done.value
                return result
            if isinstance(step, Sleep):
                options.clock.sleep(step.seconds, self.pool().closing)
                reply = None
            else:
                reply = self.send(step, options)

    def send(self, step: Send, options: Options) -> Reply:
        """Send one request and read the whole answer."""
        if self.closed:
            return closed("before this call")
        try:
            pool = self.pool()
        except KratyClosedError as error:
            return Lost(error, reached=False, again=False)
        until = time.monotonic() + step.timeout
        lane, whole = None, False
        try:
            with wall(until):
                lane = pool.take(until)
                response = pool.sent(lane, step, options)
                try:
                    headers = fields_of(response)
                    content = bytearray()
                    # A stream of its own is cheaper than iter_bytes, which decodes.
                    stream = response.iter_bytes() if pool.client or "content-encoding" in headers else response.stream
                    for chunk in cast("Iterable[bytes]", stream):
                        content += chunk
                        if time.monotonic() > until:
                            raise httpx.ReadTimeout("the time for this attempt has passed")
                        if len(content) > MAX_BODY:
                            return Answer(response.status_code, headers, bytes(content[:MAX_BODY]), False)
                    whole = True
                    return Answer(response.status_code, headers, bytes(content))
                finally:
                    response.close()
        except Exception as error:  # httpx's, or whatever an http_client of the caller raises
            if self.closed:
                return cut_off(error)
            return lost(error, step)
        finally:
            if lane is not None:
                pool.give(lane, whole=whole)

    def close(self) -> None:
        """Close our connections; a client or transport that was given stays open."""
        self.closed = True
        if (pool := self.pools.get(os.getpid())) is not None:
            pool.closing.set()
            pool.idle.clear()
            ours = [lane for lane in pool.lanes if lane.ours is not None]
            for lane in ours:
                lane.hang_up()
            for lane in ours:
                lane.close()
            with pool.freed:
                pool.freed.notify_all()


class _Lane:
    """One connection, as a pool of httpx's; many, where a transport or client was given.

    A connection has one call at a time over HTTP/2, too: there httpx lets calls of threads write over each other, and
    one that times out ends the others.
    """

    ours: httpx.Client | None
    transport: httpx.BaseTransport | None
    backends: list[WalledBackend]
    used: float

    def __init__(self, made: Connections) -> None:
        from kraty_server._backend import build_walls  # it needs httpcore, which httpx imports this late too

        self.ours = None
        if made.context is not None:
            self.ours = httpx.Client(verify=made.context, limits=ONE, timeout=None, http2=made.http2)  # noqa: S113  # each request brings its own
        self.transport = chosen(self.ours, made.base_url) if self.ours else made.transport
        self.backends = build_walls(self.ours or made.client or made.transport)
        self.used = time.monotonic()

    def hang_up(self) -> None:
        for backend in self.backends:
            backend.hang_up()

    def close(self) -> None:
        """Close the connection, if it is ours; the next call opens another."""
        if self.ours is not None and self.transport is not None:
            with suppress(Exception):  # what goes wrong here is no error of a call
                self.transport.close()


class _Pool:
    """Requests go through a client that was given, or straight to the transport of a lane."""

    made: Connections
    closing: threading.Event
    client: HttpClient | None
    most: int
    lanes: list[_Lane]
    idle: list[_Lane]
    """Those that nobody has; the one used last is last."""
    freed: threading.Condition
    waiting: int
    shared: _Lane | None
    """The only one, where there is only one."""
    address: Address

    def __init__(self, made: Connections) -> None:
        self.made = made
        self.closing = threading.Event()
        self.client = made.client
        self.most = LIMITS.max_connections or 1
        self.freed = threading.Condition()
        self.waiting = 0
        first = _Lane(made)
        self.lanes = [first]
        self.shared = first if made.context is None else None
        self.idle = [] if self.shared else [first]
        self.address = Address(made.base_url, first.ours.headers["accept-encoding"] if first.ours else "gzip, deflate")

    def take(self, until: float) -> _Lane:
        """Take the lane that was used last; where none is idle a new one, or else the first that comes free."""
        if self.shared is not None:
            return self.shared
        try:
            return self.idle.pop()
        except IndexError:
            pass
        with self.freed:
            self.waiting += 1
            try:
                while not self.closing.is_set():
                    with suppress(IndexError):  # another thread was quicker
                        return self.idle.pop()
                    if len(self.lanes) < self.most:
                        self.lanes.append(lane := _Lane(self.made))
                        return lane
                    if not self.freed.wait_for(self._worth_a_look, max(0.0, until - time.monotonic())):
                        raise httpx.PoolTimeout(f"all {self.most} connections were busy")
            finally:
                self.waiting -= 1
        raise httpx.PoolTimeout("the client was closed")

    def _worth_a_look(self) -> bool:
        return bool(self.idle) or self.closing.is_set()

    def give(self, lane: _Lane, *, whole: bool) -> None:
        """Give a lane back, and close the one that was used longest ago if that is too long."""
        if lane is self.shared:
            return
        closing = self.closing.is_set()
        if closing or not whole:  # it may have connected since; httpx's HTTP/2 would go on after what was cut off
            lane.close()
        if closing:
            return
        lane.used = time.monotonic()
        self.idle.append(lane)
        for oldest in self.idle[:1]:
            if lane.used - oldest.used > IDLE:
                with suppress(ValueError):  # another thread has it by now
                    self.idle.remove(oldest)
                    self.lanes.remove(oldest)
                    oldest.close()
        if self.waiting:
            with self.freed:
                self.freed.notify()

    def sent(self, lane: _Lane, step: Send, options: Options) -> httpx.Response:
        """Send a request; the body of the answer is still to be read."""
        if self.client is None:
            assert lane.transport is not None
            return lane.transport.handle_request(self.address.request(step, options))
        request = self.client.build_request(
            step.method,
            step.url,
            content=step.content,
            headers=request_headers(options, has_body=step.content is not None),
            timeout=step.timeout,
        )
        response: httpx.Response = self.client.send(request, auth=None, follow_redirects=False, stream=True)
        return response
