"""The conditions of an artifact that sum up its pods: `Programmed`, `Loaded` and `Compatible`.

Each is a table of cases, of which the first that holds decides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from resources.artifact.nodereport import FitState, ReportState
from resources.artifact.reasons import (
    COMPATIBLE_FALCOS,
    INCOMPATIBLE,
    INSTALLED,
    INVALID,
    LOADED_BY_FALCO,
    NO_NODES,
    NOT_LOADED,
    NOT_PROGRAMMED,
    PENDING,
    VERSIONS_UNKNOWN,
)
from resources.artifact.rollout import NAMED
from resources.kubernetes.conditions import COMPATIBLE, LOADED, PROGRAMMED, ConditionDraft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from resources.artifact.resolution import ResolutionFailure
    from resources.artifact.rollout import Sum

# The API server refuses any other reason of a condition; a NodeReport may contain any text.
_REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", re.ASCII)


class _Case(NamedTuple):
    """The condition where `holds` gives something true: its status, reason and message."""

    holds: Callable[[Sum], object]
    status: str
    reason: str | Callable[[Sum], str]
    text: Callable[[Sum], str]


def summed_up(
    condition: str, total: Sum, trouble: ResolutionFailure | None, generation: int | None
) -> ConditionDraft:
    """The condition of this type; `trouble` keeps the artifact from being installed at all."""
    if trouble is not None:
        if condition == PROGRAMMED:
            return ConditionDraft(condition, *trouble, generation)
        text = "Not installed yet, as the condition Programmed says"
        return ConditionDraft(condition, "Unknown", trouble.reason, text, generation)
    case = next(case for case in _CASES[condition] if case.holds(total))
    reason = case.reason if isinstance(case.reason, str) else _usable(case.reason(total))
    text = "; ".join((case.text(total), *_remarks(condition, case.status, total)))
    return ConditionDraft(condition, case.status, reason, text, generation)


def pod_count(count: int) -> str:
    """The number of pods for a message, as in "1 pod" and "3 pods"."""
    return f"{count} pod" if count == 1 else f"{count} pods"


def _remarks(condition: str, status: str, total: Sum) -> Iterator[str]:
    """What a message adds, whichever case holds."""
    if condition == PROGRAMMED:
        yield from _out_of_reach(total)
        yield from total.remarks if status == "True" else ()
    elif condition == LOADED:
        yield from total.proofs if status == "True" else ()


def _usable(reason: str) -> str:
    """The reason, if the API server takes it for a condition."""
    return reason if _REASON.fullmatch(reason) else ReportState.FAILED.value


def _of_all(total: Sum) -> str:
    return f"of {pod_count(total.desired)}"


def _not_known(total: Sum) -> int:
    """The number of pods of which it is not known whether Falco has loaded what is installed."""
    return total.programmed - total.loaded - total.not_loaded


def _not_fitted(total: Sum) -> int:
    """The number of pods that cannot say what the artifact needs, for they do not have it."""
    return max(0, total.programmed + total.failed - total.fitted)


def _failures(total: Sum) -> str:
    text = _by_message(((pod.node, pod.message) for pod in total.failures), total.failed)
    return f"Failed on {total.failed} {_of_all(total)}: {text}"


def _refusals(total: Sum) -> str:
    count = total.not_loaded + total.refused
    return f"Not loaded on {count} {_of_all(total)}: {_by_message(total.refusals, count)}"


def _doubts(total: Sum) -> str:
    text = "; ".join(doubt.message for doubt in total.doubts)
    return f"Not known of {_not_known(total)} {_of_all(total)}: {text}"


def _by_message(told: Iterable[tuple[str, str]], count: int) -> str:
    """A message in which nodes that tell the same are named together; `told` names some pods."""
    by_message: dict[str, dict[str, None]] = {}
    named = 0
    for node, message in told:
        by_message.setdefault(message, {})[node] = None
        named += 1
    texts = [f"{', '.join(names)}: {message}" for message, names in by_message.items()]
    if count > named:
        texts.append(f"and {pod_count(count - named)} more")
    return "; ".join(texts)


def _fits(total: Sum) -> str:
    """What Falcos lack, the worst first; those that lack the same are named together."""
    by_message: dict[str, list[str]] = {}
    for fit in total.fits[:NAMED]:
        by_message.setdefault(fit.message or "all that it needs is there", []).append(fit.falco)
    texts = [f"{', '.join(names)}: {message}" for message, names in by_message.items()]
    if len(total.fits) > NAMED:
        texts.append(f"and {len(total.fits) - NAMED} more")
    return "; ".join(texts)


def _has_fit(total: Sum, state: FitState) -> bool:
    return any(fit.state == state for fit in total.fits)


def _no_nodes(total: Sum) -> str:
    if total.pods:
        return "The selector covers no node of a Falco pod"
    return "There are no Falco pods in this namespace"


def _out_of_reach(total: Sum) -> Iterator[str]:
    """What a message adds of pods that cannot be reached, if there are any."""
    if not total.unreachable:
        return
    names = ", ".join(f"{pod} on {node}" for pod, node in total.out_of_reach)
    rest = total.unreachable - len(total.out_of_reach)
    suffix = f" and {rest} more" if rest else ""
    yield f"{pod_count(total.unreachable)} unreachable on nodes that are not ready: {names}{suffix}"


def _waiting(total: Sum) -> str:
    rest = total.pending - len(total.waiting)
    suffix = f" and {rest} more" if rest else ""
    names = ", ".join(total.waiting)
    return f"Waiting for {total.pending} of {total.desired} pods: {names}{suffix}"


_NO_PODS = _Case(lambda total: not total.desired, "Unknown", NO_NODES, _no_nodes)
_NO_REACH = _Case(
    lambda total: not total.programmed, "Unknown", PENDING, lambda _: "No pod can be reached"
)
_WAITS = _Case(
    lambda total: total.pending,
    "Unknown",
    PENDING,
    lambda total: f"Not installed on {total.pending} {_of_all(total)} yet",
)
_UNFITTED = _Case(
    _not_fitted,
    "Unknown",
    NOT_PROGRAMMED,
    lambda total: f"What it needs is not known on {_not_fitted(total)} {_of_all(total)}",
)
_CASES: dict[str, tuple[_Case, ...]] = {
    PROGRAMMED: (
        _Case(
            lambda total: total.failed,
            "False",
            lambda total: total.failures[0].reason,
            _failures,
        ),
        _NO_PODS,
        _WAITS._replace(text=_waiting),
        _NO_REACH,
        _Case(
            lambda _: True,
            "True",
            INSTALLED,
            lambda total: f"Installed on {pod_count(total.programmed)}",
        ),
    ),
    LOADED: (
        _Case(
            lambda total: total.not_loaded + total.refused,
            "False",
            lambda total: INVALID if total.refused else NOT_LOADED,
            _refusals,
        ),
        _Case(
            lambda total: total.failed,
            "False",
            NOT_PROGRAMMED,
            lambda total: f"Not installed on {total.failed} {_of_all(total)}",
        ),
        _NO_PODS,
        _WAITS,
        _Case(
            lambda total: total.doubts,
            "Unknown",
            lambda total: total.doubts[0].reason,
            _doubts,
        ),
        _Case(
            _not_known,
            "Unknown",
            PENDING,
            lambda total: f"Falco has not loaded it yet on {_not_known(total)} {_of_all(total)}",
        ),
        _NO_REACH,
        _Case(
            lambda _: True,
            "True",
            LOADED_BY_FALCO,
            lambda total: f"Loaded by Falco on {pod_count(total.loaded)}",
        ),
    ),
    COMPATIBLE: (
        _Case(lambda total: _has_fit(total, FitState.FALSE), "False", INCOMPATIBLE, _fits),
        _NO_PODS,
        _UNFITTED._replace(holds=lambda total: total.failed and _not_fitted(total)),
        _WAITS,
        _Case(lambda total: _has_fit(total, FitState.UNKNOWN), "Unknown", VERSIONS_UNKNOWN, _fits),
        _UNFITTED,
        _NO_REACH._replace(holds=lambda total: not total.fits),
        _Case(lambda _: True, "True", COMPATIBLE_FALCOS, _fits),
    ),
}
