"""What goes wrong, with which request, and how often?"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

ANY: Final = "*"
Effect = Literal["status", "drop_before", "drop_after_commit", "cut_body", "delay"]


@dataclass(slots=True)
class Fault:
    """One line of a fault script."""

    operation: str
    """An operation of the contract such as `wallet.credit`, or `*`."""
    effect: Effect
    times: int | None
    """How often it still happens; None for ever."""
    probability: float = 1.0
    status: int = 503
    code: str | None = None
    retry_after: float | None = None
    latency: float = 0.0
    """Seconds by which the answer comes later, on top of the effect."""
    seed: int = 0
    struck: int = 0
    """How often it happened."""
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check what was given."""
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability: between 0 and 1, got {self.probability!r}")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times: at least 1, or None for ever, got {self.times!r}")
        if not 400 <= self.status <= 599:
            raise ValueError(f"status: an error status, 400 to 599, got {self.status!r}")
        if self.latency < 0 or (self.retry_after is not None and self.retry_after < 0):
            raise ValueError("latency and retry_after: not below 0")
        self._random = random.Random(self.seed)

    def strikes(self, operation: str) -> bool:
        """Whether it happens to this request; counted if so."""
        if self.operation not in (ANY, operation) or self.times == 0 or self._random.random() >= self.probability:
            return False
        self.struck += 1
        if self.times is not None:
            self.times -= 1
        return True

    def __str__(self) -> str:
        """One line."""
        return f"{self.operation} {self.effect}" + f" {self.status}" * (self.effect == "status")

    def shown(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {key: value for key, value in asdict(self).items() if not key.startswith("_")}


def script(
    operation: str = ANY,
    *,
    status: int | None = None,
    code: str | None = None,
    retry_after: float | None = None,
    latency: float = 0.0,
    drop_before: int | None = None,
    drop_after_commit: int | None = None,
    cut_body: int | None = None,
    times: int | None = 1,
    probability: float = 1.0,
    seed: int = 0,
) -> Fault:
    """Make a line of a fault script; one effect each.

    Args:
        operation: as in the contract, `wallet.credit`; `*` for all.
        status: answer this error instead of doing anything; 429 where only `retry_after` is given.
        code: the error code that goes with `status`.
        retry_after: seconds, sent as the header of that answer.
        latency: seconds by which answers come later.
        drop_before: so many requests find the connection closed before anything was done.
        drop_after_commit: so many requests take effect, and their answers are lost.
        cut_body: so many answers break off in the middle, their requests having taken effect.
        times: how often a `status` or `latency` strikes; None for ever.
        probability: the part of the requests that it strikes.
        seed: for the dice behind `probability`.

    Raises:
        ValueError: no effect, or several; or a value out of range.
    """
    drops = {"drop_before": drop_before, "drop_after_commit": drop_after_commit, "cut_body": cut_body}
    effects: list[Effect] = [name for name, count in drops.items() if count is not None]  # type: ignore[misc]  # their names are the effects
    if status is not None or retry_after is not None:
        effects.append("status")
    if len(effects) > 1 or (not effects and not latency):
        raise ValueError(
            "one effect is needed: status, retry_after, latency, drop_before, drop_after_commit or cut_body"
        )
    effect: Effect = effects[0] if effects else "delay"
    return Fault(
        operation=operation,
        effect=effect,
        times=drops.get(effect) or times,
        probability=probability,
        status=status or (429 if retry_after is not None else 503),
        code=code,
        retry_after=retry_after,
        latency=latency,
        seed=seed,
    )


def first(faults: Iterable[Fault], operation: str) -> Fault | None:
    """The first line of the script that strikes."""
    return next((fault for fault in faults if fault.strikes(operation)), None)
