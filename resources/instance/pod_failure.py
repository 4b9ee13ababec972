"""Why pods of a workload are not updated or not available, in one sentence for people.

The sentence comes from the workload's conditions, from a table of its pods as `kubectl get` prints
it, from the worst pod, and from Events. It has no text that a container has written (termination
messages, output of probes and hooks), for that may hold a Secret. Names that differ at every try
are left out, so that the same failure always gives the same sentence.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from resources.instance.labels import OWNER_KIND, selector_labels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resources.instance.availability import PodCounts
    from resources.kubernetes.reference import ObjectRef

CREATION_REASONS = frozenset({"FailedCreate"})
"""Reasons of Events that tell why a DaemonSet lacks pods; its status does not."""
START_REASONS = frozenset({"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"})
"""Reasons of Events that tell why the containers of a pod are not made; its status does not."""

_LENGTH = 300
# The API server's refusals name the pod that was to be made, each time by another name.
_REFUSED_POD = re.compile(r'^.*?\bpods "[^"]*" is forbidden: ', re.DOTALL)
_EVENT_PREFIX = re.compile(r"^(?:\(combined from similar events\): )?(?:Error creating: )?")
_USER_OF_URL = re.compile(r"(://)[^/\s@\"']+@")
_QUERY_OF_URL = re.compile(r"(://[^\s\"'?]+)\?[^\s\"']*")

# The kubelet's own words about an image or a configuration. Any other message is left out.
_TOLD_REASONS = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RegistryUnavailable",
        "RunContainerError",
        "SignatureValidationFailed",
    }
)
_STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})
_CRASH_LOOP = "CrashLoopBackOff"

# From bad to harmless, by the status that the table shows; any other status is worse than these.
_RANKS = {
    "Pending": 1,
    "ContainerCreating": 2,
    "PodInitializing": 2,
    "Running": 3,
    "Terminating": 4,
}
_INITIALIZING = re.compile(r"Init:\d+/\d+")


class PodRow(NamedTuple):
    """One pod as `kubectl get pods` prints it; `ready` counts containers as in `1/2`."""

    name: str
    status: str
    ready: str

    @property
    def works(self) -> bool:
        """Whether nothing has to be told about the pod."""
        ready, _, all_containers = self.ready.partition("/")
        return self.status == "Completed" or (self.status == "Running" and ready == all_containers)

    @property
    def rank(self) -> int:
        """0 for what cannot go well by itself, and more for what may."""
        if _INITIALIZING.fullmatch(self.status):
            return _RANKS["PodInitializing"]
        return _RANKS.get(self.status, 0)


def pods_selector(owner: ObjectRef) -> str:
    """The label selector of the pods of a Falco or Component."""
    labels = {**selector_labels(owner.name), OWNER_KIND: owner.kind}
    return ",".join(f"{key}={value}" for key, value in labels.items())


def failing(table: dict[str, Any]) -> list[PodRow]:
    """The pods of a meta/v1 Table that do not work, the worst first."""
    names = [column["name"] for column in table["columnDefinitions"]]
    cells = (dict(zip(names, row["cells"], strict=False)) for row in table["rows"])
    pods = (PodRow(cell["Name"], cell["Status"], cell["Ready"]) for cell in cells)
    return sorted((pod for pod in pods if not pod.works), key=lambda pod: (pod.rank, pod.name))


def of_workload(kind: str, workload: dict[str, Any], counts: PodCounts) -> str:
    """What the workload itself tells; empty if nothing."""
    if waits_for_deletion(kind, workload, counts):
        return "the updateStrategy OnDelete updates a pod once it is deleted"
    conditions = {known["type"]: known for known in workload["status"].get("conditions", ())}
    failure, progress = conditions.get("ReplicaFailure", {}), conditions.get("Progressing", {})
    said = [failure] if failure.get("status") == "True" else []
    said += [progress] if progress.get("status", "True") != "True" else []
    return "; ".join(f"{each['reason']}: {_refusal(each.get('message', ''))}" for each in said)


def waits_for_deletion(kind: str, workload: dict[str, Any], counts: PodCounts) -> bool:
    """Whether pods keep an old template until somebody deletes them."""
    return (
        kind == "DaemonSet"
        and counts.updated < counts.total
        and workload["spec"]["updateStrategy"].get("type") == "OnDelete"
    )


def of_pod(pod: dict[str, Any], others: int) -> str:
    """What a pod's status tells; `others` is the number of further pods in that state."""
    node = pod["spec"].get("nodeName")
    which = f"pod {pod['metadata']['name']}{f' on {node}' if node else ''}"
    return f"{which}{f' and {others} more' if others else ''}: {_of_status(pod)}"


