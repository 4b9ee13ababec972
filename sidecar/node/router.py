"""Tells the actors of a node what happened to their artifacts, and to the node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.runtime.actor import Actor
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from actors.watch.router import Changed, Listed
from resources.kubernetes.kinds import ARTIFACTS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from actors.runtime.context import Runtime
    from actors.watch.store import Store
    from resources.kubernetes.reference import ObjectRef


class NodeRouter(Actor):
    """Delivers nothing until all is listed, then every artifact once, then each change.

    So nothing is taken for deleted that was only not seen yet. What the node's labels are concerns
    every artifact.
    """

    kind = "Router"

    def __init__(
        self,
        runtime: Runtime,
        store: Store,
        kinds: Collection[str],
        deliver: Callable[[ObjectRef, Reconcile], None],
        known: Callable[[], Iterable[ObjectRef]],
        listed: Callable[[], None],
    ) -> None:
        """`known` names who has an actor; `listed` is called once all is listed."""
        super().__init__(runtime)
        self._store = store
        self._unlisted = set(kinds)
        self._deliver = deliver
        self._known = known
        self._listed = listed

    @property
    def is_listed(self) -> bool:
        """Whether all is known that there is."""
        return not self._unlisted

    async def on_receive(self, message: object) -> None:
        """Take `Listed` and `Changed`."""
        if isinstance(message, Listed) and self._unlisted:
            self._unlisted.discard(message.kind)
            if not self._unlisted:
                self._deliver_all(Reason(Cause.LISTED))
                self._listed()
        elif isinstance(message, Changed) and not self._unlisted:
            if message.ref.kind in ARTIFACTS:
                self._deliver(message.ref, Reconcile(message.reason))
            else:
                self._deliver_all(message.reason)

    def describe(self) -> dict[str, object]:
        """Add what is waited for, for the actor dump."""
        return {**super().describe(), "unlisted": sorted(self._unlisted)}

    def _deliver_all(self, reason: Reason) -> None:
        there = (one.ref for kind in ARTIFACTS for one in self._store.of_kind(kind))
        for ref in dict.fromkeys([*there, *self._known()]):
            self._deliver(ref, Reconcile(reason))
