"""How is HTML written so that no text can become markup? Elements as functions: whatever is no `Html` is escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from typing import Final, TypeAlias
from urllib.parse import urlencode

_VOID: Final = frozenset({"input", "link", "meta", "wbr"})
_TOKEN: Final = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d[\d.eE+-]*)')
SHOWN: Final = 64 * 1024
"""Characters of a body that are shown."""


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


Child: TypeAlias = "Html | str | int | float | Iterable[Child] | None"


def render(child: Child) -> str:
    """Markup as it is, and everything else escaped."""
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, str | int | float):
        return escape(str(child))
    return "".join(map(render, child))


def tag(element: str, /, *children: Child, **attributes: str | int | bool | None) -> Html:
    """An element.

    Args:
        element: its name.
        children: what is in it.
        attributes: `class_` is `class`, `data_label` is `data-label`. True is a bare name; None and False are left out.
    """
    given = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    start = f"<{element}{given}>"
    return Html(start if element in _VOID else f"{start}{render(children)}</{element}>")


def join(*children: Child) -> Html:
    """Several things, one after the other."""
    return Html(render(children))


def url(path: str, /, **query: str | int | None) -> str:
    """An address on the page; what is None or empty is left out."""
    given = {key.rstrip("_"): value for key, value in query.items() if value not in (None, "")}
    return path + ("?" + urlencode(given, errors="replace") if given else "")


def link(address: str, /, *children: Child, **attributes: str | None) -> Html:
    """A link."""
    return tag("a", *children, href=address, **attributes)


def json_block(raw: bytes, label: str, id: str) -> Html:
    """A body, laid out and coloured where it is JSON; as text otherwise. It can be scrolled with the keyboard."""
    text = raw.decode("utf-8", "replace")
    try:
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        shown: Child = _coloured(text[:SHOWN])
    except (ValueError, RecursionError):
        shown = text[:SHOWN]
    rest = len(text) - SHOWN
    return join(
        tag("pre", tag("code", shown), id=id, class_="body", tabindex=0, role="region", aria_label=label),
        tag("p", f"{rest:,} more characters are not shown.", class_="note") if rest > 0 else None,
    )


def _coloured(text: str) -> Html:
    parts: list[Child] = []
    at = 0
    for token in _TOKEN.finditer(text):
        string, colon, word, _ = token.groups()
        kind = "k" if colon else "s" if string else "w" if word else "n"
        parts += [text[at : token.start()], tag("span", string or token.group(), class_=kind), colon]
        at = token.end()
    return join(parts, text[at:])
