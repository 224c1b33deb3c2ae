"""Events: progress that your server vouches for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from kraty_server._endpoint import AsyncResource, SyncResource, endpoint
from kraty_server_generated.api import events
from kraty_server_generated.models import FinishAttemptResult, ProgressModeInput, ReportProgressResult
from kraty_server_generated.types import Call


class EventsCalls:
    """What each method sends, whatever the flavour."""

    @endpoint
    def report_progress(
        self,
        external_player_id: str,
        event_key: str,
        attempt_id: str,
        *,
        mode: ProgressModeInput,
        metric_value: float | None = None,
        metrics: Mapping[str, float] | None = None,
        occurred_at: datetime | str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[ReportProgressResult]:
        """Report progress in an attempt; `progress` is another name for it.

        Args:
            mode: `set` writes, `increment` adds.
            metric_value: the one metric of an event that has one. This or `metrics` is needed.
            metrics: several metrics by name.
            occurred_at: when it happened, where that was not now. Aware, or text that is sent as it is.

        Returns:
            The attempt now, and the milestones it passed with what they granted.

        Raises:
            InvalidMetricError: the event does not have the metric.
            NotFoundError: no such player, event or attempt.
            AttemptFinishedError, EventDisabledError: it is too late, or the event is off.
        """
        return events.report_progress(
            external_player_id,
            event_key,
            attempt_id,
            mode=mode,
            metric_value=metric_value,
            metrics=metrics,
            occurred_at=occurred_at,
            idempotency_key=idempotency_key,
        )

    progress = report_progress
    """The same call, by the second name that Node's SDK has for it."""

    @endpoint
    def finish(
        self, external_player_id: str, event_key: str, attempt_id: str, *, idempotency_key: str | None = None
    ) -> Call[FinishAttemptResult]:
        """End an attempt.

        Returns:
            The attempt, and `completed` (the rewards are rolled) or `expired` (a target event that ended early).

        Raises:
            NotFoundError: no such player, event or attempt.
            AttemptFinishedError: it had ended before.
        """
        return events.finish(external_player_id, event_key, attempt_id, idempotency_key=idempotency_key)


class Events(EventsCalls, SyncResource):
    """Events, blocking."""


class AsyncEvents(EventsCalls, AsyncResource):
    """Events, async."""
