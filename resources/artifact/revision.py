"""The revision of an artifact: the same name for the same thing to install, on every side."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from resources.artifact.fields import Resolved

if TYPE_CHECKING:
    from resources.artifact.sources import Artifact, Sources


def revision(generation: int, *resolved: str) -> str:
    """Name what a generation and all that its references led to amount to.

    `resolved` is whatever was found, in fixed order, empty where there is nothing. If all of it is
    empty the generation alone decides, so that a node needs nobody to tell it.
    """
    if not any(resolved):
        return str(generation)
    return f"{generation}-{hashlib.sha256('|'.join(resolved).encode()).hexdigest()[:16]}"


def pinned(artifact: Artifact, sources: Sources) -> tuple[str | None, Resolved]:
    """What a node is to install: the revision, and what the references led to.

    The revision is None while the operator has not resolved this generation.
    """
    generation, resolved = artifact.metadata.generation or 0, artifact.status.resolved
    if not sources.needs_resolving:
        digest = sources.oci.reference if sources.oci is not None else None
        return revision(generation), Resolved(observed_generation=generation, oci_digest=digest)
    if resolved is None or resolved.observed_generation != generation:
        return None, resolved or Resolved()
    return resolved.revision, resolved
