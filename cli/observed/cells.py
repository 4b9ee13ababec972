"""How far each Falco pod of a namespace has come with each artifact."""

from __future__ import annotations

from collections import Counter
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from resources.artifact.nodereport import LoadState, ReportState, mark
from resources.kubernetes.selector import selects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cli.observed.facts import Artifact, Node, Pod, Report
    from resources.artifact.rollout import ReportEntry


class State(Enum):
    """How far a pod has come with an artifact, the best first."""

    LOADED = "LOADED"
    """Falco says that it has loaded it."""
    INSTALLED = "INSTALLED"
    """It is installed; Falco has not loaded it yet, or cannot be asked."""
    STALE = "STALE"
    """What the pod has said is of an earlier revision."""
    WAITING = "WAITING"
    """It is to be installed, and the pod has not done it yet."""
    FAILED = "FAILED"
    """It cannot be installed, or Falco refuses it."""
    NOT_SELECTED = "NOT SELECTED"
    """The artifact's selector does not cover the node."""


class Cell(NamedTuple):
    """The state of one artifact on one pod; `why` says what is known of the reason."""

    pod: Pod
    state: State
    why: str = ""


class Row(NamedTuple):
    """One artifact: how many pods have which state, and the pods that differ from most.

    Without `is_known` the pods, or what they say, could not be read.
    """

    artifact: Artifact
    counts: Mapping[State, int]
    different: tuple[Cell, ...]
    is_known: bool = True

    @property
    def desired(self) -> int:
        """The number of pods that are to have it."""
        return sum(self.counts.values()) - self.counts.get(State.NOT_SELECTED, 0)


_ORDER = {state: at for at, state in enumerate(State)}


def rows(
    artifacts: Iterable[Artifact],
    pods: Sequence[Pod],
    reports: Mapping[str, Report],
    nodes: Mapping[str, Node],
) -> list[Row]:
    """A row for each artifact of a namespace; `pods` are its Falco pods that are on a node.

    `reports` are NodeReports by uid of their pod.
    """
    placed = [(pod, reports.get(pod.meta.uid), nodes.get(pod.node)) for pod in pods]
    return [_row(artifact, placed) for artifact in artifacts]


def _row(artifact: Artifact, placed: Iterable[tuple[Pod, Report | None, Node | None]]) -> Row:
    counts: Counter[State] = Counter()
    others: dict[State, list[Cell]] = {}
    for pod, report, node in placed:
        state, why = _state(artifact, report, node)
        counts[state] += 1
        if state not in {State.LOADED, State.NOT_SELECTED}:
            others.setdefault(state, []).append(Cell(pod, state, why))
    if not counts[State.LOADED]:
        others.pop(State.INSTALLED, None)
    different = [cell for state in sorted(others, key=_rank) for cell in others[state]]
    return Row(artifact, counts, tuple(different))


def _rank(state: State) -> int:
    return -_ORDER[state]


def _state(artifact: Artifact, report: Report | None, node: Node | None) -> tuple[State, str]:
    subject = artifact.subject
    entry = report.entries.get(subject.uid) if report is not None else None
    if entry is None and report is not None and report.unlisted:
        wanted = mark(subject.uid, subject.revision)
        entry = next((group.entry for group in report.unlisted if group.has(wanted)), None)
        if entry is not None:
            return _of_entry(entry)
    if entry is not None and entry.revision == subject.revision:
        return _of_entry(entry)
    is_known = node is not None and subject.selector is not None
    if is_known and not selects(subject.selector, node.labels):  # type: ignore[union-attr]
        return State.NOT_SELECTED, ""
    if entry is None:
        return State.WAITING, "no NodeReport" if report is None else "not reported yet"
    if entry.state == ReportState.NOT_SELECTED:
        return State.NOT_SELECTED, ""
    return State.STALE, f"its report is of revision {entry.revision or 'none'}"


def _of_entry(entry: ReportEntry) -> tuple[State, str]:
    match entry.state:
        case ReportState.PROGRAMMED:
            load = entry.load
            if load is not None and load.state == LoadState.TRUE:
                return State.LOADED, ""
            return State.INSTALLED, load.message or load.reason if load is not None else ""
        case ReportState.FAILED:
            return State.FAILED, entry.message or entry.reason
        case ReportState.NOT_SELECTED:
            return State.NOT_SELECTED, ""
    return State.WAITING, entry.message or entry.reason
