"""What do several tabs show in the same way? Tables, filters, paging, times, states, buttons."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kraty_server.testing.emulator.clock import format_time
from kraty_server.testing.server.page.html import Child, Html, join, link, render, tag, url
from kraty_server.testing.server.page.queries import Listing
from kraty_server.testing.server.page.view import View, World

_MARKUP: Final = re.compile("<[^>]*>")
LONG: Final = 26
"""Characters from which a fact takes the room of two."""
_TONES: Final = {
    "ok": ("claimed", "delivered", "active", "completed", "finished", "registered", "online", "enabled"),
    "wait": ("pending", "forming", "held", "in_progress"),
    "bad": ("failed", "banned", "dropped", "revoked"),
    "off": ("expired", "closed", "deleted", "disabled", "abandoned"),
}
_TONE: Final = {word: tone for tone, words in _TONES.items() for word in words}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    kind: str = ""
    """`main` for what names the row, `number` for what is aligned to the right, `when` for its time, `bare` for what is
    understood without the title, on a phone."""


def table(label: str, columns: Sequence[Column], rows: Iterable[tuple[str, Sequence[Child]]]) -> Html:
    """A table; the script knows a row again by its key. The roles hold where it is laid out as cards."""
    head = tag(
        "tr",
        [
            tag("th", c.title, class_="number" if "number" in c.kind else None, scope="col", role="columnheader")
            for c in columns
        ],
        role="row",
    )
    body = [
        tag(
            "tr",
            [
                tag("td", cell, class_=c.kind or None, data_label=c.title, role="cell")
                for c, cell in zip(columns, cells, strict=True)
            ],
            id=f"row-{key}",
            role="row",
        )
        for key, cells in rows
    ]
    return tag(
        "table",
        tag("thead", head, role="rowgroup"),
        tag("tbody", body, role="rowgroup"),
        role="table",
        aria_label=label,
    )


def chip(word: str | None, tone: str | None = None) -> Html | None:
    """A state in its colour."""
    return (
        None if word is None else tag("span", word.replace("_", " "), class_=f"chip {tone or _TONE.get(word, 'off')}")
    )


def status_chip(status: int) -> Html:
    """The status of an answer; 0 where there was none."""
    tone = "ok" if 200 <= status < 400 else "warn" if 400 <= status < 500 else "bad"
    return tag("span", status or "no answer", class_=f"chip status {tone}")


def moment(view: View, text: str | None) -> Html | None:
    """A time: of today the time alone, the whole of it where the pointer rests."""
    if text is None:
        return None
    today = format_time(view.backend.now())[:10]
    shown = text[11:19] if text[:10] == today else f"{text[:10]} {text[11:16]}"
    return tag("time", shown, datetime=text, title=text)


def duration(seconds: float) -> str:
    """A time that something took."""
    return f"{seconds * 1000:,.1f} ms" if seconds < 1 else f"{seconds:,.2f} s"


def amount(value: float, *, signed: bool = False) -> Html:
    """A number with its thousands apart; a sign and its colour where it is a change."""
    shown = f"{value:+,}" if signed else f"{value:,}"
    tone = ("plus" if value > 0 else "minus") if signed and value else None
    return tag("span", shown.replace("-", "\N{MINUS SIGN}"), class_=f"amount {tone or ''}".strip())


def code(text: object) -> Html | None:
    """An id or a key."""
    return None if text is None else tag("code", str(text))


def player_link(world: World, external_id: str) -> Html:
    """The way to a player's page."""
    return link(url("/player", world=world.name, id=external_id), tag("bdi", external_id), class_="id")


def operation_link(number: int, operation: str | None) -> Html:
    """The way to a request."""
    return link(f"/requests/{number}", operation or "no operation", class_="id whole")


def facts(pairs: Iterable[tuple[str, Child]]) -> Html:
    """What is known of one thing; what is None is left out."""
    return tag(
        "dl",
        [
            tag(
                "div",
                tag("dt", name),
                tag("dd", value),
                class_="long" if len(_MARKUP.sub("", render(value))) > LONG else None,
            )
            for name, value in pairs
            if value is not None
        ],
        class_="facts",
    )


