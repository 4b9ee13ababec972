"""Every scalar field of a pod template, alone in a template that the API server takes."""

import copy
from typing import Any, NamedTuple

POD_TEMPLATE = "io.k8s.api.core.v1.PodTemplateSpec"
_HANDLERS = frozenset({"exec", "grpc", "httpGet", "sleep", "tcpSocket"})
_METADATA = ("annotations", "labels")
# The template would have the first three times over; the others are behind feature gates, and the
# API server drops them.
_SKIPPED = frozenset(
    {
        *("ephemeralContainers", "initContainers", "podAntiAffinity"),
        *("clusterTrustBundle", "podCertificate", "stopSignal"),
    }
)
_LABELS = {"matchLabels": {"a": "b"}}
_CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
# What the API server demands of a type beyond the fields that its schema requires.
_NEEDED: dict[str, dict[str, Any]] = {
    "AppArmorProfile": {"type": "RuntimeDefault"},
    "AzureDiskVolumeSource": {"diskURI": "https://x/vhd"},
    "CSIVolumeSource": {"driver": "a.b"},
    "ConfigMapVolumeSource": {"name": "x"},
    "Container": {"image": "x:1"},
    "DownwardAPIVolumeFile": {"path": "p", "fieldRef": {"fieldPath": "metadata.name"}},
    "EphemeralVolumeSource": {"volumeClaimTemplate": {"spec": _CLAIM}},
    "FCVolumeSource": {"wwids": ["x"]},
    "FlexVolumeSource": {"driver": "a/b"},
    "HTTPGetAction": {"port": 1},
    "HostAlias": {"hostnames": ["a"], "ip": "1.2.3.4"},
    "HostIP": {"ip": "1.2.3.4"},
    "ISCSIVolumeSource": {"targetPortal": "1.2.3.4", "iqn": "iqn.2001-04.com.example:x"},
    "ImageVolumeSource": {"reference": "x:1"},
    "LifecycleHandler": {"tcpSocket": {"port": 1}},
    "NFSVolumeSource": {"path": "/x"},
    "NodeSelectorRequirement": {"operator": "Exists"},
    "ObjectFieldSelector": {"fieldPath": "metadata.name"},
    "PersistentVolumeClaimSpec": _CLAIM,
    "PodAffinityTerm": {"topologyKey": "x", "labelSelector": _LABELS},
    "Probe": {"tcpSocket": {"port": 1}},
    "SeccompProfile": {"type": "RuntimeDefault"},
    "SecretVolumeSource": {"secretName": "s"},
    "ServiceAccountTokenProjection": {"path": "p"},
    "Sysctl": {"name": "kernel.shm_rmid_forced", "value": "1"},
    "Toleration": {"key": "k"},
    "TopologySpreadConstraint": {
        "maxSkew": 1,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": _LABELS,
    },
    "VolumeMount": {"name": "x", "mountPath": "/v"},
}
_ZEROS = {"string": "", "integer": 0, "boolean": False}


class ScalarField(NamedTuple):
    """A field, and two templates that differ in it: absent, and with the zero of its type."""

    path: str
    type: str
    enum: list[str] | None
    absent: dict[str, Any]
    zero: dict[str, Any]


def scalar_fields(schemas):
    """All of them, from the `components.schemas` of the API server."""
    return list(_fields(schemas, {"$ref": f"/{POD_TEMPLATE}"}, "", lambda value: value))


def _fields(schemas, node, path, build):
    name, schema = _resolved(schemas, node)
    kind = schema.get("type")
    if kind == "object" and "properties" in schema:
        base = _sample(schemas, node)
        for field, child in schema["properties"].items():
            if field in _SKIPPED or (name.endswith("ObjectMeta") and field not in _METADATA):
                continue
            # As a default argument, so that each field keeps its own.
            place = lambda value, field=field: build(_with(base, field, value))  # noqa: E731
            yield from _fields(schemas, child, f"{path}.{field}", place)
    elif kind == "array":
        yield from _fields(
            schemas,
            schema["items"],
            f"{path}[]",
            lambda value: build([] if value is None else [value]),
        )
    elif kind == "object" and "additionalProperties" in schema:
        values = schema["additionalProperties"]
        yield from _fields(
            schemas, values, f"{path}.*", lambda value: build({} if value is None else {"k": value})
        )
    elif kind in _ZEROS:
        zero = build(_ZEROS[kind])
        yield ScalarField(path, kind, schema.get("enum"), build(None), zero)


def _with(base, field, value):
    """The value of a type with a field as given; a probe or a hook has one handler only."""
    made = copy.deepcopy(base)
    if field in _HANDLERS:
        made = {name: made[name] for name in made.keys() - _HANDLERS}
    if field == "resourceFieldRef":
        made.pop("fieldRef", None)
    if value is not None:
        made[field] = value
    return made


def _sample(schemas, node):
    name, schema = _resolved(schemas, node)
    if name.endswith("IntOrString"):
        return 1
    kind = schema.get("type")
    if kind == "object":
        fields = schema.get("properties", {})
        required = {field: _sample(schemas, fields[field]) for field in schema.get("required", ())}
        return {**required, **copy.deepcopy(_NEEDED.get(name.rpartition(".")[2], {}))}
    if kind == "array":
        return [_sample(schemas, schema["items"])]
    return schema["enum"][0] if "enum" in schema else {"string": "x", "integer": 1}.get(kind, True)


def _resolved(schemas, node):
    """The name of the type that a node refers to, or nothing, and the schema of the node."""
    for holder in (node, *node.get("allOf", ())):
        if "$ref" in holder:
            name = holder["$ref"].rpartition("/")[2]
            return name, schemas[name]
    return "", node
