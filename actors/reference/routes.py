"""Which actors have to reconcile when references, or the objects that they name, change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.runtime.reason import Cause, Reason
from actors.watch.router import Notice, concerning, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from actors.reference.index import ReferenceIndex
    from actors.reference.store import ReferenceStore
    from actors.watch.store import Change
    from resources.kubernetes.reference import ObjectRef

_NOBODY = Notice((), Reason(Cause.CHANGED))


@dataclass(frozen=True, slots=True)
class ReferenceRoutes:
    """Handlers of artifacts, and of the Secrets and ConfigMaps that artifacts name.

    Each first brings `index` and `store` up to date. `on_renamed` is called with the objects that
    are named for the first time or no longer.
    """

    index: ReferenceIndex
    store: ReferenceStore
    on_renamed: Callable[[Collection[ObjectRef]], None]

    def artifact_changed(self, change: Change) -> Notice:
        """The actors of objects that are named for the first time or no longer reconcile."""
        renamed = self.index.note(change)
        self.store.review(renamed)
        self.on_renamed(renamed)
        return concerning(renamed, reason_of(change))

    def object_changed(self, change: Change) -> Notice:
        """The actor of an object reconciles, and those of the artifacts that name it."""
        ref = change.ref
        if change.after is None:
            return self.object_absent(ref)
        return concerning((ref, *self.index.referrers(ref)), reason_of(change))

    def object_absent(self, ref: ObjectRef) -> Notice:
        """The actors of the artifacts that name an object reconcile: it does not exist."""
        if not self.index.is_referenced(ref):
            return _NOBODY
        self.store.confirm_absent(ref)
        return concerning(self.index.referrers(ref), Reason(Cause.ABSENT, ref.kind, ref.name))

    def listed(self, kind: str) -> Notice:
        """The actors of named objects of which the list tells nothing reconcile.

        An object that was not yet named when the list was read was dropped from it.
        """
        return concerning(self.store.unknown(kind), Reason(Cause.LISTED, kind))
