"""How a reconcile ends: with a value, never with an exception."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """There is nothing to do until something changes."""


@dataclass(frozen=True, slots=True)
class RequeueAfter:
    """Reconcile again after this many seconds, or earlier when something changes.

    `why` names what the actor waits for, in plain words for traces and dumps.
    """

    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """Nothing can be done until something changes; `reason` is a word in CamelCase for traces."""

    reason: str


@dataclass(frozen=True, slots=True)
class Retire:
    """The object and all that it owned is gone: the actor may end, unless new mail came."""


Result = Done | RequeueAfter | Blocked | Retire
