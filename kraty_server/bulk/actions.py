"""What is done with a row? Actions: the call that a row becomes, through the resources of the client."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias, cast

from kraty_server import _json
from kraty_server.resources.grants import GrantsCalls
from kraty_server.resources.inventory import InventoryCalls
from kraty_server.resources.migrate import MigrateCalls
from kraty_server.resources.players import PlayersCalls
from kraty_server.resources.wallet import WalletCalls
from kraty_server_generated.contract import IDEMPOTENCY_KEY
from kraty_server_generated.models import (
    DeleteReasonInput,
    GrantedRewardEntryInput,
    GrantKindInput,
    GrantSourceKindInput,
)
from kraty_server_generated.types import Call, check_items, to_json

Protection: TypeAlias = Literal["for_ever", "natural", "day"]
"""What keeps a repetition harmless: a key that the server keeps for ever, the call's nature, or a key of 24 hours."""
Entries: TypeAlias = (
    Iterable[GrantedRewardEntryInput] | Callable[[Mapping[str, Any]], Iterable[GrantedRewardEntryInput]]
)

BATCH: Final = 1000
SINGLE: Final = 20
"""Rows in a chunk: of calls that take many rows at once, and of calls that take one."""
PLAYER: Final = "external_player_id"


def wire_name(name: str) -> str:
    """Give the contract's name of a field, which a column is called by unless a job says otherwise."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def text(value: object) -> str:
    """Take an id, or another text."""
    if type(value) is not str:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(f"text is needed, got {type(value).__name__} {value!r}")
        return str(value)
    if value[0].isspace() or value[-1].isspace():
        raise ValueError(f"{value!r} has white space at an end")
    return value


_whole: Final = re.compile(r"-?[0-9]+(?:\.0+)?").fullmatch


def integer(value: object) -> int:
    """Take a whole number, also as `5.0`."""
    if isinstance(value, str):
        if value.isdecimal() and value.isascii():
            return int(value)
        if _whole(value):
            return int(value.partition(".")[0])
    elif isinstance(value, float | Decimal):
        if value == value // 1:
            return int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    raise ValueError(f"a whole number is needed, got {value!r}")


def json_object(value: object) -> Any:
    """Take an object, also as JSON text; in one order of its properties, so that equal ones are seen to be equal."""
    if isinstance(value, str):
        try:
            value = _json.loads(value)
        except ValueError:
            raise ValueError(f"a JSON object is needed, got {value!r}") from None
    if not isinstance(value, Mapping):
        raise ValueError(f"a JSON object is needed, got {type(value).__name__}")
    return _sorted(value)


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value)
        return {key: _sorted(items[key]) for key in sorted(items)}
    return [_sorted(item) for item in cast(Any, value)] if isinstance(value, list) else value


Convert: TypeAlias = Callable[[object], Any]


def texts(column: Sequence[object]) -> Sequence[Any] | None:
    """Take a column of texts as `text` does, at once; None where it has to be done cell by cell."""
    if (
        set(map(type, column)) == {str}
        and "" not in column
        and list(map(str.strip, cast("Sequence[str]", column))) == list(column)
    ):
        return column
    return None


def integers(column: Sequence[object]) -> Sequence[Any] | None:
    """Take a column of whole numbers as `integer` does, at once; None where it has to be done cell by cell."""
    kinds = set(map(type, column))
    if kinds == {int}:
        return column
    if kinds == {str} and "" not in column:
        cells = cast("Sequence[str]", column)
        digits = "".join(cells)
        if digits.isascii() and digits.isdecimal():
            return list(map(int, cells))
    return None


AT_ONCE: Final[Mapping[Convert, Callable[[Sequence[object]], Sequence[Any] | None]]] = {text: texts, integer: integers}
"""How a whole column is read, where that is quicker."""


@dataclass(frozen=True, slots=True)
class Action:
    """What is done with each row. Make one with `credit`, `grant`, `import_wallet` and their like."""

    operation: str
    """The call, as `wallet.credit`."""
    endpoints: type[Any] = field(repr=False)
    """The class that has the call. It is found there by its name, so that an action can be pickled."""
    columns: Mapping[str, Convert] = field(repr=False)
    """The arguments that a row may give, and how a cell is read."""
    natural: tuple[str, ...]
    """The arguments that tell two rows apart."""
    protection: Protection
    order: tuple[str, ...]
    """All arguments, wherever they come from: two rows are equal if these are."""
    amount: str | None = None
    """The argument that says how much, where the last of `natural` says of what."""
    optional: frozenset[str] = frozenset()
    constants: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Arguments that are the same for each row."""
    computed: Mapping[str, Callable[[Mapping[str, Any]], Any]] = field(
        default_factory=dict[str, Callable[[Mapping[str, Any]], Any]], repr=False
    )
    """Arguments that are made from a whole row."""
    is_batch: bool = False
    """Whether one call takes many rows."""
    has_results: bool = False
    """Whether the answers are what the job is for."""
    traces: bool = False
    """Whether the key is sent as `source_ref_id`, too, so that a row is found in the ledger."""
    ack: bool = False

    @property
    def chunk_size(self) -> int:
        """Rows that are handed out together."""
        return BATCH if self.is_batch else SINGLE

    @property
    def calls(self) -> int:
        """Calls that a row takes, or a chunk of a batch, if nothing is refused."""
        return 2 if self.ack else 1

    @property
    def key_arguments(self) -> tuple[str, ...]:
        """The arguments, or the field of a row of a batch, that carry the row's key."""
        if self.is_batch:
            return (IDEMPOTENCY_KEY,)
        if self.protection == "natural":
            return ()
        return ("idempotency_key", "source_ref_id") if self.traces else ("idempotency_key",)

    def build(self, rows: list[dict[str, Any]]) -> list[Call[Any]]:
        """Build the calls without sending them, as a check.

        Raises:
            ValueError, TypeError: a row cannot be sent; the message begins with the name of the argument.
        """
        _, verb = self.operation.split(".")
        make = getattr(self.endpoints, verb).build  # as a method of a resource makes it, which needs nothing of that
        return [make(None, rows)] if self.is_batch else [make(None, **row) for row in rows]


