"""What the emulator's own books say, against what the rows of a job ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from kraty_server.testing import Emulator

Bookings: TypeAlias = "Counter[tuple[str, str, int]]"


def booked(emulator: Emulator) -> Bookings:
    """How often each player was booked how much of what."""
    return Counter((row["external_player_id"], row["key"], row["delta"]) for row in emulator.ledger())


def asked(rows: Iterable[Mapping[str, Any]], sign: int = 1) -> Bookings:
    """What rows of `externalPlayerId`, `economyKey` and `amount` ask for, once each."""
    return Counter((row["externalPlayerId"], row["economyKey"], sign * int(row["amount"])) for row in rows)


def currency_rows(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Rows for a wallet, no two alike."""
    return [
        {"externalPlayerId": f"player_{n}", "economyKey": "gold", "amount": n % 97 + 1}
        for n in range(start, start + count)
    ]
