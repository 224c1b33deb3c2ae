"""For tests of webhooks on their way: a relay between sender and endpoint that alters a byte, or repeats what it got."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import httpx


class Relay:
    """Passes each delivery on to `upstream`: the next one as it was told, those after it as they are."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.alter_next = False
        self.copies_of_next = 1
        """How often it is sent, all at once."""
        self.statuses: list[int] = []
        """What the endpoint answered."""
        self._client = httpx.Client(trust_env=False, timeout=60, limits=httpx.Limits(max_keepalive_connections=0))
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name: self.headers[name] for name in ("Content-Type", "X-Signature")}
                self.send_response(relay.pass_on(body, headers))
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def pass_on(self, body: bytes, headers: dict[str, str]) -> int:
        if self.alter_next:
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
        copies, self.copies_of_next, self.alter_next = self.copies_of_next, 1, False
        with ThreadPoolExecutor(copies) as pool:
            posted = [
                pool.submit(self._client.post, self.upstream, content=body, headers=headers) for _ in range(copies)
            ]
        answered = [one.result().status_code for one in posted]
        self.statuses += answered
        return max(answered)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._client.close()