def _given(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


def _action(
    operation: str,
    endpoints: type[Any],
    columns: Mapping[str, Convert],
    natural: tuple[str, ...],
    protection: Protection,
    constants: Mapping[str, Any],
    **more: Any,
) -> Action:
    left = {name: convert for name, convert in columns.items() if name not in constants}
    order = tuple(dict.fromkeys([*columns, *constants, *more.get("computed", ())]))
    return Action(operation, endpoints, left, natural, protection, order, constants=constants, **more)


def _import(operation: str, endpoints: type[Any], columns: Mapping[str, Convert], natural: int,
            protection: Protection, optional: tuple[str, ...], constants: Mapping[str, Any]) -> Action:  # fmt: skip
    names = tuple(map(wire_name, list(columns)[:natural]))
    left = {wire_name(name): convert for name, convert in columns.items()}
    given = {wire_name(name): value for name, value in constants.items()}
    optionals = frozenset(map(wire_name, optional))
    amount = wire_name(list(columns)[natural]) if natural > 1 else None
    return _action(
        operation, endpoints, left, names, protection, given, amount=amount, optional=optionals, is_batch=True
    )


def import_players() -> Action:
    """Import players with `migrate.players`.

    Columns: `externalPlayerId`, and `contextSnapshot` (a JSON object) if there is one.
    """
    columns: dict[str, Convert] = {PLAYER: text, "context_snapshot": json_object}
    return _import("migrate.players", MigrateCalls, columns, 1, "natural", ("context_snapshot",), {})


def import_wallet(economy_key: str | None = None, *, reason: str | None = None) -> Action:
    """Import balances with `migrate.wallet`.

    Columns: `externalPlayerId`, `economyKey`, `amount`, and `reason` if there is one. What is given here needs no
    column.
    """
    columns: dict[str, Convert] = {PLAYER: text, "economy_key": text, "amount": integer, "reason": text}
    constants = _given(economy_key=economy_key, reason=reason)
    return _import("migrate.wallet", MigrateCalls, columns, 2, "day", ("reason",), constants)


def import_inventory(item_key: str | None = None, *, reason: str | None = None) -> Action:
    """Import items with `migrate.inventory`.

    Columns: `externalPlayerId`, `itemKey`, `quantity`, and `parameters` (a JSON object) and `reason` if there are any.
    """
    columns: dict[str, Convert] = {
        PLAYER: text, "item_key": text, "quantity": integer, "parameters": json_object, "reason": text,
    }  # fmt: skip
    constants = _given(item_key=item_key, reason=reason)
    return _import("migrate.inventory", MigrateCalls, columns, 2, "day", ("parameters", "reason"), constants)


def _entries(given: Entries) -> list[Any]:
    assert not callable(given)
    return check_items(given, "entries", to_json, 1)


def grant(
    entries: Entries,
    *,
    kind: GrantKindInput | None = None,
    expires_at: datetime | str | None = None,
    source_kind: GrantSourceKindInput | None = None,
    metadata: Mapping[str, object] | None = None,
    ack: bool = False,
) -> Action:
    """Grant each player the same with `grants.create`, or what a function makes of its row.

    Column: `externalPlayerId`. The keys of grants are remembered for ever, so this is the safest way to make good.

    Args:
        entries: at least one `CurrencyEntry`, `ItemEntry` or `CrateEntry`; or a function that gives them for a row.
        ack: claim each grant for its player at once.
    """
    constants = _given(
        kind=kind, expires_at=to_json(expires_at), source_kind=source_kind, metadata=metadata and json_object(metadata)
    )
    computed: dict[str, Callable[[Mapping[str, Any]], Any]] = {}
    if callable(entries):
        make = entries
        computed["entries"] = lambda row: _entries(make(row))
    else:
        constants["entries"] = _entries(entries)
    return _action(
        "grants.create", GrantsCalls, {PLAYER: text}, (PLAYER,), "for_ever", constants,
        computed=computed, traces=True, ack=ack,
    )  # fmt: skip


def _holding(operation: str, endpoints: type[Any], key: str, amount: str, constants: Mapping[str, Any]) -> Action:
    columns: dict[str, Convert] = {PLAYER: text, key: text, amount: integer, "reason": text}
    optional = frozenset({"reason"})
    return _action(
        operation, endpoints, columns, (PLAYER, key), "day", constants, amount=amount, optional=optional, traces=True
    )


def credit(economy_key: str | None = None, *, amount: int | None = None, reason: str | None = None) -> Action:
    """Add to balances with `wallet.credit`.

    Columns: `externalPlayerId`, `economyKey`, `amount`, and `reason` if there is one. What is given here needs no
    column.
    """
    constants = _given(economy_key=economy_key, amount=amount, reason=reason)
    return _holding("wallet.credit", WalletCalls, "economy_key", "amount", constants)


def debit(economy_key: str | None = None, *, amount: int | None = None, reason: str | None = None) -> Action:
    """Take from balances with `wallet.debit`. Columns as for `credit`; a balance that is too small is a failure."""
    constants = _given(economy_key=economy_key, amount=amount, reason=reason)
    return _holding("wallet.debit", WalletCalls, "economy_key", "amount", constants)


def give(item_key: str | None = None, *, quantity: int | None = None, reason: str | None = None) -> Action:
    """Give items with `inventory.grant`.

    Columns: `externalPlayerId`, `itemKey`, `quantity`, and `reason` if there is one. What is given here needs no
    column.
    """
    constants = _given(item_key=item_key, quantity=quantity, reason=reason)
    return _holding("inventory.grant", InventoryCalls, "item_key", "quantity", constants)


def revoke(item_key: str | None = None, *, quantity: int | None = None, reason: str | None = None) -> Action:
    """Take items away with `inventory.revoke`. Columns as for `give`; a player who holds fewer is a failure."""
    constants = _given(item_key=item_key, quantity=quantity, reason=reason)
    return _holding("inventory.revoke", InventoryCalls, "item_key", "quantity", constants)


def ban(*, reason: str | None = None) -> Action:
    """Ban players with `players.ban`. Columns: `externalPlayerId`, and `reason` unless it is given here."""
    columns: dict[str, Convert] = {PLAYER: text, "reason": text}
    return _action("players.ban", PlayersCalls, columns, (PLAYER,), "natural", _given(reason=reason))


def unban() -> Action:
    """Lift bans with `players.unban`. Column: `externalPlayerId`."""
    return _action("players.unban", PlayersCalls, {PLAYER: text}, (PLAYER,), "natural", {})


def erase(*, reason: DeleteReasonInput | None = None) -> Action:
    """Erase players with `players.delete`: it cannot be undone. Column: `externalPlayerId`."""
    return _action("players.delete", PlayersCalls, {PLAYER: text}, (PLAYER,), "natural", _given(reason=reason))


def export() -> Action:
    """Export what is stored of players with `players.export`, into the job's `results`. Column: `externalPlayerId`."""
    return _action("players.export", PlayersCalls, {PLAYER: text}, (PLAYER,), "natural", {}, has_results=True)


def snapshot() -> Action:
    """Read players' snapshots with `players.get`, into the job's `results`. Column: `externalPlayerId`."""
    return _action("players.get", PlayersCalls, {PLAYER: text}, (PLAYER,), "natural", {}, has_results=True)
