"""Which webhooks went out, and how did it go? The tab Webhooks, and the page of one delivery."""

from __future__ import annotations

from typing import Any, Final

from kraty_server.testing.emulator.outbox import ATTEMPTS, SIGNATURE_HEADER, get_delivery, list_attempts
from kraty_server.testing.server.page import parts
from kraty_server.testing.server.page.html import Html, join, json_block, link, tag
from kraty_server.testing.server.page.parts import Column
from kraty_server.testing.server.page.queries import Filter, equal, like, list_rows
from kraty_server.testing.server.page.view import NotHere, View

COLUMNS: Final = (
    Column("Event", "main"),
    Column("Status", "bare"),
    Column("Answer", "bare"),
    Column("To", "path"),
    Column("Attempts", "number"),
    Column("Environment", "bare"),
    Column("At", "when"),
)
TRIED: Final = (
    Column("Attempt", "main"),
    Column("Answer", "bare"),
    Column("Error"),
    Column("Signed at"),
    Column("Took", "number"),
    Column("At", "when"),
)
STATES: Final = ("pending", "held", "delivered", "failed", "dropped")
EVENT_NAMES: Final = 100
"""Names of events in the filter."""


def show(view: View) -> Html:
    """The tab."""
    found: list[Filter] = view.world_filter("e.world")
    if (search := view.get("q")) is not None:
        found.append(like(search, "r.id", "r.event", "r.data", "e.url"))
    found += [equal(f"r.{name}", value) for name in ("status", "event") if (value := view.get(name)) is not None]
    last = "SELECT a.{} FROM delivery_attempts a WHERE a.delivery = r.number ORDER BY a.number DESC LIMIT 1"
    listing = list_rows(
        view.state,
        "deliveries",
        columns=f"""r.*, e.url, e.world, ({last.format("response")}) AS response, ({last.format("error")}) AS error""",
        joins="JOIN endpoints e ON e.id = r.endpoint",
        filters=found,
        before=view.before,
    )
    document: dict[str, Any] = view.backend.engine.contract.document
    events = [("", "all"), *((name, name) for name in sorted(document.get("webhooks", {}))[:EVENT_NAMES])]
    lines = [
        (
            f"delivery-{row['id']}",
            (
                link(f"/webhooks/{row['id']}", row["event"], class_="id"),
                parts.chip(row["status"]),
                parts.status_chip(row["response"]) if row["response"] else _error(row["error"]),
                tag("span", row["url"] or "collected here", class_="path"),
                row["attempt"],
                view.label(view.world(row["world"])),
                parts.moment(view, row["occurred_at"]),
            ),
        )
        for row in listing.rows
    ]
    return join(
        parts.title("Webhooks"),
        parts.filters(
            view,
            parts.select("event", "Event", events, view.get("event")),
            parts.words_select(view, "status", "Status", STATES),
            parts.world_select(view),
            search="Id, payload, address",
        ),
        parts.listed(
            view,
            listing,
            "deliveries",
            parts.table("Webhooks", COLUMNS, lines),
            empty=join(
                tag("p", "No webhook was sent. Start the emulator with an endpoint of yours, or seed one:"),
                parts.example('{"webhooks": [{"url": "http://127.0.0.1:8000/webhooks", "secret": "whsec_yours"}]}'),
            )
            if not view.state.value("SELECT count(*) FROM endpoints")
            else tag("p", "No webhook was sent yet. A call that changes something sends one."),
        ),
    )


def _error(error: str | None) -> Html | None:
    return tag("span", error, class_="minus") if error else None


def _signature(signature: str) -> Html:
    return join(tag("code", signature), " ", parts.copy_button(signature, "Copy", "Copy the signature"))


def show_one(view: View, id: str) -> Html:
    """The page of a delivery.

    Raises:
        NotHere: there is none with this id.
    """
    try:
        delivery = get_delivery(view.state, id)
    except KeyError:
        raise NotHere(f"there is no delivery {id!r}; old ones are forgotten") from None
    tries = list_attempts(view.state, id)
    player = delivery.envelope["data"].get("externalPlayerId")
    world = view.world_of_game(delivery.envelope["gameId"], delivery.environment)
    lines = [
        (
            f"attempt-{number}",
            (
                tried["attempt"],
                parts.status_chip(tried["response"]) if tried["response"] else tag("span", "none", class_="muted"),
                tag("span", tried["error"], class_="minus") if tried["error"] else None,
                tag("code", tried["signed_at"]),
                parts.duration(tried["seconds"]),
                parts.moment(view, tried["at"]),
            ),
        )
        for number, tried in enumerate(tries, 1)
    ]
    return join(
        parts.title(delivery.event, parts.chip(delivery.status)),
        tag(
            "div",
            parts.action("Replay", "deliveries/replay", {"id": id}),
            parts.copy_button(delivery.raw_body.decode(), "Copy payload"),
            class_="actions",
        ),
        parts.facts(
            [
                ("Delivery", tag("code", id)),
                ("To", tag("code", delivery.url) if delivery.url else "collected here; the endpoint has no address"),
                ("Environment", delivery.environment),
                ("Player", parts.player_link(world, str(player)) if world and player else None),
                ("Attempts", f"{delivery.attempt} of at most {ATTEMPTS}"),
                (SIGNATURE_HEADER, _signature(delivery.signature) if delivery.signature else None),
            ]
        ),
        tag("h2", "Attempts"),
        parts.table("Attempts", TRIED, lines) if lines else tag("p", "None yet.", class_="muted"),
        [
            join(
                tag("h2", f"Answer to attempt {tried['attempt']}"),
                json_block(tried["answer"], f"Answer {number}", f"answer-{number}"),
            )
            for number, tried in enumerate(tries, 1)
            if tried["answer"]
        ],
        tag("h2", "Payload"),
        json_block(delivery.raw_body, "Payload", "payload"),
    )
