"""Look-ups in one batch: each answer is there when it is known, whatever the others do."""

import socket
from contextlib import ExitStack, aclosing

import pytest
from msgspec.structs import replace

from actors.registry.client import look_up
from deploy.local.certificates import Authority
from resources.registry.request import Lookup, Pace
from tests.actors.registry import hostile_archives as hostile
from tests.actors.registry.hostile_registry import (
    HostileRegistry,
    digest_of,
    manifest_path,
    reply,
)
from tests.actors.registry.pulling import endpoint_of, looked_up, not_found, problem_of
from tests.eventually import soon

LATEST = manifest_path("latest")
BRIEF = Pace(seconds=20.0, patience=5.0)


@pytest.fixture
def good():
    """A registry that has the artifact of `GOOD`."""
    with HostileRegistry() as started:
        yield started


@pytest.fixture
def silent():
    """A registry that takes requests and answers none."""
    with HostileRegistry() as started:

        def act(_request):
            started.over.wait()

        started.act(LATEST, act)
        yield started


@pytest.fixture
def full():
    """The address of a server that takes no connections: its backlog is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        filling = [socket.socket() for _ in range(4)]
        for each in filling:
            each.setblocking(False)
            each.connect_ex(server.getsockname())
        yield f"127.0.0.1:{server.getsockname()[1]}"
        for each in filling:
            each.close()


def latest(registry, **more):
    return Lookup(registry.endpoint(), "latest", **more)


async def test_an_answer_is_there_while_another_registry_is_silent(good, silent):
    digest = good.artifact(hostile.good(), "latest")
    async with aclosing(look_up([latest(silent), latest(good)])) as answers:
        lookup, answer = await anext(answers)
        assert lookup == latest(good)
        assert answer.digest == digest
        silent.over.set()
        lookup, answer = await anext(answers)
        assert lookup == latest(silent)


async def test_a_registry_that_answers_nothing_at_the_pace_hangs(good, silent):
    digest = good.artifact(hostile.good(), "latest")
    late, in_time = await looked_up([latest(silent), latest(good)], BRIEF)
    assert in_time.digest == digest
    assert problem_of(late).hangs
    assert problem_of(late).transient
    assert "the registry did not answer in time" in problem_of(late).message


async def test_a_look_up_that_its_registry_could_not_be_asked_in_time_is_left_out(good):
    digest = good.artifact(hostile.good(), "latest")

    def act(_request):
        good.over.wait()

    good.act(manifest_path("slow"), act)
    lookups = [Lookup(good.endpoint(), tag) for tag in ("latest", "slow", "next")]
    answers = {lookup: answer async for lookup, answer in look_up(lookups, BRIEF)}
    assert {lookup.reference: answer.digest for lookup, answer in answers.items()} == {
        "latest": digest
    }


async def test_a_server_that_drops_connections_is_tried_once(full, good):
    digest = good.artifact(hostile.good(), "latest")
    hole = Lookup(endpoint_of(full, "falco/rules", plain_http=True), "latest", idle_seconds=0.5)
    lost, found = await looked_up([hole, latest(good)])
    assert found.digest == digest
    assert problem_of(lost).hangs
    assert problem_of(lost).message.endswith(f"http://{full} does not answer in time")


async def test_who_asks_a_registry_by_another_scheme_finds_it_down_for_nobody_else(
    tmp_path,
):
    authority = Authority(tmp_path)
    with HostileRegistry(authority.server("registry", ["127.0.0.1"])) as registry:
        digest = registry.artifact(hostile.good(), "latest")
        right = registry.endpoint(ca=authority.certificate.read_text())
        wrong = replace(right, plain_http=True, ca="")
        answers = await looked_up([Lookup(wrong, "latest"), Lookup(right, "latest")])
        assert [answer.digest for answer in answers] == ["", digest]


async def test_a_silent_registry_is_asked_once(silent):
    (answer,) = await looked_up([latest(silent, idle_seconds=0.2)])
    assert problem_of(answer).hangs
    await soon(lambda: silent.seen)  # which may take longer than the look-up waits
    await not_found(silent.endpoint(), "other")  # after which a second request would be there
    assert [seen.path for seen in silent.seen].count(LATEST) == 1


async def test_headers_without_end_break_no_other_look_up(good):
    digest = good.artifact(hostile.good(), "latest")

    def act(request):
        request.send_response(200)
        for number in range(90):
            request.send_header(f"X-{number}", "x" * 60_000)
        request.end_headers()

    good.act(manifest_path("large"), act)
    large, found = await looked_up([Lookup(good.endpoint(), "large"), latest(good)])
    assert "has headers of more than 65536 bytes" in problem_of(large).message
    assert found.digest == digest


async def test_if_the_child_fails_each_registry_has_one_of_its_own_within_the_same_pace(
    good, silent
):
    digest = good.artifact(hostile.good(), "latest")
    too_large = Lookup(endpoint_of("127.0.0.1:1", "falco/rules", ca="x" * (40 << 20)), "latest")
    pace = Pace(seconds=30.0, patience=2.0)
    failed, late, found = await looked_up([too_large, latest(silent), latest(good)], pace)
    assert "the look-up needed more than 48 MiB of memory" in problem_of(failed).message
    assert problem_of(failed).hangs
    assert problem_of(late).hangs
    assert found.digest == digest


async def test_authorities_that_many_trust_are_sent_once(good):
    tags = [f"v{number}" for number in range(100)]
    digest = good.artifact(hostile.good(), *tags)
    far = good.endpoint(ca="far " * 100_000)
    endpoint = good.endpoint(ca="near" * 100_000, mirrors=(far,))
    answers = await looked_up([Lookup(endpoint, tag) for tag in tags])
    assert {answer.digest for answer in answers} == {digest}


async def test_a_connection_is_used_again_however_many_registries_have_authorities(tmp_path):
    connections, tags, lookups = set(), ("a", "b", "c"), []

    def act(request):
        connections.add(request.client_address)
        reply(request, b"", Docker_Content_Digest=digest_of(b""))

    with ExitStack() as running:
        for number in range(6):
            directory = tmp_path / str(number)
            directory.mkdir()
            authority = Authority(directory)
            keys = authority.server("registry", ["127.0.0.1"])
            registry = running.enter_context(HostileRegistry(keys))
            endpoint = registry.endpoint(ca=authority.certificate.read_text())
            for tag in tags:
                registry.act(manifest_path(tag), act)
                lookups.append(Lookup(endpoint, tag))
        answers = await looked_up(lookups)
    assert {answer.digest for answer in answers} == {digest_of(b"")}
    assert len(connections) == 6
