"""What goes wrong, with which request or delivery, and how often? A script of faults."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal, TypedDict

ANY: Final = "*"
WEBHOOKS: Final = "webhooks"
Effect = Literal[
    "status", "drop_before", "drop_after_commit", "cut_body", "delay", "duplicate", "reorder", "drop", "delay_delivery"
]


class FaultOptions(TypedDict, total=False):
    """What can go wrong; one effect each.

    With requests: `status`, `retry_after`, `latency`, `drop_before`, `drop_after_commit`, `cut_body`.
    With deliveries, as in `fault("webhooks", ...)`: `duplicate`, `delay`, `reorder`, `drop`.
    """

    status: int | None
    """Answer this error, 400 to 599, instead of doing anything; 429 where only `retry_after` is given."""
    code: str | None
    """The error code that goes with `status`."""
    retry_after: float | None
    """Seconds, sent as the header of that answer."""
    latency: float
    """Seconds by which answers come later."""
    drop_before: int | None
    """So many requests find the connection closed before anything was done."""
    drop_after_commit: int | None
    """So many requests take effect, and their answers are lost."""
    cut_body: int | None
    """So many answers break off in the middle, their requests having taken effect."""
    duplicate: int | None
    """So many deliveries arrive twice, with the same id."""
    delay: float | None
    """Seconds on the emulator's clock by which deliveries come later."""
    reorder: int | None
    """So many deliveries are held back, and go out in reverse order when all are there."""
    drop: int | None
    """So many deliveries are lost, and never come."""
    times: int | None
    """How often a `status`, `latency` or `delay` strikes: 1, or None for ever."""
    probability: float
    """The part of the requests or deliveries that it strikes."""
    seed: int
    """For the dice behind `probability`."""


@dataclass(slots=True)
class Fault:
    """One line of a fault script."""

    operation: str
    """An operation of the contract such as `wallet.credit`, `*` for all, or `webhooks`."""
    effect: Effect
    times: int | None
    """How often it still happens; None for ever."""
    probability: float = 1.0
    status: int = 503
    code: str | None = None
    retry_after: float | None = None
    latency: float = 0.0
    """Seconds by which the answer or the delivery comes later, on top of the effect."""
    seed: int = 0
    struck: int = 0
    """How often it happened."""
    number: int = 0
    """Faults of an emulator are counted up."""
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the dice."""
        self._random = random.Random(self.seed)

    def consume(self, operation: str) -> bool:
        """Whether it happens to this request; counted if so."""
        if self.operation not in (ANY, operation) or self.times == 0 or self._random.random() >= self.probability:
            return False
        self.struck += 1
        if self.times is not None:
            self.times -= 1
        return True

    @property
    def retry_after_header(self) -> str | None:
        """The seconds to wait, without an exponent."""
        return None if self.retry_after is None else format(Decimal(str(self.retry_after)).normalize(), "f")

    def as_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {key: value for key, value in asdict(self).items() if not key.startswith("_")}

    def __str__(self) -> str:
        """One line."""
        shown = {"status": self.status, "delay": self.latency, "delay_delivery": self.latency}.get(self.effect)
        return f"{self.operation} {self.effect}" + ("" if shown is None else f" {shown}")


_COUNTED: Final[tuple[Effect, ...]] = ("drop_before", "drop_after_commit", "cut_body", "duplicate", "reorder", "drop")
_OF_DELIVERIES: Final[tuple[Effect, ...]] = ("duplicate", "delay_delivery", "reorder", "drop")


def _check_count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name}: a whole number from 1 on, got {value!r}")


def _check_number(name: str, value: object, most: float = math.inf) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most or value == math.inf:
        raise ValueError(f"{name}: a number from 0 to {most:g}, got {value!r}" if most < math.inf
                         else f"{name}: a finite number, not below 0, got {value!r}")  # fmt: skip


def make_fault(
    operation: str = ANY,
    *,
    status: int | None = None,
    code: str | None = None,
    retry_after: float | None = None,
    latency: float = 0.0,
    drop_before: int | None = None,
    drop_after_commit: int | None = None,
    cut_body: int | None = None,
    duplicate: int | None = None,
    delay: float | None = None,
    reorder: int | None = None,
    drop: int | None = None,
    times: int | None = 1,
    probability: float = 1.0,
    seed: int = 0,
) -> Fault:
    """Make a line of a fault script; one effect each.

    Args:
        operation: as in the contract, `wallet.credit`; `*` for all; `webhooks` for deliveries.
        status: see `FaultOptions` for this and all others.

    Raises:
        ValueError: no effect, or several; or a value out of range.
    """
    counts: dict[Effect, int | None] = dict(
        zip(_COUNTED, (drop_before, drop_after_commit, cut_body, duplicate, reorder, drop), strict=True)
    )
    effects: list[Effect] = [name for name, count in counts.items() if count is not None]
    if status is not None or retry_after is not None:
        effects.append("status")
    if delay is not None:
        effects.append("delay_delivery")
    if len(effects) > 1 or (not effects and not latency):
        raise ValueError("one effect is needed: status, retry_after, latency, drop_before, drop_after_commit or "
                         "cut_body; with webhooks duplicate, delay, reorder or drop")  # fmt: skip
    effect = effects[0] if effects else "delay"
    if (effect in _OF_DELIVERIES) != (operation == WEBHOOKS):
        shown = "delay" if effect == "delay_delivery" else "latency" if effect == "delay" else effect
        raise ValueError(f"{shown}: not with {operation!r}; deliveries are `webhooks`, requests are operations")
    count = counts.get(effect)
    if count is not None:
        _check_count(effect, count)
    if times is not None:
        _check_count("times", times)
    _check_number("latency", latency)
    _check_number("retry_after", 0 if retry_after is None else retry_after)
    _check_number("delay", 0 if delay is None else delay, most=1e9)
    _check_number("probability", probability, most=1)
    if status is not None and (isinstance(status, bool) or not isinstance(status, int) or not 400 <= status <= 599):
        raise ValueError(f"status: an error status, 400 to 599, got {status!r}")
    if code is not None and (not isinstance(code, str) or not code):
        raise ValueError(f"code: an error code, got {code!r}")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValueError(f"seed: a whole number, got {seed!r}")
    return Fault(
        operation=operation,
        effect=effect,
        times=times if count is None else count,
        probability=probability,
        status=status or (429 if retry_after is not None else 503),
        code=code,
        retry_after=retry_after,
        latency=latency if delay is None else delay,
        seed=seed,
    )


def next_fault(faults: Iterable[Fault], operation: str) -> Fault | None:
    """The first line of the script that strikes."""
    return next((fault for fault in faults if fault.consume(operation)), None)
