"""Each error decides what a worker does with its task, and the page about workers lists it for every code and cause."""

from __future__ import annotations

import pickle

import pytest

from kraty_server import KratyError, KratyNetworkError, KratyTimeoutError
from kraty_server.errors import BY_CODE, Outcome, server_error
from tests import decisions

MONEY_KEPT = ("repeat", "fix")
OUTCOMES: tuple[Outcome, ...] = ("not_applied", "unknown", "applied")


def made(code: str, status: int, outcome: Outcome, *, retryable: bool = False) -> KratyError:
    error = server_error(status, code, "no")
    error.outcome, error.is_retryable = outcome, retryable
    return error


def test_the_page_lists_every_code_and_cause() -> None:
    text = decisions.PAGE.read_text("utf-8")
    assert decisions.derived(text) == text, "run: python -m tests.decisions"
    for code in BY_CODE:
        assert f"| `{code}` |" in text


@pytest.mark.parametrize("code", ["unauthenticated", "session_invalid", "forbidden", "tenant_mismatch"])
@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("retryable", [True, False])
def test_a_task_outlives_a_broken_key(code: str, outcome: Outcome, retryable: bool) -> None:
    assert made(code, 401, outcome, retryable=retryable).decision == "fix"


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("retryable", [True, False])
def test_a_key_with_another_body_is_refused_whatever_came_before(outcome: Outcome, retryable: bool) -> None:
    assert made("idempotency_conflict", 409, outcome, retryable=retryable).decision == "refuse"


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_no_task_ends_while_it_is_open_whether_its_call_took_effect(code: str) -> None:
    if code != "idempotency_conflict":
        assert made(code, 404, "unknown").decision in MONEY_KEPT
        assert made(code, 404, "applied").decision in MONEY_KEPT
        assert made(code, 429, "not_applied", retryable=True).decision in MONEY_KEPT


@pytest.mark.parametrize("status", [100, 101, 200, 201, 204, 301, 308])
@pytest.mark.parametrize("code", ["internal_error", "not_found", "newer"])
def test_an_answer_that_is_not_kratys_is_for_a_person_to_mend(status: int, code: str) -> None:
    outcome: Outcome = "unknown" if status < 300 else "not_applied"
    assert made(code, status, outcome).decision == "fix"


def test_what_kraty_did_but_could_not_say_is_repeated() -> None:
    assert made("internal_error", 200, "applied").decision == "repeat"


@pytest.mark.parametrize(("status", "decision"), [(400, "refuse"), (401, "fix"), (402, "fix"), (403, "fix"), (404, "refuse"),
                                                  (409, "refuse"), (422, "refuse")])  # fmt: skip
def test_a_code_newer_than_this_sdk_is_judged_by_its_status(status: int, decision: str) -> None:
    assert made("newer", status, "not_applied").decision == decision


@pytest.mark.parametrize("kind", [KratyNetworkError, KratyTimeoutError])
@pytest.mark.parametrize(
    ("outcome", "retryable", "decision"),
    [("unknown", False, "repeat"), ("not_applied", True, "repeat"), ("not_applied", False, "fix")],
)
def test_a_way_to_the_server_that_cannot_work_is_for_a_person_to_mend(
    kind: type[KratyNetworkError], outcome: Outcome, retryable: bool, decision: str
) -> None:
    error = kind("no connection")
    error.outcome, error.is_retryable = outcome, retryable
    assert error.decision == decision


def test_a_copy_decides_as_the_error_did() -> None:
    error = made("not_found", 404, "not_applied")
    assert pickle.loads(pickle.dumps(error)).decision == error.decision == "refuse"
