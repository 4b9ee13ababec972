"""Who may act, settled by one Lease (coordination.k8s.io/v1): what a candidate knows and does next.

    standby:  Look ─somebody else holds it→ Wait → Look ...
                └─free, ours, or not changed for its duration→ Acquire ─answered→ leading
    leading:  Renew ─answered→ Wait → Renew ...
                ├─conflict→ Look ─still ours→ Renew
                └─somebody else's, gone, or not renewed in time→ Lost

Never do two lead at one moment:

- Every write depends on the version that was seen (or on there being none), so it says that the
  Lease has not changed since.
- A leader leads until `renew_deadline` after it *sent* the last renewal that was answered.
- Another one takes the Lease only if it has seen no other version for the whole duration since it
  first saw this one, which was after the leader had sent it; and the duration is the longer time.

Only differences of each candidate's own monotonic clock count. What the wall clocks say is for
people: they may be wrong. Who has seen the Lease held goes by that even after it has vanished.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from msgspec import Struct

from resources.kubernetes.meta import ObjectMeta, micro_time

JITTER = (0.8, 1.2)
"""Between which factors of `Timing.retry` the pauses between two requests are."""


class LeaseSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What a Lease says; times are MicroTime, an empty holder has given it back."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(Struct, frozen=True, kw_only=True):
    """A Lease as it was read."""

    metadata: ObjectMeta
    spec: LeaseSpec = LeaseSpec()

    @property
    def version(self) -> str:
        """Another one with every change."""
        return self.metadata.resource_version or ""

    @property
    def holder(self) -> str:
        """Whose it is; empty if nobody's."""
        return self.spec.holder_identity or ""


RELEASED = LeaseSpec(holder_identity="")
"""The change that gives a Lease back; client-go takes it for that too."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take, in seconds; the defaults are client-go's.

    `lease` is how long others wait for a silent leader, `renew_deadline` how long a leader goes on
    without a renewal that is answered: what lies between is there for what it has already sent.
    """

    lease: int = 15
    renew_deadline: float = 10.0
    retry: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.retry * JITTER[1] < self.renew_deadline < self.lease:
            raise ValueError(f"leader election needs 0 < retry < renew_deadline < lease: {self}")

    @property
    def patience(self) -> float:
        """How long to wait for one answer, so that a lost one leaves time for another try."""
        return self.renew_deadline / 2


DEFAULT_TIMING = Timing()


@dataclass(frozen=True, slots=True)
class Look:
    """Read the Lease."""


@dataclass(frozen=True, slots=True)
class Acquire:
    """Write the Lease, which is free as far as one can see."""


@dataclass(frozen=True, slots=True)
class Renew:
    """Write the Lease, which is ours."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Lost:
    """Lead no longer; final for this candidate."""

    why: str


Decision = Look | Acquire | Renew | Wait | Lost


@dataclass(frozen=True, slots=True)
class Election:
    """What one candidate knows; each event gives the next value, `decide` what to do now.

    All moments are seconds of the candidate's own monotonic clock; `pause` is the time, jittered,
    from one request to the next.
    """

    me: str
    timing: Timing
    lease: Lease | None = None
    """As last seen; None if there was none."""
    known: bool = False
    """Whether `lease` is, for all we know, what the API server has."""
    due: float = -math.inf
    """Nothing is asked of the API server before this."""
    rival_until: float = -math.inf
    """Until when somebody else may believe to lead."""
    leads_until: float | None = None
    """Until when we lead, unless renewed; None as long as we have not led."""

    def leads(self, now: float) -> bool:
        """Whether we may act for all candidates at this moment."""
        return self.leads_until is not None and now < self.leads_until and self.is_mine()

    def decide(self, now: float) -> Decision:
        """What to do at this moment."""
        return self._stand_by(now) if self.leads_until is None else self._lead(now)

    # Events.

    def looked(self, lease: Lease | None, now: float, pause: float) -> Election:
        """The Lease was read; None if there is none. `now` is when the answer came."""
        rival_until = self._rival_until(lease, now)
        if self.leads_until is None and now < rival_until:
            due, known = min(now + pause, rival_until), False
        else:
            due, known = now, True
        return replace(self, lease=lease, known=known, due=due, rival_until=rival_until)

    def wrote(self, lease: Lease, sent: float, pause: float) -> Election:
        """Our bid was answered with this Lease; `sent` is when we began to send it."""
        return replace(
            self,
            lease=lease,
            known=True,
            due=sent + pause,
            rival_until=-math.inf,
            leads_until=sent + self.timing.renew_deadline,
        )

    def conflicted(self, sent: float, pause: float) -> Election:
        """Our bid met another version; it may be one that we wrote and had no answer for."""
        if self.leads_until is None:
            return self.failed(sent, pause)
        return replace(self, known=False, due=sent)

    def failed(self, sent: float, pause: float) -> Election:
        """A request had no answer, or a refusal; a write may have come through all the same."""
        return replace(self, known=self.known and self.leads_until is not None, due=sent + pause)

    # What is written.

    def bid(self, wall: datetime) -> LeaseSpec:
        """The Lease as ours from now on.

        Always another one than the last: a write that changes nothing makes no new version, and
        others would see a leader that is silent.
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
        """Whether the Lease, as last seen, is ours."""
        return self.lease is not None and self.lease.holder == self.me

    # One function for each state.

    def _stand_by(self, now: float) -> Decision:
        if now < self.due:
            return Wait(self.due - now)
        return Acquire() if self.known else Look()

    def _lead(self, now: float) -> Decision:
        assert self.leads_until is not None, "only who leads is asked"
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
        """Until when another may lead, by this Lease: its duration from when it was first seen."""
        if lease is None:
            return self.rival_until
        if lease.holder in {"", self.me}:
            return -math.inf
        if self.lease is not None and self.lease.version == lease.version:
            return self.rival_until
        return now + (lease.spec.lease_duration_seconds or self.timing.lease)
