"""Which players are there, and what does one of them have? The tab Players, and the page of a player."""

from __future__ import annotations

from typing import Final

from kraty_server.testing.emulator.state import Row
from kraty_server.testing.server.page import parts
from kraty_server.testing.server.page.html import Child, Html, join, json_block, link, tag, url
from kraty_server.testing.server.page.parts import Column
from kraty_server.testing.server.page.queries import Filter, Listing, equal, like, list_rows
from kraty_server.testing.server.page.view import NotHere, View, World
from kraty_server.testing.server.page.views import grants, ledger, requests

HELD: Final = 100
"""Balances, and items, on one page of a player."""
GLANCE: Final = 4
"""Holdings in the line of a player."""
RECENT: Final = 10
"""Grants, bookings and requests on a player's page."""
STATES: Final = {
    "registered": "r.registered_at IS NOT NULL AND r.deleted_at IS NULL",
    "unregistered": "r.registered_at IS NULL AND r.deleted_at IS NULL",
    "banned": "r.banned_at IS NOT NULL",
    "deleted": "r.deleted_at IS NOT NULL",
}
COLUMNS: Final = (
    Column("Player", "main"),
    Column("Environment", "bare"),
    Column("Holds", "bare"),
    Column("State", "bare"),
    Column("Made", "when"),
)


def show(view: View) -> Html:
    """The tab."""
    filters: list[Filter] = view.world_filter("r.world")
    if (search := view.get("q")) is not None:
        filters.append(like(search, "r.external_id", "r.name", "r.public_id"))
    if (state := STATES.get(view.get("state") or "")) is not None:
        filters.append(Filter(state, ()))
    listing = list_rows(view.state, "players", filters=filters, before=view.before)
    rows = [
        (
            f"player-{row['id']}",
            (
                join(parts.player_link(view.world(row["world"]), row["external_id"]), _name(row)),
                view.label(view.world(row["world"])),
                _glance(view, row["id"]),
                _states(row),
                parts.moment(view, row["created_at"]),
            ),
        )
        for row in listing.rows
    ]
    return join(
        parts.title("Players"),
        parts.filters(
            view,
            parts.world_select(view),
            parts.words_select(view, "state", "State", STATES),
            search="Id or name",
        ),
        parts.listed(view, listing, "players", parts.table("Players", COLUMNS, rows), empty=first_call(view)),
    )


def first_call(view: View) -> Html:
    """What to do where nothing was done yet."""
    key, base = view.backend.api_key, view.base_url
    shell = f"export KRATY_BASE_URL={base}\nexport KRATY_SERVER_KEY={key}"
    python = (
        "from kraty_server import KratyServer\n\n"
        f'with KratyServer(api_key="{key}", base_url="{base}") as kraty:\n'
        '    print(kraty.wallet.credit("player_42", "gold", amount=500, idempotency_key="receipt_1"))'
    )
    return join(
        tag("h2", "Nobody is here yet"),
        tag("p", "Credit somebody some gold. The player, the balance and the request appear here at once."),
        tag("h3", "In Python"),
        parts.example(python),
        tag("h3", "Or tell your service where its Kraty is"),
        parts.example(shell),
    )


def _name(row: Row) -> Html | None:
    return tag("span", row["name"], class_="under") if row["name"] else None


def _states(row: Row) -> Html:
    words = [
        "deleted" if row["deleted_at"] else "registered" if row["registered_at"] else "unregistered",
        "banned" if row["banned_at"] else None,
        "online" if row["online"] else None,
    ]
    return tag("span", [parts.chip(word) for word in words], class_="chips states")


def _glance(view: View, player: int) -> Html | None:
    sql = "SELECT key, amount FROM holdings WHERE player = ? ORDER BY kind, key LIMIT ?"
    rows = view.state.rows(sql, player, GLANCE + 1)
    if not rows:
        return None
    shown = [tag("span", tag("bdi", row["key"]), " ", parts.amount(row["amount"])) for row in rows[:GLANCE]]
    return tag("span", shown, tag("span", "and more", class_="muted") if len(rows) > GLANCE else None, class_="glance")


