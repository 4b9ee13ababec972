"""Looks up what is due in `TagDigests`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from actors.api.errors import ApiError
from actors.runtime.clock import within
from actors.runtime.task_actor import TaskActor
from resources.artifact.resolution import Unresolved
from resources.registry.request import Lookup, LookupAnswer, Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from actors.artifact.tag_digests import Tag, TagDigests
    from actors.runtime.context import Runtime
    from resources.artifact.sources import OciSource
    from resources.kubernetes.reference import ObjectRef
    from resources.registry.request import Endpoint

# Seconds; nothing is due so late that this would matter.
_LONGEST_SLEEP = 3600.0


class DigestPoller(TaskActor):
    """Asks registries in batches, at most one with tags that failed last and one with others.

    So a registry that does not answer holds up its own kind only. Credentials are read for each
    batch, and not kept.
    """

    kind = "DigestPoller"

    def __init__(
        self,
        runtime: Runtime,
        digests: TagDigests,
        endpoint: Callable[[str, OciSource], Awaitable[Endpoint]],
        look_up: Callable[[Sequence[Lookup]], Awaitable[Sequence[LookupAnswer]]],
        tell: Callable[[Collection[ObjectRef]], None],
    ) -> None:
        """`endpoint` of a source in a namespace; `tell` those who have asked that there is news."""
        super().__init__(runtime)
        self._digests = digests
        self._endpoint = endpoint
        self._look_up = look_up
        self._tell = tell
        self._busy: set[bool] = set()
        self._news: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Look up what is due, then wait for more."""
        self._digests.reset()
        self._digests.on_news = self._wake
        async with asyncio.TaskGroup() as lanes:
            while True:
                for troubled in {False, True} - self._busy:
                    if tags := self._digests.take_due(troubled=troubled):
                        self._busy.add(troubled)
                        lanes.create_task(self._ask(troubled, tags))
                await self._wait()

    def describe(self) -> dict[str, Any]:
        """Add all tags, for the actor dump."""
        return {**super().describe(), "tags": list(self._digests.describe())}

    async def _ask(self, troubled: bool, tags: list[Tag]) -> None:
        """Look up one batch, equal look-ups once."""
        asked = await asyncio.gather(*map(self._question, tags))
        lookups = list(dict.fromkeys(one for one in asked if isinstance(one, Lookup)))
        answers = dict(zip(lookups, await self._answers(lookups), strict=True))
        for tag, one in zip(tags, asked, strict=True):
            found = answers[one] if isinstance(one, Lookup) else one
            if concerned := self._digests.answered(tag, found):
                self._tell(concerned)
        self._busy.discard(troubled)
        self._wake()

    async def _question(self, tag: Tag) -> Lookup | LookupAnswer:
        """What to ask, or why that cannot be known."""
        source = tag.query.source
        try:
            endpoint = await self._endpoint(tag.query.namespace, source)
        except (Unresolved, ApiError) as error:
            return LookupAnswer(problem=Problem(str(error), transient=True))
        return Lookup(endpoint, source.reference)

    async def _answers(self, lookups: list[Lookup]) -> Sequence[LookupAnswer]:
        return await self._look_up(lookups) if lookups else []

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def _wait(self) -> None:
        """Until something is due, or may be."""
        self._news = self.loop.create_future()
        lanes = {troubled: troubled not in self._busy for troubled in (False, True)}
        seconds = min(self._digests.next_due(lanes), _LONGEST_SLEEP)
        await within(self.runtime.clock, seconds, self._news)
