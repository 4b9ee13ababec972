"""A NodeReport of bounded size, whatever a namespace holds: failures first, the rest counted."""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from resources.artifact.nodereport import (
    MARK_BYTES,
    ArtifactReport,
    FitState,
    LoadState,
    ReportState,
    UnlistedArtifacts,
    mark,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MOST_BYTES = 256 << 10
"""The size of a NodeReport as the API server stores it."""

# For metadata, and what else the report says of its pod.
_HEAD = 8 << 10
# In base64, which takes three bytes as four letters.
_MARK_LETTERS = MARK_BYTES * 4 // 3
# As many as there are states, without their reasons.
_MOST_GROUPS = 64
_GROUP_BYTES = 256
_ROOM = MOST_BYTES - _HEAD - _MOST_GROUPS * _GROUP_BYTES
# As every reason of ours; a longer one would make the groups of unlisted artifacts longer.
_REASON = re.compile(r"[A-Za-z]{1,48}", re.ASCII)
# The API server writes each of these as \u and four digits.
_ESCAPED_ASCII, _ESCAPED_WIDE = b"<>&", ("\u2028".encode(), "\u2029".encode())


class ShortReport(NamedTuple):
    """The artifacts of a NodeReport: those that are listed, and those that are counted."""

    artifacts: tuple[ArtifactReport, ...]
    unlisted: tuple[UnlistedArtifacts, ...] = ()


def shortened(reports: Sequence[ArtifactReport]) -> ShortReport:
    """The reports as they are if they fit into a NodeReport; else failures first."""
    if sum(map(_size, reports)) <= _ROOM:
        return ShortReport(tuple(reports))
    ordered = sorted(reports, key=_rank)
    listed = 0
    for taken in accumulate(map(_size, ordered)):
        if taken + _MARK_LETTERS * (len(ordered) - listed - 1) > _ROOM:
            break
        listed += 1
    return ShortReport(tuple(ordered[:listed]), _grouped(ordered[listed:]))


def _size(report: ArtifactReport) -> int:
    """The bytes of a report in the API server's JSON, at most."""
    data = msgspec.json.encode(report)
    ascii_count = sum(data.count(letter) for letter in _ESCAPED_ASCII)
    wide_count = sum(map(data.count, _ESCAPED_WIDE))
    return len(data) + 1 + 5 * ascii_count + 3 * wide_count


def _rank(report: ArtifactReport) -> int:
    """The smaller, the more somebody wants to read it."""
    ranks = (
        report.state == ReportState.FAILED,
        report.loaded == LoadState.FALSE,
        report.compatible == FitState.FALSE,
        report.state == ReportState.PENDING,
        LoadState.UNKNOWN in (report.loaded, report.compatible),
        report.message is not None,
    )
    return ranks.index(True) if True in ranks else len(ranks)


def _grouped(reports: Sequence[ArtifactReport]) -> tuple[UnlistedArtifacts, ...]:
    """The reports by what they say; of the first of them, as many as there is room for, marks."""
    groups = _by(_outcome, reports)
    if len(groups) > _MOST_GROUPS:
        groups = _by(_bare_outcome, reports)
    left, unlisted = _ROOM // _MARK_LETTERS, []
    for outcome, members in groups.items():
        marks = sorted(mark(report.uid, report.revision) for report in members[:left])
        left -= len(marks)
        text = base64.b64encode(b"".join(marks)).decode()
        unlisted.append(replace(outcome, count=len(members), marks=text))
    return tuple(unlisted)


def _by(
    outcome: Callable[[ArtifactReport], UnlistedArtifacts], reports: Iterable[ArtifactReport]
) -> dict[UnlistedArtifacts, list[ArtifactReport]]:
    groups: defaultdict[UnlistedArtifacts, list[ArtifactReport]] = defaultdict(list)
    for report in reports:
        groups[outcome(report)].append(report)
    return groups


def _outcome(report: ArtifactReport) -> UnlistedArtifacts:
    return UnlistedArtifacts(
        state=report.state,
        reason=_short(report.reason),
        loaded=report.loaded,
        loaded_reason=_short(report.loaded_reason),
        compatible=report.compatible,
    )


def _bare_outcome(report: ArtifactReport) -> UnlistedArtifacts:
    return replace(_outcome(report), reason=None, loaded_reason=None)


def _short(reason: str | None) -> str | None:
    return reason if reason and _REASON.fullmatch(reason) else None