def is_starting(pod: dict[str, Any]) -> bool:
    """Whether only Events can tell why the containers of a scheduled pod are not made."""
    states = [found["state"] for found in _containers(pod) if not found.get("ready")]
    return (
        "deletionTimestamp" not in pod["metadata"]
        and bool(states)
        and all(state.get("waiting", {}).get("reason") in _STARTING for state in states)
    )


def of_events(events: Iterable[dict[str, Any]], reasons: frozenset[str]) -> str:
    """What the newest of these Events with one of the reasons tells; empty if there is none."""
    told = [event for event in events if event["reason"] in reasons]
    if not told:
        return ""
    newest = max(told, key=_time)
    return f"{newest['reason']}: {_refusal(newest.get('note', ''))}"


def _time(event: dict[str, Any]) -> str:
    series = event.get("series") or {}
    times = (
        series.get("lastObservedTime"),
        event.get("deprecatedLastTimestamp"),
        event.get("eventTime"),
    )
    return next(filter(None, times), "")


def _of_status(pod: dict[str, Any]) -> str:
    status = pod.get("status", {})
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    if status.get("phase") == "Failed":
        return _joined(status.get("reason", "Failed"), status.get("message", ""))
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        return _joined(scheduled.get("reason", "Unschedulable"), scheduled.get("message", ""))
    told = sorted(filter(None, map(_of_container, _containers(pod))))
    return told[0][1] if told else "has not started"


def _condition(status: dict[str, Any], kind: str) -> dict[str, Any]:
    found = (known for known in status.get("conditions", ()) if known["type"] == kind)
    return next(found, {})


def _containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]


def _of_container(container: dict[str, Any]) -> tuple[int, str] | None:
    """A rank, the lower the worse, and why the container does not work; None if it does."""
    state, name = container.get("state", {}), f"container {container['name']}"
    waiting, ended = state.get("waiting"), state.get("terminated")
    last = ended or container.get("lastState", {}).get("terminated")
    if container.get("ready") or (ended and ended.get("exitCode") == 0):
        return None
    if waiting and waiting.get("reason", "") not in {*_STARTING, _CRASH_LOOP}:
        reason = waiting["reason"]
        message = waiting.get("message", "") if reason in _TOLD_REASONS else ""
        return 0, f"{name}: {_joined(reason, message)}"
    if last:
        how = f"{last.get('reason', 'Error')}, exit code {last.get('exitCode')}"
        return 1, f"{name}: {_CRASH_LOOP if waiting else 'restarted'}, after {how}"
    if waiting:
        return 3, f"{name}: {waiting.get('reason') or 'waiting'}"
    return 2, f"{name} runs and is not ready"


def _refusal(message: str) -> str:
    return _brief(_REFUSED_POD.sub("", _EVENT_PREFIX.sub("", message)))


def _joined(reason: str, message: str) -> str:
    return f"{reason}: {_brief(message)}" if message else reason


def _brief(message: str) -> str:
    """The message on one line, without credentials in URLs, cut to 300 characters."""
    text = _QUERY_OF_URL.sub(r"\1?…", _USER_OF_URL.sub(r"\1", " ".join(message.split())))
    printable = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return printable if len(printable) <= _LENGTH else f"{printable[: _LENGTH - 1]}…"
