"""Looks up the tags that are due in `TagDigests`."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from actors.api.errors import ApiError
from actors.registry.client import PATIENT, PROMPT
from actors.runtime.activity import Beside, decide
from actors.runtime.clock import within
from actors.runtime.mail import Letter
from actors.runtime.task_actor import TaskActor
from resources.artifact.references import Unresolved
from resources.registry.limits import FILL_SECONDS
from resources.registry.request import Fill, Lookup, LookupAnswer, Problem
from resources.registry.turns import NamespaceTurns

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence

    from actors.artifact.tag_digests import Tag, TagDigests
    from actors.runtime.context import Runtime
    from resources.artifact.sources import OciSource
    from resources.kubernetes.reference import ObjectRef
    from resources.registry.request import Endpoint, Filled, Pace

_log = logging.getLogger(__name__)
# Seconds of one sleep without any look-up due.
_LONGEST_SLEEP = 3600.0
# Seconds that a new query waits for others: look-ups made together take one child process.
_GATHER = 0.05
# Characters of all authorities in one batch, unless one text alone has more: artifacts of any
# namespace name some of up to a mebibyte each, and the child has little memory.
_MOST_AUTHORITIES = 4 << 20
# Artifacts that caches are made to fetch at once; each is a process.
_MOST_FILLING = 2


class LookUp(Protocol):
    """Yields each look-up with its answer once it is known, at a pace."""

    def __call__(
        self, lookups: Sequence[Lookup], pace: Pace, /
    ) -> AsyncGenerator[tuple[Lookup, LookupAnswer], None]:
        """As `actors.registry.client.look_up`."""
        ...


class LookUpTags(NamedTuple):
    """What runs beside the mail, as the trace names it."""

    tags: int


class FillCaches(NamedTuple):
    """What runs beside the mail once a tag has a new digest, as the trace names it."""

    digest: str


class DigestPoller(TaskActor):
    """Asks registries in batches, one at a time in each of two lanes; tells each answer at once.

    A batch of the first lane ends soon after the last answer. A registry that has answered nothing
    by then is moved to the second lane, whose batches take their time, and only there it is a
    problem. So a registry that does not answer holds up no registry that does. Credentials are read
    for each batch, and not kept.

    A new digest that nodes will pull through a cache is told once the cache has had its time to
    fetch it: of all nodes at once, each would make it fetch.
    """

    kind = "DigestPoller"

    def __init__(
        self,
        runtime: Runtime,
        digests: TagDigests,
        endpoint: Callable[[str, OciSource], Awaitable[Endpoint]],
        look_up: LookUp,
        fill: Callable[[Fill], Awaitable[Filled]],
        tell: Callable[[Collection[ObjectRef]], None],
    ) -> None:
        """`endpoint` reads that of a source in a namespace; `tell` gets artifacts with news.

        `fill` has caches fetch an artifact.
        """
        super().__init__(runtime)
        self._digests = digests
        self._endpoint = endpoint
        self._look_up = look_up
        self._fill = fill
        self._filling = _Filling()
        self._tell = tell
        self._busy: set[bool] = set()
        self._news: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Look up the tags that are due, then wait for the next."""
        self._digests.reset()
        self._digests.on_news = self._wake
        async with asyncio.TaskGroup() as tasks:
            while True:
                for slow in {False, True} - self._busy:
                    if tags := self._digests.take_due(slow=slow):
                        self._busy.add(slow)
                        tasks.create_task(self._ask_beside(tasks, slow, tags))
                await self._wait()
                await self.runtime.clock.sleep(_GATHER)

    def describe(self) -> dict[str, Any]:
        """Add all tags, for the actor dump."""
        return {**super().describe(), "tags": list(self._digests.describe())}

    async def _ask_beside(self, tasks: asyncio.TaskGroup, slow: bool, tags: list[Tag]) -> None:
        with Beside(Letter(LookUpTags(len(tags)), None, self.runtime.clock.monotonic())):
            await self._ask(tasks, slow, tags)

    async def _ask(self, tasks: asyncio.TaskGroup, slow: bool, tags: list[Tag]) -> None:
        """Look up one batch of tags, equal look-ups once."""
        waiting: dict[Lookup, list[Tag]] = {}
        authorities: frozenset[str] = frozenset()
        for tag, step in zip(tags, await asyncio.gather(*map(self._prepare, tags)), strict=True):
            if step is None:
                self._digests.put_back([tag])
            elif not isinstance(step, Lookup):
                self._take(tag, step)
            elif _fit(authorities, step.endpoint.authorities):
                authorities |= step.endpoint.authorities
                waiting.setdefault(step, []).append(tag)
            else:
                self._digests.put_back([tag])
        async with aclosing(self._look_up(list(waiting), PATIENT if slow else PROMPT)) as answers:
            async for lookup, answer in answers:
                self._digests.registries.hold(answer.holds)
                asked = waiting.pop(lookup)
                if lookup.endpoint.caches and _is_news(answer, asked):
                    tasks.create_task(self._fill_first(tasks, slow, lookup, answer, asked))
                else:
                    self._heard(slow, lookup, answer, asked)
        for unasked in waiting.values():
            self._digests.put_back(unasked)
        self._busy.discard(slow)
        self._wake()

    async def _fill_first(
        self,
        tasks: asyncio.TaskGroup,
        slow: bool,
        lookup: Lookup,
        answer: LookupAnswer,
        tags: list[Tag],
    ) -> None:
        """Tell an answer once the caches have the artifact, or have had their time for it.

        The wait for a place counts, so that no queue before a cache that hangs holds a digest up.
        """
        namespaces = {artifact.namespace for tag in tags for artifact in tag.askers}
        request = Fill(lookup.endpoint, answer.digest)
        with Beside(Letter(FillCaches(answer.digest), None, self.runtime.clock.monotonic())):
            filling = tasks.create_task(self._fill_caches(request, namespaces))
            if not await within(self.runtime.clock, FILL_SECONDS, filling):
                filling.cancel()
                _log.warning("nodes may pull this before a cache has it: %s", lookup.endpoint)
            self._heard(slow, lookup, answer, tags)
        self._wake()

    async def _fill_caches(self, request: Fill, namespaces: set[str]) -> None:
        async with self._filling.place(namespaces):
            filled = await self._fill(request)
        self._digests.registries.hold(filled.holds)
        if filled.problem is not None:
            _log.warning("nodes may pull this before a cache has it: %s", filled.problem.message)

    def _heard(self, slow: bool, lookup: Lookup, answer: LookupAnswer, tags: list[Tag]) -> None:
        lane, problem = lookup.endpoint.lane, answer.problem
        if problem is not None and problem.hangs and not slow:
            self._digests.registries.suspect(lane)
            self._digests.put_back(tags)
            return
        if not lookup.is_pinned:  # else nobody has answered
            self._digests.registries.heard(lane, problem)
        for tag in tags:
            self._take(tag, answer)

    def _take(self, tag: Tag, answer: LookupAnswer) -> None:
        source = tag.query.source
        if answer.digest:
            decide(f"found {source} at {answer.digest}")
        else:
            why = answer.problem.message if answer.problem else "not known"
            decide(f"could not look up {source}: {why}")
        if concerned := self._digests.answered(tag, answer):
            self._tell(concerned)

    async def _prepare(self, tag: Tag) -> Lookup | LookupAnswer | None:
        """The look-up of a tag; the answer already, if its credentials cannot be read.

        None if no host wants to be asked now. A digest, which is asked for only that caches fetch
        it, waits for neither.
        """
        source = tag.query.source
        known: LookupAnswer | None = None
        try:
            endpoint = await self._endpoint(tag.query.namespace, source)
        except (Unresolved, ApiError) as error:
            known = LookupAnswer(problem=Problem(str(error), transient=True))
        else:
            rested = self._digests.registries.rested(tag.query.lane, endpoint)
            if rested is not None:
                return Lookup(rested, source.reference)
        return LookupAnswer(source.reference) if source.is_pinned else known

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def _wait(self) -> None:
        """Wait until a tag is due, or until one may have become due earlier."""
        self._news = self.loop.create_future()
        lanes = {slow: slow not in self._busy for slow in (False, True)}
        seconds = min(self._digests.next_due(lanes), _LONGEST_SLEEP)
        await within(self.runtime.clock, seconds, self._news)


