"""For tests of strange answers: only a socket; answers each request with the bytes that a test chooses.

A test gives a function that is called with each `Exchange`, in a thread of the connection; it sends what it likes, when
it likes. Answers of `credited` carry the amount of their request as the balance, so that each names its call.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self

import pytest

from kraty_server import KratyError, RetryConfig

ONCE = RetryConfig(attempts=1)
QUICK = RetryConfig(attempts=4, initial_delay=0.001, max_delay=0.01)
KEY = "prefix.verysecret"


def options(url: str, **more: Any) -> dict[str, Any]:
    return {"api_key": KEY, "base_url": url, "retry": QUICK, "timeout": 5.0, "deadline": 20.0, **more}


def credit(amount: int, currency: str = "gold", player: str = "p", **more: Any) -> Callable[[Any], Any]:
    """A call, whose answer is told from others by its balance."""
    return lambda kraty: kraty.wallet.credit(player, currency, amount=amount, **more)


def failed(use: Callable[[Any], Any], call: Callable[[Any], Any]) -> KratyError:
    """Make a call that fails, and give its error."""
    with pytest.raises(KratyError) as caught:
        use(call)
    return caught.value


def http(body: bytes = b"", status: str = "200 OK", *headers: str, length: bool = True) -> bytes:
    """An answer as it goes over the wire."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if not any(line.lower().startswith("content-type:") for line in headers):
        lines.append("Content-Type: application/json")
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def wallet(balance: int, currency: str = "gold") -> bytes:
    return json.dumps({"data": {"economyKey": currency, "balance": balance, "applied": True}}).encode()


@dataclass
class Exchange:
    """One request, and the connection to answer it on."""

    socket: socket.socket
    number: int
    """Counted over all connections, from 0."""
    connection: int
    """Which connection, counted from 0."""
    turn: int
    """Which request of its connection, counted from 0."""
    target: str
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def currency(self) -> str:
        return self.target.split("/")[-2]

    def credited(self) -> bytes:
        """The answer to this request, and to no other."""
        return http(wallet(self.body["amount"], self.currency))

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def close(self) -> None:
        """End the connection (FIN)."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Break the connection off (RST)."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def own(exchange: Exchange) -> None:
    """Answer as the API does."""
    exchange.send(exchange.credited())


class WireServer:
    """Listens on loopback until it is left."""

    def __init__(self, answer: Callable[[Exchange], None] = own, host: str = "127.0.0.1", port: int = 0) -> None:
        self.answer = answer
        self.exchanges: list[Exchange] = []
        self.errors: list[BaseException] = []
        self.open: dict[int, socket.socket] = {}
        self.resetting: set[socket.socket] = set()
        self.connections = 0
        self.listener = socket.create_server((host, port), backlog=256)
        self.port: int = self.listener.getsockname()[1]
        self.url = f"http://{host}:{self.port}"
        self.lock = threading.Lock()
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.threads: list[threading.Thread] = []
        self.closing = threading.Event()
        """Set when the server is left: what waits in an answer waits for this."""

    def __enter__(self) -> Self:
        self.acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.acceptor.join(timeout=10)
        self.close_all()
        for thread in self.threads:
            thread.join(timeout=10)
        if self.errors:
            raise self.errors[0]

    def close_all(self, *, reset: bool = False) -> None:
        """Close every connection (FIN, or RST), and wait until it is done."""
        with self.lock:
            connections = list(self.open.values())
            self.resetting.update(connections if reset else ())
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)  # wakes its thread, which closes it
        while self.open and not self.closing.is_set():
            time.sleep(0.001)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                number, self.connections = self.connections, self.connections + 1
                self.open[number] = connection
            thread = threading.Thread(target=self._serve, args=(connection, number), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            with connection:
                turn, buffer = 0, bytearray()
                while (exchange := self._read(connection, buffer, number, turn)) is not None:
                    turn += 1
                    self.answer(exchange)
                if connection in self.resetting:
                    exchange = Exchange(connection, -1, number, turn, "", {}, b"")
                    exchange.reset()
        except OSError:
            return
        except Exception as error:
            self.errors.append(error)
        finally:
            with self.lock:
                self.open.pop(number, None)

    def _read(self, connection: socket.socket, buffer: bytearray, number: int, turn: int) -> Exchange | None:
        while b"\r\n\r\n" not in buffer:
            if not (data := connection.recv(65536)):
                return None
            buffer += data
        head, _, rest = bytes(buffer).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(rest) < length:
            if not (data := connection.recv(65536)):
                return None
            rest += data
        buffer[:] = rest[length:]
        with self.lock:
            target = first.split(" ")[1]
            exchange = Exchange(connection, len(self.exchanges), number, turn, target, headers, rest[:length])
            self.exchanges.append(exchange)
        return exchange


@contextmanager
def resolving(monkeypatch: pytest.MonkeyPatch, name: str, found: Callable[[int], Any]) -> Iterator[None]:
    """Let a name resolve as `found`, which is given the port, says."""
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        plain = host.decode() if isinstance(host, bytes) else str(host)
        return found(int(port)) if plain == name else real(host, port, *more, **named)

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", resolve)
        yield


def at(*addresses: str) -> Callable[[int], Any]:
    return lambda port: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]
