"""The branch of the operator's tree that protects what artifacts name."""

from typing import Any

from actors.reference.index import ReferenceIndex
from actors.runtime.actor import Actor
from actors.runtime.backoff import Backoff
from actors.runtime.reason import Cause, Reason
from actors.watch.router import Notice, Router, Routes
from actors.watch.store import Store
from resources.artifact.references import FINALIZERS
from resources.kubernetes.kinds import ARTIFACTS
from supervisors.reference_protection import ReferenceProtection
from supervisors.tree.child_spec import ChildSpec
from supervisors.tree.intensity import Intensity
from supervisors.tree.registered_child import RegisteredChild
from supervisors.tree.supervisor import Strategy, Supervisor
from tests.actor_examples import fake_runtime
from tests.actors.watch.watching import Listener

PATIENCE = Intensity(1000, 600.0)
AT_ONCE = Backoff(0.01, 0.01)


class Lister(Actor):
    """In the place of the artifacts' watchers: at its start it lists them all."""

    def __init__(self, runtime, operator):
        super().__init__(runtime)
        self.operator = operator

    async def on_start(self):
        operator = self.operator
        for kind in ARTIFACTS:
            snapshots = [found for found in operator.artifacts.values() if found.ref.kind == kind]
            for change in operator.store.replace(kind, snapshots, operator.next_revision()):
                operator.router.actor.changed(change)
            operator.router.actor.listed(kind)


class Operator:
    """The branch of the real operator's tree that protects, and the artifacts' Store before it."""

    def __init__(self, cluster, artifacts):
        self.runtime, self.clock, _ = fake_runtime()
        self.artifacts = artifacts
        self.store = Store()
        self.revision = 0
        self.renamed: list[Any] = []
        self.protection = ReferenceProtection(
            self.runtime,
            (cluster, cluster),
            Listener(),
            ReferenceIndex(),
            self._announce,
            self.renamed.append,
            (PATIENCE, AT_ONCE),
        )
        self.router = RegisteredChild("router", lambda: Router(self.runtime, self._routes()))
        self.watchers = RegisteredChild("watchers", self._make_watchers)
        specs = [
            self.protection.references.spec,
            self.router.spec,
            self.watchers.spec,
        ]
        self.root = Supervisor(
            self.runtime,
            "operator",
            specs,
            strategy=Strategy.REST_FOR_ONE,
            intensity=PATIENCE,
            backoff=AT_ONCE,
        )

    def _announce(self, notice):
        self.router.actor.announce(notice)

    @property
    def is_listening(self):
        return (lister := self.part("lister")) is not None and lister.is_alive()

    def part(self, name):
        """The actor that this part of the tree has now, None if it has died."""
        watchers = self.watchers.started
        children = [*self.root._children, *(watchers._children if watchers else ())]
        return next((child.ref for child in children if child.spec.name == name), None)

    def next_revision(self):
        self.revision += 1
        return self.revision

    def hear(self, ref):
        """The watch brings what is known of an artifact by now."""
        found, known = self.artifacts.get(ref), self.store.get(ref)
        if found is not None:
            self.router.actor.changed(self.store.put(found))
        elif known is not None:
            self.router.actor.changed(self.store.remove(ref, self.next_revision()))

    def _routes(self):
        protection = self.protection
        return Routes(
            handlers=dict.fromkeys(ARTIFACTS, (protection.routes.artifact_changed,)),
            deliver=dict.fromkeys(FINALIZERS, protection.references.actor.deliver),
            on_listed=self._all_listed,
        )

    def _all_listed(self, _kinds):
        self.protection.artifacts_listed()
        return [Notice(tuple(self.protection.roll_call()), Reason(Cause.LISTED))]

    def _make_watchers(self):
        lister = ChildSpec("lister", lambda: Lister.start(self.runtime, self))
        return Supervisor(
            self.runtime,
            "watchers",
            [lister, *self.protection.watchers()],
            intensity=PATIENCE,
            backoff=AT_ONCE,
        )
