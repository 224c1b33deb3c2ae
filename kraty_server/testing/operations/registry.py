"""Which handler does which operation?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kraty_server.testing.emulator.operation import Handler, OperationRequest, OperationResult

HANDLERS: Final[dict[str, Handler]] = {}
"""Operation id to handler."""
Execute = Callable[[OperationRequest], OperationResult]


def handles(operation: str, *, replay: Execute | None = None, keeps_keys: bool = False) -> Callable[[Execute], Execute]:
    """Register a function as the handler of an operation; see `Handler` for the rest."""

    def register(execute: Execute) -> Execute:
        HANDLERS[operation] = Handler(execute, replay, keeps_keys)
        return execute

    return register
