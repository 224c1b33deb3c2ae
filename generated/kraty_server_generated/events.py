# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""The webhooks: a class for each event that this SDK knows, and how any event is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

from attrs import define

from kraty_server_generated.event_models import (
    GrantCreatedData,
    InventoryChangedData,
    LobbyEventData,
    PlayerBannedData,
    PlayerDeletedData,
    PlayerRegisteredData,
    WalletChangedData,
    WebhookEvent,
)
from kraty_server_generated.types import Model


class _Event(WebhookEvent):
    __slots__ = ()
    data__: ClassVar[type[Model]]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        event = super().from_dict(data)
        try:
            event.data = cls.data__.from_dict(event.data)
        except (AttributeError, TypeError, ValueError):
            pass  # missing, null or of another shape: as it came
        return event


@define(eq=False, repr=False, getstate_setstate=False)
class GrantCreated(_Event):
    """`grant.created`: A grant was minted.

    By the server API, by the engine, or by hand in the portal.
    """

    data: GrantCreatedData
    data__: ClassVar[type[Model]] = GrantCreatedData


@define(eq=False, repr=False, getstate_setstate=False)
class InventoryChanged(_Event):
    """`inventory.changed`: A player's items changed.

    Once for each row that the ledger of items gets.
    """

    data: InventoryChangedData
    data__: ClassVar[type[Model]] = InventoryChangedData


@define(eq=False, repr=False, getstate_setstate=False)
class WalletChanged(_Event):
    """`wallet.changed`: A player's balance changed.

    Once for each row that the ledger of the wallet gets.
    """

    data: WalletChangedData
    data__: ClassVar[type[Model]] = WalletChangedData


@define(eq=False, repr=False, getstate_setstate=False)
class PlayerRegistered(_Event):
    """`player.registered`: A player registered.

    Not for players that were imported.
    """

    data: PlayerRegisteredData
    data__: ClassVar[type[Model]] = PlayerRegisteredData


@define(eq=False, repr=False, getstate_setstate=False)
class PlayerBanned(_Event):
    """`player.banned`: A player was banned.

    With the first ban only; another reason for a banned player sends nothing.
    """

    data: PlayerBannedData
    data__: ClassVar[type[Model]] = PlayerBannedData


@define(eq=False, repr=False, getstate_setstate=False)
class PlayerDeleted(_Event):
    """`player.deleted`: A player was erased.

    Once, with the id that the player had.
    """

    data: PlayerDeletedData
    data__: ClassVar[type[Model]] = PlayerDeletedData


@define(eq=False, repr=False, getstate_setstate=False)
class LobbyCreated(_Event):
    """`lobby.created`: A lobby was made.

    It forms, and waits for players.
    """

    data: LobbyEventData
    data__: ClassVar[type[Model]] = LobbyEventData


@define(eq=False, repr=False, getstate_setstate=False)
class LobbyStarted(_Event):
    """`lobby.started`: A lobby started.

    It went from forming to active.
    """

    data: LobbyEventData
    data__: ClassVar[type[Model]] = LobbyEventData


@define(eq=False, repr=False, getstate_setstate=False)
class LobbyClosed(_Event):
    """`lobby.closed`: A lobby closed.

    It went from active to closed.
    """

    data: LobbyEventData
    data__: ClassVar[type[Model]] = LobbyEventData


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
    if data.__class__ is not dict and not isinstance(data, Mapping):
        raise TypeError(f"WebhookEvent: expected an object, got {type(data).__name__}")
    name = data.get("eventName")
    return (EVENTS.get(name, WebhookEvent) if isinstance(name, str) else WebhookEvent).from_dict(data)


__all__ = [
    "EVENTS", "WebhookEvent", "read_event", "GrantCreated", "InventoryChanged", "WalletChanged",
    "PlayerRegistered", "PlayerBanned", "PlayerDeleted", "LobbyCreated", "LobbyStarted", "LobbyClosed",
]  # fmt: skip
