"""Whether the Falcos of a namespace have what its artifacts need, by what their pods report."""

from __future__ import annotations

from resources.artifact.nodereport import FitState
from resources.artifact.rollout import Fit, PodReport, Subject, fit_of

_WORST_FIRST = (FitState.FALSE, FitState.UNKNOWN, FitState.TRUE)


class FitCounts:
    """The number of pods for each of the different reports, of which pods share equal ones.

    Most pods of a Falco report the same, so that there are few, however many pods there are.
    """

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        # By identity of the entries, for equal ones are one object most of the time; one of the
        # pods stands for all.
        self._counts: dict[tuple[int, int], tuple[PodReport, int]] = {}

    def move(self, before: PodReport | None, after: PodReport | None) -> None:
        """Take in that a pod reports something else; None: it does not count."""
        for report, by in ((before, -1), (after, 1)):
            if report is None or not (report.entries or report.unlisted):
                continue
            key = id(report.entries), id(report.unlisted)
            first, count = self._counts.get(key, (report, 0))
            if count + by:
                self._counts[key] = first, count + by
            else:
                del self._counts[key]

    def sum(self, subject: Subject) -> tuple[tuple[Fit, ...], int]:
        """The different answers about the subject, the worst first, and the pods that gave one."""
        found: set[Fit] = set()
        pods = 0
        for report, count in self._counts.values():
            fit = fit_of(subject, report)
            if fit is not None:
                found.add(fit)
                pods += count
        return tuple(sorted(found, key=_rank)), pods

    def worst(self, subject: Subject) -> str:
        """The worst of the answers; empty if there is none."""
        fits, _ = self.sum(subject)
        return fits[0].state if fits else ""


def _rank(fit: Fit) -> tuple[int, Fit]:
    known = [at for at, state in enumerate(_WORST_FIRST) if state == fit.state]
    return (known[0] if known else len(_WORST_FIRST)), fit
