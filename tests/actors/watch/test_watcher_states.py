"""What a watcher does about streams and lists that a real API server does not send."""

import random
from typing import Any

import msgspec
import pytest

from actors.api.errors import Garbled, Gone, NotFound, Refused, Silent, Unavailable
from actors.runtime.context import Runtime
from actors.watch import watcher as module
from actors.watch.source import Event, Source
from actors.watch.store import Store
from actors.watch.watcher import Watcher
from actors.watch.watcher_states import Listing, Resuming, Waiting, Watching
from tests.actors.watch.watching import Listener, runtime
from tests.fake_clock import FakeClock


class Streams:
    """A transport that gives these chunks to each watch, or raises, and ends the stream at once."""

    def __init__(self, *chunks):
        self.chunks = chunks

    async def stream(self, path, query, silence, accept):  # noqa: ARG002
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk


def event(kind, **metadata):
    return msgspec.json.encode({"type": kind, "object": {"metadata": metadata}}) + b"\n"


def at(revision, *items):
    """A list at this revision."""
    metadata = {"resourceVersion": str(revision)}
    return msgspec.json.encode({"metadata": metadata, "items": items})


CUT_OFF = Unavailable(0, "ServerDisconnected", "")
ADDED = event("ADDED", name="one", namespace="any", resourceVersion="7", uid="uid")
TOO_OLD = b'{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n'
OVERLOAD = b'{"type":"ERROR","object":{"kind":"Status","code":429,"reason":"TooManyRequests"}}\n'


def offline(streams, clock=None):
    """A watcher that knows revision 5, as the API server does, and is fed by these streams."""
    store, listener = Store(), Listener()
    store.advance("ConfigMap", 5)
    world = Runtime(clock, random.Random(1)) if clock else runtime()
    clients: Any = (Lists(at(5)), streams)
    return Watcher(world, Source("ConfigMap"), clients, store, listener, listener)


@pytest.mark.parametrize(
    ("chunks", "then"),
    [
        ([CUT_OFF], Resuming()),
        ([ADDED, CUT_OFF], Resuming()),
        ([OVERLOAD], Resuming()),
        ([ADDED, ADDED[:20]], Resuming()),
        ([Silent(0, "SocketTimeoutError", "")], Listing()),
        ([NotFound(404, "NotFound", "")], Listing()),
        ([Refused(403, "Forbidden", "")], Listing()),
        ([Garbled(200, "NotJson", "")], Listing()),
        ([b"<html>\n<p>Sorry\n"], Listing()),
        ([b'{"type":"ADDED","object":{"metadata":5}}\n'], Listing()),
        ([b'{"type":"ERROR","object":[]}\n'], Listing()),
        ([b'{"type":"ADDED"}\n'], Listing()),
    ],
)
async def test_a_broken_stream_is_resumed_and_a_refused_one_listed_anew(chunks, then):
    state = await Watching("5").next(offline(Streams(*chunks)))
    assert isinstance(state, Waiting)
    assert state.then == then


@pytest.mark.parametrize("chunks", [[], [ADDED], [event("BOOKMARK", resourceVersion="9")]])
async def test_a_server_that_ends_each_stream_at_once_is_not_asked_without_end(chunks):
    clock = FakeClock()
    watcher = offline(Streams(*chunks), clock)
    watcher.state = Watching("5")
    ref = watcher.launch()
    await clock.advance(60.0)
    assert 2 < watcher.audience.opened < 60
    await ref.stop()


@pytest.mark.parametrize("chunks", [[Gone(410, "Gone", "")], [ADDED, TOO_OLD], [TOO_OLD]])
async def test_a_revision_that_is_too_old_means_to_list_now(chunks):
    watcher = offline(Streams(*chunks))
    watcher.failures = 20
    assert await Watching("5").next(watcher) == Listing()
    assert watcher.failures == 20


