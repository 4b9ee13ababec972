"""Caches are made to fetch an artifact by one client, so that many others cause no more pulls."""

import asyncio
import os
import re
from collections import Counter

import pytest
from msgspec.structs import replace

from actors.registry.client import fill
from deploy.local import Registry
from deploy.local.publisher import Repository, publish_plugin, publish_rules
from resources.registry.request import Fill
from tests.actors.registry import hostile_archives as hostile
from tests.actors.registry.hostile_registry import HostileRegistry, blob_path, digest_of
from tests.actors.registry.pulling import endpoint_of, pulled
from tests.registries import pull_through

LIBRARY = 3 << 20
BLOBS = re.compile(r'"GET /v2/[^ ]*/(blobs|manifests)/(sha256:[0-9a-f]+) HTTP[^"]*" 200')


def asked_for(registry):
    """How often each document and blob was sent, by the access log of a registry."""
    return Counter(found[2] for found in BLOBS.finditer(registry.log.read_text()))


@pytest.fixture
def upstream(tmp_path):
    with Registry(tmp_path / "upstream") as started:
        yield started


@pytest.fixture
def cache(upstream, tmp_path):
    """The real registry as a pull-through cache of the other, which has nothing yet."""
    with Registry(tmp_path / "cache", pull_through(upstream)) as started:
        yield started


def through(cache, repository):
    return endpoint_of(cache.address, repository, plain_http=True, pull_through=True)


async def test_what_one_has_fetched_16_get_of_the_cache_alone(upstream, cache, tmp_path):
    libraries = {f"linux/{machine}": os.urandom(LIBRARY) for machine in ("amd64", "arm64")}
    digest = publish_plugin(Repository(upstream.url), "falco/json", ["1"], libraries)
    before = asked_for(upstream)
    endpoint = through(cache, "falco/json")
    filled = await fill(Fill(endpoint, digest))
    assert filled.problem is None
    assert filled.received > 2 * LIBRARY

    async def node(number):
        directory = tmp_path / str(number)
        directory.mkdir()
        machine = ("amd64", "arm64")[number % 2]
        return await pulled(endpoint, digest, directory, "Plugin", machine)

    contents = [content for _, content in await asyncio.gather(*map(node, range(16)))]
    assert contents == [libraries["linux/amd64"], libraries["linux/arm64"]] * 8
    sent = asked_for(upstream) - before
    # An index, and for each platform a manifest and a library; both have the same config.
    assert set(sent.values()) == {1}
    assert len(sent) == 6


async def test_what_a_cache_has_is_not_sent_again(upstream, cache):
    digest = publish_rules(Repository(upstream.url), "falco/rules", ["1"], "x" * LIBRARY)
    fills = [await fill(Fill(through(cache, "falco/rules"), digest)) for _ in range(2)]
    assert [filled.problem for filled in fills] == [None, None]
    assert fills[1].received < 2000


async def test_a_registry_that_is_no_cache_is_not_asked(upstream):
    digest = publish_rules(Repository(upstream.url), "falco/rules", ["1"], "[]")
    before = upstream.log.read_text()
    endpoint = replace(through(upstream, "falco/rules"), pull_through=False)
    assert await fill(Fill(endpoint, digest)) == await fill(Fill(endpoint, digest))
    assert (await fill(Fill(endpoint, digest))).received == 0
    assert upstream.log.read_text() == before


async def test_a_cache_that_is_gone_is_told(upstream, cache):
    digest = publish_rules(Repository(upstream.url), "falco/rules", ["1"], "[]")
    cache.stop()
    problem = (await fill(Fill(through(cache, "falco/rules"), digest))).problem
    assert problem is not None
    assert problem.transient
    assert "cannot be reached: Connection refused" in problem.message


@pytest.fixture
def hostile_cache():
    with HostileRegistry() as started:
        yield started


async def test_a_blob_without_end_is_cut_off(hostile_cache):
    good = hostile.good()
    digest = hostile_cache.artifact(good)
    hostile_cache.serve(blob_path(digest_of(good)), good + b"x")
    endpoint = hostile_cache.endpoint(pull_through=True)
    problem = (await fill(Fill(endpoint, digest))).problem
    assert problem is not None
    assert "is larger than" in problem.message


async def test_another_manifest_than_asked_for_is_not_followed(hostile_cache):
    digest = hostile_cache.artifact(hostile.good())
    hostile_cache.serve(f"/v2/falco/rules/manifests/{digest}", b"{}")
    problem = (await fill(Fill(hostile_cache.endpoint(pull_through=True), digest))).problem
    assert problem is not None
    assert "has another digest" in problem.message
    assert len(hostile_cache.seen) == 1
