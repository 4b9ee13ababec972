"""Where an actor is in its life."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where an actor is in its life; it has a task while it is starting, busy or ending."""

    NEW = "new"
    STARTING = "starting"
    BUSY = "busy"
    IDLE = "idle"
    ENDING = "ending"
    GONE = "gone"