async def test_a_revision_that_is_too_old_right_after_a_list_is_not_listed_without_end():
    watcher = offline(Streams(TOO_OLD))
    assert await Watching("5").next(watcher) == Listing()
    state = await Watching("5").next(watcher)
    assert isinstance(state, Waiting)
    assert state.then == Listing()
    watcher.streams = Streams(ADDED, TOO_OLD)  # an event in between, and it is news again
    assert await Watching("5").next(watcher) == Listing()


# etcd is restored to an older state.


@pytest.mark.parametrize("newest", [5, 6])
async def test_a_watch_is_resumed_where_the_revision_still_exists(newest):
    watcher = offline(Streams())
    watcher.client = Lists(at(newest))
    assert await Resuming().next(watcher) == Watching("5")


async def test_a_watch_is_not_resumed_from_a_revision_of_the_future():
    watcher = offline(Streams())
    watcher.client = Lists(at(4))
    assert await Resuming().next(watcher) == Listing()
    assert watcher.store.restores == 1
    assert watcher.last_error == "Restored: etcd is at revision 4, 5 was seen"
    assert await Listing().next(watcher) == Watching("4")


async def test_a_kind_whose_crd_went_meanwhile_is_listed():
    watcher = offline(Streams())
    watcher.client = Lists(NotFound(404, "NotFound", ""))
    assert await Resuming().next(watcher) == Listing()


async def test_whether_the_revision_exists_is_asked_again_until_there_is_an_answer():
    watcher = offline(Streams())
    watcher.client = Lists(NO_ANSWER)
    state = await Resuming().next(watcher)
    assert isinstance(state, Waiting)
    assert state.then == Resuming()


@pytest.mark.parametrize(
    "older",
    [
        event("MODIFIED", name="one", namespace="any", resourceVersion="4"),
        event("DELETED", name="one", namespace="any", resourceVersion="4"),
        event("BOOKMARK", resourceVersion="4"),
    ],
)
async def test_an_event_that_is_older_than_its_watch_means_to_list_now(older):
    watcher = offline(Streams(older))
    assert await Watching("5").next(watcher) == Listing()
    assert watcher.store.restores == 1
    assert watcher.audience.changes == []


async def test_what_was_restored_is_told_even_at_a_revision_that_was_seen():
    watcher = offline(Streams())
    watcher.hear(msgspec.json.decode(ADDED, type=Event), 5)
    watcher.audience.changes.clear()
    metadata = {"name": "one", "namespace": "any", "uid": "uid", "resourceVersion": "7"}
    watcher.client = Lists(at(6))
    assert await Resuming().next(watcher) == Listing()
    watcher.client = Lists(at(9, {"metadata": metadata, "data": {"key": "another"}}))
    await Listing().next(watcher)
    assert watcher.audience.told == [("changed", "one")]


NO_ANSWER = Unavailable(0, "ClientConnectorError", "")
ANSWER = Unavailable(500, "InternalError", "")
OVERLOADED = [Unavailable(code, "", "a load balancer says so") for code in (429, 502, 503, 504)]


def waiting_long(**options):
    """A watcher whose waits are the longest that may be."""
    clock = FakeClock()
    watcher = offline(Streams(), clock)
    watcher.runtime = Runtime(clock, Longest())
    watcher.source = Source("ConfigMap", **options)
    return watcher


def delays(watcher, error, number):
    return [watcher.after(error, Listing()).seconds for _ in range(number)]


def test_failures_in_a_row_wait_longer_up_to_a_few_seconds():
    assert delays(waiting_long(), NO_ANSWER, 7) == [0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]
    assert delays(waiting_long(longest_wait=30.0), NO_ANSWER, 9)[5:] == [6.4, 12.8, 25.6, 30.0]
    assert delays(waiting_long(), ANSWER, 7) == [0.2, 0.4, 0.8, 1.6, 3.2, 4.0, 4.0]
    asked = Unavailable(429, "TooManyRequests", "", retry_after=45.0)
    assert delays(waiting_long(), asked, 1) == [45.0]


