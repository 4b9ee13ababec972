"""Why an actor reconciles: what has changed, and which object it was."""

from __future__ import annotations

import re
import sys
from enum import StrEnum
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_REASONS = 16
"""Objects that one pending reconcile remembers by name."""

# A cause is lower case, a kind is not.
_TEXT = re.compile(
    "(?P<cause>[a-z ]+)(?: (?P<kind>[A-Z][^ ]*)(?: (?P<name>[^ ]+?)(?:@(?P<version>[^@]*))?)?)?"
)


class Cause(StrEnum):
    """What has happened."""

    CHANGED = "changed"
    """An object was created or updated."""

    DELETED = "deleted"
    """An object was deleted."""

    ABSENT = "absent"
    """An object that another one names does not exist."""

    LISTED = "listed"
    """Every kind has been listed, and every actor has to look once."""

    ORPHANED = "orphaned"
    """An object is left whose owner does not exist any more."""

    REFERENCES = "references"
    """Other objects are referenced than before."""

    DIGEST = "digest"
    """A tag points to another digest."""

    SIGNATURE = "signature"
    """It has become known who has signed a digest, or the trusted root has changed."""

    REGISTRIES = "registries"
    """The table of registries has changed."""

    CONTENTS = "contents"
    """Other contents are wanted on the node than before."""

    FETCHED = "fetched"
    """Content has been fetched, or could not be."""

    LOST = "lost"
    """Content that had been fetched is not on the disk any more."""

    INSTALLED = "installed"
    """The node's contents have been installed."""

    LOADED = "loaded"
    """Falco has told something new about what it has loaded."""

    NOT_LOADED = "not loaded"
    """Falco seems to have missed a change of its files."""

    VERSIONS = "versions"
    """Falco has said that its versions are others than those that were known."""

    STARTED = "started"
    """The actor has just started."""

    RESTARTED = "restarted"
    """The actor was started again after a crash."""

    TIMER = "timer"
    """The time of a `RequeueAfter` is over."""

    RETIRING = "retiring"
    """The actor wanted to retire while mail was waiting."""


class Reason(msgspec.Struct, frozen=True, gc=False):
    """What has happened, to which object, and the version that the object then had.

    `kind`, `name` and `version` are empty if the cause concerns no single object.
    """

    cause: Cause
    kind: str = ""
    name: str = ""
    version: str = ""

    @property
    def text(self) -> str:
        """Give a text such as `changed DaemonSet falco@4711`."""
        cause = self.cause._value_  # the one string of the cause, where str() makes a copy
        if self.version:
            return f"{cause} {self.kind} {self.name}@{self.version}"
        if self.kind:
            return f"{cause} {self.kind} {self.name}".rstrip()
        return cause


class Sighting(NamedTuple):
    """How often a reason has come for one reconcile, first and last at these monotonic times.

    The reason has the newest version.
    """

    reason: Reason
    first: float
    last: float
    times: int


class Reasons:
    """The reasons of one reconcile: the newest for each cause, kind and name.

    The first `MOST_REASONS` are kept whole. Later ones are reduced to one reason for each cause and
    kind, of which there are few, and `omitted` counts the rest: no cause and no kind is lost.
    """

    __slots__ = ("_newest", "omitted")

    def __init__(self, *reasons: Reason, at: float = 0.0) -> None:
        """The reasons have all come at this monotonic time."""
        self.omitted = 0
        self._newest: dict[tuple[str, str, str], Sighting] = {}
        for reason in reasons:
            self.add(reason, at)

    def __iter__(self) -> Iterator[Reason]:
        return map(itemgetter(0), self._newest.values())

    def __len__(self) -> int:
        return len(self._newest)

    def __str__(self) -> str:
        return ", ".join(self.texts())

    def add(self, reason: Reason, at: float) -> None:
        """Add a reason that came then, in place of an older one for the same cause and object."""
        self._add(Sighting(reason, at, at, 1))

    def update(self, newer: Reasons) -> None:
        """Add the reasons of a newer collection."""
        for sighting in newer._newest.values():
            self._add(sighting)
        self.omitted += newer.omitted

    def _add(self, sighting: Sighting) -> None:
        reason, first, last, times = sighting
        newest, key = self._newest, (reason.cause, reason.kind, reason.name)
        before = newest.get(key)
        if before is None and len(newest) >= MOST_REASONS:
            reason = Reason(reason.cause, reason.kind)
            key = (reason.cause, reason.kind, "")
            before = newest.get(key)
            self.omitted += before is not None
            sighting = Sighting(reason, first, last, times)
        if before is not None:
            first, last = min(first, before.first), max(last, before.last)
            sighting = Sighting(reason, first, last, times + before.times)
        newest[key] = sighting

    def have(self, *causes: Cause, kind: str = "") -> bool:
        """Whether a reason has one of these causes and, unless it is empty, this kind."""
        return any(reason.cause in causes and (not kind or reason.kind == kind) for reason in self)

    def texts(self, most: int = sys.maxsize) -> list[str]:
        """Give the first reasons as sorted texts, and at the end how many more there are."""
        texts = sorted(reason.text for reason in islice(self, most))
        omitted = self.omitted + len(self) - len(texts)
        return [*texts, f"and {omitted} more"] if omitted else texts

    def sightings(self, most: int) -> list[Sighting]:
        """Give the first reasons in the order of `texts`, each with its times."""
        if len(self._newest) == 1:
            return [*self._newest.values()]
        return sorted(islice(self._newest.values(), most), key=lambda seen: seen.reason.text)


def reason_in(text: str) -> Reason | None:
    """The reason with this text; None if it is none, such as `and 3 more`."""
    match = _TEXT.fullmatch(text)
    if match is None or match["cause"] not in set(Cause):
        return None
    return Reason(
        Cause(match["cause"]), match["kind"] or "", match["name"] or "", match["version"] or ""
    )
