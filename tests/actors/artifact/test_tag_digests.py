"""Tags and digests: who asks what, and when a registry is asked."""

import asyncio
import random
from collections import Counter
from itertools import pairwise

import pytest
from msgspec.structs import replace

from actors.api.errors import Unavailable
from actors.artifact.digest_poller import DigestPoller
from actors.artifact.tag_digests import MOST_AT_ONCE, MOST_REGISTRIES, TagDigests, query_of
from actors.registry.client import PATIENT, PROMPT
from actors.runtime.clock import within
from actors.runtime.context import Runtime
from resources.artifact.references import Unresolved
from resources.artifact.resolution import TagAnswer
from resources.artifact.sources import OciSource
from resources.registry.limits import FILL_SECONDS
from resources.registry.request import (
    Credentials,
    Endpoint,
    Filled,
    Hold,
    LookupAnswer,
    Problem,
)
from tests.actor_examples import exits_of
from tests.actors.artifacts import artifact_ref
from tests.fake_clock import FakeClock, settle

TAG = OciSource("ghcr.io", "falco/rules", "latest")
OTHER = TAG._replace(registry="quay.io")
PRIVATE = TAG._replace(secret="token")
RULES, MORE = artifact_ref("rules"), artifact_ref("more")
A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
DOWN = LookupAnswer(problem=Problem("no answer", transient=True))
HANGS = LookupAnswer(problem=Problem("no answer in time", transient=True, hangs=True))
DENIED = LookupAnswer(problem=Problem("denied", transient=False))


class House:
    """A poller whose registries say what `says` has for a registry; those with a gate hang."""

    def __init__(self):
        self.clock = FakeClock()
        self.runtime = Runtime(self.clock, random.Random(1))
        self.digests = TagDigests(self.runtime)
        self.says = {"ghcr.io": LookupAnswer(A), "quay.io": LookupAnswer(B)}
        self.gates = {}
        self.unasked = set()
        self.batches = []
        self.lookups = []
        self.paces = []
        self.at = []
        self.told = []
        self.endpoints = []
        self.unreadable = None
        self.authorities = {}
        self.cached = False
        self.fills = []
        self.filling = []

    async def endpoint(self, namespace, source):
        self.endpoints.append((namespace, source))
        if self.unreadable is not None:
            raise self.unreadable
        credentials = Credentials("me", "secret") if source.secret else None
        cache = Endpoint("cache", source.repository, pull_through=True)
        mirrors = (cache,) if self.cached else ()
        return Endpoint(
            source.registry,
            source.repository,
            ca=self.authorities.get(source.repository, ""),
            credentials=credentials,
            mirrors=mirrors,
        )

    def fill(self, request):
        """The caches are full once the test has set the result."""
        self.fills.append((request.endpoint.registry, request.digest))
        self.filling.append(asyncio.get_running_loop().create_future())
        return self.filling[-1]

    async def look_up(self, lookups, pace):
        self.batches.append([lookup.endpoint.registry for lookup in lookups])
        self.lookups += lookups
        self.paces.append(pace)
        self.at.append(self.clock.monotonic())
        for lookup in sorted(lookups, key=lambda lookup: lookup.endpoint.registry in self.gates):
            registry = lookup.endpoint.registry
            if registry in self.unasked:
                continue
            gate = self.gates.get(registry)
            if gate and self.clock.monotonic() < self.at[-1] + pace.patience:
                await within(self.clock, pace.patience, asyncio.ensure_future(gate.wait()))
            hangs = gate and not gate.is_set()
            yield lookup, HANGS if hangs else self.says.get(registry, LookupAnswer(A))

    def ask(self, artifact=RULES, source=TAG, *, in_hurry=True, version=""):
        asked = query_of(source, artifact.namespace, version, "", "")
        return self.digests.ask(artifact, asked, source.poll_seconds, in_hurry=in_hurry)

    def take_told(self):
        told = self.told.copy()
        self.told.clear()
        return told

    def poller(self):
        return DigestPoller(
            self.runtime, self.digests, self.endpoint, self.look_up, self.fill, self.told.append
        )


