"""Tells the actor that owns an object what happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.runtime.actor import Actor
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from resources.instance.owner import owner_of
from resources.kubernetes.kinds import KINDS, RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from actors.runtime.context import Runtime
    from actors.watch.store import Change, Store
    from resources.kubernetes.reference import ObjectRef


@dataclass(frozen=True, slots=True)
class Listed:
    """The Store holds a complete list of this kind."""

    kind: str


@dataclass(frozen=True, slots=True)
class Changed:
    """An object changed; `owners` are the resources it belongs or belonged to."""

    ref: ObjectRef
    gone: bool
    owners: tuple[ObjectRef, ...]
    version: str = ""

    @property
    def reason(self) -> Reason:
        """The change as a reason to reconcile."""
        cause = Cause.DELETED if self.gone else Cause.CHANGED
        return Reason(cause, self.ref.kind, self.ref.name, self.version)


@dataclass(frozen=True, slots=True)
class Concerned:
    """These have to look, whatever the Store says of them."""

    refs: tuple[ObjectRef, ...]
    reason: Reason


class Router(Actor):
    """Delivers nothing until every kind is listed, then everything once, then each change.

    So no actor ever decides on half a picture. Messages for one resource keep their order.
    """

    kind = "Router"

    def __init__(
        self,
        runtime: Runtime,
        store: Store,
        kinds: Collection[str],
        deliver: Mapping[str, Callable[[ObjectRef, Reconcile], None]],
        roll_call: Callable[[], Iterable[ObjectRef]] = tuple,
    ) -> None:
        """`deliver` by the recipient's kind; `roll_call` names recipients beyond the resources."""
        super().__init__(runtime)
        self._store = store
        self._unlisted = set(kinds)
        self._deliver = deliver
        self._roll_call = roll_call

    @property
    def waits_for(self) -> str | None:
        """The kinds that are not yet listed; None once all are."""
        return f"not yet listed: {', '.join(sorted(self._unlisted))}" if self._unlisted else None

    async def on_receive(self, message: object) -> None:
        """Take `Listed`, `Changed` and `Concerned`."""
        if isinstance(message, Listed) and self._unlisted:
            self._unlisted.discard(message.kind)
            if not self._unlisted:
                self._deliver_all()
        elif isinstance(message, Changed) and not self._unlisted:
            self._route(message)
        elif isinstance(message, Concerned) and not self._unlisted:
            for ref in message.refs:
                self._tell(ref, message.reason)

    def describe(self) -> dict[str, object]:
        """Add what is waited for, for the actor dump."""
        return {**super().describe(), "waits for": self.waits_for}

    def _deliver_all(self) -> None:
        """Wake each resource, and each owner that is gone but left a cluster-scoped object."""
        for kind in RESOURCES:
            for snapshot in self._store.of_kind(kind):
                self._tell(snapshot.ref, Reason(Cause.LISTED))
        for owner in self._orphaned():
            self._tell(owner, Reason(Cause.ORPHANED))
        for ref in self._roll_call():
            self._tell(ref, Reason(Cause.LISTED))

    def _orphaned(self) -> Iterable[ObjectRef]:
        """Owners of cluster-scoped objects that are not there, each once."""
        owners: dict[ObjectRef, None] = {}
        for kind in (kind for kind, known in KINDS.items() if not known.namespaced):
            for snapshot in self._store.of_kind(kind):
                owner = owner_of(snapshot.meta)
                if owner is not None and self._store.get(owner) is None:
                    owners[owner] = None
        return owners

    def _route(self, change: Changed) -> None:
        if change.ref.kind in RESOURCES:
            self._tell(change.ref, change.reason)
        for owner in change.owners:
            if self._concerns(owner, change):
                self._tell(owner, change.reason)

    def _concerns(self, owner: ObjectRef, change: Changed) -> bool:
        """Whether an owner has to look: always while it exists, and also to clean up after itself.

        The garbage collector removes what a vanished owner had in its namespace.
        """
        orphaned = not change.gone and not KINDS[change.ref.kind].namespaced
        return orphaned or self._store.get(owner) is not None

    def _tell(self, ref: ObjectRef, reason: Reason) -> None:
        deliver = self._deliver.get(ref.kind)
        if deliver is not None:
            deliver(ref, Reconcile(reason))


def changed(change: Change) -> Changed:
    """Reduce a change of the Store to identities: who is concerned, and is it gone."""
    owners: dict[ObjectRef, None] = {}
    for snapshot in (change.before, change.after):
        owner = owner_of(snapshot.meta) if snapshot is not None else None
        if owner is not None:
            owners[owner] = None
    newest = change.after or change.before
    version = newest.meta.resource_version if newest is not None else None
    return Changed(change.ref, change.after is None, tuple(owners), version or "")
