# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""The models that only webhooks need: the envelope of all events, and what they are about."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from attrs import define

from kraty_server_generated.models import Grant, Lobby
from kraty_server_generated.types import EnumTable, Model, OpenEnum, parse_time, register_fields

new = object.__new__


class WebhookEventName(OpenEnum):
    """The known events. More may come: read unknown ones as text."""

    GRANT_CREATED = "grant.created"
    INVENTORY_CHANGED = "inventory.changed"
    WALLET_CHANGED = "wallet.changed"
    PLAYER_REGISTERED = "player.registered"
    PLAYER_BANNED = "player.banned"
    PLAYER_DELETED = "player.deleted"
    LOBBY_CREATED = "lobby.created"
    LOBBY_STARTED = "lobby.started"
    LOBBY_CLOSED = "lobby.closed"


_webhook_event_name = EnumTable(WebhookEventName)


@define(eq=False, repr=False, getstate_setstate=False)
class GrantCreatedData(Model):
    """What `grant.created` tells. Assumed: none of its fields is documented."""

    player_id: str
    """Assumed: Kraty's id of the player."""
    external_player_id: str
    """Assumed: your id of the player."""
    grant: Grant
    """Assumed: the grant as it was minted."""
    grant_id: str
    """Assumed: id of the grant."""
    source_ref_id: str | None
    """Assumed: your id for tracing."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.player_id, self.external_player_id = data["playerId"], data["externalPlayerId"]
        self.grant, self.grant_id = Grant.decode__(data["grant"]), data["grantId"]
        self.source_ref_id = data["sourceRefId"]
        return self if len(data) == 5 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class InventoryChangedData(Model):
    """What `inventory.changed` tells. Assumed: its fields are those of the stream that game clients get."""

    player_id: str
    """Assumed: Kraty's id of the player."""
    external_player_id: str
    """Assumed: your id of the player."""
    item_key: str
    """Assumed: key of the item."""
    delta: int
    """Assumed: by how much; less than 0 where items were taken."""
    quantity: int
    """Assumed: how many there are afterwards."""
    reason: str | None
    """Assumed: why, as the call gave it."""
    source_ref_id: str | None
    """Assumed: your id for tracing, as the call gave it."""
    origin: str
    """Assumed: who asked for it: `client`, `server`, `admin` or `engine`."""
    ledger_id: str
    """Assumed: id of the row of the ledger."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.player_id, self.external_player_id = data["playerId"], data["externalPlayerId"]
        self.item_key, self.delta, self.quantity = data["itemKey"], data["delta"], data["quantity"]
        self.reason, self.source_ref_id, self.origin = data["reason"], data["sourceRefId"], data["origin"]
        self.ledger_id = data["ledgerId"]
        return self if len(data) == 9 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class LobbyEventData(Model):
    """What the events of lobbies tell. Assumed: none of its fields is documented."""

    key: str | None
    """Assumed: your key of the lobby, as it was pushed."""
    lobby: Lobby
    """Assumed: the lobby as it is now."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.key, self.lobby = data["key"], Lobby.decode__(data["lobby"])
        return self if len(data) == 2 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class PlayerBannedData(Model):
    """What `player.banned` tells. That the reason is in it is documented; the rest is assumed."""

    player_id: str
    """Assumed: Kraty's id of the player."""
    external_player_id: str
    """Assumed: your id of the player."""
    banned_at: datetime
    """Assumed: when."""
    reason: str
    """Why. Assumed: under this name."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.player_id, self.external_player_id = data["playerId"], data["externalPlayerId"]
        self.banned_at, self.reason = parse_time(data["bannedAt"]), data["reason"]
        return self if len(data) == 4 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class PlayerDeletedData(Model):
    """What `player.deleted` tells. That the erased id is in it is documented; the rest is assumed."""

    player_id: str
    """Assumed: Kraty's id of the player."""
    external_player_id: str
    """Your id of the player, as it was before the erasure. Assumed: under this name."""
    reason: str
    """Assumed: why, as `players.delete` takes it."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.player_id, self.external_player_id = data["playerId"], data["externalPlayerId"]
        self.reason = data["reason"]
        return self if len(data) == 3 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class PlayerRegisteredData(Model):
    """What `player.registered` tells. Assumed: none of its fields is documented."""

    player_id: str
    """Assumed: Kraty's id of the player."""
    external_player_id: str
    """Assumed: your id of the player."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.player_id, self.external_player_id = data["playerId"], data["externalPlayerId"]
        return self if len(data) == 2 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class WalletChangedData(Model):
    """What `wallet.changed` tells. Assumed: its fields are those of the stream that game clients get."""

    player_id: str
    """Assumed: Kraty's id of the player."""
    external_player_id: str
    """Assumed: your id of the player."""
    economy_key: str
    """Assumed: key of the currency or progression resource."""
    delta: float
    """Assumed: by how much; less than 0 for a debit."""
    balance: float
    """Assumed: the balance afterwards."""
    reason: str | None
    """Assumed: why, as the call gave it."""
    source_ref_id: str | None
    """Assumed: your id for tracing, as the call gave it."""
    origin: str
    """Assumed: who asked for it: `client`, `server`, `admin` or `engine`."""
    ledger_id: str
    """Assumed: id of the row of the ledger."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.player_id, self.external_player_id = data["playerId"], data["externalPlayerId"]
        self.economy_key, self.delta, self.balance = data["economyKey"], data["delta"], data["balance"]
        self.reason, self.source_ref_id, self.origin = data["reason"], data["sourceRefId"], data["origin"]
        self.ledger_id = data["ledgerId"]
        return self if len(data) == 9 else self.keep_unknown(data)


@define(eq=False, repr=False, getstate_setstate=False)
class WebhookEvent(Model):
    """The body of a webhook, signed in the header `X-Signature`: answer 2xx, or 401 where the signature does
    not fit. Assumed: its `id` stays the same over automatic retries.
    """

    id: str
    """Id of the delivery; use it to notice repeats."""
    event_name: WebhookEventName
    """What happened."""
    studio_id: str
    """Studio of the game."""
    game_id: str
    """The game."""
    occurred_at: datetime
    """When it happened."""
    delivery_attempt: int
    """Counted from 1."""
    data: Any
    """What it is about; its shape depends on the event."""

    @classmethod
    def decode__(cls, data: Mapping[str, Any]) -> Self:
        self = new(cls)
        self.id, self.event_name = data["id"], _webhook_event_name[data["eventName"]]
        self.studio_id, self.game_id = data["studioId"], data["gameId"]
        self.occurred_at, self.delivery_attempt = parse_time(data["occurredAt"]), data["deliveryAttempt"]
        self.data = data["data"]
        return self if len(data) == 7 else self.keep_unknown(data)


register_fields(
    GrantCreatedData, "playerId externalPlayerId grant grantId sourceRefId", grant=Grant.from_dict
)
register_fields(
    InventoryChangedData,
    "playerId externalPlayerId itemKey delta quantity reason sourceRefId origin ledgerId",
)
register_fields(LobbyEventData, "key lobby", lobby=Lobby.from_dict)
register_fields(PlayerBannedData, "playerId externalPlayerId bannedAt reason", bannedAt=parse_time)
register_fields(PlayerDeletedData, "playerId externalPlayerId reason")
register_fields(PlayerRegisteredData, "playerId externalPlayerId")
register_fields(
    WalletChangedData, "playerId externalPlayerId economyKey delta balance reason sourceRefId origin ledgerId"
)
register_fields(
    WebhookEvent,
    "id eventName studioId gameId occurredAt deliveryAttempt data",
    eventName=_webhook_event_name.__getitem__,
    occurredAt=parse_time,
)

__all__ = [
    "GrantCreatedData", "InventoryChangedData", "LobbyEventData", "PlayerBannedData", "PlayerDeletedData",
    "PlayerRegisteredData", "WalletChangedData", "WebhookEvent", "WebhookEventName",
]  # fmt: skip
