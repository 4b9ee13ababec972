"""How far the Falco pods of a namespace have come with the revision of one artifact."""

from __future__ import annotations

import base64
from bisect import bisect_left
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from resources.artifact.nodereport import (
    MARK_BYTES,
    FalcoReport,
    FitState,
    LoadState,
    ReportState,
    mark,
)
from resources.kubernetes.selector import selects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from resources.artifact.nodereport import ArtifactReport, UnlistedArtifacts
    from resources.kubernetes.meta import LabelSelector

PROGRAMMED, FAILED, PENDING, NOT_SELECTED = ReportState
UNREACHABLE = "Unreachable"
"""The state of a pod that is not programmed and whose node is not ready."""

NAMED = 5
"""The number of pods or nodes that a message names; it counts the others."""

# Characters kept of one node's message: a condition holds the messages of NAMED nodes.
_LONGEST = 500
_LEFT_OUT = "the report of this node has no room for the message, the sidecar's log has it"
# The same of a message that may end with a manifest, which is of no use in part.
_LONGEST_FIT = 1024


class Load(NamedTuple):
    """Whether Falco has loaded what is installed, in the words of a condition's status."""

    state: str
    reason: str = ""
    message: str = ""


class Fit(NamedTuple):
    """Whether a Falco, as it is named, has what an artifact needs; `message`: what it lacks."""

    falco: str
    state: str
    message: str = ""


class ReportEntry(Struct, frozen=True, weakref=True):
    """What one pod reports of one artifact; pods whose entries are equal may share one."""

    uid: str
    revision: str
    state: str
    reason: str = ""
    message: str = ""
    load: Load | None = None
    fit: Fit | None = None


class UnlistedEntries(NamedTuple):
    """What one pod reports of artifacts that it only counts; `marks` are sorted."""

    entry: ReportEntry
    marks: bytes

    def has(self, wanted: bytes) -> bool:
        """Whether a mark is among them."""
        low, high = 0, len(self.marks) // MARK_BYTES
        while low < high:
            middle = (low + high) // 2
            found = self._at(middle)
            if found == wanted:
                return True
            low, high = (middle + 1, high) if found < wanted else (low, middle)
        return False

    def _at(self, index: int) -> bytes:
        return self.marks[index * MARK_BYTES : (index + 1) * MARK_BYTES]


class Subject(NamedTuple):
    """The artifact that pods are counted for; `revision` is empty while it is not resolved."""

    uid: str
    revision: str
    selector: LabelSelector | None = None


class PodReport(NamedTuple):
    """A pod that counts, with the node and entries of its NodeReport, and those that it counts.

    Without a report there are no entries, and the node may not be known. `is_unready`: the node is
    known not to be ready.
    """

    node: str = ""
    labels: Mapping[str, str] | None = None
    entries: Sequence[ReportEntry] = ()
    is_unready: bool = False
    unlisted: Sequence[UnlistedEntries] = ()


class PodProgress(NamedTuple):
    """How far one pod has come with a revision.

    `node` is set only if the pod failed, cannot be reached, or has a Falco that did not load it.
    `load` is None where nothing is installed, and while Falco may still load it; a pod that failed
    has one if Falco has refused it.
    """

    state: str
    node: str = ""
    reason: str = ""
    message: str = ""
    load: Load | None = None


class Sum(NamedTuple):
    """All pods of a namespace; `pods` also counts those that the selector does not cover.

    At most NAMED each: `failures` by node, `waiting` names pending pods, `remarks` are messages of
    pods that are programmed, `out_of_reach` names unreachable pods with their nodes. `refusals` are
    nodes whose Falco did not load it, and why: of programmed pods, of which there are `not_loaded`,
    and of failed ones that have taken it back, of which there are `refused`. Of programmed pods
    `doubts` say why that is not known of others, and `proofs` by what it is known of those that
    did. `fits` are all different answers whether Falco has what is needed, the worst first;
    `fitted` is the number of pods that gave one.
    """

    pods: int = 0
    programmed: int = 0
    failed: int = 0
    pending: int = 0
    failures: tuple[PodProgress, ...] = ()
    waiting: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    unreachable: int = 0
    out_of_reach: tuple[tuple[str, str], ...] = ()
    loaded: int = 0
    not_loaded: int = 0
    refused: int = 0
    refusals: tuple[tuple[str, str], ...] = ()
    doubts: tuple[Load, ...] = ()
    proofs: tuple[str, ...] = ()
    fits: tuple[Fit, ...] = ()
    fitted: int = 0

    @property
    def desired(self) -> int:
        """The number of pods that the selector covers."""
        return self.programmed + self.failed + self.pending + self.unreachable


