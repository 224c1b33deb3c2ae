"""What can be done to the emulated server from outside of its API? State, seeds, clock, faults, log and webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final, Unpack

from kraty_server.testing.emulator import outbox, seeds
from kraty_server.testing.emulator.clock import Clock
from kraty_server.testing.emulator.context import RequestContext
from kraty_server.testing.emulator.due import next_due
from kraty_server.testing.emulator.dump import dump_state, load_state
from kraty_server.testing.emulator.engine import Engine
from kraty_server.testing.emulator.faults import ANY, WEBHOOKS, Fault, FaultOptions, make_fault
from kraty_server.testing.emulator.json_body import decode_json, is_object
from kraty_server.testing.emulator.names import nearest
from kraty_server.testing.emulator.operation import Handler
from kraty_server.testing.emulator.outbox import Delivery
from kraty_server.testing.emulator.rate_limit import RateLimit
from kraty_server.testing.emulator.request_log import Request, matching
from kraty_server.testing.emulator.seeds import Seed
from kraty_server.testing.emulator.state import Row, State

ALL: Final = 2**62
_IN_EACH_WORLD: Final = "SELECT p.id FROM worlds w CROSS JOIN players p ON p.world = w.id AND p.external_id = ?"


class Backend:
    """The emulated server, and everything that a test or a control route does to it.

    Args:
        handlers: what each operation does.
        seed: what is there from the start, as a mapping or as a JSON file; see `Seed`.
        db: a file to keep the state in; in memory otherwise.
        webhook_url: an endpoint for all events that the `test` key causes.
        webhook_secret: what its deliveries are signed with.
        strict: answer 500 where the emulator itself would leave the contract.
        rate_limit: how many requests each key may make; see the property.
        row_keys_kept: how long the keys of migrated rows are remembered; see the property.

    Raises:
        ValueError: the seed, the address, the file or a limit does not fit.
        OSError: a file cannot be read.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        *,
        seed: Seed | Mapping[str, Any] | str | Path | None = None,
        db: str | Path | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        strict: bool = True,
        rate_limit: RateLimit | float | None = None,
        row_keys_kept: timedelta | float | None = None,
    ) -> None:
        first: list[Mapping[str, Any]] = []
        if webhook_url is not None:
            first.append({"webhooks": [{"url": webhook_url, "secret": webhook_secret or ""}]})
        if seed is not None:
            first.append(read_seed(seed))
        # Made in memory first: what does not fit leaves no half-filled file behind, and `reset` goes back to it.
        self._state = State(None)
        try:
            with self._state.effect():
                seeds.add_first_state(self._state)
                for part in first:
                    seeds.apply_seed(self._seed_context(_environment(part), Clock().now()), part)
            self._state.next_due = next_due(self._state)
            self._fresh = self._state.snapshot()
            if db is not None:
                fresh, self._state = self._state, State(str(db))
                fresh.close()
                self._open_file(first if webhook_url is not None else [])
        except BaseException:
            self._state.close()
            raise
        self._fault_numbers = count(1)
        self._engine = Engine(self._state, handlers=handlers, strict=strict)
        try:
            self.rate_limit = rate_limit
            self.row_keys_kept = row_keys_kept
            self._engine.open()
        except BaseException:
            self._engine.close()
            raise

    def _open_file(self, webhooks: list[Mapping[str, Any]]) -> None:
        if not self._state.value("SELECT count(*) FROM games"):
            self._state.restore(self._fresh)
            return
        for part in webhooks[:1]:
            (endpoint,) = part["webhooks"]
            sql = "SELECT count(*) FROM endpoints WHERE url = ? AND secret = ?"
            if not self._state.value(sql, endpoint["url"], endpoint["secret"]):
                with self._state.effect():
                    seeds.apply_seed(self._seed_context("test", Clock().now()), part)

    def close(self) -> None:
        """End the threads, and close the state."""
        self._engine.close()

    @property
    def api_key(self) -> str:
        """A key of the environment `test`, of the game `game_1`."""
        return seeds.emulator_key("test")

    @property
    def live_key(self) -> str:
        """A key of the environment `live`, of the same game."""
        return seeds.emulator_key("live")

    @property
    def client_key(self) -> str:
        """A `client_sdk` key, which the server API refuses."""
        return seeds.emulator_key("client")

    @property
    def engine(self) -> Engine:
        """What answers the requests."""
        return self._engine

    def _seed_context(self, environment: str, now: datetime, *, silent: bool = True) -> RequestContext:
        return RequestContext(
            state=self._state,
            now=now,
            world=seeds.find_world(self._state, seeds.GAME, environment),
            game=seeds.GAME,
            studio=seeds.STUDIO,
            environment=environment,
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
            ValueError: a part that does not fit; the message says where.
            OSError: the file cannot be read.
        """
        part = read_seed(seed)
        with self._engine.lock:
            with self._state.effect():
                seeds.apply_seed(self._seed_context(_environment(part), self.now(), silent=silent), part)
            self._engine.settle()

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

    def dump(self) -> dict[str, list[Row]]:
        """Take all of the state as JSON, table by table."""
        with self._engine.lock:
            return dump_state(self._state)

    def load(self, dumped: Mapping[str, list[Row]]) -> None:
        """Replace the state with one that was dumped; forget requests and faults.

        Raises:
            ValueError: that is no dump; nothing is replaced.
        """
        with self._engine.lock:
            load_state(self._state, dumped)
            self._engine.open()

    def ledger(
        self,
        external_player_id: str | None = None,
        *,
        environment: str | None = None,
        limit: int = ALL,
        before: int = ALL,
    ) -> list[Row]:
        """List what was booked, oldest first.

        Args:
            external_player_id: of this player only.
            environment: of this world only, `test` or `live`.
            limit: the newest so many.
            before: only rows with a smaller `id`.

        Returns:
            Rows with id, external_player_id, player, environment, kind, key, delta, amount (after it), reason,
            source_ref_id, origin, operation, idempotency_key and at.
        """
        sql = """SELECT l.id, p.external_id AS external_player_id, p.public_id AS player, w.environment, l.kind, l.key,
                 l.delta, l.amount, l.reason, l.source_ref_id, l.origin, l.operation, l.idempotency_key, l.at
                 FROM ledger l JOIN players p ON p.id = l.player JOIN worlds w ON w.id = p.world
                 WHERE l.id < ? {where} ORDER BY l.id DESC LIMIT ?"""
        values: list[Any] = [before]
        where = ""
        with self._engine.lock:
            if external_player_id is not None:
                found = self._state.rows(_IN_EACH_WORLD, external_player_id)
                where += f" AND l.player IN ({', '.join('?' * len(found))})"
                values += [row["id"] for row in found]
            if environment is not None:
                where += " AND w.environment = ?"
                values.append(environment)
            return self._state.rows(sql.format(where=where), *values, limit)[::-1]

    def now(self) -> datetime:
        """Tell the emulator's time."""
        return self._engine.now()

    def advance(self, by: float | timedelta) -> None:
        """Move the clock ahead; grants expire, lobbies close, keys are forgotten.

        Args:
            by: seconds, or a timedelta.

        Raises:
            ValueError: back, no finite number, or beyond the year 8999; nothing is changed.
        """
        self._engine.advance(by.total_seconds() if isinstance(by, timedelta) else by)

    def fault(self, operation: str = ANY, **effect: Unpack[FaultOptions]) -> Fault:
        """Let something go wrong: see `FaultOptions` for what.

        Args:
            operation: as in the contract, `wallet.credit`; `*` for all; `webhooks` for deliveries.
            effect: one effect; of a drop, a cut or a duplicate, how many requests or deliveries meet it.

        Returns:
            The new line of the script; it counts how often it struck, and `clear_fault` takes it out again.

        Raises:
            ValueError: no such operation, no effect, or several; or a value out of range.
        """
        if operation != WEBHOOKS:
            self._require_operation(operation, ANY)
        with self._engine.lock:
            made = make_fault(operation, **effect)
            if operation == WEBHOOKS and not any(f.operation == operation for f in self._engine.faults):
                self._engine.dispatcher.watch()
            made.number = next(self._fault_numbers)
            self._engine.faults.append(made)
            return made

    def _require_operation(self, operation: str, *others: str) -> None:
        known = [*self._engine.contract.operations, *others]
        if operation not in known:
            raise ValueError(f"operation: {operation!r} is not in the contract: {nearest(operation, known)}")

    @property
    def rate_limit(self) -> RateLimit | None:
        """How many requests each key may make; None without a limit.

        What is above it is answered with 429 `rate_limited` and a Retry-After on the emulator's clock. A number stands
        for so many requests per second. It can be set at any time; then, and after `reset` and `restore`, each key can
        make a burst. A scripted fault comes first.
        """
        return self._engine.limiter.limit

    @rate_limit.setter
    def rate_limit(self, limit: RateLimit | float | None) -> None:
        made = limit if limit is None or isinstance(limit, RateLimit) else RateLimit(limit)
        with self._engine.lock:
            self._engine.limiter.limit = made

    @property
    def row_keys_kept(self) -> timedelta | None:
        """How long the idempotency keys of migrated rows are remembered; None, as it is unless set, for ever.

        The API does not say how long. A row that comes again after that is applied again. A number stands for so many
        seconds. It can be set at any time.
        """
        return self._engine.row_keys_kept

    @row_keys_kept.setter
    def row_keys_kept(self, kept: timedelta | float | None) -> None:
        made = kept if kept is None or isinstance(kept, timedelta) else _seconds("row_keys_kept", kept)
        if made is not None and made <= timedelta(0):
            raise ValueError(f"row_keys_kept: more than 0 seconds, got {kept!r}")
        with self._engine.lock:
            self._engine.row_keys_kept = made

    @property
    def faults(self) -> list[Fault]:
        """The fault script; what has struck as often as it should stays in it, with `times` at 0."""
        with self._engine.lock:
            return list(self._engine.faults)

    def clear_faults(self) -> None:
        """Let nothing go wrong any more; deliveries that were held back go out."""
        with self._engine.lock:
            self._engine.faults.clear()
            self._engine.dispatcher.release()
            self._engine.settle()

    def clear_fault(self, fault: Fault | int) -> None:
        """Let one fault of the script strike no more; deliveries that it held back go out.

        Args:
            fault: the fault, or its number.

        Raises:
            KeyError: it is not in the script.
        """
        number = fault if isinstance(fault, int) else fault.number
        with self._engine.lock:
            found = next((each for each in self._engine.faults if each.number == number), None)
            if found is None:
                raise KeyError(number)
            self._engine.faults.remove(found)
            if found.effect == "reorder" and found.struck:
                self._engine.dispatcher.release()
                self._engine.settle()

    @property
    def unused_faults(self) -> list[Fault]:
        """The faults that never struck; those that chance may have spared are not among them."""
        return [fault for fault in self.faults if not fault.struck and fault.probability == 1]

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
        self._require_operation(operation)
        seen = self.requests
        found = matching(seen, operation, body)
        if not found if times is None else len(found) != times:
            wanted = "at least once" if times is None else f"{times} times"
            shown = "\n".join(f"  {request}" for request in seen[-10:]) or "  none"
            what = f"{operation} with {body}" if body else operation
            raise AssertionError(f"{what}: {len(found)} calls, not {wanted}. The last requests:\n{shown}")
        return found

    def resend(self, number: int) -> Request:
        """Answer a request of the log once more: the same bytes, with the same key.

        Args:
            number: of the request. One that came without a key that is known now is sent with `api_key`.

        Returns:
            The new line of the log.

        Raises:
            KeyError: it is not in the log.
        """
        with self._engine.lock:
            sent = next((request for request in self._engine.requests if request.number == number), None)
            if sent is None:
                raise KeyError(number)
            key = self.key_of(sent)
            headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
            if sent.sdk is not None:
                headers["x-kraty-sdk"] = sent.sdk
            self._engine.respond(sent.method, sent.target, headers, sent.raw_body)
            return self._engine.requests.newest

    def key_of(self, request: Request) -> str:
        """The key that a request came with, or `api_key`."""
        with self._engine.lock:
            row = self._state.one("SELECT prefix, secret FROM keys WHERE prefix = ?", request.key_prefix)
        return f"{row['prefix']}.{row['secret']}" if row else self.api_key

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

        Raises:
            ValueError: no address, an empty secret, or no such environment.
        """
        self.seed({"webhooks": [{"url": url, "secret": secret, "environment": environment, "events": events}]})

    @property
    def deliveries(self) -> list[Delivery]:
        """The deliveries of webhooks, oldest first: the newest 20,000."""
        return self.list_deliveries(limit=ALL)

    def list_deliveries(self, *, limit: int, before: int = ALL) -> list[Delivery]:
        """List the newest deliveries, or those before a number; oldest first."""
        with self._engine.lock:
            return outbox.list_deliveries(self._state, limit=limit, before=before)

    @property
    def collected(self) -> list[Delivery]:
        """What endpoints without an address got, in the order of arrival; what arrived twice is there twice."""
        with self._engine.lock:
            return outbox.list_collected(self._state)

    def drain(self, timeout: float = 10.0) -> None:
        """Wait until each webhook that is due was tried.

        Raises:
            TimeoutError: some still were not.
        """
        with self._engine.lock:
            if not self._engine.dispatcher.drain(timeout):
                raise TimeoutError(f"webhooks still due after {timeout:g} s")

    def replay(self, delivery_id: str) -> None:
        """Deliver a webhook once more.

        Raises:
            KeyError: there is no such delivery.
        """
        with self._engine.lock:
            self._engine.dispatcher.replay(delivery_id)


def _seconds(name: str, seconds: float) -> timedelta:
    try:
        return timedelta(seconds=seconds)
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None


def _environment(seed: Mapping[str, Any]) -> str:
    return "live" if seed.get("environment") == "live" else "test"


def read_seed(seed: object) -> Mapping[str, Any]:
    """A seed, read from its file if it is a path.

    Raises:
        ValueError: it is no object.
        OSError: it cannot be read.
    """
    if isinstance(seed, str | Path):
        try:
            seed = decode_json(Path(seed).read_bytes())
        except ValueError as error:
            raise ValueError(f"{seed}: no JSON: {error}") from None
    if not is_object(seed):
        raise ValueError('seed: an object is needed, such as {"players": []}')
    return seed
