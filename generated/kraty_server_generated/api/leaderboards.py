# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""Calls of leaderboards: each function checks its arguments and says what to send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kraty_server_generated import types as t
from kraty_server_generated.types import Call

if TYPE_CHECKING:
    from kraty_server_generated import models as m
else:
    m = t.Later("kraty_server_generated.models")


def submit_score(
    key: str,
    *,
    external_player_id: str,
    value: float,
    segment: str | None = None,
    idempotency_key: str | None = None,
) -> Call[m.SubmitScoreResult]:
    """Submit a player's score to a board.

    `POST /server/v1/leaderboards/{key}/score`
    """
    body: dict[str, Any] = {}
    body["externalPlayerId"] = t.text(external_player_id, "external_player_id", 1, t.PATTERNS[0])
    body["value"] = t.number(value, "value")
    if segment is not None:
        body["segment"] = t.text(segment, "segment")
    if idempotency_key is not None:
        body["idempotencyKey"] = t.text(idempotency_key, "idempotency_key", 1, t.PATTERNS[1])
    return Call(
        "leaderboards.submit_score",
        "POST",
        "/server/v1/leaderboards/{key}/score",
        f"/server/v1/leaderboards/{t.segment(key, 'key', 1, t.PATTERNS[0])}/score",
        m.SubmitScoreResult.from_dict,
        unwrap="data",
        body=body,
        stamp="idempotencyKey",
    )
