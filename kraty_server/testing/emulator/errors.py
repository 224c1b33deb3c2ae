"""How does the API refuse a request? One exception: status, code, message, details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """The request is answered with an error, and nothing of it is kept."""

    status: int
    code: str
    message: str
    details: Any
    headers: Mapping[str, str]

    def __init__(
        self, status: int, code: str, message: str, details: Any = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers or {}


def invalid(path: str, message: str) -> ApiError:
    """400: a value of the body or the path is not allowed."""
    return ApiError(400, "validation_failed", f"{path}: {message}", [{"path": path, "message": message}])


def not_found(what: str) -> ApiError:
    """404."""
    return ApiError(404, "not_found", f"no {what}")


def idempotency_conflict(key: str) -> ApiError:
    """409: a key that was used for something else."""
    return ApiError(409, "idempotency_conflict", f"idempotency key {key!r} was used with another body")
