"""Objects in the form in which the API server writes them, and what `status` makes of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from cli.cluster.snapshot import Snapshot
from cli.observed.objects import happening_of, lease_of, node_from, workload_of
from cli.observed.pods import pod_of
from cli.observed.reading import Crowd, observation_of
from cli.observed.reports import Reports
from cli.status.diagnosis import diagnosed
from resources.kubernetes.kinds import KINDS

NOW = 2_000_000_000.0
NAMESPACE = "default"
HOUR = 3600
REVISION = "1-abc"


def at(age):
    """A time so many seconds ago."""
    return datetime.fromtimestamp(NOW - age, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def thing(kind, name, *, namespace=NAMESPACE, age=HOUR, **fields):
    scope = {"namespace": namespace} if KINDS[kind].namespaced else {}
    created = {"creationTimestamp": at(age), "uid": f"uid-{kind}-{name}", "generation": 1}
    metadata = {"name": name, **scope, **created, **fields.pop("metadata", {})}
    return {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": metadata, **fields}


def condition(name, status="True", reason="", message="", *, generation=1, age=HOUR):
    return {
        "type": name,
        "status": status,
        "reason": reason or name,
        "message": message,
        "observedGeneration": generation,
        "lastTransitionTime": at(age),
    }


def falco(name="falco", *, conditions=(), spec=None, **fields):
    """A Falco of which all is well but for the conditions that are given."""
    well = [condition("Reconciled"), condition("Available")]
    given = {one["type"] for one in conditions}
    status = {
        "observedGeneration": 1,
        "resourceType": (spec or {}).get("type", "DaemonSet"),
        "version": "0.44.1",
        "desiredReplicas": 1,
        "availableReplicas": 1,
        "conditions": [*(one for one in well if one["type"] not in given), *conditions],
    }
    return thing("Falco", name, **{"spec": spec or {}, "status": status} | fields)


def artifact(name="rules", kind="Rulesfile", *, conditions=(), spec=None, **fields):
    """An artifact that is loaded, but for the conditions that are given."""
    well = [condition(one) for one in ("ResolvedRefs", "Programmed", "Loaded")]
    given = {one["type"] for one in conditions}
    status = {
        "observedGeneration": 1,
        "resolved": {"revision": REVISION},
        "conditions": [*(one for one in well if one["type"] not in given), *conditions],
    }
    spec = spec or {"inlineRules": [{"macro": "never", "condition": "evt.num<0"}]}
    return thing(kind, name, **{"spec": spec, "status": status} | fields)


def daemon_set(name="falco", *, template=None, status=None, **fields):
    counts = {
        "observedGeneration": 1,
        "desiredNumberScheduled": 1,
        "currentNumberScheduled": 1,
        "updatedNumberScheduled": 1,
        "numberAvailable": 1,
    }
    spec = {
        "updateStrategy": {"type": "RollingUpdate"},
        "template": {"spec": {"containers": [{"name": "falco"}], **(template or {})}},
    }
    return thing("DaemonSet", name, **{"spec": spec, "status": counts | (status or {})} | fields)


def container(name="falco", *, ready=True, state=None, last=None, restarts=0):
    return {
        "name": name,
        "ready": ready,
        "state": state or {"running": {"startedAt": at(HOUR)}},
        "lastState": {"terminated": last} if last else {},
        "restartCount": restarts,
    }


def waiting(reason, message="", **fields):
    state = {"waiting": {"reason": reason, "message": message}}
    return container(ready=False, state=state, **fields)


SIDECAR = container("artifact-operator")


def pod(name="falco-x", *, owner="falco", node="node-1", falco=None, sidecar=SIDECAR, **fields):
    """A pod that runs, but for what is given; `falco` and `sidecar` are states of containers."""
    is_ready = all(one is None or one["ready"] for one in (falco, sidecar))
    status = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True" if is_ready else "False"}],
        "initContainerStatuses": [sidecar] if sidecar else [],
        "containerStatuses": [falco or container()],
    } | fields.pop("status", {})
    labels = {
        "app.kubernetes.io/instance": owner,
        "instance.falcosecurity.dev/owner-kind": "Falco",
    }
    spec = {
        "nodeName": node,
        "initContainers": [{"name": "artifact-operator"}] if sidecar else [],
        "containers": [{"name": "falco"}],
    }
    owners = [{"kind": "DaemonSet", "name": owner, "uid": "uid", "controller": True}]
    metadata = {"labels": labels, "ownerReferences": owners} | fields.pop("metadata", {})
    return thing("Pod", name, metadata=metadata, spec=spec, status=status, **fields)


def node(name="node-1", *, ready="True", labels=None, taints=(), age=HOUR, **condition_fields):
    conditions = [{"type": "Ready", "status": ready, **condition_fields}]
    return thing(
        "Node",
        name,
        age=age,
        metadata={"labels": labels or {}},
        spec={"taints": list(taints)},
        status={"conditions": conditions},
    )


def entry(one, state="Programmed", *, loaded="True", revision=REVISION, **fields):
    """What a NodeReport says of an artifact."""
    meta = one["metadata"]
    told = {"loaded": loaded} if loaded else {}
    head = {"kind": one["kind"], "name": meta["name"], "uid": meta["uid"]}
    return {**head, "revision": revision, "state": state, **told, **fields}


def report(one, *entries, version="0.44.1"):
    """The NodeReport of a pod."""
    return thing(
        "NodeReport",
        one["metadata"]["name"],
        nodeName=one["spec"]["nodeName"],
        podUID=one["metadata"]["uid"],
        falco={"name": "falco", "version": version},
        artifacts=list(entries),
    )


def event(about, reason, note, *, age=10):
    regarding = {"kind": about["kind"], "uid": about["metadata"]["uid"]}
    fields = {"regarding": regarding, "reason": reason, "note": note, "eventTime": at(age)}
    return {"kind": "Event", "metadata": {"name": "event"}, **fields}


def observed(*objects, unread=(), missing=(), operators=(), operator_pods=(), leases=()):
    """What is observed of these objects."""
    by_kind = defaultdict(list)
    for one in objects:
        by_kind[one["kind"]].append(one)
    for kind in ("DaemonSet", "Deployment"):
        by_kind.setdefault(kind, [])
    crowd = {kind: by_kind.pop(kind, []) for kind in ("Event", "Pod", "Node", "NodeReport")}
    reports = Reports()
    for one in crowd["NodeReport"]:
        reports.take(msgspec.json.encode(one))
    nodes = (node_from(msgspec.json.encode(one)) for one in crowd["Node"])
    hidden = {one.kind for one in unread}
    seen = Crowd(
        None if "Pod" in hidden else tuple(map(pod_of, crowd["Pod"])),
        None if "Node" in hidden else {one.name: one for one in nodes},
        None if "NodeReport" in hidden else reports.by_pod,
    )
    found = observation_of(Snapshot(by_kind, unread), seen, tuple(missing), NOW)
    return replace(
        found,
        happenings=tuple(map(happening_of, crowd["Event"])),
        operators=tuple(map(workload_of, operators)),
        operator_pods=tuple(map(pod_of, operator_pods)),
        leases=tuple(map(lease_of, leases)),
    )


def diagnosis(*objects, **others):
    return diagnosed(observed(*objects, **others))


def told(*objects, **others):
    """The findings as `code subject: cause`, the worst first."""
    found = diagnosis(*objects, **others).findings
    return [f"{one.code.name} {one.subject}: {one.cause}" for one in found]


POD = pod()
WELL = (falco(), daemon_set(), node())
"""A Falco of which all is well, but for its pod."""
