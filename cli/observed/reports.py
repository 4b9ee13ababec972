"""From NodeReports as the API server writes them to facts, of which thousands are alike."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder

from cli.observed.facts import Report
from resources.artifact.nodereport import ArtifactReport, FalcoReport, UnlistedArtifacts
from resources.artifact.rollout import entries, unlisted_entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.artifact.rollout import ReportEntry, UnlistedEntries


class _Document(Struct):
    nodeName: str  # noqa: N815 - the name on the wire
    podUID: str  # noqa: N815
    falco: Raw = Raw(b"null")
    artifacts: Raw = Raw(b"null")
    unlisted: Raw = Raw(b"null")


_documents = Decoder(_Document)
_falcos = Decoder(FalcoReport | None)
_artifacts = Decoder(tuple[ArtifactReport, ...] | None)
_unlisted = Decoder(tuple[UnlistedArtifacts, ...] | None)


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
            told = b"".join((document.falco, document.artifacts, document.unlisted))
            key = hashlib.blake2b(told, digest_size=16).digest()
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


def _content(document: _Document) -> _Content:
    falco = _falcos.decode(document.falco)
    listed = entries(_artifacts.decode(document.artifacts) or (), falco)
    others = unlisted_entries(_unlisted.decode(document.unlisted) or (), falco)
    version = falco.version if falco is not None else ""
    return _Content(version, {entry.uid: entry for entry in listed}, others)
