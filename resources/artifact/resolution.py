"""What an artifact refers to, and what comes of it: the revision that nodes are to install."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from resources.artifact.fields import Resolved
from resources.artifact.reasons import OCI_FAILED, PENDING, REFERENCE_FAILED
from resources.artifact.references import can_exist
from resources.artifact.revision import revision
from resources.artifact.sources import CA_KEY
from resources.kubernetes.reference import ObjectRef
from resources.registry.credentials import InvalidCredentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.artifact.sources import OciSource, Sources
    from resources.registry.credentials import RegistryPolicy
    from resources.registry.request import Problem


class Role(StrEnum):
    """What a referenced object is for."""

    SECRET = "secret"  # noqa: S105 - a word, and no secret
    CA = "ca"
    CONTENT = "content"


class ReferencedObject(NamedTuple):
    """One referenced object; `key` is where in a ConfigMap to look."""

    role: Role
    ref: ObjectRef
    key: str = ""


@dataclass(frozen=True, slots=True)
class Present:
    """The referenced object has what is referred to, unchanged since this resourceVersion."""

    version: str


@dataclass(frozen=True, slots=True)
class Missing:
    """The referenced object does not exist, or lacks what is referred to; `text` says which."""

    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The watch has not shown the referenced object yet, nor that it does not exist."""


ReferenceState = Present | Missing | Unknown


class TagAnswer(NamedTuple):
    """What a registry says of a tag; nothing yet, if neither is set."""

    digest: str = ""
    problem: Problem | None = None


class ResolutionFailure(NamedTuple):
    """Why a source cannot be installed anywhere: status, reason and message of `Programmed`."""

    status: str
    reason: str
    message: str


class Resolution(NamedTuple):
    """What the references led to.

    `resolved` is to be published, None while no source has led to anything; `missing` is None while
    nothing can be said of the references; `waits` if the next look will most likely tell more.
    """

    resolved: Resolved | None
    missing: tuple[str, ...] | None = ()
    trouble: ResolutionFailure | None = None
    waits: bool = False


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
) -> bytes:
    """What of an object matters, given as the API server's JSON.

    Raises:
        Unresolved: it has not what is looked for; names keys, never values.
    """
    ref, data = target.ref, document.get("data") or {}
    if target.role is Role.SECRET and oci is not None:
        try:
            policy.credentials_of(document, oci.registry, oci.repository)
        except InvalidCredentials as error:
            raise Unresolved(f"{ref.kind} {ref.name}: {error}") from None
        return msgspec.json.encode(data, order="sorted")
    if target.key not in data:
        raise Unresolved(f"{ref.kind} {ref.name} has no key {target.key}")
    return str(data[target.key]).encode()


def published_of(generation: int, published: Resolved | None) -> Resolved:
    """What was published of this generation; empty if that was another one."""
    if published is None or published.observed_generation != generation:
        return Resolved()
    return published


def published_version(before: Resolved, target: ReferencedObject, sources: Sources) -> str:
    """The resourceVersion of a target that nodes go by; empty if there is none."""
    match target.role:
        case Role.SECRET:
            version = before.secret_resource_version
        case Role.CONTENT:
            version = before.config_map_resource_version
        case Role.CA:
            is_shown = sources.config_map is None
            version = before.config_map_resource_version if is_shown else None
    return version or ""


def resolve(
    generation: int,
    published: Resolved | None,
    sources: Sources,
    states: Mapping[Role, ReferenceState],
    answer: TagAnswer,
) -> Resolution:
    """What is to be published of this generation, given what was published last.

    What this generation was once resolved to stays, whatever goes missing later; a source that
    leads to nothing does not hold up the others.
    """
    before = published_of(generation, published)
    oci, oci_trouble = _oci(before, sources, states, answer)
    content, content_trouble = _content(before, sources, states)
    is_oci_digest_given = sources.oci is not None and sources.oci.is_pinned
    resolved = None
    if oci.digest or content or sources.inline is not None or not _has_remote(sources):
        hashed = "" if is_oci_digest_given else oci.digest
        resolved = Resolved(
            observed_generation=generation,
            revision=revision(generation, hashed, content, oci.secret, oci.ca),
            oci_digest=oci.digest or None,
            config_map_resource_version=(content if sources.config_map else oci.ca) or None,
            secret_resource_version=oci.secret or None,
        )
    troubles = [trouble for trouble in (oci_trouble, content_trouble) if trouble is not None]
    known = [trouble for trouble in troubles if trouble is not _WAITS]
    return Resolution(
        resolved, _missing(states), known[0] if known else None, waits=_WAITS in troubles
    )


class _Oci(NamedTuple):
    digest: str = ""
    secret: str = ""
    ca: str = ""


_WAITS = ResolutionFailure("Unknown", PENDING, "")


def _oci(
    before: Resolved, sources: Sources, states: Mapping[Role, ReferenceState], answer: TagAnswer
) -> tuple[_Oci, ResolutionFailure | None]:
    source = sources.oci
    if source is None:
        return _Oci(), None
    if not before.oci_digest:
        for role in (Role.SECRET, Role.CA):
            trouble = _trouble(states.get(role))
            if trouble is not None:
                return _Oci(), trouble
    digest = source.reference if source.is_pinned else answer.digest or before.oci_digest
    if not digest:
        return _Oci(), _lookup_trouble(source, answer)
    ca_before = before.config_map_resource_version if sources.config_map is None else None
    secret = _version(states.get(Role.SECRET), before.secret_resource_version)
    return _Oci(digest, secret, _version(states.get(Role.CA), ca_before)), None


def _content(
    before: Resolved, sources: Sources, states: Mapping[Role, ReferenceState]
) -> tuple[str, ResolutionFailure | None]:
    if sources.config_map is None:
        return "", None
    state = states.get(Role.CONTENT)
    version = _version(state, before.config_map_resource_version)
    return version, None if version else _trouble(state)


def _version(state: ReferenceState | None, before: str | None) -> str:
    """The version of an object; as long as there is none, the one that it had."""
    match state:
        case None:
            return ""
        case Present(version):
            return version
    return before or ""


def _trouble(state: ReferenceState | None) -> ResolutionFailure | None:
    match state:
        case Missing(text):
            return ResolutionFailure("False", REFERENCE_FAILED, text)
        case Unknown():
            return _WAITS
    return None


def _lookup_trouble(source: OciSource, answer: TagAnswer) -> ResolutionFailure:
    if answer.problem is None:
        return ResolutionFailure("Unknown", PENDING, f"Looking up {source}")
    return ResolutionFailure("False", OCI_FAILED, answer.problem.message)


def _missing(states: Mapping[Role, ReferenceState]) -> tuple[str, ...] | None:
    missing = tuple(state.text for state in states.values() if isinstance(state, Missing))
    if not missing and any(isinstance(state, Unknown) for state in states.values()):
        return None
    return missing


def _has_remote(sources: Sources) -> bool:
    return sources.oci is not None or sources.config_map is not None
