"""A process with all endpoints and as many actors as a test wants, of the real runtime."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubernetes_asyncio.client import Configuration

from actors.runtime.activity import Asking, decide
from actors.runtime.actor import Actor
from actors.runtime.backoff import Backoff
from actors.runtime.context import TRACE_ROOM
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from actors.runtime.results import Blocked, Done, RequeueAfter, Result
from resources.kubernetes.reference import ObjectRef
from supervisors.debug.facts import Section
from supervisors.process.program import Process
from supervisors.process.settings import ProcessSettings
from supervisors.serving.exposure import Exposure
from supervisors.tree.dynamic import DynamicSupervisor
from supervisors.tree.intensity import Intensity
from supervisors.tree.registered_child import RegisteredChild
from tests.eventually import soon
from tests.supervisors.serving.clients import ANY_PORT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons

EVIL = "<img src=x onerror=document.title='owned'>"
"""What an error may say that comes from elsewhere."""

NAMESPACES = 40


class Resident(Actor):
    """Does by its name what an actor may do: it writes children, is refused, crashes or hangs."""

    def __init__(self, runtime: Runtime, ref: ObjectRef) -> None:
        super().__init__(runtime)
        self.kind = ref.kind
        self.ref = ref
        self._looks = 0

    @property
    def lane(self) -> tuple[str, str]:
        return self.ref.kind, self.ref.namespace

    async def on_reconcile(self, reasons: Reasons) -> Result:  # noqa: ARG002
        self._looks += 1
        inside, name = self.ref.namespace, self.ref.name
        if name.startswith("crashing"):
            raise ValueError(f"{EVIL} in the answer for {name}")
        if name.startswith("hanging"):
            with Asking("PATCH /apis", f"patch daemonsets {inside}/{name}"):
                await asyncio.Event().wait()
        for resource in ("configmaps", "daemonsets"):
            with Asking("PATCH /apis", f"patch {resource} {inside}/{name}") as asking:
                asking.code = "200"
                await asyncio.sleep(0)
        decide(f"updated DaemonSet/{inside}/{name}: spec.template")
        if name.startswith("blocked"):
            return Blocked("NameConflict")
        if self._looks % 2:
            return RequeueAfter(600.0, "drift check")
        return Done()


class Populace:
    """The process; `falcos` and `artifacts` supervise the actors."""

    def __init__(self) -> None:
        self.process = Process("falco-operator", Configuration(), TRACE_ROOM)
        self._limits: dict[str, Any] = {
            "intensity": Intensity(2, 600.0),
            "backoff": Backoff(0.01, 0.01),
        }
        self.falcos = RegisteredChild("falcos", lambda: self._supervisor("falcos"))
        self.artifacts = RegisteredChild("artifacts", lambda: self._supervisor("artifacts"))
        self.router = RegisteredChild("router", lambda: Actor(self.process.runtime))
        children = (self.falcos, self.artifacts, self.router)
        self.root = self.process.root(
            "operator",
            ProcessSettings(
                Exposure(None, None, None, ANY_PORT, Path()), "info", "text", TRACE_ROOM, "", ()
            ),
            [child.spec for child in children],
            lambda: None,
            intensity=Intensity(3, 600.0),
            backoff=Backoff(0.01, 0.01),
            sections=[Section("gate", lambda: {"open": True, "waits for": EVIL})],
        )

    @property
    def debug(self) -> Any:
        """The debug server, once it serves."""
        assert self.process.observation is not None
        members = self.process.observation.members()
        return next((member.actor for member in members if member.name == "debug"), None)

    async def wake(self, ref: ObjectRef, why: Reason | None = None) -> None:
        """Have the actor of this object reconcile."""
        supervisor = self.falcos if ref.kind == "Falco" else self.artifacts
        supervisor.actor.deliver(
            ref, Reconcile(why or Reason(Cause.CHANGED, ref.kind, ref.name, "1"))
        )

    async def settle(self) -> None:
        """Return once nobody has mail but those who hang."""
        await soon(lambda: all(self._hangs(actor) for actor in self.process.runtime.busy))

    @staticmethod
    def _hangs(actor: Actor) -> bool:
        return getattr(actor, "ref", ObjectRef("", "", "")).name.startswith("hanging")

    def _supervisor(self, name: str) -> DynamicSupervisor:
        return DynamicSupervisor(
            self.process.runtime,
            name,
            lambda ref: Resident(self.process.runtime, ref).launch(),
            lambda _: 1,
            lambda *_: None,
            **self._limits,
        )


@contextlib.asynccontextmanager
async def populace() -> AsyncIterator[Populace]:
    """A process whose debug server serves, until the context ends."""
    made = Populace()
    observation = made.process.observation
    assert observation is not None
    for tree in (observation, made.root):
        tree.launch()
    await soon(lambda: made.router.started and made.debug and made.debug._acceptor)
    try:
        yield made
    finally:
        for tree in (made.root, observation):
            tree.kill()
        await soon(lambda: not made.process.runtime.busy)
        await made.process.close()


def names(count: int) -> list[ObjectRef]:
    """Objects of several kinds and namespaces."""
    kinds = ("Falco", "Rulesfile", "Plugin", "Config", "Rulesfile")
    return [
        ObjectRef(kinds[number % 5], f"team-{number % NAMESPACES:02}", f"sensor-{number:05}")
        for number in range(count)
    ]
