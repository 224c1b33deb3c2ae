# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""What does the document decide, besides models and calls?"""

from __future__ import annotations

import re
from typing import Final

ORIGIN: Final = "https://api.kraty.io"
"""Scheme and host of the first server in the document."""

BASE_PATH: Final = "/server/v1"
"""The path of that server, which all paths begin with."""

IDEMPOTENCY_KEY: Final = "idempotencyKey"
"""The property of a body that takes the idempotency key."""

PATTERNS: Final[tuple[re.Pattern[str], ...]] = (
    re.compile("^(?!\\.{1,2}\\Z)[^\\u0000-\\u001f\\u007f-\\u009f]+\\Z"),
    re.compile("^(?=.*\\S)[^\\u0000-\\u001f\\u007f-\\u009f]+\\Z"),
)
"""The patterns of the document, each once."""

PLAIN_TEXT_MATCHES: Final[bool] = True
"""Whether all text that is printable, and more than spaces and dots, matches each of them."""

KEY_MIN_LENGTH: Final = 1
KEY_PATTERN: Final[re.Pattern[str] | None] = PATTERNS[1]
"""What an idempotency key has to match."""