def show_one(view: View) -> Html:
    """The page of one player.

    Raises:
        NotHere: there is none with this id.
    """
    external_id = view.query.get("id", "")
    world = view.chosen_world or view.worlds[0]
    sql = "SELECT * FROM players WHERE world = ? AND external_id = ?"
    player = view.state.one(sql, world.id, external_id)
    if player is None:
        raise NotHere(_what_became(view, world, external_id))
    only = {"world": world.name, "player": external_id}
    by_player = [equal("player", player["id"])]
    granted = grants.read(view, indexed=by_player, limit=RECENT)
    booked = ledger.read(view, indexed=by_player, limit=RECENT)
    asked = requests.read(view, player=external_id, limit=RECENT)
    return join(
        parts.title(tag("bdi", external_id), _states(player)),
        parts.facts(_facts(view, world, player)),
        tag(
            "div",
            _holdings(view, player["id"], "currency", "Balances"),
            _holdings(view, player["id"], "item", "Items"),
            class_="columns",
        ),
        _section("Grants", granted, url("/grants", **only), grants.table(view, granted.rows, player=False)),
        _section("Ledger", booked, url("/ledger", **only), ledger.table(view, booked.rows, player=False)),
        _section("Requests", asked, url("/requests", **only), requests.table(view, asked.rows)),
    )


def _what_became(view: View, world: World, external_id: str) -> str:
    sql = """SELECT t.at, p.external_id FROM tombstones t LEFT JOIN players p ON p.id = t.into_player
             WHERE t.world = ? AND t.external_id = ?"""
    if (gone := view.state.one(sql, world.id, external_id)) is None:
        return f"there is no player {external_id!r} in {world.name}"
    if gone["external_id"] is not None:
        return f"the player {external_id!r} was merged into {gone['external_id']!r} at {gone['at']}"
    return f"the player {external_id!r} was deleted at {gone['at']}"


def _facts(view: View, world: World, player: Row) -> list[tuple[str, Child]]:
    return [
        ("Environment", world.name),
        ("Player id", parts.code(player["public_id"])),
        ("Name", player["name"]),
        ("Country", player["country"]),
        ("Status", player["status"]),
        ("Ban", player["ban_reason"]),
        ("Made", parts.moment(view, player["created_at"])),
        ("Registered", parts.moment(view, player["registered_at"])),
        ("Last active", parts.moment(view, player["last_active_at"])),
        ("Deleted", parts.moment(view, player["deleted_at"])),
        (
            "Context",
            json_block(player["context"].encode(), "Context snapshot", "context") if player["context"] else None,
        ),
    ]


def _holdings(view: View, player: int, kind: str, name: str) -> Html:
    after = f"{kind}_after"
    sql = "SELECT * FROM holdings WHERE player = ? AND kind = ? AND key > ? ORDER BY key LIMIT ?"
    rows = view.state.rows(sql, player, kind, view.query.get(after, ""), HELD + 1)
    total = view.state.value("SELECT count(*) FROM holdings WHERE player = ? AND kind = ?", player, kind)
    columns = (Column("Currency" if kind == "currency" else "Item", "main"), Column("Holds", "number end bare"))
    shown = [(f"{kind}-{row['key']}", (tag("bdi", row["key"]), parts.amount(row["amount"]))) for row in rows[:HELD]]
    more = [
        link(view.here(**{after: None}), "First") if view.get(after) else None,
        link(view.here(**{after: rows[HELD - 1]["key"]}), f"Next {HELD}") if len(rows) > HELD else None,
    ]
    return tag(
        "section",
        tag("h2", name, " ", tag("span", f"{total:,}", class_="badge")),
        parts.table(name, columns, shown) if shown else tag("p", "None.", class_="muted"),
        tag("nav", more, class_="pager", aria_label=f"Pages of {name}") if any(more) else None,
    )


def _section(name: str, listing: Listing, everything: str, shown: Html) -> Html:
    return tag(
        "section",
        tag("h2", name),
        shown if listing.rows else tag("p", "None.", class_="muted"),
        tag("p", link(everything, f"{name}: all of this player"), class_="pager") if listing.older else None,
    )
