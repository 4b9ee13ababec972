"""Several candidates in a bad world: at most one leads, and in the end one does."""

import heapq
import itertools
import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from resources.kubernetes.lease import (
    JITTER,
    RELEASED,
    Acquire,
    Election,
    Lease,
    Look,
    Lost,
    Renew,
    Timing,
    Wait,
)
from resources.kubernetes.meta import ObjectMeta

TIMING = Timing(lease=15, renew_deadline=10.0, retry=2.0)
WALL = datetime(2026, 1, 1, tzinfo=UTC)
BAD_SECONDS = 150.0
GOOD_SECONDS = 60.0


class World:
    """Time, the network, and one Lease with the API server's optimistic concurrency.

    For a while whatever can happen does, at a rate of its own: requests and responses are late or
    lost, candidates are cut off, freeze, crash, or stop in good order. Then all is well.
    """

    def __init__(self, seed, clocks):
        self.random = random.Random(seed)
        self.time = 0.0
        self.lease = None
        self.reigns = 0
        self.badness = self.random.choice([0.0, 0.1, 0.3, 0.6])
        self._version = itertools.count(1)
        self._numbers = itertools.count()
        self._events: list[tuple] = []
        self.candidates = [Candidate(f"pod-{n}", self, *clock) for n, clock in enumerate(clocks)]

    @property
    def bad(self):
        return self.time < BAD_SECONDS and self.random.random() < self.badness

    def run(self):
        for candidate in self.candidates:
            self.after(0.0, candidate.go_on, candidate.life)
            self.after(self.random.uniform(0, 20), candidate.suffer)
        self.after(self.random.uniform(0, 20), self.touch)
        while self.time < BAD_SECONDS + GOOD_SECONDS:
            self.time, _, happen, arguments = heapq.heappop(self._events)
            happen(*arguments)
            leaders = [c.name for c in self.candidates if c.leads]
            assert len(leaders) <= 1, f"at {self.time:.3f} s"
        assert leaders, "somebody leads in the end"

    def after(self, seconds, happen, *arguments):
        heapq.heappush(self._events, (self.time + seconds, next(self._numbers), happen, arguments))

    def send(self, seconds, happen, *arguments):
        """Let it happen with the delay of the network, or never."""
        if not self.bad:
            self.after(self.random.uniform(0.001, 0.1), happen, *arguments)
        elif self.random.random() < 0.7:
            self.after(self.random.uniform(0, seconds), happen, *arguments)

    def write(self, version, spec):
        """Change the Lease; whether nobody else had."""
        if version != (self.lease.version if self.lease is not None else None):
            return False
        if self.lease is None or self.lease.spec != spec:  # else nothing changes, as in etcd
            meta = ObjectMeta(resource_version=str(next(self._version)))
            self.lease = Lease(metadata=meta, spec=spec)
        return True

    def touch(self):
        """Somebody labels the Lease: another version, nothing else."""
        if self.lease is not None and self.bad:
            meta = ObjectMeta(resource_version=str(next(self._version)))
            self.lease = Lease(metadata=meta, spec=self.lease.spec)
        self.after(self.random.uniform(0, 20), self.touch)


class Candidate:
    """An `Election` as `LeaderElection` drives it, with clocks of its own.

    `rate` is how fast the monotonic one goes, `wall_rate` the wall clock, which may stand still.
    """

    def __init__(self, name, world, offset, rate, wall_rate):
        self.name, self.world = name, world
        self.offset, self.rate, self.wall_rate = offset, rate, wall_rate
        self.frozen_until = 0.0
        self.life = 0
        self.asking = 0
        self.election = Election(name, TIMING)

    @property
    def now(self):
        return self.offset + self.rate * self.world.time

    @property
    def leads(self):
        return self.election.leads(self.now)

    @property
    def pause(self):
        return TIMING.retry * self.world.random.uniform(*JITTER)

    def suffer(self):
        world, choice = self.world, self.world.random.random()
        if world.bad and choice < 0.5:
            self.frozen_until = world.time + world.random.uniform(0, 30)
        elif world.bad and choice < 0.7:
            self.begin_anew()
        elif world.bad:
            self.stop()
        world.after(world.random.uniform(0, 20), self.suffer)

    def begin_anew(self):
        """The actor crashed; what its process has sent may still arrive."""
        self.election = Election(self.name, TIMING)
        self.life += 1
        self.asking += 1
        self.world.after(0.1, self.go_on, self.life)

    def stop(self):
        """Give the Lease back, by what is seen of it now, and come back."""
        seen = self.world.lease
        self.begin_anew()
        if seen is not None and seen.holder == self.name:
            self.world.send(20, self.world.write, seen.version, RELEASED)

    def go_on(self, life):
        if life != self.life:
            return
        if self.world.time < self.frozen_until:
            self.thawed(self.go_on, life)
            return
        match self.election.decide(self.now):
            case Wait(seconds):
                self.world.after(seconds / self.rate + 1e-6, self.go_on, life)
            case Look():
                self.ask(None)
            case Acquire() | Renew():
                wall = WALL + timedelta(seconds=self.world.time * self.wall_rate)
                self.ask(self.election.bid(wall))
            case Lost():
                self.begin_anew()

    def ask(self, spec):
        self.asking += 1
        sent, lease = self.now, self.election.lease
        version = lease.version if lease is not None else None
        self.world.send(20, self.serve, self.asking, sent, version, spec)
        self.world.after(TIMING.patience / self.rate, self.give_up, self.asking, sent)

    def serve(self, asking, sent, version, spec):
        """On the server: the write counts, whether or not its answer is heard."""
        written = spec is not None and self.world.write(version, spec)
        self.world.send(6, self.hear, asking, sent, spec, written, self.world.lease)

    def hear(self, asking, sent, spec, written, lease):
        if self.world.time < self.frozen_until:
            self.thawed(self.hear, asking, sent, spec, written, lease)
        elif asking == self.asking:
            election = self.election
            if spec is None:
                self.turn(election.looked(lease, self.now, self.pause))
            elif written:
                self.turn(election.wrote(lease, sent, self.pause))
            else:
                self.turn(election.conflicted(sent, self.pause))

    def give_up(self, asking, sent):
        if self.world.time < self.frozen_until:
            self.thawed(self.give_up, asking, sent)
        elif asking == self.asking:
            self.turn(self.election.failed(sent, self.pause))

    def thawed(self, happen, *arguments):
        """Whatever was due in the meantime comes in any order then."""
        delay = self.frozen_until - self.world.time + self.world.random.uniform(0, 0.01)
        self.world.after(delay, happen, *arguments)

    def turn(self, election):
        self.asking += 1
        self.world.reigns += election.leads_until is not None and not self.leads
        self.election = election
        self.world.after(0.0, self.go_on, self.life)


CLOCKS = st.tuples(st.floats(0, 1e6), st.floats(0.9, 1.1), st.sampled_from([-1.0, 0.0, 1.0]))


@given(seed=st.integers(0, 2**32), clocks=st.lists(CLOCKS, min_size=2, max_size=4))
def test_never_do_two_candidates_lead_at_one_moment_and_in_the_end_one_does(seed, clocks):
    World(seed, clocks).run()


def test_the_histories_are_eventful():
    clocks = [(0.0, 1.0, 1.0)] * 3
    worlds = [World(seed, clocks) for seed in range(30)]
    for world in worlds:
        world.run()
    assert sum(world.reigns for world in worlds) > 100
