"""Which hosts want no requests for now, on whichever way to them."""

from msgspec.structs import replace

from resources.registry.holds import Holds
from resources.registry.request import Endpoint, Hold

ONE, OTHER = Endpoint("ghcr.io", "a"), Endpoint("GHCR.io", "b/c")
MIRROR = Endpoint("mirror:5000", "a")
BEHIND = replace(ONE, mirrors=(MIRROR,))


def test_a_host_is_known_by_its_url_whatever_is_asked_of_it():
    holds = Holds()
    holds.add([Hold(ONE.url, 30.0)], 100.0)
    assert [holds.wait(each, 110.0) for each in (ONE, OTHER, MIRROR)] == [20.0, 20.0, 0.0]
    assert holds.wait(replace(ONE, plain_http=True), 110.0) == 0.0
    assert holds.wait(ONE, 130.0) == 0.0
    assert Endpoint("docker.io", "a").url == Endpoint("registry-1.docker.io", "b").url


def test_the_longest_demand_counts_and_none_is_endless():
    holds = Holds()
    holds.add([Hold(ONE.url, 1e9)], 0.0)
    holds.add([Hold(ONE.url, 1.0)], 0.0)
    assert holds.wait(ONE, 0.0) == 3600.0
    holds.clear()
    assert holds.wait(ONE, 0.0) == 0.0


def test_an_endpoint_waits_once_all_of_its_places_do():
    holds = Holds()
    assert holds.rested(BEHIND, 0.0) is BEHIND
    holds.add([Hold(MIRROR.url, 30.0)], 0.0)
    assert holds.wait(BEHIND, 0.0) == 0.0
    rested = holds.rested(BEHIND, 0.0)
    assert [bool(place.unusable) for place in rested.places] == [True, False]
    assert holds.wait(replace(BEHIND, skip_fallback=True), 0.0) == 30.0
    holds.add([Hold(ONE.url, 10.0)], 0.0)
    assert holds.wait(BEHIND, 0.0) == 10.0
    assert holds.rested(BEHIND, 30.0) is BEHIND
