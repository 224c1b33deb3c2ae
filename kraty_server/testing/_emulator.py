"""How does a test or a script hold an emulator in its hands?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypedDict, Unpack

from kraty_server.client import AsyncKratyServer, KratyServer
from kraty_server.testing.emulator import faults, seeds
from kraty_server.testing.emulator.engine import Engine, Request, matching
from kraty_server.testing.emulator.ledger import Turn
from kraty_server.testing.emulator.outbox import Delivery
from kraty_server.testing.emulator.seeds import Seed
from kraty_server.testing.emulator.state import Row, State
from kraty_server.testing.emulator.transports import AsyncTransport, Transport
from kraty_server.testing.emulator.virtual_clock import VirtualClock

if TYPE_CHECKING:
    from kraty_server.testing.server.app import Server

INSIDE: Final = "http://127.0.0.1:1"
"""What clients within the process are given as address; nothing listens there."""


class FaultOptions(TypedDict, total=False):
    """What can go wrong; one effect each."""

    status: int | None
    code: str | None
    retry_after: float | None
    latency: float
    drop_before: int | None
    drop_after_commit: int | None
    cut_body: int | None
    times: int | None
    probability: float
    seed: int


class Emulator:
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
        strict: answer 500 where the emulator itself would leave the contract.

    Attributes:
        real_time: whether the clients that are made within the process wait for real. Otherwise retries, Retry-After,
            latency and deadlines pass on the emulator's clock, and take no time.
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
        strict: bool = True,
    ) -> None:
        self._state = State(None if db is None else str(db))
        self._engine = Engine(self._state, strict=strict)
        self._host, self._port = host, port
        self._server: Server | None = None
        self._closed = False
        self._virtual_clock = VirtualClock(self._engine)
        self.real_time = False
        with self._engine.lock:
            if not self._state.one("SELECT 1 FROM games"):
                with self._state.effect():
                    seeds.first_state(self._turn(silent=True))
                if webhook_url is not None:
                    self.add_webhook(webhook_url, secret=webhook_secret or "")
                if seed is not None:
                    self.seed(seed)
            self._fresh = self._state.snapshot()

    @property
    def api_key(self) -> str:
        """A key of the environment `test`, of the game `game_1`."""
        return seeds.key("test")

    @property
    def live_key(self) -> str:
        """A key of the environment `live`, of the same game."""
        return seeds.key("live")

    @property
    def client_key(self) -> str:
        """A `client_sdk` key, which the server API refuses."""
        return seeds.key("client")

    @property
    def engine(self) -> Engine:
        """What answers the requests."""
        return self._engine

    # Ways in

    def client(self, **options: Any) -> KratyServer:
        """Make a client that calls the emulator within the process, without a socket, and waits in no time.

        Args:
            options: those of `KratyServer`.
        """
        transport = Transport(self._engine, self._clock)
        given: dict[str, Any] = {"api_key": self.api_key, "base_url": INSIDE, "transport": transport}
        return KratyServer(**given | options)

    def async_client(self, **options: Any) -> AsyncKratyServer:
        """Make an async client that calls the emulator within the process: see `client`."""
        transport = AsyncTransport(self._engine, self._clock)
        given: dict[str, Any] = {"api_key": self.api_key, "base_url": INSIDE, "transport": transport}
        return AsyncKratyServer(**given | options)

    @property
    def _clock(self) -> VirtualClock | None:
        return None if self.real_time else self._virtual_clock

    @property
    def url(self) -> str:
        """Where it is served: in a thread, from when this is asked for.

        Raises:
            OSError: the port is taken.
            RuntimeError: it is closed, or could not start.
        """
        from kraty_server.testing.server.app import Server

        with self._engine.lock:
            if self._closed:
                raise RuntimeError("this emulator is closed; make a new one")
            if self._server is None:
                server = Server(self, self._host, self._port)
                server.start()
                self._server = server
            return self._server.url

    def __enter__(self) -> Self:
        """Serve it at once where a port was given, since others know the address then."""
        if self._port:
            _ = self.url
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
        self._engine.outbox.close()
        with self._engine.lock:
            self._state.close()

    # The state

    def _turn(self, *, silent: bool) -> Turn:
        return self._engine.turn(
            game=seeds.GAME,
            studio=seeds.STUDIO,
            environment="test",
            origin="admin",
            operation="seed",
            silent=silent,
        )

    def seed(self, seed: Seed | Mapping[str, Any] | str | Path, *, silent: bool = True) -> None:
        """Add players, events, boards and so on; all of it, or nothing.

        Args:
            seed: as a mapping or as a JSON file; see `Seed`.
            silent: False to send the webhooks that it would have caused.

        Raises:
            ValueError: an unknown or incomplete part.
        """
        data = json.loads(Path(seed).read_text("utf-8")) if isinstance(seed, str | Path) else seed
        with self._engine.lock:
            with self._state.effect():
                seeds.plant(self._turn(silent=silent), data)
            self._engine.outbox.flush()

    def reset(self) -> None:
        """Go back to the state after construction; forget requests and faults."""
        self.restore(self._fresh)

    def snapshot(self) -> bytes:
        """Take all of the state, to be given to `restore`."""
        with self._engine.lock:
            return self._state.snapshot()

    def restore(self, snapshot: bytes) -> None:
        """Go back to a snapshot; forget requests and faults."""
        with self._engine.lock:
            self._state.restore(snapshot)
            self._engine.reload()
            self._engine.forget()

    def dump(self) -> dict[str, list[Row]]:
        """Take all of the state as JSON, table by table."""
        with self._engine.lock:
            return self._state.dump()

    def load(self, dumped: Mapping[str, list[Row]]) -> None:
        """Replace the state with one that was dumped."""
        with self._engine.lock:
            self._state.load(dumped)
            self._engine.reload()
            self._engine.forget()

    def ledger(self, external_player_id: str | None = None) -> list[Row]:
        """List what was booked, oldest first: player, kind, key, delta, amount after it, idempotency_key and so on."""
        sql = """SELECT p.external_id AS external_player_id, l.* FROM ledger l JOIN players p ON p.id = l.player
                 WHERE ? IS NULL OR p.external_id = ? ORDER BY l.id"""
        with self._engine.lock:
            return self._state.rows(sql, external_player_id, external_player_id)

    # The clock

    def now(self) -> datetime:
        """Tell the emulator's time."""
        return self._engine.now()

    def advance(self, by: float | timedelta) -> None:
        """Move the clock ahead; grants expire, lobbies close, keys are forgotten.

        Args:
            by: seconds, or a timedelta.
        """
        self._engine.advance(by.total_seconds() if isinstance(by, timedelta) else by)

    # Faults and requests

    def fault(self, operation: str = faults.ANY, **effect: Unpack[FaultOptions]) -> None:
        """Let something go wrong: see `FaultOptions` for what.

        Raises:
            ValueError: no such operation, no effect, or several.
        """
        if operation != faults.ANY and operation not in self._engine.contract.operations:
            raise ValueError(f"operation: {operation!r} is not in the contract; wallet.credit would be")
        with self._engine.lock:
            self._engine.faults.append(faults.script(operation, **effect))

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        with self._engine.lock:
            self._engine.faults.clear()

    @property
    def unused_faults(self) -> list[faults.Fault]:
        """The faults that never struck; those that chance may have spared are not among them."""
        with self._engine.lock:
            return [fault for fault in self._engine.faults if not fault.struck and fault.probability == 1]

    @property
    def requests(self) -> list[Request]:
        """The last requests, oldest first, with their bodies; never with their keys."""
        with self._engine.lock:
            return list(self._engine.requests)

    def assert_called(self, operation: str, *, times: int | None = None, **body: Any) -> list[Request]:
        """Hold that an operation was called, with these values in its body.

        Args:
            operation: as in the contract, `wallet.credit`.
            times: how often exactly; at least once otherwise.
            body: wire names and values, as in `amount=500`.

        Returns:
            The requests that fit.

        Raises:
            AssertionError: it was not so; the message lists the last requests.
        """
        if operation not in self._engine.contract.operations:
            raise ValueError(f"operation: {operation!r} is not in the contract; wallet.credit would be")
        seen = self.requests
        found = matching(seen, operation, body)
        if not found if times is None else len(found) != times:
            wanted = "at least once" if times is None else f"{times} times"
            shown = "\n".join(f"  {request}" for request in seen[-10:]) or "  none"
            what = f"{operation} with {body}" if body else operation
            raise AssertionError(f"{what}: {len(found)} calls, not {wanted}. The last requests:\n{shown}")
        return found

    # Webhooks

    def add_webhook(
        self,
        url: str | None = None,
        *,
        secret: str,
        environment: str = "test",
        events: list[str] | None = None,
    ) -> None:
        """Add an endpoint.

        Args:
            url: where to; without one deliveries are only collected.
            secret: signs the deliveries.
            environment: of the key that causes the events: test or live.
            events: names of those it wants; all without.
        """
        self.seed({"webhooks": [{"url": url, "secret": secret, "environment": environment, "events": events}]})

    @property
    def deliveries(self) -> list[Delivery]:
        """All deliveries of webhooks, oldest first."""
        return self._engine.outbox.deliveries()

    def drain(self, timeout: float = 10.0) -> None:
        """Wait until each webhook that is due was tried.

        Raises:
            TimeoutError: some still were not.
        """
        if not self._engine.outbox.drain(timeout):
            raise TimeoutError(f"webhooks still due after {timeout:g} s")

    def replay(self, delivery_id: str) -> None:
        """Deliver a webhook once more.

        Raises:
            KeyError: there is no such delivery.
        """
        self._engine.outbox.replay(delivery_id)
