"""The Secrets and ConfigMaps that an artifact names: what is taken from each, and finalizers."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.json import Decoder

from resources.artifact.oci_artifact import OCIArtifact
from resources.artifact.sources import CA_KEY
from resources.kubernetes.meta import LocalReference, ObjectMeta
from resources.kubernetes.names import is_name
from resources.kubernetes.reference import ObjectRef
from resources.registry.credentials import InvalidCredentials
from resources.registry.route import credentials_of
from resources.signatures.demand import TRUSTED_ROOT_KEY
from resources.signatures.policy import Mode
from resources.signatures.public_key_text import KEY_SUFFIX, text_problem
from resources.text.keyed_text import NoText, config_map_text, keys_of, named_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from resources.artifact.sources import OciSource, Sources
    from resources.registry.credentials import RegistryPolicy
    from resources.registry.table import RegistryTable

FINALIZERS = {
    "Secret": "artifact.falcosecurity.dev/secret-in-use",
    "ConfigMap": "artifact.falcosecurity.dev/configmap-in-use",
}
FIELD_MANAGERS = {
    "Secret": "secret-in-use-finalizer",
    "ConfigMap": "configmap-in-use-finalizer",
}


class _Spec(Struct, frozen=True, rename="camel"):
    oci_artifact: OCIArtifact | None = None
    config_map_ref: LocalReference | None = None


class _Artifact(Struct, frozen=True):
    metadata: ObjectMeta
    spec: _Spec = _Spec()


_decoder = Decoder(_Artifact)


class References(NamedTuple):
    """The objects that an artifact names: those that nodes read, and those that nobody else does.

    The operator alone reads keys and trusted roots: a Secret that cosign has made holds the private
    key as well.
    """

    of_nodes: frozenset[ObjectRef] = frozenset()
    of_operator: frozenset[ObjectRef] = frozenset()

    @property
    def all(self) -> frozenset[ObjectRef]:
        """Every object that is named."""
        return self.of_nodes | self.of_operator


def references(raw: bytes) -> References:
    """The Secrets and ConfigMaps that a Rulesfile, Plugin or Config names, in its own namespace.

    Names that no object can have are left out: the CRD accepts any text, and a name becomes part
    of a URL.

    Raises:
        msgspec.DecodeError: the artifact was stored under another CRD and does not fit the types.
    """
    artifact = _decoder.decode(raw)
    oci = artifact.spec.oci_artifact
    trusted = _trusted(oci) if oci is not None else ()
    return References(
        *(
            frozenset(
                ObjectRef(kind, artifact.metadata.namespace or "", reference.name)
                for kind, reference in named
                if is_name(reference.name)
            )
            for named in (_named(artifact.spec), trusted)
        )
    )


def can_exist(ref: ObjectRef) -> bool:
    """Whether a Secret or ConfigMap can have this name."""
    return is_name(ref.name)


def is_protected(kind: str, meta: ObjectMeta) -> bool:
    """Whether an object carries the finalizer of its kind."""
    return FINALIZERS[kind] in (meta.finalizers or ())


def _trusted(oci: OCIArtifact) -> Iterator[tuple[str, LocalReference]]:
    """The objects that hold keys and trusted roots, which only the operator reads."""
    verify = oci.verify
    if verify is None:
        return
    for key in verify.keys or ():
        if key.secret_ref is not None:
            yield "Secret", key.secret_ref
        if key.config_map_ref is not None:
            yield "ConfigMap", key.config_map_ref
    if verify.trusted_root is not None:
        yield "ConfigMap", verify.trusted_root.config_map_ref


def _named(spec: _Spec) -> Iterator[tuple[str, LocalReference]]:
    """The objects that nodes read as well."""
    if spec.config_map_ref is not None:
        yield "ConfigMap", spec.config_map_ref
    registry = spec.oci_artifact.registry if spec.oci_artifact is not None else None
    if registry is None:
        return
    if registry.auth is not None and registry.auth.secret_ref is not None:
        yield "Secret", registry.auth.secret_ref
    if registry.tls is not None and registry.tls.ca_config_map_ref is not None:
        yield "ConfigMap", registry.tls.ca_config_map_ref


class Role(StrEnum):
    """What a referenced object is for."""

    SECRET = "secret"  # noqa: S105 - a word, and no secret
    CA = "ca"
    CONTENT = "content"
    KEYS = "keys"
    ROOT = "root"


class ReferencedObject(NamedTuple):
    """One referenced object; `key` is where in a ConfigMap to look."""

    role: Role
    ref: ObjectRef
    key: str = ""


@dataclass(frozen=True, slots=True)
class Present:
    """The referenced object has what is referred to, unchanged since this resourceVersion.

    `digest` is a hash of what is referred to, empty if an earlier operator has published none.
    """

    version: str = ""
    digest: str = ""

    @property
    def identity(self) -> str:
        """What the revision is made of."""
        return self.digest or self.version


@dataclass(frozen=True, slots=True)
class Missing:
    """The referenced object does not exist, or lacks what is referred to; `text` says which."""

    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The watch has not shown the referenced object yet, nor that it does not exist."""


