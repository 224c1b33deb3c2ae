"""What is around each page? The head, the tabs with their counts, connection and control panels."""

from __future__ import annotations

from typing import Final

from kraty_server.testing.server.page import parts
from kraty_server.testing.server.page.html import Child, Html, join, link, tag
from kraty_server.testing.server.page.queries import count
from kraty_server.testing.server.page.view import View

STATIC: Final = "/_emulator/page"
"""Where the stylesheet, the script and the changes are served."""
NOTICE: Final = "For development and tests. It is no production server: its keys are public."
TABS: Final = (
    ("Players", "/", ("/player",), "players"),
    ("Requests", "/requests", (), None),
    ("Webhooks", "/webhooks", (), "deliveries"),
    ("Ledger", "/ledger", (), "ledger"),
    ("Grants", "/grants", (), "grants"),
    ("Lobbies", "/lobbies", (), "lobbies"),
    ("Events and boards", "/events", ("/boards",), "events"),
    ("Faults", "/faults", (), None),
)
SEED: Final = '{"players": [{"externalPlayerId": "ada", "wallet": {"gold": 100}}]}'


def document(view: View, name: str, version: str, content: Html) -> Html:
    """The whole page."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("title", f"{name} \N{MIDDLE DOT} Kraty emulator"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href=f"{STATIC}/icon.svg", type="image/svg+xml"),
        tag("link", rel="stylesheet", href=f"{STATIC}/page.css"),
        tag("script", src=f"{STATIC}/page.js", defer=True),
    )
    body = tag(
        "body",
        link("#content", "Skip to the content", class_="skip"),
        tag("p", "", id="connection", role="alert", hidden=True),
        tag("header", _bar(view), _tabs(view), id="top"),
        tag("main", content, id="content", tabindex=-1),
        tag("footer", tag("p", NOTICE, class_="notice")),
        tag("p", "", id="says", role="status"),
        data_version=version,
        data_changes=f"{STATIC}/changes",
    )
    return join(Html("<!doctype html>"), tag("html", head, body, lang="en"))


def _bar(view: View) -> Html:
    now = view.backend.now()
    offset = view.backend.engine.clock.offset
    clock = tag(
        "span",
        tag("span", f"{now:%Y-%m-%d %H:%M:%S}", id="clock", data_now=int(now.timestamp() * 1000)),
        " UTC",
        tag("span", f" {_ahead(offset)} ahead", class_="muted") if offset else None,
        class_="clock",
        title="The emulator's clock",
    )
    return tag(
        "div",
        link("/", tag("span", "", class_="mark"), "Kraty ", tag("span", "emulator", class_="muted"), class_="brand"),
        clock,
        tag("span", "synced", id="sync", class_="chip ok", hidden=True),
        _panel("connect", "Connect", _connect(view)),
        _panel("control", "Control", _control(view)),
        class_="bar",
    )


def _ahead(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:,.3g} {unit}" if seconds < 1000 * size else f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.3g} s"


def _panel(id: str, name: str, content: Html) -> Html:
    return tag("details", tag("summary", name), tag("div", content, class_="card panel"), id=id, name="panel")


def _connect(view: View) -> Html:
    def line(name: str, value: str) -> Html:
        return tag(
            "div", tag("dt", name), tag("dd", tag("code", value), parts.copy_button(value, "Copy", f"Copy {name}"))
        )

    return tag(
        "dl",
        line("Base URL", view.base_url),
        line("Key, test", view.backend.api_key),
        line("Key, live", view.backend.live_key),
        class_="facts connect",
    )


def _control(view: View) -> Html:
    snapshots = list(view.snapshots)
    return join(
        tag("h2", "Clock"),
        tag(
            "div",
            [
                parts.action(f"+ {name}", "clock", {"advance": by})
                for name, by in (("1 min", 60), ("1 hour", 3600), ("1 day", 86_400), ("1 week", 604_800))
            ],
            tag(
                "form",
                tag(
                    "label",
                    tag("span", "Seconds"),
                    tag("input", name="advance", type="number", min=0, step="any", required=True),
                ),
                tag("button", "Advance"),
                data_post="/_emulator/clock",
            ),
            class_="actions",
        ),
        tag("h2", "Snapshots"),
        tag(
            "div",
            tag(
                "form",
                tag("label", tag("span", "Name (optional)"), tag("input", name="name", autocomplete="off")),
                tag("button", "Take a snapshot"),
                data_post="/_emulator/snapshot",
            ),
            tag(
                "form",
                parts.select("name", "Snapshot", [(name, name) for name in reversed(snapshots)], None),
                tag("button", "Restore"),
                data_post="/_emulator/restore",
                data_confirm="Restore this snapshot? What happened since is gone.",
            )
            if snapshots
            else None,
            class_="actions",
        ),
        tag("h2", "Seed"),
        tag(
            "form",
            tag(
                "label",
                tag("span", "JSON: players, events, leaderboards, webhooks \N{HORIZONTAL ELLIPSIS}"),
                tag("textarea", SEED, name="raw", rows=4, spellcheck="false", data_raw=True),
            ),
            tag("button", "Seed"),
            data_post="/_emulator/seed",
            class_="wide",
        ),
        tag("h2", "Reset"),
        parts.action(
            "Reset",
            "reset",
            {},
            class_="danger",
            confirm="Go back to the start? Everything that happened since is gone.",
        ),
    )


def _tabs(view: View) -> Html:
    items: list[Child] = []
    for name, path, under, counted in TABS:
        if counted is not None:
            number = count(view.state, counted)
        else:
            engine = view.backend.engine
            number = len(engine.requests) if path == "/requests" else len(engine.faults)
        if path == "/events":
            number += count(view.state, "leaderboards")
        current = view.path == path or view.path.startswith(tuple(f"{p}/" for p in (path, *under) if p != "/"))
        current = current or view.path in under
        items.append(
            tag(
                "li",
                link(
                    path,
                    name,
                    " ",
                    tag("span", f"{number:,}", class_="badge"),
                    aria_current="page" if current else None,
                ),
            )
        )
    return tag("nav", tag("ul", items), class_="tabs", aria_label="What to look at")
