"""Brings one child of a custom resource to what is wanted, in as few requests as it takes.

Claim, then own. A child that is not known is claimed by an apply that carries resourceVersion "1":
the API server answers 201 if the name is free and 409 if anything is there (measured on 1.29 to
1.36), so the first write is atomic, needs no read and can never touch a foreign object. Every later
write carries the uid, so it can neither create nor touch another incarnation, and happens only if
the fields that we own differ from what is wanted.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from actors.api.errors import Conflict
from actors.write.retry import Leaving, NameConflict
from resources.instance.outcome import Update
from resources.instance.owner import Ownership, ownership
from resources.kubernetes.managed_fields import Difference, differences

if TYPE_CHECKING:
    from actors.watch.store import Snapshot
    from actors.write.writer import Writer
    from resources.instance.children import Child
    from resources.kubernetes.reference import ObjectRef, Owner


class Applier:
    """Writes the children of one owner."""

    def __init__(self, writer: Writer, owner: Owner) -> None:
        self._writer = writer
        self._view = writer.view
        self._owner = owner
        self._residues: dict[ObjectRef, frozenset[Difference]] = {}
        self._applied: dict[ObjectRef, int] = {}

    def differences(self, child: Child) -> tuple[Difference, ...] | None:
        """What is not as wanted, by what is known; None if the child is not there.

        Raises NameConflict or Leaving.
        """
        live = self._view.get(child.ref)
        return None if live is None else self._compared(child, live)

    async def ensure(self, child: Child) -> ObjectRef | Update | None:
        """Make the child equal to its desired body: its ref if created, None if it was equal.

        Raises NameConflict, Leaving, or an ApiError.
        """
        live = self._view.get(child.ref)
        if live is not None:
            # A foreign object is seen by chance only; as nobody tells when it goes, ask again.
            with suppress(NameConflict):
                return await self._own(child, live)
        return await self._claim(child)

    async def remove(self, ref: ObjectRef) -> bool:
        """Delete an object if it is ours; True once it is gone or turns out not to be ours.

        Reads it by name first: what a stale watch shows is no ground for a deletion.
        """
        live = await self._writer.read(ref)
        if live is None or self._whose(live) is Ownership.FOREIGN:
            return True
        return live.meta.deletion_timestamp is None and await self._writer.delete(live)

    def owns(self, ref: ObjectRef) -> bool:
        """Whether an object is known to be there and to be the owner's."""
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
                raise  # gone again between the two requests: look again
            # Not by the View: a Store that has come further does not show what is not watched.
            return await self._own(child, live)
        return child.ref

    async def _own(self, child: Child, live: Snapshot) -> Update | None:
        found = self._compared(child, live)
        if not found:
            return None
        # What was applied before and is wanted still has been changed by somebody else.
        drifted = self._applied.get(child.ref) == _digest(child)
        try:
            written = await self._apply(child, {"uid": live.meta.uid})
        except Conflict:
            # That incarnation is gone; whatever has the name now is not known.
            self._view.deleted(child.ref, live.meta.uid or "")
            raise
        if written.meta.resource_version == live.meta.resource_version:
            return None  # stored otherwise than it was wanted, and that was so before
        taken = any(difference.other_manager for difference in found)
        return Update(child.ref, found, drifted or taken)

    def _compared(self, child: Child, live: Snapshot) -> tuple[Difference, ...]:
        document = msgspec.json.decode(live.raw)
        whose = ownership(self._owner, document, self._writer.manager)
        if whose is Ownership.FOREIGN:
            raise NameConflict("exists and does not belong to this resource; it is left alone")
        if whose is Ownership.LEFTOVER or live.meta.deletion_timestamp is not None:
            raise Leaving("is still being deleted")
        found = differences(child.body, document, self._writer.manager)
        # A residue is about the body that left it: another one has to be applied first.
        same = self._applied.get(child.ref) == _digest(child)
        residue = self._residues.get(child.ref, frozenset()) if same else frozenset()
        return tuple(difference for difference in found if difference not in residue)

    async def _apply(self, child: Child, identity: dict[str, Any]) -> Snapshot:
        metadata = {**child.body["metadata"], **identity}
        written = await self._writer.apply(child.ref, {**child.body, "metadata": metadata})
        self._applied[child.ref] = _digest(child)
        # What the API server did not keep, such as a field of a newer version, would be applied
        # for ever.
        residue = differences(child.body, msgspec.json.decode(written.raw), self._writer.manager)
        if residue:
            self._residues[child.ref] = frozenset(residue)
        else:
            self._residues.pop(child.ref, None)
        return written


def _digest(child: Child) -> int:
    return hash(msgspec.json.encode(child.body))