@pytest.mark.parametrize("error", [ANSWER, Refused(403, "Forbidden", "no roles are known yet")])
def test_once_the_server_answers_anything_the_backoff_starts_anew(error):
    watcher = waiting_long(longest_wait=30.0)
    delays(watcher, NO_ANSWER, 9)
    assert delays(watcher, error, 2) == [0.2, 0.4]


@pytest.mark.parametrize("error", OVERLOADED, ids=lambda error: str(error.code))
def test_an_answer_that_tells_of_overload_is_none(error):
    watcher = waiting_long(longest_wait=30.0)
    delays(watcher, NO_ANSWER, 9)
    assert delays(watcher, error, 1) == delays(watcher, NO_ANSWER, 1) == [30.0]


async def test_once_a_list_succeeds_after_an_outage_the_backoff_starts_anew():
    watcher = waiting_long(longest_wait=30.0)
    delays(watcher, NO_ANSWER, 9)
    watcher.client = Lists(at(9))
    assert await Listing().next(watcher) == Watching("9")
    assert delays(watcher, NO_ANSWER, 1) == [0.2]


async def test_a_steady_stream_starts_the_backoff_anew():
    watcher = waiting_long()
    delays(watcher, ANSWER, 9)
    watcher.accepted_at = watcher.runtime.clock.monotonic()
    watcher.hear(msgspec.json.decode(ADDED, type=Event), 5)
    assert delays(watcher, ANSWER, 1) == [4.0]
    await watcher.runtime.clock.advance(module._STEADY)
    watcher.hear(msgspec.json.decode(ADDED, type=Event), 5)
    assert delays(watcher, ANSWER, 1) == [0.2]


class Quiet:
    """A transport whose watches are taken, stay silent for a minute, and are cut off."""

    def __init__(self, clock):
        self._clock = clock

    async def stream(self, path, query, silence, accept):  # noqa: ARG002
        yield b""
        await self._clock.sleep(60.0)
        raise CUT_OFF


async def test_quiet_streams_that_are_cut_off_again_and_again_are_reopened_soon():
    clock = FakeClock()
    watcher = offline(Quiet(clock), clock)
    watcher.state = Watching("5")
    ref = watcher.launch()
    await clock.advance(3600.0)
    assert watcher.audience.opened == 60
    assert watcher.failures <= 1
    await ref.stop()


class Longest(random.Random):
    """Always draws the upper bound."""

    def uniform(self, low, high):  # noqa: ARG002
        return high


class Lists:
    """A client that answers to a list with this, or raises it, whoever asks."""

    def __init__(self, answer):
        self._answer = answer

    async def list_page(self, *arguments):  # noqa: ARG002
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"metadata":{},"items":[{}]}', b""])
async def test_a_list_that_is_none_is_asked_for_again_and_changes_nothing(answer):
    watcher = offline(Streams())
    watcher.client = Lists(answer)
    watcher.hear(msgspec.json.decode(ADDED, type=Event), 5)
    state = await Listing().next(watcher)
    assert isinstance(state, Waiting)
    assert state.then == Listing()
    assert len(list(watcher.store.of_kind("ConfigMap"))) == 1
    assert watcher.audience.lists == 0


async def test_a_missing_crd_is_logged_once_and_looked_for_every_few_seconds(caplog):
    watcher = offline(Streams(), clock := FakeClock())
    client: Any = Lists(NotFound(404, "NotFound", ""))
    watcher.client = client
    state: Any = Listing()
    for _ in range(2):
        state = await state.next(watcher)
        assert isinstance(state, Waiting)
        assert 2.5 <= state.seconds <= module._MISSING_WAIT
        state = state.then
    listener: Any = watcher.audience
    assert listener.missing == ["ConfigMap"] * 2
    assert caplog.text.count("the CRD of ConfigMap is missing") == 1
    client._answer = at(5)
    assert isinstance(await state.next(watcher), Watching)
    assert (listener.lists, clock.armed) == (1, [])
