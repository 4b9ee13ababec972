"""What a reconcile says when it ends: values, never exceptions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing to do until something changes."""


@dataclass(frozen=True, slots=True)
class RequeueAfter:
    """Reconcile again after this many seconds, or earlier when something changes."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Blocked:
    """Cannot go on until something changes; `reason` is a CamelCase word for traces and metrics."""

    reason: str


@dataclass(frozen=True, slots=True)
class Retire:
    """The object is gone and so is all it owned: the actor may end unless new mail came."""


Result = Done | RequeueAfter | Blocked | Retire
