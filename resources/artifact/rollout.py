"""What the Falco pods of a namespace amount to for one artifact."""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from resources.kubernetes.selector import selects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from resources.artifact.nodereport import ArtifactReport
    from resources.kubernetes.meta import LabelSelector

PROGRAMMED, FAILED, PENDING, NOT_SELECTED = "Programmed", "Failed", "Pending", "NotSelected"

NAMED = 5
"""How many pods or nodes a message names; the rest it counts."""

# Characters of one node's message that are worth keeping: five of them make a condition.
_LONGEST = 500


class ReportEntry(Struct, frozen=True, weakref=True):
    """What one pod reports of one artifact; most pods report the same, and may share it."""

    uid: str
    revision: str
    state: str
    reason: str = ""
    message: str = ""


class Subject(NamedTuple):
    """What is summed up for: a revision of an artifact, empty while there is none, and where to."""

    uid: str
    revision: str
    selector: LabelSelector | None = None


class PodReport(NamedTuple):
    """A pod that counts, as its report shows it: without one there is no node and no entry."""

    node: str = ""
    labels: Mapping[str, str] | None = None
    entries: Sequence[ReportEntry] = ()


class Stand(NamedTuple):
    """How far one pod has come."""

    state: str
    node: str = ""
    reason: str = ""
    message: str = ""


class Sum(NamedTuple):
    """All pods together; `pods` is how many count at all, covered or not.

    The first few are named: failures by node, pods that are waited for by name, remarks of those
    that have succeeded.
    """

    pods: int = 0
    programmed: int = 0
    failed: int = 0
    pending: int = 0
    failures: tuple[Stand, ...] = ()
    waiting: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def desired(self) -> int:
        """How many pods are covered."""
        return self.programmed + self.failed + self.pending


# The usual cases, of which there is no more to tell.
PLAIN, WAITS, UNCOVERED = Stand(PROGRAMMED), Stand(PENDING), Stand(NOT_SELECTED)


def entries(reports: Iterable[ArtifactReport]) -> tuple[ReportEntry, ...]:
    """What a report says, in the order of uids, one for each."""
    found = {
        one.uid: ReportEntry(
            one.uid, one.revision, one.state, one.reason or "", (one.message or "")[:_LONGEST]
        )
        for one in reports
    }
    return tuple(found[uid] for uid in sorted(found))


def stand(subject: Subject, seen: PodReport) -> Stand:
    """How far a pod has come with this revision.

    A report about another one tells only which node it is: what the selector does not cover is not
    waited for.
    """
    entry = _entry(seen.entries, subject.uid)
    if entry is not None and entry.revision == subject.revision:
        return _reported(entry, seen.node)
    if seen.labels is not None and not selects(subject.selector, seen.labels):
        return UNCOVERED
    return WAITS


def _reported(entry: ReportEntry, node: str) -> Stand:
    match entry.state:
        case "Programmed":
            return Stand(PROGRAMMED, message=entry.message) if entry.message else PLAIN
        case "Failed":
            return Stand(FAILED, node, entry.reason, entry.message)
        case "NotSelected":
            return UNCOVERED
    return WAITS


def _entry(entries: Sequence[ReportEntry], uid: str) -> ReportEntry | None:
    at = bisect_left(entries, uid, key=attrgetter("uid"))
    return entries[at] if at < len(entries) and entries[at].uid == uid else None
