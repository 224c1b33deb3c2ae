"""Lobbies: rosters that your own matchmaker put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kraty_server._endpoint import AsyncResource, SyncResource, endpoint
from kraty_server_generated.api import lobbies
from kraty_server_generated.models import Lobby
from kraty_server_generated.types import Call


class LobbiesCalls:
    """What each method sends, whatever the flavour."""

    @endpoint
    def push(
        self,
        game_id: str,
        event_key: str,
        *,
        key: str,
        external_player_ids: Iterable[str],
        capacity: int | None = None,
        fill_bots: bool | None = None,
        metadata: Mapping[str, object] | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Lobby]:
        """Make a lobby of players you matched.

        Unknown players are made. Fires `lobby.created`, later `lobby.started` and `lobby.closed`.

        Args:
            key: your id of the lobby; a repeated one gives the lobby that is there.
            external_player_ids: at least one.
            capacity: at least 1; the event's own where it is left out.
            fill_bots: whether bots take the empty seats; the event's own setting where it is left out.
            metadata: anything JSON holds, kept with the lobby.

        Raises:
            ConflictError: the event does not take matched lobbies.
            NotFoundError: no such game or event.
            ForbiddenError, TenantMismatchError: the key is for another game.
        """
        return lobbies.push(
            game_id,
            event_key,
            key=key,
            external_player_ids=external_player_ids,
            capacity=capacity,
            fill_bots=fill_bots,
            metadata=metadata,
            idempotency_key=idempotency_key,
        )

    @endpoint
    def read(self, game_id: str, lobby_id: str) -> Call[Lobby]:
        """Read a lobby.

        Raises:
            NotFoundError: no such lobby.
        """
        return lobbies.read(game_id, lobby_id)


class Lobbies(LobbiesCalls, SyncResource):
    """Lobbies, blocking."""


class AsyncLobbies(LobbiesCalls, AsyncResource):
    """Lobbies, async."""