def copy_button(text: str, label: str = "Copy", what: str | None = None) -> Html:
    """A button that copies a text."""
    return tag("button", label, type="button", class_="quiet", data_copy=text, aria_label=what)


def action(
    label: str,
    route: str,
    body: Mapping[str, Any],
    *,
    then: str | None = None,
    confirm: str | None = None,
    class_: str | None = None,
) -> Html:
    """A button that posts to a control route.

    Args:
        label: of the button.
        route: under `/_emulator/`.
        body: what is posted.
        then: the address to go to; `{name}` is a field of the answer.
        confirm: what is asked before.
        class_: of the button.
    """
    return tag(
        "form",
        tag("button", label, class_=class_),
        data_post=f"/_emulator/{route}",
        data_body=json.dumps(body),
        data_then=then,
        data_confirm=confirm,
    )


def select(name: str, label: str, options: Iterable[tuple[str, str]], chosen: str | None) -> Html:
    """A choice of a filter."""
    return tag(
        "label",
        tag("span", label),
        tag("select", [tag("option", t, value=v, selected=v == (chosen or "")) for v, t in options], name=name),
    )


def filters(view: View, *fields: Html, search: str | None) -> Html:
    """The search and the filters of a list. They are in the address, so they can be kept and sent to others."""
    box = tag(
        "label",
        tag("span", "Search"),
        tag("input", type="search", name="q", value=view.get("q") or "", placeholder=search, autocomplete="off"),
        class_="search",
    )
    player = view.get("player")
    return tag(
        "form",
        box if search is not None else None,
        fields,
        tag("input", type="hidden", name="player", value=player) if player else None,
        link(
            view.here(player=None, before=None),
            "Player ",
            tag("bdi", player),
            " \N{MULTIPLICATION SIGN}",
            class_="chip off",
            aria_label=f"Show all players, not only {player}",
        )
        if player
        else None,
        tag("noscript", tag("button", "Search")),
        class_="filters",
        role="search",
        action=view.path,
        data_filters=True,
    )


def world_select(view: View) -> Html:
    """The filter by environment."""
    worlds = [("", "all"), *((world.name, view.label(world)) for world in view.worlds)]
    return select("world", "Environment", worlds, view.get("world"))


def words_select(view: View, name: str, label: str, words: Iterable[str]) -> Html:
    """A filter by one of some words."""
    return select(name, label, [("", "all"), *((word, word.replace("_", " ")) for word in words)], view.get(name))


def pager(view: View, listing: Listing, noun: str) -> Html:
    """How many rows there are, and the way to the others."""
    shown = len(listing.rows)
    says = f"{noun.capitalize()}: {shown:,}"
    if listing.filtered:
        says += f" found{' so far' if listing.older else ''}, of {listing.total:,}"
    elif shown < listing.total:
        says += f" of {listing.total:,}"
    further = "Search further back" if listing.filtered and not shown else "Older"
    return tag(
        "nav",
        tag("p", says, class_="count"),
        link(view.here(before=None), "Newest") if view.before is not None else None,
        link(view.here(before=listing.older), further) if listing.older is not None else None,
        class_="pager",
        aria_label=f"Pages of {noun}",
    )


def listed(view: View, listing: Listing, noun: str, shown: Html, *, empty: Child) -> Html:
    """A list with its paging; where it is empty, what would fill it."""
    if listing.rows:
        return join(shown, pager(view, listing, noun))
    if listing.filtered or view.before is not None:
        return join(tag("p", f"No {noun} fit.", class_="empty"), pager(view, listing, noun))
    return tag("div", empty, class_="empty")


def example(text: str) -> Html:
    """A call to try."""
    return tag(
        "div",
        tag("pre", tag("code", text), tabindex=0, role="region", aria_label="Example"),
        copy_button(text),
        class_="example",
    )


def title(text: Child, *beside: Child) -> Html:
    """What this page is about."""
    return tag("div", tag("h1", text), beside, class_="title")
