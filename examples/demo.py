"""An in-app purchase, fulfilled for real over HTTP against the emulator. Run it with `make demo`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue

from kraty_server import (
    CrateEntry,
    CurrencyEntry,
    IdempotencyConflictError,
    ItemEntry,
    KratyServer,
    RequestInfo,
    RetryConfig,
    bulk,
)
from kraty_server.testing import Emulator
from kraty_server.webhooks import GrantCreated, Webhooks

PLAYER, RECEIPT, SECRET = "player_42", "apple_receipt_abc", "whsec_demo"
CROWD = [{"externalPlayerId": f"guest_{number:03}"} for number in range(200)]
webhooks = Webhooks(SECRET)
minted: Queue[GrantCreated] = Queue()
deliveries: list[tuple[bytes, dict[str, str]]] = []


@webhooks.on(GrantCreated)
def granted(event: GrantCreated) -> None:
    """Handle a grant that was minted."""
    minted.put(event)


class Receiver(BaseHTTPRequestHandler):
    """Your webhook endpoint, as small as it gets."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        deliveries.append((body, dict(self.headers)))
        self.send_response(webhooks.handle(body, dict(self.headers)))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


def say(step: int, what: str) -> None:
    """Announce a step."""
    print(f"\n{step}. {what}")


def table(rows: list[tuple[str, str, str]]) -> None:
    """Print rows in columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for index, row in enumerate(rows):
        print("   " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if index == 0:
            print("   " + "  ".join("-" * width for width in widths))


def money(amount: float, currency: str = "gold") -> str:
    """Say an amount as people read it: 1,000,100 gold."""
    return f"{amount:,.0f} {currency}"


def make_good(folder: Path) -> bulk.Job:
    """Give everybody of the crowd 1,000 gold: the same job, whoever runs it."""
    return bulk.Job("outage-12", bulk.credit("gold", amount=1_000), CROWD, journal=folder / "outage-12.kraty-job")


def presents(emulator: Emulator) -> list[int]:
    """What was booked for the crowd."""
    return [booked["delta"] for booked in emulator.ledger() if booked["external_player_id"].startswith("guest_")]


def killed_make_good(emulator: Emulator, folder: Path) -> None:
    """Run the job in a process of its own, and kill that in the middle."""
    environment = os.environ | {"KRATY_SERVER_KEY": emulator.api_key, "KRATY_BASE_URL": emulator.url}
    slow = emulator.fault("wallet.credit", latency=0.02, times=None)
    with subprocess.Popen([sys.executable, __file__, "make-good", str(folder)], env=environment) as process:
        while process.poll() is None and len(presents(emulator)) < len(CROWD) / 3:
            time.sleep(0.005)
        process.kill()
    emulator.clear_fault(slow)


def attempts(info: RequestInfo) -> None:
    """Show each HTTP attempt."""
    print(f"   {info.operation:18} attempt {info.attempt} -> {info.status or 'no answer'}")


def main() -> None:
    """Buy, replay, cheat, lose an answer, be killed, and look at what came of it."""
    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{receiver.server_port}/kraty"

    with Emulator(webhook_url=endpoint, webhook_secret=SECRET) as emulator:
        kraty = KratyServer(
            api_key=emulator.api_key,
            base_url=emulator.url,
            retry=RetryConfig(initial_delay=0.05),
            on_request=attempts,
        )
        with kraty:
            say(1, "A player buys a starter pack: gold, a chest, and a bonus in one atomic grant.")
            gold = kraty.wallet.credit(PLAYER, "gold", amount=500, reason="iap", idempotency_key=RECEIPT)
            kraty.inventory.grant(PLAYER, "starter_chest", quantity=1, reason="iap", idempotency_key=RECEIPT)
            grant = kraty.grants.create(
                PLAYER,
                entries=[
                    CurrencyEntry("gems", 25),
                    ItemEntry("potion", 3),
                    CrateEntry("legendary_box", 1),
                ],
                idempotency_key=RECEIPT,
                source_ref_id=RECEIPT,
            )
            print(f"   {money(500)} (balance {money(gold.balance)}), 1 starter_chest, grant {grant.status.value}.")

            say(2, "The store sends the same receipt again. Nothing doubles.")
            again = kraty.wallet.credit(PLAYER, "gold", amount=500, reason="iap", idempotency_key=RECEIPT)
            print(f"   applied={again.applied}, the balance is still {money(again.balance)}.")

            say(3, "Somebody sends the same receipt with another amount. It is refused, with a type to catch.")
            try:
                kraty.wallet.credit(PLAYER, "gold", amount=999_999, reason="iap", idempotency_key=RECEIPT)
            except IdempotencyConflictError as conflict:
                print(f"   {type(conflict).__name__}: {conflict}  (outcome: {conflict.outcome})")

            say(
                4,
                "The server credits 100 gold, and the answer is lost on the way. The SDK tries again, same key.",
            )
            emulator.fault("wallet.credit", drop_after_commit=1)
            bonus = kraty.wallet.credit(PLAYER, "gold", amount=100, reason="bonus")
            print(f"   balance {money(bonus.balance)}: credited once, although it was sent twice.")

            say(5, "The webhook of the grant arrives, signed. It is verified; a forged one is not.")
            event = minted.get(timeout=10)
            body, headers = next(one for one in deliveries if event.id.encode() in one[0])
            refused = webhooks.handle(body + b" ", headers)
            print(f"   {event.event_name.value} {event.id} for {event.data.external_player_id}: handled.")
            print(f"   The same, altered by one byte, is answered {refused}.")

            say(6, "What support sees of the player now:")
            kraty.grants.ack(PLAYER, grant.id)
            snapshot = kraty.players.get(PLAYER)
            rows = [("kind", "key", "amount")]
            rows += [("currency", entry.economy_key, f"{entry.balance:,.0f}") for entry in snapshot.wallet]
            rows += [("item", item.item_key, str(item.quantity)) for item in snapshot.inventory]
            rows += [("grant", one.id, one.status.value) for one in snapshot.recent_grants]
            table(rows)

            say(7, f"{money(1_000)} for each of {len(CROWD)} players, for an outage. The job is killed, and run again.")
            with tempfile.TemporaryDirectory() as folder:
                killed_make_good(emulator, Path(folder))
                print(f"   Killed when {len(presents(emulator))} players had it.")
                report = make_good(Path(folder)).run(client=kraty.with_options(on_request=None))
            given = presents(emulator)
            print(f"   Run again: {len(given)} players have it, which makes {money(sum(given))}.")

    receiver.shutdown()
    assert again.applied is False
    assert bonus.balance == 600
    assert event.data.grant_id == grant.id
    assert refused == 401
    assert report.ok
    assert given == [1_000] * len(CROWD)
    print(f"\nOne purchase, one replay, one cheat, one lost answer: {money(bonus.balance)}, no more and no less.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["make-good"]:
        make_good(Path(sys.argv[2])).run()
    else:
        main()
