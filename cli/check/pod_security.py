"""What of a pod template the Pod Security Standards forbid.

Source: Kubernetes documentation, "Pod Security Standards".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.check.facts import Level, Problem, containers_of, labels_of
from cli.output.words import named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cli.check.facts import Facts

ENFORCE = "pod-security.kubernetes.io/enforce"
_BASELINE_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
_PROFILES = ("RuntimeDefault", "Localhost")
_VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)


def forbidden(facts: Facts) -> Iterator[Problem]:
    """The namespaces that refuse pods of their Falco or Component."""
    for workload in facts.workloads:
        namespace = facts.namespaces[workload.namespace]
        level = labels_of(namespace).get(ENFORCE, "") if namespace else ""
        found = violations(workload.template, level)
        if found:
            text = (
                f"namespace {workload.namespace} enforces {level} (label {ENFORCE}), which forbids"
                f" pods of {workload}: {named(found)}"
            )
            hint = f"kubectl label namespace {workload.namespace} --overwrite {ENFORCE}=privileged"
            yield Problem(Level.BAD, text, hint)


def violations(template: Mapping[str, Any], level: str) -> list[str]:
    """What a level (privileged, baseline or restricted) forbids of a pod template."""
    if level not in ("baseline", "restricted"):
        return []
    found = [*_of_pod(template["spec"])]
    for container in containers_of(template):
        found += [f"{what} in container {container['name']}" for what in _of_container(container)]
    if level == "restricted":
        found += _restricted(template)
    return list(dict.fromkeys(found))


def _of_pod(spec: Mapping[str, Any]) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield field
    if any("hostPath" in volume for volume in spec.get("volumes") or ()):
        yield "hostPath volumes"


def _of_container(container: Mapping[str, Any]) -> Iterator[str]:
    context = container.get("securityContext") or {}
    if context.get("privileged"):
        yield "privileged"
    added = set((context.get("capabilities") or {}).get("add") or ())
    if other := added - _BASELINE_CAPABILITIES:
        yield f"capabilities {', '.join(sorted(other))}"
    if any(port.get("hostPort") for port in container.get("ports") or ()):
        yield "hostPort"
    if (context.get("seccompProfile") or {}).get("type") == "Unconfined":
        yield "seccompProfile Unconfined"
    if context.get("procMount", "Default") != "Default":
        yield "procMount"


def _restricted(template: Mapping[str, Any]) -> Iterator[str]:
    pod = template["spec"].get("securityContext") or {}
    for volume in template["spec"].get("volumes") or ():
        if other := volume.keys() - _VOLUMES - {"name", "hostPath"}:
            yield f"volumes of type {', '.join(sorted(other))}"
    for container in containers_of(template):
        context = container.get("securityContext") or {}
        profile = context.get("seccompProfile") or pod.get("seccompProfile") or {}
        dropped = (context.get("capabilities") or {}).get("drop") or ()
        holds = {
            "allowPrivilegeEscalation: false": context.get("allowPrivilegeEscalation") is False,
            "runAsNonRoot": context.get("runAsNonRoot", pod.get("runAsNonRoot")),
            "drop ALL": "ALL" in dropped,
            "seccompProfile": profile.get("type") in _PROFILES,
        }
        lacks = [what for what, is_so in holds.items() if not is_so]
        if lacks:
            yield f"container {container['name']} lacks {', '.join(lacks)}"
