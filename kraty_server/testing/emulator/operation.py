"""What is an operation to its handler? A request that is valid by the contract, and a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from kraty_server.testing.emulator.context import RequestContext
from kraty_server.testing.emulator.state import Row


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """What a request asks: its parameters and its body, all valid by the document."""

    context: RequestContext
    path: Mapping[str, Any]
    body: Mapping[str, Any]
    """Files of a form are `UploadedFile`s in it."""
    api_key: Row
    others: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the query and the headers say, by name; those of headers in lower case."""


OperationResult: TypeAlias = tuple[int, Any]
"""Status and payload; bytes where the document has an answer that is no JSON."""


@dataclass(frozen=True, slots=True)
class Handler:
    """What does an operation."""

    execute: Callable[[OperationRequest], OperationResult]
    replay: Callable[[OperationRequest], OperationResult] | None = None
    """How a request is answered that was done before; with the first answer without it."""
    keeps_keys: bool = False
    """Whether it remembers idempotency keys itself, for ever."""
