"""Who names what: artifacts, and the Secrets and ConfigMaps that they refer to."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import DecodeError

from resources.artifact.references import references

if TYPE_CHECKING:
    from actors.watch.store import Change, Snapshot
    from resources.kubernetes.reference import ObjectRef

_log = logging.getLogger(__name__)


class ReferenceIndex:
    """Both directions of every reference, as of the last change that was noted.

    Written by whoever hears the watchers, before anybody is told; bounded by what artifacts name.
    """

    def __init__(self) -> None:
        self._named: dict[ObjectRef, frozenset[ObjectRef]] = {}
        self._referrers: defaultdict[ObjectRef, set[ObjectRef]] = defaultdict(set)
        self._scopes: defaultdict[ObjectRef, set[ObjectRef]] = defaultdict(set)

    def note(self, change: Change) -> frozenset[ObjectRef]:
        """Take in a change of an artifact; return what is named for the first time, or no more.

        An artifact that cannot be read names what it named before.
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
        """Whether any artifact names it."""
        return target in self._referrers

    def referrers(self, target: ObjectRef) -> frozenset[ObjectRef]:
        """The artifacts that name it."""
        return frozenset(self._referrers.get(target, ()))

    def targets(self) -> frozenset[ObjectRef]:
        """Everything that is named by anything."""
        return frozenset(self._referrers)

    def scopes(self) -> frozenset[ObjectRef]:
        """Every scope in which anything is named."""
        return frozenset(self._scopes)

    def targets_in(self, scope: ObjectRef) -> frozenset[ObjectRef]:
        """What of one kind is named in one namespace."""
        return frozenset(self._scopes.get(scope, ()))

    def names_in(self, scope: ObjectRef) -> bool:
        """Whether anything of this kind is named in this namespace."""
        return scope in self._scopes

    def _add(self, target: ObjectRef, artifact: ObjectRef) -> bool:
        """Whether it was not named before."""
        is_first = target not in self._referrers
        self._referrers[target].add(artifact)
        self._scopes[scope_of(target)].add(target)
        return is_first

    def _drop(self, target: ObjectRef, artifact: ObjectRef) -> bool:
        """Whether it is not named any more."""
        self._referrers[target].discard(artifact)
        if self._referrers[target]:
            return False
        del self._referrers[target]
        scope = scope_of(target)
        self._scopes[scope].discard(target)
        if not self._scopes[scope]:
            del self._scopes[scope]
        return True


def scope_of(ref: ObjectRef) -> ObjectRef:
    """The scope that an object lies in: its kind and namespace, and no name."""
    return ref._replace(name="")


def _named_by(artifact: Snapshot | None, before: frozenset[ObjectRef]) -> frozenset[ObjectRef]:
    if artifact is None:
        return frozenset()
    try:
        return references(artifact.raw)
    except DecodeError as error:
        _log.warning("cannot be read: %s", error, extra={"object": str(artifact.ref)})
        return before
