"""Makes one child of a custom resource equal to its desired body, in as few requests as possible.

Claim, then own. A child that the View does not show is claimed by an apply that carries
resourceVersion "1": the API server answers 201 if the name is free and 409 if an object has it
(measured on 1.29 to 1.36), so the first write is atomic, needs no read and never touches a foreign
object. Every later write carries the uid, so it can neither create an object nor touch another
incarnation, and is made only if the fields that we own differ from the desired body.

A child of an earlier incarnation of the owner is for the garbage collector to delete. If its watch
broke while the owner was replaced, it never does (measured: nothing within 5 minutes). Then the
child is taken over, or deleted if it is not wanted, unless it changes meanwhile.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from actors.api.errors import Conflict
from actors.write.errors import Leaving, NameConflict
from resources.instance.outcome import Unstored, Update
from resources.instance.owner import Ownership, ownership
from resources.kubernetes.managed_fields import Difference, differences

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.runtime.clock import Clock
    from actors.watch.store import Snapshot
    from actors.write.writer import Writer
    from resources.instance.children import Child
    from resources.kubernetes.reference import ObjectRef, Owner


# Seconds that the garbage collector has to delete the children of an earlier incarnation.
_COLLECTED_WITHIN = 30.0


class Applier:
    """Writes and deletes the children of one incarnation of an owner, and no foreign object."""

    __slots__ = (
        "_applied",
        "_clock",
        "_leftover_since",
        "_owner",
        "_residues",
        "_view",
        "_writer",
    )

    def __init__(self, writer: Writer, owner: Owner, clock: Clock) -> None:
        self._writer = writer
        self._view = writer.view
        self._owner = owner
        self._clock = clock
        self._leftover_since: float | None = None
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

        The object is read by name first, for a watch may be stale. Raises an ApiError.
        """
        live = await self._writer.read(ref)
        if live is None or (whose := self._whose(live)) is Ownership.FOREIGN:
            return True
        if live.meta.deletion_timestamp is not None:
            return False
        if whose is Ownership.OURS:
            return await self._writer.delete(live)
        await self._confirm_owner()
        return await self._writer.delete_unchanged(live)

    async def prune(self, ref: ObjectRef) -> bool:
        """Delete an object that the View shows and that is no longer wanted; True once it is gone.

        Raises Leaving while the garbage collector may still delete it, or an ApiError.
        """
        live = self._view.get(ref)
        if live is None or (whose := self._whose(live)) is Ownership.FOREIGN:
            return False
        if whose is Ownership.LEFTOVER and live.meta.deletion_timestamp is None:
            self._leave_to_collector(live)
        return await self.remove(ref)

    def unstored(self, children: Iterable[Child]) -> tuple[Unstored, ...]:
        """The fields that the API server did not store as they are applied, by child."""
        residues = ((child.ref, self._residue(child)) for child in children)
        return tuple(
            Unstored(ref, tuple(sorted(difference.path for difference in residue)))
            for ref, residue in residues
            if residue
        )

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
        identity = {"uid": live.meta.uid}
        if self._whose(live) is Ownership.LEFTOVER:
            await self._confirm_owner()
            identity["resourceVersion"] = live.meta.resource_version
        # The same body was applied before, so somebody else has changed the object since.
        drifted = self._applied.get(child.ref) == _digest(child)
        try:
            written = await self._apply(child, identity)
        except Conflict:
            # That incarnation is gone; another object may have the name by now.
            self._view.deleted(child.ref, live.meta.uid or "")
            raise
        same = written.meta.resource_version == live.meta.resource_version
        if same or self._residue(child).issuperset(different):
            return None  # the API server stores these fields differently, and did so before
        taken = any(difference.other_manager for difference in different)
        return Update(child.ref, different, drifted or taken)

    def _compared(self, child: Child, live: Snapshot) -> tuple[Difference, ...]:
        document = msgspec.json.decode(live.raw)
        whose = ownership(self._owner, document, self._writer.manager)
        if whose is Ownership.FOREIGN:
            raise NameConflict("exists and does not belong to this resource; it is left alone")
        if live.meta.deletion_timestamp is not None:
            raise Leaving("is still being deleted")
        if whose is Ownership.LEFTOVER:
            self._leave_to_collector(live)
        different = differences(child.body, document, self._writer.manager)
        if different and all(difference.kind == "dropped" for difference in different):
            # All of it was applied before, maybe by an operator that has ended since.
            self._remember(child, different)
        residue = self._residue(child) if different else ()
        return tuple(difference for difference in different if difference not in residue)

    def _residue(self, child: Child) -> frozenset[Difference]:
        """What stays different after an apply of this body; another body has to be applied."""
        residue = self._residues.get(child.ref, frozenset())
        return (
            residue if residue and self._applied.get(child.ref) == _digest(child) else frozenset()
        )

    def _leave_to_collector(self, live: Snapshot) -> None:
        """Raise Leaving until the garbage collector has had its time."""
        now = self._clock.monotonic()
        if self._leftover_since is None:
            self._leftover_since = now
        if now < self._leftover_since + _COLLECTED_WITHIN:
            kind, _, name = self._owner.ref
            uids = ", ".join(owner.uid for owner in live.meta.owner_references or ())
            raise Leaving(
                f"belongs to an earlier {kind} {name} (uid {uids}) and waits for the garbage"
                f" collector; after {_COLLECTED_WITHIN:.0f} s it is taken over, or deleted if it is"
                " not wanted"
            )

    async def _confirm_owner(self) -> None:
        """Raise Conflict unless the owner exists: else an object may be of a later incarnation."""
        live = await self._writer.read(self._owner.ref)
        if live is None or live.meta.uid != self._owner.uid:
            raise Conflict(409, "Conflict", f"{self._owner.ref} has another uid by now")

    async def _apply(self, child: Child, identity: dict[str, Any]) -> Snapshot:
        metadata = {**child.body["metadata"], **identity}
        written = await self._writer.apply(child.ref, {**child.body, "metadata": metadata})
        # A field that the API server did not store, such as one of a newer version, would else be
        # applied again and again.
        residue = differences(child.body, msgspec.json.decode(written.raw), self._writer.manager)
        self._remember(child, residue)
        return written

    def _remember(self, child: Child, residue: tuple[Difference, ...]) -> None:
        """Take in that this body was applied, and what stayed different."""
        self._applied[self._view.kept(child.ref)] = _digest(child)
        if residue:
            self._residues[child.ref] = frozenset(residue)
        else:
            self._residues.pop(child.ref, None)


def _digest(child: Child) -> int:
    return hash(msgspec.json.encode(child.body))
