"""What each operation does: a file for each noun, as in `kraty_server.resources`."""

from kraty_server.testing.operations import (
    events,
    grants,
    health,
    inventory,
    leaderboards,
    lobbies,
    merge,
    migrate,
    players,
    wallet,
)
from kraty_server.testing.operations.registry import HANDLERS

__all__ = [
    "HANDLERS",
    "events",
    "grants",
    "health",
    "inventory",
    "leaderboards",
    "lobbies",
    "merge",
    "migrate",
    "players",
    "wallet",
]
