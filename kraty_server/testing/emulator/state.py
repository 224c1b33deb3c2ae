"""What does the emulator remember, and how is it kept, copied and put back? The tables of a SQLite database."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

from kraty_server.testing.emulator.setup import Setup

Row: TypeAlias = dict[str, Any]

TABLES: Final[Mapping[str, str]] = {
    "clock": "offset REAL NOT NULL, next_due TEXT",
    "games": "id TEXT PRIMARY KEY, studio TEXT NOT NULL",
    "worlds": """id INTEGER PRIMARY KEY, game TEXT NOT NULL REFERENCES games, environment TEXT NOT NULL,
        UNIQUE (game, environment)""",
    "keys": """prefix TEXT PRIMARY KEY, secret TEXT NOT NULL, permission_set TEXT NOT NULL,
        world INTEGER NOT NULL REFERENCES worlds""",
    "catalog": "game TEXT NOT NULL REFERENCES games, kind TEXT, key TEXT, PRIMARY KEY (game, kind, key)",
    "players": """id INTEGER PRIMARY KEY, public_id TEXT NOT NULL, world INTEGER NOT NULL REFERENCES worlds,
        external_id TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, registered_at TEXT,
        deleted_at TEXT, banned_at TEXT, ban_reason TEXT, name TEXT, avatar TEXT, country TEXT, pool_name TEXT NOT NULL,
        context JSON TEXT,
        online INTEGER NOT NULL DEFAULT 0, last_active_at TEXT, status TEXT, UNIQUE (world, external_id)""",
    "tombstones": """world INTEGER NOT NULL REFERENCES worlds, external_id TEXT NOT NULL,
        player INTEGER NOT NULL REFERENCES players, placeholder TEXT NOT NULL, at TEXT NOT NULL,
        into_player INTEGER REFERENCES players, PRIMARY KEY (world, external_id)""",
    "holdings": """player INTEGER NOT NULL REFERENCES players, kind TEXT NOT NULL, key TEXT NOT NULL,
        amount INTEGER NOT NULL CHECK (amount >= 0), metadata JSON TEXT NOT NULL, created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL, PRIMARY KEY (player, kind, key)""",
    "ledger": """id INTEGER PRIMARY KEY, player INTEGER NOT NULL REFERENCES players, kind TEXT NOT NULL,
        key TEXT NOT NULL, delta INTEGER NOT NULL, amount INTEGER NOT NULL, reason TEXT, source_ref_id TEXT,
        origin TEXT NOT NULL, operation TEXT NOT NULL, idempotency_key TEXT, at_ms INTEGER NOT NULL,
        at TEXT AS (strftime('%Y-%m-%dT%H:%M:%S', at_ms / 1000, 'unixepoch') || printf('.%03dZ', at_ms % 1000))""",
    "grants": """id TEXT PRIMARY KEY, world INTEGER NOT NULL REFERENCES worlds,
        player INTEGER NOT NULL REFERENCES players, idempotency_key TEXT, fingerprint BLOB, kind TEXT NOT NULL,
        contents JSON TEXT NOT NULL, source_kind TEXT NOT NULL, source_ref_id TEXT, parent TEXT, status TEXT NOT NULL,
        rolled_at TEXT, claimed_at TEXT, expires_at TEXT, created_at TEXT NOT NULL, metadata JSON TEXT, acked_by TEXT,
        UNIQUE (world, idempotency_key)""",
    "replays": """number INTEGER PRIMARY KEY, scope BLOB NOT NULL UNIQUE, fingerprint BLOB NOT NULL,
        status INTEGER NOT NULL, payload JSON TEXT, at INTEGER NOT NULL""",
    "migrated": """number INTEGER PRIMARY KEY, scope BLOB NOT NULL UNIQUE, fingerprint BLOB NOT NULL,
        at INTEGER NOT NULL""",
    "events": """id TEXT PRIMARY KEY, game TEXT NOT NULL REFERENCES games, key TEXT NOT NULL, enabled INTEGER NOT NULL,
        mode TEXT NOT NULL, capacity INTEGER NOT NULL, fill_bots INTEGER NOT NULL, fill_seconds REAL NOT NULL,
        seconds REAL NOT NULL, leaderboard TEXT, metrics JSON TEXT NOT NULL, target REAL, capped INTEGER NOT NULL,
        milestones JSON TEXT NOT NULL, completion JSON TEXT NOT NULL, UNIQUE (game, key)""",
    "lobbies": """id TEXT PRIMARY KEY, world INTEGER NOT NULL REFERENCES worlds, event TEXT NOT NULL REFERENCES events,
        key TEXT NOT NULL, window TEXT NOT NULL, leaderboard TEXT, mode TEXT NOT NULL, status TEXT NOT NULL,
        capacity INTEGER NOT NULL, fill_bots INTEGER NOT NULL, fill_by TEXT NOT NULL, created_at TEXT NOT NULL,
        started_at TEXT, ends_at TEXT, metadata JSON TEXT, UNIQUE (world, event, key)""",
    "members": """lobby TEXT NOT NULL REFERENCES lobbies, player INTEGER NOT NULL REFERENCES players,
        PRIMARY KEY (lobby, player)""",
    "leaderboards": """id TEXT PRIMARY KEY, game TEXT NOT NULL REFERENCES games, key TEXT NOT NULL,
        ranked_by TEXT NOT NULL, segmented INTEGER NOT NULL, ascending INTEGER NOT NULL, UNIQUE (game, key)""",
    "scores": """number INTEGER PRIMARY KEY, leaderboard TEXT NOT NULL REFERENCES leaderboards,
        world INTEGER NOT NULL REFERENCES worlds, segment TEXT NOT NULL, player INTEGER NOT NULL REFERENCES players,
        score REAL NOT NULL, at TEXT NOT NULL, UNIQUE (player, leaderboard, segment)""",
    "attempts": """id TEXT PRIMARY KEY, event TEXT NOT NULL REFERENCES events, window TEXT NOT NULL,
        leaderboard TEXT NOT NULL, player INTEGER NOT NULL REFERENCES players, started_at TEXT NOT NULL,
        ends_at TEXT NOT NULL, completed_at TEXT, raw JSON TEXT NOT NULL,
        status TEXT NOT NULL, fired JSON TEXT NOT NULL""",
    "friends": """player INTEGER NOT NULL REFERENCES players, friend INTEGER NOT NULL REFERENCES players,
        since TEXT NOT NULL, PRIMARY KEY (player, friend)""",
    "friend_requests": """id TEXT PRIMARY KEY, sender INTEGER NOT NULL REFERENCES players,
        receiver INTEGER NOT NULL REFERENCES players, created_at TEXT NOT NULL, UNIQUE (sender, receiver)""",
    "blocks": """player INTEGER NOT NULL REFERENCES players, blocked INTEGER NOT NULL REFERENCES players,
        at TEXT NOT NULL, PRIMARY KEY (player, blocked)""",
    "endpoints": """id INTEGER PRIMARY KEY, world INTEGER NOT NULL REFERENCES worlds, url TEXT, secret TEXT NOT NULL,
        events JSON TEXT""",
    "deliveries": """number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
        endpoint INTEGER NOT NULL REFERENCES endpoints,
        event TEXT NOT NULL, occurred_at TEXT NOT NULL, data JSON TEXT NOT NULL, status TEXT NOT NULL,
        attempt INTEGER NOT NULL, next_at REAL NOT NULL, copies INTEGER NOT NULL DEFAULT 1""",
    "delivery_attempts": """number INTEGER PRIMARY KEY, delivery INTEGER NOT NULL REFERENCES deliveries,
        attempt INTEGER NOT NULL, at TEXT NOT NULL, signed_at INTEGER NOT NULL, response INTEGER, error TEXT,
        seconds REAL NOT NULL, answer BLOB""",
}  # fmt: skip
INDEXES: Final = (
    "CREATE INDEX IF NOT EXISTS ledger_player ON ledger (player)",
    "CREATE INDEX IF NOT EXISTS grants_player ON grants (player)",
    "CREATE INDEX IF NOT EXISTS grants_due ON grants (expires_at) WHERE status = 'pending' AND expires_at IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS lobbies_forming ON lobbies (fill_by) WHERE status = 'forming'",
    "CREATE INDEX IF NOT EXISTS lobbies_active ON lobbies (ends_at) WHERE status = 'active'",
    "CREATE INDEX IF NOT EXISTS members_player ON members (player)",
    "CREATE INDEX IF NOT EXISTS scores_rank ON scores (leaderboard, world, segment, score, number)",
    "CREATE INDEX IF NOT EXISTS attempts_player ON attempts (player)",
    "CREATE INDEX IF NOT EXISTS attempts_due ON attempts (ends_at) WHERE status = 'in_progress'",
    "CREATE INDEX IF NOT EXISTS friends_friend ON friends (friend)",
    "CREATE INDEX IF NOT EXISTS requests_receiver ON friend_requests (receiver)",
    "CREATE INDEX IF NOT EXISTS blocks_blocked ON blocks (blocked)",
    "CREATE INDEX IF NOT EXISTS tombstones_player ON tombstones (into_player)",
    "CREATE INDEX IF NOT EXISTS tombstones_placeholder ON tombstones (placeholder)",
    "CREATE INDEX IF NOT EXISTS endpoints_world ON endpoints (world)",
    "CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (endpoint, next_at, number) WHERE status = 'pending'",
    "CREATE INDEX IF NOT EXISTS attempts_delivery ON delivery_attempts (delivery)",
)
SCHEMA: Final = zlib.crc32(repr((TABLES, INDEXES)).encode()) >> 1
"""Which tables a file has; it fits into SQLite's `user_version`."""


