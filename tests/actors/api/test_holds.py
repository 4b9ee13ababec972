"""Requests that are held back until the time that the API server asked for."""

from typing import Any

import pytest

from actors.api.client import Client
from actors.api.errors import HeldBack, NotFound, Refused, Unavailable
from resources.kubernetes.reference import ObjectRef
from tests.fake_clock import FakeClock

ONE, OTHER = (ObjectRef("ConfigMap", "default", name) for name in ("one", "other"))
BUSY = Unavailable(429, "TooManyRequests", "busy", retry_after=2.0)


class Answering:
    """A transport that raises these errors, one a request, and then answers."""

    def __init__(self, *errors):
        self._errors = list(errors)
        self.sent = 0

    async def request(self, *_, **options):  # noqa: ARG002
        self.sent += 1
        if self._errors:
            raise self._errors.pop(0)
        return b"{}"


def asking(*errors):
    clock = FakeClock()
    transport: Any = Answering(*errors)
    return Client(transport, clock), transport, clock


async def test_a_request_is_not_made_before_the_time_that_was_asked_for():
    client, transport, clock = asking(BUSY)
    with pytest.raises(Unavailable, match="busy"):
        await client.get(ONE)
    await clock.advance(1.5)
    with pytest.raises(HeldBack, match="busy") as held:
        await client.get(ONE)
    assert (held.value.retry_after, held.value.code) == (0.5, 429)
    assert transport.sent == 1
    await clock.advance(0.5)
    assert await client.get(ONE) == b"{}"
    assert transport.sent == 2


async def test_other_objects_other_methods_and_lists_go_on():
    client, transport, _ = asking(BUSY)
    with pytest.raises(Unavailable, match="busy"):
        await client.apply(ONE, {}, "any")
    await client.get(ONE)
    await client.apply(OTHER, {}, "any")
    await client.apply(ONE, {}, "any", "status")
    await client.list_page("ConfigMap", "default", {})
    with pytest.raises(HeldBack):
        await client.json_patch(ONE, [], "any")
    assert transport.sent == 5


@pytest.mark.parametrize(
    "error",
    [
        Unavailable(503, "ServiceUnavailable", ""),
        NotFound(404, "NotFound", ""),
        Refused(403, "Forbidden", ""),
    ],
)
async def test_no_other_error_holds_a_request_back(error):
    client, _, _ = asking(error)
    with pytest.raises(type(error)):
        await client.get(ONE)
    assert await client.get(ONE) == b"{}"


async def test_only_requests_that_are_held_back_now_are_remembered():
    client, _, clock = asking(BUSY, BUSY)
    for ref in (ONE, OTHER):
        with pytest.raises(Unavailable, match="busy"):
            await client.get(ref)
        await clock.advance(2)
    assert len(client._holds._holds) == 1
