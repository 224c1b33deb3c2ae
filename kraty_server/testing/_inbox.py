"""Which webhooks did a test receive, and how does it make its own?"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from kraty_server.testing._emulator import Emulator
from kraty_server.testing.emulator import seeds
from kraty_server.testing.emulator.clock import format_time
from kraty_server.testing.emulator.outbox import SIGNATURE_HEADER, Delivery, sign
from kraty_server.webhooks import verify_webhook


class Inbox:
    """Collects what an emulator delivers, verified, and makes and signs events of your choice."""

    secret: str
    """What the deliveries are signed with: give it to the code under test."""

    def __init__(self, emulator: Emulator, secret: str) -> None:
        self._emulator = emulator
        self.secret = secret

    @property
    def received(self) -> list[Delivery]:
        """The deliveries so far, oldest first.

        Raises:
            AssertionError: one of them was not signed as it must be.
        """
        found = self._emulator.collected
        for one in found:
            signed_at = re.match(r"t=(\d+)", one.signature)  # a test may have moved the clock since
            genuine = signed_at is not None and verify_webhook(
                raw_body=one.raw_body, signature_header=one.signature, secret=self.secret, now=int(signed_at[1])
            )
            assert genuine, f"{one.id} is not genuine"
        return found

    @property
    def events(self) -> list[str]:
        """The names of the events so far, oldest first."""
        return [delivery.event for delivery in self.received]

    def event(self, event_name: str, /, **data: Any) -> dict[str, Any]:
        """Make a whole event of your choice, as it is delivered; `sign` takes it.

        Args:
            event_name: as in `player.deleted`.
            data: wire names and values of its `data`, as in `externalPlayerId="ada"`.
        """
        return {
            "id": f"evt_{uuid.uuid4().hex}",
            "eventName": event_name,
            "studioId": seeds.STUDIO,
            "gameId": seeds.GAME,
            "occurredAt": format_time(self._emulator.now()),
            "deliveryAttempt": 1,
            "data": data,
        }

    def sign(self, event: Mapping[str, Any] | bytes, at: int | None = None) -> tuple[bytes, dict[str, str]]:
        """Sign an event of your choice.

        Args:
            event: an event, where what it lacks of a real one is filled in (`id`, `occurredAt`, `deliveryAttempt` and
                so on), or the raw body as it shall be.
            at: unix seconds; now otherwise.

        Returns:
            The raw body, and the headers to post it with.

        Raises:
            ValueError: the event has no `eventName`.
        """
        if not isinstance(event, bytes):
            if "eventName" not in event:
                raise ValueError("event: it has no eventName; give a body that is to be none of Kraty's as bytes")
            event = json.dumps({**self.event(event["eventName"]), **event}).encode()
        return event, {"Content-Type": "application/json", SIGNATURE_HEADER: sign(event, self.secret, at)}
