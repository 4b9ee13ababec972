"""One Secret or ConfigMap on a real API server, the artifact that may name it, and its actor.

The watch is played by the tests: they say when the Store learns of something.
"""

import json
import random
from contextlib import suppress

from actors.reference.actor import ReferenceActor
from actors.reference.index import ReferenceIndex
from actors.reference.store import ReferenceStore
from actors.runtime.context import Runtime
from actors.runtime.reason import Cause, Reason, Reasons
from actors.watch.store import snapshot_of
from deploy.local.client import RefusedError
from resources.artifact.references import FINALIZERS
from resources.kubernetes.kinds import collection_path, object_path
from resources.kubernetes.reference import ObjectRef
from tests.actors.artifacts import artifact_ref, gone, told
from tests.fake_clock import FakeClock


class House:
    """One object, the artifact that may name it, and the actor, which runs when it is told."""

    def __init__(self, control_plane, client, namespace, kind):
        self.api = control_plane.client
        self.ref = ObjectRef(kind, namespace, "object")
        self.artifact = artifact_ref("rules", namespace=namespace)
        self.ours = FINALIZERS[kind]
        self.index = ReferenceIndex()
        self.store = ReferenceStore(self.index)
        self.clock = FakeClock()
        self.client = client
        self.found_absent = []
        self.actor = self.fresh_actor()

    def fresh_actor(self):
        runtime = Runtime(self.clock, random.Random(1))
        absent = self.found_absent.append
        return ReferenceActor(runtime, self.ref, self.client, self.store, self.index, absent)

    async def run(self, reason="changed"):
        return await self.actor.on_reconcile(Reasons(Reason(Cause(reason))))

    # What happens in the cluster.

    def create(self, *finalizers, **fields):
        body = {"metadata": {"name": self.ref.name, "finalizers": list(finalizers)}, **fields}
        return self.api.call("POST", collection_path(self.ref.kind, self.ref.namespace), body)

    def live(self):
        with suppress(RefusedError):
            return self.api.call("GET", object_path(self.ref))
        return None

    def finalizers(self):
        return self.live()["metadata"].get("finalizers", [])

    def set_finalizers(self, *names):
        body = self.live()
        body["metadata"]["finalizers"] = list(names)
        self.api.call("PUT", object_path(self.ref), body)

    def delete(self):
        self.api.call("DELETE", object_path(self.ref))

    # What the operator learns.

    def named(self):
        self.store.review(self.index.note(told(self.artifact, self.ref)))

    def unnamed(self):
        self.store.review(self.index.note(gone(self.artifact)))

    def listed(self):
        """The Store learns of the object as it is now."""
        path = collection_path(self.ref.kind, self.ref.namespace)
        found = self.api.call("GET", path)
        snapshots = [
            snapshot_of(self.ref.kind, json.dumps(item).encode()) for item in found["items"]
        ]
        revision = int(found["metadata"]["resourceVersion"])
        self.store.replace(self.ref.kind, snapshots, revision)
