import asyncio
import gc
import math
import random
import weakref
from functools import partial

import pytest

from actors.runtime.context import Runtime
from resources.artifact.medium import Medium
from resources.node.artifact import Trouble
from resources.node.slots import Content
from sidecar.node.fetcher import FetchFailed, ReadTooEarly
from sidecar.node.fetches import Fetches, Job
from tests.fake_clock import FakeClock

CONTENT = Content("11", "origin")
TROUBLE = Trouble("OCIArtifactStoreFailed", "no such tag")
TRANSIENT = Trouble("OCIArtifactStoreFailed", "no answer", transient=True)


class Source:
    """A source whose fetches end when the test sets their results."""

    def __init__(self):
        self.fetches = []

    def job(self, key="key", origin="origin"):
        return Job((key,), origin, self._fetch)

    def _fetch(self):
        self.fetches.append(asyncio.get_running_loop().create_future())
        return self.fetches[-1]


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def ended():
    """A list that grows with every fetch that ends."""
    return []


@pytest.fixture
def fetches(clock, ended):
    return Fetches(Runtime(clock, random.Random(1)), lambda: ended.append(None))


@pytest.fixture
def source():
    return Source()


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_source_is_fetched_once_and_its_content_stays(fetches, source, ended):
    assert fetches.advance(Medium.OCI, source.job(), None) is None
    assert fetches.is_coming
    await settle()
    source.fetches[0].set_result(CONTENT)
    await settle()
    assert len(ended) == 1
    for _ in range(2):
        assert fetches.advance(Medium.OCI, source.job(), None) == CONTENT
        await settle()
    assert len(source.fetches) == 1
    assert not fetches.is_coming
    assert fetches.due == math.inf


async def test_installed_content_of_the_same_origin_is_not_fetched(fetches, source):
    assert fetches.advance(Medium.OCI, source.job(), CONTENT) == CONTENT
    other = source.job("other", "another origin")
    assert fetches.advance(Medium.OCI, other, CONTENT) is None
    assert fetches.advance(Medium.INLINE, other, CONTENT) is None


async def test_another_job_of_the_same_origin_takes_what_was_fetched_before(fetches, source):
    fetches.advance(Medium.OCI, source.job("before"), None)
    await settle()
    source.fetches[0].set_result(CONTENT)
    await settle()
    fetches.advance(Medium.OCI, source.job("before"), None)
    assert fetches.advance(Medium.OCI, source.job("after"), None) == CONTENT


async def test_another_job_cancels_the_one_before(fetches, source, ended):
    fetches.advance(Medium.OCI, source.job("before"), None)
    await settle()
    fetches.advance(Medium.OCI, source.job("after"), None)
    await settle()
    assert source.fetches[0].cancelled()
    assert len(source.fetches) == 2
    assert ended == []


async def test_a_source_that_nobody_wants_any_more_is_forgotten(fetches, source):
    for medium in (Medium.OCI, Medium.INLINE):
        fetches.advance(medium, source.job(), None)
    await settle()
    fetches.cancel_all_but({Medium.INLINE: source.job()})
    await settle()
    assert [fetch.cancelled() for fetch in source.fetches] == [True, False]
    assert [*fetches.describe()] == [Medium.INLINE]


@pytest.mark.parametrize(
    ("failure", "least", "most"),
    [
        (FetchFailed(TRANSIENT), 0.0, 1.0),
        (FetchFailed(TRANSIENT, 20.0), 20.0, 20.0),
        (FetchFailed(TROUBLE), 60.0, 60.0),
        (FetchFailed(TROUBLE, final=True), math.inf, math.inf),
    ],
    ids=["transient", "asked to wait", "refused", "final"],
)
async def test_a_failure_is_tried_again_when_that_may_help(
    fetches, source, clock, failure, least, most
):
    fetches.advance(Medium.OCI, source.job(), None)
    await settle()
    source.fetches[0].set_exception(failure)
    await settle()
    assert fetches.advance(Medium.OCI, source.job(), None) == failure.trouble
    assert least <= fetches.due <= most
    if fetches.due < math.inf:
        await clock.advance(fetches.due)
        assert fetches.advance(Medium.OCI, source.job(), None) == failure.trouble
        assert fetches.is_coming
        await settle()
        assert len(source.fetches) == 2


async def test_what_was_read_too_early_is_no_trouble_until_that_has_lasted(fetches, source, clock):
    early = Trouble("ReferenceResolutionFailed", "forbidden", transient=True)
    for number, seconds in enumerate((1.0, 2.0, 4.0, 8.0)):
        begun = clock.monotonic()
        assert fetches.advance(Medium.CONFIG_MAP, source.job(), None) is None
        await settle()
        source.fetches[number].set_exception(ReadTooEarly(early, seconds))
        await settle()
        assert fetches.advance(Medium.CONFIG_MAP, source.job(), None) is None
        assert (fetches.is_coming, fetches.due) == (True, begun + seconds)
        await clock.advance(seconds)
    assert fetches.advance(Medium.CONFIG_MAP, source.job(), None) is None
    await settle()
    source.fetches[-1].set_exception(FetchFailed(early))
    await settle()
    assert fetches.advance(Medium.CONFIG_MAP, source.job(), None) == early
    assert not fetches.is_coming


async def test_a_bug_in_a_fetch_is_raised(fetches, source):
    fetches.advance(Medium.OCI, source.job(), None)
    await settle()
    source.fetches[0].set_exception(ZeroDivisionError())
    await settle()
    with pytest.raises(ZeroDivisionError):
        fetches.advance(Medium.OCI, source.job(), None)


class Value:
    """What a fetch works with; weakly referenced, to see when it is freed."""


async def test_a_failed_fetch_holds_nothing_that_it_worked_with(fetches, ended):
    value = Value()
    left = weakref.ref(value)

    async def fetch(_value):
        await asyncio.sleep(0)
        raise FetchFailed(TROUBLE) from OSError("the disk is full")

    gc.disable()
    try:
        fetches.advance(Medium.INLINE, Job(("key",), "origin", partial(fetch, value)), None)
        del value
        await settle()
        assert ended
        assert left() is None
    finally:
        gc.enable()
