"""How the API server merges the fields of the objects that this project applies.

The tables hold only exceptions from the rule. The rule: maps merge by field, lists are replaced as
a whole, everything else is a value. Source: `x-kubernetes-list-type`,
`x-kubernetes-list-map-keys` and `x-kubernetes-map-type` in the API server's OpenAPI documents of
Kubernetes 1.36; older servers know a subset.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """How one field of an object is merged and compared.

    For a map, `fields` are the shapes of its named fields and `values` is the shape of all others;
    of the fields in `one_of`, the map may have only one. For a list, `item` is the shape of its
    items; `keys` make it a list map, identified by these fields of its items, with `key_defaults`
    for absent ones. `defaults` are values that the API server adds inside an atomic map; they
    belong to the map's owner, who did not apply them. `gated` are fields inside an atomic value
    that the API server drops while a feature gate is off.
    """

    fields: Mapping[str, Shape] = field(default_factory=lambda: _NONE)
    values: Shape | None = None
    item: Shape | None = None
    keys: tuple[str, ...] = ()
    key_defaults: Mapping[str, str] = field(default_factory=lambda: _NONE)
    one_of: frozenset[str] = frozenset()
    is_set: bool = False
    atomic: bool = False
    quantity: bool = False
    defaults: Mapping[str, Any] = field(default_factory=lambda: _NONE)
    gated: frozenset[str] = frozenset()

    def under(self, name: str) -> Shape:
        """The shape of the field `name` of a map."""
        return self.fields.get(name) or self.values or PLAIN

    def of_item(self) -> Shape:
        """The shape of a list's items."""
        return self.item or PLAIN

    def key_of(self, item: Mapping[str, Any]) -> tuple[Any, ...]:
        """The values of the key fields, which identify an item of a list map."""
        defaults = self.key_defaults
        return tuple([item.get(key, defaults.get(key)) for key in self.keys])


PLAIN = Shape()
ATOMIC = Shape(atomic=True)
SET = Shape(is_set=True)
QUANTITY = Shape(quantity=True)
QUANTITIES = Shape(values=QUANTITY)


def _list_map(*keys: str, **fields: Shape) -> Shape:
    return Shape(keys=keys, item=Shape(fields=fields))


def _ports(number: str) -> Shape:
    return Shape(keys=(number, "protocol"), key_defaults={"protocol": "TCP"})


def _map(**fields: Shape) -> Shape:
    return Shape(fields=fields)


METADATA = _map(
    finalizers=SET,
    ownerReferences=Shape(keys=("uid",), item=ATOMIC),
)

_FIELD_REF = Shape(atomic=True, defaults={"apiVersion": "v1"})
_RESOURCE_FIELD_REF = Shape(atomic=True, fields={"divisor": QUANTITY}, defaults={"divisor": "0"})
_VALUE_FROM = {
    "configMapKeyRef": ATOMIC,
    "fieldRef": _FIELD_REF,
    "fileKeyRef": Shape(atomic=True, defaults={"optional": False}),
    "resourceFieldRef": _RESOURCE_FIELD_REF,
    "secretKeyRef": ATOMIC,
}
_ENV = Shape(
    fields={"valueFrom": Shape(fields=_VALUE_FROM, one_of=frozenset(_VALUE_FROM))},
    one_of=frozenset({"value", "valueFrom"}),
)
PROBE_HANDLERS = frozenset({"exec", "grpc", "httpGet", "tcpSocket"})
_PROBE = Shape(one_of=PROBE_HANDLERS)
_HOOK = Shape(one_of=frozenset({"exec", "httpGet", "sleep", "tcpSocket"}))
_AMOUNTS = {"limits": QUANTITIES, "requests": QUANTITIES}
_RESOURCES = _map(**_AMOUNTS, claims=_list_map("name"))

CONTAINER = _map(
    env=Shape(keys=("name",), item=_ENV),
    lifecycle=_map(postStart=_HOOK, preStop=_HOOK),
    livenessProbe=_PROBE,
    ports=_ports("containerPort"),
    readinessProbe=_PROBE,
    resources=_RESOURCES,
    startupProbe=_PROBE,
    volumeDevices=_list_map("devicePath"),
    volumeMounts=_list_map("mountPath"),
)
_CONTAINERS = Shape(keys=("name",), item=CONTAINER)

