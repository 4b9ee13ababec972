"""What an artifact refers to, and what comes of it: the revision that nodes are to install."""

from __future__ import annotations

import hashlib
import hmac
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


def digest_of(target: ReferencedObject, content: bytes, uid: str) -> str:
    """A hash of what matters of an object, which survives a restart and may be published.

    A password could be guessed, and the guess checked by a plain hash. That of a Secret takes its
    uid, which is random and shown to nobody who may not read the Secret itself.
    """
    if target.role is Role.SECRET:
        return f"hmac-sha256:{hmac.digest(uid.encode(), content, 'sha256').hex()}"
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def published_state(before: Resolved, role: Role, sources: Sources) -> Present | None:
    """The state of a referenced object that nodes go by; None if nothing is known of it."""
    version: str | None = before.config_map_resource_version
    match role:
        case Role.SECRET:
            version, digest = before.secret_resource_version, before.secret_digest
        case Role.CONTENT:
            digest = before.config_map_digest
        case Role.CA:
            version, digest = None if sources.config_map else version, before.ca_digest
    return Present(version or "", digest or "") if version or digest else None


def resolve(
    generation: int,
    published: Resolved | None,
    sources: Sources,
    states: Mapping[Role, ReferenceState],
    answer: TagAnswer,
) -> Resolution:
    """What is to be published of this generation, given what was published last.

    What this generation was once resolved to stays, whatever goes missing later; a source that
    leads to nothing does not hold up the others. The revision stays as long as nodes are to install
    the same, also if an earlier operator has computed it in another way.
    """
    before = published_of(generation, published)
    oci, oci_trouble = _oci(before, sources, states, answer)
    content, content_trouble = _content(before, sources, states)
    is_oci_digest_given = sources.oci is not None and sources.oci.is_pinned
    resolved = None
    if oci.digest or content.version or sources.inline is not None or not _has_remote(sources):
        hashed = "" if is_oci_digest_given else oci.digest
        present = {Role.CONTENT: content, Role.SECRET: oci.secret, Role.CA: oci.ca}
        is_same = oci.digest == (before.oci_digest or "") and _is_same(present, before, sources)
        parts = (hashed, *(state.identity for state in present.values()))
        resolved = Resolved(
            observed_generation=generation,
            revision=(before.revision if is_same else None) or revision(generation, *parts),
            oci_digest=oci.digest or None,
            config_map_resource_version=(content if sources.config_map else oci.ca).version or None,
            config_map_digest=content.digest or None,
            ca_digest=oci.ca.digest or None,
            secret_resource_version=oci.secret.version or None,
            secret_digest=oci.secret.digest or None,
        )
    troubles = [trouble for trouble in (oci_trouble, content_trouble) if trouble is not None]
    known = [trouble for trouble in troubles if trouble is not _WAITS]
    return Resolution(
        resolved, _missing(states), known[0] if known else None, waits=_WAITS in troubles
    )


class _Oci(NamedTuple):
    digest: str = ""
    secret: Present = Present()
    ca: Present = Present()


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
    secret, ca = (
        _present(states.get(role), published_state(before, role, sources))
        for role in (Role.SECRET, Role.CA)
    )
    return _Oci(digest, secret, ca), None


def _content(
    before: Resolved, sources: Sources, states: Mapping[Role, ReferenceState]
) -> tuple[Present, ResolutionFailure | None]:
    if sources.config_map is None:
        return Present(), None
    state = states.get(Role.CONTENT)
    content = _present(state, published_state(before, Role.CONTENT, sources))
    return content, None if content.version else _trouble(state)


def _present(state: ReferenceState | None, before: Present | None) -> Present:
    """The state of an object that is there; as long as it is not, the one that it had."""
    if state is None:
        return Present()
    return state if isinstance(state, Present) else before or Present()


def _is_same(now: Mapping[Role, Present], before: Resolved, sources: Sources) -> bool:
    """Whether every referenced object has what was published of it, as far as that is known."""
    for role, state in now.items():
        known = published_state(before, role, sources)
        if known is None:
            # Earlier operators have published nothing of a CA beside a ConfigMap.
            is_same = state == Present() or (role is Role.CA and before.oci_digest is not None)
        elif known.digest and state.digest:
            is_same = known.digest == state.digest
        else:
            is_same = known.version == state.version
        if not is_same:
            return False
    return True


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
