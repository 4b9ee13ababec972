"""Leader election by one Lease (coordination.k8s.io/v1): what a candidate knows and does next.

    standby:  Look ─another candidate holds it→ Wait → Look ...
                └─free, ours, or not changed for its duration→ Acquire ─answered→ leading
    leading:  Renew ─answered→ Wait → Renew ...
                ├─conflict→ Look ─still ours→ Renew
                └─another candidate's, deleted, or not renewed in time→ Lost

Never do two candidates lead at one moment:

- Every write carries the resource version that was read (or demands that no Lease exists), so it
  succeeds only if the Lease has not changed since.
- A leader leads until `renew_deadline` after it *sent* the last renewal that was answered.
- Another candidate takes the Lease only if it has seen the same version for the whole lease
  duration. It first saw that version after the leader had sent it, and the lease duration is longer
  than `renew_deadline`.

Only differences of each candidate's own monotonic clock count. Wall clocks may be wrong; the times
in the Lease are for people. A candidate that has seen a rival hold the Lease waits for the rival's
time to end even if the Lease is deleted meanwhile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from msgspec import Struct

from resources.kubernetes.meta import ObjectMeta, micro_time

JITTER = (0.8, 1.2)
"""The least and the greatest factor of `Timing.retry` for the pause between two requests."""


class LeaseSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The spec of a Lease; times are MicroTime, and an empty holder means that it is released."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(Struct, frozen=True, kw_only=True):
    """A Lease as the API server returned it."""

    metadata: ObjectMeta
    spec: LeaseSpec = LeaseSpec()

    @property
    def version(self) -> str:
        """The resource version, which differs after every change."""
        return self.metadata.resource_version or ""

    @property
    def holder(self) -> str:
        """The identity of the holder; empty if no candidate holds it."""
        return self.spec.holder_identity or ""


RELEASED = LeaseSpec(holder_identity="")
"""The change that releases a Lease; client-go understands it too."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of leader election, in seconds; the defaults are client-go's.

    `lease` is how long other candidates wait for a silent leader. `renew_deadline` is how long a
    leader leads without an answered renewal. The time between both is for requests that the leader
    has already sent.
    """

    lease: int = 15
    renew_deadline: float = 10.0
    retry: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.retry * JITTER[1] < self.renew_deadline < self.lease:
            raise ValueError(f"leader election needs 0 < retry < renew_deadline < lease: {self}")

    @property
    def patience(self) -> float:
        """The timeout of one request, so that a lost answer leaves time for another try."""
        return self.renew_deadline / 2


DEFAULT_TIMING = Timing()


@dataclass(frozen=True, slots=True)
class Look:
    """Read the Lease."""


@dataclass(frozen=True, slots=True)
class Acquire:
    """Write the Lease, which no other candidate seems to hold."""


@dataclass(frozen=True, slots=True)
class Renew:
    """Write the Lease, which this candidate holds."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Send nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Lost:
    """Stop leading; final for this candidate."""

    why: str


Decision = Look | Acquire | Renew | Wait | Lost


@dataclass(frozen=True, slots=True)
class Election:
    """What one candidate knows: each event returns the next state, `decide` the next request.

    All moments are seconds of the candidate's own monotonic clock; `pause` is the time, jittered,
    from one request to the next.
    """

    me: str
    timing: Timing
    lease: Lease | None = None
    """The Lease as last read or written; None if there was none."""
    known: bool = False
    """Whether `lease` is, as far as this candidate knows, what the API server has."""
    due: float = -math.inf
    """No request is sent before this moment."""
    rival_until: float = -math.inf
    """The moment until which another candidate may believe that it leads."""
    leads_until: float | None = None
    """The moment until which this candidate leads without a renewal; None before it first leads."""

    def leads(self, now: float) -> bool:
        """Whether this candidate may act for all candidates at this moment."""
        return self.leads_until is not None and now < self.leads_until and self.is_mine()

    def decide(self, now: float) -> Decision:
        """The request to send at this moment, or how long to send none."""
        return self._stand_by(now) if self.leads_until is None else self._lead(now)

    # The events.

    def looked(self, lease: Lease | None, now: float, pause: float) -> Election:
        """A read was answered at the moment `now`; None if there is no Lease."""
        rival_until = self._rival_until(lease, now)
        if self.leads_until is None and now < rival_until:
            due, known = min(now + pause, rival_until), False
        else:
            due, known = now, True
        return replace(self, lease=lease, known=known, due=due, rival_until=rival_until)

    def wrote(self, lease: Lease, sent: float, pause: float) -> Election:
        """A bid was answered with this Lease; `sent` is the moment before the bid was sent."""
        return replace(
            self,
            lease=lease,
            known=True,
            due=sent + pause,
            rival_until=-math.inf,
            leads_until=sent + self.timing.renew_deadline,
        )

    def conflicted(self, sent: float, pause: float) -> Election:
        """A bid was refused since the version had changed, maybe by a bid whose answer was lost."""
        if self.leads_until is None:
            return self.failed(sent, pause)
        return replace(self, known=False, due=sent)

    def failed(self, sent: float, pause: float) -> Election:
        """A request was refused or had no answer; a bid may have been written all the same."""
        return replace(self, known=self.known and self.leads_until is not None, due=sent + pause)

    # What is written.

    def bid(self, wall: datetime) -> LeaseSpec:
        """The spec that makes this candidate the holder, renewed at the wall time `wall`.

        It always differs from the last: a write without a change makes no new resource version, so
        other candidates would take the leader for silent.
        """
        before = self.lease.spec if self.lease is not None else LeaseSpec()
        now, transitions = micro_time(wall), before.lease_transitions
        if now == before.renew_time:
            now = micro_time(wall + timedelta(microseconds=1))
        if self.is_mine():
            since = before.acquire_time or now
        else:
            since, transitions = now, 0 if self.lease is None else (transitions or 0) + 1
        return LeaseSpec(
            holder_identity=self.me,
            lease_duration_seconds=self.timing.lease,
            acquire_time=since,
            renew_time=now,
            lease_transitions=transitions or 0,
        )

    def is_mine(self) -> bool:
        """Whether this candidate holds the Lease, as last seen."""
        return self.lease is not None and self.lease.holder == self.me

    # One function for each state.

    def _stand_by(self, now: float) -> Decision:
        if now < self.due:
            return Wait(self.due - now)
        return Acquire() if self.known else Look()

    def _lead(self, now: float) -> Decision:
        assert self.leads_until is not None, "only a leader is asked"
        if now >= self.leads_until:
            return Lost(f"no renewal was answered for {self.timing.renew_deadline:g} s")
        if self.lease is None:
            return Lost("the Lease was deleted")
        if not self.is_mine():
            return Lost(f"the Lease was taken by {self.lease.holder or 'nobody'}")
        if now < self.due:
            return Wait(min(self.due, self.leads_until) - now)
        return Renew() if self.known else Look()

    def _rival_until(self, lease: Lease | None, now: float) -> float:
        """Until when a rival may lead: the lease duration after this version was first seen."""
        if lease is None:
            return self.rival_until
        if lease.holder in {"", self.me}:
            return -math.inf
        if self.lease is not None and self.lease.version == lease.version:
            return self.rival_until
        return now + (lease.spec.lease_duration_seconds or self.timing.lease)
