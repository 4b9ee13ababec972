"""How an actor's life ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ExitReason(StrEnum):
    """Why an actor is no more."""

    NORMAL = "normal"
    """It had nothing left to do: it retired, or its coroutine returned."""

    SHUTDOWN = "shutdown"
    """It was told to stop, or cancelled because it did not stop in time."""

    CRASH = "crash"
    """It raised what it should not have: a bug, and its supervisor's business."""


@dataclass(frozen=True, slots=True)
class Exit:
    """The end of one actor; `error` is there if and only if it crashed."""

    reason: ExitReason
    error: BaseException | None = None

    def __post_init__(self) -> None:
        if (self.reason is ExitReason.CRASH) != (self.error is not None):
            raise ValueError("an exit has an error if and only if it is a crash")


NORMAL = Exit(ExitReason.NORMAL)
SHUTDOWN = Exit(ExitReason.SHUTDOWN)


def crash(error: BaseException) -> Exit:
    """Give the exit of an actor that died of this error."""
    return Exit(ExitReason.CRASH, error)


class ActorState(StrEnum):
    """Where an actor is in its life; it has a task while it is starting, busy or ending."""

    NEW = "new"
    STARTING = "starting"
    BUSY = "busy"
    IDLE = "idle"
    ENDING = "ending"
    GONE = "gone"
