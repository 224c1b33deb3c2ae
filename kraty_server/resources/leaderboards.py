"""Leaderboards: scores that your server vouches for."""

from __future__ import annotations

from kraty_server._endpoint import AsyncResource, SyncResource, endpoint
from kraty_server_generated.api import leaderboards
from kraty_server_generated.models import SubmitScoreResult
from kraty_server_generated.types import Call


class LeaderboardsCalls:
    """What each method sends, whatever the flavour."""

    @endpoint
    def submit_score(
        self,
        external_player_id: str,
        key: str,
        value: float,
        *,
        segment: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[SubmitScoreResult]:
        """Submit a player's score to a board.

        Args:
            key: the board, within the game of the API key.
            value: the score; finite.
            segment: the bucket, for boards segmented by context. Other boards derive or ignore it.

        Returns:
            Score and rank; the rank is None while there is none.

        Raises:
            ScoreNotSupportedError: the board ranks by progression.
            NotFoundError: no such player or board; neither is made.
            IdempotencyConflictError: the key was used with another body within 24 hours.
        """
        return leaderboards.submit_score(
            key,
            external_player_id=external_player_id,
            value=value,
            segment=segment,
            idempotency_key=idempotency_key,
        )


class Leaderboards(LeaderboardsCalls, SyncResource):
    """Leaderboards, blocking."""


class AsyncLeaderboards(LeaderboardsCalls, AsyncResource):
    """Leaderboards, async."""
