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


def outcome_of(result: Result) -> str:
    """Give a reconcile's result as a word, with its detail behind a colon."""
    match result:
        case Done():
            return "done"
        case RequeueAfter(seconds, why):
            return f"requeue: {seconds:g} s, {why}"
        case Blocked(reason):
            return f"blocked: {reason}"
        case Retire():
            return "retire"
    raise TypeError(f"a reconcile ends with a Result, not with {result!r}")
