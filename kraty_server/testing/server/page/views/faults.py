"""What goes wrong on purpose? The tab Faults: the script, and a form that adds to it."""

from __future__ import annotations

from typing import Final

from kraty_server.testing.emulator.faults import ANY, WEBHOOKS
from kraty_server.testing.server.page import parts
from kraty_server.testing.server.page.html import Child, Html, join, tag
from kraty_server.testing.server.page.parts import Column
from kraty_server.testing.server.page.view import View

COLUMNS: Final = (
    Column("Operation", "main"),
    Column("Effect", "bare"),
    Column("Details", "bare"),
    Column("Struck", "number"),
    Column("Left", "number"),
    Column("Clear", "bare"),
)
EFFECTS: Final = (
    ("Requests", (
        ("status", "Answer an error: its status, 400 to 599"),
        ("retry_after", "Answer 429: seconds to wait"),
        ("latency", "Answer late: seconds"),
        ("drop_before", "Close the connection, nothing done: how many times"),
        ("drop_after_commit", "Lose the answer, all done: how many times"),
        ("cut_body", "Send half an answer, all done: how many times"),
    )),
    ("Webhooks", (
        ("duplicate", "Deliver twice: how many"),
        ("delay", "Deliver late: seconds"),
        ("reorder", "Deliver in reverse order: how many"),
        ("drop", "Never deliver: how many"),
    )),
)  # fmt: skip


def show(view: View) -> Html:
    """The tab."""
    script = list(view.backend.engine.faults)
    lines = [
        (
            f"fault-{fault.number}",
            (
                tag("code", fault.operation),
                parts.chip(fault.effect, "fault"),
                ", ".join(_details(fault.as_json())),
                f"{fault.struck:,}",
                "for ever" if fault.times is None else f"{fault.times:,}",
                parts.action("Clear", "faults/clear", {"number": fault.number}, class_="quiet"),
            ),
        )
        for fault in script
    ]
    clear = parts.action("Clear all", "faults/clear", {}) if script else None
    return join(
        parts.title("Faults", clear),
        parts.table("Faults", COLUMNS, lines)
        if script
        else tag(
            "p",
            "Nothing goes wrong on purpose. What your code does when something does is worth a try.",
            class_="empty",
        ),
        tag("h2", "Add a fault"),
        _form(view),
    )


def _details(fault: dict[str, object]) -> list[str]:
    shown: list[str] = []
    if fault["effect"] == "status":
        shown.append(f"status {fault['status']}")
    if fault["code"]:
        shown.append(f"code {fault['code']}")
    if fault["retry_after"] is not None:
        shown.append(f"Retry-After {fault['retry_after']} s")
    if fault["latency"]:
        shown.append(f"{fault['latency']} s late")
    if fault["probability"] != 1:
        shown.append(f"strikes with a probability of {fault['probability']}")
    return shown


def _form(view: View) -> Html:
    operations = [(ANY, "all operations"), (WEBHOOKS, "webhooks")]
    operations += [(each, each) for each in sorted(view.backend.engine.contract.operations)]
    groups = [
        tag("optgroup", [tag("option", text, value=name) for name, text in effects], label=group)
        for group, effects in EFFECTS
    ]
    return tag(
        "form",
        parts.select("operation", "Operation", operations, None),
        tag("label", tag("span", "Effect, and what its number says"), tag("select", groups, name="effect")),
        _field("Number", name="value", type="number", step="any", min=0, value=503, required=True),
        _field("Error code (optional)", name="code", type="text", placeholder="internal_error"),
        _field("Times", name="times", type="number", step=1, min=1, placeholder="1"),
        tag("label", tag("input", type="checkbox", name="times"), tag("span", "for ever"), class_="check"),
        _field("Probability", name="probability", type="number", step="any", min=0, max=1, placeholder="1"),
        tag("button", "Add", class_="primary"),
        class_="card form",
        data_post="/_emulator/faults",
    )


def _field(label: str, **attributes: str | int | bool) -> Child:
    return tag("label", tag("span", label), tag("input", autocomplete="off", **attributes))
