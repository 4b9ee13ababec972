"""Whether the API server and the nodes can run a Falco."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from actors.api.version_gate import OLDEST
from cli.check.facts import Level, Problem, containers_of, labels_of
from cli.observed.taints import not_tolerated, taints_of
from cli.output.words import named
from resources.falco.pod import SIDECAR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.check.facts import Facts, Workload
    from cli.cluster.snapshot import Object

UNKNOWN = (0, 0)
"""The version of an API server that does not tell it."""

# Of the official images.
_ARCHITECTURES = ("amd64", "arm64")
# For the modern eBPF probe: ring buffers and BTF (Falco documentation, "Kernel events").
_KERNEL = (5, 8)
_NUMBERS = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})", re.ASCII)


def api_server(facts: Facts) -> Iterator[Problem]:
    """Whether the API server is new enough."""
    if facts.version == UNKNOWN:
        yield Problem(Level.UNREAD, "its version could not be read")
    elif facts.version < OLDEST:
        yield Problem(Level.BAD, f"it is Kubernetes {_dotted(facts.version)}")


def version(facts: Facts) -> str:
    """That of the API server."""
    return _dotted(facts.version) if facts.version != UNKNOWN else ""


def native_sidecars(facts: Facts) -> Iterator[Problem]:
    """Whether the API server keeps, and kubelets know, init containers that go on running."""
    for workload in facts.workloads:
        live = workload.live
        if live is None or workload.owner["kind"] != "Falco":
            continue
        for container in containers_of(live["spec"]["template"]):
            if container["name"] == SIDECAR and container.get("restartPolicy") != "Always":
                text = (
                    f"{workload}: the API server has dropped restartPolicy of the sidecar, so its"
                    " feature gate SidecarContainers is off"
                )
                yield Problem(Level.BAD, text)
    old = defaultdict(list)
    for node in facts.snapshot.of("Node"):
        kubelet = _numbers(_information(node).get("kubeletVersion", ""))
        if kubelet is not None and kubelet < OLDEST:
            old[_dotted(kubelet)].append(node["metadata"]["name"])
    for number, names in sorted(old.items()):
        yield Problem(Level.BAD, f"the kubelet of {named(names)} is {number}")


def platforms(facts: Facts) -> Iterator[Problem]:
    """The nodes for which there is no image of Falco, or no probe."""
    for node in facts.snapshot.of("Node"):
        information, name = _information(node), node["metadata"]["name"]
        falcos = [one for one in facts.workloads if _runs_on(one, node)]
        if not falcos:
            continue
        which = named(map(str, falcos), 2)
        system = information.get("operatingSystem", "")
        if system not in ("", "linux"):
            text = f"node {name} runs {system}, and {which} is to run on it"
            hint = "Give spec.podTemplateSpec.spec.nodeSelector kubernetes.io/os: linux."
            yield Problem(Level.BAD, text, hint)
            continue
        architecture = information.get("architecture", "")
        if architecture and architecture not in _ARCHITECTURES:
            text = f"node {name} is of {architecture}, for which there is no image of Falco"
            yield Problem(Level.BAD, f"{text}; {which} is to run on it")
        kernel = _numbers(information.get("kernelVersion", ""))
        if kernel is not None and kernel < _KERNEL:
            text = f"node {name} has Linux {information['kernelVersion']}; {which} runs on it"
            yield Problem(Level.DOUBTFUL, text)


def _runs_on(workload: Workload, node: Object) -> bool:
    """Whether the DaemonSet of a Falco has a pod for the node, by its selector and taints."""
    if workload.child.ref.kind != "DaemonSet":
        return False
    spec = workload.template["spec"]
    labels = labels_of(node)
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if required is not None:
        return False  # what it selects is for the scheduler to say
    return not not_tolerated(spec, taints_of(node))


def _information(node: Object) -> dict[str, str]:
    found = (node.get("status") or {}).get("nodeInfo") or {}
    return dict(found)


def _numbers(text: str) -> tuple[int, int] | None:
    found = _NUMBERS.match(text)
    return (int(found[1]), int(found[2])) if found else None


def _dotted(numbers: tuple[int, int]) -> str:
    return ".".join(map(str, numbers))
