"""Which artifacts name which Secrets and ConfigMaps."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from msgspec import DecodeError

from resources.artifact.references import References, references
from resources.falco.rights import Readable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.watch.store import Change, Snapshot
    from resources.kubernetes.reference import ObjectRef

_log = logging.getLogger(__name__)


class ReferenceIndex:
    """Every reference in both directions, as of the last change that was noted.

    A handler of the Router notes each change before any actor is told of it. The size is bounded by
    what the existing artifacts name.
    """

    def __init__(self) -> None:
        self._named: dict[ObjectRef, References] = {}
        self._referrers: defaultdict[ObjectRef, set[ObjectRef]] = defaultdict(set)
        self._readers: defaultdict[str, Counter[ObjectRef]] = defaultdict(Counter)

    def note(self, change: Change) -> frozenset[ObjectRef]:
        """Take in a change of an artifact; return what is now named first, or no longer named.

        So counts as well what nodes are to read first, or no longer. An artifact that cannot be
        decoded still names what it named before.
        """
        before = self._named.get(change.ref, References())
        after = _named_by(change.after, before)
        named, dropped = after.all - before.all, before.all - after.all
        changed = [target for target in named if self._add(target, change.ref)]
        changed += [target for target in dropped if self._drop(target, change.ref)]
        changed += self._read_by(after.of_nodes - before.of_nodes, 1)
        changed += self._read_by(before.of_nodes - after.of_nodes, -1)
        if after.all:
            self._named[change.ref] = after
        else:
            self._named.pop(change.ref, None)
        return frozenset(changed)

    def is_referenced(self, target: ObjectRef) -> bool:
        """Whether any artifact names the object."""
        return target in self._referrers

    def referrers(self, target: ObjectRef) -> frozenset[ObjectRef]:
        """The artifacts that name the object."""
        return frozenset(self._referrers.get(target, ()))

    def targets(self) -> frozenset[ObjectRef]:
        """All objects that artifacts name."""
        return frozenset(self._referrers)

    def readable(self, namespace: str) -> Readable:
        """The names of the Secrets and ConfigMaps that nodes read for a namespace's artifacts."""
        named = self._readers.get(namespace, ())
        secrets, config_maps = (
            frozenset(ref.name for ref in named if ref.kind == kind)
            for kind in ("Secret", "ConfigMap")
        )
        return Readable(secrets, config_maps)

    def _add(self, target: ObjectRef, artifact: ObjectRef) -> bool:
        """Add a reference; whether the target was not named before."""
        is_first = target not in self._referrers
        self._referrers[target].add(artifact)
        return is_first

    def _read_by(self, targets: Iterable[ObjectRef], change: int) -> list[ObjectRef]:
        """One artifact more, or less, has nodes read these; return what no other one has them."""
        changed = []
        for target in targets:
            readers = self._readers[target.namespace]
            readers[target] += change
            if readers[target] == max(change, 0):
                changed.append(target)
            if not readers[target]:
                del readers[target]
            if not readers:
                del self._readers[target.namespace]
        return changed

    def _drop(self, target: ObjectRef, artifact: ObjectRef) -> bool:
        """Remove a reference; whether the target is no longer named."""
        self._referrers[target].discard(artifact)
        if self._referrers[target]:
            return False
        del self._referrers[target]
        return True


def _named_by(artifact: Snapshot | None, before: References) -> References:
    if artifact is None:
        return References()
    try:
        return references(artifact.raw)
    except DecodeError as error:
        _log.warning("cannot be read: %s", error, extra={"object": str(artifact.ref)})
        return before
