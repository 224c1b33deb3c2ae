"""What is there before the first request?"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypedDict

from kraty_server.testing.emulator.ledger import Turn
from kraty_server.testing.emulator.state import json_or_none
from kraty_server.testing.operations.players import register

STUDIO: Final = "stu_1"
GAME: Final = "game_1"
SECRET: Final = "only-for-the-emulator-it-opens-nothing-real"  # 43 characters, as a real one  # noqa: S105
KEYS: Final = {
    "test": ("sEmuTest", "server_integration", "test"),
    "live": ("sEmuLive", "server_integration", "live"),
    "client": ("pEmuTest", "client_sdk", "test"),
}
"""Name to prefix, permission set and environment of the keys that each emulator has."""


class Seed(TypedDict, total=False):
    """All that can be seeded; every part is optional."""

    games: Sequence[Mapping[str, Any]]
    """`{"id", "studio"}`; one is there already: game_1 of stu_1."""
    keys: Sequence[Mapping[str, Any]]
    """`{"prefix", "secret", "permissionSet", "environment", "studio", "game"}`, all but the first two optional."""
    catalog: Mapping[str, Sequence[str]]
    """`{"currencies": [...], "items": [...]}`: once listed, other keys are unknown. Without a list every key exists."""
    players: Sequence[Mapping[str, Any]]
    """`{"externalPlayerId", "registered", "contextSnapshot", "country", "name", "avatar", "online", "status",
    "lastActiveAt", "wallet": {key: amount}, "inventory": {key: quantity}, "banned": reason}`."""
    events: Sequence[Mapping[str, Any]]
    """`{"key", "id", "enabled", "mode", "capacity", "fillBots", "fillSeconds", "seconds", "leaderboard", "metrics",
    "target", "capAtTarget", "milestones": [{"key", "metric", "threshold", "entries"}], "completion": [entries]}`."""
    leaderboards: Sequence[Mapping[str, Any]]
    """`{"key", "id", "rankedBy": "score" | "progression", "segmented", "ascending"}`."""
    attempts: Sequence[Mapping[str, Any]]
    """`{"id", "externalPlayerId", "event", "seconds"}`: clients start attempts, so they are seeded here."""
    friends: Sequence[Sequence[str]]
    """Pairs of external ids."""
    friendRequests: Sequence[Sequence[str]]
    """Pairs: who asks, who is asked."""
    blocks: Sequence[Sequence[str]]
    """Pairs: who blocks, who is blocked."""
    webhooks: Sequence[Mapping[str, Any]]
    """`{"url", "secret", "environment", "events"}`; without an url deliveries are only collected."""


def _games(turn: Turn, row: Mapping[str, Any]) -> None:
    turn.state.insert("games", id=row["id"], studio=row.get("studio", STUDIO))


def _keys(turn: Turn, row: Mapping[str, Any]) -> None:
    turn.state.insert(
        "keys",
        prefix=row["prefix"],
        secret=row["secret"],
        permission_set=row.get("permissionSet", "server_integration"),
        environment=row.get("environment", "test"),
        studio=row.get("studio", STUDIO),
        game=row.get("game", GAME),
    )


def _players(turn: Turn, row: Mapping[str, Any]) -> None:
    player = turn.met_player(row["externalPlayerId"])
    turn.state.run(
        """UPDATE players SET name = ?, avatar = ?, country = ?, online = ?, status = ?, last_active_at = ?,
           context = ? WHERE id = ?""",
        *(row.get("name"), row.get("avatar"), row.get("country"), int(row.get("online", False)), row.get("status")),
        *(row.get("lastActiveAt"), json_or_none(row.get("contextSnapshot")), player["id"]),
    )
    if row.get("registered", True):
        register(turn, player)
    for key, amount in row.get("wallet", {}).items():
        turn.change(player, "currency", key, amount, reason="seed")
    for key, quantity in row.get("inventory", {}).items():
        turn.change(player, "item", key, quantity, reason="seed")
    if reason := row.get("banned"):
        turn.state.run("UPDATE players SET banned_at = ?, ban_reason = ? WHERE id = ?", turn.at, reason, player["id"])
        turn.tell(
            "player.banned", {"playerId": player["id"], "externalPlayerId": player["external_id"], "reason": reason}
        )


def _events(turn: Turn, row: Mapping[str, Any]) -> None:
    turn.state.insert(
        "events",
        id=row.get("id", f"event_{row['key']}"),
        game=turn.game,
        key=row["key"],
        enabled=int(row.get("enabled", True)),
        mode=row.get("mode", "lobby_matched"),
        capacity=row.get("capacity", 10),
        fill_bots=int(row.get("fillBots", True)),
        fill_seconds=row.get("fillSeconds", 60),
        seconds=row.get("seconds", 3600),
        leaderboard=row.get("leaderboard"),
        metrics=json.dumps(row.get("metrics", ["score"])),
        target=row.get("target"),
        capped=int(row.get("capAtTarget", False)),
        milestones=json.dumps(row.get("milestones", [])),
        completion=json.dumps(row.get("completion", [])),
    )


def _leaderboards(turn: Turn, row: Mapping[str, Any]) -> None:
    turn.state.insert(
        "leaderboards",
        id=row.get("id", f"board_{row['key']}"),
        game=turn.game,
        key=row["key"],
        ranked_by=row.get("rankedBy", "score"),
        segmented=int(row.get("segmented", False)),
        ascending=int(row.get("ascending", False)),
    )


def _attempts(turn: Turn, row: Mapping[str, Any]) -> None:
    event = turn.state.one("SELECT * FROM events WHERE game = ? AND key = ?", turn.game, row["event"])
    if event is None:
        raise ValueError(f"attempts: no event {row['event']!r} was seeded")
    turn.state.insert(
        "attempts",
        id=row["id"],
        event=event["id"],
        window=f"{event['id']}_w1",
        leaderboard=event["leaderboard"] or f"{event['id']}_board",
        player=turn.met_player(row["externalPlayerId"])["id"],
        started_at=turn.at,
        ends_at=turn.later(row.get("seconds", event["seconds"])),
        raw=json.dumps(dict.fromkeys(json.loads(event["metrics"]), 0)),
        status="in_progress",
        fired="[]",
    )


def _pair(turn: Turn, row: Sequence[str]) -> tuple[str, str]:
    one, other = (turn.met_player(external_id)["id"] for external_id in row)
    return one, other


def _friends(turn: Turn, row: Sequence[str]) -> None:
    one, other = _pair(turn, row)
    turn.state.insert("friends", player=one, friend=other, since=turn.at)
    turn.state.insert("friends", player=other, friend=one, since=turn.at)


def _requests(turn: Turn, row: Sequence[str]) -> None:
    sender, receiver = _pair(turn, row)
    turn.state.insert("friend_requests", id=str(uuid.uuid4()), sender=sender, receiver=receiver, created_at=turn.at)


def _blocks(turn: Turn, row: Sequence[str]) -> None:
    player, blocked = _pair(turn, row)
    turn.state.insert("blocks", player=player, blocked=blocked, at=turn.at)


def _webhooks(turn: Turn, row: Mapping[str, Any]) -> None:
    if not row.get("secret"):
        raise ValueError("webhooks: each endpoint needs a secret")
    turn.state.insert(
        "endpoints",
        game=turn.game,
        url=row.get("url"),
        secret=row["secret"],
        environment=row.get("environment", "test"),
        events=json.dumps(row.get("events")),
    )


_Plant: TypeAlias = Callable[[Turn, Any], None]
# In this order: endpoints hear of players, and attempts need their events.
_PLANTS: Final[Mapping[str, _Plant]] = {
    "games": _games,
    "keys": _keys,
    "webhooks": _webhooks,
    "players": _players,
    "leaderboards": _leaderboards,
    "events": _events,
    "attempts": _attempts,
    "friends": _friends,
    "friendRequests": _requests,
    "blocks": _blocks,
}


def plant(turn: Turn, seed: Seed | Mapping[str, Any]) -> None:
    """Add what a seed lists to the state, in one transaction of the caller's.

    Raises:
        ValueError: the seed has an unknown part, or one that does not fit.
    """
    if unknown := seed.keys() - _PLANTS.keys() - {"catalog"}:
        raise ValueError(f"no such parts of a seed: {', '.join(sorted(unknown))}")
    catalog: Mapping[str, Sequence[str]] = seed.get("catalog", {})
    for kind, name in (("currency", "currencies"), ("item", "items")):
        for key in catalog.get(name, ()):
            turn.state.run("INSERT OR IGNORE INTO catalog VALUES (?, ?, ?)", turn.game, kind, key)
    for part, plant_one in _PLANTS.items():
        rows: Sequence[Any] = seed.get(part, ())  # type: ignore[assignment]  # each part's own shape
        for index, row in enumerate(rows):
            try:
                plant_one(turn, row)
            except KeyError as missing:
                raise ValueError(f"{part}[{index}]: {missing} is missing") from None


def first_state(turn: Turn) -> None:
    """Add the game and the keys that each emulator has."""
    _games(turn, {"id": GAME})
    for prefix, permission_set, environment in KEYS.values():
        row = {"prefix": prefix, "secret": SECRET, "permissionSet": permission_set, "environment": environment}
        _keys(turn, row)


def key(name: str) -> str:
    """One of the keys that each emulator has: test, live or client."""
    return f"{KEYS[name][0]}.{SECRET}"
