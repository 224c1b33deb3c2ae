"""For tests of webhook deliveries: a studio's endpoint that keeps what comes and answers the statuses it was told to."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from kraty_server.testing import SIGNATURE_HEADER


class Endpoint:
    """Answers the statuses in their order, then 204."""

    def __init__(self, statuses: list[int]) -> None:
        self.statuses = statuses
        self.answer = b""
        """What comes with each status but 204."""
        self.received: list[tuple[bytes, str]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                endpoint.received.append((body, self.headers[SIGNATURE_HEADER]))
                status = endpoint.statuses.pop(0) if endpoint.statuses else 204
                answer = b"" if status == 204 else endpoint.answer
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/kraty"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
