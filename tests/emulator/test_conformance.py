"""Whatever is asked, each answer is one that the document has: schemathesis asks, on all operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import APIOperation, Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from kraty_server.testing import Emulator
from kraty_server.testing.emulator.contract import contract
from tests.emulator.conftest import SEED

schema = schemathesis.openapi.from_dict(contract().document)
# Our own parameters rather than schema.parametrize(): its tests share one node id, of which xdist runs one.
operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
SEEDED = {"externalId": "ada", "fromExternalId": "bo", "toExternalId": "ada", "gameId": "game_1", "eventKey": "hunt",
          "attemptId": "a_hunt", "key": "weekly"}  # fmt: skip


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    with Emulator(seed=SEED) as emulator:
        yield emulator


def test_no_operation_is_left_out() -> None:
    assert len(operations) == len(contract().operations)


@pytest.mark.parametrize("seeded", [False, True], ids=["any", "seeded"])
@pytest.mark.parametrize("operation", operations, ids=lambda operation: str(operation.label))
def test_each_answer_conforms(operation: APIOperation[Any, Any, Any, Any], seeded: bool, served: Emulator) -> None:
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(operation.as_strategy())
    def ask(case: Case[Any]) -> None:
        if seeded:
            case.path_parameters = {name: SEEDED.get(name, value) for name, value in case.path_parameters.items()}
        case.call_and_validate(
            base_url=served.url + contract().base,
            headers={"authorization": f"Bearer {served.api_key}"},
            checks=[not_a_server_error, status_code_conformance, response_schema_conformance],
        )

    ask()
