"""The codes of findings, each with what to do; docs/cli.md explains every one of them."""

from __future__ import annotations

from typing import NamedTuple

from cli.output.severity import Severity, link_to


class Code(NamedTuple):
    """A kind of finding; `name` never changes its meaning."""

    name: str
    severity: Severity
    title: str
    remedy: str

    @property
    def link(self) -> str:
        """Where it is explained."""
        return link_to(self.name)


_INFO, _WARNING, _ERROR = Severity

# The cluster and the operator.
CRD_MISSING = Code(
    "FAL1001",
    _ERROR,
    "A CRD is missing",
    "apply the CRDs of the operator's release: kubectl apply --server-side -f crds/",
)
OPERATOR_DOWN = Code(
    "FAL1002",
    _ERROR,
    "The operator does not run",
    "see why its pods are not available: kubectl -n {namespace} describe pods",
)
OPERATOR_BEHIND = Code(
    "FAL1003",
    _ERROR,
    "The operator has not acted on a change",
    "see whether the operator runs, and its log: "
    "kubectl -n falco-operator logs deploy/falco-operator",
)
NO_LEADER = Code(
    "FAL1004",
    _ERROR,
    "No operator leads",
    "see whether the operator's pods run and may renew their Lease; another one leads once it has "
    "expired",
)

# A Falco, a Component or an artifact, as the operator sees it.
SPEC_REFUSED = Code(
    "FAL1101",
    _ERROR,
    "The spec cannot be carried out",
    "give the field that is named one of the values that are allowed",
)
CHILD_REFUSED = Code(
    "FAL1102",
    _ERROR,
    "The API server refuses a child",
    "mend what the API server objects to: the pod template, a right of the operator or an "
    "admission policy",
)
NAME_TAKEN = Code(
    "FAL1103",
    _ERROR,
    "An object of that name belongs to something else",
    "rename the resource, or delete or rename the object; the name is claimed again within a "
    "minute",
)
PARKED = Code(
    "FAL1104",
    _ERROR,
    "The operator has hit a bug with this resource",
    "report it with the traceback in the operator's log; to have it tried again: "
    'kubectl annotate --overwrite {resource} falcosecurity.dev/retry="$(date)"',
)
PAUSED = Code(
    "FAL1105",
    _WARNING,
    "The resource is paused",
    "remove the annotation for the operator to go on: "
    "kubectl annotate {resource} falcosecurity.dev/reconcile-",
)
DRIFT = Code(
    "FAL1106",
    _WARNING,
    "Somebody else changes a child",
    "have the manager that is named leave the field alone, or set it in the resource's own spec",
)
DELETION_STUCK = Code(
    "FAL1107",
    _ERROR,
    "A deletion does not end",
    "whoever has set the finalizers has to remove them: see whether the operator runs",
)
AS_NOT_MEANT = Code(
    "FAL1108",
    _INFO,
    "Carried out, with a warning",
    "see whether that is what is meant",
)
UNAVAILABLE = Code(
    "FAL1109",
    _ERROR,
    "Not available",
    "see the workload and its Events: kubectl describe {workload}",
)
CONDITION = Code(
    "FAL1110",
    _ERROR,
    "A condition does not hold",
    "see what the condition says: kubectl describe {resource}",
)

# DaemonSets and Deployments.
NO_WORKLOAD = Code(
    "FAL1201",
    _ERROR,
    "There is no workload",
    "see whether the operator runs, and what its Events about the resource say",
)
NO_PODS_WANTED = Code(
    "FAL1202",
    _ERROR,
    "The workload wants no pods",
    "have nodeSelector, affinity and tolerations of spec.podTemplateSpec fit some nodes",
)
QUOTA = Code(
    "FAL1203",
    _ERROR,
    "A quota forbids the pods",
    "raise the ResourceQuota of the namespace, or lower the requests in spec.podTemplateSpec",
)
POD_SECURITY = Code(
    "FAL1204",
    _ERROR,
    "Pod Security forbids the pods",
    "a Falco of type DaemonSet needs the level privileged: "
    "kubectl label --overwrite namespace {namespace} pod-security.kubernetes.io/enforce=privileged",
)
WEBHOOK = Code(
    "FAL1205",
    _ERROR,
    "A webhook refuses the pods",
    "have the webhook or policy that is named except the pods of this namespace, or mend the "
    "webhook if it does not answer",
)
PODS_REFUSED = Code(
    "FAL1206",
    _ERROR,
    "The API server refuses the pods",
    "mend what the API server objects to",
)
PODS_MISSING = Code(
    "FAL1207",
    _ERROR,
    "Pods are missing",
    "see the Events of the workload: kubectl describe {workload}",
)
CONTROLLER_BEHIND = Code(
    "FAL1208",
    _ERROR,
    "The workload's controller has not seen a change",
    "see whether the kube-controller-manager runs",
)
WAITS_FOR_DELETION = Code(
    "FAL1209",
    _WARNING,
    "Pods wait to be deleted before they are updated",
    "delete them one by one, or choose spec.updateStrategy RollingUpdate",
)
MIXED_VERSIONS = Code(
    "FAL1210",
    _WARNING,
    "Pods run different versions of Falco",
    "see whether a rollout is held up; else name a fixed tag or digest in spec.version",
)

