"""The Prometheus metrics of a process.

`Metrics` is the observer of the runtime, of the API transport and of the watchers. It keeps plain
numbers and makes prometheus-client's families of them at each scrape: that takes 0.5 µs a message
instead of 9, and 0.5 KB a histogram instead of 4. Labels are kinds, results and the like, never
objects, so its size does not grow with the cluster.

Only the loop's thread may use it.
"""

from __future__ import annotations

import platform
from bisect import bisect_left
from collections import Counter, defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily as Counters
from prometheus_client.core import GaugeMetricFamily as Gauges
from prometheus_client.core import HistogramMetricFamily as Histograms
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import CollectorRegistry

from resources.kubernetes.kinds import CHILD_KINDS, KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from actors.runtime.lifecycle import ExitReason
    from supervisors.tree.dynamic import Population

_PREFIX = "falco_operator_"
# The outcomes of a reconcile; other messages have other outcomes.
_RESULTS = frozenset({"done", "requeue", "blocked", "retire", "crash", "cancelled"})
# Upper bounds of the histograms, in seconds.
_BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """Counts events as they happen, and asks for the population of actors at each scrape.

    A scraper gets the format that it accepts: OpenMetrics or Prometheus text.
    """

    def __init__(self, version: str, monotonic: Callable[[], float]) -> None:
        self._version = version
        self._monotonic = monotonic
        self._population: Callable[[], Iterable[Population]] = tuple
        self._waits: defaultdict[str, _Histogram] = defaultdict(_Histogram)
        self._runs: defaultdict[tuple[str, str], _Histogram] = defaultdict(_Histogram)
        self._alive: Counter[str] = Counter()
        self._exits: Counter[tuple[str, str]] = Counter()
        self._restarts: Counter[str] = Counter()
        self._parks: Counter[str] = Counter()
        self._opened: Counter[str] = Counter()
        self._heard: dict[str, float] = {}
        self._numbers: list[tuple[str, str, Callable[[], float]]] = []
        self._counts: list[tuple[str, str, str, Mapping[str, float]]] = []
        self._gauges: list[tuple[str, str, Callable[[], Mapping[str, float]]]] = []
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self.last_error: tuple[float, str] | None = None
        """When, on the monotonic clock, a request to the API server failed last, and which."""
        # A rate needs a counter that starts at zero.
        self._drift: Counter[str] = Counter(dict.fromkeys(CHILD_KINDS, 0))
        self._registry: Any = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def ask_for(self, population: Callable[[], Iterable[Population]]) -> None:
        """Call `population` at every scrape, and show what it returns, each kind once."""
        self._population = population

    def show(self, name: str, what: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Show a gauge, whose values by kind are read at every scrape."""
        self._gauges.append((name, what, read))

    def show_counts(self, name: str, what: str, label: str, counts: Mapping[str, float]) -> None:
        """Show a counter with one label, whose values somebody else counts."""
        self._counts.append((name, what, label, counts))

    def show_number(self, name: str, what: str, read: Callable[[], float]) -> None:
        """Show a gauge without a label, whose value is read at every scrape."""
        self._numbers.append((name, what, read))

    @property
    def kinds(self) -> Iterable[str]:
        """The kinds of which there has been an actor."""
        return self._alive.keys()

    def add(self, collector: Any) -> None:
        """Show the metrics of this prometheus-client collector as well."""
        self._registry.register(collector)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return all metrics and their content type, chosen by an Accept header."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def mail_handled(self, kind: str, wait: float, run: float, outcome: str) -> None:
        """Count one message; as a reconcile if the actor is that of a Kubernetes object."""
        self._waits[kind].observe(wait)
        if outcome in _RESULTS and kind in KINDS:
            self._runs[kind, outcome].observe(run)

    def actor_started(self, kind: str) -> None:
        """Count a started actor; the counters of its kind start at zero, as rates need it."""
        self._alive[kind] += 1
        self._restarts[kind] += 0
        self._parks[kind] += 0

    def actor_exited(self, kind: str, reason: ExitReason) -> None:
        """Count an actor that ended, by its reason."""
        self._alive[kind] -= 1
        self._exits[kind, str(reason)] += 1

    def actor_restarted(self, kind: str) -> None:
        """Count an actor that a supervisor started again."""
        self._restarts[kind] += 1

    def actor_parked(self, kind: str) -> None:
        """Count an object whose actor was parked."""
        self._parks[kind] += 1

    def actor_unparked(self, kind: str) -> None:
        """Do nothing: parked objects are counted at each scrape."""

    def watch_opened(self, kind: str) -> None:
        """Count a stream; before its first event, the age of a kind counts from here."""
        self._opened[kind] += 1
        self._heard.setdefault(kind, self._monotonic())

    def watch_heard(self, kind: str) -> None:
        """Record when an event or a bookmark arrived."""
        self._heard[kind] = self._monotonic()

    def stream(self, kind: str) -> tuple[int, float | None]:
        """How many streams of a kind were opened, and when the last event came or was awaited."""
        return self._opened[kind], self._heard.get(kind)

    def api_request(self, verb: str, resource: str, code: str) -> None:
        """Count a request that ended; that there is no such object is an answer like others."""
        self._requests[verb, resource, code] += 1
        if code[0] != "2" and (verb, code) != ("get", "404"):
            self.last_error = self._monotonic(), f"{code}: {verb} {resource}"

    def drift_corrected(self, kind: str) -> None:
        """Count a correction of a child that another field manager had changed."""
        self._drift[kind] += 1

    def collect(self) -> Iterator[Any]:
        """Make the families; called by the registry at every scrape."""
        yield from self._of_mail()
        yield from self._of_actors()
        yield from self._of_the_api()
        for name, what, read in self._gauges:
            yield by_kind(Gauges, _PREFIX + name, what, read())
        for name, what, label, counts in self._counts:
            values = {(key,): count for key, count in counts.items()}
            yield family(Counters, _PREFIX + name, what, (label,), values)
        for name, what, number in self._numbers:
            yield family(Gauges, _PREFIX + name, what, (), {(): number()})
        labels = (self._version, platform.python_version())
        info = "Always 1; what runs is in the labels."
        yield family(Gauges, _PREFIX + "build_info", info, ("version", "python"), {labels: 1})

    def _of_mail(self) -> Iterator[Any]:
        by_result = ("kind", "result")
        counts = {labels: run.count for labels, run in self._runs.items()}
        yield family(Counters, _PREFIX + "reconcile", "Reconciles that ended.", by_result, counts)
        what = "Seconds that a reconcile took."
        yield _histogram("reconcile_duration_seconds", what, by_result, self._runs)
        what = "Seconds from sending a message, or the oldest of those it stands for, to its turn."
        waits = {(kind,): wait for kind, wait in self._waits.items()}
        yield _histogram("mailbox_wait_seconds", what, ("kind",), waits)

    def _of_actors(self) -> Iterator[Any]:
        yield by_kind(Gauges, _PREFIX + "actors_alive", "Actors that run.", self._alive)
        population = tuple(self._population())
        parked = {of.kind: of.parked for of in population}
        yield by_kind(
            Gauges, _PREFIX + "actors_parked", "Actors given up on until a change.", parked
        )
        mail = {of.kind: of.mail for of in population}
        yield by_kind(Gauges, _PREFIX + "mailbox_depth", "Messages that wait.", mail)
        what = "Actors that ended: normal (nothing left to do), shutdown (told to), or crash."
        yield family(Counters, _PREFIX + "actor_exits", what, ("kind", "reason"), self._exits)
        what = "Actors that were started again after a crash."
        yield by_kind(Counters, _PREFIX + "actor_restarts", what, self._restarts)
        what = "Actors that crashed too often and were given up on."
        yield by_kind(Counters, _PREFIX + "actor_parks", what, self._parks)

    def _of_the_api(self) -> Iterator[Any]:
        what = "Watch streams opened; all but the first of a kind are reconnects."
        yield by_kind(Counters, _PREFIX + "watch_opens", what, self._opened)
        now = self._monotonic()
        ages = {kind: now - heard for kind, heard in self._heard.items()}
        what = "Seconds since an event or bookmark came, normally below 60."
        yield by_kind(Gauges, _PREFIX + "watch_last_event_age_seconds", what, ages)
        what = "Requests to the API server; code is the HTTP status, or error if none came."
        yield family(
            Counters, _PREFIX + "api_requests", what, ("verb", "resource", "code"), self._requests
        )
        what = "Children brought back to what is wanted after somebody else had changed them."
        yield by_kind(Counters, _PREFIX + "drift_corrections", what, self._drift)


class _Histogram:
    """The number of observations up to each bound, and their sum."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BOUNDS) + 1)
        self.total = 0.0

    @property
    def count(self) -> int:
        return sum(self.counts)

    def observe(self, value: float) -> None:
        self.counts[bisect_left(_BOUNDS, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, int]]:
        """Pairs of upper bound and the number of observations up to it."""
        return list(zip((*map(str, _BOUNDS), "+Inf"), accumulate(self.counts), strict=True))


def by_kind(make: Any, name: str, what: str, values: Mapping[str, float]) -> Any:
    """A family with one label, the kind."""
    return family(make, name, what, ("kind",), {(kind,): n for kind, n in values.items()})


def family(
    make: Any, name: str, what: str, labels: tuple[str, ...], values: Mapping[Any, float]
) -> Any:
    """A family of metrics, made by this class of prometheus-client, in the order of its labels."""
    family = make(name, what, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def _histogram(
    name: str, what: str, labels: tuple[str, ...], histograms: Mapping[Any, _Histogram]
) -> Any:
    family = Histograms(_PREFIX + name, what, labels=labels)
    for values, histogram in sorted(histograms.items(), key=lambda item: item[0]):
        family.add_metric(values, histogram.buckets(), histogram.total)
    return family
