"""What does the emulator remember, and how is it kept, copied and put back?"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

Row: TypeAlias = dict[str, Any]

TABLES: Final[Mapping[str, str]] = {
    "clock": "offset REAL NOT NULL",
    "keys": "prefix TEXT PRIMARY KEY, secret TEXT, permission_set TEXT, environment TEXT, studio TEXT, game TEXT",
    "games": "id TEXT PRIMARY KEY, studio TEXT",
    "catalog": "game TEXT, kind TEXT, key TEXT, PRIMARY KEY (game, kind, key)",
    "players": """id TEXT PRIMARY KEY, game TEXT, external_id TEXT, created_at TEXT, updated_at TEXT,
        registered_at TEXT, deleted_at TEXT, banned_at TEXT, ban_reason TEXT, name TEXT, avatar TEXT, country TEXT,
        pool_name TEXT, context TEXT, online INTEGER DEFAULT 0, last_active_at TEXT, status TEXT,
        UNIQUE (game, external_id)""",
    "gone": """game TEXT, external_id TEXT, player TEXT, placeholder TEXT, at TEXT, into_player TEXT,
        PRIMARY KEY (game, external_id)""",
    "holdings": """player TEXT, kind TEXT, key TEXT, amount INTEGER NOT NULL CHECK (amount >= 0), metadata TEXT,
        created_at TEXT, updated_at TEXT, PRIMARY KEY (player, kind, key)""",
    "ledger": """id INTEGER PRIMARY KEY, player TEXT, kind TEXT, key TEXT, delta INTEGER, amount INTEGER, reason TEXT,
        source_ref_id TEXT, origin TEXT, operation TEXT, idempotency_key TEXT, at TEXT""",
    "grants": """id TEXT PRIMARY KEY, game TEXT, player TEXT, idempotency_key TEXT, fingerprint TEXT, kind TEXT,
        contents TEXT, source_kind TEXT, source_ref_id TEXT, parent TEXT, status TEXT, rolled_at TEXT, claimed_at TEXT,
        expires_at TEXT, created_at TEXT, metadata TEXT, acked_by TEXT, UNIQUE (game, idempotency_key)""",
    "replays": """scope TEXT, idempotency_key TEXT, fingerprint TEXT, status INTEGER, payload TEXT, at TEXT,
        PRIMARY KEY (scope, idempotency_key)""",
    "events": """id TEXT PRIMARY KEY, game TEXT, key TEXT, enabled INTEGER, mode TEXT, capacity INTEGER,
        fill_bots INTEGER, fill_seconds REAL, seconds REAL, leaderboard TEXT, metrics TEXT, target REAL, capped INTEGER,
        milestones TEXT, completion TEXT, UNIQUE (game, key)""",
    "lobbies": """id TEXT PRIMARY KEY, game TEXT, event TEXT, key TEXT, window TEXT, leaderboard TEXT, mode TEXT,
        status TEXT, capacity INTEGER, fill_bots INTEGER, fill_by TEXT, created_at TEXT, started_at TEXT, ends_at TEXT,
        environment TEXT, metadata TEXT, UNIQUE (event, key)""",
    "members": "lobby TEXT, player TEXT, PRIMARY KEY (lobby, player)",
    "leaderboards": """id TEXT PRIMARY KEY, game TEXT, key TEXT, ranked_by TEXT, segmented INTEGER, ascending INTEGER,
        UNIQUE (game, key)""",
    "scores": """leaderboard TEXT, segment TEXT, player TEXT, score REAL, at TEXT,
        PRIMARY KEY (leaderboard, segment, player)""",
    "attempts": """id TEXT PRIMARY KEY, event TEXT, window TEXT, leaderboard TEXT, player TEXT, started_at TEXT,
        ends_at TEXT, completed_at TEXT, raw TEXT, status TEXT, fired TEXT""",
    "friends": "player TEXT, friend TEXT, since TEXT, PRIMARY KEY (player, friend)",
    "friend_requests": "id TEXT PRIMARY KEY, sender TEXT, receiver TEXT, created_at TEXT",
    "blocks": "player TEXT, blocked TEXT, at TEXT, PRIMARY KEY (player, blocked)",
    "endpoints": "id INTEGER PRIMARY KEY, game TEXT, url TEXT, secret TEXT, environment TEXT, events TEXT",
    "deliveries": """id TEXT PRIMARY KEY, endpoint INTEGER, event TEXT, envelope TEXT, attempt INTEGER, status TEXT,
        next_at REAL, response INTEGER, body BLOB, signature TEXT""",
}  # fmt: skip
INDEXES: Final = (
    "CREATE INDEX IF NOT EXISTS ledger_player ON ledger (player, kind, key)",
    "CREATE INDEX IF NOT EXISTS grants_player ON grants (player)",
    "CREATE INDEX IF NOT EXISTS grants_due ON grants (expires_at) WHERE status = 'pending' AND expires_at IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS lobbies_open ON lobbies (status) WHERE status <> 'closed'",
    "CREATE INDEX IF NOT EXISTS attempts_player ON attempts (player)",
    "CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (next_at) WHERE status = 'pending'",
)


def _as_row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, values, strict=True)}


class State:
    """One SQLite database: in memory, or in a file that outlives the process."""

    def __init__(self, file: str | None) -> None:
        self.file: str | None = file
        self.connection: sqlite3.Connection = sqlite3.connect(
            file or ":memory:", isolation_level=None, check_same_thread=False
        )
        self.connection.row_factory = _as_row
        if file:
            self.connection.execute("PRAGMA synchronous = OFF")  # it survives the process; the machine need not crash
        with self.effect():
            for name, columns in TABLES.items():
                self.connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
            for index in INDEXES:
                self.connection.execute(index)
            if not self.one("SELECT offset FROM clock"):
                self.insert("clock", offset=0.0)

    @contextmanager
    def effect(self) -> Generator[None]:
        """One transaction: all that happens within is kept, or none of it."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """All rows of a query."""
        return self.connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Row | None:
        """The first row of a query."""
        row: Row | None = self.connection.execute(sql, values).fetchone()
        return row

    def count(self, sql: str, *values: Any) -> int:
        """The number in the first column of the first row."""
        row = self.one(sql, *values)
        return int(next(iter(row.values()))) if row else 0

    def run(self, sql: str, *values: Any) -> int:
        """Run a statement; the number of rows it touched."""
        return self.connection.execute(sql, values).rowcount

    def insert(self, table: str, **columns: Any) -> int:
        """Add a row; its number."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        cursor = self.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(columns.values()))  # noqa: S608  # both are ours
        return cursor.lastrowid or 0

    def snapshot(self) -> bytes:
        """Everything, as the bytes of a database."""
        return self.connection.serialize()

    def restore(self, snapshot: bytes) -> None:
        """Put everything back as it was."""
        if self.file is None:
            self.connection.deserialize(snapshot)
            return
        with sqlite3.connect(":memory:") as source:
            source.deserialize(snapshot)
            source.backup(self.connection)
        source.close()

    def dump(self) -> dict[str, list[Row]]:
        """Every table as JSON holds it."""
        return {
            name: [{k: v.decode() if isinstance(v, bytes) else v for k, v in row.items()} for row in self.table(name)]
            for name in TABLES
        }

    def table(self, name: str) -> list[Row]:
        """The rows of a table, in the order in which they came."""
        return self.rows(f"SELECT * FROM {name} ORDER BY rowid")  # noqa: S608  # a name from TABLES

    def load(self, dumped: Mapping[str, Sequence[Row]]) -> None:
        """Replace everything with what was dumped."""
        if unknown := dumped.keys() - TABLES.keys():
            raise ValueError(f"no such tables: {', '.join(sorted(unknown))}")
        with self.effect():
            for name in TABLES:
                self.connection.execute(f"DELETE FROM {name}")  # noqa: S608  # a name from TABLES
                for row in dumped.get(name, ()):
                    self.insert(name, **row)

    def close(self) -> None:
        """Close the database."""
        self.connection.close()


def json_or_none(value: Any) -> str | None:
    """As it goes into a column."""
    return None if value is None else json.dumps(value)