_DOWNWARD_ITEMS = Shape(
    atomic=True, item=_map(fieldRef=_FIELD_REF, resourceFieldRef=_RESOURCE_FIELD_REF)
)
_PROJECTED_SOURCES = Shape(
    atomic=True,
    item=Shape(
        fields={
            "downwardAPI": _map(items=_DOWNWARD_ITEMS),
            "serviceAccountToken": Shape(defaults={"expirationSeconds": 3600}),
            "podCertificate": Shape(defaults={"maxExpirationSeconds": 86400}),
        },
        gated=frozenset({"clusterTrustBundle", "podCertificate"}),
    ),
)
_CLAIM_TEMPLATE = _map(
    metadata=METADATA,
    spec=_map(dataSource=ATOMIC, resources=_map(**_AMOUNTS), selector=ATOMIC),
)
_SECRET_REF = _map(secretRef=ATOMIC)
_VOLUME = Shape(
    fields={
        "cephfs": _SECRET_REF,
        "cinder": _SECRET_REF,
        "csi": _map(nodePublishSecretRef=ATOMIC),
        "downwardAPI": _map(items=_DOWNWARD_ITEMS),
        "emptyDir": _map(sizeLimit=QUANTITY),
        "ephemeral": _map(volumeClaimTemplate=_CLAIM_TEMPLATE),
        "flexVolume": _SECRET_REF,
        "iscsi": _SECRET_REF,
        "projected": _map(sources=_PROJECTED_SOURCES),
        "rbd": _SECRET_REF,
        "scaleIO": _SECRET_REF,
        "storageos": _SECRET_REF,
    },
    one_of=frozenset(
        [
            "awsElasticBlockStore",
            "azureDisk",
            "azureFile",
            "cephfs",
            "cinder",
            "configMap",
            "csi",
            "downwardAPI",
            "emptyDir",
            "ephemeral",
            "fc",
            "flexVolume",
            "flocker",
            "gcePersistentDisk",
            "gitRepo",
            "glusterfs",
            "hostPath",
            "image",
            "iscsi",
            "nfs",
            "persistentVolumeClaim",
            "photonPersistentDisk",
            "portworxVolume",
            "projected",
            "quobyte",
            "rbd",
            "scaleIO",
            "secret",
            "storageos",
            "vsphereVolume",
        ]
    ),
)

POD_SPEC = _map(
    affinity=_map(nodeAffinity=_map(requiredDuringSchedulingIgnoredDuringExecution=ATOMIC)),
    containers=_CONTAINERS,
    ephemeralContainers=_CONTAINERS,
    hostAliases=_list_map("ip"),
    imagePullSecrets=Shape(keys=("name",), item=ATOMIC),
    initContainers=_CONTAINERS,
    nodeSelector=ATOMIC,
    overhead=QUANTITIES,
    resourceClaims=_list_map("name"),
    resources=_RESOURCES,
    schedulingGates=_list_map("name"),
    topologySpreadConstraints=_list_map("topologyKey", "whenUnsatisfiable", labelSelector=ATOMIC),
    volumes=Shape(keys=("name",), item=_VOLUME),
)
POD_TEMPLATE = _map(metadata=METADATA, spec=POD_SPEC)

_WORKLOAD = _map(metadata=METADATA, spec=_map(selector=ATOMIC, template=POD_TEMPLATE))
_ROLE = _map(metadata=METADATA)
_BINDING = _map(metadata=METADATA, roleRef=ATOMIC)

SHAPES: dict[str, Shape] = {
    "ServiceAccount": _map(metadata=METADATA, secrets=Shape(keys=("name",), item=ATOMIC)),
    "Service": _map(metadata=METADATA, spec=_map(ports=_ports("port"), selector=ATOMIC)),
    "ConfigMap": _map(metadata=METADATA),
    "DaemonSet": _WORKLOAD,
    "Deployment": _WORKLOAD,
    "Role": _ROLE,
    "RoleBinding": _BINDING,
    "ClusterRole": _ROLE,
    "ClusterRoleBinding": _BINDING,
}
