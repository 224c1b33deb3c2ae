"""An in-app purchase, fulfilled for real over HTTP against the emulator. Run it with `make demo`."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue

from kraty_server import (
    CrateEntry,
    CurrencyEntry,
    IdempotencyConflictError,
    ItemEntry,
    KratyServer,
    RequestInfo,
    RetryConfig,
)
from kraty_server.testing import Emulator
from kraty_server.webhooks import GrantCreated, Webhooks

PLAYER, RECEIPT, SECRET = "player_42", "apple_receipt_abc", "whsec_demo"
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


def attempts(info: RequestInfo) -> None:
    """Show each HTTP attempt."""
    print(f"   {info.operation:18} attempt {info.attempt} -> {info.status or 'no answer'}")


def main() -> None:
    """Buy, replay, cheat, lose an answer, and look at what came of it."""
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
            print(f"   500 gold (balance {gold.balance:g}), 1 starter_chest, grant {grant.status.value}.")

            say(2, "The store sends the same receipt again. Nothing doubles.")
            again = kraty.wallet.credit(PLAYER, "gold", amount=500, reason="iap", idempotency_key=RECEIPT)
            print(f"   applied={again.applied}, the balance is still {again.balance:g}.")

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
            print(f"   balance {bonus.balance:g}: credited once, although it was sent twice.")

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
            rows += [("currency", entry.economy_key, f"{entry.balance:g}") for entry in snapshot.wallet]
            rows += [("item", item.item_key, str(item.quantity)) for item in snapshot.inventory]
            rows += [("grant", one.id, one.status.value) for one in snapshot.recent_grants]
            table(rows)

    receiver.shutdown()
    assert again.applied is False
    assert bonus.balance == 600
    assert event.data.grant_id == grant.id
    assert refused == 401
    print("\nOne purchase, one replay, one cheat, one lost answer: 600 gold, no more and no less.")


if __name__ == "__main__":
    main()
