# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""Calls of leaderboards: each function checks its arguments and says what to send."""

from __future__ import annotations

from typing import Any

from kraty_server_generated import models as m
from kraty_server_generated.contract import PATTERNS
from kraty_server_generated.types import Call, check_number, check_text, quote_segment


def submit_score(
    key: str,
    *,
    external_player_id: str,
    value: float,
    segment: str | None = None,
    idempotency_key: str | None = None,
) -> Call[m.SubmitScoreResult]:
    """Submit a player's score to a board: `POST /server/v1/leaderboards/{key}/score`."""
    body: dict[str, Any] = {
        "externalPlayerId": check_text(external_player_id, "external_player_id", 1, PATTERNS[0]),
        "value": check_number(value, "value"),
    }
    if segment is not None:
        body["segment"] = check_text(segment, "segment")
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "leaderboards.submit_score",
        "POST",
        "/server/v1/leaderboards/{key}/score",
        f"/server/v1/leaderboards/{quote_segment(key, 'key', 1, PATTERNS[0])}/score",
        m.SubmitScoreResult,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
    )
