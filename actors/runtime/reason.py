"""Why an actor reconciles: what has changed, and which object it was."""

from __future__ import annotations

import sys
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_REASONS = 16
"""Objects that one pending reconcile remembers by name."""


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


class Reasons:
    """The reasons of one reconcile: the newest for each cause, kind and name.

    The first `MOST_REASONS` are kept whole. Later ones are reduced to one reason for each cause and
    kind, of which there are few, and `omitted` counts the rest: no cause and no kind is lost.
    """

    __slots__ = ("_newest", "omitted")

    def __init__(self, *reasons: Reason) -> None:
        self.omitted = 0
        self._newest: dict[tuple[str, str, str], Reason] = {}
        for reason in reasons:
            self.add(reason)

    def __iter__(self) -> Iterator[Reason]:
        return iter(self._newest.values())

    def __len__(self) -> int:
        return len(self._newest)

    def __str__(self) -> str:
        return ", ".join(self.texts())

    def add(self, reason: Reason) -> None:
        """Add a reason, in place of an older one for the same cause and object."""
        newest, key = self._newest, (reason.cause, reason.kind, reason.name)
        if len(newest) >= MOST_REASONS and key not in newest:
            reason = Reason(reason.cause, reason.kind)
            key = (reason.cause, reason.kind, "")
            self.omitted += key in newest
        newest[key] = reason

    def update(self, newer: Reasons) -> None:
        """Add the reasons of a newer collection."""
        for reason in newer:
            self.add(reason)
        self.omitted += newer.omitted

    def have(self, *causes: Cause, kind: str = "") -> bool:
        """Whether a reason has one of these causes and, unless it is empty, this kind."""
        return any(reason.cause in causes and (not kind or reason.kind == kind) for reason in self)

    def texts(self, most: int = sys.maxsize) -> list[str]:
        """Give the first reasons as sorted texts, and at the end how many more there are."""
        texts = sorted(reason.text for reason in islice(self, most))
        omitted = self.omitted + len(self) - len(texts)
        return [*texts, f"and {omitted} more"] if omitted else texts

    def lines(self, most: int) -> str:
        """Give what `texts` gives as the lines of one string."""
        if len(self._newest) == 1 and not self.omitted:
            (reason,) = self._newest.values()
            return reason.text
        return "\n".join(self.texts(most))
