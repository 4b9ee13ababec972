"""What artifacts cost in requests and in changes that Falco sees, counted where they arrive."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest

from resources.node.pace import LEAST_SECONDS
from tests.e2e.costs import (
    WATCHED,
    cost_of_a_rulesfile,
    is_bearable,
    of_pods,
    rule,
    streams,
    with_pods,
)
from tests.e2e.fleet import from_registry
from tests.eventually import eventually
from tests.sampled import PROVE

IDLE_SECONDS = 10
TOGETHER = [f"rules-{number}" for number in range(4)]
FILES = {f"50-03-{name}-inline.yaml" for name in TOGETHER}


@pytest.fixture
def by_pods(cluster, fleet):
    """What the sidecars have asked of the API server."""
    return of_pods(cluster, fleet)


def batches(node):
    (count,) = node.samples()["falco_artifacts_batches_total"].values()
    return count


class Reader:
    """Looks at a node's rules all the time, as a Falco that reloads at any moment would."""

    def __init__(self, node):
        self._node = node
        self._over = Event()
        self._thread = Thread(target=self._run)
        self.seen: list[set[str]] = [set()]
        """The names that were there together, one after the other."""

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        while not self._over.wait(0.001):
            names = set(self._node.rules())
            if names != self.seen[-1]:
                self.seen.append(names)


# What Falco sees.


@pytest.mark.parametrize(
    ("rounds", "flags"), [(10, ()), pytest.param(50, ("--quiet-time=0.2",), marks=PROVE)]
)
def test_rulesfiles_applied_at_once_are_one_change_for_falco_and_none_is_ever_away(
    fleet, rounds, flags
):
    (node,) = with_pods(fleet, 1, flags).sidecars
    with Reader(node) as reader, ThreadPoolExecutor(len(TOGETHER)) as pool:
        for number in range(rounds):
            text, before = f"in round {number}", batches(node)

            def apply(name, text=text):
                fleet.apply("Rulesfile", name, inlineRules=[rule(name, text)])

            with node.held():  # so that they are at once also on a machine that is busy
                list(pool.map(apply, TOGETHER))
            eventually(lambda text=text: all_say(node, text))
            eventually(lambda before=before: batches(node) > before)
            assert batches(node) == before + 1
    assert batches(node) == rounds
    assert reader.seen.index(FILES) == len(reader.seen) - 1


def all_say(node, text):
    found = node.rules()
    assert set(found) == FILES
    return all(text in content for content in found.values())


def test_however_often_a_rulesfile_changes_falco_has_time_to_load_each_change(fleet):
    (node,) = with_pods(fleet, 1).sidecars
    began = time.monotonic()
    for number in range(20):
        fleet.apply("Rulesfile", "rules", inlineRules=[rule("rules", f"number {number}")])
    eventually(lambda: any("number 19" in content for content in node.rules().values()))
    assert batches(node) <= 1 + (time.monotonic() - began) / LEAST_SECONDS


# What the API server is asked.


def test_an_idle_sidecar_holds_four_watches_and_asks_for_nothing(fleet, by_pods, registry):
    (node,) = with_pods(fleet, 1).sidecars
    registry.process.stop()
    fleet.apply("Rulesfile", "rules", inlineRules=[rule("rules", "it happened")])
    fleet.apply("Rulesfile", "bad", inlineRules=[{"rule": "without"}])
    fleet.apply("Rulesfile", "gone", **from_registry(registry, f"sha256:{64 * '0'}"))
    fleet.programmed("Rulesfile", "rules")
    for name in ("bad", "gone"):
        fleet.programmed("Rulesfile", name, "False")
        eventually(lambda name=name: fleet.events(name))
    mark = by_pods.mark()
    Event().wait(IDLE_SECONDS)  # the idleness itself
    assert by_pods.since(mark) == []
    assert streams(node) == dict.fromkeys(WATCHED, 1)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_rulesfile_costs_one_write_for_each_pod_and_a_few_by_the_operator(
    audit, by_pods, fleet, count
):
    with_pods(fleet, count)
    for text in ("it happened", "it happened again"):
        assert is_bearable(count, *cost_of_a_rulesfile(fleet, by_pods, audit, text))
        assert fleet.status("Rulesfile", "rules")["nodes"]["summary"] == f"{count}/{count}"
