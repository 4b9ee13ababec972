"""How one artifact stands with its signatures: by what is published, else by a verdict."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.artifact.signature_verdicts import SignatureQuery
from resources.artifact.references import Missing, Present, Role
from resources.signatures.policy import Mode, Result, policy_digest
from resources.signatures.request import Verdict
from resources.signatures.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.artifact.signature_verdicts import SignatureVerdicts
    from actors.artifact.trusted_root_file import TrustedRootFile
    from actors.registry.table_file import TableFile
    from resources.artifact.fields import Resolved
    from resources.artifact.references import ReferenceState
    from resources.artifact.sources import Sources
    from resources.kubernetes.reference import ObjectRef
    from resources.signatures.demand import DefaultModes, Demand

_NOBODY = Verdict(
    Result.NONE_MATCHES, "spec.ociArtifact.verify names neither keys nor identities to accept"
)


@dataclass(frozen=True, slots=True)
class Signatures:
    """What the actors of artifacts share to know of signatures."""

    verdicts: SignatureVerdicts
    root: TrustedRootFile
    modes: DefaultModes
    registries: TableFile

    def standing(
        self,
        artifact: ObjectRef,
        sources: Sources,
        digest: str,
        published: Resolved | None,
        states: Mapping[Role, ReferenceState],
        trusted: Sequence[ReferenceState],
    ) -> Standing | None:
        """The standing of a digest; None without an artifact of a registry.

        What is published as verified by the same policy is not verified again. `trusted` are the
        states of the objects with keys and of the trusted root, in their order.
        """
        demand = sources.signatures
        if demand is None or sources.oci is None:
            self.verdicts.forget(artifact)
            return None
        missing = tuple(state.text for state in trusted if isinstance(state, Missing))
        present = [state for state in trusted if isinstance(state, Present)]
        if demand.mode is Mode.OFF or not digest or len(present) < len(trusted):
            self.verdicts.forget(artifact)
            return Standing(demand.mode, digest, missing=missing)
        policy = self._policy(demand, present)
        known = self._known(demand, digest, policy, published)
        if known is not None:
            self.verdicts.forget(artifact)
            return Standing(demand.mode, digest, policy, known)
        secret, ca = (
            state.version if isinstance(state, Present) else ""
            for state in (states.get(Role.SECRET), states.get(Role.CA))
        )
        oci = sources.oci
        is_local = bool(oci.secret or oci.ca_config_map or demand.references)
        query = SignatureQuery(
            oci._replace(reference="", poll_seconds=0.0),
            digest,
            demand._replace(mode=Mode.OFF),
            policy,
            artifact.namespace if is_local else "",
            secret,
            ca,
            self.registries.route(oci.registry, oci.repository, plain_http=oci.plain_http),
        )
        return Standing(demand.mode, digest, policy, self.verdicts.ask(artifact, query))

    def _policy(self, demand: Demand, trusted: list[Present]) -> str:
        """The digest of the policy, with that of each key and of the trusted root in it."""
        count = len(trusted) - bool(demand.trusted_root)
        inline = [hashlib.sha256(key.text.encode()).hexdigest() for key in demand.keys if key.text]
        keys = (*inline, *(state.identity for state in trusted[:count]))
        root = trusted[-1].identity if demand.trusted_root else self.root.digest
        return policy_digest(demand.identities, keys, root if demand.identities else "")

    def _known(
        self, demand: Demand, digest: str, policy: str, published: Resolved | None
    ) -> Verdict | None:
        """The verdict that needs no verification."""
        if not demand.keys and not demand.identities:
            return _NOBODY
        verified = published.verified if published is not None else None
        if verified is None or (verified.digest, verified.policy) != (digest, policy):
            return None
        by = verified.by or ""
        return Verdict(Result.VERIFIED, f"{digest} is signed by {by}", by)
