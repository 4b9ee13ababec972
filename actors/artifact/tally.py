"""The sum of one artifact over the pods of its namespace, kept up to date pod by pod."""

from __future__ import annotations

from collections import Counter
from heapq import nsmallest
from typing import TYPE_CHECKING, TypeVar

from resources.artifact.nodereport import LoadState
from resources.artifact.rollout import (
    FAILED,
    NAMED,
    PENDING,
    PLAIN,
    PROGRAMMED,
    UNCOVERED,
    UNREACHABLE,
    Load,
    PodProgress,
    PodReport,
    Subject,
    Sum,
    progress_of,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

T = TypeVar("T", str, tuple[str, str], PodProgress, Load)
# The states of pods that hold a verdict back.
_HOLDING = frozenset({FAILED, PENDING})


class Tally:
    """The sum of one artifact; of the pods with the usual progress, which are most, only a number.

    What is usual is what most pods that are programmed have told.
    """

    __slots__ = ("apart", "counts", "loads", "subject", "usual")

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.usual = PLAIN
        self.apart: dict[str, PodProgress] = {}
        self.counts: Counter[str] = Counter()
        self.loads: Counter[str] = Counter()

    def see(self, pod: str, seen: PodReport | None, *, was_seen: bool) -> bool:
        """Take in a pod, None if it does not count; return whether the sum differs."""
        before = self.apart.pop(pod, None)
        if before is not None:
            self._count(before, -1)
        now = UNCOVERED
        if seen is not None:
            now = progress_of(self.subject, seen)
            if now != self.usual:
                self.apart[pod] = now
                self._count(now, 1)
        is_other = now != (before or (self.usual if was_seen else UNCOVERED))
        return is_other or was_seen != (seen is not None)

    def rebase(self, pods: Collection[str]) -> None:
        """Choose anew what is usual, if something else is; `pods` are all that count."""
        known = len(pods) - len(self.apart)
        if len(self.apart) <= known:
            return
        told = (one for one in self.apart.values() if one.state == PROGRAMMED)
        programmed = Counter(one for one in told if not one.node)  # refusals are told one by one
        ((usual, count),) = programmed.most_common(1) or [(self.usual, 0)]
        if count <= known:
            return
        before = dict.fromkeys((pod for pod in pods if pod not in self.apart), self.usual)
        self.apart = {pod: one for pod, one in self.apart.items() if one != usual} | before
        self._count(usual, -count)
        self._count(self.usual, known)
        self.usual = usual

    @property
    def holds_back(self) -> bool:
        """Whether a pod has failed or not reported yet."""
        return bool(self.counts[FAILED] or self.counts[PENDING])

    def holding(self) -> set[str]:
        """The names of these pods."""
        return {pod for pod, progress in self.apart.items() if progress.state in _HOLDING}

    def outlook(self, pods: int) -> str:
        """The states that decide the status, and how many failed pods its message names."""
        if self.counts[FAILED]:
            return f"{FAILED} {min(self.counts[FAILED], NAMED)}"
        if self.counts[PENDING]:
            return PENDING
        usual = pods - len(self.apart)
        if not usual and not self.counts[PROGRAMMED]:
            return PENDING if self.counts[UNREACHABLE] else ""
        loads = {load for load, count in self.loads.items() if count}
        if usual:
            loads.add(_load_state(self.usual))
        return f"{PROGRAMMED} {min(loads, key=_WORST_FIRST.index)}".rstrip()

    def sum(self, pods: int) -> Sum:
        """The sum over this number of pods that count."""
        counts, apart, progress = self.counts, self.apart.items(), self.apart.values()
        usual = pods - len(self.apart)
        programmed = (
            [pod for pod in progress if pod.state == PROGRAMMED] if counts[PROGRAMMED] else []
        )
        if usual:
            programmed.append(self.usual)
        loads = {pod.load for pod in programmed if pod.load is not None}
        failed = [pod for pod in progress if pod.state == FAILED] if counts[FAILED] else []
        refused = [pod for pod in failed if pod.load is not None]
        return Sum(
            pods=pods,
            programmed=usual + counts[PROGRAMMED],
            failed=counts[FAILED],
            pending=counts[PENDING],
            failures=_first(failed),
            waiting=_first(name for name, pod in apart if counts[PENDING] and pod.state == PENDING),
            remarks=_first({pod.message for pod in programmed if pod.message}),
            unreachable=counts[UNREACHABLE],
            out_of_reach=_first(
                (name, pod.node)
                for name, pod in apart
                if counts[UNREACHABLE] and pod.state == UNREACHABLE
            ),
            loaded=self._loads(LoadState.TRUE, usual),
            not_loaded=self._loads(LoadState.FALSE, usual),
            refused=len(refused),
            refusals=_first(
                (pod.node, pod.load.message)
                for pod in (*programmed, *refused)
                if pod.load is not None and pod.load.state == LoadState.FALSE
            ),
            doubts=_first(load for load in loads if load.state == LoadState.UNKNOWN),
            proofs=_first(
                load.message for load in loads if load.state == LoadState.TRUE and load.message
            ),
        )

    def _count(self, progress: PodProgress, by: int) -> None:
        self.counts[progress.state] += by
        if progress.state == PROGRAMMED:
            self.loads[_load_state(progress)] += by

    def _loads(self, state: LoadState, usual: int) -> int:
        """The number of programmed pods with this state of loading."""
        return self.loads[state] + (usual if _load_state(self.usual) == state else 0)


_WORST_FIRST = (LoadState.FALSE, LoadState.UNKNOWN, "", LoadState.TRUE)


def _load_state(progress: PodProgress) -> str:
    return progress.load.state if progress.load is not None else ""


def _first(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(nsmallest(NAMED, items))
