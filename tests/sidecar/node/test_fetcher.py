"""A pull comes into the blob store whole, or leaves nothing, also where a link leads."""

import asyncio
import random
from typing import Any

import pytest

from actors.registry.table_file import TableFile
from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from resources.artifact.sources import OciSource
from resources.node.files import Directory
from resources.registry.credentials import RegistryPolicy
from resources.registry.table import table_of
from sidecar.node.fetcher import Fetcher, FetchFailed
from sidecar.node.metrics import NodeMetrics
from sidecar.node.pull_limiter import PullLimiter
from sidecar.volume.blobs import Blobs
from sidecar.volume.disk import SUBDIRECTORY, Disk
from tests.actors.registry import hostile_archives as hostile
from tests.actors.registry.hostile_registry import (
    REPOSITORY,
    HostileRegistry,
    blob_path,
    digest_of,
    manifest_path,
)
from tests.eventually import soon
from tests.registries import LOCAL
from tests.sidecar.volume.node_directories import leftovers

MOST = 4 << 20
LAYER = hostile.good()


@pytest.fixture
def registry():
    with HostileRegistry() as started:
        yield started


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "root", Disk())


@pytest.fixture
def fetch(registry, blobs):
    """Fetches the rules of a digest."""
    runtime = Runtime(SystemClock(), random.Random(1))
    client: Any = None  # nothing is referred to
    fetcher = Fetcher(
        client,
        blobs,
        "default",
        RegistryPolicy(local_registries=LOCAL),
        TableFile("", table_of),
        {"Rulesfile": MOST},
        runtime.clock,
        PullLimiter(runtime, lambda: 0.0),
        NodeMetrics(lambda: 0.0),
    )

    def of(digest):
        source = OciSource(f"127.0.0.1:{registry.port}", REPOSITORY, digest, plain_http=True)
        return fetcher.oci("Rulesfile", source, digest, lambda: 1)

    return of


def is_pulling(blobs):
    """Whether the file of a pull is there."""
    return bool(leftovers(blobs._root))


async def test_what_was_pulled_is_stored_and_nothing_else_is_left(registry, blobs, fetch):
    content = await fetch(registry.artifact(LAYER))
    assert blobs.has(Directory.RULES, content.sha256)
    assert not is_pulling(blobs)


async def test_nothing_is_left_of_a_pull_that_fails(registry, blobs, fetch):
    for layer in (hostile.bomb(2**31), b"no archive"):
        with pytest.raises(FetchFailed):
            await fetch(registry.artifact(layer))
        assert not is_pulling(blobs)


async def test_nothing_is_left_of_a_pull_that_is_cancelled(registry, blobs, fetch):
    digest = registry.artifact(LAYER)
    registry.act(blob_path(digest_of(LAYER)), lambda _: registry.over.wait())
    pull = asyncio.create_task(fetch(digest))
    await soon(lambda: is_pulling(blobs))
    pull.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pull
    assert not is_pulling(blobs)


async def test_a_pull_writes_nothing_where_a_link_leads(registry, blobs, fetch, tmp_path):
    """Whoever runs as Falco may put one in place of the directory while the pull is under way."""
    own = blobs._root / Directory.RULES.value / SUBDIRECTORY
    outside = tmp_path / "outside"
    outside.mkdir()
    digest = registry.artifact(LAYER)
    usual = registry._acts[manifest_path(digest)]

    def swap_and_answer(request):
        (own / "pulls").rename(own / "before")
        (own / "pulls").symlink_to(outside)
        usual(request)

    registry.act(manifest_path(digest), swap_and_answer)
    with pytest.raises(FetchFailed):
        await fetch(digest)
    assert list(outside.iterdir()) == []
