"""What one artifact's references lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.artifact.tag_digests import NOTHING, TagDigests, query
from resources.artifact.fields import Resolved
from resources.artifact.resolution import Role, resolve, targets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.artifact.reference_versions import Lookout
    from resources.artifact.resolution import Looked, ReferencedObject, Resolution, TagAnswer
    from resources.artifact.sources import Sources
    from resources.kubernetes.reference import ObjectRef


class Resolver:
    """Looks at referenced objects, and asks for digests, on behalf of one artifact."""

    def __init__(self, ref: ObjectRef, lookout: Lookout, digests: TagDigests) -> None:
        self._ref = ref
        self._digests = digests
        self.lookout = lookout

    async def resolve(
        self, generation: int, published: Resolved | None, sources: Sources
    ) -> Resolution:
        """What is to be published of this generation; raises ApiError."""
        before = published or Resolved()
        if before.observed_generation != generation:
            before = Resolved()
        found = targets(self._ref.namespace, sources)
        self.lookout.keep(found)
        looked = {
            target.role: await self.lookout.look(
                target, sources.oci, _published(before, target, sources)
            )
            for target in found
        }
        answer = self._answer(before, sources, looked)
        return resolve(generation, published, sources, looked, answer)

    def forget(self) -> None:
        """Ask for no digest any more."""
        self._digests.forget(self._ref)

    def _answer(
        self, before: Resolved, sources: Sources, looked: Mapping[Role, Looked]
    ) -> TagAnswer:
        """What is known of the tag; it is looked up once all is there that this takes."""
        oci = sources.oci
        secret, ca = looked.get(Role.SECRET), looked.get(Role.CA)
        needed = [one for one in (secret, ca) if one is not None]
        if oci is None or oci.is_pinned or any(one.missing for one in needed):
            self.forget()
            return NOTHING
        if not all(one.version for one in needed):
            return NOTHING
        asked = query(
            oci,
            self._ref.namespace,
            secret.version if secret is not None else "",
            ca.version if ca is not None else "",
        )
        in_hurry = not before.oci_digest
        return self._digests.ask(self._ref, asked, oci.poll_seconds, in_hurry=in_hurry)


def _published(before: Resolved, target: ReferencedObject, sources: Sources) -> str:
    """The version of a target that nodes go by."""
    match target.role:
        case Role.SECRET:
            version = before.secret_resource_version
        case Role.CONTENT:
            version = before.config_map_resource_version
        case Role.CA:
            is_shown = sources.config_map is None
            version = before.config_map_resource_version if is_shown else None
    return version or ""
