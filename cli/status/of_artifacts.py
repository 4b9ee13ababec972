"""What the conditions of an artifact say, down to the pods that differ and to what it names."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from cli.observed.cells import State
from cli.output.words import named
from cli.status import codes
from cli.status.finding import Finding, finding
from cli.status.of_resources import UNASKED
from resources.artifact import reasons
from resources.kubernetes.conditions import (
    COMPATIBLE,
    LOADED,
    PARKED,
    PROGRAMMED,
    RESOLVED_REFS,
    VERIFIED,
)
from resources.kubernetes.reference import ObjectRef
from resources.registry.pull_window import MOST_SECONDS, window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.observed.cells import Row
    from cli.observed.facts import Artifact, Condition, Pod
    from cli.status.codes import Code

# Seconds in which a node fetches, checks and installs, once it has begun.
_INSTALLS = 60.0
_SIGNED_AS_DEMANDED = frozenset({"Off", "Pending", "Verified"})
_OVERRULED = "installed all the same, as validation is Warn"
_INSTALLED_ON = "Installed on "
# The message is a sentence for each object that is named, which may have a semicolon itself.
_OF_EACH = re.compile(r"; (?=(?:no )?(?:Secret|ConfigMap) )")
_UNREACHABLE = "unreachable on nodes that are not ready"

_BY_REASON = {
    PARKED: codes.PARKED,
    reasons.INVALID: codes.CONTENT_REFUSED,
    reasons.NAME_CONFLICT: codes.PLUGIN_NAME_TAKEN,
    reasons.REFERENCE_FAILED: codes.REFERENCE_MISSING,
    reasons.NO_NODES: codes.SELECTS_NOTHING,
    reasons.OCI_FAILED: codes.REGISTRY_FAILED,
    "SignatureRefused": codes.NOT_SIGNED,
    **dict.fromkeys(
        (reason for reason in reasons.STORE_FAILED.values() if reason != reasons.OCI_FAILED),
        codes.STORE_FAILED,
    ),
}


class Explained(NamedTuple):
    """What is known already: why nothing new gets to these pods, by uid.

    `has_falco_trouble`: something is wrong with a Falco of the namespace. `has_nodes`: what is
    wrong with nodes is known.
    """

    pods: frozenset[str] = frozenset()
    has_falco_trouble: bool = False
    has_nodes: bool = True


def of_artifact(row: Row, explained: Explained, now: float) -> Iterator[Finding]:
    """The findings about one artifact, but for what is explained."""
    artifact = row.artifact
    references = list(_of_references(artifact))
    yield from references
    programmed = artifact.conditions.get(PROGRAMMED)
    if programmed is not None and programmed.is_current:
        has_told = bool(references) and programmed.reason == reasons.REFERENCE_FAILED
        if not has_told:
            yield from _of_programmed(row, programmed, explained, now)
    yield from _of_verified(artifact)
    yield from _of_loaded(row, explained, now)
    fits = _current(artifact, COMPATIBLE)
    if fits is not None and fits.status == "False":
        yield finding(codes.INCOMPATIBLE, (artifact.meta.ref,), fits.message)


def _current(artifact: Artifact, name: str) -> Condition | None:
    known = artifact.conditions.get(name)
    return known if known is not None and known.is_current else None


def _of_references(artifact: Artifact) -> Iterator[Finding]:
    known = _current(artifact, RESOLVED_REFS)
    if known is None or known.status != "False":
        return
    ref = artifact.meta.ref
    for part in _OF_EACH.split(known.message):
        names = (name for name in sorted(artifact.names) if _is_about(part, name))
        yield finding(codes.REFERENCE_MISSING, (ref, *islice(names, 1)), part)


def _is_about(part: str, name: ObjectRef) -> bool:
    """Whether a part of a message names an object."""
    return re.search(rf"\b{name.kind} {re.escape(name.name)}(?![\w.-])", part) is not None


def _of_programmed(
    row: Row, known: Condition, explained: Explained, now: float
) -> Iterator[Finding]:
    ref = row.artifact.meta.ref
    if known.status == "True":
        yield from _of_remarks(ref, known.message, explained)
        return
    code = _BY_REASON.get(known.reason)
    if known.reason == reasons.PENDING:
        yield from _of_waiting(row, known, explained, now)
        return
    if code is codes.SELECTS_NOTHING and explained.has_falco_trouble and not row.counts:
        return  # there are no pods, which is told of the Falco
    failed = [cell for cell in row.different if cell.state is State.FAILED]
    pod = failed[0].pod if failed else None
    yield _at_pod(code or codes.CONDITION, row, pod, known.message or known.reason)


def _of_remarks(ref: ObjectRef, message: str, explained: Explained) -> Iterator[Finding]:
    """What is told of an artifact that is installed; nodes are seen better for themselves."""
    if not message.startswith(_INSTALLED_ON):
        return
    remarks = message.split("; ")[1:]
    lost = [remark for remark in remarks if _UNREACHABLE in remark]
    if lost and not explained.has_nodes:
        yield finding(codes.NODE_NOT_READY, (ref,), lost[0], node="NODE")
    if told := "; ".join(remark for remark in remarks if remark not in lost):
        yield finding(codes.OVERRULED if _OVERRULED in told else codes.DOUBTFUL, (ref,), told)


def _of_waiting(row: Row, known: Condition, explained: Explained, now: float) -> Iterator[Finding]:
    """An artifact that is not installed though there was time, on pods where nothing else is."""
    age = now - max(known.since, row.artifact.meta.changed)
    if age < _INSTALLS + window(row.desired, MOST_SECONDS):
        return
    waiting = [cell for cell in row.different if cell.state in {State.WAITING, State.STALE}]
    cells = [cell for cell in waiting if cell.pod.meta.uid not in explained.pods]
    if waiting and not cells:
        return
    if not cells:
        yield _at_pod(codes.WAITS, row, None, known.message)
        return
    whys = ", ".join(dict.fromkeys(cell.why for cell in cells))
    names = named(f"{cell.pod.meta.ref.name} on {cell.pod.node}" for cell in cells)
    cause = f"{cells[0].state.value} on {len(cells)} of {row.desired} pods ({names}): {whys}"
    yield _at_pod(codes.WAITS, row, cells[0].pod, cause)


def _of_verified(artifact: Artifact) -> Iterator[Finding]:
    known = _current(artifact, VERIFIED)
    if known is None or known.status == "True" or known.reason in _SIGNED_AS_DEMANDED:
        return
    if known.reason == reasons.REFERENCE_FAILED:
        return  # ResolvedRefs has it
    programmed = _current(artifact, PROGRAMMED)
    if programmed is not None and programmed.reason == "SignatureRefused":
        return
    yield finding(codes.NOT_SIGNED, (artifact.meta.ref,), known.message)


def _of_loaded(row: Row, explained: Explained, now: float) -> Iterator[Finding]:
    known = _current(row.artifact, LOADED)
    if known is None or known.status == "True":
        return
    if known.reason == reasons.NOT_LOADED:
        pods = [cell.pod for cell in row.different if cell.state is State.INSTALLED]
        yield _at_pod(codes.NOT_LOADED, row, pods[0] if pods else None, known.message)
    elif known.reason == reasons.INVALID:
        programmed = _current(row.artifact, PROGRAMMED)
        if programmed is None or programmed.reason != reasons.INVALID:
            yield _at_pod(codes.NOT_LOADED, row, None, known.message)
    elif known.reason == reasons.FALCO_AWAY and not explained.has_falco_trouble:
        if now - known.since > _INSTALLS:
            yield finding(codes.NOT_LOADED, (row.artifact.meta.ref,), known.message)
    elif known.reason in UNASKED:
        yield finding(codes.LOAD_UNKNOWN, (row.artifact.meta.ref,), known.message)


def _at_pod(code: Code, row: Row, pod: Pod | None, cause: str) -> Finding:
    """A finding about an artifact, by way of a pod that shows it."""
    ref = row.artifact.meta.ref
    if pod is None:
        return finding(code, (ref,), cause, pod="POD")
    report = ObjectRef("NodeReport", pod.meta.ref.namespace, pod.meta.ref.name)
    return finding(code, (*pod.way, report, ref), cause, pod=pod.meta.ref.name)
