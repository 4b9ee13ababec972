"""A supervisor of a fixed list of children."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from supervisors.tree.child import NEWS, ChildDue, ChildExited, ChildReady, News
from supervisors.tree.child_spec import ChildSpec, Restart, distinct
from supervisors.tree.dynamic import DynamicSupervisor
from supervisors.tree.intensity import Intensity, TooManyRestarts, Window
from supervisors.tree.static_child import Phase, StaticChild
from supervisors.tree.stopping import Grace, Stuck, Superior

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actors.runtime.backoff import Backoff
    from actors.runtime.context import Runtime
    from actors.runtime.lifecycle import Exit
    from actors.runtime.mail import Mail
    from resources.kubernetes.reference import ObjectRef
    from supervisors.tree.member import Member
    from supervisors.tree.stopping import Budget


class Strategy(StrEnum):
    """Which other children are restarted with a child."""

    ONE_FOR_ONE = "one_for_one"
    """No other child."""

    REST_FOR_ONE = "rest_for_one"
    """All children that were started after it: they are stopped first, and started after it."""


class Supervisor(Superior):
    """Keeps its children running, in their order.

    - Each child is started once all before it are up, or over for good; the supervisor itself is
      ready when the last one is. A child that dies in its start is treated as one that dies later.
    - Restarts wait for their backoff on a timer and come through the supervisor's own mail, so
      that it can be stopped at any time.
    - One restart too many within the window is a crash of the supervisor: its own supervisor, or
      whoever is linked to it, decides.
    - However it ends, its children are stopped one by one in reverse order first, all of them
      within one grace (`supervisors.tree.stopping`); no child is started beside a former life.
    """

    kind = "Supervisor"
    routine = NEWS

    def __init__(
        self,
        runtime: Runtime,
        name: str,
        children: Sequence[ChildSpec],
        *,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: Intensity,
        backoff: Backoff,
        budget: Budget | None = None,
    ) -> None:
        super().__init__(runtime, budget)
        self.name = name
        self._children = tuple(StaticChild(spec, self) for spec in distinct(children))
        self._strategy = strategy
        self._window = Window(intensity)
        self._backoff = backoff

    async def on_start(self) -> None:
        """Start the first child; its readiness starts the next."""
        self._start_next()

    async def on_receive(self, message: News) -> None:
        """Follow the news of a child, unless it is of an older life."""
        if not message.child.current(message):
            return
        match message:
            case ChildReady(StaticChild() as child):
                child.up(self.runtime.clock.monotonic())
                self._start_next()
            case ChildExited(StaticChild() as child, _, end):
                await self._follow_exit(child, end)
            case ChildDue(StaticChild() as child):
                self._restart(child)

    def post(self, news: News) -> None:
        """Handle the news of a child in its turn."""
        self.actor_inbox.post(news)

    def child_exited(self, news: ChildExited, mail: Mail | None) -> None:  # noqa: ARG002 - refused
        """Handle the exit in its turn."""
        self.actor_inbox.post(news)

    def waiting(self) -> tuple[str, ...]:
        """The names of the children that wait for their restart."""
        dead = (child for child in self._children if child.phase is Phase.BACKOFF)
        return tuple(child.spec.name for child in dead)

    def tree(self) -> dict[str, Any]:
        """The supervisor, and a function for each child that describes it, for the dump."""
        return super().describe() | {
            "name": self.name,
            "strategy": str(self._strategy),
            "children": [child.describe for child in self._children],
        }

    def describe(self) -> dict[str, Any]:
        """The tree, so that a supervisor above shows it whole."""
        return self.tree()

    def members(self) -> Iterator[Member]:
        """The children, in the order in which they are started."""
        return (child.member() for child in self._children)

    def find(self, ref: ObjectRef) -> dict[str, Any] | None:
        """The entry in the dump of the object, wherever it is below; None if there is none."""
        for child in self._children:
            actor = child.ref.actor_inbox.actor if child.ref is not None else None
            if isinstance(actor, Supervisor | DynamicSupervisor):
                entry = actor.find(ref)
                if entry is not None:
                    return entry
        return None

    def _begun(self) -> None:
        """Report nothing yet: `_start_next` reports readiness once all children are up."""

    def _start_next(self) -> None:
        for child in self._children:
            if child.phase is Phase.FRESH:
                child.launch()
                return
            if child.phase in {Phase.STARTING, Phase.BACKOFF}:
                return
        self._ready()

    async def _follow_exit(self, child: StaticChild, end: Exit) -> None:
        was_up = child.phase is Phase.UP
        child.over(end)
        if isinstance(end.error, Stuck):
            raise end.error
        if not child.spec.restart.after(end.reason):
            self._start_next()
            return
        self._count_restart(child, end, was_up)
        if self._strategy is Strategy.REST_FOR_ONE:
            await self._stop_after(child)
        delay = self._backoff.delay(child.attempts - 1, self.runtime.random)
        child.back_off(delay, self.runtime.clock)

    def _count_restart(self, child: StaticChild, end: Exit, was_up: bool) -> None:
        """Count a restart; raise if there are too many. A window of uptime resets the attempts."""
        now = self.runtime.clock.monotonic()
        if was_up and now - child.up_since > self._window.intensity.window_seconds:
            child.attempts = 0
        child.attempts += 1
        self._window, exceeded = self._window.record(now)
        if exceeded:
            raise TooManyRestarts(self.name, child.spec.name, end.error)

    def _restart(self, child: StaticChild) -> None:
        child.restarts += 1
        self.runtime.observer.actor_restarted(child.kind)
        child.launch()

    async def _stop_after(self, child: StaticChild) -> None:
        """Stop the children after this one; all but temporary children are to be started again."""
        rest = self._children[self._children.index(child) + 1 :]
        grace = self._grace = Grace(self.runtime.clock, self._budget)
        for other in reversed(rest):
            await other.stop(grace)
            if other.spec.restart is not Restart.TEMPORARY:
                other.phase = Phase.FRESH
        if grace.stuck:
            raise Stuck(grace.stuck)
        if self._grace is grace:  # and not that of a stop that has come meanwhile
            self._grace = None

    async def _release(self) -> None:
        grace = self._last_grace()
        for child in reversed(self._children):
            await child.stop(grace)