_STATEMENTS: Final = 512
"""Statements that are kept ready: more than there are."""
_MAGIC: Final = b"SQLite format 3\0"


def _refuse_others(file: str | None) -> None:
    """Refuse a file that is no database: SQLite takes short ones for empty, and would write over them.

    Raises:
        ValueError: it is none.
    """
    if file is not None and Path(file).is_file():
        with Path(file).open("rb") as opened:
            if (start := opened.read(len(_MAGIC))) and start != _MAGIC:
                raise ValueError(f"{file}: not a database; give the emulator a file of its own")


class Effect:
    """A transaction on the state. A class, since a generator costs more than the statements that it runs."""

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state = state

    def __enter__(self) -> None:
        """Begin."""
        self._state.connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        """Commit; roll back where anything went wrong, the commit included."""
        state = self._state
        try:
            if kind is None:
                state.connection.execute("COMMIT")
                return
        except BaseException:
            state.roll_back()
            raise
        state.roll_back()


class State:
    """One SQLite database: in memory, or in a file that outlives the process.

    Raises:
        ValueError: the file is none of this emulator's.
        OSError: it cannot be opened.
    """

    def __init__(self, file: str | None) -> None:
        self.file: str | None = file
        self.next_due: str | None = None
        """When the next thing happens by itself, at the earliest; as the API writes times."""
        self.emitted: bool = False
        """Whether deliveries were added since they were last looked at."""
        self.setup: Setup = Setup(self.rows)
        self._columns: dict[str, tuple[str, ...]] = {}
        _refuse_others(file)
        try:
            self.connection: sqlite3.Connection = sqlite3.connect(
                file or ":memory:", isolation_level=None, check_same_thread=False, cached_statements=_STATEMENTS
            )
        except sqlite3.OperationalError as error:
            raise OSError(f"{file}: {error}") from None
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            self.connection.close()
            if "locked" in str(error):
                raise OSError(f"{file}: another emulator uses it") from None
            raise ValueError(f"{file}: {error}") from None
        except BaseException:
            self.connection.close()
            raise

    def _open(self) -> None:
        if self.file:
            self.connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # a second emulator is told so when it starts
            self.connection.execute("PRAGMA synchronous = OFF")  # it survives the process; the machine need not crash
        with self.effect():
            if self.value("SELECT count(*) FROM sqlite_master"):
                if self.value("PRAGMA user_version") != SCHEMA:
                    raise ValueError(f"{self.file}: not made by this version of the emulator; give it another file")
                return
            for name, columns in TABLES.items():
                self.connection.execute(f"CREATE TABLE {name} ({columns})")
            for index in INDEXES:
                self.connection.execute(index)
            self.connection.execute(f"PRAGMA user_version = {SCHEMA}")
            self.insert("clock", offset=0.0)

    def effect(self) -> Effect:
        """One transaction: all that happens within is kept, or none of it."""
        return Effect(self)

    def roll_back(self) -> None:
        """Undo what the transaction has done so far."""
        with suppress(sqlite3.OperationalError):  # where SQLite itself has rolled back
            self.connection.execute("ROLLBACK")
        self.setup.forget()

    @contextmanager
    def savepoint(self) -> Generator[None]:
        """Part of a transaction, kept or undone on its own."""
        self.connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO part")
            raise
        finally:
            self.connection.execute("RELEASE part")

    def schedule(self, at: str) -> None:
        """Note that something happens by itself at this time."""
        if self.next_due is None or at < self.next_due:
            self.next_due = at

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """All rows of a query."""
        cursor = self.connection.execute(sql, values)
        columns = self._columns_of(sql, cursor)
        return [dict(zip(columns, row, strict=True)) for row in cursor]

    def one(self, sql: str, *values: Any) -> Row | None:
        """The first row of a query."""
        cursor = self.connection.execute(sql, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return None if row is None else dict(zip(self._columns_of(sql, cursor), row, strict=True))

    def _columns_of(self, sql: str, cursor: sqlite3.Cursor) -> tuple[str, ...]:
        """The names of the columns of a query, read from the cursor once: that costs more than a short row."""
        if (found := self._columns.get(sql)) is None:
            if len(self._columns) >= _STATEMENTS:
                self._columns.clear()
            found = self._columns[sql] = tuple(column[0] for column in cursor.description)
        return found

    def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        row = self.connection.execute(sql, values).fetchone()
        return None if row is None else row[0]

    def count(self, sql: str, *values: Any) -> int:
        """The number in the first column of the first row; 0 without one."""
        return int(self.value(sql, *values) or 0)

    def run(self, sql: str, *values: Any) -> int:
        """Run a statement; the number of rows it touched."""
        return self.connection.execute(sql, values).rowcount

    def add(self, sql: str, *values: Any) -> int:
        """Run an INSERT; the number of the new row, or 0 where none came to be."""
        cursor = self.connection.execute(sql, values)
        return cursor.lastrowid or 0 if cursor.rowcount else 0

    def insert(self, table: str, **columns: Any) -> int:
        """Add a row; its number."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        return self.add(f"INSERT INTO {table} ({names}) VALUES ({marks})", *columns.values())  # noqa: S608  # both are ours

    def keep_next_due(self) -> None:
        """Write down when the next thing happens, before the state is copied."""
        self.run("UPDATE clock SET next_due = ?", self.next_due)

    def snapshot(self) -> bytes:
        """Everything, as the bytes of a database."""
        self.keep_next_due()
        return self.connection.serialize()

    def restore(self, snapshot: bytes) -> None:
        """Put everything back as it was."""
        self.setup.forget()
        if self.file is None:
            self.connection.deserialize(snapshot)
            return
        with sqlite3.connect(":memory:") as source:
            source.deserialize(snapshot)
            source.backup(self.connection)
        source.close()

    def close(self) -> None:
        """Close the database."""
        self.connection.close()


def json_or_none(value: Any) -> str | None:
    """As it goes into a column."""
    return None if value is None else json.dumps(value)
