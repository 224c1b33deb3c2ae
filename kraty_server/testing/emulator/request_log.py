"""What was asked, and what was answered? The log of requests, bounded in lines and in bytes."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from kraty_server.testing.emulator.json_body import is_object

LOGGED: Final = 10_000
"""Requests in the log."""
LOGGED_BYTES: Final = 16 * 2**20
"""Bytes of their bodies and answers; the newest request is kept however large it is."""
_OVERHEAD: Final = 500


class Request(NamedTuple):
    """One line of the request log."""

    at: str
    operation: str | None
    method: str
    target: str
    raw_body: bytes
    status: int
    """What the emulator made of it, whether or not that arrived."""
    code: str | None
    """The error code of the answer."""
    fault: str | None
    sdk: str | None
    """The header X-Kraty-SDK."""
    answer: bytes = b""
    """What was answered, or would have been."""
    environment: str | None = None
    """Of its key: test or live."""
    key_prefix: str | None = None
    """Which key it was; the part of it that is no secret."""
    seconds: float = 0.0
    """What the emulator took for it, without the latency of a fault."""
    number: int = 0
    """Requests are counted up."""

    @property
    def body(self) -> Any:
        """The body, decoded; text where it was no JSON, None where there was none."""
        if not self.raw_body:
            return None
        try:
            return json.loads(self.raw_body)
        except (ValueError, RecursionError):
            return self.raw_body.decode("utf-8", "replace")

    @property
    def idempotency_key(self) -> str | None:
        """The key in the body."""
        key = body.get("idempotencyKey") if is_object(body := self.body) else None
        return key if isinstance(key, str) else None

    def as_json(self) -> dict[str, Any]:
        """As the control routes show it."""
        return {
            "number": self.number,
            "at": self.at,
            "operation": self.operation,
            "method": self.method,
            "target": self.target,
            "body": sendable(self.body),
            "status": self.status,
            "code": self.code,
            "fault": self.fault,
            "sdk": self.sdk,
            "environment": self.environment,
        }

    def __str__(self) -> str:
        """One line."""
        body = f" {json.dumps(self.body, ensure_ascii=False)}" if self.raw_body else ""
        verdict = f"{self.status} {self.code or ''}".rstrip() + (f" [{self.fault}]" if self.fault else "")
        return f"{self.method} {self.target}{body} -> {verdict}".encode("utf-8", "backslashreplace").decode()


def sendable(value: Any) -> Any:
    """A value as strict JSON can hold it: what it cannot hold (NaN, half a surrogate pair) becomes text."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return str(value).encode("utf-8", "backslashreplace").decode()
    return value


class RequestLog:
    """The last requests, oldest first."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque()
        self._bytes = 0
        self._sizes: deque[int] = deque()

    def __iter__(self) -> Iterator[Request]:
        """The oldest first."""
        return iter(self._requests)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._requests)

    @property
    def newest(self) -> Request:
        """The last one; there must be one."""
        return self._requests[-1]

    def append(self, request: Request) -> None:
        """Add one; the oldest go where there are too many."""
        size = len(request.raw_body) + len(request.answer) + len(request.target) + _OVERHEAD
        self._requests.append(request)
        self._sizes.append(size)
        self._bytes += size
        while len(self._requests) > LOGGED or (self._bytes > LOGGED_BYTES and len(self._requests) > 1):
            self._requests.popleft()
            self._bytes -= self._sizes.popleft()

    def clear(self) -> None:
        """Forget all."""
        self._requests.clear()
        self._sizes.clear()
        self._bytes = 0


def matching(requests: Iterable[Request], operation: str | None, body: Mapping[str, Any]) -> list[Request]:
    """The requests for an operation whose bodies hold these values."""

    def holds(found: Any) -> bool:
        return is_object(found) and all(key in found and found[key] == value for key, value in body.items())

    return [r for r in requests if operation in (None, r.operation) and (not body or holds(r.body))]
