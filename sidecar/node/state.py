"""What the actors of a node know of its artifacts: written by one each, read by all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.runtime.reason import Cause, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from resources.artifact.nodereport import ArtifactReport
    from resources.kubernetes.reference import ObjectRef
    from resources.node.items import Installed, Item


class Contents:
    """Items come from the artifacts' actors, all else from the installation.

    A message between them carries no payload, it is here: so many changes become one look.
    """

    def __init__(self, tell_installation: Callable[[Reason], None]) -> None:
        """`tell_installation` is called with a reason when there is something else to install."""
        self._tell_installation = tell_installation
        self._items: dict[ObjectRef, Item] = {}
        self.installed: Mapping[str, Installed] = {}
        """By slot, what stands on disk."""
        self.reports: tuple[ArtifactReport, ...] = ()
        """What there is to say of every artifact, as of the last installation."""
        self.batches = 0
        """How many times files were changed, all that were changed together counting once."""
        self.gate_opened = False
        """Whether Falco was let start, now or before a restart."""

    def items(self) -> tuple[Item, ...]:
        """Every artifact that has been looked at."""
        return tuple(self._items.values())

    def put(self, ref: ObjectRef, item: Item) -> None:
        """Take note of what an artifact wants now."""
        if self._items.get(ref) != item:
            self._items[ref] = item
            self._tell_installation(Reason(Cause.CONTENTS))

    def drop(self, ref: ObjectRef) -> None:
        """Take note that an artifact is gone."""
        if self._items.pop(ref, None) is not None:
            self._tell_installation(Reason(Cause.CONTENTS))

    def retain(self, refs: Collection[ObjectRef]) -> None:
        """Forget every artifact but these, which are all that there are."""
        for ref in [ref for ref in self._items if ref not in refs]:
            self.drop(ref)
