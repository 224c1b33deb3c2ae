# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""Calls of events: each function checks its arguments and says what to send."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kraty_server_generated import models as m
from kraty_server_generated.contract import PATTERNS
from kraty_server_generated.types import (
    Call,
    check_number,
    check_number_map,
    check_text,
    check_time,
    quote_segment,
)


def report_progress(
    external_player_id: str,
    event_key: str,
    attempt_id: str,
    *,
    mode: m.ProgressModeInput,
    metric_value: float | None = None,
    metrics: Mapping[str, float] | None = None,
    occurred_at: datetime | str | None = None,
    idempotency_key: str | None = None,
) -> Call[m.ReportProgressResult]:
    """Report progress in an attempt: `POST
    /server/v1/players/{externalId}/events/{eventKey}/attempts/{attemptId}/progress`.
    """
    if metric_value is None and metrics is None:
        raise ValueError("metric_value or metrics: one of them is needed")
    body: dict[str, Any] = {"mode": check_text(mode, "mode", 1)}
    if metric_value is not None:
        body["metricValue"] = check_number(metric_value, "metric_value")
    if metrics is not None:
        body["metrics"] = check_number_map(metrics, "metrics")
    if occurred_at is not None:
        body["occurredAt"] = check_time(occurred_at, "occurred_at")
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "events.report_progress",
        "POST",
        "/server/v1/players/{externalId}/events/{eventKey}/attempts/{attemptId}/progress",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}/events/{quote_segment(event_key, 'event_key', 1, PATTERNS[0])}/attempts/{quote_segment(attempt_id, 'attempt_id', 1, PATTERNS[0])}/progress",
        m.ReportProgressResult,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
    )


def finish(
    external_player_id: str, event_key: str, attempt_id: str, *, idempotency_key: str | None = None
) -> Call[m.FinishAttemptResult]:
    """End an attempt: `POST /server/v1/players/{externalId}/events/{eventKey}/attempts/{attemptId}/finish`."""
    body: dict[str, Any] = {}
    if idempotency_key is not None:
        body["idempotencyKey"] = check_text(idempotency_key, "idempotency_key", 1, PATTERNS[1])
    return Call(
        "events.finish",
        "POST",
        "/server/v1/players/{externalId}/events/{eventKey}/attempts/{attemptId}/finish",
        f"/server/v1/players/{quote_segment(external_player_id, 'external_player_id', 1, PATTERNS[0])}/events/{quote_segment(event_key, 'event_key', 1, PATTERNS[0])}/attempts/{quote_segment(attempt_id, 'attempt_id', 1, PATTERNS[0])}/finish",
        m.FinishAttemptResult,
        unwrap="data",
        body=body,
        idempotency_field="idempotencyKey",
    )
