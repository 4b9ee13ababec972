"""Secrets and ConfigMaps that are to be deleted while artifacts name them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from cli.output.words import named
from cli.status import codes
from cli.status.finding import Finding, command_name, finding
from resources.artifact.references import FINALIZERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.observed.facts import Observation
    from resources.kubernetes.reference import ObjectRef

# Seconds: artifact and Secret may be deleted together, and are not read in one moment.
_TOGETHER = 5.0


def of_references(observed: Observation) -> Iterator[Finding]:
    """What the operator's finalizer keeps, with the artifacts because of which it does."""
    referrers: dict[ObjectRef, list[ObjectRef]] = defaultdict(list)
    for artifact in observed.artifacts:
        for ref in artifact.names:
            referrers[ref].append(artifact.meta.ref)
    for meta in observed.references:
        ref, finalizer = meta.ref, FINALIZERS[meta.ref.kind]
        is_lasting = meta.deleted and observed.now - meta.deleted > _TOGETHER
        if not is_lasting or finalizer not in meta.finalizers or not referrers[ref]:
            continue
        first, *others = sorted(referrers[ref])
        names = named(map(str, (first, *others)))
        word = "name" if others else "names"
        cause = f"it is to be deleted, and {names} {word} it: the finalizer {finalizer} keeps it"
        yield finding(codes.HELD, (first, ref), cause, reference=command_name(ref))
