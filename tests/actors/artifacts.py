"""Artifacts out of thin air, and how they are told of."""

from typing import Any

import msgspec

from actors.watch.store import Change, snapshot_of
from resources.kubernetes.reference import ObjectRef


def artifact_ref(name, kind="Rulesfile", namespace="ns"):
    return ObjectRef(kind, namespace, name)


def naming(ref, *targets, **metadata):
    """An artifact that names these; at most two ConfigMaps and one Secret, of its own namespace."""
    spec: dict[str, Any] = {}
    registry: dict[str, Any] = {}
    config_maps = [target.name for target in targets if target.kind == "ConfigMap"]
    for field, name in zip((spec, registry), config_maps, strict=False):
        key = "configMapRef" if field is spec else "tls"
        field[key] = {"name": name} if field is spec else {"caConfigMapRef": {"name": name}}
    for target in targets:
        if target.kind == "Secret":
            registry["auth"] = {"secretRef": {"name": target.name}}
    if registry:
        spec["ociArtifact"] = {"image": {"repository": "falco/rules"}, "registry": registry}
    known = {"name": ref.name, "namespace": ref.namespace, "uid": ref.name, **metadata}
    return snapshot_of(ref.kind, msgspec.json.encode({"metadata": known, "spec": spec}))


def told(ref, *targets):
    """The news that an artifact names these from now on."""
    return Change(ref, None, naming(ref, *targets))


def gone(ref):
    """The news that an artifact is no more."""
    return Change(ref, naming(ref), None)
