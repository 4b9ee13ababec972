"""From NodeReports as the API server writes them to facts, of which thousands are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import DecodeError
from msgspec.json import Decoder

from cli.observed.facts import Report
from resources.artifact.nodereport import ReportDocument
from resources.artifact.rollout import entries, unlisted_entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.artifact.rollout import ReportEntry, UnlistedEntries


_documents = Decoder(ReportDocument)


class Reports:
    """Takes in NodeReports; pods that report the same share it in memory."""

    def __init__(self) -> None:
        self.by_pod: dict[str, Report] = {}
        """By uid of the pod."""
        self._seen: dict[bytes, _Content] = {}

    def take(self, raw: bytes) -> None:
        """Take in one; one of another release's form counts as none."""
        try:
            document = _documents.decode(raw)
            key = document.digest
            content = self._seen.get(key) or self._seen.setdefault(key, _content(document))
        except DecodeError:
            return
        self.by_pod[document.podUID] = Report(
            document.podUID,
            document.nodeName,
            content.version,
            content.entries,
            content.unlisted,
        )


class _Content(NamedTuple):
    version: str
    entries: Mapping[str, ReportEntry]
    unlisted: tuple[UnlistedEntries, ...]


def _content(document: ReportDocument) -> _Content:
    falco = document.falco_report
    listed = entries(document.artifact_reports, falco)
    others = unlisted_entries(document.unlisted_artifacts, falco)
    version = falco.version if falco is not None else ""
    return _Content(version, {entry.uid: entry for entry in listed}, others)
