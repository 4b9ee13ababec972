"""The part of the composition root that runs the actors of Rulesfiles, Plugins and Configs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from actors.artifact.actor import ArtifactActor, ArtifactServices
from actors.artifact.digest_poller import DigestPoller
from actors.artifact.node_readiness import NodeReadiness
from actors.artifact.report_index import ReportIndex
from actors.artifact.signature_checker import SignatureChecker
from actors.artifact.signature_standing import Signatures
from actors.artifact.signature_verdicts import SignatureVerdicts
from actors.artifact.tag_digests import TagDigests
from actors.artifact.trusted_root_file import TrustedRootFile
from actors.registry import client as registry
from actors.runtime.reason import Cause, Reason
from actors.signature.client import verify
from actors.watch.router import Notice, concerning, reason_of
from actors.watch.store import VersionStore
from resources.kubernetes.meta import trial_of
from resources.kubernetes.reference import ObjectRef
from resources.signatures.policy import Result
from supervisors.tree.dynamic import DynamicSupervisor
from supervisors.tree.registered_child import RegisteredChild

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from actors.api.client import Client
    from actors.artifact.reference_reader import ReferenceReader
    from actors.artifact.reference_versions import Metadata
    from actors.runtime.backoff import Backoff
    from actors.runtime.context import Runtime
    from actors.watch.store import Change, Store
    from actors.write.recorder import Record
    from resources.signatures.demand import DefaultModes, Demand
    from resources.signatures.policy import Policy
    from supervisors.tree.intensity import Intensity


class Artifacts:
    """A supervisor of one actor for each artifact, and what these actors share."""

    def __init__(
        self,
        runtime: Runtime,
        client: Client,
        store: Store,
        record: Callable[[Record], None],
        metadata: Metadata,
        announce: Callable[[Notice], None],
        reader: ReferenceReader,
        signing: tuple[DefaultModes, str],
        limits: tuple[Intensity, Backoff],
    ) -> None:
        """`metadata` holds the metadata of referenced objects.

        `signing`: how strict artifacts are whose resource does not say so, and the path of the
        trusted root, empty for that of the sigstore package.
        """
        self._runtime = runtime
        self._client = client
        self._store = store
        self._announce = announce
        self._limits = limits
        self._reader = reader
        self._digests = TagDigests(runtime)
        self._reports = ReportIndex()
        modes, root_file = signing
        self._signatures = Signatures(
            SignatureVerdicts(runtime, self._digests.registries),
            TrustedRootFile(root_file),
            modes,
            reader.registries,
        )
        self._services = ArtifactServices(
            client,
            store,
            record,
            metadata,
            self._reader,
            self._digests,
            self._reports,
            self._signatures,
        )
        self.verifications: Counter[str] = Counter(dict.fromkeys(map(str, Result), 0))
        """Verifications of signatures by what they have led to."""
        self.supervisor = RegisteredChild("artifacts", self._make_supervisor)
        """The supervisor of the actors."""
        self.poller = RegisteredChild("digests", self._make_poller)
        """Looks up tags in registries, and wakes the artifacts whose tag has another digest."""
        self.checker = RegisteredChild("signatures", self._make_checker)
        """Verifies signatures, and wakes the artifacts to which the verdict is news."""
        self.readiness = RegisteredChild("readiness", self._make_readiness)
        """Looks whether the nodes are ready whose pods hold a verdict back."""
        self.observed = VersionStore()
        """The Store of the watchers of NodeReports, Pods and Nodes."""

    def registries_changed(self) -> None:
        """There is another table of registries: what hosts have demanded is over."""
        self._digests.registries.release()

    def observed_changed(self, change: Change) -> Notice:
        """The handler of NodeReports, Pods and Nodes: artifacts whose status changes reconcile."""
        return concerning(self._reports.note(change), reason_of(change))

    def _make_supervisor(self) -> DynamicSupervisor:
        # The actors that asked for these have ended, and while this process did not lead, another
        # leader may have resolved newer digests.
        self._digests.clear()
        self._signatures.verdicts.clear()
        self._reports.forget_all()
        intensity, backoff = self._limits
        return DynamicSupervisor(
            self._runtime,
            "artifacts",
            lambda ref: self._actor(ref).launch(),
            self._version_of,
            lambda ref, error: self._actor(ref).tell_parked(error),
            intensity=intensity,
            backoff=backoff,
        )

    def _make_poller(self) -> DigestPoller:
        return DigestPoller(
            self._runtime,
            self._digests,
            self._reader.endpoint,
            registry.look_up,
            registry.fill,
            lambda refs: self._announce(concerning(refs, Reason(Cause.DIGEST))),
        )

    def _make_checker(self) -> SignatureChecker:
        root, reader = self._signatures.root, self._reader

        async def policy(namespace: str, demand: Demand) -> Policy:
            return await reader.policy(namespace, demand, root.path)

        def tell(refs: Iterable[ObjectRef]) -> None:
            self._announce(concerning(tuple(refs), Reason(Cause.SIGNATURE)))

        return SignatureChecker(
            self._runtime,
            self._signatures.verdicts,
            root,
            (reader.endpoint, policy),
            verify,
            tell,
            lambda: tell(self.supervisor.actor.refs),
            self._count,
        )

    def _count(self, result: str) -> None:
        self.verifications[result] += 1

    def _make_readiness(self) -> NodeReadiness:
        return NodeReadiness(
            self._runtime,
            self._client,
            self._reports,
            self._version_of_node,
            lambda refs, because_of: self._announce(
                concerning(refs, Reason(Cause.CHANGED, because_of.kind, because_of.name))
            ),
        )

    def _version_of_node(self, name: str) -> str:
        snapshot = self.observed.get(ObjectRef("Node", "", name))
        return snapshot.meta.resource_version or "" if snapshot is not None else ""

    def _actor(self, ref: ObjectRef) -> ArtifactActor:
        return ArtifactActor(self._runtime, ref, self._services)

    def _version_of(self, ref: ObjectRef) -> Hashable | None:
        snapshot = self._store.get(ref)
        return trial_of(snapshot.meta) if snapshot else None
