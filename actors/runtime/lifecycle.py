"""How an actor's life ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ExitReason(StrEnum):
    """Why an actor ended."""

    NORMAL = "normal"
    """The actor retired, or its `run` returned."""

    SHUTDOWN = "shutdown"
    """The actor was told to stop, or was cancelled because it did not stop in time."""

    CRASH = "crash"
    """A hook raised an exception, which is a bug; the supervisor decides what follows."""


@dataclass(frozen=True, slots=True)
class Exit:
    """The end of an actor; `error` is set if and only if the actor crashed."""

    reason: ExitReason
    error: BaseException | None = None

    def __post_init__(self) -> None:
        if (self.reason is ExitReason.CRASH) != (self.error is not None):
            raise ValueError("an exit has an error if and only if it is a crash")


NORMAL = Exit(ExitReason.NORMAL)
SHUTDOWN = Exit(ExitReason.SHUTDOWN)


def crash(error: BaseException) -> Exit:
    """Return the exit of an actor that crashed with this error."""
    return Exit(ExitReason.CRASH, error)


class ActorState(StrEnum):
    """The state of an actor; it has a task while it is starting, busy or ending."""

    NEW = "new"
    STARTING = "starting"
    BUSY = "busy"
    IDLE = "idle"
    ENDING = "ending"
    GONE = "gone"