# Shared by many pods, to save memory.
PLAIN, WAITS, UNCOVERED = PodProgress(PROGRAMMED), PodProgress(PENDING), PodProgress(NOT_SELECTED)


def entries(
    reports: Iterable[ArtifactReport], falco: FalcoReport | None
) -> tuple[ReportEntry, ...]:
    """The entries of a NodeReport sorted by uid, of which each occurs once."""
    name = str(falco or FalcoReport())
    by_uid = {
        report.uid: ReportEntry(
            report.uid,
            report.revision,
            report.state,
            report.reason or "",
            (report.message or "")[:_LONGEST],
            _load(report),
            _fit(report, name),
        )
        for report in reports
    }
    return tuple(by_uid[uid] for uid in sorted(by_uid))


def unlisted_entries(
    unlisted: Iterable[UnlistedArtifacts], falco: FalcoReport | None
) -> tuple[UnlistedEntries, ...]:
    """The entries of a NodeReport that has no room for all of its artifacts.

    What is no mark is left out, so that an artifact may be taken for not reported, and never for
    another one.
    """
    name = str(falco or FalcoReport())
    return tuple(
        UnlistedEntries(_entry_of(group, name), _sorted(group.marks)) for group in unlisted
    )


def progress_of(subject: Subject, report: PodReport) -> PodProgress:
    """How far a pod has come with the subject's revision.

    A pod whose report has no entry for this revision is pending, unless the selector does not cover
    the labels of its node. What a pod has installed stays installed when its node is not ready any
    more; whatever else it has reported is no news of it, and it cannot be waited for.
    """
    progress = _progress_of(subject, report)
    if report.is_unready and progress.state in {FAILED, PENDING}:
        return PodProgress(UNREACHABLE, report.node)
    return progress


def _load(report: ArtifactReport) -> Load | None:
    if report.loaded is None:
        return None
    message = (report.loaded_message or "")[:_LONGEST]
    return Load(report.loaded, report.loaded_reason or "", message)


def fit_of(subject: Subject, report: PodReport) -> Fit | None:
    """What a pod says of its Falco and the subject's revision."""
    entry = _entry(report, subject)
    return entry.fit if entry is not None else None


def _fit(report: ArtifactReport, falco: str) -> Fit | None:
    if report.compatible is None or report.state == ReportState.NOT_SELECTED:
        return None
    return Fit(falco, report.compatible, (report.compatible_message or "")[:_LONGEST_FIT])


def _entry_of(group: UnlistedArtifacts, falco: str) -> ReportEntry:
    """What is reported of each artifact of a group."""
    load = fit = None
    if group.loaded is not None:
        why = "" if group.loaded == LoadState.TRUE else _LEFT_OUT
        load = Load(group.loaded, group.loaded_reason or "", why)
    if group.compatible is not None and group.state != ReportState.NOT_SELECTED:
        why = "" if group.compatible == FitState.TRUE else _LEFT_OUT
        fit = Fit(falco, group.compatible, why)
    message = _LEFT_OUT if group.state == FAILED else ""
    return ReportEntry("", "", group.state, group.reason or "", message, load, fit)


def _sorted(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    whole = range(0, len(data) - MARK_BYTES + 1, MARK_BYTES)
    return b"".join(sorted(data[start : start + MARK_BYTES] for start in whole))


def _progress_of(subject: Subject, report: PodReport) -> PodProgress:
    entry = _entry(report, subject)
    if entry is not None:
        return _reported(entry, report.node)
    if report.labels is not None and not selects(subject.selector, report.labels):
        return UNCOVERED
    return WAITS


def _reported(entry: ReportEntry, node: str) -> PodProgress:
    is_refusal = entry.load is not None and entry.load.state == LoadState.FALSE
    match entry.state:
        case ReportState.PROGRAMMED:
            if entry.load is None and not entry.message:
                return PLAIN
            where = node if is_refusal else ""
            return PodProgress(PROGRAMMED, where, message=entry.message, load=entry.load)
        case ReportState.FAILED:
            load = entry.load if is_refusal else None
            return PodProgress(FAILED, node, entry.reason, entry.message, load)
        case ReportState.NOT_SELECTED:
            return UNCOVERED
    return WAITS


def _entry(report: PodReport, subject: Subject) -> ReportEntry | None:
    """What a report says of the subject's revision."""
    entries = report.entries
    at = bisect_left(entries, subject.uid, key=attrgetter("uid"))
    if at < len(entries) and entries[at].uid == subject.uid:
        return entries[at] if entries[at].revision == subject.revision else None
    if not report.unlisted:
        return None
    wanted = mark(subject.uid, subject.revision)
    return next((group.entry for group in report.unlisted if group.has(wanted)), None)
