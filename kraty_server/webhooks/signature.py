"""Is this delivery from Kraty, and fresh? The signature of a webhook: HMAC-SHA256, several secrets, tolerance."""

from __future__ import annotations

import hmac
import time
from datetime import datetime

TYPE_CHECKING = False  # what this module imports is paid for in every worker that only takes webhooks
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final, Literal, TypeAlias

    Secrets: TypeAlias = str | bytes | Iterable[str | bytes]
    Reason: TypeAlias = Literal[
        "signature_missing",
        "signature_malformed",
        "signature_mismatch",
        "too_old",
        "in_the_future",
        "body_empty",
        "body_not_bytes",
        "body_unreadable",
    ]
else:  # so that annotations can be read at run time, too
    Secrets, Reason = object, str

AHEAD: Final = 60
"""Seconds by which a signature may lie in the future."""

LONGEST: Final = 20
"""Digits that a time-stamp has at most."""


def _is_time(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= LONGEST


def _digest(value: str) -> bytes | None:
    """The digest that a signature says in hexadecimal; None where it is no SHA-256 in that form."""
    try:
        digest = bytes.fromhex(value)
    except ValueError:
        return None
    return digest if len(value) == 64 and len(digest) == 32 else None  # `fromhex` passes white space over


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


def _text(header: object) -> str | None:
    """A header as text; None where it is neither text nor bytes, and for text that has no UTF-8."""
    if isinstance(header, str) and header.isascii():
        return header
    found = _bytes(header)
    return None if found is None else found.decode("utf-8", "replace")


def _signing_key(secret: object) -> bytes | Exception:
    key = _bytes(secret)
    if key is None:
        return TypeError("secret: text or bytes are needed")
    if not key:
        return ValueError("secret: it is empty, and with an empty secret anybody can sign")
    if (secret if isinstance(secret, str) else key).split() not in ([secret], [key]):
        return ValueError("secret: it holds white space (a line break read along with a file, perhaps)")
    return key


def signing_keys(secrets: Secrets) -> list[bytes] | Exception:
    """The keys that a signature may be made with; what is wrong with the secrets where something is.

    An error is given back, not raised, so that no frame of its traceback holds a secret.
    """
    several = not isinstance(secrets, str | bytes | bytearray | memoryview) and hasattr(secrets, "__iter__")
    keys: list[bytes] = []
    for secret in secrets if several else [secrets]:
        key = _signing_key(secret)
        if isinstance(key, Exception):
            return key
        keys.append(key)
    return keys or ValueError("secret: there is none in what was given")


def refusal(
    raw_body: object, signature_header: object, keys: list[bytes], tolerance_seconds: float, now: float
) -> Reason | None:
    """Tell why a delivery is refused; None where it is genuine and fresh. What a stranger can send never raises.

    Raises:
        TypeError: the body is a dict or a list: it was parsed, and nobody can tell from it what was signed.
    """
    body = raw_body if type(raw_body) is bytes else _bytes(raw_body)
    if body is None and isinstance(raw_body, (dict, list)):
        raise TypeError("raw_body: it was parsed before; give the bytes as they came")
    header = _text(signature_header)
    if signature_header is None or (header is not None and not header.strip()):
        return "signature_missing"
    if body is None:
        return "body_not_bytes"
    if header is None:
        return "signature_malformed"
    times: list[str] = []
    given: list[bytes] = []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t":
            times.append(value)
        elif name == "v1" and (digest := _digest(value)):
            given.append(digest)
    if len(times) != 1 or not _is_time(times[0]) or not given:
        return "signature_malformed"
    signed = times[0].encode() + b"." + body
    matches = 0
    for key in keys:  # every one with every one, so that the time taken does not tell which matched
        wanted = hmac.digest(key, signed, "sha256")
        for digest in given:
            matches += hmac.compare_digest(wanted, digest)
    if not matches:
        return "signature_mismatch" if body else "body_empty"
    age = now - int(times[0])
    return "too_old" if age > tolerance_seconds else "in_the_future" if age < -AHEAD else None


def sign(raw_body: bytes, key: bytes, at: int) -> str:
    """The header that Kraty sends with a body that is signed at a time, in unix seconds."""
    return f"t={at},v1={hmac.digest(key, str(at).encode() + b'.' + raw_body, 'sha256').hex()}"


def verify_webhook(
    *,
    raw_body: bytes | bytearray | memoryview | str,
    signature_header: str | bytes | None,
    secret: Secrets,
    tolerance_seconds: float = 300,
    now: float | datetime | None = None,
) -> bool:
    """Tell whether a webhook was signed with your secret, recently. Answer 401 where it was not.

    What a stranger can send never raises. Any of several `v1` signatures will do, as during a rotation. `Webhooks`
    does the same and reads the event, says why a delivery was refused, and hands it to your handlers.

    Args:
        raw_body: the body as it came, before any parsing.
        signature_header: the header `X-Signature`; None where it was missing.
        secret: the endpoint's secret, as the portal showed it; several while one replaces the other.
        tolerance_seconds: how old a signature may be, inclusive. It may be 60 s ahead.
        now: unix seconds or an aware datetime, for tests.

    Raises:
        ValueError: a secret is empty, so that anybody could sign, or holds white space; or `now` is naive, or a number
            is no number.
        TypeError: a secret is neither text nor bytes, or the body was parsed before.
    """
    keys = signing_keys(secret)
    if isinstance(keys, Exception):
        del secret
        raise keys
    if isinstance(now, datetime):
        if now.utcoffset() is None:
            raise ValueError("now: a naive datetime is ambiguous; give it a zone, as in datetime.now(UTC)")
        now = now.timestamp()
    current = time.time() if now is None else float(now)
    if not (tolerance_seconds >= 0 and current - current == 0):
        raise ValueError("tolerance_seconds must be 0 or more, and now a finite number")
    return refusal(raw_body, signature_header, keys, tolerance_seconds, current) is None