ReferenceState = Present | Missing | Unknown


class Unresolved(Exception):  # noqa: N818 - it describes the object, not a failure of ours
    """A referenced object that is not what it should be."""


def referenced_objects(namespace: str, sources: Sources) -> tuple[ReferencedObject, ...]:
    """Every object that the sources of an artifact refer to."""
    objects = []
    if sources.oci is not None and sources.oci.secret:
        objects.append(
            ReferencedObject(Role.SECRET, ObjectRef("Secret", namespace, sources.oci.secret))
        )
    if sources.oci is not None and sources.oci.ca_config_map:
        ref = ObjectRef("ConfigMap", namespace, sources.oci.ca_config_map)
        objects.append(ReferencedObject(Role.CA, ref, CA_KEY))
    if sources.config_map is not None:
        ref = ObjectRef("ConfigMap", namespace, sources.config_map.name)
        objects.append(ReferencedObject(Role.CONTENT, ref, sources.config_map.key))
    return tuple(objects)


def trusted_objects(namespace: str, sources: Sources) -> tuple[ReferencedObject, ...]:
    """Every object from which keys or the trusted root are taken; none if they do not matter."""
    demand = sources.signatures
    if demand is None or demand.mode is Mode.OFF:
        return ()
    roots = [(Role.ROOT, "ConfigMap", demand.trusted_root)] if demand.trusted_root else []
    keys = dict.fromkeys((Role.KEYS, key.kind, key.name) for key in demand.keys if key.kind)
    return tuple(
        ReferencedObject(
            role, ObjectRef(kind, namespace, name), TRUSTED_ROOT_KEY if role is Role.ROOT else ""
        )
        for role, kind, name in (*keys, *roots)
    )


def missing_text(target: ReferencedObject) -> str:
    """Tell a user that a referenced object does not exist."""
    if not can_exist(target.ref):
        return f"no {target.ref.kind} can have the name {target.ref.name!r}"
    return f"{target.ref.kind} {target.ref.name} does not exist"


def content_of(
    target: ReferencedObject,
    document: Mapping[str, Any],
    oci: OciSource | None,
    policy: RegistryPolicy,
    table: RegistryTable,
) -> bytes:
    """What of an object matters, given as the API server's JSON.

    Raises:
        Unresolved: it has not what is looked for; names keys, never values.
    """
    ref, data = target.ref, document.get("data") or {}
    if target.role is Role.SECRET and oci is not None:
        try:
            credentials_of(document, policy, table, oci.registry, oci.repository)
        except InvalidCredentials as error:
            raise Unresolved(f"{ref.kind} {ref.name}: {error}") from None
        return msgspec.json.encode(data, order="sorted")
    if target.role is Role.KEYS:
        return "\n".join(public_keys(ref, document)).encode()
    try:
        return config_map_text(document, target.key).encode()
    except NoText as error:
        raise Unresolved(f"{ref.kind} {ref.name} {error}") from None


def public_keys(ref: ObjectRef, document: Mapping[str, Any]) -> list[str]:
    """The public keys in a Secret or ConfigMap, as PEM; raises Unresolved."""
    texts = []
    for key in keys_of(document):
        if not key.endswith(KEY_SUFFIX):
            continue
        text = _key_text(ref.kind, document, key)
        if problem := text_problem(text):
            raise Unresolved(f"{ref.kind} {ref.name}: key {key} {problem}")
        texts.append(text)
    if not texts:
        what = f"{ref.kind} {ref.name} has no key that ends with {KEY_SUFFIX}"
        raise Unresolved(f"{what}; {named_keys(keys_of(document))}")
    return texts


def _key_text(kind: str, document: Mapping[str, Any], key: str) -> str:
    """The text under a key of a Secret or ConfigMap; empty if that is none."""
    try:
        if kind == "Secret":
            return b64decode(document["data"][key]).decode()
        return config_map_text(document, key)
    except ValueError:
        return ""


def digest_of(target: ReferencedObject, content: bytes, uid: str) -> str:
    """A hash of what matters of an object, which survives a restart and may be published.

    A password could be guessed, and the guess checked by a plain hash. That of a Secret takes its
    uid, which is random and shown to nobody who may not read the Secret itself.
    """
    if target.ref.kind == "Secret":
        return f"hmac-sha256:{hmac.digest(uid.encode(), content, 'sha256').hex()}"
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
