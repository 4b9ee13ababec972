"""The Secrets and ConfigMaps that an artifact names, and the finalizers that protect them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.json import Decoder

from resources.artifact.oci_artifact import OCIArtifact
from resources.kubernetes.meta import LocalReference, ObjectMeta
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterator

FINALIZERS = {
    "Secret": "artifact.falcosecurity.dev/secret-in-use",
    "ConfigMap": "artifact.falcosecurity.dev/configmap-in-use",
}
FIELD_MANAGERS = {
    "Secret": "secret-in-use-finalizer",
    "ConfigMap": "configmap-in-use-finalizer",
}

# The API server accepts no other name of a Secret or ConfigMap.
_DNS_SUBDOMAIN = re.compile(
    r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.ASCII
)
_LONGEST_NAME = 253


class _Spec(Struct, frozen=True, rename="camel"):
    oci_artifact: OCIArtifact | None = None
    config_map_ref: LocalReference | None = None


class _Artifact(Struct, frozen=True):
    metadata: ObjectMeta
    spec: _Spec = _Spec()


_decoder = Decoder(_Artifact)


def references(raw: bytes) -> frozenset[ObjectRef]:
    """The Secrets and ConfigMaps that a Rulesfile, Plugin or Config names, in its own namespace.

    Names that no object can have are left out: the CRD accepts any text, and a name becomes part
    of a URL.

    Raises:
        msgspec.DecodeError: the artifact was stored under another CRD and does not fit the types.
    """
    artifact = _decoder.decode(raw)
    namespace = artifact.metadata.namespace or ""
    return frozenset(
        ObjectRef(kind, namespace, reference.name)
        for kind, reference in _named(artifact.spec)
        if _is_name(reference.name)
    )


def can_exist(ref: ObjectRef) -> bool:
    """Whether a Secret or ConfigMap can have this name."""
    return _is_name(ref.name)


def is_protected(kind: str, meta: ObjectMeta) -> bool:
    """Whether an object carries the finalizer of its kind."""
    return FINALIZERS[kind] in (meta.finalizers or ())


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and _DNS_SUBDOMAIN.fullmatch(text) is not None


def _named(spec: _Spec) -> Iterator[tuple[str, LocalReference]]:
    if spec.config_map_ref is not None:
        yield "ConfigMap", spec.config_map_ref
    registry = spec.oci_artifact.registry if spec.oci_artifact is not None else None
    if registry is None:
        return
    if registry.auth is not None and registry.auth.secret_ref is not None:
        yield "Secret", registry.auth.secret_ref
    if registry.tls is not None and registry.tls.ca_config_map_ref is not None:
        yield "ConfigMap", registry.tls.ca_config_map_ref
