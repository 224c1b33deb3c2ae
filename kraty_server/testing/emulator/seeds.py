"""What is there before the first request? Seeds: players, events, boards and so on, each part with its type."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Required, TypeAlias, TypedDict
from urllib.parse import urlsplit

from kraty_server.testing.emulator.clock import format_time, parse_time
from kraty_server.testing.emulator.context import RequestContext
from kraty_server.testing.emulator.contract import contract, problems
from kraty_server.testing.emulator.ledger import MAX_HOLDING, change_holding
from kraty_server.testing.emulator.players import ban_player, get_or_create_player, register_player
from kraty_server.testing.emulator.shapes import Range, Text, check_shape
from kraty_server.testing.emulator.state import State, json_or_none

STUDIO: Final = "stu_1"
GAME: Final = "game_1"
SECRET: Final = "only-for-the-emulator-it-opens-nothing-real"  # 43 characters, as a real one  # noqa: S105
KEYS: Final = {
    "test": ("sEmuTest", "server_integration", "test"),
    "live": ("sEmuLive", "server_integration", "live"),
    "client": ("pEmuTest", "client_sdk", "test"),
}
"""Name to prefix, permission set and environment of the keys that each emulator has."""
YEARS: Final = 100 * 366 * 24 * 3600.0
"""Seconds that anything may last."""


@dataclass(frozen=True, slots=True)
class Component:
    """Values that a schema of the contract allows."""

    name: str

    def check(self, value: Any, path: str) -> None:
        """Refuse what the schema does not allow.

        Raises:
            ValueError: it does not.
        """
        if found := problems(contract().component(self.name), value):
            raise ValueError(f"{path}{'.' + found[0].path if found[0].path else ''}: {found[0].message}")


@dataclass(frozen=True, slots=True)
class DateTime:
    """Texts that name a moment."""

    def check(self, value: Any, path: str) -> None:
        """Refuse what names none.

        Raises:
            ValueError: it does not.
        """
        try:
            parse_time(value)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


@dataclass(frozen=True, slots=True)
class Url:
    """Addresses that a webhook can be sent to."""

    def check(self, value: Any, path: str) -> None:
        """Refuse what is no address.

        Raises:
            ValueError: it is none.
        """
        import httpx

        try:
            url = httpx.URL(value)
            port = urlsplit(str(value)).port
            url.host.encode("idna")  # as a look-up of the name does
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise ValueError(f"{path}: {value!r} is no URL: {error}") from None
        if url.scheme not in ("http", "https") or not url.host or port == 0:
            raise ValueError(
                f"{path}: {value!r} is no URL that a webhook can be sent to; http://127.0.0.1:8000/ would be"
            )


Id: TypeAlias = Annotated[str, Component("Id")]
Name: TypeAlias = Annotated[str, Text()]
Amount: TypeAlias = Annotated[int, Range(0, MAX_HOLDING)]
Seconds: TypeAlias = Annotated[float, Range(0, YEARS)]
Entries: TypeAlias = Sequence[Annotated[Mapping[str, Any], Component("GrantedRewardEntry")]]
Environment: TypeAlias = Literal["test", "live"]


class GameSeed(TypedDict, total=False):
    """A further game; one is there already: game_1 of stu_1."""

    id: Required[Id]
    studio: Name


class KeySeed(TypedDict, total=False):
    """A further API key."""

    prefix: Required[Name]
    secret: Required[Name]
    permissionSet: Literal["server_integration", "client_sdk"]
    environment: Environment
    game: Id


class CatalogSeed(TypedDict, total=False):
    """What exists: once a kind is listed, other keys are unknown. Without a list every key exists."""

    currencies: Sequence[Id]
    items: Sequence[Id]


class PlayerSeed(TypedDict, total=False):
    """A player; registered unless it says otherwise."""

    externalPlayerId: Required[Id]
    registered: bool
    contextSnapshot: Mapping[str, Any]
    country: str | None
    name: str | None
    avatar: str | None
    online: bool
    status: str | None
    lastActiveAt: Annotated[str, DateTime()] | None
    wallet: Mapping[Id, Amount]
    inventory: Mapping[Id, Amount]
    banned: Name
    """The reason."""


class MilestoneSeed(TypedDict, total=False):
    """A reward for reaching a threshold."""

    key: Required[Id]
    metric: Name
    """The first one of the event otherwise."""
    threshold: Required[float]
    entries: Required[Entries]


class EventSeed(TypedDict, total=False):
    """An event."""

    key: Required[Id]
    id: Id
    enabled: bool
    mode: Name
    """`lobby_matched` unless it says otherwise."""
    capacity: Annotated[int, Range(1, MAX_HOLDING)]
    fillBots: bool
    fillSeconds: Seconds
    seconds: Seconds
    leaderboard: Id | None
    metrics: Sequence[Name]
    target: float | None
    capAtTarget: bool
    milestones: Sequence[MilestoneSeed]
    completion: Entries


class LeaderboardSeed(TypedDict, total=False):
    """A board."""

    key: Required[Id]
    id: Id
    rankedBy: Literal["score", "progression"]
    segmented: bool
    ascending: bool


class AttemptSeed(TypedDict, total=False):
    """An attempt at an event: clients start them, so they are seeded here."""

    id: Required[Id]
    externalPlayerId: Required[Id]
    event: Required[Id]
    seconds: Seconds
    """Those of the event otherwise."""


class WebhookSeed(TypedDict, total=False):
    """An endpoint; without an url deliveries are only collected."""

    url: Annotated[str, Url()] | None
    secret: Required[Name]
    environment: Environment
    events: Sequence[Name] | None
    """Those that it wants; all without."""


class Seed(TypedDict, total=False):
    """All that can be seeded; every part is optional."""

    environment: Environment
    """Where players, attempts, friends and blocks live: the world of the test key, or that of the live key."""
    games: Sequence[GameSeed]
    keys: Sequence[KeySeed]
    catalog: CatalogSeed
    players: Sequence[PlayerSeed]
    events: Sequence[EventSeed]
    leaderboards: Sequence[LeaderboardSeed]
    attempts: Sequence[AttemptSeed]
    friends: Sequence[tuple[Id, Id]]
    """Pairs of external ids."""
    friendRequests: Sequence[tuple[Id, Id]]
    """Pairs: who asks, who is asked."""
    blocks: Sequence[tuple[Id, Id]]
    """Pairs: who blocks, who is blocked."""
    webhooks: Sequence[WebhookSeed]


def find_world(state: State, game: str, environment: str) -> int:
    """The number of a world.

    Raises:
        ValueError: there is no such game.
    """
    world: int | None = state.value("SELECT id FROM worlds WHERE game = ? AND environment = ?", game, environment)
    if world is None:
        raise ValueError(f"no game {game!r} was seeded")
    return world


def _add_game(state: State, row: GameSeed) -> None:
    state.insert("games", id=row["id"], studio=row.get("studio", STUDIO))
    for environment in ("test", "live"):
        state.insert("worlds", game=row["id"], environment=environment)


def _add_key(state: State, row: KeySeed) -> None:
    if "." in row["prefix"]:
        raise ValueError("prefix: must have no dot, since a dot ends it in the key")
    state.insert(
        "keys",
        prefix=row["prefix"],
        secret=row["secret"],
        permission_set=row.get("permissionSet", "server_integration"),
        world=find_world(state, row.get("game", GAME), row.get("environment", "test")),
    )


def _player(context: RequestContext, row: PlayerSeed) -> None:
    player = get_or_create_player(context, row["externalPlayerId"])
    last_active = row.get("lastActiveAt")
    context.state.run(
        """UPDATE players SET name = ?, avatar = ?, country = ?, online = ?, status = ?, last_active_at = ?,
           context = ? WHERE id = ?""",
        *(row.get("name"), row.get("avatar"), row.get("country"), int(row.get("online", False)), row.get("status")),
        *(last_active and format_time(parse_time(last_active)), json_or_none(row.get("contextSnapshot")), player["id"]),
    )
    if row.get("registered", True):
        register_player(context, player)
    for key, amount in row.get("wallet", {}).items():
        change_holding(context, player, "currency", key, amount, reason="seed")
    for key, quantity in row.get("inventory", {}).items():
        change_holding(context, player, "item", key, quantity, reason="seed")
    if "banned" in row:
        ban_player(context, player, row["banned"])


def _event(context: RequestContext, row: EventSeed) -> None:
    metrics = row.get("metrics", ["score"])
    if not metrics:
        raise ValueError("metrics: at least one is needed")
    for milestone in row.get("milestones", ()):
        if milestone.get("metric", metrics[0]) not in metrics:
            raise ValueError(f"milestones: the event has no metric {milestone.get('metric')!r}")
    context.state.insert(
        "events",
        id=row.get("id", f"event_{row['key']}"),
        game=context.game,
        key=row["key"],
        enabled=int(row.get("enabled", True)),
        mode=row.get("mode", "lobby_matched"),
        capacity=row.get("capacity", 10),
        fill_bots=int(row.get("fillBots", True)),
        fill_seconds=float(row.get("fillSeconds", 60)),
        seconds=float(row.get("seconds", 3600)),
        leaderboard=row.get("leaderboard"),
        metrics=json.dumps(metrics),
        target=row.get("target"),
        capped=int(row.get("capAtTarget", False)),
        milestones=json.dumps(row.get("milestones", [])),
        completion=json.dumps(row.get("completion", [])),
    )


def _leaderboard(context: RequestContext, row: LeaderboardSeed) -> None:
    context.state.insert(
        "leaderboards",
        id=row.get("id", f"board_{row['key']}"),
        game=context.game,
        key=row["key"],
        ranked_by=row.get("rankedBy", "score"),
        segmented=int(row.get("segmented", False)),
        ascending=int(row.get("ascending", False)),
    )


def _attempt(context: RequestContext, row: AttemptSeed) -> None:
    event = context.state.one("SELECT * FROM events WHERE game = ? AND key = ?", context.game, row["event"])
    if event is None:
        raise ValueError(f"event: no event {row['event']!r} was seeded")
    ends_at = context.after(row.get("seconds", event["seconds"]))
    context.state.insert(
        "attempts",
        id=row["id"],
        event=event["id"],
        window=f"{event['id']}_w1",
        leaderboard=event["leaderboard"] or f"{event['id']}_board",
        player=get_or_create_player(context, row["externalPlayerId"])["id"],
        started_at=context.at,
        ends_at=ends_at,
        raw=json.dumps(dict.fromkeys(json.loads(event["metrics"]), 0)),
        status="in_progress",
        fired="[]",
    )
    context.state.schedule(ends_at)


def _pair(context: RequestContext, row: tuple[str, str]) -> tuple[int, int]:
    if row[0] == row[1]:
        raise ValueError("two players are needed")
    one, other = (get_or_create_player(context, external_id)["id"] for external_id in row)
    return one, other


def _friend(context: RequestContext, row: tuple[str, str]) -> None:
    one, other = _pair(context, row)
    context.state.insert("friends", player=one, friend=other, since=context.at)
    context.state.insert("friends", player=other, friend=one, since=context.at)


def _friend_request(context: RequestContext, row: tuple[str, str]) -> None:
    sender, receiver = _pair(context, row)
    columns = {"id": str(uuid.uuid4()), "sender": sender, "receiver": receiver, "created_at": context.at}
    context.state.insert("friend_requests", **columns)


def _block(context: RequestContext, row: tuple[str, str]) -> None:
    player, blocked = _pair(context, row)
    context.state.insert("blocks", player=player, blocked=blocked, at=context.at)


def _webhook(context: RequestContext, row: WebhookSeed) -> None:
    context.state.insert(
        "endpoints",
        world=find_world(context.state, context.game, row.get("environment", context.environment)),
        url=row.get("url"),
        secret=row["secret"],
        events=json.dumps(row.get("events")),
    )


# In this order: endpoints hear of players, and attempts need their events.
_PARTS: Final[Mapping[str, Callable[[RequestContext, Any], None]]] = {
    "games": lambda context, row: _add_game(context.state, row),
    "keys": lambda context, row: _add_key(context.state, row),
    "webhooks": _webhook,
    "players": _player,
    "leaderboards": _leaderboard,
    "events": _event,
    "attempts": _attempt,
    "friends": _friend,
    "friendRequests": _friend_request,
    "blocks": _block,
}


def apply_seed(context: RequestContext, seed: Mapping[str, Any]) -> None:
    """Add what a seed lists to the state, in one transaction of the caller's.

    Raises:
        ValueError: the seed has a part that does not fit; the message says where.
    """
    check_shape(seed, Seed)
    context.state.setup.forget()
    for name, kind in (("currencies", "currency"), ("items", "item")):
        for key in seed.get("catalog", {}).get(name, ()):
            context.state.run("INSERT OR IGNORE INTO catalog VALUES (?, ?, ?)", context.game, kind, key)
    for part, add in _PARTS.items():  # of what is kept at hand, all parts come before those that ask for it
        rows: Sequence[Any] = seed.get(part, ())
        for index, row in enumerate(rows):
            try:
                add(context, row)
            except sqlite3.IntegrityError:
                raise ValueError(f"{part}[{index}]: is there already") from None
            except Exception as error:  # an ApiError where a balance grows too large, a ValueError of those above
                raise ValueError(f"{part}[{index}]: {error}") from None


def add_first_state(state: State) -> None:
    """Add the game and the keys that each emulator has."""
    _add_game(state, {"id": GAME})
    for prefix, permission_set, environment in KEYS.values():
        row: Any = {"prefix": prefix, "secret": SECRET, "permissionSet": permission_set, "environment": environment}
        _add_key(state, row)


def emulator_key(name: str) -> str:
    """One of the keys that each emulator has: test, live or client."""
    return f"{KEYS[name][0]}.{SECRET}"
