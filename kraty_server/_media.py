"""What does a call send, and take, that is more than JSON? A form with files; bytes that are read as they arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from kraty_server import _json
from kraty_server._form import Form
from kraty_server_generated.types import Call

LeavesUnread: TypeAlias = Callable[[int, Mapping[str, str]], bool]


def framed(call: Call[Any]) -> tuple[bytes | Form | None, Mapping[str, str] | None, LeavesUnread | None]:
    """The body of a call, its headers, and whether the body of its answer is left unread.

    Raises:
        OSError, ValueError: as `Form` does.
    """
    content: bytes | Form | None = None
    if not call.is_form:
        content = None if call.body is None else _json.dumps(call.body)
        if not call.media_types:
            return content, call.headers, None
    headers = dict(call.headers or {})
    if call.is_form:
        content = Form(call.body or {})
        headers["Content-Type"] = content.content_type
        if content.length is not None:
            headers["Content-Length"] = str(content.length)
    if not call.media_types:
        return content, headers, None
    headers["Accept"] = ", ".join([*call.media_types, "application/json"])
    headers["Accept-Encoding"] = "identity"  # so that its length is known, and no piece becomes large

    def leaves_unread(status: int, answered: Mapping[str, str]) -> bool:
        return status // 100 == 2 and fits(answered.get("content-type", ""), call.media_types)

    return content, headers, leaves_unread


def fits(content_type: str, media_types: Iterable[str]) -> bool:
    """Tell whether a content type is of one of these media types, which may be `image/*` or `*/*`."""
    kind = content_type.partition(";")[0].strip().lower()
    return any(fnmatchcase(kind, one.lower()) for one in media_types)
