"""How is the emulator served? uvicorn in a thread of its own, one for each emulator."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kraty_server.testing.emulator.backend import Backend
from kraty_server.testing.emulator.system_loop import SystemLoop
from kraty_server.testing.server.app import CONNECTION, make_app

START: Final = 10.0
"""Seconds that it may take until it listens."""
STOP: Final = 5.0
"""Seconds that it may take until its thread has ended."""


class _Transport(asyncio.Transport):
    """The transport of a connection; what is written in one turn of the loop goes out as one.

    uvicorn writes the head of an answer and its body apart, and sending is a quarter of what an answer costs.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._unsent: list[bytes | bytearray | memoryview] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._unsent:
            self._transport.write(b"".join(self._unsent))
            self._unsent.clear()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)


class _Protocol(HttpToolsProtocol):
    """One connection: each of its requests carries it in its scope, so that a fault can close it."""

    def connection_made(self, transport: Any) -> None:  # an asyncio.Transport: the bases do not agree on its type
        super().connection_made(transport)
        # asyncio does it only for sockets that were made with a protocol number.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.transport = _Transport(transport, self.loop)
        self.app_state = {CONNECTION: self.transport}


class _UvicornServer(uvicorn.Server):
    """Says when it listens, and leaves the signals of the process alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        OSError: the name is unknown, or the address is taken or not ours.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server(address[:2], family=family)


class Server:
    """Serves an emulator in a thread of its own.

    Raises:
        OSError: it cannot listen there.
    """

    def __init__(self, backend: Backend, host: str, port: int, allow_hosts: Sequence[str] = ()) -> None:
        self._socket = listen(host, port)
        shown = f"[{host}]" if ":" in host else host
        self.url: str = f"http://{shown}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            make_app(backend, (host, *allow_hosts), lambda: self._server.should_exit),
            http=_Protocol,
            ws="none",
            lifespan="off",
            proxy_headers=False,
            access_log=False,
            log_level=logging.WARNING,
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        self._server = _UvicornServer(config)
        self._thread = threading.Thread(target=self._serve, name="kraty-emulator", daemon=True)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=SystemLoop) as runner:
            runner.run(self._server.serve([self._socket]))

    def start(self) -> None:
        """Serve, and come back when it listens.

        Raises:
            RuntimeError: it could not start.
        """
        self._thread.start()
        if not self._server.listening.wait(START):
            self.stop()
            raise RuntimeError("the emulator did not start to listen")

    def stop(self) -> None:
        """Stop serving; connections that are open end."""
        self._server.should_exit = True
        self._thread.join(STOP)
        self._socket.close()
