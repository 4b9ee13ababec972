"""A node without API server and registry: its artifacts' actors, and their installation."""

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any

from actors.registry.table_file import TableFile
from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from actors.watch.store import Store, snapshot_of
from resources.artifact.fields import Validation
from resources.check.check_request import Context
from resources.kubernetes.reference import ObjectRef
from resources.node.artifact import NodeArtifact
from resources.registry.credentials import RegistryPolicy
from resources.registry.table import table_of
from resources.signatures.demand import DEFAULT_MODES
from sidecar.check.node_check import NodeCheck
from sidecar.check.pod_falco import PodFalco
from sidecar.check.verdicts import Verdicts
from sidecar.node.artifact import NodeArtifactActor, NodeServices
from sidecar.node.fetcher import Fetcher
from sidecar.node.installation import Installation
from sidecar.node.state import FalcoIdentity, NodeState
from sidecar.volume.disk import Disk
from sidecar.volume.volume import Volume

if TYPE_CHECKING:
    from actors.runtime.clock import Clock
    from resources.check.check_request import Verdict
    from resources.node.plan import PlannedSlot
    from resources.node.slots import SlotId

QUIET = 2.0


class Node:
    """One node: the actor of its installation, and those of the artifacts that were put."""

    def __init__(
        self,
        root,
        clock: "Clock | None" = None,
        falco=None,
        version="0.44.1",
        is_whole=False,
        validation=Validation.ENFORCE,
    ):
        self.runtime = Runtime(clock or SystemClock(), random.Random(1))
        self.store = Store()
        self.state = NodeState(
            lambda reason: self.installation.tell(Reconcile(reason)),
            FalcoIdentity("falco", "main", version),
            30.0,
        )
        self.volume = Volume(root, Disk())
        nobody: Any = None  # no API server is read, and no registry
        fetcher = Fetcher(
            nobody,
            self.volume.blobs,
            "falco",
            RegistryPolicy(),
            TableFile("", table_of),
            {},
            SystemClock(),
            nobody,
            nobody,
        )
        self.services = NodeServices(
            self.store, self.state, fetcher, dict, validation, DEFAULT_MODES
        )
        self.removed: list[PlannedSlot] = []
        self.verdicts: list[Verdict] = []
        self.lost: list[SlotId] = []
        self.done = asyncio.Event()
        self.installation = Installation.start(
            self.runtime,
            self.store,
            self.state,
            self.volume,
            NodeCheck(
                self.volume,
                Context(falco_version=version),
                PodFalco(falco, root, "node-1", lambda: 20.0, is_whole),
                Verdicts(root),
                self.verdicts.append,
            ),
            QUIET,
            validation,
            self._installed,
            self.lost.extend,
        )
        self.actors: dict[ObjectRef, Any] = {}

    def put(self, kind, name, spec, generation=1):
        self._tell(stored(self.store, kind, name, spec, generation))

    def fetched(self, kind, name, sources):
        """An artifact whose sources have these versions already; no actor looks after it."""
        ref = stored(self.store, kind, name)
        self.state.put(ref, NodeArtifact(kind, name, f"uid-{name}", "1", True, sources))

    def stored(self, kind, name, spec):
        """An artifact that the API server has told of, and at which no actor has looked yet."""
        stored(self.store, kind, name, spec)
        self.installation.tell(Reconcile(Reason(Cause.LISTED)))

    def gone(self, kind, name):
        """The same, deleted."""
        ref = ObjectRef(kind, "falco", name)
        self.store.remove(ref, 100)
        self.state.drop(ref)

    def delete(self, kind, name):
        (ref,) = [known.ref for known in self.store.of_kind(kind) if known.ref.name == name]
        self.store.remove(ref, 100)
        self._tell(ref)

    async def installed(self):
        """Wait for the next installation; return the reports by name."""
        await asyncio.wait_for(self.done.wait(), 60)
        self.done.clear()
        return {report.name: (report.state, report.reason) for report in self.state.reports}

    def _tell(self, ref):
        if ref not in self.actors:
            self.actors[ref] = NodeArtifactActor.start(self.runtime, ref, self.services)
        self.actors[ref].tell(Reconcile(Reason(Cause.CHANGED)))

    def _installed(self, removed):
        self.removed += removed
        self.done.set()

    async def stopped(self):
        """None of its actors runs any more."""
        for actor in (*self.actors.values(), self.installation):
            await actor.stop()

    async def settled(self):
        """The reports once none is pending."""
        while True:
            reports = await self.installed()
            if all(state != "Pending" for state, _ in reports.values()):
                return reports


def stored(store, kind, name, spec=None, generation=1):
    """Put an artifact into the store; return its ref."""
    metadata = {
        "name": name,
        "namespace": "falco",
        "uid": f"uid-{name}",
        "generation": generation,
        "resourceVersion": str(generation),
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    document = {"metadata": metadata, "spec": spec or {}}
    snapshot = snapshot_of(kind, json.dumps(document).encode())
    store.put(snapshot)
    return snapshot.ref
