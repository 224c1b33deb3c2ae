"""Errors say the truth wherever they come from: made by hand, pickled, or rebuilt by a task queue."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from kraty_server import errors
from kraty_server.errors import KratyError, KratyNetworkError, KratyServerError

KINDS = sorted(
    {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, KratyError)},
    key=lambda kind: kind.__name__,
)


def example(kind: type[KratyError]) -> KratyError:
    if issubclass(kind, KratyServerError):
        return kind(409, kind.code or "newer", "the server's text", {"field": ["wrong"]})
    if issubclass(kind, KratyNetworkError):
        return kind("wallet.credit: no answer", ConnectionResetError("reset"))
    return kind("the client was closed")


def json_queue(error: KratyError) -> KratyError:
    """What Celery's JSON backend does: the class by its name, and its arguments."""
    module, name, args = json.loads(json.dumps([type(error).__module__, type(error).__name__, error.args]))
    assert module == "kraty_server.errors"
    rebuilt: KratyError = getattr(errors, name)(*args)
    return rebuilt


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_that_somebody_makes_claims_nothing(kind: type[KratyError]) -> None:
    assert (example(kind).outcome, kind.outcome) == ("unknown", "unknown")


@pytest.mark.parametrize("kind", KINDS)
def test_a_queue_that_speaks_json_rebuilds_an_error_that_claims_nothing(kind: type[KratyError]) -> None:
    error = example(kind)
    error.outcome = "not_applied"
    rebuilt = json_queue(error)
    assert (type(rebuilt), str(rebuilt), rebuilt.outcome) == (kind, str(error), "unknown")
    if isinstance(error, KratyServerError):
        assert isinstance(rebuilt, KratyServerError)
        assert (rebuilt.status, rebuilt.code, rebuilt.details) == (error.status, error.code, error.details)


@pytest.mark.parametrize("again", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_knows_all_that_the_error_knew(kind: type[KratyError], again: Callable[[Any], Any]) -> None:
    error = example(kind)
    error.outcome, error.operation, error.attempts, error.is_retryable = "not_applied", "wallet.credit", 3, True
    error.idempotency_key, error.request_id, error.retry_after = "k", "r", 1.5
    error.add_note("wallet.credit, 3 attempts")
    copied = again(error)
    known = vars(copied) | {"original_cause": repr(vars(copied).get("original_cause"))}
    assert known == vars(error) | {"original_cause": repr(vars(error).get("original_cause"))}
    assert (type(copied), str(copied), copied.args) == (kind, str(error), error.args)
