"""All checks, in the order in which they are told; a code never changes its meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.check import admission, amounts, crds, nodes, operator, pod_security, rights
from cli.check.facts import Check, Level, Problem, Result

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.check.facts import Facts

_APPLY_CRDS = "kubectl apply --server-side -f crds/"
_APPLY_ALL = "Upgrade with Helm, or kubectl apply --server-side -f deploy/install.yaml"
_INSTANCES = ("Falco", "Component")
_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")

API_SERVER = Check(
    "FAL0501",
    "Kubernetes",
    "the API server is 1.29 or later",
    "Upgrade the cluster: the pods of a Falco depend on native sidecars.",
    nodes.api_server,
    note=nodes.version,
)
SIDECARS = Check(
    "FAL0502",
    "Kubernetes",
    "native sidecars are on",
    "Upgrade the nodes to 1.29 or later, and leave the feature gate SidecarContainers on.",
    nodes.native_sidecars,
    ("Node",),
)
CRDS_THERE = Check(
    "FAL0511",
    "CRDs",
    "all CRDs are there and served",
    _APPLY_CRDS,
    crds.absent,
    ("CustomResourceDefinition",),
)
CRDS_CURRENT = Check(
    "FAL0512",
    "CRDs",
    "their fields are those of this release",
    f"{_APPLY_CRDS}; Helm installs CRDs but does not upgrade them.",
    crds.outdated,
    ("CustomResourceDefinition",),
)
CRDS_FOREIGN = Check(
    "FAL0513",
    "CRDs",
    "no CRD of another release is there",
    _APPLY_CRDS,
    crds.foreign,
    ("CustomResourceDefinition",),
)
USER = Check(
    "FAL0521",
    "rights",
    "you may read what the operator does",
    "Ask for a role with these rights; without them, less is told.",
    rights.of_user,
)
OPERATOR = Check(
    "FAL0522",
    "rights",
    "the operator may do what it does",
    _APPLY_ALL,
    rights.of_operator,
    ("ClusterRole", "ClusterRoleBinding"),
)
INSTALLER = Check(
    "FAL0523",
    "rights",
    "you may create what is installed",
    "Install as somebody with these rights, such as cluster-admin.",
    rights.of_installer,
)
RUNNING = Check(
    "FAL0531",
    "operator",
    "there is one operator",
    _APPLY_ALL,
    operator.running,
    ("Deployment",),
    operator.outside,
)
LEADING = Check(
    "FAL0532",
    "operator",
    "it leads",
    "Look at its log, and at what its API server says of Lease falco-operator.",
    operator.leading,
    ("Lease",),
)
NO_OTHER = Check(
    "FAL0533",
    "operator",
    "no other operator is there",
    "Remove it first, or upgrade it.",
    operator.old_operators,
    ("Deployment",),
)
RELEASES = Check(
    "FAL0541",
    "versions",
    "operator, sidecars and this program are of one release",
    _APPLY_ALL,
    operator.releases,
    ("Deployment", "Pod"),
)
FALCOS = Check(
    "FAL0542",
    "versions",
    "the Falcos are of releases that are known",
    "Set spec.version to a release that docs/falco.md names.",
    operator.falcos,
    ("Pod",),
)
COMPATIBLE = Check(
    "FAL0543",
    "versions",
    "the Falcos have what their artifacts need",
    "The message has the command, or the manifest, that brings it.",
    operator.incompatible,
    ("Rulesfile", "Plugin", "Config"),
)
DEAD_WEBHOOKS = Check(
    "FAL0551",
    "admission",
    "every webhook that is asked about our objects can answer",
    "Mend what serves the webhook, or exclude these objects in its rules or selectors.",
    admission.dead,
    (*_INSTANCES, "Namespace", *_WEBHOOKS),
)
MUTATING = Check(
    "FAL0552",
    "admission",
    "no webhook changes our objects",
    "Exclude them in its rules or selectors: the operator corrects what others change.",
    admission.mutating,
    (*_INSTANCES, "Namespace", "MutatingWebhookConfiguration"),
)
REFUSING = Check(
    "FAL0553",
    "admission",
    "nothing refuses our objects",
    "`kubectl falco status` tells what was refused.",
    admission.refusing,
    (*_INSTANCES, "Namespace", "ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy"),
)
POD_SECURITY = Check(
    "FAL0561",
    "namespaces",
    "Pod Security lets their pods in",
    "Label the namespace, or run Falco in another.",
    pod_security.forbidden,
    (*_INSTANCES, "Namespace"),
)
QUOTAS = Check(
    "FAL0562",
    "namespaces",
    "ResourceQuotas leave room for their pods",
    "Raise the quota, or give the containers other resources in spec.podTemplateSpec.",
    amounts.over_quota,
    (*_INSTANCES, "ResourceQuota"),
)
RANGES = Check(
    "FAL0563",
    "namespaces",
    "LimitRanges let their containers in",
    "Give the containers other resources in spec.podTemplateSpec, or change the LimitRange.",
    amounts.out_of_range,
    (*_INSTANCES, "LimitRange"),
)
PLATFORMS = Check(
    "FAL0571",
    "nodes",
    "Falco runs on their system, architecture and kernel",
    "The modern eBPF probe needs Linux 5.8, or a distribution that has brought it to an older one;"
    " a Config can choose another engine, and a nodeSelector other nodes.",
    nodes.platforms,
    ("Falco", "Node"),
)

CHECKS = (
    API_SERVER,
    SIDECARS,
    CRDS_THERE,
    CRDS_CURRENT,
    USER,
    OPERATOR,
    RUNNING,
    LEADING,
    RELEASES,
    FALCOS,
    COMPATIBLE,
    DEAD_WEBHOOKS,
    MUTATING,
    REFUSING,
    POD_SECURITY,
    QUOTAS,
    RANGES,
    PLATFORMS,
)
"""What is asked of a cluster with an operator."""

PRE = (API_SERVER, SIDECARS, CRDS_FOREIGN, INSTALLER, NO_OTHER)
"""What is asked before an operator is installed."""

ALL = tuple(dict.fromkeys((*CHECKS, *PRE)))


def checked(facts: Facts, checks: Iterable[Check]) -> list[Result]:
    """The answers; where something could not be read, that is said beside what was found."""
    return [_result(facts, check) for check in checks]


def _result(facts: Facts, check: Check) -> Result:
    unread = [
        Problem(Level.UNREAD, str(one)) for one in facts.snapshot.unread if one.kind in check.needs
    ]
    seen = not any(_is_vital(one.kind, check, facts) for one in facts.snapshot.unread)
    found = list(check.find(facts)) if seen else []
    note = check.note(facts) if check.note is not None and seen else ""
    return Result(check, tuple(sorted([*found, *unread], key=lambda one: -one.level)), note)


def _is_vital(kind: str, check: Check, facts: Facts) -> bool:
    """Whether a check without this kind would take what it does not see for missing."""
    if check is RUNNING and operator.deployments(facts):
        return False  # it was found where it was expected, if not everywhere
    return kind in check.needs and check in (CRDS_THERE, OPERATOR, RUNNING, LEADING)
