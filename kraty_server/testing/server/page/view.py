"""What is a person looking at? One request for a page: its address, its filters, and the emulator behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kraty_server.testing.emulator.backend import Backend
from kraty_server.testing.emulator.state import State
from kraty_server.testing.server.page.html import url
from kraty_server.testing.server.page.queries import Filter, equal


class NotHere(LookupError):
    """Nothing is at this address; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class World:
    """The players and balances of one game in one environment."""

    id: int
    game: str
    environment: str

    @property
    def name(self) -> str:
        """As it stands in addresses."""
        return f"{self.game}/{self.environment}"


@dataclass(frozen=True, slots=True)
class View:
    """One look at the emulator, whose lock is held."""

    backend: Backend
    snapshots: Mapping[str, bytes]
    base_url: str
    path: str
    query: Mapping[str, str]
    worlds: tuple[World, ...]

    @property
    def state(self) -> State:
        """What is shown."""
        return self.backend.engine.state

    def get(self, name: str) -> str | None:
        """A filter; None where it is not set."""
        return self.query.get(name, "").strip() or None

    @property
    def before(self) -> int | None:
        """Where the page of a list begins."""
        given = self.query.get("before", "")
        return int(given) if given.isascii() and given.isdigit() and len(given) < 18 else None

    def here(self, **changed: str | int | None) -> str:
        """The address that is shown, with other filters."""
        return url(self.path, **({k: v for k, v in self.query.items() if v} | changed))

    def label(self, world: World) -> str:
        """How a world is called: by its environment, where there is one game only."""
        return world.environment if len({each.game for each in self.worlds}) == 1 else world.name

    def world(self, id: int) -> World:
        """A world by its number."""
        return next(world for world in self.worlds if world.id == id)

    def world_of_game(self, game: str, environment: str | None) -> World | None:
        """A world of a game."""
        return next((w for w in self.worlds if (w.game, w.environment) == (game, environment)), None)

    @property
    def chosen_world(self) -> World | None:
        """The one that is filtered by."""
        return next((world for world in self.worlds if world.name == self.get("world")), None)

    def world_filter(self, column: str) -> list[Filter]:
        """The condition that goes with it."""
        return [equal(column, self.chosen_world.id)] if self.chosen_world else []

    def player_filter(self, column: str) -> list[Filter]:
        """The condition on `player`, in `world` or in the first one that has such a player; nothing fits without."""
        if (external_id := self.get("player")) is None:
            return []
        for world in [self.chosen_world] if self.chosen_world else self.worlds:
            sql = "SELECT id FROM players WHERE world = ? AND external_id = ?"
            if (found := self.state.value(sql, world.id, external_id)) is not None:
                return [equal(column, found)]
        return [equal(column, -1)]


def worlds_of(state: State) -> tuple[World, ...]:
    """All worlds."""
    rows: list[dict[str, Any]] = state.rows("SELECT id, game, environment FROM worlds ORDER BY id")
    return tuple(World(**row) for row in rows)
