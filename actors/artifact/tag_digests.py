"""Which digests tags stand for: asked of each registry once for the whole cluster, and polled."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import TYPE_CHECKING, NamedTuple

from actors.registry.failure import LONGEST_RETRY_AFTER
from actors.runtime.backoff import Backoff, refusal_delay
from resources.artifact.resolution import TagAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from actors.runtime.context import Runtime
    from resources.artifact.sources import OciSource
    from resources.kubernetes.reference import ObjectRef
    from resources.registry.request import LookupAnswer, Problem

# Seconds until what was just asked for is looked up: others ask for more of the same.
_GATHER = 0.05
# A poll comes at this part of its interval, at least and at most.
_JITTER = (0.9, 1.1)
# Half of it is certain: who is overloaded is not asked again at once.
_BACKOFF = Backoff(base=2.0, cap=150.0)
MOST_AT_ONCE = 100
NO_ANSWER = TagAnswer()


class Query(NamedTuple):
    """A tag, and as whom to ask; equal ones are asked once.

    `namespace` is where the Secret and the CA are, empty without one; the versions are of their
    content.
    """

    source: OciSource
    namespace: str = ""
    secret_version: str = ""
    ca_version: str = ""


def query_of(source: OciSource, namespace: str, secret_version: str, ca_version: str) -> Query:
    """The same for all who ask for the same as the same, however often."""
    scope = namespace if source.secret or source.ca_config_map else ""
    return Query(source._replace(poll_seconds=0.0), scope, secret_version, ca_version)


@dataclass(slots=True)
class Tag:
    """What is known of one query, and who wants to know; only `TagDigests` changes it."""

    query: Query
    due: float
    askers: dict[ObjectRef, float] = field(default_factory=dict)
    """With the seconds of their poll intervals."""
    answer: TagAnswer = NO_ANSWER
    failures: int = 0
    is_asked: bool = False


class TagDigests:
    """What is known of tags. Nobody waits here: who asks gets what is known, and is told later.

    The last digest is kept while a registry fails.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._clock = runtime.clock
        self._random = runtime.random
        self._tags: dict[Query, Tag] = {}
        self._asked: dict[ObjectRef, Query] = {}
        self._not_before: dict[str, float] = {}
        self.on_news: Callable[[], None] = lambda: None
        """Called when something may be due earlier than it was."""

    def ask(
        self, artifact: ObjectRef, query: Query, poll_seconds: float, *, in_hurry: bool
    ) -> TagAnswer:
        """What is known of the one tag that this artifact wants to know from now on.

        Who is in no hurry, as nodes have a digest to go by, waits for a poll.
        """
        if self._asked.get(artifact) != query:
            self.forget(artifact)
            self._asked[artifact] = query
        now = self._clock.monotonic()
        tag = self._tags.get(query)
        if tag is None:
            tag = self._tags[query] = Tag(query, now + self._random.uniform(0.0, poll_seconds))
            self.on_news()
        if tag.askers.get(artifact) != poll_seconds:
            tag.askers[artifact] = poll_seconds
            self._expedite(tag, now + max(tag.askers[artifact] * _JITTER[1], _GATHER))
        if in_hurry and tag.answer == NO_ANSWER:
            self._expedite(tag, now + _GATHER)
        return tag.answer

    def forget(self, artifact: ObjectRef) -> None:
        """This artifact wants to know nothing any more."""
        query = self._asked.pop(artifact, None)
        tag = self._tags.get(query) if query is not None else None
        if tag is not None:
            del tag.askers[artifact]
            if not tag.askers:
                del self._tags[tag.query]

    def take_due(self, *, troubled: bool) -> list[Tag]:
        """Tags to be looked up now, until `answered`; those that failed last apart from others."""
        now = self._clock.monotonic()
        idle = (tag for tag in self._tags.values() if not tag.is_asked)
        due = (tag for tag in idle if bool(tag.failures) == troubled and self._due(tag) <= now)
        found = nsmallest(MOST_AT_ONCE, due, key=lambda tag: tag.due)
        for tag in found:
            tag.is_asked = True
        return found

    def next_due(self, lanes: Mapping[bool, bool]) -> float:
        """Seconds until something is due in a lane that is open: troubled ones and others."""
        dues = (
            self._due(tag)
            for tag in self._tags.values()
            if not tag.is_asked and lanes[bool(tag.failures)]
        )
        return max(0.0, min(dues, default=math.inf) - self._clock.monotonic())

    def answered(self, tag: Tag, found: LookupAnswer) -> frozenset[ObjectRef]:
        """Take in what a look-up found; return those to whom that is news."""
        tag.is_asked = False
        before, now = tag.answer, self._clock.monotonic()
        if found.problem is None:
            tag.answer, tag.failures = TagAnswer(found.digest), 0
            tag.due = now + min(tag.askers.values(), default=0.0) * self._random.uniform(*_JITTER)
        else:
            tag.answer = TagAnswer(before.digest, found.problem)
            tag.due = now + self._delay(tag, found.problem)
            tag.failures += 1
        if before.digest and before.digest == tag.answer.digest:
            return frozenset()
        return frozenset(tag.askers) if before != tag.answer else frozenset()

    def clear(self) -> None:
        """Start anew: nobody asks any more, and what was known may be old."""
        self._tags.clear()
        self._asked.clear()

    def reset(self) -> None:
        """Nobody is looking anything up any more."""
        for tag in self._tags.values():
            tag.is_asked = False

    def describe(self) -> Iterator[dict[str, object]]:
        """All tags, for the actor dump."""
        now = self._clock.monotonic()
        for tag in self._tags.values():
            problem = tag.answer.problem
            yield {
                "tag": str(tag.query.source),
                "namespace": tag.query.namespace,
                "artifacts": len(tag.askers),
                "digest": tag.answer.digest,
                "problem": problem and problem.message,
                "failures": tag.failures,
                "due in": round(self._due(tag) - now, 3),
            }

    def _due(self, tag: Tag) -> float:
        return max(tag.due, self._not_before.get(tag.query.source.registry, -math.inf))

    def _expedite(self, tag: Tag, due: float) -> None:
        """Not later than this, unless it waits after a failure."""
        if not tag.failures and due < tag.due:
            tag.due = due
            self.on_news()

    def _delay(self, tag: Tag, problem: Problem) -> float:
        """Seconds until the next try; what a registry asks for holds for all of its tags."""
        if problem.retry_after:
            asked = min(problem.retry_after, LONGEST_RETRY_AFTER)
            registry = tag.query.source.registry
            until = self._clock.monotonic() + asked
            self._not_before[registry] = max(until, self._not_before.get(registry, -math.inf))
        if not problem.transient:
            return refusal_delay(tag.failures) * self._random.uniform(*_JITTER)
        return _BACKOFF.ceiling(tag.failures) + _BACKOFF.delay(tag.failures, self._random)
