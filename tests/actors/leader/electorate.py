"""Candidates for a Lease in memory, on a clock of the test's own."""

import asyncio
from datetime import timedelta

from actors.api.errors import Conflict, NotFound
from actors.leader.election import LeaderElection, LeadershipLost
from actors.leader.fence import Fence
from actors.runtime.context import Runtime
from resources.kubernetes.lease import Lease, LeaseSpec
from resources.kubernetes.meta import ObjectMeta
from tests.actor_examples import fake_runtime


class Leases:
    """One Lease with the API server's optimistic concurrency, and the network before it.

    `error` is raised in place of every answer; `silent` gives none; `deaf` makes writes and loses
    their answers.
    """

    def __init__(self):
        self.lease = None
        self.error = None
        self.silent = self.deaf = False
        self.requests = []
        self._version = 0

    def set(self, **spec):
        self._version += 1
        meta = ObjectMeta(resource_version=str(self._version))
        before = self.lease.spec if self.lease is not None else LeaseSpec()
        known = {name: getattr(before, name) for name in LeaseSpec.__struct_fields__}
        self.lease = Lease(metadata=meta, spec=LeaseSpec(**{**known, **spec}))

    async def get(self):
        return await self._answer("get", lambda: self.lease)

    async def create(self, spec):
        return await self._answer("create", lambda: self._write(None, spec))

    async def update(self, version, spec):
        return await self._answer("update", lambda: self._write(version, spec))

    async def _answer(self, verb, act):
        self.requests.append(verb)
        if self.error is not None:
            raise self.error
        if self.silent:
            await asyncio.get_running_loop().create_future()
        answer = act()
        if self.deaf and verb != "get":
            await asyncio.get_running_loop().create_future()
        return answer

    def _write(self, version, spec):
        if version is not None and self.lease is None:
            raise NotFound(404, "NotFound", "no Lease")
        if version != (self.lease.version if self.lease is not None else None):
            raise Conflict(409, "Conflict", "another version")
        values = {name: getattr(spec, name) for name in LeaseSpec.__struct_fields__}
        self.set(**{name: value for name, value in values.items() if value is not None})
        return self.lease


class SkewedClock:
    """Another machine's: its wall clock is wrong."""

    def __init__(self, clock, skew):
        self._clock, self._skew = clock, timedelta(seconds=skew)

    def __getattr__(self, name):
        return getattr(self._clock, name)

    def now(self):
        return self._clock.now() + self._skew


class House:
    """Candidates for one Lease."""

    def __init__(self):
        self.runtime, self.clock, _ = fake_runtime()
        self.leases = Leases()

    def candidate(self, name, skew=0.0):
        clock = SkewedClock(self.clock, skew)
        return Candidate(Runtime(clock, self.runtime.random), self.leases, name)


class Candidate:
    """A running LeaderElection, and what its supervisor would hear of it."""

    def __init__(self, runtime, leases, name):
        self.fence = Fence(runtime.clock)
        self.actor = LeaderElection(runtime, leases, self.fence, name)
        self.is_ready, self.exit = False, None
        self.ref = self.actor.launch()
        self.ref.link(self._gone, self._ready)

    @property
    def leads(self):
        assert self.fence.open is not self.actor.standby
        return self.fence.open

    @property
    def lost(self):
        return self.exit is not None and isinstance(self.exit.error, LeadershipLost)

    def _gone(self, _actor, end):
        self.exit = end

    def _ready(self, _actor):
        self.is_ready = True
