"""A studio's endpoint as it is deployed: a framework's real server, begun again when it has ended, and an emulator that delivers."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kraty_server.client import KratyServer
from kraty_server.testing import Emulator
from kraty_server.testing.emulator.outbox import Delivery
from tests.frameworks.deliveries import SECRET
from tests.frameworks.workers import ROOT, listens, until
from tests.servers.relay import Relay

PATIENCE = 60.0


def database(folder: Path) -> Path:
    path = folder / "shop.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE seen (id TEXT PRIMARY KEY)")
        db.execute("CREATE TABLE effects (id TEXT)")
        db.execute("CREATE TABLE changes (id TEXT)")
    return path


def counted(path: Path, table: str = "effects", column: str = "id") -> Callable[[str], int]:
    def effects(number: str) -> int:
        with closing(sqlite3.connect(path)) as db:
            return int(db.execute(f"SELECT count(*) FROM {table} WHERE {column} = ?", (number,)).fetchone()[0])

    return effects


@dataclass
class Service:
    """A server in a folder, as a supervisor keeps it."""

    command: list[str]
    folder: Path
    port: int
    environment: dict[str, str]
    python: str = sys.executable
    _process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        paths = os.pathsep.join(
            [str(self.folder), str(ROOT), str(ROOT / "generated"), os.environ.get("PYTHONPATH", "")]
        )
        environ = os.environ | {"KRATY_WEBHOOK_SECRET": SECRET, "PYTHONPATH": paths} | self.environment
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self.python, "-m", *self.command], cwd=self.folder, env=environ, stdout=log, stderr=subprocess.STDOUT
            )
        until(self._listens, "it does not listen")

    def revive(self) -> None:
        """Begin it again where it has ended, as systemd and Kubernetes do."""
        until(lambda: self._ended or self._listens(), "it neither listens nor ends")
        if self._ended:
            self.start()

    @property
    def _ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    @property
    def said(self) -> str:
        """What it has logged."""
        return self._log.read_text("utf-8", "replace")

    def _listens(self) -> bool:
        assert not self._ended, self.said
        return listens(self.port)

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def served(
    command: list[str], folder: Path, port: int, *, python: str = sys.executable, **environment: str
) -> Iterator[Service]:
    """Run a server in a folder until it listens, and end it after."""
    service = Service(command, folder, port, environment, python)
    try:
        service.start()
        yield service
    finally:
        service.stop()


@dataclass
class Deployment:
    """An endpoint in service, and the emulator whose deliveries it gets: of wallets straight, of items over a relay."""

    service: Service
    url: str
    effects: Callable[[str], int]
    emulator: Emulator
    relay: Relay
    client: KratyServer

    def credit(self, **wish: Any) -> str:
        """Buy something whose event asks the handler for this; the id of the event."""
        self.client.wallet.credit("player_42", "gold", amount=1, source_ref_id=json.dumps(wish))
        return self.emulator.deliveries[-1].id

    def grant_item(self) -> str:
        """Buy something whose event goes over the relay; the id of the event."""
        self.client.inventory.grant("player_42", "sword", quantity=1)
        return self.emulator.deliveries[-1].id

    def delivery(self, number: str) -> Delivery:
        return next(one for one in self.emulator.deliveries if one.id == number)

    def delivered(self, number: str) -> Delivery:
        """The delivery, when the endpoint has taken it; tried again without the waits between."""
        ends_at = time.monotonic() + PATIENCE
        while (found := self.delivery(number)).status != "delivered":
            assert time.monotonic() < ends_at, found
            if found.status == "failed":  # given up: a server that has failed closes connections, which counts as a try
                self.emulator.replay(number)
            self.service.revive()
            self.emulator.advance(60)
            self.emulator.drain(PATIENCE)
        return found

    def marks(self, number: str, what: str) -> int:
        path = self._mark(number, what)
        return path.stat().st_size if path.exists() else 0

    def release(self, number: str) -> None:
        """Let a handler that waits go on."""
        self._mark(number, "go").touch()

    def _mark(self, number: str, what: str) -> Path:
        return Path(self.service.environment["SHOP_MARKS"]) / f"{number}.{what}"


@contextmanager
def deployed(service: Service, url: str, effects: Callable[[str], int]) -> Iterator[Deployment]:
    """Register a service with an emulator of its own."""
    with Emulator() as emulator, Relay(url) as relay:
        emulator.add_webhook(url, secret=SECRET, events=["wallet.changed"])
        emulator.add_webhook(relay.url, secret=SECRET, events=["inventory.changed"])
        with KratyServer(api_key=emulator.api_key, base_url=emulator.url) as client:
            yield Deployment(service, url, effects, emulator, relay, client)
