"""Which artifacts name which Secrets and ConfigMaps."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import DecodeError

from resources.artifact.references import references
from resources.falco.rights import Readable

if TYPE_CHECKING:
    from actors.watch.store import Change, Snapshot
    from resources.kubernetes.reference import ObjectRef

_log = logging.getLogger(__name__)


class ReferenceIndex:
    """Every reference in both directions, as of the last change that was noted.

    A handler of the Router notes each change before any actor is told of it. The size is bounded by
    what the existing artifacts name.
    """

    def __init__(self) -> None:
        self._named: dict[ObjectRef, frozenset[ObjectRef]] = {}
        self._referrers: defaultdict[ObjectRef, set[ObjectRef]] = defaultdict(set)
        self._by_namespace: defaultdict[str, set[ObjectRef]] = defaultdict(set)

    def note(self, change: Change) -> frozenset[ObjectRef]:
        """Take in a change of an artifact; return what is now named first, or no longer named.

        An artifact that cannot be decoded still names what it named before.
        """
        before = self._named.get(change.ref, frozenset())
        after = _named_by(change.after, before)
        added = [target for target in after - before if self._add(target, change.ref)]
        dropped = [target for target in before - after if self._drop(target, change.ref)]
        if after:
            self._named[change.ref] = after
        else:
            self._named.pop(change.ref, None)
        return frozenset([*added, *dropped])

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
        """The names of the Secrets and ConfigMaps that the artifacts of a namespace refer to."""
        named = self._by_namespace.get(namespace, ())
        secrets, config_maps = (
            frozenset(ref.name for ref in named if ref.kind == kind)
            for kind in ("Secret", "ConfigMap")
        )
        return Readable(secrets, config_maps)

    def _add(self, target: ObjectRef, artifact: ObjectRef) -> bool:
        """Add a reference; whether the target was not named before."""
        is_first = target not in self._referrers
        self._referrers[target].add(artifact)
        self._by_namespace[target.namespace].add(target)
        return is_first

    def _drop(self, target: ObjectRef, artifact: ObjectRef) -> bool:
        """Remove a reference; whether the target is no longer named."""
        self._referrers[target].discard(artifact)
        if self._referrers[target]:
            return False
        del self._referrers[target]
        self._by_namespace[target.namespace].discard(target)
        if not self._by_namespace[target.namespace]:
            del self._by_namespace[target.namespace]
        return True


def _named_by(artifact: Snapshot | None, before: frozenset[ObjectRef]) -> frozenset[ObjectRef]:
    if artifact is None:
        return frozenset()
    try:
        return references(artifact.raw)
    except DecodeError as error:
        _log.warning("cannot be read: %s", error, extra={"object": str(artifact.ref)})
        return before
