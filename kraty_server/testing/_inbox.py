"""Which webhooks did a test receive, and how does it make its own?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kraty_server.testing._emulator import Emulator
from kraty_server.testing.emulator.outbox import SIGNATURE_HEADER, Delivery, sign
from kraty_server.webhooks import verify_webhook


class Inbox:
    """Collects what an emulator delivers, verified, and signs events of your choice."""

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
        found = [delivery for delivery in self._emulator.deliveries if delivery.url is None]
        for one in found:
            genuine = verify_webhook(raw_body=one.raw_body, signature_header=one.signature, secret=self.secret)
            assert genuine, f"{one.id} is not genuine"
        return found

    @property
    def events(self) -> list[str]:
        """The names of the events so far, oldest first."""
        return [delivery.event for delivery in self.received]

    def sign(self, event: Mapping[str, Any] | bytes, at: int | None = None) -> tuple[bytes, dict[str, str]]:
        """Sign an event of your choice.

        Args:
            event: the envelope, or the raw body.
            at: unix seconds; now otherwise.

        Returns:
            The raw body, and the headers to post it with.
        """
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        return body, {"Content-Type": "application/json", SIGNATURE_HEADER: sign(body, self.secret, at)}
