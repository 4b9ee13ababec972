"""The digests that tags name: looked up once for the whole cluster, then polled."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from actors.artifact.registries import RETRIES, Registries
from actors.runtime.backoff import refusal_delay
from resources.artifact.resolution import TagAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from actors.runtime.context import Runtime
    from resources.artifact.sources import OciSource
    from resources.kubernetes.reference import ObjectRef
    from resources.registry.request import LookupAnswer, Problem

# The bounds of a random factor for intervals, so that polls of many tags spread out.
_JITTER = (0.9, 1.1)
MOST_AT_ONCE = 100
"""Tags in one batch."""
MOST_REGISTRIES = 10
"""Registries in one batch: each takes a thread with its stack, and maybe its own authorities."""
NO_ANSWER = TagAnswer()


class Query(NamedTuple):
    """A tag, and the credentials to look it up with; equal queries are one look-up.

    `namespace` is that of the Secret and of the ConfigMap with the CA, empty if there is neither;
    the versions are those of their content. `route` is the way to the repository by the table.
    """

    source: OciSource
    namespace: str = ""
    secret_version: str = ""
    ca_version: str = ""
    route: str = ""

    @property
    def lane(self) -> str:
        """What answers, or hangs, as one."""
        return self.route or self.source.registry


def query_of(
    source: OciSource, namespace: str, secret_version: str, ca_version: str, route: str
) -> Query:
    """The query of a source; equal for artifacts that differ only in their poll interval."""
    scope = namespace if source.secret or source.ca_config_map else ""
    return Query(source._replace(poll_seconds=0.0), scope, secret_version, ca_version, route)


@dataclass(slots=True)
class Tag:
    """The last answer to one query, and the artifacts that ask; only `TagDigests` changes it."""

    query: Query
    due: float
    askers: dict[ObjectRef, float] = field(default_factory=dict)
    """The artifacts that ask, each with the seconds of its poll interval."""
    answer: TagAnswer = NO_ANSWER
    failures: int = 0
    is_asked: bool = False


class TagDigests:
    """Answers queries at once with what is known; `DigestPoller` looks up the rest and tells news.

    The last digest is kept while a registry fails.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._clock = runtime.clock
        self._random = runtime.random
        self._tags: dict[Query, Tag] = {}
        self._asked: dict[ObjectRef, Query] = {}
        self.registries = Registries(runtime)
        self.on_news: Callable[[], None] = lambda: None
        """Called when a look-up may have become due earlier than before."""

    def ask(
        self, artifact: ObjectRef, query: Query, poll_seconds: float, *, in_hurry: bool
    ) -> TagAnswer:
        """What is known of the tag, the only one that this artifact asks for from now on.

        An artifact that is not in a hurry, as nodes have a digest already, waits for the next poll.
        """
        if self._asked.get(artifact) != query:
            self.forget(artifact)
            self._asked[artifact] = query
        now = self._clock.monotonic()
        tag = self._tags.get(query)
        if tag is None:
            tag = self._tags[query] = Tag(query, now + self._random.uniform(0.0, poll_seconds))
            self.registries.add(query.lane)
            self.on_news()
        if tag.askers.get(artifact) != poll_seconds:
            tag.askers[artifact] = poll_seconds
            self._expedite(tag, now + tag.askers[artifact] * _JITTER[1])
        if in_hurry and tag.answer == NO_ANSWER:
            self._expedite(tag, now)
        return tag.answer

    def forget(self, artifact: ObjectRef) -> None:
        """This artifact asks for no tag any more."""
        query = self._asked.pop(artifact, None)
        tag = self._tags.get(query) if query is not None else None
        if tag is not None:
            del tag.askers[artifact]
            if not tag.askers:
                del self._tags[tag.query]
                self.registries.drop(tag.query.lane)

    def take_due(self, *, slow: bool) -> list[Tag]:
        """Tags to be looked up now; `slow`: those of registries that were slow, else the others.

        They are not taken again before `answered` or `put_back` is called for them.
        """
        now = self._clock.monotonic()
        due = (tag for tag in self._idle(slow) if self._due(tag) <= now)
        batch: list[Tag] = []
        registries: set[str] = set()
        for tag in _in_turn(due):
            registry = tag.query.lane
            if len(batch) == MOST_AT_ONCE:
                break
            if not tag.is_asked and (registry in registries or len(registries) < MOST_REGISTRIES):
                tag.is_asked = True
                registries.add(registry)
                batch.append(tag)
        return batch

    def put_back(self, tags: Iterable[Tag]) -> None:
        """Take back tags that were not looked up after all: they are due, behind all others."""
        now = self._clock.monotonic()
        for tag in tags:
            tag.is_asked, tag.due = False, now

    def next_due(self, lanes: Mapping[bool, bool]) -> float:
        """Seconds until a look-up is due; `lanes`: whether `slow` ones, or others, may run."""
        dues = (self._due(tag) for slow, may in lanes.items() if may for tag in self._idle(slow))
        return max(0.0, min(dues, default=math.inf) - self._clock.monotonic())

    def _idle(self, slow: bool) -> Iterator[Tag]:
        """The tags of one lane that are not being looked up."""
        registries = self.registries
        for tag in self._tags.values():
            if not tag.is_asked and registries.is_slow(tag.query.lane) == slow:
                yield tag

    def answered(self, tag: Tag, answer: LookupAnswer) -> frozenset[ObjectRef]:
        """Keep the answer of a look-up; return the artifacts to which it is news."""
        tag.is_asked = False
        before, now = tag.answer, self._clock.monotonic()
        if answer.problem is None:
            tag.answer, tag.failures = TagAnswer(answer.digest), 0
            tag.due = now + min(tag.askers.values(), default=0.0) * self._random.uniform(*_JITTER)
        else:
            tag.answer = TagAnswer(before.digest, answer.problem)
            tag.due = now + self._delay(tag, answer.problem)
            tag.failures += 1
        if before.digest and before.digest == tag.answer.digest:
            return frozenset()
        return frozenset(tag.askers) if before != tag.answer else frozenset()

    def clear(self) -> None:
        """Forget every query and answer: another leader may have published newer digests since."""
        self._tags.clear()
        self._asked.clear()
        self.registries.clear()

    def reset(self) -> None:
        """Make the tags that were taken due again: the poller that took them is gone."""
        self.put_back(tag for tag in self._tags.values() if tag.is_asked)

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
                "slow registry": self.registries.is_slow(tag.query.lane),
                "due in": round(self._due(tag) - now, 3),
            }

    def _due(self, tag: Tag) -> float:
        """When it is due; of a digest only caches are asked, which are to fetch it."""
        if tag.query.source.is_pinned:
            return tag.due
        return max(tag.due, self.registries.not_before(tag.query.lane))

    def _expedite(self, tag: Tag, due: float) -> None:
        """Make a tag due at this time at the latest, unless it waits after a failure."""
        if not tag.failures and due < tag.due:
            tag.due = due
            self.on_news()

    def _delay(self, tag: Tag, problem: Problem) -> float:
        """Seconds until the next try."""
        if not problem.transient:
            return refusal_delay(tag.failures) * self._random.uniform(*_JITTER)
        return RETRIES.ceiling(tag.failures) + RETRIES.delay(tag.failures, self._random)


def _in_turn(tags: Iterable[Tag]) -> Iterator[Tag]:
    """The tags by turns of the namespaces whose artifacts ask; of each, the longest due first.

    A tag that artifacts of several namespaces ask for comes more than once.
    """
    by_namespace: dict[str, list[Tag]] = {}
    for tag in tags:
        for namespace in {artifact.namespace for artifact in tag.askers}:
            by_namespace.setdefault(namespace, []).append(tag)
    columns = [nsmallest(MOST_AT_ONCE, column, key=_by_due) for column in by_namespace.values()]
    for turn in zip_longest(*columns):
        yield from sorted((tag for tag in turn if tag is not None), key=_by_due)


def _by_due(tag: Tag) -> float:
    return tag.due