class _Filling:
    """Places for fills of caches, for which namespaces take turns.

    So many artifacts of one namespace hold up no other's for longer than those that run.
    """

    def __init__(self) -> None:
        self._free = _MOST_FILLING
        self._waiting: list[tuple[set[str], asyncio.Future[None]]] = []
        self._turns = NamespaceTurns()

    @asynccontextmanager
    async def place(self, namespaces: set[str]) -> AsyncGenerator[None, None]:
        """Wait for a place for artifacts of these namespaces, and give it back at the end."""
        granted = asyncio.get_running_loop().create_future()
        self._waiting.append((namespaces, granted))
        self._grant()
        try:
            await granted
            yield
        finally:
            if granted.cancelled():
                self._waiting.remove((namespaces, granted))
            else:
                self._free += 1
                self._grant()

    def _grant(self) -> None:
        """Give free places to those whose turn it is, the longest waiting first among equals."""
        while self._free and self._waiting:
            first = min(self._waiting, key=lambda each: self._turns.newest(each[0]))
            self._waiting.remove(first)
            self._free -= 1
            self._turns.keep(set().union(*(namespaces for namespaces, _ in self._waiting)))
            self._turns.give(first[0])
            first[1].set_result(None)


def _fit(authorities: frozenset[str], more: frozenset[str]) -> bool:
    """Whether a batch with these authorities may have more."""
    size = sum(map(len, authorities | more))
    return not authorities or more <= authorities or size <= _MOST_AUTHORITIES


def _is_news(answer: LookupAnswer, tags: list[Tag]) -> bool:
    return bool(answer.digest) and any(tag.answer.digest != answer.digest for tag in tags)
