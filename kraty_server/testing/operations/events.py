"""Events: report progress and finish."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from kraty_server.testing.emulator.clock import parse_time
from kraty_server.testing.emulator.context import RequestContext
from kraty_server.testing.emulator.errors import ApiError, invalid, not_found
from kraty_server.testing.emulator.grants import grant_payload, mint_grant
from kraty_server.testing.emulator.json_body import js_number
from kraty_server.testing.emulator.operation import OperationRequest, OperationResult
from kraty_server.testing.emulator.players import require_player
from kraty_server.testing.emulator.state import Row
from kraty_server.testing.operations.registry import handles


def require_event(context: RequestContext, key: str) -> Row:
    """An event of the game, or 404."""
    found = context.state.one("SELECT * FROM events WHERE game = ? AND key = ?", context.game, key)
    if found is None:
        raise not_found(f"event {key!r}")
    return found


def attempt_payload(attempt: Row) -> dict[str, Any]:
    """An attempt as the API shows it."""
    raw: dict[str, float] = json.loads(attempt["raw"])
    names: list[str] = json.loads(attempt["metrics"])
    metrics = dict(raw)
    if attempt["capped"] and attempt["target"] is not None:
        metrics[names[0]] = min(metrics[names[0]], attempt["target"])
    return {
        "id": attempt["id"],
        "eventId": attempt["event"],
        "eventWindowId": attempt["window"],
        "leaderboardId": attempt["leaderboard"],
        "playerId": attempt["public_id"],
        "startedAt": attempt["started_at"],
        "endsAt": attempt["ends_at"],
        "completedAt": attempt["completed_at"],
        "metrics": {name: js_number(float(value)) for name, value in metrics.items()},
        "metricsRaw": {name: js_number(float(value)) for name, value in raw.items()},
        "score": js_number(float(metrics[names[0]])),
        "status": attempt["status"],
    }


ATTEMPT: Final = """SELECT a.*, p.public_id, e.metrics, e.target, e.capped FROM attempts a
    JOIN players p ON p.id = a.player JOIN events e ON e.id = a.event"""


def _open_attempt(request: OperationRequest) -> tuple[Row, Row, Row]:
    context, attempt_id = request.context, request.path["attemptId"]
    player = require_player(context, request.path["externalId"])
    event = require_event(context, request.path["eventKey"])
    sql = f"{ATTEMPT} WHERE a.id = ? AND a.player = ? AND a.event = ?"
    if (attempt := context.state.one(sql, attempt_id, player["id"], event["id"])) is None:
        raise not_found(f"attempt {attempt_id!r}")
    if not event["enabled"]:
        raise ApiError(409, "event_disabled", f"event {event['key']!r} is disabled")
    if attempt["status"] != "in_progress":
        raise ApiError(409, "attempt_finished", f"attempt {attempt['id']!r} is {attempt['status']}")
    return player, event, attempt


@handles("events.report_progress")
def report_progress(request: OperationRequest) -> OperationResult:
    """Set or add to the metrics of an attempt; milestones that are reached are granted once."""
    context, body = request.context, request.body
    player, event, attempt = _open_attempt(request)
    names: list[str] = json.loads(event["metrics"])
    given: dict[str, float] = dict(body.get("metrics", {}))
    if "metricValue" in body:
        given[names[0]] = body["metricValue"]
    if unknown := [name for name in given if name not in names]:
        message = f"event {event['key']!r} has no metric {unknown[0]!r}"
        raise ApiError(400, "invalid_metric", message, {"keys": unknown})
    if "occurredAt" in body:
        try:
            parse_time(body["occurredAt"])
        except ValueError as error:
            raise invalid("occurredAt", str(error)) from None
    raw: dict[str, float] = json.loads(attempt["raw"])
    for name, value in given.items():
        raw[name] = float(value) if body["mode"] == "set" else float(raw[name]) + float(value)
        if not math.isfinite(raw[name]):
            raise invalid(f"metrics.{name}", "it would become too large for a number")
    fired: list[str] = json.loads(attempt["fired"])
    due = [
        milestone
        for milestone in json.loads(event["milestones"])
        if milestone["key"] not in fired and raw[milestone.get("metric", names[0])] >= milestone["threshold"]
    ]
    sql = "UPDATE attempts SET raw = ?, fired = ? WHERE id = ?"
    context.state.run(sql, json.dumps(raw), json.dumps(fired + [m["key"] for m in due]), attempt["id"])
    milestones = [
        {"key": m["key"], "grants": [_reward(context, player, m["entries"], "milestone", attempt)]} for m in due
    ]
    return 200, {"attempt": _get_attempt(context, attempt["id"]), "milestonesFired": milestones}


def _reward(context: RequestContext, player: Row, entries: list[Any], source_kind: str, attempt: Row) -> dict[str, Any]:
    return grant_payload(mint_grant(context, player, entries, source_kind=source_kind, source_ref_id=attempt["id"]))


def _get_attempt(context: RequestContext, attempt_id: str) -> dict[str, Any]:
    attempt = context.state.one(f"{ATTEMPT} WHERE a.id = ?", attempt_id)
    assert attempt is not None
    return attempt_payload(attempt)


@handles("events.finish")
def finish(request: OperationRequest) -> OperationResult:
    """End an attempt: completed where its target was met or there is none, expired otherwise."""
    context = request.context
    player, event, attempt = _open_attempt(request)
    reached = json.loads(attempt["raw"])[json.loads(event["metrics"])[0]]
    met = event["target"] is None or reached >= event["target"]
    outcome = "completed" if met else "expired"
    sql = "UPDATE attempts SET status = ?, completed_at = ? WHERE id = ?"
    context.state.run(sql, outcome, context.at, attempt["id"])
    if met and (entries := json.loads(event["completion"])):
        _reward(context, player, entries, "completion", attempt)
    return 200, {"attempt": _get_attempt(context, attempt["id"]), "outcome": outcome}
