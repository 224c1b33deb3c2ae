"""Who is this player, what do they hold, and how does it change?"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from kraty_server.testing.emulator.state import Row, State

MOST: Final = 2**53 - 1
"""No holding grows beyond what JSON holds exactly."""

Kind = Literal["currency", "item"]
WEBHOOK: Final[Mapping[Kind, str]] = {"currency": "wallet.changed", "item": "inventory.changed"}
NAMES: Final[Mapping[Kind, tuple[str, str]]] = {"currency": ("economyKey", "balance"), "item": ("itemKey", "quantity")}


class Refused(Exception):
    """The request is answered with an error, and nothing of it is kept."""

    def __init__(self, status: int, code: str, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.details = status, code, message, details


def iso(moment: datetime) -> str:
    """A moment as the API writes it. Texts of this form sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The moment that a text names; without a zone, UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@dataclass(slots=True)
class Turn:
    """One request (or one line of a seed) at work on the state."""

    state: State
    now: datetime
    game: str
    studio: str
    environment: str
    origin: str
    operation: str
    announce: Callable[[Turn, str, Mapping[str, Any]], None] | None
    """Puts a webhook into the outbox: event name, data. None where webhooks are suppressed."""
    key: str | None = None
    """The idempotency key."""

    @property
    def at(self) -> str:
        """Now, as the API writes it."""
        return iso(self.now)

    def later(self, seconds: float) -> str:
        """So many seconds from now."""
        return iso(self.now + timedelta(seconds=seconds))

    def tell(self, event: str, data: Mapping[str, Any]) -> None:
        """Put a webhook into the outbox, unless they are suppressed."""
        if self.announce:
            self.announce(self, event, data)

    def player(self, external_id: str) -> Row | None:
        """The player with an id of the studio's."""
        return self.state.one("SELECT * FROM players WHERE game = ? AND external_id = ?", self.game, external_id)

    def known_player(self, external_id: str) -> Row:
        """The player, or 404."""
        if (found := self.player(external_id)) is None:
            raise Refused(404, "not_found", f"no player {external_id!r}")
        return found

    def met_player(self, external_id: str) -> Row:
        """The player, made on first contact."""
        if (found := self.player(external_id)) is None:
            made = str(uuid.uuid4())
            self.state.insert(
                "players",
                id=made,
                game=self.game,
                external_id=external_id,
                created_at=self.at,
                updated_at=self.at,
                pool_name=f"Player {made[:4].upper()}",
            )
            found = self.known_player(external_id)
        return found

    def in_catalog(self, kind: Kind, key: str) -> bool:
        """Whether a key exists. A game without a catalog of this kind has every key."""
        listed = self.state.rows("SELECT key FROM catalog WHERE game = ? AND kind = ?", self.game, kind)
        return not listed or any(row["key"] == key for row in listed)

    def holding(self, player: str, kind: Kind, key: str) -> int:
        """How much a player holds."""
        sql = "SELECT amount FROM holdings WHERE player = ? AND kind = ? AND key = ?"
        return self.state.count(sql, player, kind, key)

    def change(
        self,
        player: Row,
        kind: Kind,
        key: str,
        delta: int,
        *,
        reason: str | None = None,
        source_ref_id: str | None = None,
        parameters: Any = None,
    ) -> int:
        """Write one row of the ledger; what is held afterwards.

        Raises:
            Refused: 409 `conflict` where it would go below zero.
        """
        name, amount = NAMES[kind]
        before = self.holding(player["id"], kind, key)
        after = before + delta
        if after < 0:
            raise Refused(
                409,
                "conflict",
                f"not enough {key!r}: {-delta} needed, {before} held",
                {"resource": key, "needed": -delta, "have": before},
            )
        if after > MOST:
            raise Refused(400, "validation_failed", f"{key!r} would exceed {MOST}", {"resource": key, "have": before})
        self.state.run(
            """INSERT INTO holdings VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
               amount = excluded.amount, updated_at = excluded.updated_at""",
            *(player["id"], kind, key, after, json.dumps(parameters or {}), self.at, self.at),
        )
        ledger_id = self.state.insert(
            "ledger",
            player=player["id"],
            kind=kind,
            key=key,
            delta=delta,
            amount=after,
            reason=reason,
            source_ref_id=source_ref_id,
            origin=self.origin,
            operation=self.operation,
            idempotency_key=self.key,
            at=self.at,
        )
        if self.announce:
            data = {"playerId": player["id"], "externalPlayerId": player["external_id"], name: key, "delta": delta}
            data |= {amount: after, "reason": reason, "sourceRefId": source_ref_id, "origin": self.origin}
            self.tell(WEBHOOK[kind], data | {"ledgerId": str(ledger_id)})
        return after

    def mint(
        self,
        player: Row,
        entries: Iterable[Mapping[str, Any]],
        *,
        kind: str = "reward",
        source_kind: str = "api",
        source_ref_id: str | None = None,
        expires_at: str | None = None,
        metadata: Any = None,
        idempotency_key: str | None = None,
        fingerprint: str | None = None,
    ) -> Row:
        """Create a grant, pending."""
        grant_id = str(uuid.uuid4())
        self.state.insert(
            "grants",
            id=grant_id,
            game=self.game,
            player=player["id"],
            idempotency_key=idempotency_key,
            fingerprint=fingerprint,
            kind=kind,
            contents=json.dumps({"entries": list(entries)}),
            source_kind=source_kind,
            source_ref_id=source_ref_id,
            status="pending",
            created_at=self.at,
            expires_at=expires_at,
            metadata=None if metadata is None else json.dumps(metadata),
        )
        grant = self.grant(grant_id)
        data = {"playerId": player["id"], "externalPlayerId": player["external_id"], "grant": grant_payload(grant)}
        self.tell("grant.created", data | {"grantId": grant_id, "sourceRefId": source_ref_id})
        return grant

    def grant(self, grant_id: str) -> Row:
        """A grant by its id, which exists."""
        found = self.state.one("SELECT * FROM grants WHERE id = ?", grant_id)
        assert found is not None
        return found


def grant_payload(grant: Row) -> dict[str, Any]:
    """A grant as the API shows it."""
    return {
        "id": grant["id"],
        "kind": grant["kind"],
        "contents": json.loads(grant["contents"]),
        "sourceKind": grant["source_kind"],
        "sourceRefId": grant["source_ref_id"],
        "parentGrantId": grant["parent"],
        "status": grant["status"],
        "rolledAt": grant["rolled_at"],
        "claimedAt": grant["claimed_at"],
        "expiresAt": grant["expires_at"],
        "createdAt": grant["created_at"],
    }


def holding_payload(row: Row) -> dict[str, Any]:
    """A balance or an item as the API shows it."""
    name, amount = NAMES[row["kind"]]
    return {
        name: row["key"],
        amount: row["amount"],
        "metadata": json.loads(row["metadata"]),
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }
