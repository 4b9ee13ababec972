"""Whose turn it is to reconcile: so many at once, fairly among kinds and among namespaces.

A thousand resources that change at once would otherwise all be decided on in one step of the loop,
while probes, leases and everybody else wait.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.runtime.actor import Actor
    from actors.runtime.clock import Handle

MOST = 32
"""Reconciles that run at once, unless a setting says otherwise."""

SLOW = 5.0
"""Seconds after which a reconcile that still runs gives its turn away: it waits for a request."""

SLOW_ONES = 4
"""Reconciles that may run without a turn, for each one that has a turn.

If the API server is slow, all reconcile slowly, and to begin more of them makes it no faster; each
takes 50 KiB of memory. By default that is more than there are connections, so it is the lack of
those that holds up others while requests hang.
"""


class Turns:
    """Lets so many actors reconcile at once; the others wait, without a task.

    Turns go round by kind, then by namespace, and within a namespace to whoever has waited longest.
    A reconcile that takes long gives its turn away, so that requests that hang hold up nobody,
    unless too many have done so already.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._since: OrderedDict[Actor, float] = OrderedDict()
        """The actors whose turn it is, and since when; the oldest first."""
        self._slow: set[Actor] = set()
        """The actors that still run and have given their turn away."""
        self._waiting: OrderedDict[str, OrderedDict[str, OrderedDict[Actor, None]]] = OrderedDict()
        self._timer: Handle | None = None

    def take(self, actor: Actor) -> bool:
        """Whether it is the turn of this actor; if not, it is woken when it is."""
        if actor in self._since:
            return True
        if not self._waiting and len(self._since) < self._most:
            self._since[actor] = actor.runtime.clock.monotonic()
            return True
        kind, namespace = actor.lane or ("", "")
        namespaces = self._waiting.setdefault(kind, OrderedDict())
        namespaces.setdefault(namespace, OrderedDict()).setdefault(actor)
        self._arm()
        return False

    def give_back(self, actor: Actor) -> None:
        """Let the next actor have its turn."""
        self._since.pop(actor, None)
        self._slow.discard(actor)
        self._fill()
        if self._waiting:
            self._arm()

    def leave(self, actor: Actor) -> None:
        """Forget an actor that has ended."""
        kind, namespace = actor.lane or ("", "")
        namespaces = self._waiting.get(kind, OrderedDict())
        actors = namespaces.get(namespace, OrderedDict())
        actors.pop(actor, None)
        if not actors:
            namespaces.pop(namespace, None)
        if not namespaces:
            self._waiting.pop(kind, None)
        self.give_back(actor)

    def _fill(self) -> None:
        while self._waiting and len(self._since) < self._most:
            actor = self._next()
            self._since[actor] = actor.runtime.clock.monotonic()
            actor.wake()
        if not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next(self) -> Actor:
        """Take out whose turn it is; its kind and namespace go to the end of the round."""
        kind, namespaces = self._waiting.popitem(last=False)
        namespace, actors = namespaces.popitem(last=False)
        actor, _ = actors.popitem(last=False)
        if actors:
            namespaces[namespace] = actors
        if namespaces:
            self._waiting[kind] = namespaces
        return actor

    def _arm(self) -> None:
        """See to it that those who wait do so no longer than the slow ones may take."""
        if self._timer is None and self._since and self._may_give_away():
            actor, since = next(iter(self._since.items()))
            clock = actor.runtime.clock
            self._timer = clock.call_later(since + SLOW - clock.monotonic(), self._due)

    def _due(self) -> None:
        self._timer = None
        while self._since and self._may_give_away():
            actor, since = next(iter(self._since.items()))
            if actor.runtime.clock.monotonic() < since + SLOW:
                break
            del self._since[actor]
            self._slow.add(actor)
        self._fill()
        if self._waiting:
            self._arm()

    def _may_give_away(self) -> bool:
        return len(self._slow) < SLOW_ONES * self._most
