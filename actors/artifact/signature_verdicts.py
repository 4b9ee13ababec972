"""The verdicts on signatures: each digest is verified once for a policy, for the whole cluster."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from actors.artifact.registries import RETRIES
from actors.runtime.backoff import Backoff
from resources.registry.turns import NamespaceTurns
from resources.signatures.policy import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from actors.artifact.registries import Registries
    from actors.runtime.context import Runtime
    from resources.artifact.sources import OciSource
    from resources.kubernetes.reference import ObjectRef
    from resources.registry.request import Endpoint
    from resources.signatures.demand import Demand
    from resources.signatures.request import Verdict

# A signature often comes seconds after what it signs; later ones are looked for slowly.
_AGAIN = Backoff(base=10.0, cap=300.0)


class SignatureQuery(NamedTuple):
    """The question who has signed a digest; equal questions have one answer.

    `policy` is the digest of the policy with the content of all that `demand` names; the versions
    are those of the Secret and CA of the registry. `namespace` is that of all these objects, empty
    if there are none. `route` is the way to the repository by the table.
    """

    source: OciSource
    digest: str
    demand: Demand
    policy: str
    namespace: str
    secret_version: str = ""
    ca_version: str = ""
    route: str = ""

    @property
    def lane(self) -> str:
        """What answers, or hangs, as one."""
        return self.route or self.source.registry


@dataclass(slots=True)
class Open:
    """One query and its answer; only `SignatureVerdicts` changes it."""

    query: SignatureQuery
    due: float
    askers: set[ObjectRef] = field(default_factory=set)
    verdict: Verdict | None = None
    tries: int = 0
    is_asked: bool = False


class SignatureVerdicts:
    """Answers queries at once with what is known; `SignatureChecker` finds out the rest.

    What is verified stays verified. All other verdicts are looked at again, less and less often,
    and one stays while the registry fails.
    """

    def __init__(self, runtime: Runtime, registries: Registries) -> None:
        """`registries` say, and are told, which of them want no requests for now."""
        self._registries = registries
        self._clock = runtime.clock
        self._random = runtime.random
        self._open: dict[SignatureQuery, Open] = {}
        self._asked: dict[ObjectRef, SignatureQuery] = {}
        self._turns = NamespaceTurns()
        self.on_news: Callable[[], None] = lambda: None
        """Called when a verification may have become due earlier than before."""

    def ask(self, artifact: ObjectRef, query: SignatureQuery) -> Verdict | None:
        """What is known; this is the only query of the artifact from now on."""
        if self._asked.get(artifact) != query:
            self.forget(artifact)
            self._asked[artifact] = query
        known = self._open.get(query)
        if known is None:
            known = self._open[query] = Open(query, self._clock.monotonic())
            self.on_news()
        known.askers.add(artifact)
        return known.verdict

    def forget(self, artifact: ObjectRef) -> None:
        """This artifact asks nothing any more."""
        query = self._asked.pop(artifact, None)
        known = self._open.get(query) if query is not None else None
        if known is not None:
            known.askers.discard(artifact)
            if not known.askers:
                del self._open[known.query]

    def take_due(self, busy: Collection[str]) -> Open | None:
        """The query of a registry that is not busy that is due for the longest.

        Namespaces take turns, so that many slow registries of one hold up no other.
        """
        now = self._clock.monotonic()
        due = [each for each in self._idle(busy) if self._due(each) <= now]
        first = min(
            due, key=lambda each: (self._turns.newest(_namespaces(each)), each.due), default=None
        )
        if first is not None:
            first.is_asked = True
            self._turns.give(_namespaces(first))
            if len(self._turns) > len(self._asked):
                self._turns.keep({artifact.namespace for artifact in self._asked})
        return first

    def next_due(self, busy: Collection[str]) -> float:
        """Seconds until a query is due whose registry is not busy."""
        first = min((self._due(each) for each in self._idle(busy)), default=math.inf)
        return max(0.0, first - self._clock.monotonic())

    def answered(self, known: Open, verdict: Verdict) -> frozenset[ObjectRef]:
        """Keep the answer to a query; return the artifacts to which it is news."""
        before, known.is_asked = known.verdict, False
        is_failure = verdict.result is Result.REGISTRY_FAILED
        if not (is_failure and before is not None):
            known.verdict = verdict
        self._registries.hold(verdict.holds)
        known.due = self._clock.monotonic() + self._delay(known, verdict)
        known.tries += 1
        return frozenset(known.askers) if before != known.verdict else frozenset()

    def rested(self, known: Open, endpoint: Endpoint) -> Endpoint | None:
        """The endpoint of which no host is asked that wants no requests for now.

        None if all of them want none: then the query that was taken is put back.
        """
        rested = self._registries.rested(known.query.lane, endpoint)
        known.is_asked = rested is not None
        return rested

    def reset(self) -> None:
        """Make the queries that were taken due again: the checker that took them is gone."""
        for known in self._open.values():
            known.is_asked = False

    def clear(self) -> None:
        """Forget every query and answer."""
        self._open.clear()
        self._asked.clear()
        self._turns.clear()

    def describe(self) -> Iterator[dict[str, object]]:
        """All queries, for the actor dump."""
        now = self._clock.monotonic()
        for known in self._open.values():
            due = self._due(known) - now
            yield {
                "artifact": f"{known.query.source.registry}/{known.query.source.repository}",
                "digest": known.query.digest,
                "artifacts": len(known.askers),
                "verdict": known.verdict and known.verdict.message,
                "due in": round(due, 3) if due < math.inf else None,
            }

    def _idle(self, busy: Collection[str]) -> Iterator[Open]:
        for known in self._open.values():
            if not known.is_asked and known.query.lane not in busy:
                yield known

    def _due(self, known: Open) -> float:
        return max(known.due, self._registries.not_before(known.query.lane))

    def _delay(self, known: Open, verdict: Verdict) -> float:
        """Seconds until the next try."""
        if verdict.result is Result.VERIFIED:
            return math.inf
        backoff = RETRIES if verdict.result is Result.REGISTRY_FAILED else _AGAIN
        return backoff.ceiling(known.tries) / 2 + backoff.delay(known.tries, self._random) / 2


def _namespaces(known: Open) -> set[str]:
    return {artifact.namespace for artifact in known.askers}
