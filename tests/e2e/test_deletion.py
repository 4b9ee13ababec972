"""A Falco that is deleted as soon as it is there leaves nothing, not even cluster-scoped objects.

The delays are such that the DELETE meets every step of the creation: before the operator sees the
Falco, before and after its finalizer, between and after the children.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

from resources.kubernetes.kinds import collection_path
from tests.api import manifest
from tests.e2e.falcos import COLLECTED_WITHIN, cluster_leftovers, leftovers
from tests.eventually import eventually

MILLISECONDS = (0, 1, 2, 5, 10, 30, 50)
ROUNDS = [6, pytest.param(60, marks=pytest.mark.bench)]
# So many are between their creation and their deletion at the same time.
AT_ONCE = 2 * len(MILLISECONDS)
# When the operator is killed, in milliseconds after the first Falco is on its way.
KILLS = (0, 10, 30, 60, 100, 200)


def start_race(api, namespace, name, milliseconds):
    """Create a Falco, wait, delete it: by connections that are there, so the wait is exact."""
    path = collection_path("Falco", namespace)
    creating, deleting = api.connection(), api.connection()
    body = json.dumps(manifest("Falco", namespace, name))
    creating.request("POST", path, body, {"Content-Type": "application/json"})
    assert creating.getresponse().read()
    time.sleep(milliseconds / 1000)  # the race itself
    deleting.request("DELETE", f"{path}/{name}")
    assert deleting.getresponse().status == 200
    for connection in (creating, deleting):
        connection.close()


def start_races(pool, api, namespace, rounds, prefix="r"):
    return [
        pool.submit(start_race, api, namespace, f"{prefix}{number}-{delay}ms", delay)
        for number, delay in product(range(rounds), MILLISECONDS)
    ]


def settle(falcos, operator):
    """Every change of a Falco so far has reached the operator, and it has done with all of them."""
    falcos.create("sentinel")  # the watch is ordered: what it shows after all else is seen last
    falcos.becomes("sentinel", within=120, Reconciled="True")
    falcos.delete("sentinel")
    eventually(lambda: not falcos.api.list("Falco", falcos.namespace), within=120)
    eventually(lambda: not actors(operator), within=120)


def nothing_is_left(api, namespace):
    """Not of the operator's; what the garbage collector takes may take a while."""
    assert cluster_leftovers(api, namespace) == []

    def collected():
        assert leftovers(api, namespace) == []
        return True

    eventually(collected, COLLECTED_WITHIN)


def actors(operator):
    parts = operator.dump()["children"]
    falcos = next(part for part in parts if part["name"] == "falcos")
    return falcos["actor"]["alive"]


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_quick_deletion_leaks_nothing(api, namespace, operator, falcos, rounds):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for race in start_races(pool, api, namespace, rounds):
            race.result()
    settle(falcos, operator)
    nothing_is_left(api, namespace)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_quick_deletion_leaks_nothing_though_the_operator_is_killed(
    api, namespace, operator, falcos, rounds
):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number in range(rounds):
            races = start_races(pool, api, namespace, 1, prefix=f"k{number}-")
            time.sleep(KILLS[number % len(KILLS)] / 1000)  # where in the race it is killed
            operator.kill()
            for race in races:
                race.result()
            operator.start()
    settle(falcos, operator)
    nothing_is_left(api, namespace)


def test_what_was_deleted_while_no_operator_ran_is_cleaned_up_by_the_next(
    api, namespace, operator, falcos
):
    for name in ("held", "vanished"):
        falcos.create(name)
        falcos.becomes(name, Reconciled="True")
    operator.kill()
    falcos.delete("held")
    # As if it had been deleted before our finalizer was there.
    api.merge("Falco", namespace, "vanished", {"metadata": {"finalizers": None}})
    falcos.delete("vanished")
    eventually(lambda: falcos.get("vanished") is None)
    assert falcos.get("held")["metadata"]["deletionTimestamp"]
    assert len(cluster_leftovers(api, namespace)) == 4
    operator.start()
    settle(falcos, operator)
    assert cluster_leftovers(api, namespace) == []


def test_a_vanished_falco_is_cleaned_up_after_at_once(api, namespace, operator, falcos):
    falcos.create()
    falcos.becomes(Reconciled="True")
    api.merge("Falco", namespace, "falco", {"metadata": {"finalizers": None}})
    falcos.delete()
    settle(falcos, operator)
    assert cluster_leftovers(api, namespace) == []


def test_a_deletion_waits_for_whoever_holds_a_cluster_scoped_child(api, namespace, falcos):
    falcos.create()
    falcos.becomes(Reconciled="True")
    at = ("ClusterRole", "", f"falco--{namespace}")
    api.merge(*at, {"metadata": {"finalizers": ["tests.example.org/hold"]}})
    falcos.delete()
    eventually(lambda: api.get(*at)["metadata"].get("deletionTimestamp"))
    eventually(lambda: falcos.child("ClusterRoleBinding") is None)
    assert falcos.get() is not None
    api.merge(*at, {"metadata": {"finalizers": None}})
    eventually(lambda: falcos.get() is None)
    assert cluster_leftovers(api, namespace) == []


def test_a_foreground_deletion_ends(cluster, api, namespace, falcos):
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    cluster.kubectl("delete", "falco", "falco", "-n", namespace, "--cascade=foreground")
    assert falcos.get() is None
    nothing_is_left(api, namespace)