@pytest.fixture
async def house():
    """A running poller of which nothing is asked yet."""
    made = House()
    ref = made.poller().launch()
    exits = exits_of(ref)
    await settle()
    yield made
    assert exits == []
    await ref.stop()


async def test_who_asks_gets_what_is_known_and_is_told_when_that_changes(house):
    assert house.ask() == TagAnswer()
    await house.clock.advance(1.0)
    assert house.take_told() == [{RULES}]
    assert house.ask() == TagAnswer(A)
    assert house.batches == [["ghcr.io"]]


async def test_many_who_ask_the_same_are_one_request_and_many_tags_one_batch(house):
    for number in range(50):
        artifact = artifact_ref(f"rules-{number}", namespace=f"ns-{number % 3}")
        house.ask(artifact, OTHER if number % 2 else TAG)
    await house.clock.advance(1.0)
    assert [sorted(batch) for batch in house.batches] == [["ghcr.io", "quay.io"]]
    assert sorted(map(len, house.told)) == [25, 25]


async def test_equal_credentials_from_several_namespaces_are_one_request(house):
    for number in range(3):
        house.ask(artifact_ref("rules", namespace=f"ns-{number}"), PRIVATE)
    await house.clock.advance(1.0)
    assert len(house.endpoints) == 3
    assert house.batches == [["ghcr.io"]]
    assert len(house.told) == 3


async def test_a_tag_is_polled_around_its_interval_and_nobody_is_told_of_what_stays(house):
    house.ask()
    await house.clock.advance(1.0)
    house.take_told()
    await house.clock.advance(6000.0)
    gaps = [after - before for before, after in zip(house.at, house.at[1:], strict=False)]
    assert all(540 <= gap <= 661 for gap in gaps)
    assert len(set(gaps)) == len(gaps) >= 9
    assert house.take_told() == []


async def test_the_shortest_interval_of_all_who_ask_counts(house):
    house.ask()
    await house.clock.advance(1.0)
    house.ask(MORE, TAG._replace(poll_seconds=30.0))
    await house.clock.advance(34.0)
    assert len(house.batches) == 2
    house.digests.forget(MORE)
    await house.clock.advance(34.0 + 660.0)
    assert len(house.batches) in {4, 5}


async def test_a_tag_that_moves_is_news(house):
    house.ask()
    house.ask(MORE)
    await house.clock.advance(1.0)
    house.take_told()
    house.says["ghcr.io"] = LookupAnswer(B)
    await house.clock.advance(700.0)
    assert house.take_told() == [{RULES, MORE}]
    assert house.ask() == TagAnswer(B)


async def test_the_last_digest_is_kept_while_a_registry_fails_and_that_is_no_news(house):
    house.ask()
    await house.clock.advance(1.0)
    house.take_told()
    house.says["ghcr.io"] = DOWN
    await house.clock.advance(2000.0)
    assert house.ask() == TagAnswer(A, DOWN.problem)
    house.says["ghcr.io"] = LookupAnswer(A)
    await house.clock.advance(700.0)
    assert house.ask() == TagAnswer(A)
    assert house.take_told() == []


async def test_a_registry_that_fails_is_asked_less_and_less(house):
    house.says["ghcr.io"] = DOWN
    house.ask()
    await house.clock.advance(3600.0)
    gaps = [after - before for before, after in zip(house.at, house.at[1:], strict=False)]
    assert 12 <= len(gaps) <= 30
    assert gaps[0] >= 2.0
    assert all(150.0 <= gap <= 300.0 for gap in gaps[8:])
    assert house.ask() == TagAnswer(problem=DOWN.problem)
    assert house.take_told() == [{RULES}]


async def test_an_entry_of_the_table_that_hangs_makes_no_other_way_to_its_registry_slow(house):
    for artifact, route in ((RULES, "ghcr.io/a@1"), (MORE, "")):
        query = query_of(TAG, artifact.namespace, "", "", route)
        house.digests.ask(artifact, query, TAG.poll_seconds, in_hurry=True)
    house.digests.registries.suspect("ghcr.io/a@1")
    slow, prompt = (house.digests.take_due(slow=slow) for slow in (True, False))
    assert [tag.query.route for tag in slow] == ["ghcr.io/a@1"]
    assert [tag.query.route for tag in prompt] == [""]


