"""The conditions of an artifact that sum up its pods: `Programmed` and `Loaded`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from resources.artifact.nodereport import ReportState
from resources.artifact.reasons import (
    INSTALLED,
    INVALID,
    LOADED_BY_FALCO,
    NO_NODES,
    NOT_LOADED,
    NOT_PROGRAMMED,
    PENDING,
)
from resources.kubernetes.conditions import LOADED, PROGRAMMED, ConditionDraft

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resources.artifact.resolution import ResolutionFailure
    from resources.artifact.rollout import Sum

# The API server refuses any other reason of a condition; a NodeReport may contain any text.
_REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", re.ASCII)


def programmed(
    total: Sum, trouble: ResolutionFailure | None, generation: int | None
) -> ConditionDraft:
    """Whether every pod that is covered and can be reached has installed the revision."""
    if trouble is not None:
        return ConditionDraft(PROGRAMMED, *trouble, generation)
    remarks: tuple[str, ...] = ()
    if total.failed:
        state = "False", _reason(total), _failures(total)
    elif not total.desired:
        state = "Unknown", NO_NODES, _no_nodes(total)
    elif total.pending:
        state = "Unknown", PENDING, _waiting(total)
    elif not total.programmed:
        state = "Unknown", PENDING, "No pod can be reached"
    else:
        state = "True", INSTALLED, f"Installed on {pod_count(total.programmed)}"
        remarks = total.remarks
    status, reason, text = state
    message = "; ".join((text, *_out_of_reach(total), *remarks))
    return ConditionDraft(PROGRAMMED, status, reason, message, generation)


def loaded(total: Sum, trouble: ResolutionFailure | None, generation: int | None) -> ConditionDraft:
    """Whether the Falco of each of these pods has loaded it, by its own word."""
    of_all = f"of {pod_count(total.desired)}"
    unknown = total.programmed - total.loaded - total.not_loaded
    proofs: tuple[str, ...] = ()
    if trouble is not None:
        state = "Unknown", trouble.reason, "Not installed yet, as the condition Programmed says"
    elif count := total.not_loaded + total.refused:
        reason = INVALID if total.refused else NOT_LOADED
        text = _by_message(total.refusals, count)
        state = "False", reason, f"Not loaded on {count} {of_all}: {text}"
    elif total.failed:
        state = "False", NOT_PROGRAMMED, f"Not installed on {total.failed} {of_all}"
    elif not total.desired:
        state = "Unknown", NO_NODES, _no_nodes(total)
    elif total.pending:
        state = "Unknown", PENDING, f"Not installed on {total.pending} {of_all} yet"
    elif total.doubts:
        text = "; ".join(doubt.message for doubt in total.doubts)
        reason = _usable(total.doubts[0].reason)
        state = "Unknown", reason, f"Not known of {unknown} {of_all}: {text}"
    elif unknown:
        state = "Unknown", PENDING, f"Falco has not loaded it yet on {unknown} {of_all}"
    elif not total.programmed:
        state = "Unknown", PENDING, "No pod can be reached"
    else:
        state = "True", LOADED_BY_FALCO, f"Loaded by Falco on {pod_count(total.loaded)}"
        proofs = total.proofs
    status, reason, text = state
    return ConditionDraft(LOADED, status, reason, "; ".join((text, *proofs)), generation)


def pod_count(count: int) -> str:
    """The number of pods for a message, as in "1 pod" and "3 pods"."""
    return f"{count} pod" if count == 1 else f"{count} pods"


def _reason(total: Sum) -> str:
    return _usable(total.failures[0].reason)


def _usable(reason: str) -> str:
    """The reason, if the API server takes it for a condition."""
    return reason if _REASON.fullmatch(reason) else ReportState.FAILED.value


def _failures(total: Sum) -> str:
    text = _by_message(((pod.node, pod.message) for pod in total.failures), total.failed)
    return f"Failed on {total.failed} of {pod_count(total.desired)}: {text}"


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
