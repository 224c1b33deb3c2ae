"""How does a test or a script hold an emulator in its hands?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from kraty_server.client import AsyncKratyServer, KratyServer
from kraty_server.testing.emulator.backend import Backend
from kraty_server.testing.emulator.seeds import Seed
from kraty_server.testing.emulator.transports import AsyncTransport, Transport
from kraty_server.testing.operations import HANDLERS

if TYPE_CHECKING:
    from kraty_server.testing.server.serving import Server

INSIDE: Final = "http://127.0.0.1:1"
"""What clients within the process are given as address; nothing listens there."""


class Emulator(Backend):
    """A Kraty on your machine: real ledger, real idempotency, real conflicts, signed webhooks. No production server.

    Use it within the process through `client()` and `async_client()`, or as a context manager, which serves it on a
    free loopback port at `url`.

    Args:
        seed: what is there from the start, as a mapping or as a JSON file; see `Seed`.
        db: a file to keep the state in; in memory otherwise.
        webhook_url: an endpoint for all events that the `test` key causes.
        webhook_secret: what its deliveries are signed with.
        port: to serve on; 0 takes a free one.
        host: to serve on. Anything but loopback opens the emulator to others.
        strict: answer 500 where the emulator itself would leave the contract.
    """

    def __init__(
        self,
        *,
        seed: Seed | Mapping[str, Any] | str | Path | None = None,
        db: str | Path | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        strict: bool = True,
    ) -> None:
        super().__init__(
            HANDLERS,
            seed=seed,
            db=db,
            webhook_url=webhook_url,
            webhook_secret=webhook_secret,
            strict=strict,
        )
        self._host, self._port = host, port
        self._server: Server | None = None

    def client(self, **options: Any) -> KratyServer:
        """Make a client that calls the emulator within the process, without a socket.

        Args:
            options: those of `KratyServer`.
        """
        given: dict[str, Any] = {"api_key": self.api_key, "base_url": INSIDE, "transport": Transport(self._engine)}
        return KratyServer(**given | options)

    def async_client(self, **options: Any) -> AsyncKratyServer:
        """Make an async client that calls the emulator within the process, without a socket."""
        given: dict[str, Any] = {"api_key": self.api_key, "base_url": INSIDE, "transport": AsyncTransport(self._engine)}
        return AsyncKratyServer(**given | options)

    @property
    def url(self) -> str:
        """Where it is served.

        Raises:
            RuntimeError: it is not; enter it with `with`, or use `client()`.
        """
        if self._server is None:
            raise RuntimeError("this emulator is not served: use `with Emulator() as emulator`, or emulator.client()")
        return self._server.url

    def __enter__(self) -> Self:
        """Serve it in a thread."""
        from kraty_server.testing.server.serving import Server

        self._server = Server(self, self._host, self._port)
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving, and close the state."""
        self.close()

    def close(self) -> None:
        """Stop serving and sending, and close the state."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        super().close()
