"""What do only seeds change? Keys, catalogs and endpoints: read once, and kept at hand for each request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

_KEY: Final = """SELECT k.*, w.game, w.environment, g.studio FROM keys k JOIN worlds w ON w.id = k.world
    JOIN games g ON g.id = w.game WHERE k.prefix = ?"""


class Setup:
    """The rows of tables that requests only read.

    Args:
        query: runs a query on the state, and gives all rows.
    """

    def __init__(self, query: Callable[..., list[dict[str, Any]]]) -> None:
        self._query = query
        self._keys: dict[str, dict[str, Any]] = {}
        self._catalogs: dict[tuple[str, str], frozenset[str]] = {}
        self._endpoints: dict[int, list[tuple[int, frozenset[str] | None]]] = {}

    def forget(self) -> None:
        """Read everything again: a seed has changed it, or the state was replaced."""
        self._keys.clear()
        self._catalogs.clear()
        self._endpoints.clear()

    def key(self, prefix: str) -> dict[str, Any] | None:
        """An API key, with its game, environment and studio."""
        if prefix not in self._keys:
            if not (found := self._query(_KEY, prefix)):
                return None  # not kept: anybody can ask for any
            self._keys[prefix] = found[0]
        return self._keys[prefix]

    def catalog(self, game: str, kind: str) -> frozenset[str]:
        """The keys of a catalog; none where the game has no catalog of this kind."""
        if (game, kind) not in self._catalogs:
            rows = self._query("SELECT key FROM catalog WHERE game = ? AND kind = ?", game, kind)
            self._catalogs[game, kind] = frozenset(row["key"] for row in rows)
        return self._catalogs[game, kind]

    def endpoints(self, world: int) -> list[tuple[int, frozenset[str] | None]]:
        """The webhook endpoints of a world, and the events that each wants; None for all."""
        if world not in self._endpoints:
            rows = self._query("SELECT id, events FROM endpoints WHERE world = ?", world)
            wanted = [(row["id"], json.loads(row["events"])) for row in rows]
            self._endpoints[world] = [(row, None if names is None else frozenset(names)) for row, names in wanted]
        return self._endpoints[world]