# Pods.
UNSCHEDULABLE = Code(
    "FAL1301",
    _ERROR,
    "A pod fits no node",
    "make room on the nodes, or change what spec.podTemplateSpec asks for",
)
IMAGE = Code(
    "FAL1302",
    _ERROR,
    "An image cannot be had",
    "correct spec.version or the image in spec.podTemplateSpec; for a private registry name "
    "imagePullSecrets there",
)
CONTAINER_NOT_MADE = Code(
    "FAL1303",
    _ERROR,
    "A container cannot be made",
    "create the Secret or ConfigMap that is named, or correct spec.podTemplateSpec",
)
CRASHES = Code(
    "FAL1304",
    _ERROR,
    "A container ends again and again",
    "see its log: kubectl -n {namespace} logs {pod} -c {container} --previous",
)
OUT_OF_MEMORY = Code(
    "FAL1305",
    _ERROR,
    "A container has used up its memory",
    "raise resources.limits.memory of the container in spec.podTemplateSpec, or have it do less",
)
EVICTED = Code(
    "FAL1306",
    _ERROR,
    "A pod was evicted",
    "make room on the node, or raise the limit that is named; the pod is replaced once it can be",
)
POD_FAILED = Code(
    "FAL1307",
    _ERROR,
    "A pod has failed",
    "see what the node says: kubectl -n {namespace} describe pod {pod}",
)
NOT_STARTED = Code(
    "FAL1308",
    _ERROR,
    "The containers of a pod are not made",
    "mend what its Events name: kubectl -n {namespace} describe pod {pod}",
)
NOT_READY = Code(
    "FAL1309",
    _ERROR,
    "A container runs and is not ready",
    "see its log: kubectl -n {namespace} logs {pod} -c {container}",
)
SIDECAR_MISSING = Code(
    "FAL1310",
    _ERROR,
    "A pod has no sidecar",
    "see what removes the container artifact-operator on the way, such as a mutating webhook, "
    "then delete the pod; without it no file reaches this Falco",
)
POD_STUCK = Code(
    "FAL1311",
    _WARNING,
    "A pod does not end",
    "if its node is gone for good, delete it: kubectl -n {namespace} delete pod {pod} --force",
)

# Nodes.
NODE_NOT_READY = Code(
    "FAL1401",
    _ERROR,
    "A node with a Falco is not ready",
    "see the node: kubectl describe node {node}",
)
NODE_TAINTED = Code(
    "FAL1402",
    _WARNING,
    "A node has no Falco because of a taint",
    "add a toleration for it to spec.podTemplateSpec.spec.tolerations, or leave it so if that is "
    "meant",
)
NODE_NOT_CHOSEN = Code(
    "FAL1403",
    _INFO,
    "A node has no Falco because its labels are not asked for",
    "change nodeSelector or affinity of spec.podTemplateSpec if it is to have one",
)
NODE_GONE = Code(
    "FAL1404",
    _INFO,
    "A node with a Falco is gone",
    "if its pods stay for minutes, see whether the kube-controller-manager runs",
)

# NodeReports.
REPORT_MISSING = Code(
    "FAL1501",
    _ERROR,
    "A sidecar does not report",
    "see its log: kubectl -n {namespace} logs {pod} -c artifact-operator",
)

# Artifacts.
REFERENCE_MISSING = Code(
    "FAL1601",
    _ERROR,
    "What an artifact names is missing",
    "create it, or correct its name in the artifact",
)
CONTENT_REFUSED = Code(
    "FAL1602",
    _ERROR,
    "The content is refused",
    "correct what is named; the last good version stays installed meanwhile",
)
REGISTRY_FAILED = Code(
    "FAL1603",
    _ERROR,
    "The registry does not give the artifact",
    "correct repository, tag, credentials or CA of spec.ociArtifact, or see to the registry",
)
STORE_FAILED = Code(
    "FAL1604",
    _ERROR,
    "The content cannot be stored on a node",
    "see the sidecar's log: kubectl -n {namespace} logs {pod} -c artifact-operator",
)
PLUGIN_NAME_TAKEN = Code(
    "FAL1605",
    _ERROR,
    "The name of a file or plugin is taken on a node",
    "rename the artifact, or spec.config.name of a Plugin, or remove what has the name",
)
NOT_SIGNED = Code(
    "FAL1606",
    _WARNING,
    "The artifact is not signed as is demanded",
    "sign the digest, or name in spec.ociArtifact.verify who has signed it",
)
SELECTS_NOTHING = Code(
    "FAL1607",
    _WARNING,
    "No Falco gets the artifact",
    "correct spec.selector, label the nodes, or create a Falco in this namespace",
)
WAITS = Code(
    "FAL1608",
    _WARNING,
    "An artifact is not installed yet",
    "see the sidecar's log: kubectl -n {namespace} logs {pod} -c artifact-operator",
)
NOT_LOADED = Code(
    "FAL1609",
    _ERROR,
    "Falco has not loaded what is installed",
    "see why in Falco's log: kubectl -n {namespace} logs {pod} -c falco",
)
LOAD_UNKNOWN = Code(
    "FAL1610",
    _INFO,
    "Nobody can tell what Falco has loaded",
    "turn on web server and metrics of Falco, on the loopback interface, if it is to be known",
)
INCOMPATIBLE = Code(
    "FAL1611",
    _ERROR,
    "A Falco lacks what an artifact needs",
    "choose another spec.version of the Falco, or another tag of the artifact",
)
OVERRULED = Code(
    "FAL1612",
    _WARNING,
    "Installed although it is refused",
    "correct what is named, then remove spec.validation Warn",
)
DOUBTFUL = Code(
    "FAL1613",
    _INFO,
    "Installed, with a warning",
    "see whether that is what is meant",
)
HELD = Code(
    "FAL1614",
    _WARNING,
    "What an artifact names is to be deleted",
    "have the artifact name another one, or delete the artifact: then it goes by itself; to keep "
    "the content, save it first: kubectl get {reference} -o yaml",
)

CODES = tuple(value for value in list(vars().values()) if isinstance(value, Code))
"""All codes, in the order of their names."""
