"""NodeReports and the labels of nodes in the form in which thousands of them are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeAlias, TypeVar

from msgspec.json import Decoder

from resources.artifact.nodereport import ReportDocument
from resources.artifact.rollout import ReportEntry, UnlistedEntries, entries, unlisted_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.watch.store import Snapshot

K = TypeVar("K")
V = TypeVar("V")

_Entries: TypeAlias = "tuple[tuple[ReportEntry, ...], tuple[UnlistedEntries, ...]]"

_KEPT_TEXTS, _KEPT_ENTRIES = 4096, 64


class Report(NamedTuple):
    """The part of a NodeReport that sums depend on."""

    pod_uid: str
    node: str
    entries: tuple[ReportEntry, ...]
    unlisted: tuple[UnlistedEntries, ...] = ()


class Labels(Mapping[str, str]):
    """The labels of one node, without a dictionary for each."""

    __slots__ = ("_keys", "_values")

    def __init__(self, keys: tuple[str, ...], values: tuple[str, ...]) -> None:
        self._keys = keys
        self._values = values

    def __getitem__(self, key: str) -> str:
        try:
            return self._values[self._keys.index(key)]
        except ValueError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


_decoder = Decoder(ReportDocument)


class ReportDecoder:
    """Gives equal parts of many nodes' reports and labels as one object.

    The nodes of a namespace report the same of the same artifacts most of the time, so that most
    reports need not be decoded either.
    """

    def __init__(self) -> None:
        self._entries: _Recent[bytes, _Entries] = _Recent(_KEPT_ENTRIES)
        self._keys: _Recent[tuple[str, ...], tuple[str, ...]] = _Recent(_KEPT_TEXTS)
        self._texts: _Recent[str, str] = _Recent(_KEPT_TEXTS)

    def report(self, snapshot: Snapshot) -> Report:
        """Decode a NodeReport; raises msgspec.DecodeError."""
        document = _decoder.decode(snapshot.raw)
        key = document.digest
        reported = self._entries.get(key)
        if reported is None:
            falco = document.falco_report
            listed = entries(document.artifact_reports, falco)
            others = unlisted_entries(document.unlisted_artifacts, falco)
            reported = self._entries.one(key, (listed, others))
        return Report(document.podUID, document.nodeName, *reported)

    def labels(self, labels: Mapping[str, str]) -> Labels:
        """The same labels; only the text that few nodes share takes memory."""
        keys = tuple(labels)
        values = tuple(self._texts.one(value, value) for value in labels.values())
        return Labels(self._keys.one(keys, keys), values)


class _Recent(Generic[K, V]):
    """Values by key; all are forgotten when there are `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        return self._values.get(key)

    def one(self, key: K, value: V) -> V:
        """The value that is kept for a key, this one if there is none."""
        if len(self._values) >= self._most:
            self._values.clear()
        return self._values.setdefault(key, value)
