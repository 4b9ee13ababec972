"""What an artifact refers to, and what comes of it: the revision that nodes are to install."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.artifact.fields import Resolved
from resources.artifact.reasons import OCI_FAILED, PENDING, REFERENCE_FAILED
from resources.artifact.references import Missing, Present, ReferenceState, Role, Unknown
from resources.artifact.revision import revision
from resources.signatures.policy import Result
from resources.signatures.standing import REFUSED, UNASKED, Permitted, Standing, permitted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.artifact.sources import OciSource, Sources
    from resources.registry.request import Problem
    from resources.signatures.standing import Verified


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


def published_of(generation: int, published: Resolved | None) -> Resolved:
    """What was published of this generation; empty if that was another one."""
    if published is None or published.observed_generation != generation:
        return Resolved()
    return published


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
    standing: Standing = UNASKED,
) -> Resolution:
    """What is to be published of this generation, given what was published last.

    What this generation was once resolved to stays, whatever goes missing later; a source that
    leads to nothing does not hold up the others. `standing` is that of the `candidate`; if it is
    enforced, no other digest is published than one that is verified. The revision stays as long as
    nodes are to install the same, also if an earlier operator has computed it in another way.
    """
    before = published_of(generation, published)
    verified = published.verified if published is not None else None
    oci, oci_trouble = _oci(before, sources, states, answer, standing, verified)
    content, content_trouble = _content(before, sources, states)
    is_oci_digest_given = sources.oci is not None and sources.oci.is_pinned
    resolved = None
    is_withdrawn = oci_trouble is not None and oci_trouble.reason == REFUSED and before.oci_digest
    if (
        oci.digest
        or is_withdrawn
        or content.version
        or sources.inline is not None
        or not _has_remote(sources)
    ):
        hashed = "" if is_oci_digest_given else oci.digest
        present = {Role.CONTENT: content, Role.SECRET: oci.secret, Role.CA: oci.ca}
        is_same = oci.digest == (before.oci_digest or "") and _is_same(present, before, sources)
        parts = (hashed, *(state.identity for state in present.values()))
        if standing.is_enforced and oci.verified is not None:
            is_same = is_same and before.verified is not None
            parts = (*parts, "verified")
        resolved = Resolved(
            observed_generation=generation,
            revision=(before.revision if is_same else None) or revision(generation, *parts),
            oci_digest=oci.digest or None,
            verified=oci.verified,
            config_map_resource_version=(content if sources.config_map else oci.ca).version or None,
            config_map_digest=content.digest or None,
            ca_digest=oci.ca.digest or None,
            secret_resource_version=oci.secret.version or None,
            secret_digest=oci.secret.digest or None,
        )
    troubles = [trouble for trouble in (oci_trouble, content_trouble) if trouble is not None]
    known = [trouble for trouble in troubles if trouble is not _WAITS]
    return Resolution(
        resolved, _missing(states, standing), known[0] if known else None, waits=_WAITS in troubles
    )


def candidate(sources: Sources, before: Resolved, answer: TagAnswer) -> str:
    """The digest that would be published, were it not for its signatures; empty if none is known.

    It is the root's: a platform is chosen by the nodes.
    """
    return answer.digest or before.oci_digest or "" if sources.oci is not None else ""


class _Oci(NamedTuple):
    digest: str = ""
    secret: Present = Present()
    ca: Present = Present()
    verified: Verified | None = None


_WAITS = ResolutionFailure("Unknown", PENDING, "")


def _oci(
    before: Resolved,
    sources: Sources,
    states: Mapping[Role, ReferenceState],
    answer: TagAnswer,
    standing: Standing,
    verified: Verified | None,
) -> tuple[_Oci, ResolutionFailure | None]:
    source = sources.oci
    if source is None:
        return _Oci(), None
    if not before.oci_digest:
        for role in (Role.SECRET, Role.CA):
            trouble = _trouble(states.get(role))
            if trouble is not None:
                return _Oci(), trouble
    digest = candidate(sources, before, answer)
    if not digest:
        return _Oci(), _lookup_trouble(source, answer)
    permit = Permitted(digest)
    if standing is not UNASKED:
        permit = permitted(standing, before.oci_digest or "", verified)
    if permit.refusal is not None:
        failure = ResolutionFailure(*permit.refusal)
        is_registry = failure.reason == Result.REGISTRY_FAILED
        return _Oci(), failure._replace(reason=OCI_FAILED) if is_registry else failure
    secret, ca = (
        _present(states.get(role), published_state(before, role, sources))
        for role in (Role.SECRET, Role.CA)
    )
    return _Oci(permit.digest, secret, ca, permit.verified), None


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


def _missing(states: Mapping[Role, ReferenceState], standing: Standing) -> tuple[str, ...] | None:
    missing = tuple(state.text for state in states.values() if isinstance(state, Missing))
    missing = (*missing, *standing.missing)
    if not missing and any(isinstance(state, Unknown) for state in states.values()):
        return None
    return missing


def _has_remote(sources: Sources) -> bool:
    return sources.oci is not None or sources.config_map is not None
