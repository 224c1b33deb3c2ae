# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""The webhooks: a class for each event that this SDK knows, and how any event is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self, TypeVar

from attrs import define

from kraty_server_generated import models as m
from kraty_server_generated.models import WebhookEvent
from kraty_server_generated.types import Model

E = TypeVar("E", bound=WebhookEvent)


def _typed(event: E, model: type[Model]) -> E:
    """Read what an event is about. What is missing, null or of another shape stays as it came."""
    try:
        event.data = model.from_dict(event.data)
    except (AttributeError, TypeError, ValueError):
        pass
    return event


@define(eq=False, repr=False, getstate_setstate=False)
class GrantCreated(WebhookEvent):
    """`grant.created`: A grant was minted.

    By the server API, by the engine, or by hand in the portal.
    """

    data: m.GrantCreatedData

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return _typed(super().from_dict(data), m.GrantCreatedData)


@define(eq=False, repr=False, getstate_setstate=False)
class InventoryChanged(WebhookEvent):
    """`inventory.changed`: A player's items changed.

    Once for each row that the ledger of items gets.
    """

    data: m.InventoryChangedData

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return _typed(super().from_dict(data), m.InventoryChangedData)


@define(eq=False, repr=False, getstate_setstate=False)
class WalletChanged(WebhookEvent):
    """`wallet.changed`: A player's balance changed.

    Once for each row that the ledger of the wallet gets.
    """

    data: m.WalletChangedData

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return _typed(super().from_dict(data), m.WalletChangedData)


@define(eq=False, repr=False, getstate_setstate=False)
class PlayerRegistered(WebhookEvent):
    """`player.registered`: A player registered.

    Not for players that were imported.
    """

    data: m.PlayerRegisteredData

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return _typed(super().from_dict(data), m.PlayerRegisteredData)


@define(eq=False, repr=False, getstate_setstate=False)
class PlayerBanned(WebhookEvent):
    """`player.banned`: A player was banned.

    With the first ban only; another reason for a banned player sends nothing.
    """

    data: m.PlayerBannedData

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return _typed(super().from_dict(data), m.PlayerBannedData)


@define(eq=False, repr=False, getstate_setstate=False)
class PlayerDeleted(WebhookEvent):
    """`player.deleted`: A player was erased.

    Once, with the id that the player had.
    """

    data: m.PlayerDeletedData

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return _typed(super().from_dict(data), m.PlayerDeletedData)


@define(eq=False, repr=False, getstate_setstate=False)
class LobbyCreated(WebhookEvent):
    """`lobby.created`: A lobby was made.

    It forms, and waits for players.
    """

    data: m.LobbyEventData

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return _typed(super().from_dict(data), m.LobbyEventData)


@define(eq=False, repr=False, getstate_setstate=False)
class LobbyStarted(WebhookEvent):
    """`lobby.started`: A lobby started.

    It went from forming to active.
    """

    data: m.LobbyEventData

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return _typed(super().from_dict(data), m.LobbyEventData)


@define(eq=False, repr=False, getstate_setstate=False)
class LobbyClosed(WebhookEvent):
    """`lobby.closed`: A lobby closed.

    It went from active to closed.
    """

    data: m.LobbyEventData

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return _typed(super().from_dict(data), m.LobbyEventData)


EVENTS: Final[Mapping[str, type[WebhookEvent]]] = {
    "grant.created": GrantCreated,
    "inventory.changed": InventoryChanged,
    "wallet.changed": WalletChanged,
    "player.registered": PlayerRegistered,
    "player.banned": PlayerBanned,
    "player.deleted": PlayerDeleted,
    "lobby.created": LobbyCreated,
    "lobby.started": LobbyStarted,
    "lobby.closed": LobbyClosed,
}
"""The class of each known event, by its name."""


def read_event(data: Mapping[str, Any]) -> WebhookEvent:
    """Read an event from a decoded JSON object, or from its own `to_dict()`; it is not verified here.

    An event that this SDK does not know is a plain `WebhookEvent`. A field that is missing is an AttributeError
    where it is read.

    Raises:
        TypeError: it is no object.
        ValueError: a value of the envelope is of another kind.
    """
    if not isinstance(data, Mapping):
        raise TypeError(f"WebhookEvent: expected an object, got {type(data).__name__}")
    name = data.get("eventName")
    return (EVENTS.get(name, WebhookEvent) if isinstance(name, str) else WebhookEvent).from_dict(data)


__all__ = [
    "EVENTS",
    "WebhookEvent",
    "read_event",
    "GrantCreated",
    "InventoryChanged",
    "WalletChanged",
    "PlayerRegistered",
    "PlayerBanned",
    "PlayerDeleted",
    "LobbyCreated",
    "LobbyStarted",
    "LobbyClosed",
]
