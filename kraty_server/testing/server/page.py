"""What does a person see of the emulator in a browser?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from kraty_server.testing.emulator.backend import Backend

REPLAY: Final = "/_emulator/deliveries/replay"
ROWS: Final = 50
"""Of each table that grows."""

_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Kraty emulator</title>
<meta name="viewport" content="width=device-width">
<style>
:root {{ color-scheme: light dark; font: 14px/1.4 system-ui, sans-serif }}
body {{ max-width: 75rem; margin: 0 auto; padding: 1rem }}
h1 {{ font-size: 1.4rem; margin: 0 }} h2 {{ font-size: 1rem; margin: 1.5rem 0 .3rem }}
.notice {{ background: #b45309; color: #fff; padding: .4rem .8rem; border-radius: .3rem }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .15rem .6rem .15rem 0; border-bottom: 1px solid #8884; vertical-align: top }}
td {{ font-family: ui-monospace, monospace; font-size: .85rem; overflow-wrap: anywhere }}
td.number {{ text-align: right }}
button {{ font: inherit }}
</style>
<h1>Kraty emulator</h1>
<p class="notice">For development and tests. It is no production server: its keys are public.</p>
<p>Move the clock:
<button data-post="/_emulator/clock" data-body='{{"advance": 3600}}'>1 hour</button>
<button data-post="/_emulator/clock" data-body='{{"advance": 86400}}'>1 day</button></p>
<main id="tables">{tables}</main>
<script>
const main = document.getElementById("tables");
const refresh = async () => {{ main.innerHTML = await (await fetch("/_emulator/tables")).text(); }};
document.addEventListener("click", async (event) => {{
  const button = event.target.closest("button[data-post]");
  if (!button) return;
  const headers = {{ "content-type": "application/json" }};
  await fetch(button.dataset.post, {{ method: "POST", headers, body: button.dataset.body }});
  await refresh();
}});
setInterval(refresh, 1000);
</script>
</html>
"""


def routes(backend: Backend) -> list[Route]:
    """The routes of the page."""

    async def show(_: Request) -> Response:
        return HTMLResponse(whole(backend))

    async def show_tables(_: Request) -> Response:
        return HTMLResponse(tables(backend))

    return [Route("/", show), Route("/_emulator/tables", show_tables)]


def whole(emulator: Backend) -> str:
    """The page."""
    return _PAGE.format(tables=tables(emulator))


def _cell(value: Any) -> str:
    if isinstance(value, int | float):
        return f'<td class="number">{value}</td>'
    return f"<td>{'' if value is None else escape(str(value))}</td>"


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], buttons: Sequence[str] = ()) -> str:
    lines = [list(map(_cell, row)) for row in rows]
    for line, button in zip(lines, buttons, strict=False):
        line.append(f"<td>{button}</td>")
    heads = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(line)}</tr>" for line in lines) or "<tr><td>none</td></tr>"
    name = title.lower().replace(" ", "-")
    return f'<h2>{escape(title)}</h2><table id="{name}"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def tables(emulator: Backend) -> str:
    """What changes on the page: all tables, newest rows first."""
    state = emulator.engine.state
    with emulator.engine.lock:
        players = state.rows("SELECT * FROM players ORDER BY rowid DESC LIMIT ?", ROWS)
        holdings = state.rows(
            """SELECT p.external_id, h.* FROM holdings h JOIN players p ON p.id = h.player
               ORDER BY p.external_id, h.kind, h.key LIMIT ?""",
            ROWS,
        )
        grants = state.rows(
            "SELECT p.external_id, g.* FROM grants g JOIN players p ON p.id = g.player ORDER BY g.rowid DESC LIMIT ?",
            ROWS,
        )
        ledger = state.rows(
            "SELECT p.external_id, l.* FROM ledger l JOIN players p ON p.id = l.player ORDER BY l.id DESC LIMIT ?", ROWS
        )
    deliveries = emulator.list_deliveries(limit=ROWS)[::-1]
    requests = emulator.requests[-ROWS:][::-1]
    replay = [
        f'<button data-post="{REPLAY}" data-body="{escape(json.dumps({"id": d.id}))}">Replay</button>'
        for d in deliveries
    ]
    return "".join(
        (
            f'<p>The clock: <time id="clock">{emulator.now():%Y-%m-%d %H:%M:%S} UTC</time></p>',
            _table(
                "Players",
                ("player", "registered", "banned", "deleted"),
                ((p["external_id"], p["registered_at"], p["ban_reason"], p["deleted_at"]) for p in players),
            ),
            _table(
                "Balances",
                ("player", "currency", "balance"),
                ((h["external_id"], h["key"], h["amount"]) for h in holdings if h["kind"] == "currency"),
            ),
            _table(
                "Inventory",
                ("player", "item", "quantity"),
                ((h["external_id"], h["key"], h["amount"]) for h in holdings if h["kind"] == "item"),
            ),
            _table(
                "Grants",
                ("player", "grant", "kind", "status", "contents"),
                ((g["external_id"], g["id"], g["kind"], g["status"], g["contents"]) for g in grants),
            ),
            _table(
                "Ledger",
                ("at", "player", "key", "change", "after", "reason", "operation", "idempotency key"),
                (
                    (*(row[c] for c in ("at", "external_id", "key", "delta", "amount", "reason", "operation")),
                     row["idempotency_key"])
                    for row in ledger
                ),
            ),
            _table(
                "Requests",
                ("at", "operation", "request", "answer", "fault"),
                ((r.at, r.operation, f"{r.method} {r.target} {json.dumps(r.body)}", f"{r.status} {r.code or ''}",
                  r.fault)
                 for r in requests),
            ),
            _table(
                "Webhook deliveries",
                ("event", "id", "to", "attempts", "status", "answer", ""),
                ((d.event, d.id, d.url or "(collected)", d.attempt, d.status, d.response) for d in deliveries),
                replay,
            ),
        )
    )  # fmt: skip
