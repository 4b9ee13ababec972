"""Which actors have to reconcile when references, or the objects that they name, change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.reference.index import scope_of
from actors.watch.router import Notice, concerning

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from actors.reference.index import ReferenceIndex
    from actors.reference.scopes import Scopes
    from actors.watch.store import Change
    from resources.kubernetes.reference import ObjectRef


@dataclass(frozen=True, slots=True)
class ReferenceRoutes:
    """Handlers of artifacts, and of the Secrets and ConfigMaps that artifacts name.

    Each first brings `index` and `scopes` up to date. `on_renamed` is called with the objects that
    are named for the first time or no longer, `review_watch` with each scope whose watch may have
    to start or to end.
    """

    index: ReferenceIndex
    scopes: Scopes
    on_renamed: Callable[[Collection[ObjectRef]], None]
    review_watch: Callable[[ObjectRef], None]

    def artifact_changed(self, change: Change) -> Notice:
        """The actors of objects that are named for the first time or no longer reconcile."""
        renamed = self.index.note(change)
        self.scopes.doubt(renamed)
        self.on_renamed(renamed)
        for scope in sorted(set(map(scope_of, renamed))):
            self.review_watch(scope)
        return concerning(renamed, change.ref.kind)

    def object_changed(self, change: Change) -> Notice:
        """The actor of an object reconciles, and those of the artifacts that name it."""
        ref = change.ref
        if change.after is not None:
            return concerning((ref, *self.index.referrers(ref)), ref.kind)
        notice = self.object_absent(ref)
        if change.before is not None:  # it is gone, or neither named nor protected any longer
            self.review_watch(scope_of(ref))
        return notice

    def object_absent(self, ref: ObjectRef) -> Notice:
        """The actors of the artifacts that name an object reconcile: it does not exist."""
        if self.index.is_referenced(ref):
            self.scopes.confirm_absent(ref)
        return concerning(self.index.referrers(ref), ref.kind)

    def scope_listed(self, scope: ObjectRef) -> Notice:
        """The actors of named objects that the list did not show reconcile.

        An object that was not yet named when the list was read was dropped from it.
        """
        return concerning(self.scopes.absent(scope), scope.kind)
