"""Holds up the actors started after it until this process leads; stops them when it loses that.

`resources.kubernetes.lease` decides which request comes next; this actor makes it. Why that is
safe, and what happens when leadership is lost: docs/decisions/0004-leader-election.md.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from actors.api.errors import ApiError, Conflict, NotFound
from actors.leader.lease_client import answered_within
from actors.runtime.task_actor import TaskActor
from resources.kubernetes.lease import (
    DEFAULT_TIMING,
    JITTER,
    RELEASED,
    Acquire,
    Election,
    Look,
    Lost,
    Renew,
    Wait,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actors.leader.fence import Fence
    from actors.leader.lease_client import Leases
    from actors.runtime.context import Runtime
    from resources.kubernetes.lease import Timing

LEASE = "falco-operator"
"""Name of the Lease that all replicas of the operator compete for."""

# Tries to release the Lease: our own last renewal, cancelled on its way, may still change it.
_RELEASES = 3
_log = logging.getLogger(__name__)


class LeadershipLost(Exception):  # noqa: N818 - it says what happened
    """The Lease is not ours any more, or may not be soon."""


class LeaderElection(TaskActor):
    """Ready once it holds the Lease; opens the fence for as long as this process may lead.

    Losing the Lease closes the fence and is a crash: the supervisor stops the actors started after
    this one, and starts this one anew, as a standby. Being stopped gives the Lease back. An API
    error does neither.

    `identity` has to be unique among all processes that live, see `actors.leader.identity`.
    `leases` needs connections of its own, so that its requests never wait for others.
    """

    kind = "LeaderElection"

    def __init__(
        self,
        runtime: Runtime,
        leases: Leases,
        fence: Fence,
        identity: str,
        timing: Timing = DEFAULT_TIMING,
    ) -> None:
        super().__init__(runtime)
        self._leases = leases
        self._fence = fence
        self._timing = timing
        self._election = Election(identity, timing)
        self._waits_for: str | None = "the Lease has not been read yet"
        self._has_bid = False

    @property
    def standby(self) -> bool:
        """Whether another process leads, or none, so that no actor after this one is running."""
        return not self._fence.open

    @property
    def waits_for(self) -> str | None:
        """Why not even a standby is ready; None once the Lease can be read and written."""
        return self._waits_for if self.standby else None

    def describe(self) -> dict[str, Any]:
        """Add the holder of the Lease, for the actor dump."""
        spec = self._election.lease.spec if self._election.lease is not None else None
        return {
            **super().describe(),
            "identity": self._election.me,
            "standby": self.standby,
            "waits_for": self.waits_for,
            "holder": spec and spec.holder_identity,
            "since": spec and spec.acquire_time,
            "transitions": spec and spec.lease_transitions,
        }

    def _run_begun(self) -> None:
        """Do not report readiness yet: the first bid that succeeds does."""

    async def run(self) -> None:
        """Compete for the Lease, then renew it until it is lost."""
        try:
            while True:
                await self._step()
        finally:
            self._fence.close()

    async def on_stop(self) -> None:
        """Give the Lease back for another process to lead at once; all later actors have ended."""
        if not self._has_bid:
            return
        try:
            async with answered_within(self.runtime.clock, self._timing.patience):
                await self._release_lease()
        except ApiError as error:
            _log.warning("the Lease is not given back, and runs out instead: %s", error)

    async def _step(self) -> None:
        clock = self.runtime.clock
        match self._election.decide(clock.monotonic()):
            case Wait(seconds):
                await clock.sleep(seconds)
            case Look():
                await self._attempt(self._look)
            case Acquire() | Renew():
                await self._attempt(self._bid)
            case Lost(why):
                raise LeadershipLost(why)

    async def _attempt(self, request: Callable[[float, float], Awaitable[None]]) -> None:
        """Make a request; its outcome becomes part of the state of the election."""
        clock = self.runtime.clock
        sent, pause = clock.monotonic(), self._timing.retry * self._jitter()
        patience = self._timing.patience
        if self._election.leads_until is not None:
            patience = min(patience, self._election.leads_until - sent)
        try:
            async with answered_within(clock, patience):
                await request(sent, pause)
        except (Conflict, NotFound) as error:
            _log.debug("the Lease has changed: %s", error)
            self._election = self._election.conflicted(sent, pause)
        except ApiError as error:
            self._failed(error)
            self._election = self._election.failed(sent, pause)

    async def _look(self, _sent: float, pause: float) -> None:
        lease = await self._leases.get()
        before, now = self._election.lease, self.runtime.clock.monotonic()
        self._election = self._election.looked(lease, now, pause)
        if isinstance(self._election.decide(now), Wait):
            self._waits_for = None
        if lease is not None and lease.holder and (before is None or before.holder != lease.holder):
            _log.info("%s holds the Lease", lease.holder)

    async def _bid(self, sent: float, pause: float) -> None:
        clock = self.runtime.clock
        self._has_bid = True
        lease, spec = self._election.lease, self._election.bid(clock.now())
        if lease is None:
            lease = await self._leases.create(spec)
        else:
            lease = await self._leases.update(lease.version, spec)
        is_new = self._election.leads_until is None
        self._election = self._election.wrote(lease, sent, pause)
        self._waits_for = None
        self._fence.open_until(sent + self._timing.renew_deadline)
        if is_new and self._fence.open:
            _log.info("leading as %s", self._election.me)
            self._ready()

    async def _release_lease(self) -> None:
        for _ in range(_RELEASES):
            lease = await self._leases.get()
            if lease is None or lease.holder != self._election.me:
                return
            try:
                await self._leases.update(lease.version, RELEASED)
            except (Conflict, NotFound):
                continue
            _log.info("the Lease is given back")
            return

    def _failed(self, error: ApiError) -> None:
        # There is a try every two seconds; a repeated error is logged once.
        if self._waits_for != str(error):
            _log.warning("no answer about the Lease: %s", error)
        self._waits_for = str(error)

    def _jitter(self) -> float:
        return self.runtime.random.uniform(*JITTER)