async def test_another_table_is_another_question(house):
    house.ask()
    await house.clock.advance(1.0)
    query = query_of(TAG, RULES.namespace, "", "", "ghcr.io@1")
    assert house.digests.ask(RULES, query, TAG.poll_seconds, in_hurry=True) == TagAnswer()
    await house.clock.advance(1.0)
    assert house.batches == [["ghcr.io"], ["ghcr.io"]]


async def test_what_somebody_has_to_mend_is_asked_for_slowly(house):
    house.says["ghcr.io"] = DENIED
    house.ask()
    await house.clock.advance(2000.0)
    gaps = [after - before for before, after in zip(house.at, house.at[1:], strict=False)]
    for gap, expected in zip(gaps, (60.0, 120.0, 300.0, 300.0), strict=False):
        assert 0.9 * expected <= gap <= 1.1 * expected


async def test_a_registry_that_asks_for_peace_gets_it_for_all_of_its_tags(house):
    house.says["ghcr.io"] = replace(DOWN, holds=(Hold("https://ghcr.io", 500.0),))
    house.ask()
    await house.clock.advance(1.0)
    house.ask(MORE, TAG._replace(repository="falco/more"))
    house.ask(artifact_ref("third"), OTHER)
    await house.clock.advance(450.0)
    assert list(filter(None, house.batches)) == [["ghcr.io"], ["quay.io"]]
    await house.clock.advance(200.0)
    assert sum(batch.count("ghcr.io") for batch in house.batches) == 3


async def test_a_host_that_asks_for_peace_gets_it_on_all_ways_to_it(house):
    house.says["ghcr.io"] = replace(DOWN, holds=(Hold("https://ghcr.io", 500.0),))
    house.ask()
    await house.clock.advance(1.0)
    other_way = query_of(TAG, "", "", "", "ghcr.io/falco@1")
    house.digests.ask(MORE, other_way, TAG.poll_seconds, in_hurry=True)
    await house.clock.advance(450.0)
    assert list(filter(None, house.batches)) == [["ghcr.io"]]
    await house.clock.advance(100.0)
    assert sum(batch.count("ghcr.io") for batch in house.batches) > 1


async def test_a_mirror_that_asks_for_peace_is_left_out(house):
    house.cached = True
    house.says["ghcr.io"] = LookupAnswer(A, holds=(Hold("https://cache", 500.0),))
    house.ask()
    await house.clock.advance(1.0)
    house.filling[0].set_result(Filled())
    house.ask(MORE, TAG._replace(repository="falco/more"))
    await house.clock.advance(1.0)
    assert [bool(lookup.endpoint.mirrors[0].unusable) for lookup in house.lookups] == [False, True]
    assert house.ask(MORE, TAG._replace(repository="falco/more")) == TagAnswer(A)


async def test_an_endless_peace_is_not_granted(house):
    house.says["ghcr.io"] = replace(DOWN, holds=(Hold("https://ghcr.io", 1e9),))
    house.ask()
    await house.clock.advance(4000.0)
    assert list(filter(None, house.batches)) == [["ghcr.io"], ["ghcr.io"]]


async def test_each_tag_is_told_when_it_is_known(house):
    house.gates["ghcr.io"] = asyncio.Event()
    house.ask()
    house.ask(MORE, OTHER)
    await house.clock.advance(0.1)
    assert house.take_told() == [{MORE}]
    house.gates["ghcr.io"].set()
    await settle()
    assert house.take_told() == [{RULES}]


