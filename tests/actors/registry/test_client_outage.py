"""Registries that are slow, busy, broken or gone: tried again a little, then told of."""

import asyncio
import hashlib
import random
from threading import Event

import psutil
import pytest

from resources.registry.request import Lookup, Pace
from tests.actors.registry import hostile_archives as hostile
from tests.actors.registry.hostile_registry import (
    HostileRegistry,
    blob_path,
    digest_of,
    manifest_path,
    promise,
)
from tests.actors.registry.pulling import looked_up, problem_of, pulled, refused
from tests.eventually import soon

GOOD = hostile.good()


@pytest.fixture
def registry():
    with HostileRegistry() as started:
        yield started


@pytest.fixture
def other():
    with HostileRegistry() as started:
        yield started


async def test_a_registry_that_is_overloaded_for_a_moment_is_asked_again(registry, tmp_path):
    digest = registry.artifact(GOOD, "latest")
    registry.in_turn(manifest_path(digest), 503, 500)
    assert (await pulled(registry.endpoint(), digest, tmp_path))[1] == hostile.RULES


async def test_a_registry_that_stays_overloaded_is_left_alone(registry, tmp_path):
    digest = registry.artifact(GOOD)
    registry.serve(manifest_path(digest), b"", 503)
    error = await refused(registry.endpoint(), digest, tmp_path)
    assert error.transient
    assert len(registry.seen) == 3


async def test_a_rate_limit_is_told_with_the_time_to_wait(registry, tmp_path):
    digest = registry.artifact(GOOD)
    registry.serve(manifest_path(digest), b"", 429, Retry_After="77")
    error = await refused(registry.endpoint(), digest, tmp_path)
    assert (error.transient, error.retry_after) == (True, 77)
    assert "too many requests" in str(error)
    assert len(registry.seen) == 1


async def test_a_rate_limit_without_a_time_is_not_tried_again_at_once(registry, tmp_path):
    digest = registry.artifact(GOOD)
    registry.serve(manifest_path(digest), b"", 429)
    error = await refused(registry.endpoint(), digest, tmp_path)
    assert (error.transient, error.retry_after) == (True, 10)
    assert len(registry.seen) == 1


@pytest.mark.parametrize(("status", "wait"), [(429, 77), (503, 77)])
async def test_a_host_to_which_a_registry_redirects_is_heard_as_well(
    registry, other, tmp_path, status, wait
):
    digest, blob = registry.artifact(GOOD), blob_path(digest_of(GOOD))
    registry.redirect(blob, f"{other.url}/elsewhere")
    other.serve("/elsewhere", b"", status, Retry_After="77")
    error = await refused(registry.endpoint(), digest, tmp_path)
    assert (error.transient, error.retry_after) == (True, wait)
    assert len(other.seen) == 1


async def test_a_rate_limit_spares_the_registry_the_rest_of_a_batch(registry, other):
    registry.serve(manifest_path("a"), b"", 429, Retry_After="77")
    digest = other.artifact(GOOD, "a")
    asked = [Lookup(registry.endpoint(), tag) for tag in ("a", "b", "c")]
    *limited, last = await looked_up([*asked, Lookup(other.endpoint(), "a")])
    assert [problem_of(answer).retry_after for answer in limited] == [77, 77, 77]
    assert last.digest == digest
    assert len(registry.seen) == 1


async def test_a_truncated_blob_is_fetched_again(registry, tmp_path):
    digest, turns = registry.artifact(GOOD), []

    def truncated_once(request):
        turns.append(request)
        promise(request, len(GOOD))
        request.wfile.write(GOOD if len(turns) > 1 else GOOD[:50])

    registry.act(blob_path(digest_of(GOOD)), truncated_once)
    assert (await pulled(registry.endpoint(), digest, tmp_path))[1] == hostile.RULES


async def test_nothing_of_a_broken_try_is_in_the_file(registry, tmp_path):
    layer, turns = hostile.packed(hostile.entry("a", random.Random(0).randbytes(5000))), []
    digest = registry.artifact(layer)

    def first_another(request):
        turns.append(request)
        promise(request, len(layer))
        request.wfile.write(layer if len(turns) > 1 else hostile.bomb(3 << 20)[:1500])

    registry.act(blob_path(digest_of(layer)), first_another)
    answer, content = await pulled(registry.endpoint(), digest, tmp_path)
    assert len(turns) == 2
    assert hashlib.sha256(content).hexdigest() == answer.sha256


async def test_a_blob_that_is_always_truncated_is_given_up(registry, tmp_path):
    digest = registry.artifact(GOOD)

    def truncated(request):
        promise(request, len(GOOD))
        request.wfile.write(GOOD[:50])

    registry.act(blob_path(digest_of(GOOD)), truncated)
    error = await refused(registry.endpoint(), digest, tmp_path)
    assert "broke off the connection" in str(error)
    assert error.transient


async def test_a_silent_registry_is_given_up(registry, tmp_path):
    digest = registry.artifact(GOOD)

    def silent(request):
        promise(request, len(GOOD))
        registry.over.wait()

    registry.act(blob_path(digest_of(GOOD)), silent)
    error = await refused(registry.endpoint(), digest, tmp_path, idle_seconds=0.1)
    assert "does not answer in time" in str(error)
    assert error.transient


async def test_a_pull_that_is_cancelled_half_way_leaves_no_process(registry, tmp_path):
    digest = registry.artifact(GOOD)

    def silent(request):
        promise(request, len(GOOD))
        request.wfile.write(GOOD[:50])
        is_answered.set()
        registry.over.wait()

    is_answered = Event()
    registry.act(blob_path(digest_of(GOOD)), silent)
    before = psutil.Process().children()
    running = asyncio.create_task(pulled(registry.endpoint(), digest, tmp_path))
    await soon(is_answered.is_set)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert psutil.Process().children() == before


@pytest.mark.parametrize("place", ["head", "body"])
async def test_a_registry_that_sends_a_byte_now_and_then_meets_the_deadline(
    registry, tmp_path, place
):
    digest = registry.artifact(GOOD)

    def dripping(request):
        if place == "body":
            promise(request, len(GOOD))
        else:
            request.wfile.write(b"HTTP/1.1 200 OK\r\nA: ")
        while not registry.over.wait(0.05):
            request.wfile.write(b"\x1f")
            request.wfile.flush()

    registry.act(blob_path(digest_of(GOOD)), dripping)
    error = await refused(registry.endpoint(), digest, tmp_path, idle_seconds=1.0, seconds=2.0)
    assert "the pull took longer than 2 s" in str(error)
    assert error.transient


async def test_a_registry_that_drips_holds_up_no_other(registry, other):
    def dripping(request):
        request.wfile.write(b"HTTP/1.1 200 OK\r\nA: ")
        while not registry.over.wait(0.05):
            request.wfile.write(b"a")

    registry.act(manifest_path("latest"), dripping)
    digest = other.artifact(GOOD, "latest")
    asked = [Lookup(registry.endpoint(), "latest"), Lookup(other.endpoint(), "latest")]
    late, in_time = await looked_up(asked, Pace(5.0, 5.0))
    assert "did not answer in time" in problem_of(late).message
    assert problem_of(late).transient
    assert in_time.digest == digest


async def test_a_look_up_that_is_too_large_fails_alone(registry, other):
    digest = other.artifact(GOOD, "latest")
    too_large = Lookup(registry.endpoint(ca="x" * (40 << 20)), "latest")
    failed, good = await looked_up([too_large, Lookup(other.endpoint(), "latest")])
    assert "the look-up needed more than 48 MiB of memory" in problem_of(failed).message
    assert good.digest == digest
