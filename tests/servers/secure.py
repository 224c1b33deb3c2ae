"""For tests of certificates and HTTP/2: an https server (hypercorn) that speaks HTTP/1.1 and HTTP/2."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path
from typing import Any, Self

import trustme
from hypercorn.asyncio import serve
from hypercorn.config import Config

from tests.servers.raw import PONG


class SecureServer:
    """Its certificate is for 127.0.0.1, from `authority`; the files are written below `directory`."""

    asked: list[tuple[str, int]]
    """The version and the port of each request that came."""
    together: int = 0
    """How many requests must have come before one is answered; of players named silent, none is."""

    def __init__(self, authority: trustme.CA, directory: Path) -> None:
        self.asked = []
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_pem.write_to_path(directory / "key.pem")
        for number, blob in enumerate(certificate.cert_chain_pems):
            blob.write_to_path(directory / "cert.pem", append=number > 0)
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        self.config = Config()
        self.config.bind = [f"fd://{listening.detach()}"]
        self.config.certfile, self.config.keyfile = str(directory / "cert.pem"), str(directory / "key.pem")
        self.config.loglevel, self.config.graceful_timeout = "CRITICAL", 0
        self.stop = threading.Event()

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=asyncio.run, args=(self._main(),))
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()

    async def _main(self) -> None:
        await serve(self._app, self.config, shutdown_trigger=lambda: asyncio.to_thread(self.stop.wait))

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        self.asked.append((scope["http_version"], scope["client"][1]))
        while (await receive()).get("more_body"):
            pass
        while scope["path"].endswith("/silent") and (await receive())["type"] != "http.disconnect":
            pass
        while len(self.asked) < self.together:
            await asyncio.sleep(0.001)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(PONG)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PONG})
