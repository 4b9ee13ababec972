"""The specification of a static supervisor's child."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from actors.runtime.lifecycle import ExitReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actors.runtime.ref import ActorRef


class Restart(StrEnum):
    """When a child that has ended is started again; the words are Erlang's."""

    PERMANENT = "permanent"
    """Always."""

    TRANSIENT = "transient"
    """Only after a crash."""

    TEMPORARY = "temporary"
    """Never."""

    def after(self, reason: ExitReason) -> bool:
        """Whether a child of this type is started again after such an exit."""
        if self is Restart.TRANSIENT:
            return reason is ExitReason.CRASH
        return self is Restart.PERMANENT


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One child of a supervisor, valid by construction.

    `start` makes and launches a new actor each time, on the loop and without waiting. The child has
    `stop_deadline` seconds to stop before it is cancelled, fewer if the grace of all that stop with
    it is over, but `reserve` seconds in any case. A supervisor has no deadline of its own.
    """

    name: str
    start: Callable[[], ActorRef[Any]]
    restart: Restart = Restart.PERMANENT
    stop_deadline: float = 10.0
    reserve: float = 0.0

    def __post_init__(self) -> None:
        if not self.name or self.name != self.name.strip():
            raise ValueError(f"a child needs a name, got {self.name!r}")
        if not callable(self.start):
            raise TypeError(f"child {self.name}: start must be callable, got {self.start!r}")
        if not isinstance(self.restart, Restart):
            raise TypeError(f"child {self.name}: restart must be a Restart, got {self.restart!r}")
        if not (self.stop_deadline > 0 and math.isfinite(self.stop_deadline)):
            raise ValueError(f"child {self.name}: stop_deadline must be positive and finite")
        if not 0 <= self.reserve <= self.stop_deadline:
            raise ValueError(f"child {self.name}: reserve must be within the stop_deadline")


def distinct(specs: Iterable[ChildSpec]) -> tuple[ChildSpec, ...]:
    """Return the specs; raises ValueError if two of them have the same name."""
    specs = tuple(specs)
    names = [spec.name for spec in specs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"children with the same name: {', '.join(twice)}")
    return specs
