"""How many reconciles run at once, and whose turn is next."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


class Turns:
    """Bounds the reconciles that run at once; those that wait have turns, crowd by crowd.

    A reconcile holds the bodies of its children, and their requests, while it waits for the API
    server. A thousand of them take 100 MB, and are no faster than a few.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: dict[Hashable, deque[Turn]] = {}

    def of(self, crowd: Hashable) -> Turn:
        """A turn of one reconcile; a crowd of many delays no crowd of few."""
        return Turn(self, crowd)

    def begin(self, turn: Turn) -> bool:
        """Whether it is this turn at once; else it waits, until `Turn.begins` is called."""
        if self._free:
            self._free -= 1
            return True
        self._waiting.setdefault(turn.crowd, deque()).append(turn)
        return False

    def end(self) -> None:
        """Hand a turn on to the next crowd, or keep it for whoever comes."""
        while self._waiting:
            crowd = next(iter(self._waiting))
            queue = self._waiting.pop(crowd)
            turn = queue.popleft()
            if queue:
                self._waiting[crowd] = queue
            if turn.begins(is_own=True):
                return
        self._free += 1


class Turn:
    """The context of one reconcile, entered when it is its turn."""

    __slots__ = ("_is_own", "_turns", "_waits", "crowd")

    def __init__(self, turns: Turns, crowd: Hashable) -> None:
        self.crowd = crowd
        self._turns = turns
        self._is_own = False
        self._waits: asyncio.Future[None] | None = None

    async def __aenter__(self) -> None:
        self._is_own = self._turns.begin(self)
        if self._is_own:
            return
        self._waits = asyncio.get_running_loop().create_future()
        try:
            await self._waits
        except asyncio.CancelledError:
            if self._is_own:
                self._turns.end()
            raise
        finally:
            self._waits = None

    async def __aexit__(self, *_: object) -> None:
        if self._is_own:
            self._turns.end()

    def begins(self, *, is_own: bool) -> bool:
        """End the wait, with a turn or without; false if it does not wait any more."""
        if self._waits is None or self._waits.done():
            return False
        self._is_own = is_own
        self._waits.set_result(None)
        return True
