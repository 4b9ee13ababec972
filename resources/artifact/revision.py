"""The revision of an artifact: operator and nodes compute the same one for the same content."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from resources.artifact.fields import Resolved

if TYPE_CHECKING:
    from resources.artifact.sources import Artifact, Sources


def revision(generation: int, *resolved: str) -> str:
    """The revision of a generation whose references were resolved to these texts.

    `resolved` has a fixed order, and is empty for what the artifact does not refer to. If all are
    empty, the generation alone decides, so that a node can compute it without the operator.
    """
    if not any(resolved):
        return str(generation)
    return f"{generation}-{hashlib.sha256('|'.join(resolved).encode()).hexdigest()[:16]}"


def pinned(artifact: Artifact, sources: Sources) -> tuple[str | None, Resolved]:
    """What a node is to install: the revision, and what the references were resolved to.

    The revision is None while the operator has not resolved this generation. If signatures are
    enforced, the only digest is the one that the operator has found to be signed.
    """
    generation, resolved = artifact.metadata.generation or 0, artifact.status.resolved
    if not sources.needs_resolving:
        digest = sources.oci.reference if sources.oci is not None else None
        return revision(generation), Resolved(observed_generation=generation, oci_digest=digest)
    if resolved is None or resolved.observed_generation != generation:
        return None, resolved or Resolved()
    verified = resolved.verified
    if sources.is_enforced and (verified is None or verified.digest != resolved.oci_digest):
        resolved = msgspec.structs.replace(resolved, oci_digest=None)
    return resolved.revision, resolved
