"""From objects as the API server writes them to facts."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from cli.observed.facts import (
    Artifact,
    Condition,
    Happening,
    Instance,
    Lease,
    Meta,
    Node,
    Workload,
)
from cli.observed.taints import taints_of
from resources.artifact import sources as artifact_sources
from resources.artifact.references import references
from resources.artifact.rollout import Subject
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.cluster.snapshot import Object
    from resources.artifact.sources import Sources


_PRESSURE = ("MemoryPressure", "DiskPressure", "PIDPressure")


def seconds(time: str | None) -> float:
    """A time of Kubernetes in seconds since the epoch; 0 if there is none."""
    if not time:
        return 0.0
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        return 0.0


def ref_of(one: Object) -> ObjectRef:
    """What an object is."""
    metadata = one["metadata"]
    return ObjectRef(one["kind"], metadata.get("namespace", ""), metadata["name"])


def meta_of(one: Object) -> Meta:
    """The metadata of an object."""
    metadata = one["metadata"]
    created = seconds(metadata.get("creationTimestamp"))
    changes = (
        seconds(change.get("time"))
        for change in metadata.get("managedFields", ())
        if not change.get("subresource")
    )
    owners = (owner for owner in metadata.get("ownerReferences", ()) if owner.get("controller"))
    return Meta(
        ref_of(one),
        metadata.get("uid", ""),
        metadata.get("generation", 0),
        created,
        max(changes, default=created),
        seconds(metadata.get("deletionTimestamp")),
        tuple(metadata.get("finalizers", ())),
        next((owner["uid"] for owner in owners), ""),
    )


def conditions_of(one: Object) -> dict[str, Condition]:
    """The conditions of one of our resources, by type."""
    generation = one["metadata"].get("generation", 0)
    return {
        known["type"]: Condition(
            known["status"],
            known.get("reason", ""),
            known.get("message", ""),
            known.get("observedGeneration", 0) >= generation,
            seconds(known.get("lastTransitionTime")),
        )
        for known in one.get("status", {}).get("conditions", ())
    }


def instance_of(one: Object) -> Instance:
    """A Falco or Component."""
    status, spec = one.get("status", {}), one.get("spec", {})
    kind = "Deployment" if one["kind"] == "Component" else spec.get("type") or "DaemonSet"
    return Instance(
        meta_of(one),
        conditions_of(one),
        status.get("observedGeneration", 0),
        status.get("resourceType") or kind,
        status.get("version", ""),
        status.get("desiredReplicas"),
        status.get("availableReplicas"),
    )


def artifact_of(one: Object) -> Artifact:
    """A Rulesfile, Plugin or Config; of one that does not fit its type, what can be told."""
    meta, status = meta_of(one), one.get("status", {})
    resolved = status.get("resolved", {})
    raw = msgspec.json.encode({**one, "status": {}})
    source, selector, names = "", None, frozenset[ObjectRef]()
    try:
        artifact = artifact_sources.decode(one["kind"], raw)
        selector = artifact.spec.selector
        names = references(raw).all
        source = source_text(artifact_sources.sources_of(artifact))
    except (msgspec.DecodeError, InvalidSpec):
        pass  # the conditions say what is wrong with it
    return Artifact(
        meta,
        conditions_of(one),
        status.get("observedGeneration", 0),
        source,
        Subject(meta.uid, resolved.get("revision", ""), selector),
        resolved.get("ociDigest", ""),
        names,
    )


def source_text(sources: Sources) -> str:
    """Where the content of an artifact is from."""
    parts = [str(sources.oci)] if sources.oci is not None else []
    if sources.config_map is not None:
        parts.append(f"ConfigMap {sources.config_map.name}")
    if sources.inline is not None:
        parts.append("inline")
    return ", ".join(parts)


def workload_of(one: Object) -> Workload:
    """A DaemonSet or Deployment."""
    meta = meta_of(one)
    one["metadata"].pop("managedFields", None)
    return Workload(meta, one)


def node_from(raw: bytes) -> Node:
    """A node as an item of a list."""
    one = msgspec.json.decode(raw)
    status = one.get("status", {})
    return Node(
        one["metadata"]["name"],
        one["metadata"].get("labels", {}),
        taints_of(one),
        _node_trouble(status),
        seconds(one["metadata"].get("creationTimestamp")),
    )


def happening_of(one: Object) -> Happening:
    """An Event of events.k8s.io."""
    series = one.get("series") or {}
    times = (series.get("lastObservedTime"), one.get("deprecatedLastTimestamp"))
    at = next(filter(None, (*times, one.get("eventTime"))), "")
    uid, reason = one.get("regarding", {}).get("uid", ""), one.get("reason", "")
    return Happening(uid, reason, one.get("note", ""), seconds(at))


def lease_of(one: Object) -> Lease:
    """The Lease of the operators."""
    spec = one.get("spec", {})
    return Lease(
        ref_of(one),
        spec.get("holderIdentity") or "",
        seconds(spec.get("renewTime")),
        spec.get("leaseDurationSeconds") or 15,
    )


def _node_trouble(status: Mapping[str, Any]) -> str:
    conditions = {known["type"]: known for known in status.get("conditions", ())}
    ready = conditions.get("Ready", {})
    if ready.get("status") == "True":
        return ""
    parts = [f"{ready.get('reason', 'NotReady')}: {ready.get('message', '')}".rstrip(": ")]
    parts += [name for name in _PRESSURE if conditions.get(name, {}).get("status") == "True"]
    return ", ".join(parts)
