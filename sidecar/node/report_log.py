"""The log of what a node reports: a line for each artifact whose state has changed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors.runtime.activity import decide
from resources.artifact.nodereport import ReportState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resources.artifact.nodereport import ArtifactReport

_log = logging.getLogger(__name__)


def log_changes(before: Iterable[ArtifactReport], after: Iterable[ArtifactReport]) -> None:
    """Log what was installed and what failed; a failure that only repeats is logged once.

    The trace of the running actor gets the same, and what is pending.
    """
    known = {(report.kind, report.name, report.uid): report for report in before}
    for report in after:
        if known.get((report.kind, report.name, report.uid)) == report:
            continue
        extra = {"object": f"{report.kind}/{report.name}"}
        why = f": {report.reason}: {report.message}" if report.message else ""
        what = f"{report.kind}/{report.name} of revision {report.revision or 'unknown'}"
        decide(f"found {what} {report.state}{why}")
        if report.state == ReportState.FAILED:
            _log.warning("not installed: %s: %s", report.reason, report.message, extra=extra)
        elif report.state == ReportState.PROGRAMMED:
            warnings = f"; {report.message}" if report.message else ""
            _log.info("installed: revision %s%s", report.revision, warnings, extra=extra)
