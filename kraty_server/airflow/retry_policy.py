"""What becomes of a task of Airflow that an error of Kraty has ended? `KratyRetryPolicy` asks `error.decision`."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Context, RetryDecision, RetryPolicy

from kraty_server.errors import KratyError


class KratyRetryPolicy(RetryPolicy):
    """Fails a task at once whose request will never be taken, and tries all others again when that makes sense.

    `refuse` fails it, whatever `retries` says. `repeat` tries it again after what the server asked for, else after the
    task's `retry_delay`. `fix` tries it again after `fix_delay`, so that it outlives a revoked key. Other errors than
    a `KratyError` are left to the task's settings. No task is tried more often than `retries` says: set that high.

    Args:
        fix_delay: until the set-up may be mended.
    """

    def __init__(self, fix_delay: timedelta = timedelta(minutes=10)) -> None:
        self.fix_delay = fix_delay

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002 - the task's own settings count
        max_tries: int,  # noqa: ARG002
        context: Context | None = None,  # noqa: ARG002
    ) -> RetryDecision:
        """Decide; called by Airflow, in the worker, with what the task has raised."""
        if not isinstance(exception, KratyError):
            return RetryDecision.default()
        reason = f"{exception.decision}: {exception}"
        if exception.decision == "refuse":
            return RetryDecision.fail(reason)
        if exception.decision == "fix":
            return RetryDecision.retry(self.fix_delay, reason)
        asked = exception.retry_after
        return RetryDecision.retry(timedelta(seconds=asked) if asked else None, reason)
