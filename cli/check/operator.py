"""Whether an operator runs and leads, and which release it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cli.check.facts import Level, Problem, containers_of, labels_of
from cli.cluster.operators import LEASE, is_operator
from cli.output.words import named
from resources.falco.pod import SIDECAR
from resources.instance.image import parse_image
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.lease import DEFAULT_TIMING
from resources.rules.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cli.check.facts import Facts
    from cli.cluster.snapshot import Object

ACCOUNT = "falco-operator"

_RELEASE = "app.kubernetes.io/version"
_OWNER_KIND = "instance.falcosecurity.dev/owner-kind"
_LOGS = "kubectl -n {} logs deployment/{}"


def deployments(facts: Facts) -> list[Object]:
    """Those of operators, by their labels."""
    return [one for one in facts.snapshot.of("Deployment") if is_operator(one)]


def is_elected(facts: Facts) -> bool:
    """Whether the operator leads by a Lease: as its Deployment says, else by the Lease itself."""
    found = deployments(facts)
    if not found:
        return lease_of(facts) is not None
    return any(
        flag.startswith("--leader-elect") and not flag.endswith("=false")
        for one in found
        for flag in _flags(one)
    )


def lease_of(facts: Facts) -> Object | None:
    """The Lease that replicas of the operator compete for."""
    found = deployments(facts)
    namespace = found[0]["metadata"]["namespace"] if found else facts.operator_namespace
    return facts.snapshot.get("Lease", namespace, LEASE)


def is_old(lease: Object, now: datetime) -> bool:
    """Whether a Lease was renewed so long ago that another operator may take it."""
    renewed = (lease.get("spec") or {}).get("renewTime")
    duration = (lease.get("spec") or {}).get("leaseDurationSeconds") or DEFAULT_TIMING.lease
    return not renewed or now - datetime.fromisoformat(renewed) > timedelta(seconds=duration)


def running(facts: Facts) -> Iterator[Problem]:
    """Whether there is an operator, and all of its pods are ready."""
    found = deployments(facts)
    if len(found) > 1:
        names = ", ".join(_name(one) for one in found)
        text = f"there are {len(found)} operators: {names}; each writes what the other has written"
        yield Problem(Level.BAD, text, "Remove all but one.")
    for one in found:
        yield from _not_ready(facts, one)
    if found:
        return
    lease = lease_of(facts)
    if lease is not None:
        return
    waiting = _unseen(facts)
    if waiting:
        text = f"there is no Deployment of an operator, and nobody has seen {named(waiting)}"
        yield Problem(Level.BAD, text)
    else:
        yield Problem(
            Level.DOUBTFUL,
            "there is no Deployment of an operator and no Lease: an operator outside of the cluster"
            " that does not elect a leader is not to be seen",
        )


def leading(facts: Facts) -> Iterator[Problem]:
    """Whether one of its processes holds the Lease and renews it."""
    lease = lease_of(facts)
    if lease is None and not deployments(facts):
        yield Problem(Level.UNREAD, "there is neither a Deployment of an operator nor a Lease")
        return
    if not is_elected(facts):
        return
    if lease is None:
        yield Problem(Level.BAD, "no operator has made the Lease yet, so none leads")
        return
    holder = _holder(lease)
    if not holder:
        yield Problem(Level.BAD, "the Lease is free: no operator leads")
        return
    renewed = (lease.get("spec") or {}).get("renewTime", "never")
    later = facts.lease_later
    if is_old(lease, facts.now) and (later is None or later.get("spec") == lease.get("spec")):
        text = f"the Lease is {holder}'s, last renewed {renewed}: it has ended, or cannot write"
        yield Problem(Level.BAD, text)


def outside(facts: Facts) -> str:
    """What is to be said of an operator without a Deployment that leads; empty otherwise."""
    lease = lease_of(facts)
    if lease is None or not _holder(lease) or deployments(facts):
        return ""
    return f"it is a process outside of the cluster: {_holder(lease)}"


def releases(facts: Facts) -> Iterator[Problem]:
    """Whether the operator, this program and the sidecars are of one release."""
    for one in deployments(facts):
        said = labels_of(one).get(_RELEASE)
        if said and said != facts.program:
            text = f"the operator {_name(one)} is {said}, this program is {facts.program}"
            hint = f"pip install the kubectl-falco of {said}: it knows other fields and rights."
            yield Problem(Level.DOUBTFUL, text, hint)
        wanted = _sidecar_image(one)
        if wanted:
            yield from _other_sidecars(facts, wanted)


def falcos(facts: Facts) -> Iterator[Problem]:
    """Whether the Falcos that run are of releases that are known, or have said what they take."""
    unknown: dict[str, list[str]] = {}
    for version, pod in unknown_falcos(facts.snapshot.of("Pod")):
        metadata = pod["metadata"]
        report = facts.snapshot.get("NodeReport", metadata["namespace"], metadata["name"]) or {}
        if not (report.get("falco") or {}).get("engineVersion"):
            unknown.setdefault(version, []).append(_name(pod))
    for version, pods in sorted(unknown.items()):
        text = (
            f"Falco {version} in {named(pods, 3)} is none that this release knows, and has not"
            " said which versions its parts have: what it takes is not known"
        )
        yield Problem(Level.DOUBTFUL, text)


def unknown_falcos(pods: Iterable[Object]) -> Iterator[tuple[str, Object]]:
    """The pods of Falcos whose image is of a release that this one does not know."""
    for pod in pods:
        if labels_of(pod).get(_OWNER_KIND) != "Falco":
            continue
        for container in pod["spec"]["containers"]:
            version = _version(container) if container["name"] == "falco" else ""
            if version and not versions_of(version.partition("@")[0]).engine:
                yield version, pod


def incompatible(facts: Facts) -> Iterator[Problem]:
    """The artifacts that need another Falco, or another plugin, than the nodes have."""
    for kind in ("Rulesfile", "Plugin", "Config"):
        for one in facts.snapshot.of(kind):
            for condition in (one.get("status") or {}).get("conditions") or ():
                if condition["type"] == "Compatible" and condition["status"] == "False":
                    yield Problem(Level.BAD, f"{kind} {_name(one)}: {condition['message']}")


def old_operators(facts: Facts) -> Iterator[Problem]:
    """Before an installation: operators that are there already."""
    for one in facts.snapshot.of("Deployment"):
        if labels_of(one).get("app.kubernetes.io/name") == "falco-operator":
            text = f"Deployment {_name(one)} is there already"
            yield Problem(Level.DOUBTFUL, text, "If it is the Go operator, remove it first.")


def _not_ready(facts: Facts, deployment: Object) -> Iterator[Problem]:
    wanted = deployment["spec"].get("replicas", 1)
    ready = (deployment.get("status") or {}).get("readyReplicas", 0)
    name = _name(deployment)
    if wanted == 0:
        text = f"Deployment {name} has 0 replicas: no operator runs"
        yield Problem(
            Level.BAD, text, f"kubectl -n {name.replace('/', ' scale deployment/')} --replicas=1"
        )
        return
    if ready >= wanted:
        return
    namespace = deployment["metadata"]["namespace"]
    selected = deployment["spec"]["selector"].get("matchLabels") or {}
    why = [
        found
        for pod in facts.snapshot.of("Pod")
        if pod["metadata"]["namespace"] == namespace and labels_of(pod).items() >= selected.items()
        for found in _waits_for(pod)
    ]
    why += [
        condition["message"]
        for condition in (deployment.get("status") or {}).get("conditions") or ()
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True"
    ]
    cause = f": {named(dict.fromkeys(why), 3)}" if why else ""
    level = Level.BAD if not ready else Level.DOUBTFUL
    hint = _LOGS.format(namespace, deployment["metadata"]["name"])
    yield Problem(level, f"{ready} of {wanted} pods of Deployment {name} are ready{cause}", hint)


def _waits_for(pod: Object) -> Iterator[str]:
    """Why a pod is not ready, in the kubelet's words."""
    status = pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield condition.get("message", "it is not scheduled")
    for one in status.get("containerStatuses") or ():
        for state in ("waiting", "terminated"):
            told = (one.get("state") or {}).get(state)
            if told and told.get("reason") not in (None, "ContainerCreating", "Completed"):
                yield f"{told['reason']}: {told.get('message', '')}".rstrip(": ")