async def test_a_registry_that_does_not_answer_gets_time_beside_those_that_do(house):
    house.gates["ghcr.io"] = asyncio.Event()
    house.ask()
    await house.clock.advance(PROMPT.patience + 1.0)
    assert house.paces == [PROMPT, PATIENT]
    assert house.take_told() == []
    house.ask(MORE, OTHER)
    await house.clock.advance(1.0)
    assert house.ask(MORE, OTHER) == TagAnswer(B)
    house.gates["ghcr.io"].set()
    await settle()
    assert house.ask() == TagAnswer(A)


async def test_a_registry_that_hangs_is_told_and_asked_less_and_less_whatever_its_tags(house):
    house.gates["ghcr.io"] = asyncio.Event()
    tags = [TAG._replace(repository=f"falco/rules-{number}") for number in range(300)]
    for number, tag in enumerate(tags):
        house.ask(artifact_ref(f"rules-{number}"), tag)
    await house.clock.advance(3600.0)
    assert house.ask(artifact_ref("rules-0"), tags[0]) == TagAnswer(problem=HANGS.problem)
    patient = [at for at, pace in zip(house.at, house.paces, strict=True) if pace is PATIENT]
    assert len(patient) <= 20
    gaps = [after - before for before, after in pairwise(patient)]
    assert all(gap >= 150.0 for gap in gaps[8:])
    house.gates["ghcr.io"].set()
    await house.clock.advance(700.0)
    assert house.ask(artifact_ref("rules-0"), tags[0]) == TagAnswer(A)


async def test_namespaces_take_turns(house):
    for number in range(3 * MOST_AT_ONCE):
        source = TAG._replace(repository=f"falco/rules-{number}")
        house.ask(artifact_ref(f"rules-{number}", namespace="greedy"), source)
    house.ask(artifact_ref("rules", namespace="modest"), OTHER)
    await house.clock.advance(0.1)
    assert "quay.io" in house.batches[0]


async def test_registries_that_hang_leave_room_for_those_of_other_namespaces(house):
    for number in range(10 * MOST_REGISTRIES):
        house.gates[f"hole-{number}"] = asyncio.Event()
        hole = TAG._replace(registry=f"hole-{number}")
        house.ask(artifact_ref(f"rules-{number}", namespace="greedy"), hole)
    await house.clock.advance(0.1)
    house.ask(artifact_ref("rules", namespace="modest"), OTHER)
    await house.clock.advance(0.1 + PROMPT.patience * MOST_REGISTRIES)
    assert [len(batch) for batch in house.batches[:2]] == [MOST_REGISTRIES] * 2
    assert "quay.io" in house.batches[1]
    asked = Counter(registry for batch in house.batches for registry in batch)
    assert asked["quay.io"] == 1


async def test_a_tag_that_could_not_be_asked_in_time_stays_due(house):
    house.unasked.add("ghcr.io")
    house.ask()
    await house.clock.advance(0.06)
    assert house.batches == [["ghcr.io"]]
    house.unasked.clear()
    await house.clock.advance(0.2)
    assert house.ask() == TagAnswer(A)


async def test_who_has_a_digest_to_go_by_waits_for_a_poll(house):
    assert house.ask(in_hurry=False) == TagAnswer()
    await house.clock.advance(1.0)
    assert house.batches == []
    await house.clock.advance(600.0)
    assert house.batches == [["ghcr.io"]]


