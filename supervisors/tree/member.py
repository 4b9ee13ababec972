"""What a table shows of one child of a supervisor, without a description of its actor."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from actors.runtime.actor import Actor
    from actors.runtime.mail import Mail
    from actors.runtime.trace import Trace


class Member(NamedTuple):
    """One child of a supervisor at this moment.

    `name` is the name of the part or the text of the object's ref. Without an `actor` the child is
    parked, waits for its restart until `due`, on the monotonic clock, or is over. `waiting` is mail
    for its next life, `error` what its last crash raised, `trace` that of all its lives.
    """

    name: str
    actor: Actor | None
    waiting: Mail | None = None
    restarts: int = 0
    due: float | None = None
    error: str = ""
    is_parked: bool = False
    trace: Trace | None = None