def _unseen(facts: Facts) -> list[str]:
    """The Falcos and Components of which no operator has seen the newest generation."""
    found = [*facts.snapshot.of("Falco"), *facts.snapshot.of("Component")]
    return [
        f"{one['kind']} {_name(one)}"
        for one in found
        if (one.get("status") or {}).get("observedGeneration") != one["metadata"].get("generation")
    ]


def _other_sidecars(facts: Facts, wanted: str) -> Iterator[Problem]:
    other: dict[str, list[str]] = {}
    for pod in facts.snapshot.of("Pod"):
        if labels_of(pod).get(_OWNER_KIND) != "Falco":
            continue
        for container in containers_of(pod):
            if container["name"] == SIDECAR and container["image"] != wanted:
                other.setdefault(container["image"], []).append(_name(pod))
    for image, pods in sorted(other.items()):
        text = f"the sidecar of {named(pods, 3)} is {image}, the operator's is {wanted}"
        yield Problem(
            Level.DOUBTFUL,
            text,
            "A rollout that is under way ends it; with OnDelete, or an image in"
            " spec.podTemplateSpec, it is yours.",
        )


def _sidecar_image(deployment: Object) -> str:
    for container in containers_of(deployment["spec"]["template"]):
        for variable in container.get("env") or ():
            if variable["name"] == "ARTIFACT_OPERATOR_IMAGE":
                return str(variable.get("value", ""))
    return ""


def _flags(deployment: Object) -> list[str]:
    containers = containers_of(deployment["spec"]["template"])
    return [flag for one in containers for flag in one.get("args") or ()]


def _version(container: Object) -> str:
    try:
        return parse_image(container["image"], "image").version
    except InvalidSpec:
        return ""


def _holder(lease: Object) -> str:
    return str((lease.get("spec") or {}).get("holderIdentity") or "")


def _name(one: Object) -> str:
    return f"{one['metadata']['namespace']}/{one['metadata']['name']}"