async def test_after_a_restart_a_thousand_tags_are_spread_over_their_interval(house):
    for number in range(1000):
        source = TAG._replace(repository=f"falco/rules-{number}")
        house.ask(artifact_ref(f"rules-{number}"), source, in_hurry=False)
    await house.clock.advance(540.0)  # then the first ones are due again
    asked = zip(house.batches, house.at, strict=True)
    minutes = Counter(int(at // 60) for batch, at in asked for _ in batch)
    assert len(minutes) == 9
    assert all(50 <= count <= 150 for count in minutes.values())


async def test_one_in_a_hurry_is_not_held_up_by_one_that_is_not(house):
    house.ask(in_hurry=False)
    house.ask(MORE)
    await house.clock.advance(1.0)
    assert house.batches == [["ghcr.io"]]
    assert house.take_told() == [{RULES, MORE}]


async def test_other_content_of_the_secret_is_another_question(house):
    house.ask(source=PRIVATE, version="1")
    await house.clock.advance(1.0)
    assert house.ask(source=PRIVATE, version="1") == TagAnswer(A)
    assert house.ask(source=PRIVATE, version="2") == TagAnswer()
    await house.clock.advance(1.0)
    assert house.batches == [["ghcr.io"], ["ghcr.io"]]
    assert len(house.digests._tags) == 1


async def test_nothing_is_asked_or_left_of_what_nobody_wants_to_know_any_more(house):
    house.ask()
    house.ask(MORE)
    await house.clock.advance(1.0)
    house.digests.forget(RULES)
    house.digests.forget(MORE)
    house.digests.forget(MORE)
    await house.clock.advance(6000.0)
    assert house.batches == [["ghcr.io"]]
    assert not house.digests._tags
    assert not house.digests._asked
    assert not house.digests.registries._registries


async def test_an_answer_that_nobody_waits_for_any_more_is_told_to_nobody(house):
    house.gates["ghcr.io"] = asyncio.Event()
    house.ask()
    await house.clock.advance(1.0)
    house.digests.forget(RULES)
    house.gates["ghcr.io"].set()
    await settle()
    assert house.take_told() == []


@pytest.mark.parametrize(
    "error",
    [Unresolved("Secret token does not exist"), Unavailable(503, "ServiceUnavailable", "later")],
)
async def test_credentials_that_cannot_be_read_are_a_problem_that_passes(house, error):
    house.unreadable = error
    house.ask(source=PRIVATE)
    await house.clock.advance(1.0)
    problem = house.ask(source=PRIVATE).problem
    assert problem is not None
    assert problem.transient
    assert not any(house.batches)
    house.unreadable = None
    await house.clock.advance(60.0)
    assert house.ask(source=PRIVATE) == TagAnswer(A)


async def test_no_credentials_are_kept(house):
    house.ask(source=PRIVATE)
    await house.clock.advance(1.0)
    (tag,) = house.digests._tags.values()
    assert "Credentials" not in repr(tag)
    assert tag.query.namespace == "ns"
    assert "namespace" in next(iter(house.digests.describe()))


async def test_a_batch_has_an_end(house):
    for number in range(MOST_AT_ONCE + 20):
        source = TAG._replace(repository=f"falco/rules-{number}")
        house.ask(artifact_ref(f"rules-{number}"), source)
    await house.clock.advance(1.0)
    assert list(map(len, house.batches)) == [MOST_AT_ONCE, 20]


async def test_authorities_of_one_namespace_leave_no_batch_too_large_for_others(house):
    house.authorities = {f"falco/{number}": f"{number:08}" * 100_000 for number in range(12)}
    for number in range(12):
        artifact = artifact_ref(f"rules-{number}", namespace="greedy")
        house.ask(artifact, TAG._replace(repository=f"falco/{number}"))
    house.ask(artifact_ref("rules", namespace="modest"))
    await house.clock.advance(1.0)
    assert [len(batch) for batch in house.batches] == [6, 5, 2]
    assert len(house.take_told()) == 13


async def test_a_poller_that_is_started_again_goes_on(house):
    house.gates["ghcr.io"] = asyncio.Event()
    house.ask()
    await house.clock.advance(1.0)
    second = house.poller()
    house.gates.clear()
    ref = second.launch()
    await house.clock.advance(1.0)
    assert house.ask() == TagAnswer(A)
    assert second.describe()["tags"]
    await ref.stop()


# Caches.


@pytest.mark.parametrize("problem", [None, Problem("the cache is gone", transient=True)])
async def test_a_new_digest_is_told_once_the_caches_have_had_their_turn(house, problem):
    house.cached = True
    house.ask()
    await house.clock.advance(1.0)
    assert house.fills == [("ghcr.io", A)]
    assert (house.take_told(), house.ask()) == ([], TagAnswer())
    house.filling[0].set_result(Filled(7, problem))
    await settle()
    assert (house.take_told(), house.ask()) == ([{RULES}], TagAnswer(A))

    # The same digest again is no news, and another one is.
    await house.clock.advance(700.0)
    assert len(house.batches) == 2
    house.says["ghcr.io"] = LookupAnswer(B)
    while len(house.fills) == 1:
        await house.clock.advance(10.0)
    assert house.fills == [("ghcr.io", A), ("ghcr.io", B)]
    assert house.ask() == TagAnswer(A)
    house.filling[1].set_result(Filled())
    await settle()
    assert house.ask() == TagAnswer(B)


async def test_caches_that_take_their_time_hold_up_no_other_look_up(house):
    house.cached = True
    for number in range(3):
        house.ask(artifact_ref(f"rules-{number}"), TAG._replace(repository=f"falco/{number}"))
    await house.clock.advance(1.0)
    assert len(house.fills) == 2
    house.cached = False
    house.ask(MORE, OTHER)
    await house.clock.advance(1.0)
    assert house.take_told() == [{MORE}]
    house.filling[0].set_result(Filled())
    await settle()
    assert len(house.fills) == 3
    house.filling[1].set_result(Filled())
    house.filling[2].set_result(Filled())
    await settle()
    assert len(house.take_told()) == 3


async def test_namespaces_take_turns_at_the_caches(house):
    house.cached = True
    for number in range(5):
        source = TAG._replace(repository=f"falco/{number}")
        house.ask(artifact_ref(f"rules-{number}", namespace="greedy"), source)
    await house.clock.advance(1.0)
    house.ask(artifact_ref("rules", namespace="modest"), OTHER)
    await house.clock.advance(1.0)
    house.filling[0].set_result(Filled())
    await settle()
    house.filling[1].set_result(Filled())
    await settle()
    registries = [registry for registry, _ in house.fills]
    assert registries == ["ghcr.io", "ghcr.io", "quay.io", "ghcr.io"]


async def test_a_queue_before_caches_that_hang_holds_no_digest_up(house):
    house.cached = True
    artifacts = [artifact_ref(f"rules-{number}") for number in range(20)]
    for number, artifact in enumerate(artifacts):
        house.ask(artifact, TAG._replace(repository=f"falco/{number}"))
    await house.clock.advance(1.0)
    assert (len(house.fills), house.take_told()) == (2, [])
    await house.clock.advance(FILL_SECONDS)
    assert set().union(*house.take_told()) == set(artifacts)
    assert all(filling.cancelled() for filling in house.filling)
    house.ask(MORE, OTHER)
    await house.clock.advance(1.0)
    house.filling[-1].set_result(Filled())
    await settle()
    assert house.take_told() == [{MORE}]


async def test_a_digest_is_told_once_the_caches_have_had_their_turn(house):
    house.cached = True
    pinned = TAG._replace(reference=A)
    house.ask(source=pinned)
    await house.clock.advance(1.0)
    assert (house.fills, house.ask(source=pinned)) == ([("ghcr.io", A)], TagAnswer())
    house.filling[0].set_result(Filled())
    await settle()
    assert (house.take_told(), house.ask(source=pinned)) == ([{RULES}], TagAnswer(A))
    await house.clock.advance(2000.0)
    assert len(house.fills) == 1


@pytest.mark.parametrize("obstacle", ["no Secret", "a host that wants no requests"])
async def test_a_digest_that_no_cache_can_fetch_is_told_at_once(house, obstacle):
    pinned = TAG._replace(reference=A)
    if obstacle == "no Secret":
        house.unreadable = Unresolved("Secret token does not exist")
    else:
        house.digests.registries.hold([Hold("https://ghcr.io", 500.0)])
    house.ask(source=pinned)
    await house.clock.advance(1.0)
    assert (house.take_told(), house.ask(source=pinned)) == ([{RULES}], TagAnswer(A))


async def test_nothing_is_fetched_where_there_is_no_digest(house):
    house.cached = True
    house.says["ghcr.io"] = DOWN
    house.ask()
    await house.clock.advance(1.0)
    assert (house.fills, len(house.take_told())) == ([], 1)
