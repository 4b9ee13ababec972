"""The part of the composition root that says what becomes of Rulesfiles, Plugins and Configs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.api.client import METADATA
from actors.artifact.actor import ArtifactActor, ArtifactServices
from actors.artifact.digest_poller import DigestPoller
from actors.artifact.reference_reader import Referents
from actors.artifact.report_index import ReportIndex
from actors.artifact.tag_digests import TagDigests
from actors.registry import client as registry
from actors.runtime.reason import Cause, Reason
from actors.watch.router import Concerned, changed
from actors.watch.store import BareStore
from actors.watch.watcher import Source
from resources.instance.labels import OWNER_KIND
from resources.kubernetes.kinds import ARTIFACTS
from supervisors.tree.child_spec import ChildSpec
from supervisors.tree.dynamic import DynamicSupervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable

    from actors.api.client import Client
    from actors.artifact.reference_versions import Metadata
    from actors.runtime.backoff import Backoff
    from actors.runtime.context import Runtime
    from actors.runtime.mail import Reconcile
    from actors.runtime.ref import ActorRef
    from actors.watch.store import Change, Store
    from actors.write.recorder import Record
    from resources.kubernetes.reference import ObjectRef
    from supervisors.tree.dynamic import Population
    from supervisors.tree.intensity import Intensity

# Pods that are scheduled and not finished; all that is wanted of them is that they are there.
_RUNNING = "status.phase!=Succeeded,status.phase!=Failed,spec.nodeName!="
SOURCES = (
    Source("NodeReport"),
    Source(
        "Pod",
        f"{OWNER_KIND}=Falco",
        representation=METADATA,
        field_selector=_RUNNING,
    ),
    Source("Node", representation=METADATA),
)


class Artifacts:
    """A crowd of actors, one for each artifact, and what they go by."""

    def __init__(
        self,
        runtime: Runtime,
        client: Client,
        store: Store,
        record: Callable[[Record], None],
        metadata: Metadata,
        route: Callable[[Concerned], None],
        limits: tuple[Intensity, Backoff],
    ) -> None:
        """`metadata` is that of referenced objects."""
        self._runtime = runtime
        self._store = store
        self._route = route
        self._limits = limits
        self._referents = Referents(client)
        self._digests = TagDigests(runtime)
        self._reports = ReportIndex()
        self._services = ArtifactServices(
            client, store, record, metadata, self._referents, self._digests, self._reports
        )
        self._crowd: DynamicSupervisor | None = None
        self.observed = BareStore()
        """What the watchers of reports, pods and nodes keep."""

    def before_router(self) -> list[ChildSpec]:
        """The actors that the router tells."""
        return [ChildSpec("artifacts", self._start_crowd)]

    def watchers(self) -> list[ChildSpec]:
        """What sees changes that no API server tells of: tags that move."""
        return [ChildSpec("digests", self._start_poller)]

    def deliver(self, ref: ObjectRef, message: Reconcile) -> None:
        """Tell the actor of an artifact."""
        if self._crowd is not None:
            self._crowd.deliver(ref, message)

    def changed(self, change: Change) -> None:
        """Take in a change of a report, pod or node, and tell those for whom that is one."""
        self._concern(self._reports.note(change), changed(change).reason)

    def refs(self) -> Iterable[ObjectRef]:
        """The objects that have an actor or are parked."""
        return self._crowd.refs if self._crowd is not None else ()

    def population(self) -> list[Population]:
        """For metrics."""
        return self._crowd.population(*ARTIFACTS) if self._crowd is not None else []

    def _concern(self, refs: Collection[ObjectRef], reason: Reason) -> None:
        if refs:
            self._route(Concerned(tuple(sorted(refs)), reason))

    def _start_crowd(self) -> ActorRef[DynamicSupervisor]:
        # Who asked is gone, and another leader may have published more since.
        self._digests.clear()
        self._reports.forget_all()
        intensity, backoff = self._limits
        self._crowd = DynamicSupervisor(
            self._runtime,
            "artifacts",
            lambda ref: self._actor(ref).launch(),
            self._version_of,
            lambda ref, error: self._actor(ref).tell_parked(error),
            intensity=intensity,
            backoff=backoff,
        )
        return self._crowd.launch()

    def _start_poller(self) -> ActorRef[DigestPoller]:
        return DigestPoller.start(
            self._runtime,
            self._digests,
            self._referents.endpoint,
            registry.look_up,
            lambda refs: self._concern(refs, Reason(Cause.DIGEST)),
        )

    def _actor(self, ref: ObjectRef) -> ArtifactActor:
        return ArtifactActor(self._runtime, ref, self._services)

    def _version_of(self, ref: ObjectRef) -> Hashable | None:
        snapshot = self._store.get(ref)
        return (snapshot.meta.uid, snapshot.meta.generation) if snapshot else None
