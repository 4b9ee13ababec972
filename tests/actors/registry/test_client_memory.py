"""What a pull takes, of us and of the child together, whatever it meets."""

import json
import os
import subprocess
import sys

import msgspec
import pytest

from tests.actors.registry import hostile_archives as hostile
from tests.actors.registry.hostile_registry import (
    PREFIX,
    HostileRegistry,
    blob_path,
    chunked_for_ever,
    descriptor,
    digest_of,
    manifest,
    manifest_path,
)
from tests.actors.registry.pulling import request

MEGABYTE = 1 << 20
ALLOWED = 64 * MEGABYTE


@pytest.fixture
def registry():
    with HostileRegistry() as started:
        yield started


@pytest.fixture
def measured(registry):
    """What pulls of these digests took, in one process that does nothing else."""

    def run(*digests, most=4 * MEGABYTE):
        endpoint = registry.endpoint()
        requests = [request(endpoint, digest, max_bytes=most) for digest in digests]
        done = subprocess.run(
            [sys.executable, "-m", "tests.actors.registry.measured_pulls"],
            input=b"\n".join(map(msgspec.json.encode, requests)),
            capture_output=True,
            check=True,
        )
        return json.loads(done.stdout)

    return run


def layers():
    yield hostile.bomb(2**31)
    yield hostile.bomb(3 * MEGABYTE)
    yield hostile.pax_bomb()
    yield hostile.million_entries()
    yield hostile.endless_pax()
    yield hostile.in_many_members()


def documents():
    config = descriptor(f"{PREFIX}.config.v1+json", b"{}")
    yield b" " * (10 * MEGABYTE)
    yield manifest(config, *[{}] * 80_000)
    yield b'{"layers": [%s' % (b'{"platform":{}},' * 16_000)
    yield b'{"x":' * 50_000
    yield b"[" * 250_000


def test_nothing_hostile_takes_more_than_is_allowed(registry, measured):
    digests = [registry.artifact(layer) for layer in layers()]
    digests += [registry.manifest(document) for document in documents()]
    endless = hostile.packed(hostile.entry("a", b"endless"))
    digests.append(registry.artifact(endless))
    registry.act(blob_path(digest_of(endless)), chunked_for_ever)
    digests.append(f"sha256:{'0' * 64}")
    registry.act(manifest_path(digests[-1]), chunked_for_ever)
    found = measured(*digests)
    assert found["parent"] + found["child"] < ALLOWED
    assert not [text for text in found["outcomes"] if "memory" in text]
    assert [bool(text) for text in found["outcomes"]].count(False) == 1  # three megabytes of zeros


def test_a_plugin_of_fifty_megabytes_takes_no_more_than_a_small_file(registry, measured):
    small = registry.artifact(hostile.good())
    large = registry.artifact(hostile.packed(hostile.entry("a", os.urandom(50 * MEGABYTE))))
    before = measured(small)
    after = measured(large, most=64 * MEGABYTE)
    assert (before["outcomes"], after["outcomes"]) == ([""], [""])
    assert after["parent"] + after["child"] < before["parent"] + before["child"] + 2 * MEGABYTE
