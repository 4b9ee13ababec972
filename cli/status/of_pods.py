"""What is wrong with a pod, from what its node and the scheduler say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cli.status import codes
from cli.status.finding import Finding, finding, grouped
from resources.instance.pod_failure import START_REASONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cli.observed.facts import Container, End, Happening, Pod
    from cli.status.codes import Code
    from resources.kubernetes.reference import ObjectRef

# Seconds. The readiness probe of a healthy Falco takes 50, and its sidecar may take as long before.
_STARTS = 30.0
_READY = 120.0
_ENDS = 60.0
# A container that runs again has recovered, unless it has ended within that time and too often.
_RECENT = 600.0
_TOO_OFTEN = 3
_STARTING = frozenset({"ContainerCreating", "PodInitializing", "waiting"})
_CRASH_LOOP = "CrashLoopBackOff"
_IMAGE = frozenset(
    {
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_KILLED = "OOMKilled"
_MOST = 300


class Trouble(NamedTuple):
    """What is wrong with a pod; `container` is the one at fault, if it is one."""

    code: Code
    cause: str
    container: str = ""


def of_pods(
    pods: Iterable[Pod],
    chain: tuple[ObjectRef, ...],
    happenings: Mapping[str, list[Happening]],
    now: float,
) -> list[Finding]:
    """The findings about the pods of one workload, to which the chain leads; alike ones as one."""
    return grouped(_findings(pods, chain, happenings, now))


def _findings(
    pods: Iterable[Pod],
    chain: tuple[ObjectRef, ...],
    happenings: Mapping[str, list[Happening]],
    now: float,
) -> Iterator[Finding]:
    for pod in pods:
        trouble = trouble_of(pod, happenings.get(pod.meta.uid, ()), now)
        if trouble is not None:
            container = trouble.container or "falco"
            yield finding(trouble.code, (*chain, pod.meta.ref), trouble.cause, container=container)


def trouble_of(pod: Pod, happenings: Iterable[Happening], now: float) -> Trouble | None:
    """What is wrong with a pod; None if nothing is, or if it may still start."""
    if pod.meta.deleted:
        return _of_end(pod, now)
    if pod.phase == "Failed":
        code = codes.EVICTED if pod.reason == "Evicted" else codes.POD_FAILED
        return Trouble(code, _joined(pod.reason or "Failed", pod.message))
    if pod.unscheduled:
        return Trouble(codes.UNSCHEDULABLE, pod.unscheduled)
    found = [trouble for one in pod.containers if (trouble := _of_container(one, now)) is not None]
    if found:
        return min(found, key=lambda trouble: trouble.code.name)
    if pod.owner.kind == "Falco" and not pod.has_sidecar:
        return Trouble(codes.SIDECAR_MISSING, "there is no container artifact-operator in it")
    return _of_start(pod, happenings, now)


def is_starting(pod: Pod, now: float) -> bool:
    """Whether only Events can tell why the containers of a pod are not made yet."""
    has_none = not any(one.is_running or one.ended for one in pod.containers)
    is_old = now - pod.meta.created > _STARTS
    return bool(pod.node) and pod.phase == "Pending" and has_none and is_old


def newest(happenings: Iterable[Happening], reasons: frozenset[str]) -> Happening | None:
    """The newest Event with one of the reasons."""
    told = [one for one in happenings if one.reason in reasons]
    return max(told, key=lambda one: one.at, default=None)


def _of_end(pod: Pod, now: float) -> Trouble | None:
    if now - pod.meta.deleted < _ENDS:
        return None
    where = f" by node {pod.node}" if pod.node else ""
    held = f", held by the finalizers {', '.join(pod.meta.finalizers)}" * bool(pod.meta.finalizers)
    return Trouble(codes.POD_STUCK, f"its end was due more than a minute ago{where}{held}")


def _of_container(one: Container, now: float) -> Trouble | None:
    name = f"container {one.name}"
    ended = one.ended if one.ended is not None and one.ended.exit_code else None
    if one.waiting in _IMAGE:
        return Trouble(codes.IMAGE, f"{name}: {_joined(one.waiting, one.message)}", one.name)
    if one.waiting and one.waiting not in {*_STARTING, _CRASH_LOOP}:
        cause = f"{name}: {_joined(one.waiting, one.message)}"
        return Trouble(codes.CONTAINER_NOT_MADE, cause, one.name)
    if ended is None or _has_recovered(one, ended, now):
        if one.waiting == _CRASH_LOOP:
            return Trouble(codes.CRASHES, f"{name}: {_CRASH_LOOP}", one.name)
        return None
    code = codes.OUT_OF_MEMORY if ended.reason == _KILLED else codes.CRASHES
    how = f"{ended.reason}, exit code {ended.exit_code}"
    return Trouble(code, f"{name}: {_joined(how, ended.message)}", one.name)


def _has_recovered(one: Container, ended: End, now: float) -> bool:
    """Whether a container runs well again; one that lacked memory will lack it again."""
    is_rare = one.restarts < _TOO_OFTEN and ended.reason != _KILLED
    return one.is_running and one.is_ready and (is_rare or now - ended.at > _RECENT)


def _of_start(pod: Pod, happenings: Iterable[Happening], now: float) -> Trouble | None:
    told = newest(happenings, START_REASONS)
    if told is not None and not pod.is_ready:
        return Trouble(codes.NOT_STARTED, _joined(told.reason, told.note))
    age = now - pod.meta.created
    if is_starting(pod, now) and age > _READY:
        reasons = ", ".join(dict.fromkeys(one.waiting for one in pod.containers if one.waiting))
        said = f": {reasons}" if reasons else ""
        return Trouble(codes.NOT_STARTED, f"its node {pod.node} has not made them{said}")
    if pod.is_ready or age < _READY or not pod.node:
        return None
    unready = [one.name for one in pod.containers if one.is_running and not one.is_ready]
    if unready:
        cause = f"container {unready[0]} runs and is not ready"
        return Trouble(codes.NOT_READY, cause, unready[0])
    return Trouble(codes.NOT_READY, f"its node {pod.node} does not call it ready")


def _joined(reason: str, message: str) -> str:
    text = " ".join(message.split())
    short = text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"
    return f"{reason}: {short}" if short else reason
