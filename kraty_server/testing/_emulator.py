"""How does a test or a script hold an emulator in its hands?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from kraty_server.client import AsyncKratyServer, KratyServer
from kraty_server.testing.emulator.backend import Backend
from kraty_server.testing.emulator.rate_limit import RateLimit
from kraty_server.testing.emulator.seeds import Seed
from kraty_server.testing.emulator.transports import AsyncTransport, Transport
from kraty_server.testing.emulator.virtual_clock import VirtualClock
from kraty_server.testing.operations import HANDLERS

if TYPE_CHECKING:
    from kraty_server.testing.server.serving import Server

INSIDE: Final = "http://127.0.0.1:1"
"""What clients within the process are given as address; nothing listens there."""


class Emulator(Backend):
    """A Kraty on your machine: real ledger, real idempotency, real conflicts, signed webhooks. No production server.

    Use it within the process through `client()` and `async_client()`, or over HTTP at `url`, where it is served from
    when that is asked for. As a context manager it is closed at the end.

    Args:
        seed: what is there from the start, as a mapping or as a JSON file; see `Seed`.
        db: a file to keep the state in; in memory otherwise.
        webhook_url: an endpoint for all events that the `test` key causes.
        webhook_secret: what its deliveries are signed with.
        port: to serve on, from the `with` on; 0 takes a free one when `url` is asked for.
        host: to serve on. Anything but loopback opens the emulator to others.
        allow_hosts: names, besides `host`, addresses and localhost, that the control routes and the page may be called
            by; others are refused, so that no page in a browser gets at them by DNS rebinding.
        strict: answer 500 where the emulator itself would leave the contract.
        rate_limit: how many requests each key may make: `RateLimit(20, burst=40)`, or a number of requests per second.
            What is above it is answered with 429 and a Retry-After, on the emulator's clock.
        row_keys_kept: how long the idempotency keys of migrated rows are remembered, in seconds or as a timedelta; for
            ever without it. The API does not say how long.

    Attributes:
        real_time: whether the clients that are made within the process wait for real. Otherwise retries, Retry-After,
            latency and deadlines pass on the emulator's clock, and take no time.

    Raises:
        ValueError: the seed, the address of the webhook, the file or a limit does not fit.
        OSError: a file cannot be read.
    """

    real_time: bool

    def __init__(
        self,
        *,
        seed: Seed | Mapping[str, Any] | str | Path | None = None,
        db: str | Path | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        allow_hosts: Sequence[str] = (),
        strict: bool = True,
        rate_limit: RateLimit | float | None = None,
        row_keys_kept: timedelta | float | None = None,
    ) -> None:
        super().__init__(
            HANDLERS,
            seed=seed,
            db=db,
            webhook_url=webhook_url,
            webhook_secret=webhook_secret,
            strict=strict,
            rate_limit=rate_limit,
            row_keys_kept=row_keys_kept,
        )
        self._host, self._port, self._allow_hosts = host, port, allow_hosts
        self._server: Server | None = None
        self._closed = False
        self._virtual_clock = VirtualClock(self._engine)
        self.real_time = False

    def client(self, **options: Any) -> KratyServer:
        """Make a client that calls the emulator within the process, without a socket, and waits in no time.

        Args:
            options: those of `KratyServer`.
        """
        transport = Transport(self._engine, self._waiting)
        given: dict[str, Any] = {"api_key": self.api_key, "base_url": INSIDE, "transport": transport}
        return KratyServer(**given | options)

    def async_client(self, **options: Any) -> AsyncKratyServer:
        """Make an async client that calls the emulator within the process: see `client`."""
        transport = AsyncTransport(self._engine, self._waiting)
        given: dict[str, Any] = {"api_key": self.api_key, "base_url": INSIDE, "transport": transport}
        return AsyncKratyServer(**given | options)

    @property
    def _waiting(self) -> VirtualClock | None:
        return None if self.real_time else self._virtual_clock

    @property
    def url(self) -> str:
        """Where it is served: in a thread, from when this is asked for.

        Raises:
            OSError: it cannot listen there; the port is taken, perhaps.
            RuntimeError: it is closed, or could not start.
        """
        from kraty_server.testing.server.serving import Server

        with self._engine.lock:
            if self._closed:
                raise RuntimeError("this emulator is closed; make a new one")
            if self._server is None:
                server = Server(self, self._host, self._port, self._allow_hosts)
                server.start()
                self._server = server
            return self._server.url

    def __enter__(self) -> Self:
        """Serve it at once where a port was given, since others know the address then."""
        if self._port:
            try:
                _ = self.url
            except BaseException:
                self.close()  # nobody else can: there will be no `__exit__`
                raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving, and close the state."""
        self.close()

    def close(self) -> None:
        """Stop serving and sending, and close the state."""
        with self._engine.lock:
            self._closed = True
            server, self._server = self._server, None
        if server is not None:
            server.stop()
        super().close()
