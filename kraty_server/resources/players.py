"""Players: support view, identity, privacy, bans, merges, friends."""

from __future__ import annotations

from kraty_server._endpoint import AsyncResource, SyncResource, endpoint
from kraty_server_generated.api import players
from kraty_server_generated.models import (
    BanPlayerResult,
    BlockedPlayer,
    DeletePlayerResult,
    DeleteReasonInput,
    Friend,
    FriendRequests,
    MergePlayerResult,
    PlayerExport,
    PlayerSnapshot,
    SetIdentityResult,
    UnbanPlayerResult,
)
from kraty_server_generated.types import UNSET, Call, Unset


class PlayersCalls:
    """What each method sends, whatever the flavour."""

    @endpoint
    def get(self, external_player_id: str) -> Call[PlayerSnapshot]:
        """Read a player's snapshot: player, inventory, wallet and recent grants.

        Raises:
            NotFoundError: no such player.
        """
        return players.get(external_player_id)

    @endpoint
    def set_identity(
        self,
        external_player_id: str,
        *,
        name: str,
        avatar: str | None | Unset = UNSET,
        idempotency_key: str | None = None,
    ) -> Call[SetIdentityResult]:
        """Set the name, and the avatar, that others see.

        Args:
            name: not empty.
            avatar: a URL; None clears it. The server may clear it as well where it is left out.

        Returns:
            The identities as the server sent them. Since July 2026 these are `display_identity` and
            `anonymized_identity`; before, `synthetic_identity`. What was not sent is `UNSET`.

        Raises:
            NotFoundError: the player has not registered.
            ValidationFailedError: the name is too long.
        """
        return players.set_identity(external_player_id, name=name, avatar=avatar, idempotency_key=idempotency_key)

    @endpoint
    def delete(
        self,
        external_player_id: str,
        *,
        reason: DeleteReasonInput | None = None,
        idempotency_key: str | None = None,
    ) -> Call[DeletePlayerResult]:
        """Erase a player (GDPR, article 17): personal data goes, the ledgers stay. It cannot be undone.

        Fires one `player.deleted` with the original id. A player that is unknown or erased already is no error:
        `status` tells.

        Args:
            reason: `gdpr_erasure` (the server's default), `studio_request` or `test`.
        """
        return players.delete(external_player_id, reason=reason, idempotency_key=idempotency_key)

    @endpoint
    def export(self, external_player_id: str) -> Call[PlayerExport]:
        """Export what is stored of a player (GDPR, article 15). Each list ends at 1,000 rows, without a sign of it.

        Raises:
            NotFoundError: no such player.
        """
        return players.export(external_player_id)

    @endpoint
    def ban(self, external_player_id: str, *, reason: str, idempotency_key: str | None = None) -> Call[BanPlayerResult]:
        """Ban a player from client writes; server writes, scores and grants stay as they are.

        Fires `player.banned`, once. Again, it refreshes the reason and `applied` is False.

        Raises:
            NotFoundError: no such player.
        """
        return players.ban(external_player_id, reason=reason, idempotency_key=idempotency_key)

    @endpoint
    def unban(self, external_player_id: str, *, idempotency_key: str | None = None) -> Call[UnbanPlayerResult]:
        """Lift a ban at once; `applied` is False where there was none.

        Raises:
            NotFoundError: no such player.
        """
        return players.unban(external_player_id, idempotency_key=idempotency_key)

    @endpoint
    def merge(
        self,
        from_external_player_id: str,
        to_external_player_id: str,
        *,
        idempotency_key: str | None = None,
    ) -> Call[MergePlayerResult]:
        """Move everything of one player to another. It cannot be undone.

        Balances are summed; the first player's id becomes free again.

        Raises:
            ConflictError: (status 422) both are the same, or the second is banned or deleted.
            NotFoundError: one of them is unknown.
        """
        return players.merge(from_external_player_id, to_external_player_id, idempotency_key=idempotency_key)

    @endpoint
    def friends(self, external_player_id: str) -> Call[list[Friend]]:
        """List a player's friends.

        Raises:
            NotFoundError: no such player.
        """
        return players.friends(external_player_id).then(lambda answer: answer.friends)

    @endpoint
    def friend_requests(self, external_player_id: str) -> Call[FriendRequests]:
        """List the friend requests that wait, in both directions.

        Raises:
            NotFoundError: no such player.
        """
        return players.friend_requests(external_player_id)

    @endpoint
    def blocks(self, external_player_id: str) -> Call[list[BlockedPlayer]]:
        """List whom a player blocks.

        Raises:
            NotFoundError: no such player.
        """
        return players.blocks(external_player_id).then(lambda answer: answer.blocked)


class Players(PlayersCalls, SyncResource):
    """Players, blocking."""


class AsyncPlayers(PlayersCalls, AsyncResource):
    """Players, async."""
