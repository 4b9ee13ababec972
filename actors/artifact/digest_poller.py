"""Looks up the tags that are due in `TagDigests`."""

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

# Seconds of one sleep without any look-up due.
_LONGEST_SLEEP = 3600.0


class DigestPoller(TaskActor):
    """Asks registries in batches, one at a time in each of two lanes.

    Tags whose last look-up failed have a lane of their own, so that a registry that does not answer
    holds up no registry that does. Credentials are read for each batch, and not kept.
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
        """`endpoint` reads that of a source in a namespace; `tell` gets artifacts with news."""
        super().__init__(runtime)
        self._digests = digests
        self._endpoint = endpoint
        self._look_up = look_up
        self._tell = tell
        self._busy: set[bool] = set()
        self._news: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Look up the tags that are due, then wait for the next."""
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
        """Look up one batch of tags, equal look-ups once."""
        prepared = await asyncio.gather(*map(self._prepare, tags))
        lookups = list(dict.fromkeys(step for step in prepared if isinstance(step, Lookup)))
        digests = await self._look_up(lookups) if lookups else ()
        answers = dict(zip(lookups, digests, strict=True))
        for tag, step in zip(tags, prepared, strict=True):
            answer = answers[step] if isinstance(step, Lookup) else step
            if concerned := self._digests.answered(tag, answer):
                self._tell(concerned)
        self._busy.discard(troubled)
        self._wake()

    async def _prepare(self, tag: Tag) -> Lookup | LookupAnswer:
        """The look-up of a tag; the answer already, if its credentials cannot be read."""
        source = tag.query.source
        try:
            endpoint = await self._endpoint(tag.query.namespace, source)
        except (Unresolved, ApiError) as error:
            return LookupAnswer(problem=Problem(str(error), transient=True))
        return Lookup(endpoint, source.reference)

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def _wait(self) -> None:
        """Wait until a tag is due, or until one may have become due earlier."""
        self._news = self.loop.create_future()
        lanes = {troubled: troubled not in self._busy for troubled in (False, True)}
        seconds = min(self._digests.next_due(lanes), _LONGEST_SLEEP)
        await within(self.runtime.clock, seconds, self._news)
