"""Was this asked before? Idempotency keys: their scope, the fingerprint of a body, and the answers that are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal

from kraty_server.testing.emulator.errors import idempotency_conflict
from kraty_server.testing.emulator.form_body import fingerprint_of
from kraty_server.testing.emulator.operation import Handler, OperationRequest, OperationResult
from kraty_server.testing.emulator.state import State

KEPT: Final = timedelta(hours=24)
"""How long a key is remembered (CONTRACT.md §5); those of grants for ever, those of migrated rows as long as is set."""
PURGE_EVERY: Final = 256
"""New keys between two looks for old ones."""


_CANONICAL: Final = json.JSONEncoder(sort_keys=True, default=fingerprint_of)


def digest(*parts: str | int) -> bytes:
    """One tuple, in 12 bytes: what differs in any part has another digest, and there may be millions."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).digest()


def fingerprint(body: Mapping[str, Any]) -> bytes:
    """What two bodies under one key must share: all but the key."""
    # Half as long: it tells apart the bodies of one scope, and there is one for each key that is remembered.
    return digest(_CANONICAL.encode({key: value for key, value in body.items() if key != "idempotencyKey"}))[:8]


def replay_or_execute(request: OperationRequest, handler: Handler) -> OperationResult:
    """Answer as the first time, where the key was used before."""
    context, key = request.context, request.context.idempotency_key
    if key is None or handler.keeps_keys:
        return handler.execute(request)
    scope = digest(context.world, context.operation, *request.path.values(), key)
    mark = fingerprint(request.body)
    at = int(context.now.timestamp())
    oldest = at - KEPT.total_seconds()
    # Before it is done: what is refused is rolled back, this row too, and most keys are new.
    sql = "INSERT OR IGNORE INTO replays (scope, fingerprint, status, at) VALUES (?, ?, 0, ?)"
    number = context.state.add(sql, scope, mark, at)
    if not number:
        sql = "SELECT fingerprint, status, payload FROM replays WHERE scope = ? AND at > ?"
        if before := context.state.one(sql, scope, oldest):
            if before["fingerprint"] != mark:
                raise idempotency_conflict(key)
            return handler.replay(request) if handler.replay else (before["status"], json.loads(before["payload"]))
        sql = "INSERT OR REPLACE INTO replays (scope, fingerprint, status, at) VALUES (?, ?, 0, ?)"
        number = context.state.add(sql, scope, mark, at)
    status, payload = handler.execute(request)
    if handler.replay is None:
        sql = "UPDATE replays SET status = ?, payload = ? WHERE number = ?"
        context.state.run(sql, status, json.dumps(payload), number)
    if number % PURGE_EVERY == 0:
        forget(context.state, "replays", oldest)
    return status, payload


def forget(state: State, table: Literal["replays", "migrated"], oldest: float) -> None:
    """Forget the keys of a table that were used before a time, in unix seconds, if one was used after it."""
    # Numbers grow with time, so what is too old lies at the front.
    sql = f"""DELETE FROM {table} WHERE number < coalesce(
              (SELECT number FROM {table} WHERE at > ? ORDER BY number LIMIT 1), 0)"""  # noqa: S608  # it is ours
    state.run(sql, oldest)
