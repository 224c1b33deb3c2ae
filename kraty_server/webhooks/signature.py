"""Is this delivery from Kraty, and fresh?"""

from __future__ import annotations

import hashlib
import hmac
import time
from datetime import datetime

TYPE_CHECKING = False  # what this module imports is paid for in every worker that only takes webhooks
if TYPE_CHECKING:
    from typing import Final

AHEAD: Final = 60
"""Seconds by which a signature may lie in the future."""

LONGEST: Final = 20
"""Digits that a time-stamp has at most."""
HEX: Final = frozenset("0123456789abcdef")


def _is_time(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= LONGEST


def _is_signature(value: str) -> bool:
    return len(value) == 64 and value.isascii() and HEX.issuperset(value.lower())


def _bytes(value: object) -> bytes | None:
    """Text as UTF-8, bytes as they are; None for anything else, and for text that has no UTF-8."""
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            return None
    if isinstance(value, memoryview):
        return value.tobytes()
    return bytes(value) if isinstance(value, bytes | bytearray) else None


def verify_webhook(
    *,
    raw_body: bytes | bytearray | memoryview | str,
    signature_header: str | bytes | None,
    secret: str | bytes,
    tolerance_seconds: float = 300,
    now: float | datetime | None = None,
) -> bool:
    """Tell whether a webhook was signed with your secret, recently. Answer 401 where it was not.

    What a stranger can send never raises. Any of several `v1` signatures will do, as during a rotation.

    Args:
        raw_body: the body as it came, before any parsing.
        signature_header: the header `X-Signature`; None where it was missing.
        secret: the endpoint's secret, as the portal showed it.
        tolerance_seconds: how old a signature may be, inclusive. It may be 60 s ahead.
        now: unix seconds or an aware datetime, for tests.

    Raises:
        ValueError: the secret is empty, so that anybody could sign; or `now` is naive, or a number is no number.
        TypeError: the secret is neither text nor bytes.
    """
    key = _bytes(secret)
    if key is None:
        raise TypeError("secret: text or bytes are needed")
    if not key:
        raise ValueError("secret: it is empty, and with an empty secret anybody can sign")
    if isinstance(now, datetime):
        if now.utcoffset() is None:
            raise ValueError("now: a naive datetime is ambiguous; give it a zone, as in datetime.now(UTC)")
        now = now.timestamp()
    current = time.time() if now is None else float(now)
    if not (tolerance_seconds >= 0 and current - current == 0):
        raise ValueError("tolerance_seconds must be 0 or more, and now a finite number")
    body, header = _bytes(raw_body), _bytes(signature_header)
    if body is None or header is None:
        return False
    pairs = [part.strip().partition("=") for part in header.decode("utf-8", "replace").split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    if len(times) != 1 or not _is_time(times[0]):
        return False
    if not -AHEAD <= current - int(times[0]) <= tolerance_seconds:
        return False
    wanted = hmac.new(key, times[0].encode() + b"." + body, hashlib.sha256).hexdigest()
    given = [value.lower() for name, _, value in pairs if name == "v1" and _is_signature(value)]
    # Every one is compared, so that the time taken does not tell which matched.
    return sum(hmac.compare_digest(wanted, value) for value in given) > 0
