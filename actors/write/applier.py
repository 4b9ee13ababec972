"""Makes one child of a custom resource equal to its desired body, in as few requests as possible.

Claim, then own. A child that the View does not show is claimed by an apply that carries
resourceVersion "1": the API server answers 201 if the name is free and 409 if an object has it
(measured on 1.29 to 1.36), so the first write is atomic, needs no read and never touches a foreign
object. Every later write carries the uid, so it can neither create an object nor touch another
incarnation, and is made only if the fields that we own differ from the desired body.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from actors.api.errors import Conflict
from actors.write.errors import Leaving, NameConflict
from resources.instance.outcome import Update
from resources.instance.owner import Ownership, ownership
from resources.kubernetes.managed_fields import Difference, differences

if TYPE_CHECKING:
    from actors.watch.store import Snapshot
    from actors.write.writer import Writer
    from resources.instance.children import Child
    from resources.kubernetes.reference import ObjectRef, Owner


class Applier:
    """Writes and deletes the children of one owner, and no foreign object."""

    __slots__ = ("_applied", "_owner", "_residues", "_view", "_writer")

    def __init__(self, writer: Writer, owner: Owner) -> None:
        self._writer = writer
        self._view = writer.view
        self._owner = owner
        self._residues: dict[ObjectRef, frozenset[Difference]] = {}
        self._applied: dict[ObjectRef, int] = {}

    def differences(self, child: Child) -> tuple[Difference, ...] | None:
        """How the child in the View differs from its desired body; None if the View has no child.

        Raises NameConflict or Leaving.
        """
        live = self._view.get(child.ref)
        return None if live is None else self._compared(child, live)

    async def ensure(self, child: Child) -> ObjectRef | Update | None:
        """Make the child equal to its desired body; its ref if created, None if it was equal.

        Raises NameConflict, Leaving, or an ApiError.
        """
        live = self._view.get(child.ref)
        if live is not None:
            # A foreign object is not watched, so it may be gone by now: try to claim the name.
            with suppress(NameConflict):
                return await self._own(child, live)
        return await self._claim(child)

    async def remove(self, ref: ObjectRef) -> bool:
        """Delete an object if it is ours; True once it is gone or turns out to be foreign.

        The object is read by name first, for a watch may be stale.
        """
        live = await self._writer.read(ref)
        if live is None or self._whose(live) is Ownership.FOREIGN:
            return True
        return live.meta.deletion_timestamp is None and await self._writer.delete(live)

    def owns(self, ref: ObjectRef) -> bool:
        """Whether the View shows an object of this name that belongs to the owner."""
        live = self._view.get(ref)
        return live is not None and self._whose(live) is Ownership.OURS

    def _whose(self, live: Snapshot) -> Ownership:
        return ownership(self._owner, msgspec.json.decode(live.raw), self._writer.manager)

    async def _claim(self, child: Child) -> ObjectRef | Update | None:
        try:
            await self._apply(child, {"resourceVersion": "1"})
        except Conflict:
            live = await self._writer.read(child.ref)
            if live is None:
                raise  # deleted between the two requests: the next reconcile claims the name
            # The View may not show the answer: the Store drops unwatched objects.
            return await self._own(child, live)
        return child.ref

    async def _own(self, child: Child, live: Snapshot) -> Update | None:
        different = self._compared(child, live)
        if not different:
            return None
        # The same body was applied before, so somebody else has changed the object since.
        drifted = self._applied.get(child.ref) == _digest(child)
        try:
            written = await self._apply(child, {"uid": live.meta.uid})
        except Conflict:
            # That incarnation is gone; another object may have the name by now.
            self._view.deleted(child.ref, live.meta.uid or "")
            raise
        if written.meta.resource_version == live.meta.resource_version:
            return None  # the API server stores these fields differently, and did so before
        taken = any(difference.other_manager for difference in different)
        return Update(child.ref, different, drifted or taken)

    def _compared(self, child: Child, live: Snapshot) -> tuple[Difference, ...]:
        document = msgspec.json.decode(live.raw)
        whose = ownership(self._owner, document, self._writer.manager)
        if whose is Ownership.FOREIGN:
            raise NameConflict("exists and does not belong to this resource; it is left alone")
        if whose is Ownership.LEFTOVER or live.meta.deletion_timestamp is not None:
            raise Leaving("is still being deleted")
        different = differences(child.body, document, self._writer.manager)
        # A residue belongs to the body that was applied; another body has to be applied first.
        same = self._applied.get(child.ref) == _digest(child)
        residue = self._residues.get(child.ref, frozenset()) if same else frozenset()
        return tuple(difference for difference in different if difference not in residue)

    async def _apply(self, child: Child, identity: dict[str, Any]) -> Snapshot:
        metadata = {**child.body["metadata"], **identity}
        written = await self._writer.apply(child.ref, {**child.body, "metadata": metadata})
        self._applied[child.ref] = _digest(child)
        # A field that the API server did not store, such as one of a newer version, would else be
        # applied again and again.
        residue = differences(child.body, msgspec.json.decode(written.raw), self._writer.manager)
        if residue:
            self._residues[child.ref] = frozenset(residue)
        else:
            self._residues.pop(child.ref, None)
        return written


def _digest(child: Child) -> int:
    return hash(msgspec.json.encode(child.body))
